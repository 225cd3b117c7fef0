"""What traffic answers: frozen shapes that pages, the API and commands are built on.

Every number is a Figure: it carries its metric (id and version), and a reason where it can not be computed. Money is in
minor units of the shop's currency; ratios are from 0 to 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from shuke.kernel.periods import Period
from shuke.kernel.verdicts import Reason
from shuke.traffic.metrics import Metric

Number = int | Decimal


@dataclass(frozen=True)
class Figure:
    """A number of a metric. `value` None: not computable, and `reason` says why. `cases`: on how many it rests.

    `numerator` and `denominator` are what was divided; a plain count or sum has only the numerator.
    """

    metric: Metric
    value: Number | None
    reason: Reason | None
    cases: int
    numerator: Number | None = None
    denominator: Number | None = None


@dataclass(frozen=True)
class Against:
    """The same metric in another period, cut at `until` when the period asked for is still running."""

    name: str
    period: Period
    until: datetime | None
    figure: Figure
    change: Decimal | None


@dataclass(frozen=True)
class FigureRow:
    """A metric now, against others, and its course over the period (by hour for one day, else by day)."""

    metric: Metric
    now: Figure
    against: tuple[Against, ...]
    spark: tuple[Number | None, ...]


@dataclass(frozen=True)
class AmountSplit:
    """The change of the paid amount, in minor units: the three parts add up to `total_minor` exactly.

    The parts are None where the product visitors x conversion x value per buyer does not hold; `reason` says why, and
    also where one factor took it all.
    """

    total_minor: int
    visitors_minor: int | None
    conversion_minor: int | None
    value_minor: int | None
    reason: Reason | None


@dataclass(frozen=True)
class Overview:
    """`until` is set when the period is still running: the numbers are "so far". `split` is against `split_against`."""

    shop_id: int
    period: Period
    until: datetime | None
    rows: tuple[FigureRow, ...]
    split: AmountSplit | None
    split_against: str | None
    is_partial: bool
    notes: tuple[Reason, ...]


@dataclass(frozen=True)
class Point:
    """`moment`: a shop's day, or the aware moment at which an hour begins. `value` None: not computable or not yet."""

    moment: datetime | date
    value: Number | None
    is_partial: bool


@dataclass(frozen=True)
class Series:
    metric: Metric
    points: tuple[Point, ...]


@dataclass(frozen=True)
class SourceRow:
    """Visits that share `keys` (column → value; None: not stated), with one figure per metric of the report."""

    keys: Mapping[str, Any]
    figures: tuple[Figure, ...]
    against: tuple[Figure, ...]


@dataclass(frozen=True)
class SourcesReport:
    """`total` is of all visits together: a visitor who came in two ways is in two rows and once in the total."""

    period: Period
    by: tuple[str, ...]
    metrics: tuple[Metric, ...]
    rows: tuple[SourceRow, ...]
    total: SourceRow
    until: datetime | None = None
    against_period: Period | None = None
    notes: tuple[Reason, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """The rows behind a number. `kind`: visits, visitors, orders or buyers; `rows` one page of them.

    `count` is the number of rows in all, `numerator` and `denominator` are what the rows add up to, counted anew;
    `is_equal` says that they give the figure.
    """

    kind: str
    columns: tuple[str, ...]
    rows: tuple[Mapping[str, Any], ...]
    count: int
    figure: Figure
    is_equal: bool
    numerator: Number | None = None
    denominator: Number | None = None
    page: int = 1
    size: int = 50
