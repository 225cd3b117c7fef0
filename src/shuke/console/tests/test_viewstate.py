"""A link is a view: the address is read into a range, comparisons and filters; nonsense is said, never an error."""

from __future__ import annotations

from datetime import date

import pytest
from django.test import RequestFactory
from django.utils.translation import override

from shuke.conditions.reads import All, Compare, Op
from shuke.console.viewstate import against_words, read_view
from shuke.kernel.periods import Period

TODAY = date(2026, 11, 22)


def _view(query: str):
    with override("en"):
        return read_view(RequestFactory().get("/" + query), None, TODAY)


@pytest.mark.parametrize(
    ("query", "start", "end"),
    [
        ("", "2026-11-22", "2026-11-23"),
        ("?range=yesterday", "2026-11-21", "2026-11-22"),
        ("?range=last7", "2026-11-15", "2026-11-22"),
        ("?range=last30", "2026-10-23", "2026-11-22"),
        ("?range=month", "2026-11-01", "2026-11-23"),
        ("?range=custom&from=2026-11-01&to=2026-11-03", "2026-11-01", "2026-11-04"),
    ],
)
def test_view__range__is_half_open(query, start, end) -> None:
    assert _view(query).period == Period(date.fromisoformat(start), date.fromisoformat(end))


@pytest.mark.parametrize(
    "query",
    [
        "?range=ever",
        "?range=custom&from=2026-11-03&to=2026-11-01",
        "?range=custom&from=yesterday",
        "?range=custom&from=1900-01-01&to=1900-01-02",
        "?range=custom&from=2020-01-01&to=2026-01-01",
        "?against=custom&vs_from=x&vs_to=y",
        "?channel=no_such_channel",
    ],
)
def test_view__nonsense__is_said_and_replaced(query) -> None:
    view = _view(query)
    assert view.problems
    assert view.period == Period.of_day(TODAY)
    assert view.condition is None


@pytest.mark.parametrize(
    ("query", "against"),
    [
        ("", ("yesterday", "last_week")),
        ("?range=last7", ("before",)),
        ("?range=yesterday", ("before", "last_week")),
        ("?against=", ()),
        ("?against=last_week&against=yesterday&against=before", ("yesterday", "before")),
        ("?against=custom&vs_from=2025-11-22&vs_to=2025-11-22", ("custom",)),
    ],
)
def test_view__comparisons__at_most_two(query, against) -> None:
    assert _view(query).against == against


def test_view__today__is_against_yesterday_at_this_time() -> None:
    with override("en"):
        assert against_words(_view(""), "yesterday") == "yesterday at this time"
        assert against_words(_view("?range=last7"), "before") == "the 7 days before"


def test_view__filters__make_a_condition() -> None:
    one = _view("?is_paid=yes")
    assert one.condition == Compare("is_paid", Op.EQ, True)
    two = _view("?is_paid=no&campaign=-")
    assert two.condition == All((Compare("is_paid", Op.EQ, False), Compare("campaign", Op.IS_UNKNOWN, None)))
    assert [one.words for one in two.filters] == ["No", "unknown"]
