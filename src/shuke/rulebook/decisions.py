"""Whether a shop may set its own value for a rule, and which value is in force: pure, from the rule and the shop's rows."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _

from .errors import BadRuleValue, NoRuleYet, RuleChangeTooEarly, RuleIsFixed
from .kinds import KINDS
from .rules import Rule, RuleValue

MAX_VALUE_BYTES = 100_000


@dataclass(frozen=True)
class OwnValue:
    """A shop's own value from `since` on; `value` None: the rule itself holds again. `id` grows with time."""

    id: int
    rule: str
    since: date
    value: Any
    made_by: str
    made_at: datetime


def first_day_of_change(today: date) -> date:
    """The first shop's day from which a change may hold: what today and before it counted stays as counted."""
    return today + timedelta(days=1)


def check_change(rule: Rule, value: Any, since: date, today: date) -> None:
    """Raises RuleIsFixed, RuleChangeTooEarly, NoRuleYet or BadRuleValue; `value` None withdraws the shop's own value."""
    if not rule.may_change:
        raise RuleIsFixed(field=rule.id, value=value)
    if since < first_day_of_change(today):
        raise RuleChangeTooEarly(field=rule.id, value=since, first=first_day_of_change(today))
    if rule.find_value(since) is None:
        raise NoRuleYet(field=rule.id, value=since, first=rule.values[0].since)
    if value is None:
        return
    kind = KINDS[rule.kind]
    try:
        _check_storable(value)
        kind.check(value)
    except ValueError:
        raise BadRuleValue(field=rule.id, value=value, expected=kind.expected) from None
    if rule.between is not None and not rule.between[0] <= value <= rule.between[1]:
        least, greatest = rule.between
        expected = _("a number from %(least)s to %(greatest)s") % {"least": least, "greatest": greatest}
        raise BadRuleValue(field=rule.id, value=value, expected=expected)


def _check_storable(value: Any) -> None:
    """Raises ValueError for what no database keeps as JSON: no number, a zero byte, half a character, too much."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        size = len(text.encode())
    except (TypeError, RecursionError, UnicodeEncodeError) as error:
        raise ValueError("can not be kept") from error
    if size > MAX_VALUE_BYTES or "\\u0000" in text:
        raise ValueError("can not be kept")


def own_value_on(own: Iterable[OwnValue], day: date) -> OwnValue | None:
    """The shop's row in force on a day: the latest `since`, and of equal ones the one that was made last."""
    begun = [one for one in own if one.since <= day]
    return max(begun, key=lambda one: (one.since, one.id), default=None)


def value_in_force(rule: Rule, own: Iterable[OwnValue], day: date) -> RuleValue | None:
    """The shop's own value where it has one on that day, else the rule's; None outside the rule's dates."""
    shipped = rule.find_value(day)
    chosen = own_value_on(own, day)
    if shipped is None or chosen is None or chosen.value is None or not rule.may_change:
        return shipped
    return replace(shipped, value=chosen.value, since=chosen.since, until=None, words=None, is_own=True)
