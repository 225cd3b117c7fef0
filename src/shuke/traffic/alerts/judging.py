"""A shop judged up to a day: what is missing is counted, then one day after the other is judged and stored.

Everything a chunk does is one transaction with its progress, so that it may be killed at any line: a day is judged once,
and an incident is one alert. Days whose counts changed since (a late file) are counted anew and teach as they are now; what
was said of them stands, unless someone has a period judged again. Orders that come later than the visits are judged when they
have come, as of the last day of which all are in.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db import transaction

from shuke.kernel.periods import ONE_DAY, Period, local_day
from shuke.records.outbox import announce
from shuke.shops.reads import ShopView
from shuke.traffic import events
from shuke.traffic.alerts import arrivals, own_rules, storing
from shuke.traffic.alerts.arrivals import Came
from shuke.traffic.alerts.counting import counts_by_day
from shuke.traffic.alerts.decisions import waiting
from shuke.traffic.alerts.incidents import CONSEQUENCES, Incident
from shuke.traffic.alerts.models import BACK, LIMIT, OPEN, UNUSUAL, Alert, AlertRule, DayJudged, Watch
from shuke.traffic.alerts.shapes import EVERY_STEP, Judgement, Name
from shuke.traffic.alerts.values import defined, settling_hours, steps_of, told_share, values_of
from shuke.traffic.alerts.watching import Memory, next_day
from shuke.warehouse import reads as warehouse

COUNT_DAYS = 14  # days counted by one question
JUDGE_SECONDS = 3.0  # of one chunk
FIRST_JUDGED = 90  # of a shop that is judged for the first time: its last days
ORDERS, VISITS = "orders", "visits"  # what may come later, each for itself
_BY_VISITS = ("visits", "bounce", *EVERY_STEP)
_LIMIT_DAYS = 8  # a limit is looked at on so many of the last days
DEFINITIONS = {
    "visits": "visits.v1",
    "orders": "orders.v1",
    "amount": "amount_paid.v1",
    "bounce": "bounce_entrance.v1",
    "step": "alerts.step.v1",
}

Saving = Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True)
class Span:
    """The days to judge, `first` to `last`, and from which day on counts are needed."""

    counted: date
    first: date
    last: date


def span_of(shop: ShopView, at: datetime) -> Span | None:
    """What is to be judged now; None: nothing. A day is judged when it is over, its hours of grace too, and when facts of
    a later day say that the facts did not just stop within it (a file that ends at nine)."""
    life = warehouse.whole_life(shop.id)
    if life is None:
        return None
    today = local_day(at, shop.zone)
    over = local_day(at - timedelta(hours=settling_hours(shop, today)), shop.zone) - ONE_DAY
    last = min(over, life.last - ONE_DAY)
    watch = Watch.objects.filter(shop_id=shop.id).first()
    until = watch.judged_until if watch else None
    first = max(life.start, until + ONE_DAY if until else last - ONE_DAY * (FIRST_JUDGED - 1))
    if first > last:
        return None
    back = storing.memory_days(values_of(shop, first))
    return Span(max(life.start, first - ONE_DAY * back), first, last)


def one_chunk(
    shop: ShopView, span: Span, at: datetime, saving: Saving, *, raises: bool = True
) -> tuple[bool, date | None]:
    """One bounded piece of the work; returns whether there is more, and the last day that is judged now.

    `raises`: whether alerts are announced (letters). Within the shop's scope.
    """
    unusual = list(AlertRule.objects.filter(kind=UNUSUAL, removed_at=None, is_on=True).order_by("id"))
    came = arrivals.of_days(shop, Period.inclusive(span.counted, span.last + ONE_DAY * arrivals.AHEAD_DAYS))
    # Every day that teaches is counted by the definition of the last one: another would look like a move.
    steps = steps_of(shop, span.last)
    days = _uncounted(span, came, defined(steps))
    if days:
        _count(shop, days, came, steps, unusual, at, saving)
        return True, None
    if _count_own(shop, span, unusual, at, saving):
        return True, None
    return _judge(shop, span, came, unusual, at, saving, raises=raises)


# --- counting


def _uncounted(span: Span, came: Mapping[date, Came], definition: str) -> list[date]:
    """The first days that are not counted yet, of which something else has come by now, or that were counted by another
    definition; none: all are as they were counted."""
    period = Period.inclusive(span.counted, span.last)
    rows = DayJudged.objects.filter(day__gte=period.start, day__lt=period.end)
    stored = dict(rows.values_list("day", "came"))
    stale = [
        day for day in period.days() if not came.get(day, arrivals.NOTHING).is_as(stored.get(day), definition)
    ]
    return [day for day in stale if day < stale[0] + ONE_DAY * COUNT_DAYS] if stale else []


def _count(
    shop: ShopView,
    days: list[date],
    came: Mapping[date, Came],
    steps: Mapping[str, Sequence[str]],
    unusual: list[AlertRule],
    at: datetime,
    saving: Saving,
) -> None:
    """`came`: as it was before the counting, so that what comes meanwhile is counted by the next chunk."""
    period = Period.inclusive(days[0], days[-1])
    found = counts_by_day(shop, period, steps, at)
    own = {own_rules.series_of(rule): own_rules.cells_by_day(shop, rule, period, at) for rule in unusual}
    with saving():
        for day in days:
            cells = {**found[day], **{name: by_day[day] for name, by_day in own.items()}}
            DayJudged.objects.update_or_create(
                shop_id=shop.id,
                day=day,
                defaults={
                    "counts": storing.cells_as_json(cells),
                    "came": came.get(day, arrivals.NOTHING).token(defined(steps)),
                },
            )


def _count_own(shop: ShopView, span: Span, unusual: list[AlertRule], at: datetime, saving: Saving) -> bool:
    """A rule that is new: its metric on the days that were counted before it."""
    for rule in unusual:
        name = own_rules.series_of(rule)
        rows = list(DayJudged.objects.filter(day__gte=span.counted, day__lte=span.last).order_by("day"))
        without = [row for row in rows if name not in row.counts]
        if not without:
            continue
        period = Period.inclusive(without[0].day, without[-1].day)
        cells = own_rules.cells_by_day(shop, rule, period, at)
        with saving():
            for row in without:
                row.counts |= storing.cells_as_json({name: cells[row.day]})
                row.save(update_fields=["counts"])
        return True
    return False


# --- judging


def _judge(
    shop: ShopView,
    span: Span,
    came: Mapping[date, Came],
    unusual: list[AlertRule],
    at: datetime,
    saving: Saving,
    *,
    raises: bool,
) -> tuple[bool, date | None]:
    until = time.monotonic() + JUDGE_SECONDS
    own = [own_rules.series_of(rule) for rule in unusual]
    memory = storing.memory_of(shop.id, span.counted, span.first, own)
    rows = list(DayJudged.objects.filter(day__gte=span.first, day__lte=span.last))
    counts = {row.day: storing.watched(storing.cells_of(row.counts), own) for row in rows}
    unknown = storing.unknown_of(rows)
    memory = replace(
        memory,
        unknown={
            text: {*memory.unknown.get(text, ()), *unknown.get(text, ())}
            for text in {*memory.unknown, *unknown}
        },
    )
    directions = own_rules.directions_of(unusual)
    waits = {
        ORDERS: [
            *CONSEQUENCES,
            *(own_rules.series_of(rule) for rule in unusual if own_rules.is_by_orders(rule)),
        ],
        VISITS: [
            *_BY_VISITS,
            *(own_rules.series_of(rule) for rule in unusual if not own_rules.is_by_orders(rule)),
        ],
    }
    every = {**memory.history, **counts}
    orders = {one: cells["orders"][0] for one, cells in every.items() if "orders" in cells}
    watch = Watch.objects.filter(shop_id=shop.id).first()
    # As of which day each was judged.
    until_now = {
        ORDERS: watch.orders_until if watch else None,
        VISITS: watch.visits_until if watch else None,
    }
    visits_known, facts_known = arrivals.visits_known_until(came), arrivals.facts_known_until(came)
    day = span.first
    while True:
        values = values_of(shop, day)
        orders_known = arrivals.orders_known_until(
            came, orders, span.last, days=values.baseline_days, told_share=told_share(shop, day)
        )
        known = {ORDERS: orders_known or facts_known, VISITS: visits_known}
        as_of = {kind: min(day, one or day) for kind, one in known.items()}
        late: dict[str, date | None] = {}
        for kind, one in as_of.items():
            if one != day:
                late |= dict.fromkeys(waits[kind], one if _is_new(one, until_now[kind]) else None)
        memory, judged = next_day(memory, day, counts.get(day, {}), values, directions, late)
        limits = (
            _limits_of(shop, day, until_now, as_of, at) if day > span.last - ONE_DAY * _LIMIT_DAYS else {}
        )
        with saving():
            memory = _store(shop, day, memory, judged, at, raises=raises)
            _judge_limits(shop, day, limits, at, raises=raises)
            until_now = {k: one if _is_new(one, until_now[k]) else until_now[k] for k, one in as_of.items()}
            told = {"orders_until": until_now[ORDERS], "visits_until": until_now[VISITS]}
            Watch.objects.update_or_create(
                shop_id=shop.id, defaults={"judged_until": day, "looked_at": at, **told}
            )
        if day >= span.last:
            return False, day
        day += ONE_DAY
        if time.monotonic() >= until:
            return True, day - ONE_DAY


def _is_new(as_of: date, before: date | None) -> bool:
    return before is None or as_of > before


def _store(
    shop: ShopView, day: date, memory: Memory, judged: dict[str, Judgement], at: datetime, *, raises: bool
) -> Memory:
    """The day's row and the alerts; returns the memory with the rows' ids. What was judged as of an earlier day, since it
    came late, is said of that day."""
    own = {text: one if one.day == day else waiting(text, day) for text, one in judged.items()}
    told = {
        "scores": storing.scores_as_json(own),
        "judged": storing.judged_as_json(own),
        "judged_at": at,
    }
    DayJudged.objects.update_or_create(
        shop_id=shop.id, day=day, defaults=told, create_defaults={"counts": {}, **told}
    )
    storing.store_late(day, judged)
    rows = {
        row.pk: row
        for row in Alert.objects.select_for_update().filter(
            id__in=[one.id for one in memory.incidents if one.id > 0]
        )
    }
    kept: list[Incident] = []
    for one in memory.incidents:
        row = rows.get(one.id)
        if row is not None and row.state != OPEN:
            kept.append(one)
            continue
        is_new = row is None
        if row is None:
            rule = _rule_of(shop, one, at)
            if rule is None:
                continue  # its rule is off: nothing is raised, and the days teach
            row = Alert(shop_id=shop.id, rule=rule, raised_at=at, definitions={})
        storing.store(row, one, judged, _definitions(shop, one))
        row.save()
        if raises and (is_new or row.state != OPEN):
            name = events.ALERT_RAISED if is_new else events.ALERT_ENDED
            announce(shop_id=shop.id, name=name, payload={"alert": row.pk}, at=at)
        kept.append(replace(one, id=row.pk))
    return replace(memory, incidents=kept)


def _rule_of(shop: ShopView, one: Incident, at: datetime) -> AlertRule | None:
    family, _dot, number = one.group.partition(".")
    if family in ("count", "rate"):
        rule = AlertRule.objects.filter(pk=int(number)).first()
    else:
        rule = storing.watch_rule(shop.id, at)
    return rule if rule is not None and rule.is_on and rule.removed_at is None else None


def _definitions(shop: ShopView, one: Incident) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in one.members:
        name = Name.read(text)
        if name.family in DEFINITIONS:
            found[name.family] = DEFINITIONS[name.family]
        else:
            rule = AlertRule.objects.filter(pk=int(name.step)).first()
            found.update(own_rules.definitions_of(rule) if rule else {})
    return found


def _limits_of(
    shop: ShopView,
    day: date,
    before: Mapping[str, date | None],
    now: Mapping[str, date],
    at: datetime,
) -> dict[tuple[int, date], Decimal | None]:
    """The values that limits are compared with on a day: of orders and of visits, of each day up to `now` that was not known
    `before`. Asked before anything is written, since the warehouse may take its time."""
    come = {}
    for kind, last in now.items():
        known = before[kind]
        first = max(day - ONE_DAY * (_LIMIT_DAYS - 1), known + ONE_DAY if known else last)
        come[kind] = [first + ONE_DAY * n for n in range((last - first).days + 1)]
    found = {}
    for rule in AlertRule.objects.filter(kind=LIMIT, removed_at=None, is_on=True).order_by("id"):
        for one in come[ORDERS if own_rules.is_by_orders(rule) else VISITS]:
            # What was said of a day stands, if it is judged again.
            if not Alert.objects.filter(rule=rule, last_day__gte=one).exists():
                found[rule.pk, one] = own_rules.value_on(shop, rule, one, at)
    return found


def _judge_limits(
    shop: ShopView,
    day: date,
    values: Mapping[tuple[int, date], Decimal | None],
    at: datetime,
    *,
    raises: bool,
) -> None:
    rules = {rule.pk: rule for rule in AlertRule.objects.filter(kind=LIMIT, removed_at=None, is_on=True)}
    for (number, one), value in values.items():
        if number in rules:
            _judge_limit(shop, rules[number], one, value, day, at, raises=raises)


def _judge_limit(
    shop: ShopView,
    rule: AlertRule,
    day: date,
    value: Decimal | None,
    judged_on: date,
    at: datetime,
    *,
    raises: bool,
) -> None:
    """A limit's alert is open as long as each day crosses it."""
    row = Alert.objects.select_for_update().filter(rule=rule, state=OPEN).first()
    if own_rules.crosses(rule, value):
        is_new = row is None
        if row is None:
            lead = f"limit.{rule.pk}"
            row = Alert(
                shop_id=shop.id,
                rule=rule,
                lead=lead,
                members={lead: day.isoformat()},
                since=day,
                raised_on=judged_on,
                raised_at=at,
                definitions=dict(own_rules.definitions_of(rule)),
            )
        row.last_day = day
        row.evidence = {
            "day": day.isoformat(),
            "days": 1,
            "part": str(value),
            "limit": str(rule.limit),
            "direction": rule.direction,
        }
        row.save()
        if raises and is_new:
            announce(shop_id=shop.id, name=events.ALERT_RAISED, payload={"alert": row.pk}, at=at)
    elif row is not None and value is not None:
        row.state, row.ended_on = BACK, day
        row.save(update_fields=["state", "ended_on"])
        if raises:
            announce(shop_id=shop.id, name=events.ALERT_ENDED, payload={"alert": row.pk}, at=at)


@contextlib.contextmanager
def plainly() -> Iterator[None]:
    """What `saving` is outside a job."""
    with transaction.atomic():
        yield
