"""A condition for one subject in plain Python, with the reasons: each part, and the fact that decided it.

What is known of a subject stands in `Known`: its fields, its dated facts by series, the groups that it belongs to. A fact is
a mapping with `at` (aware), `local_day`, `fact_id`, `until` where its series has ends, and the fields of the series.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as field_
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any as Anything
from zoneinfo import ZoneInfo

from django.utils.translation import gettext_lazy as _

from shuke.kernel.periods import ONE_DAY, day_start
from shuke.kernel.verdicts import Reason, Verdict

from . import windows
from .fields import Field, get_field
from .nodes import (
    COUNTS_DAYS,
    GROUPS,
    All,
    Any,
    Compare,
    Measure,
    Member,
    Node,
    Op,
    Tally,
    Then,
    Value,
    iter_nodes,
)
from .series import get_series, measured_field
from .values import comparable, days_meant
from .windows import AsOf, Window
from .wording import LazyCompareWords, LazyFactWords, LazyYesNo

_MET = _("Met: %(condition)s (it is %(fact)s)")
_NOT_MET = _("Not met: %(condition)s (it is %(fact)s)")
_UNKNOWN = _("Not met: %(condition)s (nothing is known)")

_COMPARISONS: dict[Op, Callable[[Anything, Anything], bool]] = {
    Op.EQ: lambda fact, value: fact == value,
    Op.NE: lambda fact, value: fact != value,
    Op.IN: lambda fact, value: fact in value,
    Op.NOT_IN: lambda fact, value: fact not in value,
    Op.LT: lambda fact, value: fact < value,
    Op.LE: lambda fact, value: fact <= value,
    Op.GT: lambda fact, value: fact > value,
    Op.GE: lambda fact, value: fact >= value,
    Op.CONTAINS: lambda fact, value: value in fact,
    Op.STARTS_WITH: lambda fact, value: fact.startswith(value),
    Op.UNDER: lambda fact, value: any(fact == domain or fact.endswith("." + domain) for domain in value),
}


Fact = Mapping[str, Anything]


@dataclass(frozen=True)
class Known:
    """What is known of one subject: field → fact (missing or None: unknown), series → its facts, the groups it is in."""

    fields: Mapping[str, Anything] = field_(default_factory=dict)
    series: Mapping[str, Sequence[Fact]] = field_(default_factory=dict)
    groups: frozenset[str] = frozenset()


def matches(node: Node, subject: Known | Mapping[str, Anything], as_of: AsOf | None = None) -> Verdict:
    """Whether the condition holds for one subject; a bare mapping is one that has only fields.

    Every part gives a reason, in the order in which they stand, with code `condition_met`, `condition_not_met` or
    `fact_unknown` and params op, value, fact, condition (words); `field` of a comparison, `series` and `facts` (the names of
    those that counted, the newest first, at most 20) of a tally, `group` of a membership. `as_of` is wanted by whatever looks
    at days, series or groups. Raises UnknownField, UnknownSeries.
    """
    reasons: list[Reason] = []
    known = _known(subject)

    def leaf(one: Node) -> bool:
        is_met, reason = _judged(one, known, as_of)
        reasons.append(reason)
        return is_met

    # No short cut: a person who asks why wants to see every part.
    is_met = _grouped(node, leaf, list)
    return Verdict(is_met, tuple(reasons))


def holds(node: Node, subject: Known | Mapping[str, Anything], as_of: AsOf | None = None) -> bool:
    """The same answer without the reasons, for loops over many subjects."""
    known = _known(subject)
    return _grouped(node, lambda one: _leaf_holds(one, known, as_of), iter)


def _known(subject: Known | Mapping[str, Anything]) -> Known:
    return subject if isinstance(subject, Known) else Known(subject)


def _grouped(
    node: Node, leaf: Callable[[Node], bool], gather: Callable[[Iterator[bool]], Iterable[bool]]
) -> bool:
    if not isinstance(node, GROUPS):
        return leaf(node)
    parts = gather(_grouped(part, leaf, gather) for part in node.parts)
    if isinstance(node, All):
        return all(parts)
    return any(parts) if isinstance(node, Any) else not any(parts)


def _leaf_holds(node: Node, known: Known, as_of: AsOf | None) -> bool:
    if isinstance(node, Compare):
        return compared(get_field(node.field), node.op, node.value, known.fields.get(node.field), as_of)
    if isinstance(node, Member):
        return node.group in known.groups
    assert as_of is not None, "asked as of a moment"
    if isinstance(node, Then):
        return is_followed(node, known, as_of)
    assert isinstance(node, Tally)
    field = measured_field(get_series(node.series), node.measure, node.field)
    return compared(field, node.op, node.value, tallied(node, counted(node, known, as_of)), as_of)


def _judged(node: Node, known: Known, as_of: AsOf | None) -> tuple[bool, Reason]:
    is_met = _leaf_holds(node, known, as_of)
    params: dict[str, Anything] = {"condition": LazyCompareWords(node)}
    if isinstance(node, Compare):
        fact = known.fields.get(node.field)
        params |= {"field": node.field, "op": node.op.value, "value": node.value}
        params["fact"] = LazyFactWords(node.field, fact)
    elif isinstance(node, Member):
        params |= {"group": node.group, "fact": LazyYesNo(is_met)}
        fact = is_met
    else:
        assert as_of is not None
        if isinstance(node, Then):
            facts = [then for _first, then in pairs(node, known, as_of)]
            params |= {"series": node.then.series, "fact": LazyYesNo(is_met)}
            fact = is_met
        else:
            assert isinstance(node, Tally)
            facts = counted(node, known, as_of)
            fact = tallied(node, facts)
            field = measured_field(get_series(node.series), node.measure, node.field)
            params |= {"series": node.series, "op": node.op.value, "value": node.value}
            params["fact"] = LazyFactWords(field, fact)
        newest = sorted(facts, key=lambda one: (one["at"], one["fact_id"]), reverse=True)
        params["facts"] = tuple(one["fact_id"] for one in newest[:NAMED_FACTS])
    if is_met:
        return True, Reason("condition_met", _MET, params)
    if fact is None:
        return False, Reason("fact_unknown", _UNKNOWN, params)
    return False, Reason("condition_not_met", _NOT_MET, params)


NAMED_FACTS = 20


def counted(node: Tally, known: Known, as_of: AsOf) -> list[Fact]:
    """The facts of a tally that count now."""
    return _standing(node.series, node.where, node.window, known, as_of)


def _standing(series: str, where: Node, window: Window | None, known: Known, as_of: AsOf) -> list[Fact]:
    return [
        fact
        for fact in known.series.get(series, ())
        if windows.holds(window, fact["at"], fact["local_day"], as_of)
        and not (fact.get("until") is not None and fact["until"] <= as_of.at)
        and holds(where, fact, as_of)
    ]


def tallied(node: Tally, facts: Sequence[Fact]) -> Anything:
    """What these facts add up to; None: a first or last day where there is no fact."""
    if node.measure is Measure.COUNT:
        return len(facts)
    if node.measure in (Measure.DAYS, Measure.FIRST, Measure.LAST):
        days = {fact["local_day"] for fact in facts}
        if node.measure is Measure.DAYS:
            return len(days)
        pick = min if node.measure is Measure.FIRST else max
        return pick(days, default=None)
    assert node.field is not None
    values = [fact[node.field] for fact in facts if fact.get(node.field) is not None]
    if node.measure is Measure.SUM:
        return sum(values)
    field = get_field(node.field, get_series(node.series).subject)
    return len({comparable(field, value) for value in values})


def pairs(node: Then, known: Known, as_of: AsOf) -> list[tuple[Fact, Fact]]:
    """Each fact of the second step with the last one of the first step before it, near enough."""
    firsts, thens = (
        _standing(step.series, step.where, node.window, known, as_of) for step in (node.first, node.then)
    )
    found = []
    for then in thens:
        before = [first for first in firsts if first["at"] < then["at"]]
        if not before:
            continue
        first = max(before, key=lambda one: (one["at"], one["fact_id"]))
        if node.within is None or _utc(then["at"]) - _utc(first["at"]) <= timedelta(hours=node.within):
            found.append((first, then))
    return found


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC)


def is_followed(node: Then, known: Known, as_of: AsOf) -> bool:
    return bool(pairs(node, known, as_of))


def compared(field: Field, op: Op, value: Value, fact: Anything, as_of: AsOf | None = None) -> bool:
    """One fact against a value; an unknown fact is false but for `is_unknown`."""
    if op is Op.IS_UNKNOWN:
        return fact is None
    if op is Op.IS_KNOWN:
        return fact is not None
    if fact is None:
        return False
    if op in COUNTS_DAYS:
        assert as_of is not None
        assert isinstance(value, int)
        first, end = days_meant(op, value, as_of)
        return first <= fact < end
    fact = comparable(field, fact)
    given: Anything
    if isinstance(value, tuple):
        given = tuple(_like(fact, comparable(field, one)) for one in value)
    else:
        given = _like(fact, comparable(field, value))
    return _COMPARISONS[op](fact, given)


def next_change(node: Node, subject: Known | Mapping[str, Anything], as_of: AsOf) -> datetime | None:
    """The first moment after `as_of` at which time alone may change the answer (groups aside); None: it never will.

    Until then the answer stands, unless a fact comes or goes."""
    known = _known(subject)
    moments = (
        moment for one in iter_nodes(node) for moment in _changes(one, known, as_of.zone) if moment > as_of.at
    )
    return min(moments, default=None)


def _changes(node: Node, known: Known, zone: ZoneInfo) -> Iterator[datetime]:
    if isinstance(node, Compare):
        fact = known.fields.get(node.field)
        if node.op in COUNTS_DAYS and fact is not None:
            assert isinstance(node.value, int)
            first = fact + ONE_DAY if node.op is Op.IN_LAST_DAYS else fact - timedelta(days=node.value - 1)
            yield day_start(first, zone)
            yield day_start(first + timedelta(days=node.value), zone)
        return
    steps: list[tuple[str, Node]] = []
    if isinstance(node, Tally):
        steps = [(node.series, node.where)]
    elif isinstance(node, Then):
        steps = [(step.series, step.where) for step in (node.first, node.then)]
    for series, where in steps:
        assert isinstance(node, (Tally, Then))
        for fact in known.series.get(series, ()):
            # A condition on the fact itself may look at today; then it is asked at each of its own changes too.
            yield from windows.changes(node.window, fact["at"], fact["local_day"], zone)
            if fact.get("until") is not None:
                yield fact["until"]
            for inner in iter_nodes(where):
                yield from _changes(inner, Known(fact), zone)
    if isinstance(node, Tally) and node.op in COUNTS_DAYS:
        # Of its first or last day, whichever fact that may be.
        for fact in known.series.get(node.series, ()):
            own = Compare("", node.op, node.value)
            yield from _changes(own, Known({"": fact["local_day"]}), zone)


def _like(fact: Anything, value: Anything) -> Anything:
    # Engines compare a floating fact with a decimal value as two floats; exact comparison would disagree on 0.1.
    return float(value) if isinstance(fact, float) and isinstance(value, Decimal) else value
