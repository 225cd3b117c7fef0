"""Funnels: expression and kernel against plain Python, in worked cases and over random events."""

from __future__ import annotations

import random
from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import ibis
import numpy as np
import pyarrow as pa
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shuke.conditions.reads import parse
from shuke.traffic.funnels import kernel, questions
from shuke.traffic.funnels.shapes import Funnel, Step
from shuke.traffic.funnels.tests import oracle
from shuke.traffic.tests.facts import SHANGHAI, event
from shuke.warehouse import portability, schemas

pytestmark = pytest.mark.row("T7")
CASES = yaml.safe_load((Path(__file__).parent / "funnels.cases.yaml").read_text(encoding="utf-8"))
EVER = (date(2020, 1, 1), date(2030, 1, 1))
SECOND = 1_000_000


def step(form: Any) -> Step:
    """A step of a case: a deed by name, `page`, `identify`, or all of it."""
    if isinstance(form, str):
        return Step(
            {"page": "view", "identify": "identify"}.get(form, "track"),
            "" if form in ("page", "identify") else form,
        )
    condition = parse({"v": 1, "all": form["condition"]}, "event") if "condition" in form else None
    return Step(form["type"], form.get("name", ""), condition)


def events_of(case: dict[str, Any]) -> list[dict[str, Any]]:
    zone = ZoneInfo(case["zone"]) if "zone" in case else SHANGHAI
    found = []
    for visitor, at, what, *more in case["events"]:
        given = dict(more[0]) if more else {}
        kind = what if what in ("page", "identify") else "track"
        name = what if kind == "track" else None
        at = at.strftime("%Y-%m-%d %H:%M:%S") if isinstance(at, datetime) else at
        found.append(event(zone, visitor=visitor, at=at, type=kind, name=name, **given))
    return found


_connection = duckdb.connect(config={"threads": "1"})
_translated: dict[Any, tuple[str, pa.Schema]] = {}


def by_expression(
    events: list[dict[str, Any]], funnel: Funnel, days: tuple[date, date]
) -> list[dict[str, Any]]:
    """The ways by DuckDB, in the form of the oracle's."""
    if (funnel, days) not in _translated:
        asked = questions.ways(
            ibis.table(ibis.Schema.from_pyarrow(schemas.EVENTS), name="events"), funnel, days
        )
        portability.check(asked)
        _translated[funnel, days] = str(ibis.to_sql(asked, dialect="duckdb")), asked.schema().to_pyarrow()
    sql, schema = _translated[funnel, days]
    _connection.register("events", pa.Table.from_pylist(events, schemas.EVENTS))
    rows = _connection.execute(sql).to_arrow_table().cast(schema).to_pylist()
    return sorted(
        (
            {name: row[name] for name in ("subject_id", "local_day", "event_id", "depth")}
            | {"times": tuple(row[f"at_{k}"] for k in range(1, len(funnel.steps) + 1))}
            for row in rows
        ),
        key=lambda row: row["subject_id"],
    )


def by_kernel(events: list[dict[str, Any]], funnel: Funnel, days: tuple[date, date]) -> list[dict[str, Any]]:
    """The same by the kernel: a run a day, each in order."""
    rows = oracle.ordered(events)
    rows.sort(key=lambda row: (row["local_day"], row["visitor_id"]))
    runs, sources = [], []
    for day in sorted({row["local_day"] for row in rows}):
        own = [row for row in rows if row["local_day"] == day]
        bits = [sum(oracle.fits(row, s) << k for k, s in enumerate(funnel.steps)) for row in own]
        sources.append(own)
        at = [(row["at"] - datetime(1970, 1, 1)) // timedelta(microseconds=1) for row in own]
        # In two parts that lie apart, as views and deeds do, and in two pairs after one another.
        cut = len(own) // 2
        pairs = []
        for places in (range(cut), range(cut, len(own))):
            apart = [
                [n for n in places if (own[n]["event_id"] % 3 > 0) == is_first] for is_first in (True, False)
            ]
            pairs.append(
                tuple(
                    kernel.Rows(
                        np.array([own[n]["visitor_id"] for n in part], np.int64),
                        np.array([at[n] for n in part], np.int64),
                        np.array([bits[n] for n in part], np.uint16),
                        np.array(part, np.int32),
                    )
                    for part in apart
                )
            )
        table = np.arange(1 << len(funnel.steps), dtype=np.uint16)
        runs.append(kernel.Run(days[0] <= day < days[1], tuple(pairs), table))
    found = kernel.furthest(runs, len(funnel.steps), funnel.window // timedelta(microseconds=1))
    told = []
    for n in range(len(found)):
        start = sources[found.run[n]][found.row[n]]
        times = [int(column[n]) for column in found.times]
        told.append(
            {
                "subject_id": int(found.subject[n]),
                "local_day": start["local_day"],
                "event_id": start["event_id"],
                "depth": int(found.depth[n]),
                "times": tuple(
                    None if one == kernel.NOT_TAKEN else datetime(1970, 1, 1) + timedelta(microseconds=one)
                    for one in times
                ),
            }
        )
    return sorted(told, key=lambda row: row["subject_id"])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_funnel__worked_case__counts_depths_and_times_that_follow(case) -> None:
    events = events_of(case)
    funnel = Funnel(tuple(map(step, case["steps"])), timedelta(**case["window"]))
    days = tuple(case["period"]) if "period" in case else EVER
    expected = oracle.ways(events, funnel, days)
    assert by_expression(events, funnel, days) == expected
    assert by_kernel(events, funnel, days) == expected
    assert oracle.counts(expected, len(funnel.steps)) == case["reached"]
    names = {row["visitor_id"]: row["anonymous_ref"] for row in events}
    assert {names[way["subject_id"]]: way["depth"] for way in expected} == case["depth"]
    for name, seconds in case.get("seconds", {}).items():
        (way,) = (way for way in expected if names[way["subject_id"]] == name)
        assert oracle.seconds([way], 1, way["depth"]) == [seconds]
    for day, counted in case.get("days", {}).items():
        assert (
            oracle.counts([way for way in expected if way["local_day"] == day], len(funnel.steps)) == counted
        )


# ---- any events ------------------------------------------------------------------------------------------------------

reached: Counter[str] = Counter()
NAMES = ("a", "b", "c", "other")
FUNNELS = tuple(
    Funnel(tuple(Step("track", name) for name in names), timedelta(seconds=seconds))
    for names, seconds in (
        ("ab", 30),
        ("aab", 86_400),
        ("aba", 60),
        ("abac", 3_600),
        ("abac", 30),
        ("aaa", 20),
        ("aab", 60),
    )
)
PERIODS = (EVER, (date(2026, 3, 3), date(2026, 3, 4)))
SECONDS = (*range(0, 240, 10), 86_370, 86_380, 86_390)  # so that moments meet and windows end on them


def drawn(seed: int, funnel: Funnel) -> list[dict[str, Any]]:
    """Events of fifteen visitors on three days: of some as the funnel has them, of others as it comes."""
    rng = random.Random(seed)
    names = rng.choice(("ab", "aabc", "aabbccx"))
    found = []
    for visitor in range(15):
        at = datetime(2026, 3, 1, 16) + timedelta(days=rng.choice((0, 0, 1, 2)), seconds=rng.choice(SECONDS))
        is_walk = rng.random() < 0.5
        walked = [step.name for step in funnel.steps]
        walked = walked[: rng.choice((*range(1, len(walked)), *[len(walked)] * 4))]
        for name in walked if is_walk else rng.choices(names, k=rng.randrange(1, 9)):
            found.append(
                event(
                    visitor=f"v{visitor}",
                    at=at,
                    type="track",
                    name=name,
                    ord=rng.randrange(2),
                    event_id=rng.randrange(2**40),
                )
            )
            forward = (5, 10, 10) if is_walk else (-20, 0, 0, 10, 10, 20, 40, 86_400)
            at += timedelta(seconds=rng.choice(forward))
    return found


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(0, 2**32),
    funnel=st.sampled_from(FUNNELS),
    days=st.sampled_from(PERIODS),
    rows=st.sampled_from([7, 100_000]),
)
def test_funnel__any_events__expression_and_kernel_say_what_plain_python_says(
    seed, funnel, days, rows
) -> None:
    events = drawn(seed, funnel)
    expected = oracle.ways(events, funnel, days)
    kept, kernel.BUCKET_ROWS = kernel.BUCKET_ROWS, rows
    try:
        assert by_kernel(events, funnel, days) == expected
    finally:
        kernel.BUCKET_ROWS = kept
    assert by_expression(events, funnel, days) == expected
    reached.update(f"depth {way['depth']} of {len(funnel.steps)}" for way in expected)
    for way in expected:
        own = [e for e in events if e["visitor_id"] == way["subject_id"]]
        ends = [moment for moment in way["times"] if moment]
        starts = [e for e in own if oracle.fits(e, funnel.steps[0])]
        reached["equal moments"] += len({e["at"] for e in own}) < len(own)
        reached["over midnight"] += (ends[-1] + timedelta(hours=8)).date() > way["local_day"]
        reached["not the first start"] += any(e["at"] < ends[0] for e in starts)
        reached["a step exactly at the window's end"] += any(
            e["at"] == start["at"] + funnel.window for e in own for start in starts
        )


def test_funnel__law__reached_every_kind_of_way() -> None:
    print(dict(sorted(reached.items())))
    depths = [f"depth {k} of {n}" for n in (2, 3, 4) for k in range(1, n + 1)]
    for kind in (
        *depths,
        "equal moments",
        "over midnight",
        "not the first start",
        "a step exactly at the window's end",
    ):
        assert reached[kind] >= 5, kind


def test_median__of_seconds__is_that_of_the_nearest_rank() -> None:
    for values in ([], [5], [1, 9], [3, 1, 2], [4, 1, 2, 2]):
        table = ibis.memtable(pa.table({"seconds": pa.array(values, pa.int64())}))
        asked = questions.median(table)
        portability.check(asked)
        ranked = sorted(values)
        expected = ranked[-(-len(values) // 2) - 1] if values else None
        assert duckdb_answer(asked) == [{"median": expected}]


def duckdb_answer(asked: ibis.Table) -> list[dict[str, Any]]:
    return ibis.duckdb.connect().to_pyarrow(asked).to_pylist()
