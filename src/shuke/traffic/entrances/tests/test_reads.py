"""Entrances of a shop in a warehouse, held to plain Python; under conditions, compared, and the exits of item pages."""

from __future__ import annotations

import importlib
from collections import Counter
from datetime import timedelta

import pytest

from shuke.conditions.reads import parse
from shuke.kernel.errors import Invalid
from shuke.kernel.periods import Period
from shuke.records.actor import Actor
from shuke.rulebook import actions as rulebook
from shuke.traffic.derived import visit_rules
from shuke.traffic.tests import oracle as visit_oracle
from shuke.traffic.tests.drawn import AT, FIRST, LAST
from shuke.warehouse import actions

reading = importlib.import_module("shuke.traffic.reads.entrances")
pytestmark = pytest.mark.django_db(transaction=True)
PERIOD = Period.inclusive(FIRST, LAST)


def _condition(field, value):
    return parse({"v": 1, "all": [{"field": field, "op": "eq", "value": value}]}, "visit")


def expected(life, by, keep=lambda visit: True):
    found: dict[tuple, Counter] = {}
    for visit in visit_oracle.visits(life.events, visit_rules(life.shop, PERIOD)):
        if not visit["views"] or not keep(visit):
            continue
        key = (visit["entry_type"], visit["entry_path"] if by == "page" else None)
        sums = found.setdefault(key, Counter())
        sums["viewed_visits"] += 1
        sums["one_view_visits"] += visit["views"] == 1
        sums["measured_visits"] += visit["views"] >= 2
        sums["ordered_visits"] += visit["orders"] > 0
        for name in ("stay_seconds", "orders", "revenue_minor"):
            sums[name] += visit[name]
    return found


@pytest.mark.row("T4")
def test_entrances__drawn_shop__sums_figures_and_advice_as_counted_by_hand(life):
    for sealed in (False, True):
        if sealed:
            actions.seal(life.shop)
        for by in ("page", "type"):
            found = reading.entrances(shop=life.shop, period=PERIOD, by=by, at=AT)
            assert {(row.page_type, row.path): Counter(row.sums) for row in found.rows} == expected(life, by)
    whole = sum((Counter(sums) for sums in expected(life, "page").values()), Counter())
    figures = {figure.metric.id: figure for figure in found.total.figures}
    assert figures["visits"].value == whole["viewed_visits"]
    bounce = figures["bounce_entrance"]
    assert (bounce.numerator, bounce.denominator) == (whole["one_view_visits"], whole["viewed_visits"])
    assert figures["entrance_order_rate"].numerator == whole["ordered_visits"]
    for field, value, keep in (
        ("channel", "direct", lambda v: v["channel"] == "direct"),
        ("is_paid", True, lambda v: v["is_paid"]),
    ):
        part = reading.entrances(shop=life.shop, period=PERIOD, condition=_condition(field, value), at=AT)
        assert {(r.page_type, r.path): Counter(r.sums) for r in part.rows} == expected(life, "page", keep)


@pytest.mark.row("T4")
def test_entrances__threshold_of_the_shops_own__judged_by_it_from_its_day_on(life):
    few = reading.entrances(shop=life.shop, period=PERIOD, at=AT)
    assert {row.advice.code for row in few.rows} == {"too_few"}
    assert (few.median, few.judged) == (None, 0)
    rulebook.change_rule(
        shop=life.shop,
        rule_id="common.entrances.least_visits",
        since=PERIOD.last,
        value=5,
        actor=Actor.system("test"),
        at=AT - timedelta(days=5),
    )
    found = reading.entrances(shop=life.shop, period=PERIOD, at=AT)
    shares = sorted(
        row.sums["one_view_visits"] / row.sums["viewed_visits"]
        for row in found.rows
        if row.sums["viewed_visits"] >= 5
    )
    middle = (shares[(len(shares) - 1) // 2] + shares[len(shares) // 2]) / 2
    assert (float(found.median), found.judged) == (pytest.approx(middle), len(shares))
    assert found.limits.least_visits == 5
    assert {row.advice.code for row in found.rows} - {"too_few"}
    # Under a filter the visits shown are weighed against the shop, not against themselves.
    part = reading.entrances(shop=life.shop, period=PERIOD, condition=_condition("is_paid", True), at=AT)
    assert (part.median, part.judged) == (found.median, found.judged)
    shares = {row.path: row.sums["viewed_visits"] for row in part.rows}
    assert sum(shares.values()) == part.total.sums["viewed_visits"] < found.total.sums["viewed_visits"]


def test_entrances__compared__the_other_periods_sums_beside(life):
    half = Period(PERIOD.start, PERIOD.end).before()
    second = Period.inclusive(PERIOD.start, PERIOD.last)
    found = reading.entrances(shop=life.shop, period=second, against="before", at=AT)
    assert found.against_period == half
    assert all(row.then["viewed_visits"] == 0 for row in found.rows)
    assert found.rows[0].against[0].value == 0


def test_entrances__that_lost_all_their_visits__are_there_with_nothing(life):
    days = Period(PERIOD.end, PERIOD.end + timedelta(days=1))
    before = {
        (row.page_type, row.path): row.sums
        for row in reading.entrances(shop=life.shop, period=PERIOD, at=AT).rows
    }
    found = reading.entrances(
        shop=life.shop, period=days, against="custom", custom=PERIOD, at=AT + timedelta(days=9)
    )
    assert found.against_period == PERIOD
    assert {(row.page_type, row.path) for row in found.rows} >= before.keys()
    gone = [row for row in found.rows if not row.sums["viewed_visits"]]
    assert gone
    assert [row.then["viewed_visits"] for row in gone] == sorted(
        (before[row.page_type, row.path]["viewed_visits"] for row in gone), reverse=True
    )
    assert {
        figure.value for row in gone for figure in row.figures if figure.metric.id == "bounce_entrance"
    } == {None}
    assert {row.advice.code for row in gone} == {"too_few"}


def test_entrances__unknown_grouping_or_comparison__refused(life):
    for fields in ({"by": "color"}, {"against": "tomorrow"}):
        with pytest.raises(Invalid):
            reading.entrances(shop=life.shop, period=PERIOD, at=AT, **fields)


@pytest.mark.row("T4")
def test_item_exits__drawn_shop__views_after_which_nothing_was_opened(life):
    visits = visit_oracle.visits(life.events, visit_rules(life.shop, PERIOD))
    exits = Counter(visit["exit_path"] for visit in visits if visit["exit_type"] == "item")
    views = Counter(e["page_path"] for e in life.events if e["type"] == "page" and e["page_type"] == "item")
    found = reading.item_exits(shop=life.shop, period=PERIOD, paths=["/item/1", "/item/2", "/none"])
    assert {path: (f.numerator, f.denominator) for path, f in found.items()} == {
        path: (exits[path], views[path]) for path in ("/item/1", "/item/2")
    }
    paid = [visit for visit in visits if visit["is_paid"]]
    part = reading.item_exits(
        shop=life.shop, period=PERIOD, paths=["/item/1"], condition=_condition("is_paid", True)
    )
    assert (
        part["/item/1"].numerator == sum(visit["exit_path"] == "/item/1" for visit in paid) < exits["/item/1"]
    )
