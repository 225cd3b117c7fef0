"""What traffic fills in the warehouse: `visits` from events, `visitor_days` from visits."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import ibis

from shuke.kernel.periods import Period
from shuke.rulebook import reads as rulebook
from shuke.traffic import sessions
from shuke.warehouse.derivations import Context, Derivation, register

_IDLE = "common.visits.idle_minutes"
_MIDNIGHT = "common.visits.ends_at_midnight"
_CAMPAIGN = "common.visits.new_campaign_starts_visit"
_CHANNELS = "common.channels.classification"


def visit_rules(period: Period) -> tuple[sessions.VisitRules, ...]:
    """The rules that hold on the days of a period, one era per change, oldest first.

    Days before a rule's first date are cut by its first value: facts may be older than the rule that describes them.
    """
    rules = [rulebook.rule(name) for name in (_IDLE, _MIDNIGHT, _CAMPAIGN, _CHANNELS)]
    first = max(rule.values[0].since for rule in rules)
    changes = sorted(
        {value.since for rule in rules for value in rule.values if first <= value.since < period.end}
    )
    began = [day for day in changes if day <= period.start]
    later = [day for day in changes if day > period.start]
    return tuple(_rules_on(day) for day in (*began[-1:], *later) or (first,))


def _rules_on(day: date) -> sessions.VisitRules:
    if not rulebook.value(_MIDNIGHT, day).value:
        raise ValueError("visits that cross midnight can not be derived day by day")
    return sessions.VisitRules(
        since=day,
        idle_minutes=rulebook.value(_IDLE, day).value,
        new_campaign_starts_visit=rulebook.value(_CAMPAIGN, day).value,
        classification=rulebook.channels(day),
    )


def visits(inputs: Mapping[str, ibis.Table], context: Context) -> ibis.Table:
    return sessions.visits(inputs["events"], visit_rules(context.period))


def visitor_days(inputs: Mapping[str, ibis.Table], context: Context) -> ibis.Table:
    return sessions.visitor_days(inputs["visits"])


def register_derivations() -> None:
    """Tell the warehouse how traffic's kinds are computed."""
    register(Derivation("visits", ("events",), {"events": "visitor_id"}, visits))
    register(Derivation("visitor_days", ("visits",), {"visits": "visitor_id"}, visitor_days))
