"""What traffic fills in the warehouse: `visits` from events, `visitor_days`, `channel_days` and `source_days` from visits."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from datetime import date

import ibis

from shuke.kernel.periods import Period
from shuke.rulebook import reads as rulebook
from shuke.shops.reads import ShopView
from shuke.traffic import kernel, sessions
from shuke.warehouse.derivations import Context, Derivation, Kernel, Prepared, register

_IDLE = "common.visits.idle_minutes"
_MIDNIGHT = "common.visits.ends_at_midnight"
_CAMPAIGN = "common.visits.new_campaign_starts_visit"
_RULES = (_IDLE, _MIDNIGHT, _CAMPAIGN, "common.channels.classification")


def visit_rules(shop: ShopView, period: Period) -> tuple[sessions.VisitRules, ...]:
    """The rules that hold for a shop on the days of a period, its own values included: one era per change, oldest first.

    Days before a rule's first date are cut by its first value: facts may be older than the rule that describes them.
    """
    first = max(rulebook.rule(name).values[0].since for name in _RULES)
    own = rulebook.own_values(shop)
    changes = sorted({first, *(day for day in rulebook.change_days(shop, *_RULES, own=own) if day > first)})
    began = [day for day in changes if day <= period.start]
    later = [day for day in changes if period.start < day < period.end]
    return tuple(_rules_on(shop, day, own) for day in (*began[-1:], *later) or (first,))


def _rules_on(shop: ShopView, day: date, own: Sequence[rulebook.OwnValue]) -> sessions.VisitRules:
    if not rulebook.value_for(shop, _MIDNIGHT, day, own).value:
        raise ValueError("visits that cross midnight can not be derived day by day")
    return sessions.VisitRules(
        since=day,
        idle_minutes=rulebook.value_for(shop, _IDLE, day, own).value,
        new_campaign_starts_visit=rulebook.value_for(shop, _CAMPAIGN, day, own).value,
        classification=rulebook.channels(day, shop, own),
    )


def _variant(context: Context) -> Hashable:
    """Equal rules, equal expressions: whatever the shop and the period."""
    return visit_rules(context.shop, context.period)


def visits(inputs: Mapping[str, ibis.Table], context: Context) -> ibis.Table:
    return sessions.visits(inputs["events"], visit_rules(context.shop, context.period))


def _visits_by_kernel(context: Context) -> Prepared:
    eras = visit_rules(context.shop, context.period)
    return lambda inputs: kernel.visits(inputs["events"], eras)


def visitor_days(inputs: Mapping[str, ibis.Table], context: Context) -> ibis.Table:
    return sessions.visitor_days(inputs["visits"])


def channel_days(inputs: Mapping[str, ibis.Table], context: Context) -> ibis.Table:
    return sessions.channel_days(inputs["visits"])


def source_days(inputs: Mapping[str, ibis.Table], context: Context) -> ibis.Table:
    return sessions.source_days(inputs["visits"])


def register_derivations() -> None:
    """Tell the warehouse how traffic's kinds are computed."""
    register(
        Derivation(
            "visits",
            ("events",),
            {"events": "visitor_id"},
            visits,
            kernel=Kernel({"events": kernel.COLUMNS}, _visits_by_kernel),
            variant=_variant,
        )
    )
    register(
        Derivation("visitor_days", ("visits",), {"visits": "visitor_id"}, visitor_days, variant=lambda _: ())
    )
    register(Derivation("channel_days", ("visits",), {}, channel_days, variant=lambda _: ()))
    register(Derivation("source_days", ("visits",), {}, source_days, variant=lambda _: (), later=True))
