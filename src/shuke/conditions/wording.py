"""A condition as a sentence in the reader's language: "渠道 是 付费搜索 且 页数 大于 3"."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any as Anything

from django.utils.translation import override, pgettext_lazy

from shuke.kernel.money import exponent

from .fields import Field, Kind, get_field
from .nodes import (
    COUNTS_DAYS,
    TAKES_NOTHING,
    All,
    Any,
    Compare,
    Measure,
    Member,
    Node,
    Op,
    Step,
    Tally,
    Then,
    Value,
)
from .series import get_series, measured_field
from .windows import Unit, Window

OP_WORDS = {
    Op.EQ: pgettext_lazy("condition", "is"),
    Op.NE: pgettext_lazy("condition", "is not"),
    Op.IN: pgettext_lazy("condition", "is one of"),
    Op.NOT_IN: pgettext_lazy("condition", "is none of"),
    Op.LT: pgettext_lazy("condition", "is less than"),
    Op.LE: pgettext_lazy("condition", "is at most"),
    Op.GT: pgettext_lazy("condition", "is more than"),
    Op.GE: pgettext_lazy("condition", "is at least"),
    Op.CONTAINS: pgettext_lazy("condition", "contains"),
    Op.STARTS_WITH: pgettext_lazy("condition", "starts with"),
    Op.UNDER: pgettext_lazy("condition", "belongs to"),
    Op.IN_LAST_DAYS: pgettext_lazy("condition", "is, before today, within"),
    Op.IN_NEXT_DAYS: pgettext_lazy("condition", "is, from today on, within"),
    Op.IS_UNKNOWN: pgettext_lazy("condition", "is unknown"),
    Op.IS_KNOWN: pgettext_lazy("condition", "is known"),
}
_TIME_WORDS = {
    Op.LT: pgettext_lazy("condition", "is before"),
    Op.LE: pgettext_lazy("condition", "is not after"),
    Op.GT: pgettext_lazy("condition", "is after"),
    Op.GE: pgettext_lazy("condition", "is not before"),
}
_DAYS = pgettext_lazy("condition", "%(n)s days")
_TALLY = pgettext_lazy("condition", "%(series)s%(where)s%(window)s: %(asked)s")
_HAS = pgettext_lazy("condition", "has %(series)s%(where)s%(window)s")
_HAS_NO = pgettext_lazy("condition", "has no %(series)s%(where)s%(window)s")
_WHERE = pgettext_lazy("condition", " (%(condition)s)")
_THEN = pgettext_lazy("condition", "%(first)s, and then %(then)s%(within)s%(window)s")
_WITHIN = pgettext_lazy("condition", " within %(n)s hours")
_MEMBER = pgettext_lazy("condition", "belongs to %(group)s")
_LAST = {
    Unit.HOURS: pgettext_lazy("condition", " in the last %(n)s hours"),
    Unit.DAYS: pgettext_lazy("condition", " in the %(n)s days before today"),
    Unit.MONTHS: pgettext_lazy("condition", " in the %(n)s months before today"),
}
_LAST_WITH_TODAY = {
    Unit.DAYS: pgettext_lazy("condition", " in the last %(n)s days, today included"),
    Unit.MONTHS: pgettext_lazy("condition", " in the last %(n)s months, today included"),
}
_FROM_TO = pgettext_lazy("condition", " from %(start)s to before %(end)s")
_FROM = pgettext_lazy("condition", " from %(start)s on")
_BEFORE = pgettext_lazy("condition", " before %(end)s")
_AND = pgettext_lazy("condition", " and ")
_OR = pgettext_lazy("condition", " or ")
_COMMA = pgettext_lazy("condition", ", ")
_NOT = pgettext_lazy("condition", "not (%(parts)s)")
_EVERYTHING = pgettext_lazy("condition", "everything")
_NOTHING = pgettext_lazy("condition", "nothing")
_YES = pgettext_lazy("condition", "yes")
_NO = pgettext_lazy("condition", "no")


def words(node: Node, language: str | None = None) -> str:
    """The condition as a sentence, in `language` ("zh-hans", "en") or the active one. Raises UnknownField."""
    if language is not None:
        with override(language):
            return _node_words(node, is_inner=False)
    return _node_words(node, is_inner=False)


_currency: ContextVar[str] = ContextVar("currency", default="")
_groups: ContextVar[Mapping[str, str]] = ContextVar("groups", default=MappingProxyType({}))


@contextmanager
def as_the_shop_says(currency: str, groups: Mapping[str, str] | None = None) -> Iterator[None]:
    """Inside, amounts read as money of this currency and groups as they are called (name → words). A condition by itself knows
    no shop: then amounts are minor units, and a group is called by its name."""
    money, called = _currency.set(currency), _groups.set(groups or {})
    try:
        yield
    finally:
        _currency.reset(money)
        _groups.reset(called)


def op_words(field: Field, op: Op) -> str:
    """The words of an operator, as they read for this field: an amount is less, a day is before."""
    if field.kind in (Kind.DAY, Kind.MOMENT) and op in _TIME_WORDS:
        return str(_TIME_WORDS[op])
    return str(OP_WORDS[op])


def value_words(field: Field, value: Anything) -> str:
    """One value or fact as a person reads it; money as of `as_the_shop_says`, moments in UTC."""
    if value is None:
        return "—"
    if field.kind is Kind.CHOICE:
        return str(field.choice_words().get(value, value))
    if isinstance(value, bool):
        return str(_YES if value else _NO)
    if isinstance(value, datetime):
        return (value.astimezone(UTC) if value.tzinfo else value).strftime("%Y-%m-%d %H:%M") + " UTC"
    if isinstance(value, date):
        return value.isoformat()
    if field.kind is Kind.MONEY and (currency := _currency.get()):
        digits = exponent(currency)
        return f"{Decimal(value).scaleb(-digits):,.{digits}f} {currency}"
    if isinstance(value, (int, Decimal)):
        # Commas in both languages: Django's own format for 简体中文 has no separator.
        return f"{value:,} {field.unit}".strip()
    return str(value)


def window_words(window: Window | None) -> str:
    """When facts count, as it stands in a sentence; empty for ever."""
    if window is None:
        return ""
    if window.last is not None:
        known = _LAST_WITH_TODAY if window.with_today else _LAST
        return str(known[window.unit]) % {"n": f"{window.last:,}"}
    words = _FROM_TO if window.start and window.end else _FROM if window.start else _BEFORE
    return str(words) % {"start": window.start, "end": window.end}


def _node_words(node: Node, *, is_inner: bool) -> str:
    if isinstance(node, Compare):
        return _compare_words(node)
    if isinstance(node, Tally):
        return _tally_words(node)
    if isinstance(node, Then):
        within = "" if node.within is None else str(_WITHIN) % {"n": f"{node.within:,}"}
        first, then = (_step_words(one) for one in (node.first, node.then))
        said = {"first": first, "then": then, "within": within, "window": window_words(node.window)}
        return str(_THEN) % said
    if isinstance(node, Member):
        return str(_MEMBER) % {"group": _groups.get().get(node.group, node.group)}
    if not node.parts:
        return str(_NOTHING if isinstance(node, Any) else _EVERYTHING)
    if isinstance(node, All):
        return _joined(node.parts, str(_AND), is_inner)
    if isinstance(node, Any):
        return _joined(node.parts, str(_OR), is_inner)
    return str(_NOT) % {"parts": _joined(node.parts, str(_OR), False)}


def _step_words(step: Step) -> str:
    return f"{get_series(step.series).label}{_where_words(step.where)}"


def _where_words(where: Node) -> str:
    if where == All():
        return ""
    return str(_WHERE) % {"condition": _node_words(where, is_inner=False)}


def _tally_words(node: Tally) -> str:
    """ "has orders in the last 3 days" where a number is only whether there is one; else what is counted, and against what."""
    series = get_series(node.series)
    said = {"series": series.label, "where": _where_words(node.where), "window": window_words(node.window)}
    if node.measure is Measure.COUNT and (node.op, node.value) in _IS_THERE:
        return str(_HAS) % said
    if node.measure is Measure.COUNT and (node.op, node.value) in _IS_NOT_THERE:
        return str(_HAS_NO) % said
    field = measured_field(series, node.measure, node.field)
    return str(_TALLY) % {**said, "asked": _asked_words(field, node.op, node.value)}


_IS_THERE = ((Op.GE, 1), (Op.GT, 0), (Op.NE, 0))
_IS_NOT_THERE = ((Op.EQ, 0), (Op.LT, 1), (Op.LE, 0))


def _joined(parts: tuple[Node, ...], word: str, is_inner: bool) -> str:
    several = len(parts) > 1
    text = word.join(_node_words(part, is_inner=several) for part in parts)
    return f"({text})" if is_inner and several else text


def _compare_words(node: Compare) -> str:
    return _asked_words(get_field(node.field), node.op, node.value)


def _asked_words(field: Field, op: Op, value: Value) -> str:
    start = f"{field.label} {op_words(field, op)}"
    if op in TAKES_NOTHING:
        return start
    values = value if isinstance(value, tuple) else (value,)
    if op in COUNTS_DAYS:
        return f"{start} {str(_DAYS) % {'n': f'{value:,}'}}"
    return f"{start} {str(_COMMA).join(value_words(field, one) for one in values)}"


class LazyCompareWords:
    """The words of one part of a condition, made when read, so that a stored verdict speaks its reader's language."""

    def __init__(self, node: Node) -> None:
        self.node = node

    def __str__(self) -> str:
        return _node_words(self.node, is_inner=False)


class LazyFactWords:
    """The words of one fact, made when read. `field`: a name, or a field that is none of a subject's (a measure)."""

    def __init__(self, field: str | Field, fact: Anything) -> None:
        self.field = field
        self.fact = fact

    def __str__(self) -> str:
        field = get_field(self.field) if isinstance(self.field, str) else self.field
        return value_words(field, self.fact)


class LazyYesNo:
    """Yes or no, made when read."""

    def __init__(self, is_so: bool) -> None:
        self.is_so = is_so

    def __str__(self) -> str:
        return str(_YES if self.is_so else _NO)
