"""Who comes on which day: visitors who return in their own rhythm, register, and buy. Drawn day after day, by numpy.

`Life.day(d)` is the cast of one day; `story` tells what each of them does. The draws of a day depend only on the seed
and on the days before it, so the same life can be continued later, or told newest day first.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from shuke_simulator import shapes
from shuke_simulator.doors import BROWSERS, DOORS

WARM_UP_DAYS = 60  # so that the first day told already has visitors who come back


@dataclass(frozen=True)
class Rhythm:
    """How a kind of visitor returns: `share` of new ones, days until the next visit, chance to come again, to buy."""

    share: float
    shortest: int
    longest: int
    returns: float
    buys: float


RHYTHMS = (
    Rhythm(0.77, 1, 1, 0.0, 0.014),  # comes once
    Rhythm(0.12, 3, 34, 0.70, 0.030),  # now and then
    Rhythm(0.08, 5, 9, 0.85, 0.042),  # about weekly
    Rhythm(0.03, 1, 2, 0.90, 0.030),  # nearly daily
)
EXTRA_VISITS = (0.86, 0.12, 0.02)
REGISTERS = 0.006


@dataclass(frozen=True)
class Cast:
    """Who comes on `day`; one entry per visitor in each array. `member` is 0 for who is none (and does not become one)."""

    day: date
    visitor: np.ndarray
    browser: np.ndarray
    door: np.ndarray
    start: np.ndarray  # seconds since the shop's midnight at which the first visit begins
    extra: np.ndarray  # visits after the first
    buys: np.ndarray
    member: np.ndarray
    registers: np.ndarray  # becomes a member today
    # Which incident (its number from 1) brought the visitor; none where there are no campaigns.
    called: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.visitor)


class Life:
    """The shop's visitors from `first` on, about `visitors` on an ordinary day."""

    def __init__(self, *, seed: int, visitors: int, first: date) -> None:
        self.seed = seed
        self.visitors = visitors
        self.first = first
        self._draw = np.random.default_rng(seed)
        self._next_day = first - timedelta(days=WARM_UP_DAYS)
        self._due: dict[date, list[np.ndarray]] = {}
        self._rhythm = np.zeros(1, dtype=np.int8)  # by visitor number; visitor 0 does not exist
        self._browser = np.zeros(1, dtype=np.int8)
        self._member = np.zeros(1, dtype=np.int64)
        self._members = 0
        self._days: dict[date, Cast] = {}

    def day(self, day: date) -> Cast:
        """The cast of a day; draws all days up to it that have not been drawn."""
        if day < self.first:
            raise ValueError(f"this life begins on {self.first}")
        while self._next_day <= day:
            cast = self._draw_day(self._next_day)
            if self._next_day >= self.first:
                self._days[self._next_day] = cast
            self._next_day += timedelta(days=1)
        return self._days[day]

    def _draw_day(self, day: date) -> Cast:
        draw = self._draw
        target = self.visitors * shapes.day_factor(day) * (1 + shapes.DAY_NOISE * draw.standard_normal())
        wanted = max(round(target), 1)
        waiting = self._due.pop(day, [])
        returning = np.unique(np.concatenate(waiting)) if waiting else np.zeros(0, dtype=np.int64)
        if len(returning) > 0.7 * wanted:
            returning = np.sort(draw.choice(returning, size=int(0.7 * wanted), replace=False))
        cast = np.concatenate([returning, self._newcomers(wanted - len(returning))])
        self._make_return(day, cast)
        return self._casting(day, cast)

    def _newcomers(self, count: int) -> np.ndarray:
        draw, begin = self._draw, len(self._rhythm)
        shares = [r.share for r in RHYTHMS]
        self._rhythm = np.concatenate(
            [self._rhythm, draw.choice(len(RHYTHMS), count, p=shares).astype(np.int8)]
        )
        weights = [weight for _, weight, _ in BROWSERS]
        self._browser = np.concatenate(
            [self._browser, draw.choice(len(BROWSERS), count, p=weights).astype(np.int8)]
        )
        self._member = np.concatenate([self._member, np.zeros(count, dtype=np.int64)])
        return np.arange(begin, begin + count, dtype=np.int64)

    def _make_return(self, day: date, cast: np.ndarray) -> None:
        """Note when each of them comes again."""
        draw, rhythm = self._draw, self._rhythm[cast]
        gaps = np.zeros(len(cast), dtype=np.int64)
        for i, kind in enumerate(RHYTHMS):
            these = rhythm == i
            drawn = draw.integers(kind.shortest, kind.longest + 1, size=int(these.sum()))
            gaps[these] = np.where(draw.random(len(drawn)) < kind.returns, drawn, 0)
        for gap in np.unique(gaps[gaps > 0]):
            self._due.setdefault(day + timedelta(days=int(gap)), []).append(cast[gaps == gap])

    def _casting(self, day: date, cast: np.ndarray) -> Cast:
        draw, count = self._draw, len(cast)
        weights = np.array([door.weight for door in DOORS])
        door = draw.choice(len(DOORS), count, p=weights / weights.sum())
        chance = np.array([r.buys for r in RHYTHMS])[self._rhythm[cast]]
        chance = chance * np.array([d.buys for d in DOORS])[door] * shapes.buying_factor(day)
        buys = draw.random(count) < chance
        is_member = self._member[cast] > 0
        registers = ~is_member & (buys | (draw.random(count) < REGISTERS))
        new = cast[registers]
        self._member[new] = np.arange(self._members + 1, self._members + 1 + len(new))
        self._members += len(new)
        return Cast(
            day=day,
            visitor=cast,
            browser=self._browser[cast],
            door=door,
            start=shapes.start_seconds(draw, count),
            extra=draw.choice(len(EXTRA_VISITS), count, p=EXTRA_VISITS),
            buys=buys,
            member=self._member[cast],
            registers=registers,
        )
