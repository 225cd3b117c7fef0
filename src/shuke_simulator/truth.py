"""What really happened, counted from the draws themselves: the answers that the shop's pages should give.

The rules are the simulator's own words for the public ones: a page view is a page event; a visitor of a day is an
anonymous id with a page view on it; a visit ends with 30 idle minutes, at the shop's midnight, or when a link with
another campaign is followed; a bounce is a visitor (or a visit) with one page view; paid is the total of completed
orders, later refunds not deducted; net is paid less what was refunded or cancelled on that day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any


class Marks:
    """Which numbers occurred, a bit each: ten million customers take 1.2 MB, a set of them a hundred times that."""

    def __init__(self) -> None:
        self._bits = bytearray()
        self.count = 0

    def add(self, number: int) -> None:
        place, bit = number >> 3, 1 << (number & 7)
        if place >= len(self._bits):
            self._bits.extend(bytes(place + 1 - len(self._bits) + len(self._bits) // 4))
        if not self._bits[place] & bit:
            self._bits[place] |= bit
            self.count += 1


@dataclass
class ChannelTruth:
    """Of one channel on one day; orders are those that its visits completed."""

    visits: int = 0
    pv: int = 0
    bounced_visits: int = 0
    orders: int = 0
    paid_minor: int = 0


@dataclass
class DayTruth:
    """Counts of one day of the shop; money in minor units. Each visitor and each buyer is told once a day."""

    pv: int = 0
    uv: int = 0
    visits: int = 0
    bounced_visits: int = 0
    bounced_visitors: int = 0
    stay_seconds: int = 0
    carts: int = 0
    orders: int = 0
    buyers: int = 0
    units: int = 0
    paid_minor: int = 0
    cancelled: int = 0
    refunded: int = 0
    returned_minor: int = 0
    registrations: int = 0
    events: int = 0
    by_channel: dict[str, ChannelTruth] = field(default_factory=dict)

    def channel(self, name: str) -> ChannelTruth:
        return self.by_channel.setdefault(name, ChannelTruth())

    def as_dict(self) -> dict[str, Any]:
        """Plain numbers; `net_minor` is added, and `channels`, the visits of each channel."""
        plain = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "by_channel"}
        named = dict(sorted(self.by_channel.items()))
        return plain | {
            "net_minor": self.paid_minor - self.returned_minor,
            "channels": {name: one.visits for name, one in named.items()},
            "by_channel": {name: asdict(one) for name, one in named.items()},
        }


class IncidentTruth:
    """What one incident did, by day.

    `visitors_lost`: did not come on the day; `visits_lost`: further visits of who came; `visits_won`; `visits_cut`: an
    outage ended them; `visits_bounced`; `units_mispriced` and `goods_lost_minor`, the difference to the right price.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.days: dict[str, dict[str, int]] = {}

    def count(self, day: str, name: str, by: int = 1) -> None:
        counts = self.days.setdefault(day, {})
        counts[name] = counts.get(name, 0) + by

    def as_dict(self) -> dict[str, Any]:
        """The incident's text, its days, and their sums."""
        sums: dict[str, int] = {}
        for counts in self.days.values():
            for name, value in counts.items():
                sums[name] = sums.get(name, 0) + value
        return {"incident": self.text, "days": dict(sorted(self.days.items())), **sums}


class Truth:
    """All days, by ISO date of the shop, and all incidents in their order."""

    def __init__(self, incidents: Sequence[str] = ()) -> None:
        self.days: dict[str, DayTruth] = {}
        self.visitors, self.buyers = Marks(), Marks()
        self.incidents = [IncidentTruth(text) for text in incidents]

    def day(self, day: str) -> DayTruth:
        return self.days.setdefault(day, DayTruth())

    def as_dict(self) -> dict[str, Any]:
        """`days`: each day; `whole`: all of them, visitors and buyers counted once; `incidents`, where there are any."""
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
        found: dict[str, Any] = {"days": days}
        found["whole"] = whole | {"uv": self.visitors.count, "buyers": self.buyers.count}
        if self.incidents:
            found["incidents"] = [one.as_dict() for one in self.incidents]
        return found
