"""Visitors counted from arrays: equal to plain Python on any rows, and every page equal with and without it."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shuke.kernel.periods import ONE_DAY, Period
from shuke.traffic import distinct, reads
from shuke.traffic.tests.drawn import AT, FIRST, LAST
from shuke.warehouse import schemas
from shuke.warehouse.reads import Piece

NAMES = ("visitors", "one_view_visitors", "measured_visitors", "cart_visitors", "buyers")
reached: Counter[str] = Counter()

row = st.fixed_dictionaries(
    {
        "visitor_id": st.sampled_from([-(2**63), -5, 0, 1, 2, 3, 2**63 - 1]),
        "channel": st.sampled_from(["ads", "mail", None]),
        "is_paid": st.booleans(),
        "source": st.sampled_from(["a", "b,c", '"', None]),
        "medium": st.sampled_from(["", "x", None]),
        "views": st.integers(0, 3),
        "carts": st.integers(0, 2),
        "orders": st.integers(0, 2),
    }
)


def expected(rows: list[dict]) -> dict[str, int]:
    people: dict[int, list[dict]] = {}
    for one in rows:
        people.setdefault(one["visitor_id"], []).append(one)

    found = {
        "visitors": len(people),
        "one_view_visitors": sum(sum(r["views"] for r in own) == 1 for own in people.values()),
        "measured_visitors": sum(any(r["views"] >= 2 for r in own) for own in people.values()),
        "cart_visitors": sum(any(r["carts"] for r in own) for own in people.values()),
        "buyers": sum(any(r["orders"] for r in own) for own in people.values()),
    }
    reached.update(name for name, n in found.items() if 0 < n < len(people) or (name == "visitors" and n))
    return found


def as_pieces(rows: list[dict], cut: int, columns: tuple[str, ...]) -> list[Piece]:
    schema = pa.schema([schemas.VISITS.field(name) for name in columns])
    tables = [pa.Table.from_pylist(part, schema) for part in (rows[:cut], rows[cut:])]
    return [Piece(table.num_rows, lambda table=table: table) for table in tables]


@pytest.mark.row("T2")
@settings(max_examples=150, deadline=None)
@given(
    rows=st.one_of(st.just([]), *[st.lists(row, min_size=4, max_size=30)] * 9),
    cut=st.integers(0, 30),
    names=st.lists(st.sampled_from(NAMES), min_size=1, unique=True),
    keys=st.sampled_from(
        [
            ("channel",),
            ("channel", "is_paid"),
            ("is_paid",),
            ("source", "medium"),
            ("source", "is_paid", "medium", "channel"),
        ]
    ),
    most_flagged=st.sampled_from([2, 1 << 20]),
    span_rows=st.sampled_from([1, 3, 4_000]),
)
def test_count__any_rows_in_any_parts__is_that_of_plain_python(
    rows, cut, names, keys, most_flagged, span_rows
):
    pieces = as_pieces(rows, cut, distinct.columns(names, keys))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distinct, "SPAN_ROWS", span_rows)
        patch.setattr(distinct, "SPAN_ROWS_OF_ALL", span_rows)
        patch.setattr(distinct, "_MOST_FLAGGED", most_flagged)
        gathered = distinct.of_visits(pieces, keys)
        found = distinct.count(gathered, names, keys)
        (of_all,) = distinct.count(gathered, names, ())

    def group(one):
        return tuple(one[key] for key in keys)

    assert {group(one) for one in found} == {group(one) for one in rows}
    assert len(found) == len({group(one) for one in rows})
    reached["several keys"] += len(keys) > 1 and len(found) > 1
    reached["keys that meet in many ways"] += len(keys) > 1 and most_flagged == 2 and len(found) > 1
    for told in found:
        truth = expected([one for one in rows if group(one) == group(told)])
        assert {name: told[name] for name in names} == {name: truth[name] for name in names}
    truth = expected(rows)
    assert of_all == {name: truth[name] for name in names}


told_row = st.fixed_dictionaries(
    {
        "visitor_id": st.sampled_from([-(2**63), -7, -5, 0, 1, 2, 3, 4, 2**63 - 1]),
        "page_path": st.sampled_from(["/", "/a", "/b", ""]),
        "told": st.integers(0, 63),
        "is_view": st.integers(0, 1),
    }
)
SHAPE = distinct.Shape(bits=3, planes=2)


@pytest.mark.row("T5")
@settings(max_examples=150, deadline=None)
@given(
    rows=st.one_of(st.just([]), *[st.lists(told_row, min_size=8, max_size=40)] * 9),
    cut=st.integers(0, 40),
    is_ordered=st.booleans(),
    most_falls=st.sampled_from([0, 1, 8]),
    span_rows=st.sampled_from([1, 3, 4_000]),
    most_marked=st.sampled_from([0, 4_096]),
)
def test_marks__any_rows_in_any_parts__are_those_of_plain_python(
    rows, cut, is_ordered, most_falls, span_rows, most_marked
):
    """Visitors by group, with bits for groups and with a table; and what they told, by group and of all."""
    if is_ordered:
        rows = sorted(rows, key=lambda one: one["visitor_id"])
    schema = pa.schema(
        [
            ("visitor_id", pa.int64()),
            ("page_path", pa.string()),
            ("told", pa.int64()),
            ("is_view", pa.int64()),
        ]
    )
    tables = [pa.Table.from_pylist(part, schema) for part in (rows[:cut], rows[cut:])]
    pieces = [Piece(table.num_rows, lambda table=table: table) for table in tables]

    def is_view(table: pa.Table) -> np.ndarray:
        return table["is_view"].to_numpy() == 1

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distinct, "MOST_FALLS", most_falls)
        patch.setattr(distinct, "SPAN_ROWS_OF_MARKS", span_rows)
        patch.setattr(distinct, "SPAN_ROWS_OF_ALL", span_rows)
        patch.setattr(distinct, "MOST_MARKED", most_marked)
        patch.setattr(distinct, "SLOTS_OF_MARKS", 1)
        whole = distinct.gathered(pieces, group="page_path", keep=is_view)
        one = distinct.gathered(pieces, group="page_path", keep=is_view, only="/a")
        told = distinct.gathered(
            pieces, group="page_path", told=lambda table: table["told"].to_numpy(), is_by_group=True
        )
        marked = dict(zip(whole.values, distinct.by_spans(whole, distinct.Shape())[:, 0, 0], strict=True))
        of_one = dict(zip(one.values, distinct.by_spans(one, distinct.Shape())[:, 0, 0], strict=True))
        by_group, of_all = distinct.by_groups(told, SHAPE)
    views = {(row["page_path"], row["visitor_id"]) for row in rows if row["is_view"]}
    expected = Counter(path for path, _visitor in views)
    assert {path: n for path, n in marked.items() if n} == expected
    assert of_one.get("/a", 0) == expected["/a"]
    for path, found in [*zip(told.values, by_group, strict=True), (None, of_all[0])]:
        people: dict[int, int] = {}
        for row in rows:
            if path in (None, row["page_path"]):
                people[row["visitor_id"]] = people.get(row["visitor_id"], 0) | row["told"]
        planes = [Counter(does >> (3 * plane) & 7 for does in people.values()) for plane in (0, 1)]
        planes.insert(0, Counter((does & 7) | does >> 3 for does in people.values()))
        assert [[plane[bits] for bits in range(8)] for plane in planes] == found.tolist()
    reached["marked"] += most_marked > 0 and len(views) > 3
    reached["in a table"] += most_marked == 0 and len(views) > 3
    reached["runs cut where visitors fall"] += not is_ordered and most_falls == 8 and len(rows) > 5
    reached["put into order"] += not is_ordered and most_falls == 0 and len(rows) > 5


def test_count__more_visitors_than_a_table_holds_in_one_span__grows(monkeypatch):
    """All at one end of the numbers, but for one: what is cut by equal widths then falls into one span."""
    draw = np.random.default_rng(5)
    visitors = np.append(draw.integers(0, 60_000, 200_000), [2**63 - 1, -(2**63)])
    channels = draw.integers(0, 3, len(visitors)).astype(str)
    table = pa.table({"visitor_id": visitors, "channel": channels})
    pieces = [Piece(len(part), lambda part=part: part) for part in (table[:90_000], table[90_000:])]
    found = distinct.count(distinct.of_visits(pieces, ("channel",)), ["visitors"], ("channel",))
    assert {one["channel"]: one["visitors"] for one in found} == {
        name: len(set(visitors[channels == name].tolist())) for name in ("0", "1", "2")
    }


def test_law__examples__reached_every_measure():
    print(dict(reached))
    assert all(reached[name] >= 20 for name in NAMES), dict(reached)
    kinds = ("several keys", "keys that meet in many ways", "marked", "in a table", "put into order")
    assert all(reached[name] >= 5 for name in (*kinds, "runs cut where visitors fall")), dict(reached)


@pytest.mark.parametrize(
    ("stated", "most"),
    [
        ("", 120_000_000),
        ("nonsense", 120_000_000),
        ("16MB", 1_000_000),
        ("16 mb", 1_000_000),
        ("0.16GB", 10_000_000),
        ("160KiB", 10_240),
        ("8GB", 120_000_000),
        ("0B", 0),
        ("0%", 0),
    ],
)
def test_most_rows__where_memory_is_stated__are_as_many_as_it_holds(monkeypatch, stated, most):
    monkeypatch.setenv("SHUKE_DUCKDB_MEMORY", stated)
    assert distinct.most_rows() == most


@pytest.mark.django_db
@pytest.mark.row("T3")
def test_pages__where_memory_does_not_hold_arrays__count_by_groups(life, monkeypatch):
    period = Period.inclusive(FIRST + ONE_DAY, LAST)
    monkeypatch.setattr(distinct, "FEWEST_ROWS", 1)
    monkeypatch.setattr(distinct, "count", lambda *args: pytest.fail("counted by arrays"))
    monkeypatch.setattr(distinct, "BYTES_A_ROW", 10**9)
    monkeypatch.setenv("SHUKE_DUCKDB_MEMORY", "800MB")
    assert reads.sources(shop=life.shop, period=period, against="before", at=AT).rows


@pytest.mark.django_db
@pytest.mark.row("T3")
@pytest.mark.parametrize("at", [AT, AT + timedelta(days=30)])
def test_pages__with_visitors_counted_by_arrays__say_the_same(life, monkeypatch, at):
    """The drawn shop has sealed, reopened and open days; at the first moment its last day is still running."""
    period = Period.inclusive(FIRST + ONE_DAY, LAST)
    counted: list[int] = []

    def page() -> list:
        return [
            reads.overview(shop=life.shop, period=period, against=("before",), at=at),
            reads.sources(shop=life.shop, period=period, against="before", at=at),
            reads.sources(shop=life.shop, period=period, by=("channel", "is_paid"), at=at),
            reads.sources(shop=life.shop, period=period, by=("campaign", "source", "medium"), at=at),
            reads.overview(shop=life.shop, period=Period.of_day(date(2020, 1, 1)), at=at),
        ]

    monkeypatch.setattr(distinct, "FEWEST_ROWS", distinct.MOST_ROWS)
    by_groups = page()
    count = distinct.count
    monkeypatch.setattr(distinct, "FEWEST_ROWS", 0)
    monkeypatch.setattr(distinct, "count", lambda *args: counted.append(1) or count(*args))
    assert page() == by_groups
    # Of sources by some keys and of all: two stretches, one and one; of all is remembered once nothing is running.
    assert len(counted) == 2 + 4 + 2 + (2 if at == AT else 1), "other than by arrays"
