"""What really happened, counted from the draws themselves: the answers that the shop's pages should give.

The rules are the simulator's own words for the public ones: a page view is a page event; a visitor of a day is an
anonymous id with a page view on it; a visit ends with 30 idle minutes, at the shop's midnight, or when a link with
another campaign is followed; a bounce is a visitor (or a visit) with one page view; paid is the total of completed
orders, later refunds not deducted; net is paid less what was refunded or cancelled on that day.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class DayTruth:
    """Counts of one day of the shop; money in minor units. The two sets serve counts over several days."""

    pv: int = 0
    visits: int = 0
    bounced_visits: int = 0
    bounced_visitors: int = 0
    stay_seconds: int = 0
    carts: int = 0
    orders: int = 0
    units: int = 0
    paid_minor: int = 0
    cancelled: int = 0
    refunded: int = 0
    returned_minor: int = 0
    registrations: int = 0
    events: int = 0
    channels: dict[str, int] = field(default_factory=dict)
    visitors: set[int] = field(default_factory=set)
    buyers: set[int] = field(default_factory=set)

    def as_dict(self) -> dict[str, Any]:
        """Plain numbers: the sets become `uv` and `buyers`, and `net_minor` is added."""
        plain = {k: v for k, v in asdict(self).items() if k not in ("visitors", "buyers", "channels")}
        return plain | {
            "uv": len(self.visitors),
            "buyers": len(self.buyers),
            "net_minor": self.paid_minor - self.returned_minor,
            "channels": dict(sorted(self.channels.items())),
        }


class Truth:
    """All days, by ISO date of the shop."""

    def __init__(self) -> None:
        self.days: dict[str, DayTruth] = {}

    def day(self, day: str) -> DayTruth:
        return self.days.setdefault(day, DayTruth())

    def as_dict(self) -> dict[str, Any]:
        """`days`: each day; `whole`: all of them, visitors and buyers counted once."""
        visitors: set[int] = set().union(*(d.visitors for d in self.days.values()))
        buyers: set[int] = set().union(*(d.buyers for d in self.days.values()))
        days = {name: self.days[name].as_dict() for name in sorted(self.days)}
        sums = (
            "pv",
            "visits",
            "bounced_visits",
            "orders",
            "units",
            "paid_minor",
            "returned_minor",
            "net_minor",
            "events",
        )
        whole = {key: sum(d[key] for d in days.values()) for key in sums}
        return {"days": days, "whole": whole | {"uv": len(visitors), "buyers": len(buyers)}}
