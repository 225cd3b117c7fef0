"""Who comes on which day, of a fixed number of customers (a thousand to ten million), each drawn by index.

Nothing is held for a customer: what one is like, when one joined and whether one comes on a day are hashes of seed, number
and day. So any day can be told alone, years are no longer than days, and memory is bounded by the day's visitors and one
stretch of numbers. `life` is the other way, where visitors remember; the demo lives by that one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

import numpy as np

from shuke_simulator import shapes
from shuke_simulator.doors import BROWSERS, DOORS
from shuke_simulator.incidents import Incident, Traffic
from shuke_simulator.life import EXTRA_VISITS, Cast

STRETCH = 1_000_000  # customers looked at in one go
# Share of the customers, chance to come on an ordinary day, chance that a member's visit ends in an order.
HABITS = ((0.77, 1 / 400, 0.10), (0.12, 1 / 40, 0.09), (0.08, 1 / 10, 0.08), (0.03, 1 / 3, 0.05))
MEMBERS_BEFORE = 0.30  # joined before the first day
MEMBERS_LATER = 0.35  # join on some day of the years that follow
JOINING_DAYS = 3 * 365
_KIND, _COMES, _JOINS, _BROWSER, _CALLED = range(5)  # what a hash is for
_MIX = (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)


def shares(seed: int, purpose: int, day: int, numbers: np.ndarray) -> np.ndarray:
    """A share from 0 to 1 for each number: splitmix64 of all that it depends on."""
    salt = (seed * _MIX[1] + purpose * _MIX[2] + day * _MIX[0]) % (1 << 64)
    x = numbers.astype(np.uint64) * np.uint64(_MIX[0])
    x += np.uint64(salt)
    for shift, factor in ((30, _MIX[1]), (27, _MIX[2])):
        x ^= x >> np.uint64(shift)
        x *= np.uint64(factor)
    x ^= x >> np.uint64(31)
    return (x >> np.uint64(11)) * (1.0 / (1 << 53))


class Crowd:
    """`customers` from number 1 on, and who of them comes; `incidents` change who does."""

    def __init__(self, *, seed: int, customers: int, first: date, incidents: Sequence[Incident] = ()) -> None:
        self.seed = seed
        self.customers = customers
        self.first = first
        # By their numbers among all incidents, from 1.
        self.campaigns = {
            number: one
            for number, one in enumerate(incidents, start=1)
            if isinstance(one, Traffic) and one.change > 0
        }

    def day(self, day: date) -> Cast:
        """The cast of a day, by customer number."""
        if day < self.first:
            raise ValueError(f"this life begins on {self.first}")
        draw = np.random.default_rng((self.seed, day.toordinal()))
        noise = 1 + shapes.DAY_NOISE * draw.standard_normal()
        found = list(self._comers(day, max(shapes.day_factor(day) * noise, 0.0)))
        visitor, habit, joined = (np.concatenate(parts) for parts in zip(*found, strict=True))
        weights = np.array([door.weight for door in DOORS])
        door = draw.choice(len(DOORS), len(visitor), p=weights / weights.sum())
        start = shapes.start_seconds(draw, len(visitor))
        extra = draw.choice(len(EXTRA_VISITS), len(visitor), p=EXTRA_VISITS)
        luck = draw.random(len(visitor))
        today = (day - self.first).days
        called = np.zeros(len(visitor), dtype=np.int64)
        for number, campaign in self.campaigns.items():
            if not campaign.is_on(day):
                continue
            added = self._called(day, number, visitor, noise * shapes.day_factor(day))
            more = np.random.default_rng((self.seed, day.toordinal(), number))
            doors = [i for i, one in enumerate(DOORS) if one.channel == campaign.channel]
            visitor = np.concatenate([visitor, added])
            habit = np.concatenate([habit, self._habit(added)])
            joined = np.concatenate([joined, self._joined(added)])
            door = np.concatenate([door, more.choice(doors, len(added))])
            start = np.concatenate([start, shapes.start_seconds(more, len(added))])
            extra = np.concatenate([extra, np.zeros(len(added), dtype=extra.dtype)])
            luck = np.concatenate([luck, more.random(len(added))])
            called = np.concatenate([called, np.full(len(added), number)])
        chance = np.array([buys for _, _, buys in HABITS])[habit]
        chance = chance * np.array([one.buys for one in DOORS])[door] * shapes.buying_factor(day)
        is_member = joined <= today
        return Cast(
            day=day,
            visitor=visitor,
            browser=self._browser(visitor),
            door=door,
            start=start,
            extra=extra,
            buys=(luck < chance) & is_member,
            member=np.where(is_member, visitor, 0),
            registers=joined == today,
            called=called,
        )

    def _comers(self, day: date, factor: float) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """(number, habit, day of joining) of who comes, stretch by stretch. Who joins on a day comes on it."""
        today = (day - self.first).days
        rates = np.array([rate for _, rate, _ in HABITS]) * factor
        for low in range(1, self.customers + 1, STRETCH):
            numbers = np.arange(low, min(low + STRETCH, self.customers + 1), dtype=np.int64)
            share = shares(self.seed, _COMES, day.toordinal(), numbers)
            joins = self._joined(numbers) == today
            likely = np.flatnonzero((share < rates.max()) | joins)
            habit = self._habit(numbers[likely])
            comes = (share[likely] < rates[habit]) | joins[likely]
            chosen = numbers[likely][comes]
            yield chosen, habit[comes], self._joined(chosen)

    def _called(self, day: date, number: int, coming: np.ndarray, factor: float) -> np.ndarray:
        """Customers whom a campaign brings beside those who come anyway."""
        campaign = self.campaigns[number]
        part = sum(door.weight for door in DOORS if door.channel == campaign.channel)
        part /= sum(door.weight for door in DOORS)
        chance = sum(share * rate for share, rate, _ in HABITS) * factor * part * campaign.change
        found = []
        for low in range(1, self.customers + 1, STRETCH):
            numbers = np.arange(low, min(low + STRETCH, self.customers + 1), dtype=np.int64)
            share = shares(self.seed + 7919 * number, _CALLED, day.toordinal(), numbers)
            found.append(numbers[share < chance])
        return np.setdiff1d(np.concatenate(found), coming)

    def _habit(self, numbers: np.ndarray) -> np.ndarray:
        steps = np.cumsum([share for share, _, _ in HABITS])[:-1]
        return np.searchsorted(steps, shares(self.seed, _KIND, 0, numbers), side="right")

    def _browser(self, numbers: np.ndarray) -> np.ndarray:
        steps = np.cumsum([share for _, share, _ in BROWSERS])[:-1]
        return np.searchsorted(steps, shares(self.seed, _BROWSER, 0, numbers), side="right").astype(np.int8)

    def _joined(self, numbers: np.ndarray) -> np.ndarray:
        """Days from the first day to that of joining: below 0 for old members, far away for who never joins."""
        share = shares(self.seed, _JOINS, 0, numbers)
        later = ((share - MEMBERS_BEFORE) / MEMBERS_LATER * JOINING_DAYS).astype(np.int64)
        never = 1 << 40
        return np.where(
            share < MEMBERS_BEFORE, -1, np.where(share < MEMBERS_BEFORE + MEMBERS_LATER, later, never)
        )
