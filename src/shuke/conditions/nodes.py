"""The nodes of a condition: small frozen types that every evaluator walks.

Semantics, the same in every evaluator and held so by a law test: a `Compare` is true or false, never unknown; a
comparison with an unknown fact is false (also `ne` and `not_in`), only `is_unknown` is true of it. `All` of nothing is
true, `Any` of nothing is false, `None_` is true when no part is true.

`Tally`, `Then` and `Member` look beyond the subject's own fields: at its dated facts (series.py) and at groups of subjects.
They are asked as of a moment, and are true or false as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from .windows import Window

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
    # Of a day, as of today: it is one of the n days before today; it is one of n days from today on.
    IN_LAST_DAYS = "in_last_days"
    IN_NEXT_DAYS = "in_next_days"
    IS_UNKNOWN = "is_unknown"
    IS_KNOWN = "is_known"


class Measure(StrEnum):
    """What is asked of the facts of a series that count.

    `count` of facts, `days` of the shop on which there is one, `sum` of a field (facts that do not state it add nothing),
    `distinct` values of a field, the shop's day of the `first` and of the `last` fact (unknown where there is none).
    """

    COUNT = "count"
    DAYS = "days"
    SUM = "sum"
    DISTINCT = "distinct"
    FIRST = "first"
    LAST = "last"


OF_A_FIELD = frozenset({Measure.SUM, Measure.DISTINCT})
TAKES_NOTHING = frozenset({Op.IS_UNKNOWN, Op.IS_KNOWN})
TAKES_MANY = frozenset({Op.IN, Op.NOT_IN, Op.UNDER})
# The value is a number of days, whatever the field holds.
COUNTS_DAYS = frozenset({Op.IN_LAST_DAYS, Op.IN_NEXT_DAYS})


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


@dataclass(frozen=True)
class Tally:
    """What the facts of a series add up to, against a value: "orders of A1 in the last 6 months: their number >= 2".

    `where` chooses facts (a condition on the series' subject, without Tally, Then and Member), `window` says when they count
    (None: ever), `field` is what `sum` and `distinct` are of.
    """

    series: str
    measure: Measure
    op: Op
    value: Value = None
    field: str | None = None
    where: Node = All()
    window: Window | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "measure", Measure(self.measure))
        object.__setattr__(self, "op", Op(self.op))
        if isinstance(self.value, (list, set, frozenset)):
            object.__setattr__(self, "value", tuple(self.value))
        if (self.measure in OF_A_FIELD) != (self.field is not None):
            raise ValueError(f"{self.measure}: a field is named exactly for sum and distinct")


@dataclass(frozen=True)
class Step:
    """Facts of a series that fit a condition."""

    series: str
    where: Node = All()


@dataclass(frozen=True)
class Then:
    """A fact of `first`, and later (by a later moment) one of `then`; both count in `window`, and at most `within` hours lie
    between them (None: any time)."""

    first: Step
    then: Step
    within: int | None = None
    window: Window | None = None


@dataclass(frozen=True)
class Member:
    """The subject belongs to a group that is kept elsewhere (a segment), by its name."""

    group: str


Node = Compare | All | Any | None_ | Tally | Then | Member
GROUPS = (All, Any, None_)


def iter_nodes(node: Node) -> Iterator[Node]:
    """All nodes of a condition but those inside `where`, the outer ones first, in the order in which they stand."""
    yield node
    if isinstance(node, GROUPS):
        for part in node.parts:
            yield from iter_nodes(part)


def iter_compares(node: Node) -> Iterator[Compare]:
    """The comparisons of a condition with the subject's own fields, in the order in which they stand."""
    yield from (one for one in iter_nodes(node) if isinstance(one, Compare))


def field_names(node: Node) -> frozenset[str]:
    """The fields that a condition asks."""
    return frozenset(compare.field for compare in iter_compares(node))
