"""Windows: which dated facts count at a moment. Every one is half-open and says its unit.

A fact counts from one moment up to another (`counts_from`, `counts_until`), so whoever asks again knows when the answer may
change: at no other moment but these and when a fact comes or goes. In days of the shop `D` (of the fact) and `T` (today):

    last n days            T-n <= D < T           whole days, today left out
    last n days, today too T-n <  D <= T
    last n months          T-n months <= D < T    calendar months; a day that the month lacks is its last (31 August - 6: 28 February)
    … today too            T-n months <  D <= T
    last n hours           now-n h < at <= now
    from a to b            a <= D < b
    ever                   every fact that has happened

A fact of the future has not happened, and counts in none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from shuke.kernel.periods import ONE_DAY, day_start, local_day


class Unit(StrEnum):
    """What a window that ends now is measured in."""

    HOURS = "hours"
    DAYS = "days"
    MONTHS = "months"


# What a person can mean; more is a slip of the finger. Ten years in each unit.
LONGEST = {Unit.HOURS: 24 * 3_660, Unit.DAYS: 3_660, Unit.MONTHS: 120}


@dataclass(frozen=True)
class Window:
    """The last `last` of a unit, or the shop's days from `start` to before `end` (either may be open)."""

    last: int | None = None
    unit: Unit = Unit.DAYS
    with_today: bool = False
    start: date | None = None
    end: date | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "unit", Unit(self.unit))
        if self.last is None and self.start is None and self.end is None:
            raise ValueError("a window says how long it is, or where it begins or ends")
        if self.last is not None and not (self.start is None and self.end is None):
            raise ValueError("a window is the last of something or lies between two days, not both")
        if self.last is not None and not 1 <= self.last <= LONGEST[self.unit]:
            raise ValueError(f"the last 1 to {LONGEST[self.unit]} {self.unit}")
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise ValueError("a window must hold at least one day")

    @property
    def moves(self) -> bool:
        """Whether time alone lets facts in and out."""
        return self.last is not None


@dataclass(frozen=True)
class AsOf:
    """The moment at which a condition is asked (aware), and the zone of the shop whose days count."""

    at: datetime
    zone: ZoneInfo

    def __post_init__(self) -> None:
        # Hours are counted on a clock that is never moved.
        object.__setattr__(self, "at", self.at.astimezone(UTC))

    @property
    def today(self) -> date:
        return local_day(self.at, self.zone)


def months_before(day: date, months: int) -> date:
    """The same day so many months before; the month's last where it has no such day."""
    place = day.year * 12 + day.month - 1 - months
    year, month = divmod(place, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month + 1, min(day.day, last))
        except ValueError:
            continue
    raise AssertionError("every month has 28 days")


def days_of(window: Window, as_of: AsOf) -> tuple[date | None, date | None]:
    """The shop's days that count: from, to before; None: open. Of hours: the days that may hold such moments."""
    if window.last is None:
        return window.start, window.end
    today = as_of.today
    if window.unit is Unit.HOURS:
        began = as_of.at - timedelta(hours=window.last)
        return local_day(began, as_of.zone), today + ONE_DAY
    first = _first_day(window, today)
    return (first + ONE_DAY, today + ONE_DAY) if window.with_today else (first, today)


def moments_of(window: Window, as_of: AsOf) -> datetime | None:
    """Of a window of hours the moment after which facts count; None for the others."""
    if window.last is None or window.unit is not Unit.HOURS:
        return None
    return as_of.at - timedelta(hours=window.last)


def holds(window: Window | None, at: datetime, day: date, as_of: AsOf) -> bool:
    """Whether a fact of the aware moment `at`, on the shop's `day`, counts."""
    if at > as_of.at:
        return False
    if window is None:
        return True
    after = moments_of(window, as_of)
    if after is not None:
        return at > after
    start, end = days_of(window, as_of)
    return (start is None or start <= day) and (end is None or day < end)


def changes(window: Window | None, at: datetime, day: date, zone: ZoneInfo) -> Iterator[datetime]:
    """The moments at which a fact begins or ceases to count, in order."""
    at = at.astimezone(UTC)
    if window is None or window.last is None:
        if _is_between(window, day):
            yield at
        return
    if window.unit is Unit.HOURS:
        yield at
        yield at + timedelta(hours=window.last)
        return
    first = max(at, day_start(day if window.with_today else day + ONE_DAY, zone))
    gone = day_start(_leaves_on(window, day), zone)
    if first < gone:
        yield first
        yield gone


def _is_between(window: Window | None, day: date) -> bool:
    if window is None:
        return True
    return (window.start is None or window.start <= day) and (window.end is None or day < window.end)


def _first_day(window: Window, today: date) -> date:
    assert window.last is not None
    if window.unit is Unit.MONTHS:
        return months_before(today, window.last)
    return today - timedelta(days=window.last)


def _leaves_on(window: Window, day: date) -> date:
    """The first day on which a fact of `day` is too old."""
    assert window.last is not None
    if window.unit is Unit.DAYS:
        return day + timedelta(days=window.last + (0 if window.with_today else 1))
    # The day before which the window reaches back never goes back as today goes on, so a walk finds where it passes.
    today = months_before(day, -window.last)
    while not _is_too_old(window, day, today):
        today += ONE_DAY
    while _is_too_old(window, day, today - ONE_DAY):
        today -= ONE_DAY
    return today


def _is_too_old(window: Window, day: date, today: date) -> bool:
    first = _first_day(window, today)
    return day <= first if window.with_today else day < first
