"""What the forecast asks of purchases, counted by hand: lists, dictionaries and loops."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

Row = Mapping[str, Any]


def _days(orders: Iterable[Row], last: date) -> dict[int, dict[date, int]]:
    """What remained of each customer's orders by day, where any of them counts."""
    found: dict[int, dict[date, int]] = defaultdict(lambda: defaultdict(int))
    for row in orders:
        if row["customer_id"] is not None and row["is_netted"] and row["local_day"] <= last:
            found[row["customer_id"]][row["local_day"]] += row["net_minor"]
    return found


def customers(orders: Iterable[Row], last: date) -> list[dict[str, Any]]:
    """People as they were known at the end of `last`, by id."""
    told = []
    for who, days in sorted(_days(orders, last).items()):
        later = [paid for day, paid in days.items() if day != min(days) and paid > 0]
        told.append(
            {
                "customer_id": who,
                "days": len(days),
                "first_day": min(days),
                "last_day": max(days),
                "valued_days": len(later),
                "valued_minor": sum(later),
            }
        )
    return told


def days_after(orders: Iterable[Row], cut: date, last: date) -> list[dict[str, Any]]:
    """On each day after the cut, those of them who were known then and ordered on it."""
    came: dict[date, int] = defaultdict(int)
    for days in _days(orders, last).values():
        if min(days) <= cut:
            for day in days:
                came[day] += day > cut
    return [{"local_day": day, "customers": count} for day, count in sorted(came.items()) if count]
