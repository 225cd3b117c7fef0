"""Who is in which band and state, scores how much, and is a super user: pure decisions, from numbers and rules alone.

Days are the shop's; amounts integers of the minor unit. Every band is half-open, holds its lower edge (X-12) and, with its
neighbours, everybody once. A state on a day is that at its end.
"""

from __future__ import annotations

from bisect import bisect_right
from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

import numpy as np

from shuke.kernel.periods import Period

RULES = "common.audience_value."
State = Literal["new", "active", "returning", "silent"]
STATES: tuple[State, ...] = ("new", "active", "returning", "silent")
SCORES = 5


# --- half a year


def months_back(day: date, months: int) -> date:
    """The same day of the month so many months ago; where that month has no such day, its last one."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def half_year(day: date, months: int) -> Period:
    """So many calendar months back from the shop's day, which itself is not in it (X-07)."""
    return Period(months_back(day, months), day)


# --- bands


@dataclass(frozen=True)
class Band:
    """Values from `low` up to, not including, `high`; None: no bound."""

    low: int | None
    high: int | None

    def __contains__(self, value: float) -> bool:
        return (self.low is None or value >= self.low) and (self.high is None or value < self.high)


def bands(edges: Sequence[int], *, lowest: int | None = None) -> tuple[Band, ...]:
    """One band more than there are edges, from the lowest up; `edges` rise. `lowest`: where the first begins, if anywhere."""
    starts = [lowest, *edges]
    return tuple(Band(low, high) for low, high in zip(starts, [*edges, None], strict=True))


def band_of(value: float, edges: Sequence[int]) -> int:
    """The number of the one band that holds a value, from 0."""
    return bisect_right(edges, value)


def bands_of(values: np.ndarray, edges: Sequence[int]) -> np.ndarray:
    """`band_of` for whole numbers, of all at once."""
    return np.searchsorted(np.asarray(edges, np.int64), values, side="right")


def average_bands(amounts: np.ndarray, counts: np.ndarray, edges: Sequence[int]) -> np.ndarray:
    """The bands of amount ÷ count without dividing: an average is at an edge when amount = edge x count. -1: no order."""
    found = np.zeros(len(amounts), np.int64)
    for edge in edges:
        found += amounts >= edge * counts
    return np.where(counts > 0, found, -1)


# --- lifecycle


@dataclass(frozen=True)
class Cutoffs:
    """Days: how long one is new, after how many without activity silent, and how long returning after coming back."""

    new: int
    silent: int
    returning: int


def state_on(activity: Sequence[date], day: date, cut: Cutoffs) -> State | None:
    """The one state of a customer at the end of a day; None: nothing of him was known yet.

    `activity`: his days of activity, rising, each once. 回流: he was silent before (for a day at least) and is active now.
    """
    known = activity[: bisect_right(activity, day)]
    if not known:
        return None
    if (day - known[-1]).days >= cut.silent:
        return "silent"
    back = came_back(known, cut.silent)
    if back is not None and (day - back).days < cut.returning:
        return "returning"
    return "new" if (day - known[0]).days < cut.new else "active"


def came_back(activity: Sequence[date], silent: int) -> date | None:
    """The last day of activity that ended a silence."""
    for before, after in zip(reversed(activity[:-1]), reversed(activity[1:]), strict=True):
        if (after - before).days > silent:
            return after
    return None


@dataclass(frozen=True)
class Span:
    """A customer was in a state from `start` up to, not including, `end`; None: he still is."""

    state: State
    start: date
    end: date | None


def spans(activity: Sequence[date], until: date, cut: Cutoffs) -> tuple[Span, ...]:
    """Every state that a customer was in up to the end of a day, in order, without a gap."""
    edges = {
        one + timedelta(days=more)
        for one in activity
        for more in (0, cut.new, cut.silent, cut.returning)
        if one + timedelta(days=more) <= until
    }
    found: list[Span] = []
    for day in sorted(edges):
        state = state_on(activity, day, cut)
        if state is None or (found and found[-1].state == state):
            continue
        if found:
            found[-1] = Span(found[-1].state, found[-1].start, day)
        found.append(Span(state, day, None))
    return tuple(found)


# --- RFM


def fifths(values: np.ndarray, *, more_is_better: bool) -> np.ndarray:
    """Scores 1 to 5 by rank: 5 - ⌊5 x (how many are better) ÷ (how many there are)⌋. Equal values score the same, so that a
    score may stay empty."""
    ordered = np.sort(values)
    if more_is_better:
        better = len(values) - np.searchsorted(ordered, values, side="right")
    else:
        better = np.searchsorted(ordered, values, side="left")
    return SCORES - (SCORES * better) // max(len(values), 1)


def by_edges(values: np.ndarray, edges: Sequence[int], *, more_is_better: bool) -> np.ndarray:
    """Scores by fixed edges: from 1 in the worst band on; 5 with four edges."""
    placed = bands_of(values, edges)
    return placed + 1 if more_is_better else len(edges) + 1 - placed


# --- super users


@dataclass(frozen=True)
class Best:
    """The customers with the highest amounts.

    `places`: theirs among all, from the highest amount (of equal ones the smaller id first). `tied`: how many customers have
    just the last one's amount, `tied_inside` how many of these are among them: which of them is arbitrary.
    """

    places: np.ndarray
    amount_minor: int
    tied: int
    tied_inside: int


def smallest_set(ids: np.ndarray, amounts: np.ndarray, percent: float) -> Best | None:
    """The fewest customers that bring at least so many per cent of all income. None: there is no income to share.

    Income is the sum of all amounts, those below zero too. Taking the highest amounts makes the set smallest.
    """
    total = sum_of(amounts)
    if total <= 0:
        return None
    order = np.lexsort((ids, -amounts))
    running = np.cumsum(amounts[order])
    # The least whole amount that is enough, in hundredths of a per cent, exactly.
    needed = -(-round(percent * 100) * total // 10_000)
    return _best(order, amounts, int(np.argmax(running >= needed)) + 1)


def best_part(ids: np.ndarray, amounts: np.ndarray, percent: float) -> Best | None:
    """The customers with the highest amounts that make up this part of all, one more where it is no whole number."""
    if not len(ids):
        return None
    count = -(-round(percent * 100) * len(ids) // 10_000)
    return _best(np.lexsort((ids, -amounts)), amounts, count)


def _best(order: np.ndarray, amounts: np.ndarray, count: int) -> Best:
    places = order[:count]
    last = amounts[places[-1]]
    return Best(
        places,
        sum_of(amounts[places]),
        int((amounts == last).sum()),
        int((amounts[places] == last).sum()),
    )


def sum_of(amounts: np.ndarray) -> int:
    return int(amounts.sum(dtype=np.int64))
