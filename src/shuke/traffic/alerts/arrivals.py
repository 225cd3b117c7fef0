"""What has come of each day: how a day that changed is known again, and up to which day the orders are in.

Visits come by themselves; orders may come by a file, days or weeks later. A day without a line of an order file is then no
day without orders: it is not known yet, and says nothing about orders and amounts. Nor do days after the last event say
anything about visits, where orders go on: the events' file ended, or the tracker is gone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import date

from shuke.kernel.periods import ONE_DAY, Period
from shuke.shops.reads import ShopView
from shuke.warehouse import reads as warehouse

# Looked at beyond a period: lines of a later day say that those of its last day are all there.
AHEAD_DAYS = 31
_FEW = 1000
_KINDS = ("events", "order_lines")


@dataclass(frozen=True)
class Came:
    """What is known of one day: visits, orders that visits completed, and rows of events and of order files."""

    visits: int = 0
    told: int = 0
    events: int = 0
    lines: int = 0

    def token(self, definition: str) -> list[int | str]:
        """Another one when something was added, restated or erased, or is counted by another definition."""
        return [*astuple(self), definition]

    def is_as(self, token: Sequence[int | str] | None, definition: str) -> bool:
        """Whether a day that was counted with `token` need not be counted again: by the same definition, and less than one in
        a thousand is other. Of a busy shop's yesterday some facts come every second; counting it for each would leave no
        time to judge it. A token of old, without a definition, says that the day is counted again."""
        if not token or token[-1] != definition:
            return False
        counted = [int(number) for number in token[:-1]]
        return all(abs(a - b) * _FEW <= max(a, b) for a, b in zip(astuple(self), counted, strict=True))


NOTHING = Came()


def of_days(shop: ShopView, period: Period) -> dict[date, Came]:
    """Each day of which something is known. Cheap: sums of days, and how many rows the warehouse says that it holds."""

    def question(snapshot: warehouse.Snapshot) -> dict[date, Came]:
        days = snapshot.derived("channel_days")
        days = days.filter(days.level == "day").select("local_day", "visits", "orders")
        seen = {row["local_day"]: row for row in warehouse.run(days).to_pylist()}
        rows = {kind: _rows(snapshot, kind) for kind in _KINDS}
        known = sorted({*seen, *(day for found in rows.values() for day in found)})
        return {
            day: Came(
                seen[day]["visits"] if day in seen else 0,
                (seen[day]["orders"] or 0) if day in seen else 0,
                *(rows[kind].get(day, 0) for kind in _KINDS),
            )
            for day in known
        }

    return warehouse.ask(shop, period, question)


def _rows(snapshot: warehouse.Snapshot, kind: str) -> dict[date, int]:
    """By day; a file that is merged over a sealing counts whole until it is gone, which costs one count more."""
    plan = snapshot.plan
    found = {day: plan.rows.get(day, {}).get(kind, 0) for day in plan.through if plan.has(day, kind)}
    for file in plan.open_files.get(kind, ()):
        for day, span in file.spans[snapshot.shop.id].items():
            if day in plan.period and span.last > plan.through.get(day, 0):
                found[day] = found.get(day, 0) + span.rows
    return {day: rows for day, rows in found.items() if rows}


def visits_known_until(came: Mapping[date, Came]) -> date | None:
    """The last day of which all visits are in: only events of a later day say that they did not stop within the day. None:
    there are none at all."""
    seen = [day for day, one in came.items() if one.visits or one.events]
    return max(seen) - ONE_DAY if seen else None


def facts_known_until(came: Mapping[date, Came]) -> date | None:
    """As `visits_known_until`, of visits and orders together."""
    return max(came) - ONE_DAY if came else None


def orders_known_until(
    came: Mapping[date, Came], orders: Mapping[date, int], last: date, *, days: int, told_share: float
) -> date | None:
    """The last day of which all orders are in; None: orders come with the visits, so every day has its own.

    By the `days` up to `last`: they come by files when some of these days have lines and visits told less than `told_share`
    of those days' orders. A file may end within a day, so only lines of a later day say that a day is whole.
    """
    first = last - ONE_DAY * (days - 1)
    with_lines = [day for day, one in came.items() if one.lines and day >= first]
    if not with_lines:
        return None
    past = [day for day in with_lines if day <= last]
    told = sum(came[day].told for day in past)
    if past and told >= told_share * sum(orders.get(day, 0) for day in past):
        return None
    return max(with_lines) - ONE_DAY
