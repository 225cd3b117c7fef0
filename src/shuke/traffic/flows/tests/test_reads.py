"""Reads of flows over a shop in a warehouse: sums, the same under a condition, the map; held to plain Python."""

from __future__ import annotations

import importlib
from collections import Counter
from datetime import timedelta

import pyarrow as pa
import pytest

from shuke.conditions.reads import parse
from shuke.kernel.errors import Invalid
from shuke.kernel.periods import Period
from shuke.traffic.derived import visit_rules
from shuke.traffic.flows.tests import oracle
from shuke.traffic.reads import flow_visits
from shuke.traffic.tests import oracle as visit_oracle
from shuke.traffic.tests.drawn import AT, FIRST, LAST
from shuke.traffic.tests.facts import event
from shuke.warehouse import actions, remembering, schemas

# The modules; the package offers the functions under these names.
reading = importlib.import_module("shuke.traffic.reads.flows")
behind = importlib.import_module("shuke.traffic.reads.flow_visits")
folds = importlib.import_module("shuke.traffic.flows.reads")
maps = importlib.import_module("shuke.traffic.reads.flow_map")
pytestmark = pytest.mark.django_db(transaction=True)
PERIOD = Period.inclusive(FIRST, LAST)
PAID = parse({"v": 1, "all": [{"field": "is_paid", "op": "eq", "value": True}]}, "visit")
CHANNEL = parse({"v": 1, "all": [{"field": "channel", "op": "eq", "value": "direct"}]}, "visit")


def expected_moves(life, keep=lambda visit: True):
    visits = visit_oracle.visits(life.events, visit_rules(life.shop, PERIOD))
    kept = {visit["visit_id"] for visit in visits if keep(visit)}
    return [move for move in oracle.moves(life.events, visits) if move["visit_id"] in kept]


def counted(moves, by, **where):
    found: Counter = Counter()
    for move in moves:
        if all(move[name] == value for name, value in where.items()):
            found[tuple(move[name] for name in by)] += 1
    return found


def answered(report):
    return Counter({tuple(flow.keys.values()): flow.moves for flow in report.rows})


@pytest.mark.row("T3")
@pytest.mark.parametrize("is_sealed", [False, True], ids=["open", "sealed"])
def test_flows__drawn_shop__equals_plain_python(life, is_sealed):
    if is_sealed:
        actions.seal(life.shop)
    moves = expected_moves(life)
    page = ("kind", "from_path", "to_path")
    found = reading.flows(shop=life.shop, period=PERIOD, by=page)
    assert answered(found) == counted(moves, page)
    assert (found.events_read, found.count) == (0, len(found.rows))
    assert sum(flow.ordered_moves for flow in found.rows) == sum(move["is_ordered"] for move in moves)
    assert sum(flow.stay_seconds for flow in found.rows) == sum(move["stay_seconds"] for move in moves)
    into = reading.flows(shop=life.shop, period=PERIOD, by=("from_path",), where={"to_path": "/cart"})
    assert answered(into) == counted(moves, ("from_path",), to_path="/cart")
    top = reading.flows(shop=life.shop, period=PERIOD, by=page, limit=3)
    assert (len(top.rows), top.count) == (3, found.count)
    assert top.rows == found.rows[:3]


@pytest.mark.row("T3")
def test_flows__condition__those_visits_only_and_what_it_cost(life):
    actions.seal(life.shop, [FIRST + timedelta(days=n) for n in range(7)])
    page, step = ("kind", "from_path", "to_path"), ("channel", "step", "from_type", "to_type")
    for condition, keep, by in (
        (PAID, lambda v: v["is_paid"], page),
        (CHANNEL, lambda v: v["channel"] == "direct", step),
    ):
        moves = expected_moves(life, keep)
        found = reading.flows(shop=life.shop, period=PERIOD, by=by, condition=condition)
        assert moves
        assert answered(found) == counted(moves, by)
        assert found.events_read == len(life.events)


def test_flows__grouping_that_is_not_kept__refused(life):
    for by in (("channel", "from_path"), ("step", "from_path", "to_path"), ("color",), ("kind", "kind")):
        with pytest.raises(Invalid) as refused:
            reading.flows(shop=life.shop, period=PERIOD, by=by)
        assert refused.value.field == "by"


def test_flows__too_many_events_under_a_filter__refused_with_a_remedy(life, monkeypatch):
    monkeypatch.setattr(reading, "MOST_EVENTS", 10)
    with pytest.raises(reading.TooManyEvents) as refused:
        reading.flows(shop=life.shop, period=PERIOD, by=("kind",), condition=PAID)
    assert refused.value.advice()


@pytest.mark.row("T3")
def test_flows__late_events_of_a_sealed_day__counted_with_the_rest_of_their_visit(life):
    actions.seal(life.shop)
    visitor = life.events[0]["visitor_id"]
    day = life.events[0]["local_day"]
    late = []
    for number, one in enumerate([e for e in life.events if e["local_day"] == day][:6]):
        extra = event(
            life.shop.zone,
            shop_id=life.shop.id,
            at=one["at"] + timedelta(seconds=3),
            page_path="/late",
            page_type="content",
            event_id=9_000 + number,
        )
        late.append(extra | {"visitor_id": one["visitor_id"], "anonymous_ref": one["anonymous_ref"]})
    assert any(one["visitor_id"] == visitor for one in late)
    actions.append(facts={"events": pa.Table.from_pylist(late, schema=schemas.EVENTS)})
    life.events.extend(late)
    by = ("local_day", "kind", "from_path", "to_path")
    found = reading.flows(shop=life.shop, period=PERIOD, by=by)
    assert answered(found) == counted(expected_moves(life), by)
    cut = reading.flows(shop=life.shop, period=PERIOD, by=("kind",), until=AT)
    before = [e for e in life.events if e["at"] < AT.replace(tzinfo=None)]
    life.events[:] = before
    assert answered(cut) == counted(expected_moves(life), ("kind",))


OPENED = [
    (None, None),
    (None, ("item", 1)),
    (None, ("item", 2)),
    (CHANNEL, None),
    (PAID, ("item", 1)),
    (CHANNEL, ("cart", 3)),
]


@pytest.mark.row("T3")
def test_map__drawn_shop__law_of_what_comes_in_and_goes_out(life, monkeypatch):
    for module in (maps, folds):
        monkeypatch.setattr(module, "MOST_PAGES", 1)
    actions.seal(life.shop, [FIRST + timedelta(days=n) for n in range(7)])
    for condition, opened in OPENED:
        keep = {
            id(None): lambda v: True,
            id(CHANNEL): lambda v: v["channel"] == "direct",
            id(PAID): lambda v: v["is_paid"],
        }[id(condition)]
        moves = expected_moves(life, keep)
        found = maps.flow_map(
            shop=life.shop, period=PERIOD, steps=3, opened=opened, condition=condition, at=AT
        )
        ways = {move["visit_id"]: move["is_ordered"] for move in moves}
        assert (found.visits, found.ordered_visits) == (len(ways), sum(ways.values()))
        for node in found.nodes:
            into = sum(link.visits for link in found.links if link.target == node.key)
            out = sum(link.visits for link in found.links if link.source == node.key)
            assert {into, out} in ({node.visits}, {node.visits, 0}), node
        ends = {node.kind: node.visits for node in found.nodes if node.kind in ("order", "exit")}
        assert ends.get("order", 0) == found.ordered_visits
        assert sum(ends.values()) == found.visits
        left = [move for move in moves if move["kind"] != "entry"]
        for step in (1, 2, 3):
            drawn: Counter = Counter()
            for node in found.nodes:
                if node.step == step:
                    drawn[(node.page_type,)] += node.visits
            assert drawn == counted([m for m in left if m["step"] == step], ("from_type",))
        if opened is not None:
            pages = counted(left, ("from_path",), step=opened[1], from_type=opened[0])
            shown = {(n.name,): n.visits for n in found.nodes if n.kind == "page"}
            assert shown
            assert shown.items() <= pages.items()
            assert found.pages_hidden == len(pages) - len(shown)
        for of in folds.FOLDS if opened is not None else ("more",):
            node = next((n for n in found.nodes if n.kind == of), None)
            told = folds.folded_pages(
                shop=life.shop, period=PERIOD, of=of, steps=3, opened=opened, condition=condition
            )
            assert (told.visits, told.ordered_visits) == (
                (node and (node.visits, node.ordered_visits)) or (0, 0)
            )
            if condition is None and told.rows:
                one = told.rows[0]
                assert flow_visits(shop=life.shop, period=PERIOD, way=one.way, size=1).count == one.visits
        is_added_up = condition is None or (condition is CHANNEL and opened is None)
        assert (found.events_read == 0) == is_added_up


@pytest.mark.row("T3")
@pytest.mark.parametrize(
    "where",
    [{"from_type": "item"}, {"to_type": "item", "to_path": "/item/1"}, {"from_type": None}, {}],
    ids=str,
)
def test_visits_of_a_move__found_by_days__are_those_followed_through_all_events(life, monkeypatch, where):
    actions.seal(life.shop, [FIRST + timedelta(days=n) for n in range(5)])
    way = behind.Way("move", 1, where)

    def pages() -> list:
        first = flow_visits(shop=life.shop, period=PERIOD, way=way, size=7)
        rest = [
            flow_visits(shop=life.shop, period=PERIOD, way=way, page=n, size=7)
            for n in range(2, first.count // 7 + 3)
        ]
        return [(one.count, one.rows) for one in (first, *rest)]

    by_days = pages()
    with monkeypatch.context() as patch:
        patch.setattr(behind, "_by_day", lambda *_: None)
        assert pages() == by_days
    shown = [row for _count, rows in by_days for row in rows]
    assert len(shown) == by_days[0][0]
    assert shown or where == {"from_type": None}
    one_day = flow_visits(shop=life.shop, period=PERIOD, way=way, size=1)
    whole = flow_visits(shop=life.shop, period=PERIOD, way=way, condition=CHANNEL, size=1)
    assert one_day.events_read < whole.events_read or not shown


@pytest.mark.row("T3")
@pytest.mark.parametrize("opened", [None, ("item", 1)])
def test_map__against_last_week__both_as_plain_python_counts_them_cut_alike(life, monkeypatch, opened):
    for module in (maps, folds):
        monkeypatch.setattr(module, "MOST_PAGES", 1)
    actions.seal(life.shop, [FIRST + timedelta(days=n) for n in range(7)])
    period = Period(LAST - timedelta(days=6), LAST + timedelta(days=1))
    asked = {"shop": life.shop, "period": period, "steps": 3, "opened": opened, "at": AT}
    both = folds.compared_map(**asked, against="last_week")
    assert both.now == maps.flow_map(**asked)
    assert folds.compared_map(**asked).before(both.now.links[0]) is None
    cut = (AT - timedelta(days=7)).replace(tzinfo=None, second=0, microsecond=0)
    life.events[:] = [one for one in life.events if one["at"] < cut]
    moves = [move for move in expected_moves(life) if move["local_day"] in both.against_period]
    entered = counted(moves, ("channel", "to_type"), kind="entry")
    assert both.then.visits == sum(entered.values()) > 0
    told = {(link.source, link.target): both.before(link) for link in both.now.links}
    told |= {(link.source, link.target): link for link in both.gone}
    seen = 0
    for (source, target), link in told.items():
        ends = [both.nodes[key] for key in (source, target)]
        if "others" in (ends[0].kind, ends[1].kind):
            assert link is None  # what stands together there are other pages
        elif ends[0].kind == "channel" and ends[1].kind == "type":
            assert link.visits == entered.pop((ends[0].name, ends[1].page_type), 0)
            seen += link.visits
    assert seen > 0
    assert set(entered) == ({pair for pair in entered if pair[1] == "item"} if opened else set())


def test_map__steps_or_opened_step_out_of_range__refused(life):
    for fields in ({"steps": 9}, {"opened": ("item", 7)}):
        with pytest.raises(Invalid):
            maps.flow_map(shop=life.shop, period=PERIOD, at=AT, **fields)
        with pytest.raises(Invalid):
            folds.folded_pages(shop=life.shop, period=PERIOD, of="others", **fields)


@pytest.mark.parametrize("most_places", [1 << 23, 1], ids=["by place", "by sorting"])
def test_flows__added_up_as_arrays__are_those_of_the_expression(life, monkeypatch, most_places):
    """Sealed days, one of them with a late event, and days that are open."""
    actions.seal(life.shop, [FIRST + timedelta(days=n) for n in range(9)])
    at = AT.replace(tzinfo=None) - timedelta(days=6)
    late = event(life.shop.zone, shop_id=life.shop.id, at=at, page_path="/late", event_id=9_100)
    actions.append(facts={"events": pa.Table.from_pylist([late], schema=schemas.EVENTS)})
    asked = [
        {"by": ("from_path", "to_path"), "where": {"kind": ("move", "exit", "order")}, "limit": 5},
        {"by": ("from_path", "to_path")},
        {"by": ("to_path", "from_type")},
        {"by": ("from_type",), "where": {"to_path": "/cart"}},
        {"by": ("kind",), "where": {"from_type": None}},
        {"by": ("to_path",), "where": {"kind": "move", "from_path": "/nowhere"}},
        {"by": ("from_path",), "until": AT - timedelta(days=5, hours=3)},
    ]
    expected = [reading.flows(shop=life.shop, period=PERIOD, **one) for one in asked]
    assert [len(one.rows) > 0 for one in expected] == [True] * 5 + [False, True]
    monkeypatch.setattr(reading.adding, "FEWEST_ROWS", 0)
    monkeypatch.setattr(reading.adding, "_MOST_PLACES", most_places)
    used = []
    added = reading.adding.added
    monkeypatch.setattr(reading.adding, "added", lambda *given: used.append(1) or added(*given))
    remembering.forget()
    assert [reading.flows(shop=life.shop, period=PERIOD, **one) for one in asked] == expected
    assert len(used) == len(asked)
