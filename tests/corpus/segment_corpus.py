"""Conditions that look beyond a row (tallies, sequences, memberships, days from today), on every engine against plain Python."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import ibis
import pyarrow as pa

from shuke.conditions.reads import Any as AnyOf
from shuke.conditions.reads import (
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
    dump,
    judged,
)
from shuke.conditions.tests import beyond_oracle
from shuke.conditions.tests.drawn_worlds import rows_of, world_from
from shuke.kernel.periods import local_day
from tests.corpus.asked import Question

Row = dict[str, Any]
ZONE = ZoneInfo("Europe/Berlin")
NOW = AsOf(datetime(2026, 11, 1, 12, tzinfo=UTC), ZONE)  # a week after the day of 25 hours
SUBJECTS = "subjects_beyond"
_TYPES = {
    "int64": pa.int64(),
    "string": pa.string(),
    "date": pa.date32(),
    "timestamp(6)": pa.timestamp("us"),
}
_A1 = Compare("d_product", "eq", "a1")
_WINDOWS = (
    None,
    Window(7),
    Window(7, with_today=True),
    Window(25, Unit.HOURS),
    Window(2, Unit.MONTHS),
    Window(start=NOW.today - timedelta(days=9), end=NOW.today),
)


@cache
def _known() -> list[Known]:
    rng = random.Random(23)
    found = []
    for _subject in range(30):
        series: dict[str, list[Row]] = {"t_deeds": [], "t_tags": []}
        for number in range(rng.randrange(7)):
            series["t_deeds"].append(
                _fact(rng, number)
                | {
                    "d_product": rng.choice(["A1", "a1", "B2", None]),
                    "d_amount": rng.choice([100, 250, -100, None]),
                    "d_pages": rng.choice([0, 1, 3, None]),
                }
            )
        for number in range(rng.randrange(3)):
            tag = _fact(rng, number) | {"g_label": rng.choice(["vip", "mum", None])}
            until = rng.choice([None, NOW.at, NOW.at + timedelta(microseconds=1)])
            series["t_tags"].append(tag | {"until": until})
        day = rng.choice([None, *(NOW.today + timedelta(days=n) for n in (-7, -1, 0, 6, 7))])
        groups = frozenset(name for name in ("loyal", "new") if rng.random() < 0.5)
        found.append(Known({"t_day": day, "t_number": rng.choice([None, 1])}, series, groups))
    return found


def _fact(rng: random.Random, number: int) -> Row:
    at = NOW.at - timedelta(seconds=rng.choice([0, 1, 3_600, 90_000, 7 * 86_400, 9 * 86_400, 62 * 86_400]))
    if rng.random() < 0.5:
        at = at.astimezone(ZONE).replace(hour=0, minute=0, second=0).astimezone(UTC)
    at += timedelta(microseconds=rng.choice([0, 0, 1, -1]))
    return {"at": at, "local_day": local_day(at, ZONE), "fact_id": number}


def _nodes() -> list[Node]:
    tallies = [
        Tally(
            "t_deeds",
            measure,
            *((Op.IN_LAST_DAYS, 9) if measure in (Measure.FIRST, Measure.LAST) else (Op.GE, 2)),
            {Measure.SUM: "d_amount", Measure.DISTINCT: "d_product"}.get(measure),
            window=_WINDOWS[number],
        )
        for number, measure in enumerate(Measure)
    ]
    return [
        *tallies,
        *(Tally("t_deeds", "count", "ge", 1, where=_A1, window=window) for window in _WINDOWS),
        Tally("t_deeds", "sum", "le", 0, "d_pages"),
        Tally("t_deeds", "last", "is_unknown"),
        Tally("t_tags", "count", "ge", 1, where=Compare("g_label", "eq", "vip")),
        Then(Step("t_deeds", _A1), Step("t_deeds")),
        Then(Step("t_deeds"), Step("t_tags"), 25, Window(2, Unit.MONTHS)),
        AnyOf((Member("loyal"), Compare("t_day", "in_next_days", 7))),
        None_((Member("new"), Compare("t_day", "in_last_days", 7))),
    ]


def schemas_of() -> dict[str, pa.Schema]:
    """The tables' schemas, by name."""
    return {
        _named(name): pa.schema([(column, _TYPES[kind]) for column, kind in types.items()])
        for name, (_rows, types) in rows_of([]).items()
    }


def drawn() -> dict[str, list[Row]]:
    """The data set `segments`, by table."""
    return {
        _named(name): [{column: row.get(column) for column in types} for row in rows]
        for name, (rows, types) in rows_of(_known()).items()
    }


def _named(name: str) -> str:
    return SUBJECTS if name == "subjects" else name


def _asked(nodes: Sequence[Node], tables: Any) -> ibis.Table:
    names = rows_of([])
    world = world_from({name: tables[_named(name)] for name in names})
    parts = [
        judged(node, world, NOW).mutate(number=ibis.literal(number, "int64"))
        for number, node in enumerate(nodes)
    ]
    return ibis.union(*parts, distinct=False)


def _expected(nodes: Sequence[Node]) -> list[Row]:
    return [
        {
            "key": key,
            "is_met": beyond_oracle.holds(
                dump(node),
                {"fields": dict(one.fields), "series": dict(one.series), "groups": set(one.groups)},
                NOW.at,
                ZONE,
            ),
            "number": number,
        }
        for number, node in enumerate(nodes)
        for key, one in enumerate(_known())
    ]


def all_questions() -> tuple[Question, ...]:
    nodes = _nodes()
    half = len(nodes) // 2
    return tuple(
        Question(
            f"conditions beyond the row, {name}",
            "segments",
            lambda tables, ask, asked=asked: ask(_asked(asked, tables)).to_pylist(),
            lambda asked=asked: _expected(asked),
        )
        for name, asked in (("first", nodes[:half]), ("second", nodes[half:]))
    )
