"""A condition for one subject in plain Python, with the reasons: each comparison, and the fact that decided it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any as Anything

from django.utils.translation import gettext_lazy as _

from shuke.kernel.verdicts import Reason, Verdict

from .fields import get_field
from .nodes import All, Any, Compare, Node, Op
from .values import comparable
from .wording import LazyCompareWords, LazyFactWords

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


def matches(node: Node, subject: Mapping[str, Anything]) -> Verdict:
    """Whether the condition holds for one subject (field → fact; a missing or None fact is unknown).

    Every comparison gives a reason, in the order in which they stand, with code `condition_met`, `condition_not_met`
    or `fact_unknown` and params field, op, value, fact, condition (words). Raises UnknownField.
    """
    reasons: list[Reason] = []
    is_met = _walk(node, subject, reasons)
    return Verdict(is_met, tuple(reasons))


def holds(node: Node, subject: Mapping[str, Anything]) -> bool:
    """The same answer without the reasons, for loops over many subjects."""
    if isinstance(node, Compare):
        return _compare(node, subject.get(node.field))
    if isinstance(node, All):
        return all(holds(part, subject) for part in node.parts)
    is_any = any(holds(part, subject) for part in node.parts)
    return is_any if isinstance(node, Any) else not is_any


def _walk(node: Node, subject: Mapping[str, Anything], reasons: list[Reason]) -> bool:
    if isinstance(node, Compare):
        fact = subject.get(node.field)
        is_met = _compare(node, fact)
        reasons.append(_reason(node, fact, is_met))
        return is_met
    # No short cut: a person who asks why wants to see every part.
    met = [_walk(part, subject, reasons) for part in node.parts]
    if isinstance(node, All):
        return all(met)
    return any(met) if isinstance(node, Any) else not any(met)


def _compare(node: Compare, fact: Anything) -> bool:
    field = get_field(node.field)
    if node.op is Op.IS_UNKNOWN:
        return fact is None
    if node.op is Op.IS_KNOWN:
        return fact is not None
    if fact is None:
        return False
    fact = comparable(field, fact)
    if isinstance(node.value, tuple):
        value: Anything = tuple(_like(fact, comparable(field, one)) for one in node.value)
    else:
        value = _like(fact, comparable(field, node.value))
    return _COMPARISONS[node.op](fact, value)


def _like(fact: Anything, value: Anything) -> Anything:
    # Engines compare a floating fact with a decimal value as two floats; exact comparison would disagree on 0.1.
    return float(value) if isinstance(fact, float) and isinstance(value, Decimal) else value


def _reason(node: Compare, fact: Anything, is_met: bool) -> Reason:
    params = {
        "field": node.field,
        "op": node.op.value,
        "value": node.value,
        "fact": LazyFactWords(node.field, fact),
        "condition": LazyCompareWords(node),
    }
    if is_met:
        return Reason("condition_met", _MET, params)
    if fact is None:
        return Reason("fact_unknown", _UNKNOWN, params)
    return Reason("condition_not_met", _NOT_MET, params)
