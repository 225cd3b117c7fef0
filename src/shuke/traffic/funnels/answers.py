"""What a question about a funnel answers: frozen shapes that page, API and command are built on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from shuke.kernel.periods import Period
from shuke.kernel.verdicts import Reason
from shuke.traffic.funnels.shapes import Funnel
from shuke.traffic.reads import Figure, Metric

# Words and formulas stand in the rulebook (rules/common/funnel_metrics.yaml).
REACHED = Metric("funnel_visitors", 1, "count", "visitor", "up", "reached", cases="reached")
OF_PREVIOUS = Metric("funnel_step_rate", 1, "ratio", "visitor", "up", "reached", "before")
OF_FIRST = Metric("funnel_rate", 1, "ratio", "visitor", "up", "reached", "started")
TIME = Metric("funnel_time", 1, "seconds", "visitor", None, "seconds", cases="reached")
METRICS = (REACHED, OF_PREVIOUS, OF_FIRST, TIME)
PERCENTILES = (25, 50, 75, 90)
NOBODY = Reason("nobody_reached", _("Nobody took this step."))
NOBODY_BEFORE = Reason("nobody_before", _("Nobody took the step before."))


@dataclass(frozen=True)
class Times:
    """How long a step took, in whole seconds: per percentile (nearest rank) of those who took it. `count`: how many."""

    count: int
    percentiles: Mapping[int, int]

    def figure(self, percentile: int) -> Figure:
        value = self.percentiles.get(percentile)
        reason = NOBODY if value is None else None
        return Figure(TIME, value, reason, self.count, numerator=value)


@dataclass(frozen=True)
class StepCount:
    """One step: who reached it, shares of the step before and of the first, who went no further than the step before (`lost`),
    and how long it took from the step before and from the start. Of the first step everything but the count is None."""

    number: int
    reached: Figure
    of_previous: Figure | None
    of_first: Figure | None
    lost: int | None
    from_previous: Times | None
    from_first: Times | None


@dataclass(frozen=True)
class DayCount:
    """Those who started on one day of the shop. `is_unfinished`: the window of some of them is still open."""

    day: date
    reached: tuple[int, ...]
    is_unfinished: bool


@dataclass(frozen=True)
class Part:
    """Those whose start has this value of what is split by; None: it states none. `others`: it is all the rest, of so many
    values."""

    value: str | None
    reached: tuple[int, ...]
    others: int = 0


@dataclass(frozen=True)
class FunnelAnswer:
    """`complete_until`: facts are complete before this moment; a start whose window ends later may still get further."""

    shop_id: int
    funnel: Funnel
    period: Period
    steps: tuple[StepCount, ...]
    days: tuple[DayCount, ...]
    split: str
    parts: tuple[Part, ...]
    complete_until: datetime | None
    unfinished_days: int
    notes: tuple[Reason, ...]

    @property
    def started(self) -> int:
        return int(self.steps[0].reached.value or 0)


@dataclass(frozen=True)
class FunnelPeople:
    """Who took `step` steps and no more (or at least so many), earliest start first. Rows: subject_id, ref, started_at, day,
    reached_at (of their last step), depth."""

    step: int
    is_exactly: bool
    rows: tuple[Mapping[str, Any], ...]
    count: int
    page: int
    size: int
