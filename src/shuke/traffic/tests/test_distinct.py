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
    rows=st.lists(row, max_size=30),
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
    assert all(reached[name] >= 20 for name in (*NAMES, "several keys", "keys that meet in many ways")), dict(
        reached
    )


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
