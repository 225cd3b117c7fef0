"""Slow, obvious and in plain Python: a visit's trail of views and orders. The expression and the kernel are held to it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

from shuke.traffic.tests import oracle as visits_oracle

Row = dict[str, Any]


def trails(events: Iterable[Row], rules: Sequence[Any]) -> list[Row]:
    """The views and first-told orders of every visit, in order, with what came next."""
    days: dict[tuple, list[Row]] = defaultdict(list)
    for event in events:
        days[event["shop_id"], event["local_day"], event["visitor_id"]].append(event)
    found: list[Row] = []
    for key in sorted(days):
        in_order = sorted(days[key], key=lambda e: (e["at"], e["ord"], e["event_id"]))
        era = [r for r in rules if r.since <= key[1]][-1] if rules[0].since <= key[1] else rules[0]
        told: set[int] = set()
        for visit in visits_oracle._cut(in_order, era, None):
            found += _of_visit(visit, told)
    return found


def _of_visit(visit: list[Row], told: set[int]) -> list[Row]:
    rows: list[Row] = []
    views: list[tuple[Row, int]] = []
    for event in visit:
        is_view = event["type"] in ("page", "screen")
        is_order = event["type"] == "track" and event["name"] == "Order Completed"
        if is_order and (event["order_id"] is None or event["order_id"] in told):
            continue
        if is_order:
            told.add(event["order_id"])
        if is_view or is_order:
            row = {name: visit[0][name] for name in ("shop_id", "local_day", "visitor_id")}
            row |= {"visit_id": visit[0]["event_id"], "position": len(rows) + 1}
            row |= {"is_view": int(is_view), "page_path": event["page_path"] or ""}
            row |= {"page_type": event["page_type"] or "", "next_path": None, "to_next": None}
            rows.append(row)
            if is_view:
                views.append((row, _second(event["at"])))
    for (row, at), (after, later) in pairwise(views):
        row |= {"next_path": after["page_path"], "to_next": later - at}
    return rows


def _second(moment: datetime) -> int:
    return int((moment.replace(microsecond=0) - datetime(1970, 1, 1)).total_seconds())
