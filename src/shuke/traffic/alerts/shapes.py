"""What the watch speaks about: series, a day's judgement of one, and the values that rule it. Frozen, without Django.

A series is counted per day of the shop: a count (visits, orders, amount) or a rate (a part of a whole: steps, bounces).
Its name is written `visits`, `visits|channel=email`, `step.payment|terminal=mobile`, `bounce|entry_path=/sale`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import combinations, pairwise
from typing import Literal

Kind = Literal["count", "rate"]
# The way to an order. A step is the share of those who reached one of these that reached a later one.
STEPS = ("item", "cart", "checkout", "payment", "order")
# waiting: its facts have not come yet
Verdict = Literal["quiet", "moved", "too_few", "too_short", "waiting"]
# (value, None) of a count, (part, whole) of a rate
Cell = tuple[int, int | None]
Counts = Mapping[str, Cell]


def step_series(before: str, step: str) -> str:
    """What the series of a step counts: `step.order` from the neighbour before it, `step.order<checkout` from an earlier one."""
    is_next = before in STEPS and STEPS[STEPS.index(before) + 1 :][:1] == (step,)
    return f"step.{step}" if is_next else f"step.{step}<{before}"


EVERY_STEP = tuple(step_series(before, step) for before, step in combinations(STEPS, 2))


@dataclass(frozen=True)
class Name:
    """A series' name taken apart. `what`: visits, orders, amount, bounce, `step.<name>` (from another than the one before
    it `step.order<checkout`); of a shop's own rule `count.<id>` or `rate.<id>`."""

    what: str
    dimension: str = ""
    value: str = ""

    @classmethod
    def read(cls, text: str) -> Name:
        """From its written form."""
        what, bar, segment = text.partition("|")
        dimension, _equals, value = segment.partition("=")
        return cls(what, dimension, value) if bar else cls(what)

    def __str__(self) -> str:
        return f"{self.what}|{self.dimension}={self.value}" if self.dimension else self.what

    @property
    def family(self) -> str:
        return self.what.partition(".")[0]

    @property
    def step(self) -> str:
        """Of a step: the deed that it leads to."""
        return self.what.partition(".")[2].partition("<")[0]

    @property
    def before(self) -> str:
        """Of a step: the deed that it comes from."""
        named = self.what.partition("<")[2]
        return named or next((a for a, b in pairwise(STEPS) if b == self.step), "")

    @property
    def whole(self) -> Name:
        """The same without its segment."""
        return Name(self.what)

    @property
    def kind(self) -> Kind:
        return "rate" if self.family in ("step", "bounce", "rate") else "count"

    @property
    def worse(self) -> int:
        """-1: a fall is bad; 1: a rise is."""
        return 1 if self.family == "bounce" else -1


@dataclass(frozen=True)
class Values:
    """The rulebook's values (common.alerts.*) that hold on a day; see the rules for words and sources."""

    false_alerts_a_year: float
    windows: tuple[int, ...]
    slow_windows: tuple[int, ...]
    baseline_days: int
    least_days: int
    half_life_days: int
    least_daily: int
    least_cases: int
    smallest_fall: float
    smallest_step_fall: float
    smallest_bounce_points: float
    promised_days: int
    promised_count_fall: float
    promised_step_fall: float
    promised_bounce_points: float
    most_entrances: int
    longest_days: int


@dataclass(frozen=True)
class Run:
    """The last days together: `part` of `whole` (a count: in how many days), what was `usual` (a count: how many were
    expected; a rate: its share), and `score`, by how many standard deviations it lies to the worse side."""

    part: float
    whole: float
    usual: float
    score: float

    def change(self, kind: Kind) -> float:
        """Of a count: relative to what was expected; of a rate: in shares of 1 (points / 100)."""
        if kind == "rate":
            return self.part / self.whole - self.usual if self.whole else 0.0
        return self.part / self.usual - 1 if self.usual else 0.0


@dataclass(frozen=True)
class Judgement:
    """One series on one day.

    Of the day itself: `actual`, `expected` and the band `low`..`high` that a day may lie in (counts, or shares of 1), and
    `cases` (the whole of a rate). `z`: the score of the run of days that speaks loudest, `window` days that end with this
    one; `needed`: what it has to reach. `scores`: by window, as they were before the series' own scatter was taken out.
    `runs`: every run, by its length. `since`: of a series that moved, the day from which on it is off. `days_to_see`: at how
    many days a move of the promised size would show; None: not within the promised days, too few to judge.
    """

    name: str
    day: date
    verdict: Verdict
    actual: float | None
    cases: int | None
    expected: float | None
    low: float | None
    high: float | None
    z: float = 0.0
    window: int = 0
    needed: float = 0.0
    scores: Mapping[int, float] = field(default_factory=dict)
    runs: Mapping[int, Run] = field(default_factory=dict)
    since: date | None = None
    days_to_see: int | None = None
