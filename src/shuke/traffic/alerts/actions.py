"""Deeds: rules made, changed, removed, put off; alerts seen and put off; letters wanted or not; a period judged again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import F
from django_scopes import scope

from shuke.conditions.reads import Node, dump, parse
from shuke.kernel.errors import Invalid
from shuke.kernel.periods import ONE_DAY, Period, local_day
from shuke.records.actor import Actor
from shuke.records.audit import record_audit
from shuke.records.locks import exclusive
from shuke.shops import access
from shuke.shops import reads as shops
from shuke.shops.reads import ShopView
from shuke.shops.roles import Deed
from shuke.traffic import reads as traffic
from shuke.traffic.alerts import judging, reads, storing
from shuke.traffic.alerts.errors import (
    BadDirection,
    BadFirstDay,
    BadLimit,
    BadReader,
    BadSnooze,
    NoFacts,
    NoSuchAlert,
    NoSuchRule,
    TooManyRules,
)
from shuke.traffic.alerts.models import LIMIT, UNUSUAL, WATCH, Alert, AlertRule, DayJudged, Watch
from shuke.warehouse import reads as warehouse

MOST_RULES = 50  # each is asked of every day, and each series more gives all of them more to reach
_LONGEST_SNOOZE = timedelta(days=366)
_DIRECTIONS = {LIMIT: ("below", "above"), UNUSUAL: ("fall", "rise")}
_MOST_LIMIT = Decimal(10) ** 13


def create_rule(
    *,
    shop: ShopView,
    kind: str,
    metric: str,
    version: int | None = None,
    condition: Node | None = None,
    direction: str,
    limit: Decimal | None = None,
    readers: Sequence[int] = (),
    actor: Actor,
    at: datetime,
) -> reads.RuleView:
    """A rule of the shop's own: a limit on a metric, or an unusual move of it.

    `limit` in the metric's own unit: minor units of money, a share from 0 to 1. Raises NotAllowed, NotFound (metric),
    Invalid (kind), BadDirection, BadLimit, BadReader, TooManyRules.
    """
    access.require(actor=actor, shop_id=shop.id, deed=Deed.MANAGE_TRAFFIC)
    fields = _checked(shop, kind, metric, version, condition, direction, limit, readers)
    with transaction.atomic(), scope(shop=shop.id):
        if AlertRule.objects.filter(removed_at=None).exclude(kind=WATCH).count() >= MOST_RULES:
            raise TooManyRules(field="rule", value=MOST_RULES)
        row = AlertRule.objects.create(
            shop_id=shop.id, kind=kind, created_at=at, created_by=actor.name[:200], **fields
        )
        _audit(shop, actor, "create_alert_rule", row, None, _told(row), at)
        return reads.rule_view(row)


def change_rule(
    *,
    shop: ShopView,
    rule_id: int,
    is_on: bool | None = None,
    direction: str | None = None,
    limit: Decimal | None = None,
    readers: Sequence[int] | None = None,
    actor: Actor,
    at: datetime,
) -> reads.RuleView:
    """Change what is given. Of the shipped watch only whether it is on and who reads. Switched off, or with another limit or
    direction, its open alerts end.

    Raises as `create_rule`, NoSuchRule.
    """
    access.require(actor=actor, shop_id=shop.id, deed=Deed.MANAGE_TRAFFIC)
    with transaction.atomic(), scope(shop=shop.id):
        row = _rule(shop, rule_id, at)
        before = _told(row)
        if direction is not None or limit is not None:
            fields = _checked(
                shop,
                row.kind,
                row.metric,
                row.version,
                parse(row.condition, "visit") if row.condition else None,
                row.direction if direction is None else direction,
                row.limit if limit is None else limit,
                row.readers,
            )
            if (row.direction, row.limit) != (fields["direction"], fields["limit"]):
                _end_alerts(row)  # they were raised by another limit, which nobody compares with any more
            row.direction, row.limit = fields["direction"], fields["limit"]
        if readers is not None:
            row.readers = _readers(shop, readers)
        if is_on is not None:
            row.is_on = is_on
        row.save()
        if not row.is_on:
            _end_alerts(row)
        _audit(shop, actor, "change_alert_rule", row, before, _told(row), at)
        return reads.rule_view(row)


def remove_rule(*, shop: ShopView, rule_id: int, actor: Actor, at: datetime) -> None:
    """The rule raises nothing any more; its alerts stay, those still open end today. The shipped watch is put off or
    switched off instead. Raises NoSuchRule, Invalid."""
    access.require(actor=actor, shop_id=shop.id, deed=Deed.MANAGE_TRAFFIC)
    with transaction.atomic(), scope(shop=shop.id):
        row = _rule(shop, rule_id, at)
        if row.kind == WATCH:
            raise Invalid(field="rule", value=row.kind)
        row.removed_at = at
        row.save(update_fields=["removed_at"])
        _end_alerts(row)
        _audit(shop, actor, "remove_alert_rule", row, _told(row), None, at)


def snooze_rule(
    *, shop: ShopView, rule_id: int, until: datetime | None, actor: Actor, at: datetime
) -> reads.RuleView:
    """No letters and no lines on Today from this rule until then; None: at once again. Raises NoSuchRule, BadSnooze."""
    access.require(actor=actor, shop_id=shop.id, deed=Deed.MANAGE_TRAFFIC)
    _check_snooze(until, at)
    with transaction.atomic(), scope(shop=shop.id):
        row = _rule(shop, rule_id, at)
        before = {"snoozed_until": row.snoozed_until}
        row.snoozed_until = until
        row.save(update_fields=["snoozed_until"])
        _audit(shop, actor, "snooze_alert_rule", row, before, {"snoozed_until": until}, at)
        return reads.rule_view(row)


def set_letters(
    *, shop: ShopView, rule_id: int, user_id: int, wanted: bool, actor: Actor, at: datetime
) -> reads.RuleView:
    """Whether one member gets letters from a rule. Everybody decides for themselves; for others MANAGE_TRAFFIC is needed.

    Raises NoSuchRule, BadReader, NotAllowed.
    """
    is_own = actor.kind == "member" and actor.id == user_id
    access.require(actor=actor, shop_id=shop.id, deed=Deed.VIEW_TRAFFIC if is_own else Deed.MANAGE_TRAFFIC)
    with transaction.atomic(), scope(shop=shop.id):
        row = _rule(shop, rule_id, at)
        before = {"readers": list(row.readers)}
        others = [one for one in row.readers if one != user_id]
        row.readers = _readers(shop, [*others, user_id]) if wanted else others
        row.save(update_fields=["readers"])
        _audit(shop, actor, "change_alert_letters", row, before, {"readers": list(row.readers)}, at)
        return reads.rule_view(row)


def mark_seen(*, shop: ShopView, alert_id: int, actor: Actor, at: datetime) -> reads.AlertView:
    """Somebody has it in hand: it moves down on Today. The first to say so stands. Raises NoSuchAlert."""
    access.require(actor=actor, shop_id=shop.id, deed=Deed.MANAGE_TRAFFIC)
    with transaction.atomic(), scope(shop=shop.id):
        row = _alert(alert_id)
        if row.seen_at is None:
            row.seen_at, row.seen_by = at, actor.name[:200]
            row.save(update_fields=["seen_at", "seen_by"])
            _audit_alert(shop, actor, "see_alert", row, {"seen_at": None}, {"seen_at": at}, at)
        return reads.alert_view(row)


def snooze_alert(
    *, shop: ShopView, alert_id: int, until: datetime | None, actor: Actor, at: datetime
) -> reads.AlertView:
    """Off Today until then. Raises NoSuchAlert, BadSnooze."""
    access.require(actor=actor, shop_id=shop.id, deed=Deed.MANAGE_TRAFFIC)
    _check_snooze(until, at)
    with transaction.atomic(), scope(shop=shop.id):
        row = _alert(alert_id)
        before = {"snoozed_until": row.snoozed_until}
        row.snoozed_until = until
        row.save(update_fields=["snoozed_until"])
        _audit_alert(shop, actor, "snooze_alert", row, before, {"snoozed_until": until}, at)
        return reads.alert_view(row)


def judge_again(*, shop: ShopView, first: date, actor: Actor, at: datetime) -> int:
    """Judge the days from `first` on again, as they stand at `at`; returns how many days. Alerts raised since then are
    made anew (without letters), older ones go on. Those of limits and of rules that are off or removed stay as they are:
    a limit is asked of the last days alone, and nobody follows the others. Days before `first` that were not judged yet
    are judged too: none is passed over. Raises NotAllowed, BadFirstDay, NoFacts."""
    access.require(actor=actor, shop_id=shop.id, deed=Deed.MANAGE_TRAFFIC)
    with exclusive(f"traffic-alerts-{shop.id}"), scope(shop=shop.id):
        _check_first(shop, first, at)
        with transaction.atomic():
            followed = AlertRule.objects.filter(kind__in=(WATCH, UNUSUAL), removed_at=None, is_on=True)
            mine = Alert.objects.filter(rule__in=list(followed))
            gone = mine.filter(raised_on__gte=first)
            number = gone.count()
            gone.delete()
            mine.filter(ended_on__gte=first).update(state="open", ended_on=None)
            mine.filter(last_day__gte=first).update(last_day=first - ONE_DAY)
            DayJudged.objects.filter(day__gte=first).update(scores={}, judged={}, judged_at=None)
            watch, _made = Watch.objects.get_or_create(shop_id=shop.id)
            began = min(first, (watch.judged_until or first) + ONE_DAY)
            watch.judged_until, watch.looked_at = began - ONE_DAY, at
            if watch.orders_until is not None:
                watch.orders_until = min(watch.orders_until, began - ONE_DAY)
            if watch.visits_until is not None:
                watch.visits_until = min(watch.visits_until, began - ONE_DAY)
            watch.save()
            record_audit(
                shop_id=shop.id,
                actor=actor,
                deed="judge_alerts_again",
                subject_kind="alert",
                subject_id=first,
                before={"alerts": number},
                after=None,
                at=at,
            )
        judged = began - ONE_DAY
        while True:
            span = judging.span_of(shop, at)
            if span is None:
                break
            _more, day = judging.one_chunk(shop, span, at, judging.plainly, raises=False)
            judged = day or judged
        return (judged - began).days + 1


def judge_due(*, shop: ShopView, actor: Actor, at: datetime) -> int:
    """Judge what is due in this process, with letters; returns how many days. What the job does, for a command."""
    access.require(actor=actor, shop_id=shop.id, deed=Deed.MANAGE_TRAFFIC)
    with exclusive(f"traffic-alerts-{shop.id}"), scope(shop=shop.id):
        found = judging.span_of(shop, at)
        if found is None:
            return 0
        while (span := judging.span_of(shop, at)) is not None:
            judging.one_chunk(shop, span, at, judging.plainly)
        return Period.inclusive(found.first, found.last).length


# --- checks


def _checked(
    shop: ShopView,
    kind: str,
    metric: str,
    version: int | None,
    condition: Node | None,
    direction: str,
    limit: Decimal | None,
    readers: Sequence[int],
) -> dict[str, Any]:
    if kind not in _DIRECTIONS:
        raise Invalid(field="kind", value=kind)
    one = traffic.metric(metric, version)
    if direction not in _DIRECTIONS[kind]:
        raise BadDirection(field="direction", value=direction)
    if kind == LIMIT:
        if limit is None or not limit.is_finite() or not 0 <= limit <= _MOST_LIMIT:
            raise BadLimit(field="limit", value="" if limit is None else limit)
        if one.unit == "ratio" and limit > 1:
            raise BadLimit(field="limit", value=limit)
        limit = limit.quantize(Decimal("0.000001"))
    return {
        "metric": one.id,
        "version": one.version,
        "condition": dump(condition) if condition is not None else None,
        "direction": direction,
        "limit": limit if kind == LIMIT else None,
        "readers": _readers(shop, readers),
    }


def _readers(shop: ShopView, wanted: Sequence[int]) -> list[int]:
    members = {member.user_id for member in shops.list_members(shop)}
    for one in wanted:
        if one not in members:
            raise BadReader(field="readers", value=one)
    return sorted(set(wanted))


def _check_snooze(until: datetime | None, at: datetime) -> None:
    if until is not None and (until.tzinfo is None or not at < until <= at + _LONGEST_SNOOZE):
        raise BadSnooze(field="until", value=until.isoformat())


def _check_first(shop: ShopView, first: date, at: datetime) -> None:
    """Days to come would be taken for judged, and days before the first facts would teach that a shop has nothing."""
    life = warehouse.whole_life(shop.id)
    if life is None:
        raise NoFacts(field="first", value=first)
    last = min(life.last, local_day(at, shop.zone))
    if not life.start <= first <= last:
        raise BadFirstDay(field="first", value=first, first=life.start, last=last)


def _rule(shop: ShopView, rule_id: int, at: datetime) -> AlertRule:
    """The row, locked; 0 is the shipped watch, which has a row from the first deed on."""
    if rule_id == 0:
        rule_id = storing.watch_rule(shop.id, at).pk
    row = AlertRule.objects.select_for_update().filter(pk=rule_id, removed_at=None).first()
    if row is None:
        raise NoSuchRule(field="rule", value=rule_id)
    return row


def _end_alerts(rule: AlertRule) -> None:
    """Nobody follows them any more: they end with the last day that was judged."""
    Alert.objects.filter(rule=rule, state="open").update(state="back", ended_on=F("last_day"))


def _alert(alert_id: int) -> Alert:
    row = Alert.objects.select_for_update().filter(pk=alert_id).first()
    if row is None:
        raise NoSuchAlert(field="alert", value=alert_id)
    return row


def _told(row: AlertRule) -> dict[str, Any]:
    return {
        "kind": row.kind,
        "metric": row.metric,
        "version": row.version,
        "condition": row.condition,
        "direction": row.direction,
        "limit": None if row.limit is None else str(row.limit),
        "is_on": row.is_on,
        "readers": list(row.readers),
    }


def _audit(
    shop: ShopView,
    actor: Actor,
    deed: str,
    row: AlertRule,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    at: datetime,
) -> None:
    record_audit(
        shop_id=shop.id,
        actor=actor,
        deed=deed,
        subject_kind="alert_rule",
        subject_id=row.pk,
        before=before,
        after=after,
        at=at,
    )


def _audit_alert(
    shop: ShopView,
    actor: Actor,
    deed: str,
    row: Alert,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    at: datetime,
) -> None:
    record_audit(
        shop_id=shop.id,
        actor=actor,
        deed=deed,
        subject_kind="alert",
        subject_id=row.pk,
        before=before,
        after=after,
        at=at,
    )
