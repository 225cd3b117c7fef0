"""All rows behind a number, for a file: asked day by day, the last one first, so that a large file neither holds more than a
day at a time nor asks for the same days again with each piece.

A visit belongs to one day, and visits of later days began later, so this is their order, newest first. What comes meanwhile
for a day that was told already is not told; nothing is told twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from itertools import chain
from typing import Any

import pyarrow as pa

from shuke.kernel.periods import Period
from shuke.shops.reads import ShopView

PIECE = 1_000  # rows that are unpacked at once


def days_shown(by_day: Mapping[date, int], first: int, size: int) -> tuple[list[date], int]:
    """Of rows counted by day, the days that hold those from `first` on, newest first, and how many of these days' rows come
    before them."""
    passed, newer = 0, 0
    days = []
    for day in sorted(by_day, reverse=True):
        if passed + by_day[day] <= first:
            newer = passed + by_day[day]
        elif passed < first + size:
            days.append(day)
        passed += by_day[day]
    return days, first - newer


def every_row(
    shop: ShopView, period: Period, ask: Callable[[Period], pa.Table]
) -> Iterator[Mapping[str, Any]]:
    """The rows of each day of a period, moments on the shop's clock. The first is asked at once, so that what is refused is
    said before a file begins."""
    rows = _rows(shop, period, ask)
    first = next(rows, None)
    return iter(()) if first is None else chain((first,), rows)


def _rows(shop: ShopView, period: Period, ask: Callable[[Period], pa.Table]) -> Iterator[Mapping[str, Any]]:
    for day in reversed(list(period.days())):
        table = ask(Period.of_day(day))
        for start in range(0, table.num_rows, PIECE):
            for row in table.slice(start, PIECE).to_pylist():
                yield {name: _localised(value, shop) for name, value in row.items()}


def _localised(value: Any, shop: ShopView) -> Any:
    return value.replace(tzinfo=UTC).astimezone(shop.zone) if isinstance(value, datetime) else value
