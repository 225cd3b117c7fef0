"""The forms of traffic's API, as OpenAPI shows them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from ninja import Schema


class WordsOut(Schema):
    zh: str
    en: str


class SourceOut(Schema):
    number: str
    title: str
    url: str
    status: str


class MetricOut(Schema):
    """`unit`: count, number, ratio (0 to 1), seconds or money (minor units). `better`: up, down or null."""

    id: str
    version: int
    is_default: bool
    unit: str
    grain: str
    dataset: str
    evidence: str
    better: str | None
    title: WordsOut
    definition: WordsOut
    formula: WordsOut
    notes: WordsOut | None
    status: str
    sources: list[SourceOut]


class ReasonOut(Schema):
    code: str
    words: str


class FigureOut(Schema):
    """`value` null: not computable, and `reason` says why. `cases`: on how many the number rests."""

    metric: str
    version: int
    unit: str
    value: int | float | None
    reason: ReasonOut | None
    cases: int
    numerator: int | float | None
    denominator: int | float | None


class PeriodOut(Schema):
    start: date
    end: date


class AgainstOut(Schema):
    name: str
    period: PeriodOut
    until: datetime | None
    figure: FigureOut
    change: float | None


class FigureRowOut(Schema):
    now: FigureOut
    against: list[AgainstOut]
    spark: list[int | float | None]


class SplitOut(Schema):
    """Minor units; the three parts add up to `total_minor`, or are null with a reason."""

    against: str
    total_minor: int
    visitors_minor: int | None
    conversion_minor: int | None
    value_minor: int | None
    reason: ReasonOut | None


class OverviewOut(Schema):
    period: PeriodOut
    until: datetime | None
    is_partial: bool
    currency: str
    rows: list[FigureRowOut]
    split: SplitOut | None
    notes: list[ReasonOut]


class PointOut(Schema):
    moment: datetime | date
    value: int | float | None
    is_partial: bool


class SeriesOut(Schema):
    metric: str
    version: int
    unit: str
    points: list[PointOut]


class SourceRowOut(Schema):
    keys: dict[str, str | bool | None]
    figures: list[FigureOut]
    against: list[FigureOut]


class SourcesOut(Schema):
    period: PeriodOut
    until: datetime | None
    against_period: PeriodOut | None
    by: list[str]
    rows: list[SourceRowOut]
    total: SourceRowOut
    notes: list[ReasonOut]


class RowsOut(Schema):
    """One page of `count` rows; ids are texts, since they exceed what a browser's numbers hold. Personal columns are null
    for a role that may not see customers."""

    columns: list[str]
    rows: list[dict[str, Any]]
    count: int
    page: int
    size: int


class KeptOut(Schema):
    """What is saved under a name, whatever it is; `version` counts its changes."""

    id: int
    name: str
    version: int
    made_by: str
    made_at: datetime
    changed_by: str
    changed_at: datetime
    archived_at: datetime | None


class EvidenceOut(RowsOut):
    kind: str
    figure: FigureOut
    is_equal: bool
