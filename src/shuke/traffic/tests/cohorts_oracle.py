"""Cohorts in plain Python, slow and obvious: the meaning to which every engine is held.

Facts are rows of the warehouse's kinds as dictionaries. Nothing here knows an expression, a digit or a bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import Any

from shuke.conditions.reads import holds
from shuke.traffic.reads.cohort_fields import COLUMNS
from shuke.traffic.reads.cohort_shapes import Behaviour

Row = Mapping[str, Any]
Facts = Mapping[str, Sequence[Row]]
Act = tuple[int, date]
Label = tuple[int, int]


def label(day: date, grain: str) -> Label:
    """(ISO year, ISO week) or (year, month)."""
    return tuple(day.isocalendar())[:2] if grain == "week" else (day.year, day.month)


def acts(facts: Facts, behaviour: Behaviour, who: str) -> list[Act]:
    """Everybody's acts as (who, day)."""
    found = []
    for row in _rows(facts, behaviour):
        if behaviour.condition is not None and not holds(behaviour.condition, _subject(row)):
            continue
        owner = _owner(row, behaviour, who)
        if owner is not None:
            found.append((owner, row["local_day"]))
    return found


def _rows(facts: Facts, behaviour: Behaviour) -> Iterable[Row]:
    if behaviour.kind == "order":
        return [row for row in facts["order_facts"] if row["kind"] == "sale"]
    if behaviour.kind == "movement":
        return facts["order_facts"]
    if behaviour.kind == "visit":
        return facts["visits"]
    name = "Signed Up" if behaviour.kind == "sign_up" else behaviour.name
    return [row for row in facts["events"] if row["type"] == "track" and row["name"] == name]


def _owner(row: Row, behaviour: Behaviour, who: str) -> int | None:
    if who == "visitor":
        return row["visitor_id"]
    return row["buyer_id"] if "buyer_id" in row else row["person_id"]


def _subject(row: Row) -> dict[str, Any]:
    renamed = {field: row[column] for field, column in COLUMNS.items() if column in row}
    return {**row, **renamed, "is_one_page": row.get("views") == 1}


def first_days(starting: Iterable[Act]) -> dict[int, date]:
    """Who → the day of the first act."""
    found: dict[int, date] = {}
    for who, day in starting:
        if who not in found or day < found[who]:
            found[who] = day
    return found


def members(starting: Iterable[Act], grain: str) -> dict[Label, set[int]]:
    """Cohort → who is in it."""
    found: dict[Label, set[int]] = {}
    for who, day in first_days(starting).items():
        found.setdefault(label(day, grain), set()).add(who)
    return found


def returned(
    starting: Iterable[Act], returning: Iterable[Act], grain: str
) -> dict[tuple[Label, Label], set[int]]:
    """(cohort, period) → who of the cohort came back in the period, on the day of the start or later."""
    firsts = first_days(starting)
    found: dict[tuple[Label, Label], set[int]] = {}
    for who, day in returning:
        if who in firsts and day >= firsts[who]:
            key = label(firsts[who], grain), label(day, grain)
            found.setdefault(key, set()).add(who)
    return found


def same_rows(days: Iterable[Act], edges: Sequence[date], last: date) -> list[dict[str, Any]]:
    """What `cohort_questions.returns_of_the_same` gives: by first day, how many acted in each period between `edges`."""
    acts_ = set(days)
    return _by_first_day(
        acts_, edges, last, lambda who, start, end: any(w == who and start <= day < end for w, day in acts_)
    )


def _by_first_day(
    acts_: set[Act], edges: Sequence[date], last: date, is_back: Callable[[int, date, date], bool]
) -> list[dict[str, Any]]:
    groups: dict[date, list[int]] = {}
    for who, day in first_days(acts_).items():
        if edges[0] <= day < last:
            groups.setdefault(day, []).append(who)
    rows = []
    for day, people in groups.items():
        row: dict[str, Any] = {"first_day": day, "members": len(people)}
        for place, (start, end) in enumerate(pairwise(edges)):
            row[f"p{place}"] = sum(is_back(who, start, end) for who in people)
        rows.append(row)
    return rows


def other_rows(
    starting: Iterable[Act], returning: Iterable[Act], edges: Sequence[date], last: date
) -> list[dict[str, Any]]:
    """What `cohort_questions.returns_of_others` gives: (first_day, period, people), sizes at period -1."""
    firsts = {who: day for who, day in first_days(starting).items() if edges[0] <= day < last}
    found: dict[tuple[date, int], set[int]] = {}
    for who, day in firsts.items():
        found.setdefault((day, -1), set()).add(who)
    for who, day in returning:
        for place, (start, end) in enumerate(pairwise(edges)):
            if who in firsts and start <= day < end and day >= firsts[who]:
                found.setdefault((firsts[who], place), set()).add(who)
    return [{"first_day": day, "period": place, "people": len(who)} for (day, place), who in found.items()]
