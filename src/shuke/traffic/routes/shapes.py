"""What the room answers with: planned routes, and planned against real."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from shuke.kernel.periods import Period
from shuke.traffic.figures import Figure
from shuke.traffic.metrics import Metric
from shuke.traffic.saved.shapes import Kept

StepKind = Literal["page", "pattern", "type", "order"]
STEP_KINDS: tuple[StepKind, ...] = ("page", "pattern", "type", "order")
# below, above: the whole interval lies on one side of the plan; within: the plan lies inside of it; few: too few visits to
# judge; unplanned: no share was planned.
Verdict = Literal["below", "above", "within", "few", "unplanned"]

# Words and formulas stand in the rulebook (rules/common/route_metrics.yaml).
ENTERED = Metric("route_entered", 1, "count", "visit", "up", "entered", cases="entered")
KEPT = Metric("route_kept", 1, "ratio", "visit", "up", "entered", "before")
METRICS = (ENTERED, KEPT)


@dataclass(frozen=True)
class Step:
    """One step. `value`: a path, a path with `*` for any characters, or a page type; empty for the order.

    `share` (0 to 1): planned to enter it, of the visits that entered the step before; of all visits for the first step.
    """

    kind: StepKind
    value: str = ""
    share: Decimal | None = None

    @property
    def what(self) -> tuple[str, str]:
        return self.kind, self.value


@dataclass(frozen=True, kw_only=True)
class Route(Kept):
    """A planned route as it is kept."""

    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Leak:
    """Where visits went that did not go on. `path` None: they viewed no other page, that is they left."""

    path: str | None
    type: str
    visits: int
    share: Decimal


@dataclass(frozen=True)
class StepPage:
    """A page at which visits entered a step, how many went on from there, and whether that is what was planned."""

    path: str
    type: str
    entered: int
    went_on: int
    kept: Figure
    low: Decimal | None
    high: Decimal | None
    verdict: Verdict


@dataclass(frozen=True)
class StepReport:
    """A step planned against real. `kept` of the first step is its share of all visits.

    `low`, `high`: the interval of `kept` (Wilson, 95 %). `missing`: visits that the plan would have brought here and that
    did not come (below 0: more came). `left`: entered this step and not the next; None of the last one.
    `then`: `entered` and `kept` in the other period, where one is compared.
    """

    number: int
    step: Step
    entered: Figure
    kept: Figure
    low: Decimal | None
    high: Decimal | None
    verdict: Verdict
    missing: int | None
    left: int | None
    leaks: tuple[Leak, ...]
    leaks_to: int
    then: tuple[Figure, Figure] | None = None


@dataclass(frozen=True)
class RouteReport:
    """`pages`: by step (but the last) the pages at which visits entered it, those first after which most visits are missing
    against the plan of the next step: the problem pages. `worst` is the number of the step from which most visits are missing at the next, among those judged below plan;
    `most_left` the one that most visits left, whatever was planned. `until`: the period still runs, so far."""

    steps: tuple[StepReport, ...]
    pages: Mapping[int, tuple[StepPage, ...]]
    period: Period
    until: datetime | None
    visits: int
    through: Figure
    worst: int | None
    most_left: int | None
    few: int
    against_period: Period | None = None


@dataclass(frozen=True)
class RouteVisits:
    """One page of the visits behind a number, newest first."""

    columns: tuple[str, ...]
    rows: tuple[Mapping[str, Any], ...]
    count: int
    page: int
    size: int
