"""The nodes of a condition: four small frozen types that every evaluator walks.

Semantics, the same in every evaluator and held so by a law test: a `Compare` is true or false, never unknown; a
comparison with an unknown fact is false (also `ne` and `not_in`), only `is_unknown` is true of it. `All` of nothing is
true, `Any` of nothing is false, `None_` is true when no part is true.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

Scalar = str | int | Decimal | bool | date | datetime
Value = Scalar | tuple[Scalar, ...] | None


class Op(StrEnum):
    """What a comparison may ask. `in`, `not_in` and `under` take several values, `is_…` take none.

    `under`: a host is one of these domains or lies below one ("m.baidu.com" is under "baidu.com").
    """

    EQ = "eq"
    NE = "ne"
    IN = "in"
    NOT_IN = "not_in"
    LT = "lt"
    LE = "le"
    GT = "gt"
    GE = "ge"
    CONTAINS = "contains"
    STARTS_WITH = "starts_with"
    UNDER = "under"
    IS_UNKNOWN = "is_unknown"
    IS_KNOWN = "is_known"


TAKES_NOTHING = frozenset({Op.IS_UNKNOWN, Op.IS_KNOWN})
TAKES_MANY = frozenset({Op.IN, Op.NOT_IN, Op.UNDER})


@dataclass(frozen=True)
class Compare:
    """One fact against a value: `value` is a scalar, a tuple for those that take several, None for `is_known`/`is_unknown`."""

    field: str
    op: Op
    value: Value = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "op", Op(self.op))
        if isinstance(self.value, (list, set, frozenset)):
            object.__setattr__(self, "value", tuple(self.value))


@dataclass(frozen=True)
class All:
    """Every part is true; of nothing: true."""

    parts: tuple[Node, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", tuple(self.parts))


@dataclass(frozen=True)
class Any:
    """At least one part is true; of nothing: false."""

    parts: tuple[Node, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", tuple(self.parts))


@dataclass(frozen=True)
class None_:
    """No part is true; of nothing: true."""

    parts: tuple[Node, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", tuple(self.parts))


Node = Compare | All | Any | None_


def iter_compares(node: Node) -> Iterator[Compare]:
    """The comparisons of a condition, in the order in which they stand."""
    if isinstance(node, Compare):
        yield node
    else:
        for part in node.parts:
            yield from iter_compares(part)


def field_names(node: Node) -> frozenset[str]:
    """The fields that a condition asks."""
    return frozenset(compare.field for compare in iter_compares(node))
