"""The page of entrances and the traffic map: what of an address they take, and where their numbers lead."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace

import pytest
from django.test import RequestFactory

from shuke.console import cohort_view
from shuke.console.pages import entrances, traffic_map
from shuke.traffic import reads as traffic

pytestmark = pytest.mark.row("T4")


@pytest.mark.parametrize("text", ["item.²", "item.", "item.0", "item.9", ".2", "item.１"])
def test_map__an_opened_step_that_is_none__is_passed_over(text):
    assert traffic_map._opened(RequestFactory().get("/", {"open": text})) is None


def test_map__an_opened_step__is_read():
    assert traffic_map._opened(RequestFactory().get("/", {"open": "item.2"})) == ("item", 2)


@pytest.mark.parametrize("text", ["1e999999", "1e-999999", "much", "NaN"])
def test_cohorts__an_amount_beyond_all_numbers__is_left_for_the_validator_to_refuse(text):
    field = SimpleNamespace(kind=cohort_view.Kind.MONEY)
    assert cohort_view._typed(field, text, SimpleNamespace(currency="CNY")) == text


def test_total__of_entrances__leads_nowhere_since_no_list_holds_its_visits():
    request = RequestFactory().get("/", {"channel": "direct"})
    request.access = SimpleNamespace(shop=SimpleNamespace(slug="linen"))
    figure = traffic.Figure(traffic.metric("visits"), Decimal(240), None, 240)
    assert entrances._behind(request, None, figure) == ""
    row = SimpleNamespace(page_type="item", path="/item/1")
    assert "entry_path=%2Fitem%2F1" in entrances._behind(request, row, figure)
