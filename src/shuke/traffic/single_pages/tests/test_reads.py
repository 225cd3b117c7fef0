"""Pages over a warehouse: equal to plain Python, also sealed and under a filter; clicks in their cells; known pages."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from shuke.conditions.reads import parse
from shuke.kernel.errors import Invalid
from shuke.kernel.periods import ONE_DAY, Period
from shuke.traffic import decisions, distinct
from shuke.traffic.derived import visit_rules
from shuke.traffic.single_pages import reads, whole
from shuke.traffic.single_pages.tests import oracle
from shuke.traffic.tests import oracle as visits_oracle
from shuke.traffic.tests import trails_oracle
from shuke.traffic.tests.drawn import AT, FIRST, LAST
from shuke.warehouse import actions as warehouse
from shuke.warehouse.reads import LaidOut

pytestmark = [pytest.mark.django_db, pytest.mark.row("T5")]
PERIOD = Period.inclusive(FIRST, LAST)
UNTIL = AT.replace(tzinfo=None)
# Pages of visits (number, size): within a day, over its end, the last ones, and beyond them.
CUTS = [(1, 3), (2, 3), (1, 8), (2, 8), (5, 8), (2, 40), (1, 1000), (99, 50)]


def trail_of(shop, life, keep=lambda visit: True):
    rules = visit_rules(shop, PERIOD)
    events = [one for one in life.events if one["at"] < UNTIL]
    kept = {one["visit_id"] for one in visits_oracle.visits(events, rules) if keep(one)}
    return [one for one in trails_oracle.trails(events, rules) if one["visit_id"] in kept]


def check(found, trail):
    pages, entries = oracle.pages(trail), oracle.entries(trail)
    seen = {row.path: row for row in found.rows if row.figures[0].value}
    assert seen.keys() == pages.keys()
    for path, row in seen.items():
        one = pages[path]
        told = {
            f.metric.id: (f.value if f.metric.unit == "count" else f.numerator, f.denominator)
            for f in row.figures
        }
        assert told == {
            "page_views": (one["views"], None),
            "page_visits": (one["visits"], None),
            "page_visitors": (one["visitors"], None),
            "page_stay": (one["stay_seconds"], one["measured"] or None),
            "page_entries": (entries[path], None),
            "page_exits": (one["exits"], None),
            "page_exit_share": (one["exits"], one["visits"]),
            "page_bounce": (one["exits"], one["views"]),
        }


def test_pages__open_and_sealed__equal_plain_python(shop, life):
    trail = trail_of(shop, life)
    asked = {"shop": shop, "period": PERIOD, "at": AT}
    check(reads.page_list(**asked), trail)
    warehouse.seal(shop)
    found = reads.page_list(**asked, planned=["/never"])
    check(found, trail)
    assert found.rows[-1].path == "/never"
    assert found.rows[-1].heat == "cold"
    assert found.rows[0].heat == "hot"
    assert found.until == AT
    of_cart = reads.page_bounce(**asked, path="/cart")
    assert of_cart == next(row.figures[7] for row in found.rows if row.path == "/cart")
    paid = parse({"v": 1, "all": [{"field": "is_paid", "op": "eq", "value": True}]}, "visit")
    part = reads.page_list(**asked, condition=paid, planned=["/never"])
    check(part, trail_of(shop, life, lambda visit: visit["is_paid"]))
    assert {row.heat for row in part.rows} == {""}  # what these visits did not view others may have
    assert (part.is_judged, part.rows[-1].path != "/never") == (False, True)
    ways = oracle.ways(trail)
    report = reads.page_report(**asked, path="/cart")
    assert {one.path: one.count for one in report.went_to} == {
        to: n for (at, to), n in ways.items() if at == "/cart"
    }
    came = {at: n for (at, to), n in ways.items() if to == "/cart"} | {None: oracle.entries(trail)["/cart"]}
    assert {one.path: one.count for one in report.came_from} == came
    assert (
        sum(one.figures[0].value for one in report.days) == report.row.figures[0].value == sum(came.values())
    )
    assert sum(one.count for one in report.channels) == came[None]
    assert len(report.days) == PERIOD.length
    visits = reads.page_visits(**asked, path="/cart", size=1000)
    assert {row["visit_id"] for row in visits.rows} == {
        row["visit_id"] for row in trail if row["is_view"] and row["page_path"] == "/cart"
    }
    assert visits.count == report.row.figures[1].value
    assert tuple(reads.every_page_visit(**asked, path="/cart")) == visits.rows
    of_paid = reads.page_visits(**asked, path="/cart", condition=paid, size=1000)
    assert tuple(reads.every_page_visit(**asked, path="/cart", condition=paid)) == of_paid.rows


@pytest.mark.parametrize("against", ["yesterday", "custom"])
def test_pages__against_another_period__both_equal_plain_python_cut_alike(shop, life, monkeypatch, against):
    """The last day still runs: the day before is taken until the same minute; other days as they are."""
    warehouse.seal(shop, [FIRST])
    period, custom = Period.of_day(LAST), Period(FIRST, LAST) if against == "custom" else None
    other, cut = decisions.compared(shop, period, against, custom, AT)
    until = None if cut is None else cut.replace(tzinfo=None)
    rules = visit_rules(shop, PERIOD)
    events = [one for one in life.events if until is None or one["at"] < until]
    old = [row for row in trails_oracle.trails(events, rules) if row["local_day"] in other]
    paid = {one["visit_id"] for one in visits_oracle.visits(events, rules) if one["is_paid"]}
    condition = parse({"v": 1, "all": [{"field": "is_paid", "op": "eq", "value": True}]}, "visit")
    asked = {"shop": shop, "period": period, "at": AT}
    compared = asked | {"against": against, "custom": custom}
    for given, trail in (({}, old), ({"condition": condition}, [r for r in old if r["visit_id"] in paid])):
        now, found = reads.page_list(**asked, **given), reads.page_list(**compared, **given)
        assert [replace(row, then=()) for row in found.rows][: len(now.rows)] == list(now.rows)
        assert {row.path for row in found.rows} >= oracle.pages(trail).keys()
        check(replace(found, rows=tuple(replace(row, figures=row.then) for row in found.rows)), trail)
        one = reads.page_report(**compared, **given, path="/cart")
        assert one.row.then == next(row.then for row in found.rows if row.path == "/cart")
        assert one.row.figures == reads.page_report(**asked, **given, path="/cart").row.figures
    whole_list = reads.page_list(**compared)
    monkeypatch.setattr(distinct, "FEWEST_ROWS", 0)
    assert reads.page_list(**compared) == whole_list


@pytest.mark.parametrize("period", [PERIOD, Period.of_day(LAST)])
def test_pages__of_all_visits__from_sums_from_arrays_and_from_trails_the_same(
    shop, life, monkeypatch, period
):
    """The last day still runs. Days that were sealed before there were sums of pages are answered from trails."""
    warehouse.seal(shop, [FIRST])
    asked = {"shop": shop, "period": period, "at": AT}

    def found() -> list:
        return [
            reads.page_list(**asked),
            *(reads.page_report(**asked, path=p) for p in ("/cart", "/", "", "/no")),
            *(reads.page_visits(**asked, path="/cart", page=n, size=most) for n, most in CUTS),
            reads.page_visits(**asked, path="/no"),
        ]

    from_sums = found()
    monkeypatch.setattr(distinct, "FEWEST_ROWS", 0)
    assert found() == from_sums
    monkeypatch.setattr(whole, "one_page", lambda *args: pytest.fail("from sums"))
    monkeypatch.setattr(whole, "visits_by_day", lambda *args: pytest.fail("from sums"))
    monkeypatch.setattr(whole, "pages", lambda *args: pytest.fail("from sums"))
    monkeypatch.setattr(LaidOut, "lacks", lambda laid, kind: kind == "page_days")
    assert found() == from_sums
    assert from_sums[1].row.figures[2].value > 0
    shown = [one.rows[0] for one in from_sums if isinstance(one, reads.PageVisits) and one.rows]
    assert len({row["started_at"].date() for row in shown}) >= min(3, period.length)


def test_known_pages__not_viewed_any_more__are_cold(shop, life):
    last = Period.inclusive(LAST, LAST)
    later = AT + ONE_DAY * 3
    found = reads.page_list(shop=shop, period=Period(last.end, last.end + ONE_DAY), at=later)
    assert {row.path for row in found.rows} == {"/", "/item/1", "/item/2", "/cart"}
    assert {row.figures[0].value for row in found.rows} == {0}
    assert not found.is_judged
    stay = found.rows[0].figures[3]
    assert (stay.value, stay.reason.code) == (None, "no_view_followed")


@pytest.mark.parametrize("terminal", [None, "mobile"])
def test_clicks__in_their_cells__equal_plain_python(shop, life, terminal):
    heat = reads.click_heat(shop=shop, path="/item/1", period=PERIOD, terminal=terminal, at=AT)
    events = [one for one in life.events if one["at"] < UNTIL]
    expected = oracle.clicks(events, "/item/1", terminal)
    assert heat.cells == dict(expected)
    assert heat.clicks.value == sum(expected.values()) == sum(one.clicks for one in heat.elements) > 10
    assert {one.label for one in heat.elements} == {"加入购物车", 'the "best"', ""}
    assert (heat.width, 2000 <= heat.height <= 2200) == (1280, True)
    assert 0 < heat.visitors <= heat.clicks.value
    assert Counter(one.kind for one in heat.elements) == {"marked": 2, "outbound": 1}


def test_page__that_nobody_viewed_or_that_can_not_be__has_zeros_or_is_refused(shop, warehouse_home):
    report = reads.page_report(shop=shop, path="/none", period=PERIOD, at=AT)
    assert [one.value for one in report.row.figures] == [0, 0, 0, None, 0, 0, None, None]
    assert report.came_from == report.went_to == report.channels == ()
    heat = reads.click_heat(shop=shop, path="/none", period=PERIOD, at=AT)
    assert (heat.cells, heat.width) == ({}, None)
    with pytest.raises(Invalid):
        reads.page_report(shop=shop, path="/" + "x" * 2000, period=PERIOD, at=AT)
