"""Slow, obvious and in plain Python: what the visits of a day add up to by their entrance."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

Row = dict[str, Any]


def entrance_days(visits: Iterable[Row]) -> list[Row]:
    """Visits by day, channel and entrance page."""
    days: dict[tuple, list[Row]] = defaultdict(list)
    for visit in visits:
        key = tuple(visit[n] for n in ("shop_id", "local_day", "channel", "entry_type", "entry_path"))
        days[(*key, visit["views"] >= 1)].append(visit)
    return [
        {
            "shop_id": shop_id,
            "local_day": day,
            "channel": channel,
            "entry_type": entry_type,
            "entry_path": entry_path,
            "visits": len(rows),
            "viewed_visits": sum(v["views"] >= 1 for v in rows),
            "one_view_visits": sum(v["views"] == 1 for v in rows),
            "measured_visits": sum(v["views"] >= 2 for v in rows),
            "views": sum(v["views"] for v in rows),
            "stay_seconds": sum(v["stay_seconds"] for v in rows),
            "carts": sum(v["carts"] for v in rows),
            "cart_visits": sum(v["carts"] > 0 for v in rows),
            "orders": sum(v["orders"] for v in rows),
            "ordered_visits": sum(v["orders"] > 0 for v in rows),
            "revenue_minor": sum(v["revenue_minor"] for v in rows),
        }
        for (shop_id, day, channel, entry_type, entry_path, _is_viewed), rows in days.items()
    ]
