"""Worlds of a few subjects with dated facts, and conditions on them, drawn so that edges meet often.

Half of the facts lie near the edges of windows: midnights of a zone with a 25-hour day, ends of months, equal moments.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import ibis
import pyarrow as pa
from hypothesis import strategies as st

from shuke.conditions.reads import (
    All,
    AsOf,
    Compare,
    Known,
    Measure,
    Member,
    Node,
    None_,
    Op,
    Step,
    Tally,
    Then,
    Unit,
    Window,
    World,
)
from shuke.conditions.reads import Any as AnyOf
from shuke.kernel.periods import local_day

from .series_in_test import COLUMNS

ZONES = ("Europe/Berlin", "Asia/Kathmandu", "America/New_York")
# Around the end of summer time in two of them, and a last day of a month.
NOWS = (
    datetime(2026, 11, 1, 12, tzinfo=UTC),
    datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
    datetime(2026, 8, 31, 22, tzinfo=UTC),
)
GROUPS = ("loyal", "new")
STEPS = (0, 1, 23 * 3600, 24 * 3600, 25 * 3600, 48 * 3600, 7 * 86_400, 30 * 86_400, 31 * 86_400, 62 * 86_400)
WINDOWS = (
    None,
    Window(1), Window(2), Window(7), Window(30), Window(1, with_today=True), Window(7, with_today=True),
    Window(1, Unit.HOURS), Window(24, Unit.HOURS), Window(48, Unit.HOURS),
    Window(1, Unit.MONTHS), Window(2, Unit.MONTHS), Window(2, Unit.MONTHS, with_today=True),
)  # fmt: skip


@st.composite
def as_ofs(draw: Any) -> AsOf:
    zone = ZoneInfo(draw(st.sampled_from(ZONES)))
    now = draw(st.sampled_from(NOWS))
    # The same moment on the shop's clock is the same question.
    return AsOf(now.astimezone(zone) if draw(st.booleans()) else now, zone)


@st.composite
def facts(draw: Any, as_of: AsOf, series: str, number: int) -> dict[str, Any]:
    at = as_of.at - timedelta(seconds=draw(st.sampled_from(STEPS)))
    if draw(st.booleans()):
        at = at.astimezone(as_of.zone).replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
    at += timedelta(microseconds=draw(st.sampled_from((0, 0, 1, -1, 3_600_000_000))))
    fact: dict[str, Any] = {"at": at, "local_day": local_day(at, as_of.zone), "fact_id": number}
    if series == "t_tags":
        ends = draw(st.sampled_from((None, 0, 1, 86_400)))
        until = None if ends is None else max(as_of.at + timedelta(seconds=ends - 1), at)
        return fact | {"g_label": draw(st.sampled_from(("vip", "mum", None))), "until": until}
    return fact | {
        "d_product": draw(st.sampled_from(("A1", "a1", "B2", None))),
        "d_amount": draw(st.sampled_from((100, 250, -100, None))),
        "d_pages": draw(st.sampled_from((0, 1, 3, None))),
    }


@st.composite
def subjects(draw: Any, as_of: AsOf, sizes: tuple[int, ...] = (0, 1, 2, 3, 5)) -> Known:
    days = [as_of.today + timedelta(days=n) for n in (-7, -1, 0, 1, 7)]
    series = {
        name: [draw(facts(as_of, name, number)) for number in range(draw(st.sampled_from(sizes)))]
        for name in ("t_deeds", "t_tags")
    }
    fields = {
        "t_day": draw(st.sampled_from([None, *days])),
        "t_number": draw(st.sampled_from((None, 0, 1, 2))),
    }
    return Known(fields, series, frozenset(draw(st.sets(st.sampled_from(GROUPS)))))


_WHERES = {
    "t_deeds": (
        All(),
        Compare("d_product", "eq", "a1"),
        Compare("d_amount", "gt", 0),
        AnyOf((Compare("d_product", "is_unknown"), Compare("d_pages", "ge", 1))),
        None_((Compare("d_product", "in", ("a1", "b2")),)),
    ),
    "t_tags": (All(), Compare("g_label", "eq", "vip"), Compare("g_label", "is_unknown")),
}


@st.composite
def tallies(draw: Any, measure: Measure | None = None) -> Tally:
    series = draw(st.sampled_from(("t_deeds", "t_deeds", "t_tags")))
    measure = measure or draw(st.sampled_from(list(Measure)))
    field = None
    if measure in (Measure.SUM, Measure.DISTINCT):
        series = "t_deeds"
        names = ("d_amount", "d_pages") if measure is Measure.SUM else ("d_product", "d_amount")
        field = draw(st.sampled_from(names))
    op, value = draw(_asked(measure))
    where = draw(st.sampled_from(_WHERES[series]))
    return Tally(series, measure, op, value, field, where, draw(st.sampled_from(WINDOWS)))


@st.composite
def _asked(draw: Any, measure: Measure) -> tuple[Op, Any]:
    if measure in (Measure.FIRST, Measure.LAST):
        ops = (Op.IN_LAST_DAYS, Op.IN_NEXT_DAYS, Op.IS_UNKNOWN, Op.IS_KNOWN, Op.GE, Op.LT)
        op = draw(st.sampled_from(ops))
        if op in (Op.IS_KNOWN, Op.IS_UNKNOWN):
            return op, None
        if op in (Op.IN_LAST_DAYS, Op.IN_NEXT_DAYS):
            return op, draw(st.sampled_from((1, 2, 7, 31)))
        return op, draw(st.sampled_from(NOWS)).date() - timedelta(days=draw(st.sampled_from((0, 1, 7))))
    numbers = (-100, 0, 100, 250) if measure is Measure.SUM else (0, 1, 2, 3)
    op = draw(st.sampled_from((Op.GE, Op.GE, Op.GT, Op.LE, Op.LT, Op.EQ, Op.NE, Op.IN)))
    if op is Op.IN:
        return op, tuple(draw(st.lists(st.sampled_from(numbers), min_size=1, max_size=2)))
    return op, draw(st.sampled_from(numbers))


@st.composite
def sequences(draw: Any) -> Then:
    first, then = (
        Step(series, draw(st.sampled_from(_WHERES[series])))
        for series in (draw(st.sampled_from(("t_deeds", "t_tags"))) for _ in range(2))
    )
    return Then(first, then, draw(st.sampled_from((None, 1, 24, 48))), draw(st.sampled_from(WINDOWS)))


leaves = st.one_of(
    tallies(),
    sequences(),
    st.sampled_from(GROUPS).map(Member),
    st.sampled_from(
        [Compare("t_day", op, n) for op in (Op.IN_LAST_DAYS, Op.IN_NEXT_DAYS) for n in (1, 7, 8)]
    ),
)
conditions: st.SearchStrategy[Node] = st.recursive(
    leaves,
    lambda inner: st.one_of(
        *(
            st.lists(inner, min_size=1, max_size=3).map(lambda parts, group=group: group(tuple(parts)))
            for group in (All, AnyOf, None_)
        )
    ),
    max_leaves=5,
)


def naive(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(UTC).replace(tzinfo=None)


def rows_of(known: list[Known]) -> dict[str, tuple[list[dict[str, Any]], dict[str, str]]]:
    """The tables of a world: name → rows and the types of their columns."""
    rows = [
        {"key": n, "t_day": one.fields.get("t_day"), "t_number": one.fields.get("t_number")}
        for n, one in enumerate(known)
    ]
    found = {"subjects": (rows, {"key": "int64", "t_day": "date", "t_number": "int64"})}
    for name, columns in COLUMNS.items():
        told = [
            {"key": n} | fact | {m: naive(fact[m]) for m in ("at", "until") if m in fact}
            for n, one in enumerate(known)
            for fact in one.series.get(name, ())
        ]
        types = {"key": "int64", "at": "timestamp(6)", "local_day": "date", "fact_id": "int64"} | columns
        found[name] = (told, types)
    for name in GROUPS:
        found[name] = ([{"key": n} for n, one in enumerate(known) if name in one.groups], {"key": "int64"})
    return found


def world_of(known: list[Known]) -> World:
    tables = {}
    for name, (rows, types) in rows_of(known).items():
        schema = ibis.schema(types).to_pyarrow()
        tables[name] = ibis.memtable(pa.Table.from_pylist(rows, schema=schema))
    return world_from(tables)


def world_from(tables: Any) -> World:
    return World(
        tables["subjects"],
        "key",
        {name: tables[name] for name in COLUMNS},
        {name: tables[name] for name in GROUPS},
    )
