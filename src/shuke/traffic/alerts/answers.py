"""What the room answers with: a rule, an alert with its evidence, a day of a series, and how the watch stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from shuke.traffic.alerts.incidents import Segment
from shuke.traffic.alerts.models import OPEN
from shuke.traffic.alerts.shapes import Name


@dataclass(frozen=True)
class RuleView:
    """`kind`: watch, limit, unusual; `limit` in the metric's own unit; `readers`: ids of members who get letters."""

    id: int
    kind: str
    metric: str
    version: int
    condition: Mapping[str, Any] | None
    direction: str
    limit: Decimal | None
    is_on: bool
    snoozed_until: datetime | None
    readers: tuple[int, ...]
    created_at: datetime
    created_by: str


@dataclass(frozen=True)
class Evidence:
    """What raised it: in `days` up to `day`, `part` of `whole` (a count: `part` where `usual` was expected; a rate: `usual` is
    its share), `z` standard deviations off where `needed` were asked; of a limit `part` is the day's value, and
    `direction` the side on which it crossed (empty: it was not kept, as the rule says)."""

    day: date
    days: int
    part: Decimal | None
    whole: float | None
    usual: float | None
    z: float | None
    needed: float | None
    limit: Decimal | None
    direction: str = ""


@dataclass(frozen=True)
class AlertView:
    """`lead`: the series that stands first; `members`: series → since when; `state`: open, back, lasting."""

    id: int
    rule: RuleView
    lead: Name
    members: Mapping[str, date]
    since: date
    raised_on: date
    last_day: date
    state: str
    ended_on: date | None
    evidence: Evidence
    segments: tuple[Segment, ...]
    definitions: Mapping[str, str]
    raised_at: datetime
    seen_at: datetime | None
    seen_by: str
    snoozed_until: datetime | None

    @property
    def is_open(self) -> bool:
        return self.state == OPEN

    def is_quiet(self, at: datetime) -> bool:
        """Put off by its rule or by itself."""
        return any(
            until is not None and at < until for until in (self.snoozed_until, self.rule.snoozed_until)
        )


@dataclass(frozen=True)
class DayPoint:
    """A day of a series: counts, or shares of 1; None: nothing was counted, or nothing was judged."""

    day: date
    actual: float | None
    expected: float | None
    low: float | None
    high: float | None
    is_off: bool


@dataclass(frozen=True)
class SeriesState:
    """A watched series as it was last judged. `verdict`: quiet, moved, too_few, too_short, waiting (its facts come later)."""

    name: Name
    verdict: str
    actual: float | None
    cases: int | None
    expected: float | None
    low: float | None
    high: float | None
    z: float
    days_to_see: int | None


@dataclass(frozen=True)
class Silence:
    """No visits came after `since`; `with_orders`: though orders did, so the tracker is gone rather than the customers."""

    since: date
    with_orders: bool


@dataclass(frozen=True)
class Standing:
    """What is watched, and until when it is judged; None: nothing yet. `missing_steps`: steps that hardly
    anybody is seen to reach, so that the ones beside them are watched as neighbours."""

    judged_until: date | None
    series: tuple[SeriesState, ...]
    days_counted: int
    missing_steps: tuple[str, ...] = ()

    def count(self, verdict: str) -> int:
        return sum(one.verdict == verdict for one in self.series)

    @property
    def is_too_few(self) -> bool:
        """Whether most of what is watched is too small to be judged within days."""
        known = [one for one in self.series if one.verdict != "too_short"]
        return bool(known) and 2 * sum(one.verdict == "too_few" for one in known) > len(known)

    @property
    def is_too_short(self) -> bool:
        return bool(self.series) and all(one.verdict == "too_short" for one in self.series)
