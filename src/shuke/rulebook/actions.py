"""Setting a shop's own value over a rule, and withdrawing it: always from a coming day on, always on record."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.db import transaction
from django_scopes import scope

from shuke.kernel.periods import local_day
from shuke.records.actor import Actor
from shuke.records.audit import record_audit
from shuke.records.outbox import announce
from shuke.shops import access
from shuke.shops.reads import ShopView
from shuke.shops.roles import Deed

from . import events, reads
from .decisions import OwnValue, check_change
from .models import RuleOverride


def change_rule(
    *, shop: ShopView, rule_id: str, since: date, value: Any, actor: Actor, at: datetime
) -> OwnValue:
    """From the shop's day `since` on, `value` holds in this shop instead of the rule's.

    Raises NotAllowed, NoSuchRule, RuleIsFixed, RuleChangeTooEarly (before tomorrow), BadRuleValue.
    """
    return _set(shop, rule_id, since, value, actor, at)


def withdraw_change(*, shop: ShopView, rule_id: str, since: date, actor: Actor, at: datetime) -> OwnValue:
    """From the shop's day `since` on, the rule itself holds again. Raises as `change_rule`."""
    return _set(shop, rule_id, since, None, actor, at)


def _set(shop: ShopView, rule_id: str, since: date, value: Any, actor: Actor, at: datetime) -> OwnValue:
    access.require(actor=actor, shop_id=shop.id, deed=Deed.CHANGE_RULEBOOK)
    rule = reads.rule(rule_id)
    check_change(rule, value, since, local_day(at, shop.zone))
    with transaction.atomic(), scope(shop=shop.id):
        before = reads.value_for(shop, rule_id, since)
        row = RuleOverride.objects.create(
            shop_id=shop.id, rule=rule_id, since=since, value=value, made_by=actor.name, made_at=at
        )
        after = reads.value_for(shop, rule_id, since)
        record_audit(
            shop_id=shop.id,
            actor=actor,
            deed=Deed.CHANGE_RULEBOOK.value,
            subject_kind="rule",
            subject_id=rule_id,
            before={"since": since, "value": before.value, "is_own": before.is_own},
            after={"since": since, "value": after.value, "is_own": after.is_own},
            at=at,
        )
        payload = {"rule": rule_id, "since": since.isoformat(), "override": row.pk}
        announce(shop_id=shop.id, name=events.RULE_CHANGED, payload=payload, at=at)
    return reads.own_value(row)
