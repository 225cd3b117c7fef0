"""Slow, obvious and in plain Python: what happens on a page, from trails; and where it was clicked, from events."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

Row = dict[str, Any]


def pages(trail: Iterable[Row], by: str = "page_path") -> dict[Any, Row]:
    """Sums by page or by day."""
    views: dict[Any, list[Row]] = defaultdict(list)
    for row in trail:
        if row["is_view"]:
            views[row[by]].append(row)
    return {
        key: {
            "page_type": max(row["page_type"] for row in rows),
            "views": len(rows),
            "stay_seconds": sum(row["to_next"] or 0 for row in rows),
            "measured": sum(row["to_next"] is not None for row in rows),
            "exits": sum(row["next_path"] is None for row in rows),
            "visits": len({(row["shop_id"], row["visit_id"]) for row in rows}),
            "visitors": len({(row["shop_id"], row["visitor_id"]) for row in rows}),
        }
        for key, rows in views.items()
    }


def days(trail: Iterable[Row]) -> list[Row]:
    """Rows of page_days."""
    own: dict[tuple, list[Row]] = defaultdict(list)
    for row in trail:
        if row["is_view"]:
            own[row["shop_id"], row["local_day"]].append(row)
    found = []
    for (shop, day), rows in own.items():
        of_day = {"shop_id": shop, "local_day": day}
        for path, one in pages(rows).items():
            found.append(of_day | one | {"level": "page", "page_path": path, "page_type": None})
        nothing = dict.fromkeys(("stay_seconds", "measured", "exits", "visits", "visitors"), 0)
        for (path, kind), views in Counter((row["page_path"], row["page_type"]) for row in rows).items():
            told = {"level": "type", "page_path": path, "page_type": kind, "views": views}
            found.append(of_day | told | nothing)
    return found


def entries(trail: Iterable[Row]) -> Counter[str]:
    """Visits that began with a page."""
    first: dict[tuple[int, int], Row] = {}
    for row in trail:
        key = (row["shop_id"], row["visit_id"])
        if row["is_view"] and (key not in first or row["position"] < first[key]["position"]):
            first[key] = row
    return Counter(row["page_path"] for row in first.values())


def ways(trail: Iterable[Row]) -> Counter[tuple[str, str | None]]:
    """From a page to the next."""
    return Counter((row["page_path"], row["next_path"]) for row in trail if row["is_view"])


def clicks(events: Iterable[Row], path: str, terminal: str | None = None) -> Counter[tuple[int, int]]:
    """Clicks on a page by cell."""
    found: Counter[tuple[int, int]] = Counter()
    for event in events:
        if (event["type"], event["name"], event["page_path"]) != ("track", "Element Clicked", path):
            continue
        told = json.loads(event["properties"] or "{}")
        if terminal in (None, event["terminal"]) and _is_in(told.get("x"), 20) and _is_in(told.get("y"), 100):
            found[told["x"], told["y"]] += 1
    return found


def _is_in(value: Any, end: int) -> bool:
    return isinstance(value, int) and 0 <= value < end
