"""A condition as an Ibis boolean expression, never null, written to the portability rules of the warehouse."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import reduce
from typing import Any as Anything

import ibis
import ibis.expr.types as ir

from .fields import Field, Kind, get_field
from .nodes import COUNTS_DAYS, GROUPS, All, Any, Compare, Node, Op, Scalar, Value
from .values import FOLDING, comparable, days_meant
from .windows import AsOf

Columns = Mapping[str, "str | ir.Value"]

_COMPARISONS: dict[Op, Callable[[Anything, Anything], Anything]] = {
    Op.EQ: lambda fact, value: fact == value,
    Op.NE: lambda fact, value: fact != value,
    Op.IN: lambda fact, value: fact.isin(value),
    Op.NOT_IN: lambda fact, value: ~fact.isin(value),
    Op.LT: lambda fact, value: fact < value,
    Op.LE: lambda fact, value: fact <= value,
    Op.GT: lambda fact, value: fact > value,
    Op.GE: lambda fact, value: fact >= value,
    Op.CONTAINS: lambda fact, value: fact.contains(value),
    Op.STARTS_WITH: lambda fact, value: fact.startswith(value),
    Op.UNDER: lambda fact, value: fact.re_search(under_pattern(value)),
}


def to_ibis(
    node: Node, table: ir.Table, columns: Columns | None = None, as_of: AsOf | None = None
) -> ir.BooleanValue:
    """The condition over the rows of `table`: true or false for each, never null.

    A field is looked for in the column of its own name unless `columns` gives another name or an expression. `as_of` is
    wanted by comparisons with today. What looks beyond a row (Tally, Then, Member) is asked by selecting.py.
    Raises UnknownField for a field that no room registered.
    """

    def leaf(one: Node) -> ir.BooleanValue:
        if not isinstance(one, Compare):
            raise ValueError(f"{type(one).__name__} looks beyond a row")
        field = get_field(one.field)
        given = (columns or {}).get(field.name, field.name)
        fact: Anything = table[given] if isinstance(given, str) else given
        return compared(field, one.op, one.value, fact, as_of)

    return grouped(node, leaf)


def grouped(node: Node, leaf: Callable[[Node], ir.BooleanValue]) -> ir.BooleanValue:
    """All, Any and None_ of what `leaf` says of the other nodes."""
    if not isinstance(node, GROUPS):
        return leaf(node)
    parts = [grouped(part, leaf) for part in node.parts]
    if isinstance(node, All):
        return reduce(lambda a, b: a & b, parts) if parts else ibis.literal(True)
    anything = reduce(lambda a, b: a | b, parts) if parts else ibis.literal(False)
    return anything if isinstance(node, Any) else ~anything


def compared(
    field: Field, op: Op, value: Value, fact: Anything, as_of: AsOf | None = None
) -> ir.BooleanValue:
    """One fact against a value; an unknown fact is false but for `is_unknown`."""
    if op is Op.IS_UNKNOWN:
        return fact.isnull()
    if op is Op.IS_KNOWN:
        return fact.notnull()
    if op in COUNTS_DAYS:
        assert as_of is not None
        assert isinstance(value, int)
        first, end = days_meant(op, value, as_of)
        start_day, end_day = (ibis.literal(day, type="date") for day in (first, end))
        return ((fact >= start_day) & (fact < end_day)).fill_null(False)
    if field.folds_case:
        fact = folded_fact(fact)
    if fact.type().is_integer() and field.kind is Kind.NUMBER:
        return _compare_whole(op, value, field, fact).fill_null(False)
    given: Anything
    if isinstance(value, tuple) and op is Op.UNDER:
        given = [comparable(field, one) for one in value]
    elif isinstance(value, tuple):
        given = [_literal(field, one) for one in value]
    else:
        assert value is not None
        given = _literal(field, value)
    return _COMPARISONS[op](fact, given).fill_null(False)


def folded_fact(fact: Anything) -> Anything:
    """A–Z as a–z. Translating is slow in every engine, and most names are in lower case already."""
    return ibis.ifelse(fact.re_search("[A-Z]"), fact.translate(*FOLDING), fact)


def _compare_whole(op: Op, value: Value, field: Field, fact: Anything) -> Anything:
    """A fact that is a whole number against values that may not be, in whole numbers: above 1.5 is above 1.

    ClickHouse overflows where it compares a large whole number with a fraction, and knows no list of both.
    """
    given = value if isinstance(value, tuple) else (value,)
    values = [comparable(field, one) for one in given if one is not None]
    wholes = [int(one) for one in values if one == int(one)]
    if op in (Op.IN, Op.NOT_IN, Op.EQ, Op.NE):
        is_one = fact.isin(wholes) if wholes else ibis.literal(False)
        return is_one if op in (Op.IN, Op.EQ) else ~is_one & fact.notnull()
    (only,) = values
    bound = math.floor(only) if op in (Op.GT, Op.LE) else math.ceil(only)
    return _COMPARISONS[op](fact, bound)


def under_pattern(domains: Sequence[str]) -> str:
    """One pattern for a list of domains: thirty comparisons of suffixes are thirty times the SQL.

    Only what every engine's regular expressions agree on: groups, alternation, escaped dots, the two ends.
    """
    return r"(^|\.)(" + "|".join(re.sub(r"([.\[\]])", r"\\\1", domain) for domain in domains) + ")$"


def _literal(field: Field, value: Scalar) -> ir.Value:
    value = comparable(field, value)
    if field.kind is Kind.MOMENT:
        assert isinstance(value, datetime)
        # Naive UTC, as the warehouse's moments are.
        naive = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
        return ibis.literal(naive, type="timestamp(6)")
    if field.kind is Kind.DAY:
        return ibis.literal(value, type="date")
    if isinstance(value, Decimal):
        # Engines want the width said; values.py lets nothing in that this one can not hold.
        return ibis.literal(value, type="decimal(18, 9)")
    return ibis.literal(value)
