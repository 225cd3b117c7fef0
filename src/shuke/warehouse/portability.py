"""What a question may not contain, since engines answer it apart: the guards of "one question, every engine".

Each guard looks at the operations of an expression. What it keeps out was seen to differ (tests/corpus/tempting.py has a
question for each, which fails the corpus as soon as its guard is gone).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import ibis
import ibis.expr.operations as ops


@dataclass(frozen=True)
class Guard:
    """`catches` tells whether one operation is what the guard keeps out; `instead` says what to write."""

    catches: Callable[[ops.Node], bool]
    instead: str


class NotPortable(ValueError):
    """An expression holds what engines answer apart; the text names the operations and what to write instead."""


def _is(*kinds: str) -> Callable[[ops.Node], bool]:
    # By name: the set of operations moves between versions of Ibis, and a name that is gone guards nothing.
    classes = tuple(getattr(ops, kind) for kind in kinds)
    return lambda node: type(node) in classes


def _is_range_window(node: ops.Node) -> bool:
    return (
        isinstance(node, ops.WindowFunction)
        and node.how == "range"
        and (node.start is not None or node.end is not None)
    )


def _is_asof_join(node: ops.Node) -> bool:
    return isinstance(node, ops.JoinLink) and node.how == "asof"


def _is_zoned(node: ops.Node) -> bool:
    return isinstance(node, ops.Value) and node.dtype.is_timestamp() and node.dtype.timezone is not None


def _is_unguarded_division(node: ops.Node) -> bool:
    if not isinstance(node, ops.Divide | ops.FloorDivide | ops.Modulus):
        return False
    by = node.right
    while isinstance(by, ops.Cast):
        by = by.arg
    if isinstance(by, ops.Literal):
        return not by.value
    return not (isinstance(by, ops.NullIf) and isinstance(by.null_if_expr, ops.Literal))


GUARDS: Mapping[str, Guard] = {
    "distinct count": Guard(
        _is("CountDistinct", "CountDistinctStar"),
        "group by the value and count the rows: ClickHouse's is approximate",
    ),
    "approximation": Guard(
        _is("ApproxCountDistinct", "ApproxMedian", "ApproxQuantile", "ApproxMultiQuantile"),
        "answers are exact",
    ),
    "quantile": Guard(_is("Quantile", "MultiQuantile", "Median"), "number the rows in order and take one"),
    "ordered first": Guard(
        _is("First", "Last", "Arbitrary", "ArrayCollect", "GroupConcat", "NthValue"),
        "argmin or argmax by a key that has no ties",
    ),
    "range window": Guard(_is_range_window, "rows, or whole seconds in a condition"),
    "as-of join": Guard(_is_asof_join, "a window over both tables together"),
    "bits": Guard(_is("BitOr", "BitAnd", "BitXor"), "sums or maxima of separate columns"),
    "time zone": Guard(_is_zoned, "moments are naive UTC; days stand in local_day"),
    "division": Guard(_is_unguarded_division, "by a number that is not zero, or nullif(…, 0)"),
}


def broken(expression: ibis.Expr, *, without: Collection[str] = ()) -> dict[str, list[str]]:
    """Guard → the kinds of operation that it keeps out, of an expression; `without` leaves guards out."""
    found: dict[str, list[str]] = {}
    for name, guard in GUARDS.items():
        if name not in without:
            kinds = {type(node).__name__ for node in expression.op().find(ops.Node) if guard.catches(node)}
            if kinds:
                found[name] = sorted(kinds)
    return found


def check(expression: ibis.Expr, *, without: Collection[str] = ()) -> None:
    """Raises NotPortable when the expression holds what engines answer apart."""
    found = broken(expression, without=without)
    if found:
        said = "; ".join(
            f"{name} ({', '.join(kinds)}): {GUARDS[name].instead}" for name, kinds in found.items()
        )
        raise NotPortable(said)
