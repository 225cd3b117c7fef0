"""The API of the rulebook: rules as they hold in the asker's shop, as of any day, and what changed between two days."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.utils.translation import gettext_lazy as _
from ninja import Query, Router, Schema

from shuke.kernel import clock
from shuke.kernel.errors import Invalid
from shuke.kernel.periods import local_day
from shuke.shops.access import ShopRequest, api
from shuke.shops.roles import Deed

from . import actions, reads

router = Router()


class PeriodUpsideDown(Invalid):
    code = "period_upside_down"
    words = _("The second day, %(value)s, lies before the first.")
    remedy = _("Exchange the two days.")


class WordsOut(Schema):
    zh: str
    en: str


class SourceOut(Schema):
    title: str
    number: str
    url: str
    status: str
    as_of: str


class ValueOut(Schema):
    """`status` is verified, verified-2nd (a secondary source) or unverified; `is_own`: the shop's own value."""

    value: Any
    unit: str
    operator: str
    since: date
    until: date | None
    status: str
    sources: list[SourceOut]
    words: WordsOut | None
    is_own: bool


class RuleOut(Schema):
    """`in_force`: what holds in the shop on the day asked for; null where the rule has no value then."""

    id: str
    platform: str
    area: str
    kind: str
    title: WordsOut
    words: WordsOut
    may_change: bool
    in_force: ValueOut | None


class OwnValueOut(Schema):
    since: date
    value: Any
    made_by: str


class RuleHistoryOut(RuleOut):
    """With every dated value of the rule, and the shop's own ones in the order in which they were made."""

    values: list[ValueOut]
    own_values: list[OwnValueOut]


class DifferenceOut(Schema):
    rule: str
    title: WordsOut
    before: ValueOut | None
    after: ValueOut | None


class RuleChangeIn(Schema):
    """`since`: the shop's day from which it holds, tomorrow at the earliest; `value` null: the rule holds again."""

    since: date
    value: Any = None


AsOf = Query(None, description="The shop's day; today when left out.")


def _today(request: ShopRequest) -> date:
    return local_day(clock.now(), request.access.shop.zone)


def _rule_out(rule: reads.Rule, in_force: reads.RuleValue | None) -> dict[str, Any]:
    return {
        "id": rule.id,
        "platform": rule.platform,
        "area": rule.area,
        "kind": rule.kind,
        "title": rule.title,
        "words": rule.words,
        "may_change": rule.may_change,
        "in_force": in_force,
    }


@router.get("/shops/{shop}/rules", response=list[RuleOut], operation_id="list_rules")
@api(Deed.VIEW_RULEBOOK)
def list_rules(
    request: ShopRequest,
    shop: str,
    platform: str | None = None,
    area: str | None = None,
    as_of: date | None = AsOf,
) -> Any:
    """The rules, with what holds in the shop on a day."""
    values = reads.values_for(request.access.shop, as_of or _today(request))
    return [_rule_out(rule, values[rule.id]) for rule in reads.rules(platform, area)]


@router.get(
    "/shops/{shop}/rules/differences", response=list[DifferenceOut], operation_id="list_rule_differences"
)
@api(Deed.VIEW_RULEBOOK)
def list_differences(request: ShopRequest, shop: str, start: date, end: date) -> Any:
    """The rules that say another thing in the shop on the day `end` than on the day `start`."""
    if end < start:
        raise PeriodUpsideDown(field="end", value=end)
    found = reads.differences_for(request.access.shop, start, end)
    return [
        {"rule": one.rule.id, "title": one.rule.title, "before": one.before, "after": one.after}
        for one in found
    ]


@router.get("/shops/{shop}/rules/{rule_id}", response=RuleHistoryOut, operation_id="get_rule")
@api(Deed.VIEW_RULEBOOK)
def get_rule(request: ShopRequest, shop: str, rule_id: str, as_of: date | None = AsOf) -> Any:
    """One rule, with all its dated values."""
    access = request.access
    rule = reads.rule(rule_id)
    in_force = reads.values_for(access.shop, as_of or _today(request))[rule_id]
    own = reads.own_values(access.shop, rule_id)
    return {**_rule_out(rule, in_force), "values": list(rule.values), "own_values": list(own)}


@router.post("/shops/{shop}/rules/{rule_id}/changes", response={201: OwnValueOut}, operation_id="change_rule")
@api(Deed.CHANGE_RULEBOOK)
def change_rule(request: ShopRequest, shop: str, rule_id: str, change: RuleChangeIn) -> Any:
    """Set the shop's own value from a coming day on, or withdraw it."""
    access = request.access
    given: dict[str, Any] = {
        "shop": access.shop,
        "rule_id": rule_id,
        "since": change.since,
        "actor": access.actor,
        "at": clock.now(),
    }
    if change.value is None:
        return 201, actions.withdraw_change(**given)
    return 201, actions.change_rule(**given, value=change.value)
