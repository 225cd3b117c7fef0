"""Slow, obvious and in plain Python: how far a visit went on a route, and where it went instead."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Any

from shuke.traffic.routes.shapes import Step

Row = dict[str, Any]
Key = tuple[int, int]


def fits(row: Row, step: Step) -> bool:
    if step.kind == "order":
        return not row["is_view"]
    if not row["is_view"]:
        return False
    if step.kind == "type":
        return row["page_type"] == step.value
    if step.kind == "page":
        return row["page_path"] == step.value
    pattern = ".*".join(re.escape(part) for part in step.value.split("*"))
    return re.fullmatch(pattern, row["page_path"]) is not None


def by_visit(trail: Iterable[Row]) -> dict[Key, list[Row]]:
    found: dict[Key, list[Row]] = defaultdict(list)
    for row in trail:
        found[row["shop_id"], row["visit_id"]].append(row)
    return {key: sorted(rows, key=lambda r: r["position"]) for key, rows in found.items()}


def chain(rows: Sequence[Row], steps: Sequence[Step]) -> tuple[Row, ...]:
    """The rows at which a visit stood at the steps that it entered: of all choices of rows that fit the most steps, the
    earliest."""
    for depth in range(len(steps), 0, -1):
        for chosen in combinations(rows, depth):
            if all(fits(row, step) for row, step in zip(chosen, steps, strict=False)):
                return chosen
    return ()


def end(rows: Sequence[Row], steps: Sequence[Step]) -> tuple[int, Row | None]:
    """The last step entered, and the page to which the visit went instead (None: nowhere, or it came through)."""
    stood = chain(rows, steps)
    if not stood or len(stood) == len(steps):
        return len(stood), None
    for row in rows:
        is_later = row["is_view"] and row["position"] > stood[-1]["position"]
        if is_later and row["page_path"] != stood[-1]["page_path"]:
            return len(stood), row
    return len(stood), None


def leaks(trail: Iterable[Row], steps: Sequence[Step]) -> list[Row]:
    """As questions.leaks."""
    counted: Counter[tuple[int, str | None]] = Counter()
    types: dict[tuple[int, str | None], str] = {}
    for rows in by_visit(trail).values():
        depth, to = end(rows, steps)
        if depth:
            key = (depth, to["page_path"] if to else None)
            counted[key] += 1
            types[key] = max(types.get(key, ""), to["page_type"]) if to else None
    return [
        {"depth": depth, "to_path": path, "to_type": types[depth, path], "visits": n}
        for (depth, path), n in counted.items()
    ]


def pages(trail: Iterable[Row], steps: Sequence[Step]) -> list[Row]:
    """As questions.pages."""
    entered: Counter[tuple[int, str]] = Counter()
    went_on: Counter[tuple[int, str]] = Counter()
    types: dict[tuple[int, str], str] = {}
    for rows in by_visit(trail).values():
        stood = chain(rows, steps)
        for number, row in enumerate(stood, start=1):
            key = (number, row["page_path"])
            entered[key] += 1
            went_on[key] += number < len(stood)
            types[key] = max(types.get(key, ""), row["page_type"])
    return [
        {
            "step": step,
            "page_path": path,
            "page_type": types[step, path],
            "entered": n,
            "went_on": went_on[step, path],
        }
        for (step, path), n in entered.items()
    ]
