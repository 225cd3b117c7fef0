"""Slow, obvious and in plain Python: the ways of visits, page by page. Expression and kernel are held to this."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

Row = dict[str, Any]
EPOCH = datetime(1970, 1, 1)
LEVELS = {
    "page": ("from_type", "from_path", "to_type", "to_path"),
    "type": ("channel", "step", "from_type", "to_type"),
    "into": ("step", "from_type", "to_type", "to_path"),
    "out": ("step", "from_type", "from_path", "to_type"),
}
DIMENSIONS = ("step", "channel", "from_type", "from_path", "to_type", "to_path")


def moves(events: Iterable[Row], visits: Iterable[Row]) -> list[Row]:
    """Every entry, move, exit and order of every visit."""
    opened = {(v["shop_id"], v["local_day"], v["visitor_id"], v["visit_id"]): v for v in visits}
    days: dict[tuple, list[Row]] = defaultdict(list)
    for event in events:
        days[event["shop_id"], event["local_day"], event["visitor_id"]].append(event)
    found: list[Row] = []
    for day, rows in days.items():
        ways: dict[int, list[Row]] = {}
        current = None
        for event in sorted(rows, key=lambda e: (e["at"], e["ord"], e["event_id"])):
            current = opened.get((*day, event["event_id"]), current)
            if event["type"] in ("page", "screen"):
                ways.setdefault(current["visit_id"], []).append(event)
        for visit_id, way in ways.items():
            found += _way(opened[(*day, visit_id)], way)
    return found


def _way(visit: Row, way: list[Row]) -> list[Row]:
    shared = {name: visit[name] for name in ("shop_id", "local_day", "visit_id", "channel")}
    shared["is_ordered"] = int(visit["orders"] > 0)
    pages = [(view["page_type"] or None, view["page_path"] or None) for view in way]
    seconds = [(view["at"] - EPOCH) // timedelta(seconds=1) for view in way]
    end = "order" if visit["orders"] > 0 else "exit"
    found = [_move(shared, "entry", 0, (None, None), pages[0], 0)]
    for nth in range(len(way) - 1):
        stay = seconds[nth + 1] - seconds[nth]
        found.append(_move(shared, "move", min(nth + 1, 6), pages[nth], pages[nth + 1], stay))
    found.append(_move(shared, end, min(len(way), 6), pages[-1], (None, None), 0))
    return found


def _move(shared: Row, kind: str, step: int, left: tuple, reached: tuple, stay: int) -> Row:
    row = {**shared, "kind": kind}
    is_ordered = row.pop("is_ordered")
    return row | {
        "step": step,
        "from_type": left[0],
        "from_path": left[1],
        "to_type": reached[0],
        "to_path": reached[1],
        "is_ordered": is_ordered,
        "stay_seconds": stay,
    }


def page_flows(events: Iterable[Row], visits: Iterable[Row]) -> list[Row]:
    """Moves added up at every level."""
    sums: dict[tuple, list[int]] = defaultdict(lambda: [0, 0, 0])
    for move in moves(events, visits):
        for level, names in LEVELS.items():
            told = tuple(move[name] if name in names else None for name in DIMENSIONS)
            added = sums[move["shop_id"], move["local_day"], level, move["kind"], *told]
            added[0] += 1
            added[1] += move["is_ordered"]
            added[2] += move["stay_seconds"]
    names = ("shop_id", "local_day", "level", "kind", *DIMENSIONS, "moves", "ordered_moves", "stay_seconds")
    return [dict(zip(names, (*key, *added), strict=True)) for key, added in sums.items()]
