"""Funnels as questions of the corpus: drawn events with repeated steps, equal moments and windows that end on an event."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from shuke.conditions.reads import parse
from shuke.traffic.funnels import questions
from shuke.traffic.funnels.shapes import Funnel, Step
from shuke.traffic.funnels.tests import oracle
from shuke.traffic.funnels.tests.test_funnels import drawn

Row = dict[str, Any]
DAYS = (date(2026, 3, 2), date(2026, 3, 4))
REPEATED = Funnel((Step("track", "a"), Step("track", "a"), Step("track", "b")), timedelta(days=1))
_RED = parse({"v": 1, "all": [{"field": "properties.color", "op": "eq", "value": "red"}]}, "event")
ASKING = Funnel((Step("track", "a", _RED), Step("track", "b")), timedelta(seconds=60))


def facts() -> dict[str, list[Row]]:
    """Sixty visitors; every third event says a color, some as null."""
    rows = [row for seed in range(4) for row in _drawn(seed)]
    for number, row in enumerate(rows):
        color = ('"red"', '"blue"', "null")[number % 3]
        row["properties"] = f'{{"n":{number},"color": {color}}}' if number % 4 else None
    return {"events": rows}


def _drawn(seed: int) -> list[Row]:
    found = drawn(seed, REPEATED)
    for row in found:
        row["visitor_id"] += seed  # visitors of one seed are not those of another
        row["event_id"] += seed << 41
    return found


def ways_of(funnel: Funnel) -> Any:
    """(build, expected) of the ways themselves; moments as whole microseconds, so that engines' clocks do not matter."""

    def expected(rows: list[Row]) -> list[Row]:
        return [
            {name: way[name] for name in ("subject_id", "local_day", "event_id", "depth")}
            | {f"at_{k}": at for k, at in enumerate(way["times"], start=1)}
            for way in oracle.ways(rows, funnel, DAYS)
        ]

    return lambda tables: questions.ways(tables["events"], funnel, DAYS), expected


def days_of(funnel: Funnel) -> Any:
    steps = len(funnel.steps)

    def expected(rows: list[Row]) -> list[Row]:
        found = oracle.ways(rows, funnel, DAYS)
        days = sorted({way["local_day"] for way in found})
        counted = {day: oracle.counts([w for w in found if w["local_day"] == day], steps) for day in days}
        return [
            {"local_day": day} | {f"reached_{k}": n for k, n in enumerate(counts, start=1)}
            for day, counts in counted.items()
        ]

    def build(tables: Any) -> Any:
        return questions.by_day(questions.ways(tables["events"], funnel, DAYS), steps)

    return build, expected


def median_of(funnel: Funnel) -> Any:
    steps = len(funnel.steps)

    def expected(rows: list[Row]) -> list[Row]:
        seconds = oracle.seconds(oracle.ways(rows, funnel, DAYS), 1, steps)
        return [{"median": seconds[-(-len(seconds) // 2) - 1]}]

    def build(tables: Any) -> Any:
        found = questions.ways(tables["events"], funnel, DAYS)
        return questions.median(questions.seconds_between(found, 1, steps))

    return build, expected


QUESTIONS = {
    "funnel: the ways": ways_of(REPEATED),
    "funnel: by day": days_of(REPEATED),
    "funnel: median time": median_of(REPEATED),
    "funnel: a property as it was sent": ways_of(ASKING),
}
