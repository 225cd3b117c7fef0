"""The shop's own values from the database, and what is in force with them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from django_scopes import scope

from shuke.shops.reads import ShopView

from .book import the_book
from .decisions import OwnValue, value_in_force
from .errors import NoRuleYet
from .models import RuleOverride
from .rules import Difference, RuleValue


def own_value(row: RuleOverride) -> OwnValue:
    return OwnValue(row.pk, row.rule, row.since, row.value, row.made_by, row.made_at)


def own_values(shop: ShopView, rule_id: str | None = None) -> tuple[OwnValue, ...]:
    """A shop's own values, in the order in which they were made; of one rule when it is given."""
    with scope(shop=shop.id):
        rows = RuleOverride.objects.order_by("id")
        return tuple(own_value(row) for row in (rows.filter(rule=rule_id) if rule_id else rows))


def value_for(shop: ShopView, rule_id: str, at: date, own: Sequence[OwnValue] | None = None) -> RuleValue:
    """What holds in this shop on its day `at`: its own value where it set one, else the rule's.

    `own`: what `own_values` of the shop says, where several values are asked for at once. Raises NoSuchRule, and NoRuleYet outside the rule's dates.
    """
    rule = the_book().rule(rule_id)
    if not rule.may_change:
        own = ()
    elif own is None:
        own = own_values(shop, rule_id)
    found = value_in_force(rule, [one for one in own if one.rule == rule_id], at)
    if found is None:
        raise NoRuleYet(field=rule_id, value=at, first=rule.values[0].since)
    return found


def values_for(shop: ShopView, at: date) -> dict[str, RuleValue | None]:
    """Rule id → what holds in this shop on its day `at`, for every rule; None: the rule has no value then."""
    own = own_values(shop)
    return {
        rule.id: value_in_force(rule, [one for one in own if one.rule == rule.id], at)
        for rule in the_book().by_id.values()
    }


def change_days(shop: ShopView, *rule_ids: str, own: Sequence[OwnValue] | None = None) -> tuple[date, ...]:
    """The days from which any of these rules may say another thing in this shop, in order; the first is the oldest.

    Between two of them the values stand still, so a computation over many days needs to ask once per stretch.
    """
    days: set[date] = set()
    rules = [the_book().rule(rule_id) for rule_id in rule_ids]
    if own is None:
        own = own_values(shop) if any(rule.may_change for rule in rules) else ()
    for rule in rules:
        days.update(value.since for value in rule.values)
        days.update(value.until for value in rule.values if value.until is not None)
        if rule.may_change:
            days.update(one.since for one in own if one.rule == rule.id)
    return tuple(sorted(days))


def differences_for(shop: ShopView, start: date, end: date) -> tuple[Difference, ...]:
    """The rules that say another thing in this shop on `end` than on `start`, in the order of the files."""
    before, after = values_for(shop, start), values_for(shop, end)
    return tuple(
        Difference(rule, before[rule.id], after[rule.id])
        for rule in the_book().by_id.values()
        if before[rule.id] != after[rule.id]
    )
