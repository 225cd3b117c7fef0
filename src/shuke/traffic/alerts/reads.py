"""Questions about alerts: which there are, what stands behind one, what is watched and how far it is judged."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

from django.conf import settings
from django_scopes import scope

from shuke.kernel.periods import ONE_DAY, Period, local_day
from shuke.shops.reads import ShopView
from shuke.traffic.alerts.answers import (
    AlertView,
    DayPoint,
    Evidence,
    RuleView,
    SeriesState,
    Silence,
    Standing,
)
from shuke.traffic.alerts.counting import most_seen
from shuke.traffic.alerts.errors import NoSuchAlert, NoSuchRule
from shuke.traffic.alerts.incidents import Segment
from shuke.traffic.alerts.models import OPEN, WATCH, Alert, AlertRule, DayJudged, Watch
from shuke.traffic.alerts.own_rules import FINE, is_fine
from shuke.traffic.alerts.shapes import Name
from shuke.traffic.alerts.storing import is_of_rule
from shuke.traffic.alerts.values import STEPS, steps_of, values_of
from shuke.traffic.alerts.wording import (
    FAMILIES,
    STATES,
    advice,
    amount_words,
    cause,
    consequences,
    days_words,
    listed,
    metric_title,
    numbers,
    rule_words,
    segment_words,
    sentence,
    series_words,
    step_words,
    value_words,
    what_words,
)
from shuke.warehouse import reads as warehouse

__all__ = [
    "FAMILIES",
    "FRESH",
    "STATES",
    "AlertView",
    "DayPoint",
    "Evidence",
    "Name",
    "RuleView",
    "Segment",
    "SeriesState",
    "Silence",
    "Standing",
    "advice",
    "alert_view",
    "amount_words",
    "cause",
    "consequences",
    "course_of",
    "days_words",
    "false_alerts_a_year",
    "get_alert",
    "get_rule",
    "has_mail_server",
    "least_days",
    "list_alerts",
    "list_rules",
    "listed",
    "metric_title",
    "numbers",
    "rule_view",
    "rule_words",
    "segment_words",
    "sentence",
    "series_words",
    "silent_since",
    "standing",
    "step_texts",
    "step_words",
    "value_words",
    "what_words",
]

BEFORE_DAYS, AFTER_DAYS = 35, 14  # of a picture, around the incident
MOST_ALERTS = 500
_LOOKED_BACK = 120  # days: visits that stopped longer ago are no news
LIVE_DAYS = 5  # judged one after the other as they ended: then facts come day by day
FRESH = 4 * ONE_DAY  # an alert about older days is not news: no letter, and it can wait


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
        if judged and judged[0] != "waiting":
            _verdict, actual, _cases, expected, low, high, *_rest = judged
        else:
            expected = low = high = None
            cell = row.counts.get(text)
            actual = None
            if cell is not None:
                actual = cell[0] if cell[1] is None else cell[0] / cell[1] if cell[1] else None
        actual, expected, low, high = _in_unit(alert.lead, alert.rule, actual, expected, low, high)
        points.append(DayPoint(row.day, actual, expected, low, high, is_off))
    return tuple(points)


def _in_unit(name: Name, rule: AlertRule | RuleView | None, *values: float | None) -> list[float | None]:
    """Values of a series in its metric's own unit: means are counted in thousandths."""
    if name.family != "count" or rule is None or not rule.metric or not is_fine(rule.metric, rule.version):
        return list(values)
    return [None if value is None else value / FINE for value in values]


def standing(shop: ShopView) -> Standing:
    """The state of the watch."""
    with scope(shop=shop.id):
        watch = Watch.objects.filter(shop_id=shop.id).first()
        row = DayJudged.objects.filter(judged_at__isnull=False).order_by("-day").first()
        counted = DayJudged.objects.count()
        on = {one.pk: one for one in AlertRule.objects.filter(removed_at=None, is_on=True)}
    series = []
    for text, (verdict, actual, cases, expected, low, high, z, _window, seen) in (
        row.judged.items() if row else ()
    ):
        name = Name.read(text)
        if is_of_rule(text) and int(name.step) not in on:
            continue
        rule = on[int(name.step)] if is_of_rule(text) else None
        actual, expected, low, high = _in_unit(name, rule, actual, expected, low, high)
        series.append(SeriesState(name, verdict, actual, cases, expected, low, high, z, seen))
    series.sort(key=lambda one: (one.name.what, one.name.dimension, -(one.actual or 0)))
    ends = {step for one in series if one.name.family == "step" for step in (one.name.before, one.name.step)}
    missing = tuple(step for step in STEPS if step not in ends) if ends else ()
    return Standing(watch.judged_until if watch else None, tuple(series), counted, missing)


def false_alerts_a_year(shop: ShopView, day: date) -> float:
    """How many false alarms a year the shop bears: what the distance that is needed follows from."""
    return values_of(shop, day).false_alerts_a_year


def step_texts(shop: ShopView, alert: AlertView) -> tuple[str, ...]:
    """Of an alert of a step: what shows the step before it and the step itself, each by the text that was seen most on the
    day before the incident (values.steps_of tells the texts); empty for any other alert."""
    name = alert.lead
    wanted = (name.before, name.step)
    if name.family != "step" or not set(wanted) <= set(STEPS):
        return ()
    day = alert.since - ONE_DAY
    every = steps_of(shop, day)
    found = most_seen(shop, day, {step: every[step] for step in wanted})
    return tuple(found[step] for step in wanted) if len(found) == len(wanted) else ()


def least_days(shop: ShopView, day: date) -> int:
    """Days of facts before anything is judged."""
    return values_of(shop, day).least_days


def silent_since(shop: ShopView, at: datetime) -> Silence | None:
    """The last day with visits of a shop whose visits used to come day by day, when a whole day has passed without any since;
    None: they come, or they never came by themselves (files of the past).

    Day by day: each of the last days was judged within two days, with visits enough that none at all is no chance.
    """
    life, today = warehouse.whole_life(shop.id), local_day(at, shop.zone)
    with scope(shop=shop.id):
        judged = DayJudged.objects.exclude(judged_at=None).order_by("-day")
        newest = judged.first()
    if life is None or newest is None:
        return None
    last, with_orders = life.last, False
    if (
        newest.judged.get("visits", [""])[0] == "waiting"
    ):  # the last events lie before it, whatever else comes
        period = Period.inclusive(max(life.start, life.last - _LOOKED_BACK * ONE_DAY), life.last)
        last = warehouse.last_day_with(shop.id, "events", period) or last
        with_orders = (warehouse.last_day_with(shop.id, "order_lines", period) or last) > last
    if last >= today - ONE_DAY:
        return None
    with scope(shop=shop.id):
        rows = list(judged.filter(day__lte=last)[:LIVE_DAYS])
    visits = [(row.counts.get("visits") or (0,))[0] for row in rows]
    is_prompt = all(
        local_day(row.judged_at, shop.zone) <= row.day + 2 * ONE_DAY for row in rows if row.judged_at
    )
    if len(rows) < LIVE_DAYS or not is_prompt:
        return None
    is_many = sum(visits) >= values_of(shop, today).least_daily * len(visits)
    return Silence(last, with_orders) if is_many else None


def has_mail_server() -> bool:
    """Whether letters can go out at all."""
    return not settings.EMAIL_BACKEND.endswith(("dummy.EmailBackend", "console.EmailBackend"))


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
    found, lead = row.evidence, Name.read(row.lead)
    part, limit = found.get("part"), found.get("limit")
    (usual,) = _in_unit(lead, row.rule, found.get("usual"))
    if part is not None and lead.family != "limit":
        (part,) = _in_unit(lead, row.rule, part)
    return AlertView(
        row.pk,
        rule_view(row.rule),
        lead,
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
            usual,
            found.get("z"),
            found.get("needed"),
            None if limit is None else Decimal(limit),
            found.get("direction", ""),
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
