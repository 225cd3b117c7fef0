"""Funnels in slow, plain Python: every start, every way of choosing the next events, nothing clever.

A way of k steps from a start is any choice of k events, the start first, each fitting its step, each strictly later than
the one before by (at, ord, event_id), all before the start's moment plus the window. Conditions are asked of one event at a
time (conditions.matching).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

from shuke.conditions.reads import field_names, holds
from shuke.traffic.funnels.shapes import TYPES, Funnel, Step
from shuke.traffic.reads.cohort_fields import COLUMNS

Row = dict[str, Any]


def fits(event: Row, step: Step) -> bool:
    if event["type"] not in TYPES[step.type]:
        return False
    if step.name and event["name"] != step.name:
        return False
    if step.condition is None:
        return True
    told: Row = {**event, **{field: event[column] for field, column in COLUMNS.items() if column in event}}
    for name in field_names(step.condition):
        if name.startswith("properties."):
            told[name] = property_of(event, name.removeprefix("properties."))
    return holds(step.condition, told)


def property_of(event: Row, key: str) -> str | None:
    """A property as text, as it was written."""
    sent = json.loads(event["properties"] or "{}", parse_int=str, parse_float=str)
    value = sent.get(key)
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else None


def ordered(events: Sequence[Row]) -> list[Row]:
    return sorted(events, key=lambda e: (e["at"], e["ord"], e["event_id"]))


def ends_of(own: Sequence[Row], start: int, funnel: Funnel) -> list[int | None]:
    """Per step the earliest event at which a way from this start can take it, over all ways; None: no way gets there."""
    until = own[start]["at"] + funnel.window

    @cache
    def possible(place: int, taken: int) -> frozenset[tuple[int, int]]:
        """(step, event) pairs that some way can still reach when `taken` steps are done and the last is `place`."""
        found = {(taken, place)}
        if taken < len(funnel.steps):
            for there in range(place + 1, len(own)):
                if own[there]["at"] < until and fits(own[there], funnel.steps[taken]):
                    found |= possible(there, taken + 1)
        return frozenset(found)

    reached = possible(start, 1)
    return [
        min((place for step, place in reached if step == number), default=None)
        for number in range(1, len(funnel.steps) + 1)
    ]


def way_of(events: Sequence[Row], funnel: Funnel, days: tuple[date, date]) -> Row | None:
    """The way of one visitor: depth, start, when each step was; None: it never started."""
    own = ordered(events)
    ways = []
    for place, event in enumerate(own):
        if days[0] <= event["local_day"] < days[1] and fits(event, funnel.steps[0]):
            ends = ends_of(own, place, funnel)
            depth = sum(end is not None for end in ends)
            ways.append((depth, place, ends))
    if not ways:
        return None
    deepest = max(depth for depth, _place, _ends in ways)
    first = min(ends[deepest - 1] for depth, _place, ends in ways if depth == deepest)
    place, ends = max(
        (place, ends) for depth, place, ends in ways if depth == deepest and ends[deepest - 1] == first
    )
    return {
        "subject_id": own[place]["visitor_id"],
        "local_day": own[place]["local_day"],
        "event_id": own[place]["event_id"],
        "depth": deepest,
        "times": tuple(None if end is None else own[end]["at"] for end in ends),
    }


def ways(events: Sequence[Row], funnel: Funnel, days: tuple[date, date]) -> list[Row]:
    """One row a visitor that started, by visitor."""
    owners = sorted({event["visitor_id"] for event in events})
    found = (way_of([e for e in events if e["visitor_id"] == owner], funnel, days) for owner in owners)
    return [way for way in found if way is not None]


def counts(found: Sequence[Row], steps: int) -> list[int]:
    return [sum(way["depth"] >= number for way in found) for number in range(1, steps + 1)]


def seconds(found: Sequence[Row], earlier: int, later: int) -> list[int]:
    """Sorted whole seconds between two steps of those who took the later."""
    whole = datetime(1970, 1, 1)
    told = []
    for way in found:
        if way["depth"] >= later:
            a, b = ((way["times"][n - 1] - whole) // timedelta(seconds=1) for n in (earlier, later))
            told.append(b - a)
    return sorted(told)
