"""Days and periods of a shop. A day begins at the shop's midnight; every period is half-open: [start, end).

Shapes: `Period` holds local dates; moments are aware UTC. A local day may last 23 or 25 hours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, order=True)
class Period:
    """Local days from `start` up to, not including, `end`. Raises ValueError when it would be empty."""

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise ValueError(f"a period must hold at least one day: {self.start} .. {self.end}")

    @classmethod
    def of_day(cls, day: date) -> Period:
        return cls(day, day + ONE_DAY)

    @classmethod
    def inclusive(cls, first: date, last: date) -> Period:
        """From the way people write it: both days included."""
        return cls(first, last + ONE_DAY)

    @property
    def last(self) -> date:
        """The last day inside."""
        return self.end - ONE_DAY

    @property
    def length(self) -> int:
        """Number of days."""
        return (self.end - self.start).days

    def days(self) -> Iterator[date]:
        for i in range(self.length):
            yield self.start + timedelta(days=i)

    def shifted(self, days: int) -> Period:
        return Period(self.start + timedelta(days=days), self.end + timedelta(days=days))

    def before(self) -> Period:
        """The period of the same length that ends where this one starts."""
        return self.shifted(-self.length)

    def same_days_last_week(self) -> Period:
        """Shifted by whole weeks, at least as many as the period is long, so weekdays line up."""
        weeks = -(-self.length // 7)
        return self.shifted(-7 * weeks)

    def __contains__(self, day: date) -> bool:
        return self.start <= day < self.end


def local_day(at: datetime, zone: ZoneInfo) -> date:
    """The shop's day on which an aware moment falls."""
    return at.astimezone(zone).date()


def day_start(day: date, zone: ZoneInfo) -> datetime:
    """The aware UTC moment at which a local day begins."""
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


def bounds(period: Period, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Half-open UTC bounds of a period."""
    return day_start(period.start, zone), day_start(period.end, zone)


def same_clock_time(at: datetime, day: date, zone: ZoneInfo) -> datetime:
    """The moment on `day` at which the shop's clock shows what it shows at `at`; used for "yesterday at this hour"."""
    local = at.astimezone(zone)
    return datetime.combine(day, local.timetz().replace(tzinfo=zone)).astimezone(UTC)
