"""Cohorts against plain Python: worked cases, laws over random acts, and the calendar against ISO."""

from __future__ import annotations

import random
from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import ibis
import pyarrow as pa
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shuke.kernel.periods import ONE_DAY
from shuke.traffic.reads import cohort_questions as questions
from shuke.traffic.reads.cohort_shapes import between, period_of, shifted
from shuke.traffic.reads.cohorts import counts_of_others, counts_of_the_same
from shuke.traffic.tests import cohorts_oracle as oracle

pytestmark = pytest.mark.row("T7")
CASES = yaml.safe_load((Path(__file__).parent / "cohorts.cases.yaml").read_text(encoding="utf-8"))
ACTS = pa.schema([("subject_id", pa.int64()), ("local_day", pa.date32())])
START = date(2025, 11, 1)


@pytest.fixture(scope="module")
def connection():
    return duckdb.connect(config={"threads": "1"})


_translated: dict[Any, str] = {}


def answer(connection, key: Any, build, **acts: list[oracle.Act]) -> list[dict[str, Any]]:
    """The rows of an expression over tables of acts, by DuckDB; `key` tells expressions apart."""
    if key not in _translated:
        tables = {name: ibis.table(ibis.Schema.from_pyarrow(ACTS), name=name) for name in acts}
        _translated[key] = str(ibis.to_sql(build(**tables), dialect="duckdb"))
    for name, rows in acts.items():
        connection.register(name, pa.table([list(c) for c in zip(*rows, strict=True)] or [[], []], ACTS))
    return connection.execute(_translated[key]).to_arrow_table().to_pylist()


def edges_of(first: date, until: date, grain: str) -> list[date]:
    begin = period_of(first, grain)
    count = between(first, until, grain) + 1
    return [shifted(begin, grain, place).start for place in range(count + 1)]


def asked(
    connection,
    start: list[oracle.Act],
    back: list[oracle.Act] | None,
    edges: list[date],
    last: date,
    grain: str,
):
    """(rows as the engine gives them, rows of the oracle, counts by cohort and period)."""
    key = (tuple(edges), last, grain, back is None)
    if back is None:

        def build(days):
            return questions.returns_of_the_same(days, edges, last, grain)

        rows = answer(connection, key, build, days=sorted(set(start)))
        return rows, oracle.same_rows(start, edges, last), counts_of_the_same(rows, edges[0], grain)

    def build(start, back):
        return questions.returns_of_others(start, back, edges, last)

    rows = answer(connection, key, build, start=start, back=back)
    return rows, oracle.other_rows(start, back, edges, last), counts_of_others(rows, edges[0], grain)


def plain(rows: list[dict[str, Any]]) -> list[Any]:
    return sorted(sorted((k, int(v) if k != "first_day" else v) for k, v in row.items()) for row in rows)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_cohorts__worked_case__the_table_that_follows(connection, case) -> None:
    names = sorted({*case["start"], *case.get("back", {})})
    start = [(names.index(name), day) for name, days in case["start"].items() for day in days]
    back = (
        [(names.index(name), day) for name, days in case["back"].items() for day in days]
        if "back" in case
        else None
    )
    grain, expected = case["grain"], case["rows"]
    edges = edges_of(min(expected), case["until"], grain)
    rows, by_oracle, counts = asked(connection, start, back, edges, edges[-1], grain)
    assert plain(rows) == plain(by_oracle)
    reached = len(edges) - 1
    for first, numbers in expected.items():
        place = between(edges[0], first, grain)
        told = [counts.get((place, questions.SIZE_OF_ALL), 0)]
        told += [counts.get((place, period), 0) for period in range(place, reached)]
        assert told == numbers, first
        in_cohort = oracle.members(start, grain).get(oracle.label(first, grain), set())
        assert len(in_cohort) == numbers[0]
        for offset, number in enumerate(numbers[1:]):
            there = oracle.label(shifted(period_of(first, grain), grain, offset).start, grain)
            found = oracle.returned(start, start if back is None else back, grain)
            assert len(found.get((oracle.label(first, grain), there), ())) == number


def drawn(seed: int, *, span: int = 180, count: int = 40) -> list[oracle.Act]:
    """Acts of few people, spread evenly: lists that grow element by element rarely meet one another."""
    rng = random.Random(seed)
    return [
        (rng.randrange(8), START + timedelta(days=rng.randrange(span)))
        for _ in range(rng.randrange(8, count))
    ]


seeds = st.integers(0, 2**32 - 1)
few = st.lists(
    st.tuples(st.integers(0, 7), st.integers(0, 180).map(lambda n: START + timedelta(days=n))), max_size=3
)
acts = few | seeds.map(drawn)
near = seeds.map(lambda seed: drawn(seed, span=60, count=60))


def test_cohorts__random_acts__equal_the_oracle(connection) -> None:
    seen: Counter[str] = Counter()

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        start=acts,
        back=st.sampled_from([False, True, True]).flatmap(lambda is_other: acts if is_other else st.none()),
        grain=st.sampled_from(["week", "month"]),
        skip=st.integers(0, 3),
        cut=st.integers(0, 3),
    )
    def law(start, back, grain, skip, cut) -> None:
        edges = edges_of(START, START + timedelta(days=180), grain)[skip:]
        last = edges[len(edges) - 1 - cut]
        rows, expected, counts = asked(connection, start, back, edges, last, grain)
        assert plain(rows) == plain(expected)
        everybody = oracle.returned(start, start if back is None else back, grain)
        sizes = oracle.members(start, grain)
        for place, begin in enumerate(edges[:-1]):
            if begin >= last:
                continue
            cohort = oracle.label(begin, grain)
            assert counts.get((place, questions.SIZE_OF_ALL), 0) == len(sizes.get(cohort, ()))
            for period, there in enumerate(edges[:-1]):
                back_then = everybody.get((cohort, oracle.label(there, grain)), ())
                assert counts.get((place, period), 0) == len(back_then)
        seen[grain] += 1
        seen["same" if back is None else "other"] += 1
        firsts = oracle.first_days(start)
        seen["nobody"] += not start
        seen["before the range"] += any(day < edges[0] for day in firsts.values())
        seen["after the range"] += any(day >= last for day in firsts.values())
        seen["came back later"] += any(key[0] != key[1] for key in everybody)
        if back is not None:
            seen["returned before the start"] += any(w in firsts and d < firsts[w] for w, d in back)
            seen["on the day of the start"] += any(firsts.get(w) == d for w, d in back)

    law()
    print(dict(seen))
    wanted = (
        "week",
        "month",
        "same",
        "other",
        "nobody",
        "before the range",
        "after the range",
        "came back later",
        "returned before the start",
        "on the day of the start",
    )
    assert {name: seen[name] for name in wanted if seen[name] < 3} == {}


def test_people__random_acts__as_many_as_the_number(connection) -> None:
    seen: Counter[str] = Counter()

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        start=near,
        back=near,
        grain=st.sampled_from(["week", "month"]),
        day=st.sampled_from([START, START + timedelta(days=8), START + timedelta(days=33)]),
        offset=st.sampled_from([None, 0, 1, 2]),
    )
    def law(start, back, grain, day, offset) -> None:
        cohort = period_of(day, grain)
        there = None if offset is None else shifted(cohort, grain, offset)

        def build(start, back):
            spans = (cohort.start, cohort.end), there and (there.start, there.end)
            return questions.people(start, back if there else None, *spans)

        rows = answer(connection, (grain, day, offset), build, start=start, back=back)
        if there is None:
            expected = oracle.members(start, grain).get(oracle.label(day, grain), set())
        else:
            key = oracle.label(day, grain), oracle.label(there.start, grain)
            expected = oracle.returned(start, back, grain).get(key, set())
            for row in rows:
                those = [
                    d for w, d in back if w == row["subject_id"] and d in there and d >= row["first_day"]
                ]
                assert (row["times"], row["last_day"]) == (len(those), max(those))
        assert sorted(row["subject_id"] for row in rows) == sorted(expected)
        firsts = oracle.first_days(start)
        assert all(row["first_day"] == firsts[row["subject_id"]] for row in rows)
        seen["cohort" if there is None else "cell"] += bool(rows)

    law()
    print(dict(seen))
    assert min(seen["cohort"], seen["cell"]) >= 3


@pytest.mark.parametrize("grain", ["week", "month"])
def test_calendar__every_day_of_eight_years__as_iso_and_the_calendar_say(grain) -> None:
    day, first = date(2019, 12, 20), date(2019, 12, 20)
    before, passed = oracle.label(day, grain), 0
    while day < date(2028, 1, 15):
        now = oracle.label(day, grain)
        passed += now != before
        assert between(first, day, grain) == passed
        period = period_of(day, grain)
        assert day in period
        assert shifted(period_of(first, grain), grain, passed) == period
        assert oracle.label(period.start, grain) == oracle.label(period.last, grain) == now
        assert oracle.label(period.end, grain) != now
        before, day = now, day + ONE_DAY
