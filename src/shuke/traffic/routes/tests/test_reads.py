"""Planned against real over a warehouse: equal to plain Python, also sealed, under filters, and by the visits behind it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from shuke.conditions.reads import parse
from shuke.kernel.errors import Invalid
from shuke.kernel.periods import Period
from shuke.traffic import decisions
from shuke.traffic.derived import visit_rules
from shuke.traffic.routes import reads
from shuke.traffic.routes.decisions import read_steps
from shuke.traffic.routes.tests import oracle
from shuke.traffic.routes.tests.conftest import PERIOD, STEPS
from shuke.traffic.tests import oracle as visits_oracle
from shuke.traffic.tests import trails_oracle
from shuke.traffic.tests.drawn import AT, FIRST, LAST
from shuke.warehouse import actions as warehouse

pytestmark = [pytest.mark.django_db, pytest.mark.row("T5")]
WAY = read_steps(STEPS)


def told(shop, life, keep=lambda visit: True):
    """(visits, depth and where to of each visit that was kept) by plain Python."""
    rules = visit_rules(shop, PERIOD)
    until = AT.replace(tzinfo=None)
    events = [one for one in life.events if one["at"] < until]
    kept = {one["visit_id"] for one in visits_oracle.visits(events, rules) if keep(one)}
    trail = [one for one in trails_oracle.trails(events, rules) if one["visit_id"] in kept]
    ends = {visit: oracle.end(rows, WAY) for (_shop, visit), rows in oracle.by_visit(trail).items()}
    return kept, ends


def check(report, kept, ends):
    assert report.visits == len(kept)
    for one in report.steps:
        assert one.entered.value == sum(depth >= one.number for depth, _to in ends.values())
    for one in report.steps[:-1]:
        leaks = Counter(to and to["page_path"] for depth, to in ends.values() if depth == one.number)
        assert {leak.path: leak.visits for leak in one.leaks} == leaks
        assert one.left == sum(leaks.values())


def test_report__open_and_sealed__equals_plain_python(shop, life):
    kept, ends = told(shop, life)
    asked = {"shop": shop, "steps": WAY, "period": PERIOD, "at": AT}
    check(reads.route_report(**asked), kept, ends)
    warehouse.seal(shop)
    report = reads.route_report(**asked)
    check(report, kept, ends)
    assert report.until == AT
    first, item, cart, order = report.steps
    assert first.verdict == "unplanned"
    assert item.verdict == "below"
    assert item.missing == round(0.9 * first.entered.value - item.entered.value) > 0
    assert report.worst in (1, 2)
    assert order.left is None
    assert order.leaks == ()
    assert cart.kept.denominator == item.entered.value
    paid = parse({"v": 1, "all": [{"field": "is_paid", "op": "eq", "value": True}]}, "visit")
    check(reads.route_report(**asked, condition=paid), *told(shop, life, lambda visit: visit["is_paid"]))
    for number, found in report.pages.items():
        assert sum(one.entered for one in found) == report.steps[number - 1].entered.value
        assert sum(one.went_on for one in found) == report.steps[number].entered.value


@pytest.mark.parametrize("against", ["yesterday", "custom"])
def test_report__against_another_period__both_equal_plain_python_cut_alike(shop, life, against):
    warehouse.seal(shop)
    period, custom = Period.of_day(LAST), Period(FIRST, LAST) if against == "custom" else None
    other, cut = decisions.compared(shop, period, against, custom, AT)
    until = AT if cut is None else cut
    events = [one for one in life.events if one["at"] < until.replace(tzinfo=None)]
    old = [
        row for row in trails_oracle.trails(events, visit_rules(shop, PERIOD)) if row["local_day"] in other
    ]
    depths = [oracle.end(rows, WAY)[0] for rows in oracle.by_visit(old).values()]
    asked = {"shop": shop, "steps": WAY, "period": period, "at": AT}
    found = reads.route_report(**asked, against=against, custom=custom)
    assert found.against_period == other
    assert replace(
        found, against_period=None, steps=tuple(replace(one, then=None) for one in found.steps)
    ) == (reads.route_report(**asked))
    for one in found.steps:
        entered, kept = one.then
        assert entered.value == sum(depth >= one.number for depth in depths)
        if one.number > 1:
            assert kept.numerator == entered.value
            assert (kept.denominator or 0) == found.steps[one.number - 2].then[0].value


def test_visits__behind_a_number__are_as_many_as_it_says(shop, life):
    _kept, ends = told(shop, life)
    asked = {"shop": shop, "steps": WAY, "period": PERIOD, "at": AT, "size": 1000}
    found = reads.route_visits(**asked, step=2)
    assert {row["visit_id"] for row in found.rows} == {v for v, (depth, _to) in ends.items() if depth >= 2}
    assert found.count == len(found.rows)
    asked_all = {name: value for name, value in asked.items() if name != "size"}
    assert tuple(reads.every_route_visit(**asked_all, step=2)) == found.rows
    assert len(list(reads.every_route_visit(**asked_all, step=1, only_left=True, to_path="/cart"))) > 0
    left = reads.route_visits(**asked, step=1, only_left=True, to_exit=True)
    assert {row["visit_id"] for row in left.rows} == {
        v for v, (depth, to) in ends.items() if depth == 1 and to is None
    }
    to_cart = reads.route_visits(**asked, step=1, only_left=True, to_path="/cart")
    assert to_cart.count == sum(
        depth == 1 and to is not None and to["page_path"] == "/cart" for depth, to in ends.values()
    )
    with pytest.raises(Invalid):
        reads.route_visits(**asked, step=5)


def test_report__of_a_shop_without_facts__says_nothing_and_divides_by_nothing(shop, warehouse_home):
    report = reads.route_report(shop=shop, steps=WAY, period=PERIOD, at=AT)
    assert report.visits == 0
    assert [one.kept.value for one in report.steps] == [None] * 4
    assert [one.verdict for one in report.steps] == ["unplanned", "few", "few", "few"]
    assert report.worst is None
    assert report.most_left is None
