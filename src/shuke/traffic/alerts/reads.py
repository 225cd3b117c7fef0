"""Questions about alerts: which there are, what stands behind one, what is watched and how far it is judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from django_scopes import scope

from shuke.kernel.periods import ONE_DAY
from shuke.shops.reads import ShopView
from shuke.traffic.alerts.errors import NoSuchAlert, NoSuchRule
from shuke.traffic.alerts.incidents import Segment
from shuke.traffic.alerts.models import OPEN, WATCH, Alert, AlertRule, DayJudged, Watch
from shuke.traffic.alerts.shapes import Name
from shuke.traffic.alerts.values import values_of

__all__ = [
    "AlertView",
    "DayPoint",
    "Evidence",
    "Name",
    "RuleView",
    "Segment",
    "SeriesState",
    "Standing",
    "alert_view",
    "course_of",
    "false_alerts_a_year",
    "get_alert",
    "get_rule",
    "list_alerts",
    "list_rules",
    "rule_view",
    "standing",
]

BEFORE_DAYS, AFTER_DAYS = 35, 14  # of a picture, around the incident
MOST_ALERTS = 500


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
    its share), `z` standard deviations off where `needed` were asked; of a limit `part` is the day's value."""

    day: date
    days: int
    part: Decimal | None
    whole: float | None
    usual: float | None
    z: float | None
    needed: float | None
    limit: Decimal | None


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

    @property
    def last_named(self) -> date:
        """The last day that the incident is known to have lasted."""
        return self.last_day


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
    """A watched series as it was last judged. `verdict`: quiet, moved, too_few, too_short."""

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
class Standing:
    """What is watched, and until when it is judged; None: nothing yet. `needed_days`: days of facts before judging begins."""

    judged_until: date | None
    series: tuple[SeriesState, ...]
    days_counted: int

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


def list_alerts(shop: ShopView, *, state: str = "", most: int = MOST_ALERTS) -> tuple[AlertView, ...]:
    """Newest first; `state`: open or ended, else all."""
    with scope(shop=shop.id):
        rows = Alert.objects.select_related("rule").order_by("-raised_on", "-id")
        if state == "open":
            rows = rows.filter(state=OPEN)
        elif state == "ended":
            rows = rows.exclude(state=OPEN)
        return tuple(alert_view(row) for row in rows[:most])


def get_alert(shop: ShopView, alert_id: int) -> AlertView:
    """Raises NoSuchAlert."""
    with scope(shop=shop.id):
        row = Alert.objects.select_related("rule").filter(pk=alert_id).first()
        if row is None:
            raise NoSuchAlert(field="alert", value=alert_id)
        return alert_view(row)


def list_rules(shop: ShopView) -> tuple[RuleView, ...]:
    """The shipped watch first, then the shop's own, oldest first. The watch has id 0 until something is changed of it or
    raised by it."""
    with scope(shop=shop.id):
        rows = list(AlertRule.objects.filter(removed_at=None).order_by("id"))
    found = [rule_view(row) for row in sorted(rows, key=lambda row: (row.kind != WATCH, row.pk))]
    return (*found,) if found and found[0].kind == WATCH else (_WATCH, *found)


def get_rule(shop: ShopView, rule_id: int) -> RuleView:
    """Raises NoSuchRule."""
    found = next((one for one in list_rules(shop) if one.id == rule_id), None)
    if found is None:
        raise NoSuchRule(field="rule", value=rule_id)
    return found


def course_of(shop: ShopView, alert: AlertView) -> tuple[DayPoint, ...]:
    """The lead's days around the incident, with the band in which each was expected."""
    text = str(alert.lead)
    first, last = alert.since - ONE_DAY * BEFORE_DAYS, alert.last_day + ONE_DAY * AFTER_DAYS
    with scope(shop=shop.id):
        rows = list(DayJudged.objects.filter(day__gte=first, day__lte=last).order_by("day"))
    points = []
    for row in rows:
        is_off = alert.since <= row.day <= alert.last_day
        judged = row.judged.get(text)
        if judged:
            _verdict, actual, _cases, expected, low, high, *_rest = judged
        else:
            expected = low = high = None
            cell = row.counts.get(text)
            actual = None
            if cell is not None:
                actual = cell[0] if cell[1] is None else cell[0] / cell[1] if cell[1] else None
        points.append(DayPoint(row.day, actual, expected, low, high, is_off))
    return tuple(points)


def standing(shop: ShopView) -> Standing:
    """The state of the watch."""
    with scope(shop=shop.id):
        watch = Watch.objects.filter(shop_id=shop.id).first()
        row = DayJudged.objects.filter(judged_at__isnull=False).order_by("-day").first()
        counted = DayJudged.objects.count()
    series = []
    for text, (verdict, actual, cases, expected, low, high, z, _window, seen) in (
        row.judged.items() if row else ()
    ):
        name = Name.read(text)
        series.append(SeriesState(name, verdict, actual, cases, expected, low, high, z, seen))
    series.sort(key=lambda one: (one.name.what, one.name.dimension, -(one.actual or 0)))
    return Standing(watch.judged_until if watch else None, tuple(series), counted)


def false_alerts_a_year(shop: ShopView, day: date) -> float:
    """How many false alarms a year the shop bears: what the distance that is needed follows from."""
    return values_of(shop, day).false_alerts_a_year


# --- from rows


_WATCH = RuleView(
    0, WATCH, "", 1, None, "", None, True, None, (), datetime(2000, 1, 1, tzinfo=UTC), "Shuke"
)  # as shipped, before the shop has a row of it


def rule_view(row: AlertRule) -> RuleView:
    return RuleView(
        row.pk,
        row.kind,
        row.metric,
        row.version,
        row.condition,
        row.direction,
        row.limit,
        row.is_on,
        row.snoozed_until,
        tuple(row.readers),
        row.created_at,
        row.created_by,
    )


def alert_view(row: Alert) -> AlertView:
    found = row.evidence
    part, limit = found.get("part"), found.get("limit")
    return AlertView(
        row.pk,
        rule_view(row.rule),
        Name.read(row.lead),
        {text: date.fromisoformat(since) for text, since in row.members.items()},
        row.since,
        row.raised_on,
        row.last_day,
        row.state,
        row.ended_on,
        Evidence(
            date.fromisoformat(found["day"]) if "day" in found else row.raised_on,
            found.get("days", 1),
            None if part is None else Decimal(str(part)),
            found.get("whole"),
            found.get("usual"),
            found.get("z"),
            found.get("needed"),
            None if limit is None else Decimal(limit),
        ),
        tuple(
            Segment(s["name"], s["part"], s["whole"], s["expected"], s["loss"], s["share"], s["z"])
            for s in row.segments
        ),
        row.definitions,
        row.raised_at,
        row.seen_at,
        row.seen_by,
        row.snoozed_until,
    )
