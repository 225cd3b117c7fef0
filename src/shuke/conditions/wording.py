"""A condition as a sentence in the reader's language: "渠道 是 付费搜索 且 页数 大于 3"."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any as Anything

from django.utils.translation import override, pgettext_lazy

from .fields import Field, Kind, get_field
from .nodes import TAKES_NOTHING, All, Any, Compare, Node, Op

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
    Op.IS_UNKNOWN: pgettext_lazy("condition", "is unknown"),
    Op.IS_KNOWN: pgettext_lazy("condition", "is known"),
}
_TIME_WORDS = {
    Op.LT: pgettext_lazy("condition", "is before"),
    Op.LE: pgettext_lazy("condition", "is not after"),
    Op.GT: pgettext_lazy("condition", "is after"),
    Op.GE: pgettext_lazy("condition", "is not before"),
}
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


def op_words(field: Field, op: Op) -> str:
    """The words of an operator, as they read for this field: an amount is less, a day is before."""
    if field.kind in (Kind.DAY, Kind.MOMENT) and op in _TIME_WORDS:
        return str(_TIME_WORDS[op])
    return str(OP_WORDS[op])


def value_words(field: Field, value: Anything) -> str:
    """One value or fact as a person reads it; money in minor units as given, moments in UTC."""
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
    if isinstance(value, (int, Decimal)):
        # Commas in both languages: Django's own format for 简体中文 has no separator.
        return f"{value:,} {field.unit}".strip()
    return str(value)


def _node_words(node: Node, *, is_inner: bool) -> str:
    if isinstance(node, Compare):
        return _compare_words(node)
    if not node.parts:
        return str(_NOTHING if isinstance(node, Any) else _EVERYTHING)
    if isinstance(node, All):
        return _joined(node.parts, str(_AND), is_inner)
    if isinstance(node, Any):
        return _joined(node.parts, str(_OR), is_inner)
    return str(_NOT) % {"parts": _joined(node.parts, str(_OR), False)}


def _joined(parts: tuple[Node, ...], word: str, is_inner: bool) -> str:
    several = len(parts) > 1
    text = word.join(_node_words(part, is_inner=several) for part in parts)
    return f"({text})" if is_inner and several else text


def _compare_words(node: Compare) -> str:
    field = get_field(node.field)
    start = f"{field.label} {op_words(field, node.op)}"
    if node.op in TAKES_NOTHING:
        return start
    values = node.value if isinstance(node.value, tuple) else (node.value,)
    return f"{start} {str(_COMMA).join(value_words(field, value) for value in values)}"


class LazyCompareWords:
    """The words of one comparison, made when read, so that a stored verdict speaks its reader's language."""

    def __init__(self, node: Compare) -> None:
        self.node = node

    def __str__(self) -> str:
        return _compare_words(self.node)


class LazyFactWords:
    """The words of one fact, made when read."""

    def __init__(self, field: str, fact: Anything) -> None:
        self.field = field
        self.fact = fact

    def __str__(self) -> str:
        return value_words(get_field(self.field), self.fact)
