"""Visitors counted by sorting: equal to plain Python on any rows, and every page equal with and without it."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shuke.kernel.periods import ONE_DAY, Period
from shuke.traffic import distinct, reads
from shuke.traffic.tests.drawn import AT, FIRST, LAST
from shuke.warehouse import schemas

NAMES = ("visitors", "one_view_visitors", "measured_visitors", "cart_visitors", "buyers")
reached: Counter[str] = Counter()

row = st.fixed_dictionaries(
    {
        "visitor_id": st.sampled_from([-(2**63), -5, 0, 1, 2, 3, 2**63 - 1]),
        "channel": st.sampled_from(["ads", "mail", None]),
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


@pytest.mark.row("T2")
@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(row, max_size=30),
    cut=st.integers(0, 30),
    names=st.lists(st.sampled_from(NAMES), min_size=1, unique=True),
)
def test_count__any_rows_in_any_parts__is_that_of_plain_python(rows, cut, names):
    columns = distinct.columns(names, "channel")
    schema = pa.schema([schemas.VISITS.field(name) for name in columns])
    parts = [pa.Table.from_pylist(part, schema) for part in (rows[:cut], rows[cut:])]
    found = distinct.count(parts, names, "channel")
    assert len(found) == len({one["channel"] for one in rows})
    for told in found:
        truth = expected([one for one in rows if one["channel"] == told["channel"]])
        assert {name: told[name] for name in names} == {name: truth[name] for name in names}


def test_law__examples__reached_every_measure():
    print(dict(reached))
    assert all(reached[name] >= 20 for name in NAMES), dict(reached)


@pytest.mark.parametrize(
    ("stated", "most"),
    [
        ("", 30_000_000),
        ("nonsense", 30_000_000),
        ("90MB", 1_000_000),
        ("90 mb", 1_000_000),
        ("0.9GB", 10_000_000),
        ("900KiB", 10_240),
        ("8GB", 30_000_000),
        ("0B", 0),
        ("0%", 0),
    ],
)
def test_most_rows__where_memory_is_stated__are_as_many_as_it_holds(monkeypatch, stated, most):
    monkeypatch.setenv("SHUKE_DUCKDB_MEMORY", stated)
    assert distinct.most_rows() == most


@pytest.mark.django_db
@pytest.mark.row("T3")
def test_pages__where_memory_allows_no_sorting__count_by_groups(life, monkeypatch):
    period = Period.inclusive(FIRST + ONE_DAY, LAST)
    monkeypatch.setattr(distinct, "FEWEST_ROWS", 1)
    monkeypatch.setattr(distinct, "count", lambda *args: pytest.fail("sorted"))
    monkeypatch.setattr(distinct, "BYTES_A_ROW", 10**9)
    monkeypatch.setenv("SHUKE_DUCKDB_MEMORY", "800MB")
    assert reads.sources(shop=life.shop, period=period, against="before", at=AT).rows


@pytest.mark.django_db
@pytest.mark.row("T3")
@pytest.mark.parametrize("at", [AT, AT + timedelta(days=30)])
def test_pages__with_visitors_counted_by_sorting__say_the_same(life, monkeypatch, at):
    """The drawn shop has sealed, reopened and open days; at the first moment its last day is still running."""
    period = Period.inclusive(FIRST + ONE_DAY, LAST)
    counted: list[int] = []

    def page() -> list:
        return [
            reads.overview(shop=life.shop, period=period, against=("before",), at=at),
            reads.sources(shop=life.shop, period=period, against="before", at=at),
            reads.sources(shop=life.shop, period=period, by=("channel", "source"), at=at),
            reads.overview(shop=life.shop, period=Period.of_day(date(2020, 1, 1)), at=at),
        ]

    monkeypatch.setattr(distinct, "FEWEST_ROWS", distinct.MOST_ROWS)
    by_groups = page()
    count = distinct.count
    monkeypatch.setattr(distinct, "FEWEST_ROWS", 0)
    monkeypatch.setattr(distinct, "count", lambda *args: counted.append(1) or count(*args))
    assert page() == by_groups
    assert len(counted) == 2, "nothing was counted by sorting"
