"""The API of traffic: metrics, overview, series, sources and the rows behind a number; tables also as CSV.

Periods are shop's days, `start` included and `end` not. A condition is the versioned JSON of the condition language on the
fields of a visit. Every number names its metric and version; one that can not be computed says why.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any, Literal

from ninja import Query, Router

from shuke.kernel import clock
from shuke.kernel.errors import Invalid
from shuke.shops.access import ShopRequest, api
from shuke.shops.csv_out import csv_response
from shuke.shops.roles import Deed
from shuke.traffic import reads
from shuke.traffic.http_shapes import (
    EvidenceOut,
    MetricOut,
    OverviewOut,
    SeriesOut,
    SourcesOut,
)
from shuke.traffic.http_shared import (
    CONDITION,
    FIRST_DAY,
    LAST_DAY,
    PAGE,
    PAGE_SIZE,
    Comparison,
    Format,
    condition_asked,
    figure_told,
    number_told,
    period_asked,
    period_told,
    reason_told,
    rows_as_csv,
    rows_told,
)

router = Router()


@router.get("/shops/{shop}/traffic/metrics", response=list[MetricOut], operation_id="list_metrics")
@api(Deed.VIEW_TRAFFIC)
def list_metrics(request: ShopRequest, shop: str) -> Any:
    """Every version of every metric, with its words and sources."""
    return [_metric(one) for one in reads.METRICS]


@router.get("/shops/{shop}/traffic/overview", response=OverviewOut, operation_id="get_overview")
@api(Deed.VIEW_TRAFFIC)
def get_overview(
    request: ShopRequest,
    shop: str,
    start: date,
    end: date,
    against: list[Comparison] = Query([]),  # noqa: B008
    custom_start: date | None = None,
    custom_end: date | None = None,
    metrics: list[str] = Query([], description="such as pv or bounce_visitor.v2; none: all"),  # noqa: B008
    condition: str | None = CONDITION,
    format: Format = "json",
) -> Any:
    """Every metric of a period, against others; a period that still runs is so far, and so are the others."""
    access = request.access
    custom = period_asked(custom_start, custom_end, "custom_") if custom_start and custom_end else None
    found = reads.overview(
        shop=access.shop,
        period=period_asked(start, end),
        against=tuple(dict.fromkeys(against)) or None,
        custom=custom,
        condition=condition_asked(condition),
        metrics=tuple(_named(name) for name in metrics) or None,
        at=clock.now(),
    )
    if format == "csv":
        return csv_response(access, f"overview-{start}-{end}", *_overview_table(found))
    return {
        "period": period_told(found.period),
        "until": found.until,
        "is_partial": found.is_partial,
        "currency": access.shop.currency,
        "rows": [
            {
                "now": figure_told(row.now),
                "against": [
                    {
                        "name": other.name,
                        "period": period_told(other.period),
                        "until": other.until,
                        "figure": figure_told(other.figure),
                        "change": number_told(other.change),
                    }
                    for other in row.against
                ],
                "spark": [number_told(value) for value in row.spark],
            }
            for row in found.rows
        ],
        "split": _split(found),
        "notes": [reason_told(note) for note in found.notes],
    }


@router.get("/shops/{shop}/traffic/series", response=SeriesOut, operation_id="get_series")
@api(Deed.VIEW_TRAFFIC)
def get_series(
    request: ShopRequest,
    shop: str,
    start: date,
    end: date,
    metric: str = Query(..., max_length=60, description="such as pv or bounce_visitor.v2"),
    grain: Literal["hour", "day"] = "day",
    condition: str | None = CONDITION,
    format: Format = "json",
) -> Any:
    """One metric by day, or by hour of up to 31 days; null for what has not come yet or can not be computed."""
    metric_id, version = _named(metric)
    found = reads.series(
        shop=request.access.shop,
        period=period_asked(start, end),
        metric_id=metric_id,
        version=version,
        grain=grain,
        condition=condition_asked(condition),
        at=clock.now(),
    )
    if format == "csv":
        rows = ((point.moment, point.value, point.is_partial) for point in found.points)
        return csv_response(
            request.access, f"{metric_id}-{start}-{end}", ("moment", "value", "is_partial"), rows
        )
    return {
        "metric": found.metric.id,
        "version": found.metric.version,
        "unit": found.metric.unit,
        "points": [
            {"moment": p.moment, "value": number_told(p.value), "is_partial": p.is_partial}
            for p in found.points
        ],
    }


@router.get("/shops/{shop}/traffic/sources", response=SourcesOut, operation_id="get_sources")
@api(Deed.VIEW_TRAFFIC)
def get_sources(
    request: ShopRequest,
    shop: str,
    start: date,
    end: date,
    by: list[Literal["channel", "is_paid", "source", "medium", "campaign"]] = Query(["channel"]),  # noqa: B008
    against: Literal["before", "yesterday", "last_week"] | None = None,
    condition: str | None = CONDITION,
    format: Format = "json",
) -> Any:
    """Visits by where they came from, most first, with the quality of each group and the total of all."""
    found = reads.sources(
        shop=request.access.shop,
        period=period_asked(start, end),
        by=tuple(by),
        against=against,
        condition=condition_asked(condition),
        at=clock.now(),
    )
    if format == "csv":
        return csv_response(request.access, f"sources-{start}-{end}", *_sources_table(found))
    return {
        "period": period_told(found.period),
        "until": found.until,
        "against_period": period_told(found.against_period) if found.against_period else None,
        "by": list(found.by),
        "rows": [_source_row(row) for row in found.rows],
        "total": _source_row(found.total),
        "notes": [reason_told(note) for note in found.notes],
    }


@router.get("/shops/{shop}/traffic/evidence", response=EvidenceOut, operation_id="get_evidence")
@api(Deed.VIEW_TRAFFIC)
def get_evidence(
    request: ShopRequest,
    shop: str,
    start: date,
    end: date,
    metric: str = Query(..., max_length=60, description="such as pv or bounce_visitor.v2"),
    until: datetime | None = None,
    condition: str | None = CONDITION,
    page: int = PAGE,
    size: int = PAGE_SIZE,
    format: Format = "json",
) -> Any:
    """The visits, visitors, orders or buyers behind a number, newest first; `counts` is what each adds to it."""
    metric_id, version = _named(metric)
    period, node, at = period_asked(start, end), condition_asked(condition), clock.now()
    if until is not None and (until.tzinfo is None or not FIRST_DAY <= until.date() <= LAST_DAY):
        raise Invalid(field="until", value=until)

    def ask(number: int, rows: int) -> reads.Evidence:
        return reads.evidence(
            shop=request.access.shop,
            period=period,
            metric_id=metric_id,
            version=version,
            condition=node,
            until=until,
            page=number,
            size=rows,
            at=at,
        )

    if format == "csv":
        return rows_as_csv(request.access, f"{metric_id}-{start}-{end}-evidence", ask)
    found = ask(page, size)
    return rows_told(request.access, found) | {
        "kind": found.kind,
        "figure": figure_told(found.figure),
        "is_equal": found.is_equal,
    }


# --- what comes in


def _named(name: str) -> tuple[str, int]:
    """`bounce_visitor.v2`, or an id alone for its default version. Raises NotFound."""
    metric_id, _dot, version = name.partition(".v")
    if version and not (version.isascii() and version.isdigit() and len(version) < 5):
        raise Invalid(field="metric", value=name)
    found = reads.metric(metric_id, int(version) if version else None)
    return found.id, found.version


# --- what goes out


def _split(found: reads.Overview) -> dict[str, Any] | None:
    split = found.split
    if split is None or found.split_against is None:
        return None
    return {
        "against": found.split_against,
        "total_minor": split.total_minor,
        "visitors_minor": split.visitors_minor,
        "conversion_minor": split.conversion_minor,
        "value_minor": split.value_minor,
        "reason": reason_told(split.reason) if split.reason else None,
    }


def _metric(one: reads.Metric) -> dict[str, Any]:
    words = one.definition
    return {
        "id": one.id,
        "version": one.version,
        "is_default": one.is_default,
        "unit": one.unit,
        "grain": one.grain,
        "dataset": one.dataset,
        "evidence": one.evidence,
        "better": one.better,
        "title": words.title,
        "definition": words.definition,
        "formula": words.formula,
        "notes": words.notes,
        "status": words.status.value,
        "sources": [
            {"number": s.number, "title": s.title, "url": s.url, "status": s.status.value}
            for s in words.sources
        ],
    }


def _source_row(row: reads.SourceRow) -> dict[str, Any]:
    return {
        "keys": dict(row.keys),
        "figures": [figure_told(figure) for figure in row.figures],
        "against": [figure_told(figure) for figure in row.against],
    }


Table = tuple[Sequence[str], Iterator[list[Any]]]


def _overview_table(found: reads.Overview) -> Table:
    names = [other.name for other in found.rows[0].against] if found.rows else []
    header = ["metric", "version", "title", "unit", "value", "reason", "cases"]
    header += [column for name in names for column in (name, f"{name}_change")]
    rows = (
        [
            row.metric.id,
            row.metric.version,
            str(row.metric.definition.title),
            row.metric.unit,
            row.now.value,
            row.now.reason.text() if row.now.reason else "",
            row.now.cases,
            *(cell for other in row.against for cell in (other.figure.value, other.change)),
        ]
        for row in found.rows
    )
    return header, rows


def _sources_table(found: reads.SourcesReport) -> Table:
    names = [f"{one.id}.v{one.version}" for one in found.metrics]
    header = [*found.by, *names, *(f"{name} before" for name in names if found.against_period)]
    rows = (
        [*(row.keys[name] for name in found.by), *(figure.value for figure in (*row.figures, *row.against))]
        for row in found.rows
    )
    return header, rows
