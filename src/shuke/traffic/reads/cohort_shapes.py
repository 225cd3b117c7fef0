"""What a question about cohorts is made of, and what it answers: behaviours, calendar periods, rows and cells.

A cohort holds everybody whose first starting behaviour, of all that the shop has facts of, fell into one week (Monday
to Sunday, ISO) or one month of the shop's days. A cell says how many of them showed the returning behaviour so many
periods later; of the cohort's own period only what came on the day of the start or after it counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

from django.utils.translation import gettext_lazy as _

from shuke.conditions.reads import Node
from shuke.kernel.errors import Invalid
from shuke.kernel.periods import Period
from shuke.kernel.verdicts import Reason
from shuke.traffic.figures import Figure
from shuke.traffic.metrics import Metric

Grain = Literal["week", "month"]
Who = Literal["person", "visitor"]
GRAINS: tuple[Grain, ...] = ("week", "month")
WHO: tuple[Who, ...] = ("person", "visitor")
KINDS = ("order", "movement", "visit", "sign_up", "event")
SUBJECTS = {
    "order": "order_movement",
    "movement": "order_movement",
    "visit": "visit",
    "sign_up": "event",
    "event": "event",
}
SIGNED_UP = "Signed Up"  # the name that Segment's spec gives it
LONGEST_NAME = 200
MOST_COHORTS = 160
MOST_OFFSETS = 160
USUAL_COHORTS = 13

# Words and formulas stand in the rulebook (rules/common/cohort_metrics.yaml).
SIZE = Metric("cohort_size", 1, "count", "person", "up", "members", cases="members")
RETENTION = Metric("retention", 1, "ratio", "person", "up", "returned", "members")


class TooManyCohorts(Invalid):
    code = "too_many_cohorts"
    words = _("%(field)s: the range holds %(value)s cohorts.")
    remedy = _("Ask for months instead of weeks, or for at most %(most)s cohorts at once.")


@dataclass(frozen=True)
class Behaviour:
    """Something that people do. `kind`: order (a sale), movement (any movement of an order, cancellations included),
    visit, sign_up (the event "Signed Up") or event (`name` says which). `condition` is on the fields of SUBJECTS[kind].

    Raises Invalid for an unknown kind, an event without a name, or a name where none belongs.
    """

    kind: str
    name: str = ""
    condition: Node | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise Invalid(field="kind", value=self.kind)
        is_text = not any(ord(c) < 32 or ord(c) == 127 or 0xD800 <= ord(c) <= 0xDFFF for c in self.name)
        is_named = bool(self.name.strip()) and len(self.name) <= LONGEST_NAME
        if not is_text or is_named != (self.kind == "event"):
            raise Invalid(field="name", value=self.name)

    @property
    def event(self) -> str:
        """The event's name, of a behaviour that is one."""
        return SIGNED_UP if self.kind == "sign_up" else self.name

    @property
    def subject(self) -> str:
        """The kind of subject that its condition is on."""
        return SUBJECTS[self.kind]


@dataclass(frozen=True)
class CohortCell:
    """How many of a cohort came back in one period; `figure` is a share of the cohort, its numerator the people.

    `is_unfinished`: the period still runs, or the facts do not reach its end yet, so the number may still rise.
    """

    offset: int
    period: Period
    figure: Figure
    is_unfinished: bool


@dataclass(frozen=True)
class CohortRow:
    """One cohort: its period, its size, and its cells from offset 0 on, as far as periods have begun."""

    period: Period
    size: Figure
    cells: tuple[CohortCell, ...]
    is_unfinished: bool


@dataclass(frozen=True)
class Average:
    """All cohorts together at one offset: finished cells only, weighted by size. `cohorts`: on how many it rests."""

    offset: int
    figure: Figure
    cohorts: int


@dataclass(frozen=True)
class Cohorts:
    """`offsets`: the number of columns. `complete_until`: facts are complete before this day (exclusive); None: none.

    `unnamed` counts starting behaviours of nobody known, which make no cohort member; `named` the others.
    """

    shop_id: int
    starting: Behaviour
    returning: Behaviour
    who: Who
    grain: Grain
    rows: tuple[CohortRow, ...]
    averages: tuple[Average, ...]
    offsets: int
    size: int
    complete_until: date | None
    facts_from: date | None
    named: int
    unnamed: int
    notes: tuple[Reason, ...]
    metrics: tuple[Metric, ...] = (SIZE, RETENTION)


@dataclass(frozen=True)
class CohortPeople:
    """One page of the people of a cohort (`offset` None) or of one of its cells, first starters first.

    Rows have `subject_id`, `ref` (a name as the source wrote it, or None), `first_day`, and of a cell `times` and
    `last_day`. `count` is how many there are in all, and equals the number of the cell.
    """

    period: Period
    offset: int | None
    returned_in: Period | None
    rows: tuple[Mapping[str, Any], ...]
    count: int
    page: int
    size: int


# --- the calendar


def period_of(day: date, grain: Grain) -> Period:
    """The ISO week or the month that holds a day."""
    if grain == "week":
        monday = day - timedelta(days=day.weekday())
        return Period(monday, monday + timedelta(days=7))
    first = day.replace(day=1)
    return Period(first, _months_on(first, 1))


def shifted(period: Period, grain: Grain, by: int) -> Period:
    """So many weeks or months later (or, below zero, earlier). Raises OverflowError outside the calendar."""
    if grain == "week":
        return period.shifted(7 * by)
    return Period(_months_on(period.start, by), _months_on(period.start, by + 1))


def between(first: date, later: date, grain: Grain) -> int:
    """How many periods lie between those of two days; 0 within the same one."""
    start, end = period_of(first, grain).start, period_of(later, grain).start
    if grain == "week":
        return (end - start).days // 7
    return (end.year - start.year) * 12 + end.month - start.month


def _months_on(first: date, by: int) -> date:
    months = first.year * 12 + first.month - 1 + by
    try:
        return date(months // 12, months % 12 + 1, 1)
    except ValueError:
        raise OverflowError(months) from None
