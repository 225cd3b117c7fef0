"""The page of entrances and the traffic map: what of an address they take, and where their numbers lead."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from django.test import RequestFactory

from shuke.console import cohort_view, map_view
from shuke.console.pages import entrances
from shuke.traffic import reads as traffic

pytestmark = pytest.mark.row("T4")


@pytest.mark.parametrize("text", ["item.²", "item.", "item.0", "item.9", ".2", "item.１"])
def test_map__an_opened_step_that_is_none__is_passed_over(text):
    assert map_view.opened_asked(RequestFactory().get("/", {"open": text})) is None


def test_map__an_opened_step__is_read():
    assert map_view.opened_asked(RequestFactory().get("/", {"open": "item.2"})) == ("item", 2)


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


@pytest.mark.parametrize(
    ("asked", "against", "has_custom"),
    [("", ("before",), False), ("last_week", ("last_week",), False), ("custom", ("custom",), True)],
)
def test_entrances__compared__with_the_one_that_is_drawn_other_days_too(asked, against, has_custom):
    query = {
        "range": "custom",
        "from": "2026-03-02",
        "to": "2026-03-03",
        "vs_from": "2026-02-02",
        "vs_to": "2026-02-03",
    }
    request = RequestFactory().get("/", query | ({"against": [asked, "custom"]} if asked else {}))
    request.access = SimpleNamespace(shop=SimpleNamespace(slug="linen", zone=ZoneInfo("Asia/Shanghai")))
    state = entrances._state(request, datetime(2026, 3, 9, tzinfo=UTC))
    assert state.against == against
    assert (state.custom is not None and state.custom.start == date(2026, 2, 2)) == has_custom
