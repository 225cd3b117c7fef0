"""Figures, comparisons and the split of the amount: pure, by tables and laws."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from shuke.kernel.errors import Invalid
from shuke.kernel.periods import Period
from shuke.shops.reads import ShopView
from shuke.traffic import decisions
from shuke.traffic.metrics import METRICS, metric

pytestmark = pytest.mark.row("T2")
SPLITS = yaml.safe_load((Path(__file__).parent / "split.cases.yaml").read_text(encoding="utf-8"))
DAY = date(2026, 3, 29)
BERLIN = ShopView(1, "b", "b", ZoneInfo("Europe/Berlin"), "EUR", "", ())


def _measures(values) -> dict[str, int]:
    return dict(zip(("visitors", "buyers", "paid_minor"), values, strict=True))


@pytest.mark.parametrize("case", SPLITS, ids=lambda case: case["case"])
def test_split__worked_case__as_written(case):
    split = decisions.split_amount(_measures(case["now"]), _measures(case["then"]))
    assert [split.visitors_minor, split.conversion_minor, split.value_minor] == case["parts"]
    assert split.total_minor == case["now"][2] - case["then"][2]
    assert (split.reason.code if split.reason else None) == case.get("reason")


_SIDE = st.tuples(st.integers(0, 10**7), st.integers(0, 10**6), st.integers(0, 10**13))


@given(_SIDE, _SIDE)
def test_split__any_two_sides__adds_up_or_says_why_not(now, then):
    split = decisions.split_amount(_measures(now), _measures(then))
    parts = [split.visitors_minor, split.conversion_minor, split.value_minor]
    if None in parts:
        assert parts == [None, None, None]
        assert split.reason.text()
    else:
        assert sum(parts) == split.total_minor == now[2] - then[2]


@given(st.tuples(*[st.integers(1, 10**6)] * 3), st.tuples(*[st.integers(1, 10**6)] * 3))
def test_split__exchanged_sides__same_parts_with_the_other_sign(now, then):
    there, back = (decisions.split_amount(_measures(a), _measures(b)) for a, b in ((now, then), (then, now)))
    for name in ("visitors_minor", "conversion_minor", "value_minor"):
        assert abs(getattr(there, name) + getattr(back, name)) <= 1


@pytest.mark.parametrize(
    ("id", "measures", "value"),
    [
        ("conversion", {"buyers": 1, "visitors": 3}, Decimal("0.333333")),
        ("bounce_page", {"item_exits": 2, "item_views": 3}, Decimal("0.666667")),
        ("value_per_buyer", {"paid_minor": 5, "buyers": 2}, 3),
        ("value_per_buyer", {"paid_minor": -5, "buyers": 2}, -3),
        ("value_per_order", {"paid_minor": 100, "orders": 3}, 33),
        ("units", {"units": Decimal("2.500"), "orders": 1, "sales_with_units": 1}, Decimal("2.5")),
        ("units", {"units": Decimal("3.000"), "orders": 2, "sales_with_units": 1}, 3),
        ("units", {"units": 0, "orders": 0, "sales_with_units": 0}, 0),
        ("pv", {"views": 0}, 0),
    ],
)
def test_figure__of_measures__rounded_as_its_unit_says(id, measures, value):
    figure = decisions.figure(metric(id), measures)
    assert (figure.value, figure.reason) == (value, None)
    assert type(figure.value) is type(value)


def test_figure__fraction_of_days__exact_until_rounded():
    mean = metric("views_per_visitor", 2)
    shares = {"daily_views_per_visitor": Fraction(1, 3) + Fraction(1, 3), "days_with_visitors": 2}
    assert decisions.figure(mean, shares).value == Decimal("0.333333")


def test_figure__measure_that_visits_do_not_tell__reason():
    assert decisions.figure(metric("units"), {}).reason is decisions.NOT_BY_VISIT


def test_figure__orders_none_of_which_states_units__reason_and_no_zero():
    figure = decisions.figure(metric("units"), {"units": 0, "orders": 2, "sales_with_units": 0})
    assert (figure.value, figure.reason) == (None, decisions.NO_UNITS)


def test_change__from_zero_or_not_computable__none():
    one = metric("pv")
    figures = [decisions.figure(one, {"views": n}) for n in (0, 4, 5)]
    assert decisions.relative_change(figures[2], figures[1]) == Decimal("0.25")
    assert decisions.relative_change(figures[1], figures[0]) is None
    assert decisions.relative_change(figures[0], figures[1]) == Decimal("-1")
    unknown = decisions.figure(metric("conversion"), {"buyers": 0, "visitors": 0})
    assert decisions.relative_change(figures[1], unknown) is None


def test_compared_until__day_of_the_change_of_clocks__same_time_on_the_clock():
    at = datetime(2026, 3, 29, 12, 0, tzinfo=UTC)  # 14:00 in Berlin, on the day that lost an hour
    before = decisions.compared_until(BERLIN, Period.of_day(DAY), Period.of_day(date(2026, 3, 28)), at)
    assert before == datetime(2026, 3, 28, 13, 0, tzinfo=UTC)


def test_compared_until__running_month__same_day_and_time_of_the_other():
    at = datetime(2026, 3, 10, 8, 0, tzinfo=UTC)
    month = Period(date(2026, 3, 1), date(2026, 4, 1))
    assert decisions.compared_until(BERLIN, month, month.before(), at) == datetime(
        2026, 2, 7, 8, 0, tzinfo=UTC
    )
    assert decisions.compared_until(BERLIN, month, Period.of_day(date(2026, 2, 1)), at) is None
    over = Period(date(2026, 2, 1), date(2026, 3, 1))
    assert decisions.compared_until(BERLIN, over, over.before(), at) is None


def test_compared_period__each_name__its_days():
    day, week = Period.of_day(DAY), Period(date(2026, 3, 23), date(2026, 3, 30))
    assert decisions.compared_period("yesterday", day, None) == Period.of_day(date(2026, 3, 28))
    assert decisions.compared_period("last_week", day, None) == Period.of_day(date(2026, 3, 22))
    assert decisions.compared_period("before", week, None) == Period(date(2026, 3, 16), date(2026, 3, 23))
    assert decisions.compared_period("custom", week, day) == day
    for name in ("custom", "tomorrow"):
        with pytest.raises(Invalid):
            decisions.compared_period(name, week, None)


def test_hours__of_days_with_23_and_25__elapsed_hours():
    from shuke.kernel.periods import bounds

    for day, count in ((DAY, 23), (date(2026, 10, 25), 25), (date(2026, 5, 1), 24)):
        hours = decisions.hours_of(Period.of_day(day), *bounds(Period.of_day(day), BERLIN.zone))
        assert len(hours) == count
        assert hours[0].astimezone(BERLIN.zone).hour == 0


def test_reasons__each_denominator__has_words():
    needed = {one.denominator for one in METRICS if one.denominator}
    assert needed <= set(decisions.NOTHING_TO_DIVIDE_BY)


@pytest.mark.parametrize(
    ("cases", "of", "low", "high"),
    # Newcombe 1998, Statistics in Medicine 17, table I, method 3.
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (0, 10, 0.0, 0.2775),
    ],
)
def test_wilson__published_examples__to_four_places(cases, of, low, high):
    assert decisions.wilson(cases, of) == pytest.approx((low, high), abs=5e-5)
