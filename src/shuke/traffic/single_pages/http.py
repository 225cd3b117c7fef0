"""The API of single pages: all pages, one page with its ways, its clicks, and the visits behind; tables also as CSV."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any, Literal

from ninja import Query, Router, Schema

from shuke.kernel import clock
from shuke.shops.access import ShopRequest, api
from shuke.shops.csv_out import csv_response
from shuke.shops.roles import Deed
from shuke.traffic.http_shapes import FigureOut, PeriodOut, RowsOut
from shuke.traffic.http_shared import (
    CONDITION,
    PAGE,
    PAGE_SIZE,
    AgainstIn,
    Format,
    condition_asked,
    figure_told,
    lines_as_csv,
    number_told,
    paged,
    period_asked,
    period_told,
    rows_told,
)
from shuke.traffic.routes.reads import planned_paths
from shuke.traffic.single_pages import reads

router = Router()
PATH = Query(..., max_length=2000, description="the page's path; empty: views that state none")
Terminal = Literal["pc", "mobile", "tablet", "app"]


class PageOut(Schema):
    """`then`: the same figures of the other period; empty where none is compared."""

    path: str
    type: str
    heat: str
    figures: list[FigureOut]
    then: list[FigureOut]


class PageListOut(Schema):
    """`is_judged`: whether hot and cold are told; with fewer than `few` views, or under a condition, they are not."""

    period: PeriodOut
    until: datetime | None
    views: int
    is_judged: bool
    few: int
    against_period: PeriodOut | None
    count: int
    page: int
    size: int
    rows: list[PageOut]


class WayOut(Schema):
    """`path` null: a visit began or ended here."""

    path: str | None
    type: str
    count: int
    share: float


class PageDayOut(Schema):
    day: date
    figures: list[FigureOut]


class PageReportOut(Schema):
    """`more_from`, `more_to`: how many further ways, of fewer views, are left out; with them all add up to the views."""

    period: PeriodOut
    until: datetime | None
    page: PageOut
    days: list[PageDayOut]
    came_from: list[WayOut]
    went_to: list[WayOut]
    channels: list[WayOut]
    more_from: int
    more_to: int


class CellOut(Schema):
    """`x` in twentieths of the page's width, `y` in hundredths of its height."""

    x: int
    y: int
    clicks: int


class ElementOut(Schema):
    kind: str
    label: str
    href: str
    clicks: int
    share: float


class ClickHeatOut(Schema):
    path: str
    period: PeriodOut
    until: datetime | None
    clicks: FigureOut
    visitors: int
    width: int | None
    height: int | None
    cells: list[CellOut]
    elements: list[ElementOut]


@router.get("/shops/{shop}/traffic/pages", response=PageListOut, operation_id="list_pages")
@api(Deed.VIEW_TRAFFIC)
def list_pages(
    request: ShopRequest,
    shop: str,
    compared: Query[AgainstIn],
    start: date,
    end: date,
    condition: str | None = CONDITION,
    page: int = PAGE,
    size: int = PAGE_SIZE,
    format: Format = "json",
) -> Any:
    """All pages of a period, most viewed first, and which are hot and cold; known pages without a view come last."""
    found = reads.page_list(
        shop=request.access.shop,
        period=period_asked(start, end),
        condition=condition_asked(condition),
        planned=planned_paths(request.access.shop),
        **compared.told(),
        at=clock.now(),
    )
    if format == "csv":
        return csv_response(request.access, f"pages-{start}-{end}", *page_table(found))
    return list_as_json(found, page, size)


@router.get("/shops/{shop}/traffic/page", response=PageReportOut, operation_id="get_page")
@api(Deed.VIEW_TRAFFIC)
def get_page(
    request: ShopRequest,
    shop: str,
    compared: Query[AgainstIn],
    start: date,
    end: date,
    path: str = PATH,
    condition: str | None = CONDITION,
) -> Any:
    """One page: its numbers, by day, from where its views came and where they led."""
    found = reads.page_report(
        shop=request.access.shop,
        path=path,
        period=period_asked(start, end),
        condition=condition_asked(condition),
        **compared.told(),
        at=clock.now(),
    )
    return {
        "period": period_told(found.period),
        "until": found.until,
        "page": _page(found.row),
        "days": [{"day": one.day, "figures": list(map(figure_told, one.figures))} for one in found.days],
        "came_from": list(map(_way, found.came_from)),
        "went_to": list(map(_way, found.went_to)),
        "channels": list(map(_way, found.channels)),
        "more_from": found.more_from,
        "more_to": found.more_to,
    }


@router.get("/shops/{shop}/traffic/page/clicks", response=ClickHeatOut, operation_id="get_page_clicks")
@api(Deed.VIEW_TRAFFIC)
def get_page_clicks(
    request: ShopRequest,
    shop: str,
    start: date,
    end: date,
    path: str = PATH,
    terminal: Terminal | None = None,
    format: Format = "json",
) -> Any:
    """Where a page was clicked (marked elements and outbound links, as the tracker tells them), and what."""
    found = reads.click_heat(
        shop=request.access.shop,
        path=path,
        period=period_asked(start, end),
        terminal=terminal,
        at=clock.now(),
    )
    if format == "csv":
        rows = ([x, y, clicks] for (x, y), clicks in found.cells.items())
        return csv_response(request.access, f"clicks-{start}-{end}", ("x", "y", "clicks"), rows)
    return {
        "path": found.path,
        "period": period_told(found.period),
        "until": found.until,
        "clicks": figure_told(found.clicks),
        "visitors": found.visitors,
        "width": found.width,
        "height": found.height,
        "cells": [{"x": x, "y": y, "clicks": clicks} for (x, y), clicks in found.cells.items()],
        "elements": [
            {name: getattr(one, name) for name in ("kind", "label", "href", "clicks")}
            | {"share": number_told(one.share)}
            for one in found.elements
        ],
    }


@router.get("/shops/{shop}/traffic/page/visits", response=RowsOut, operation_id="list_page_visits")
@api(Deed.VIEW_TRAFFIC)
def list_page_visits(
    request: ShopRequest,
    shop: str,
    start: date,
    end: date,
    path: str = PATH,
    condition: str | None = CONDITION,
    page: int = PAGE,
    size: int = PAGE_SIZE,
    format: Format = "json",
) -> Any:
    """The visits in which a page was viewed, newest first."""
    access = request.access
    period, node, at = period_asked(start, end), condition_asked(condition), clock.now()
    if format == "csv":
        rows = reads.every_page_visit(shop=access.shop, path=path, period=period, condition=node, at=at)
        return lines_as_csv(access, f"page-visits-{start}-{end}", reads.COLUMNS, rows)
    found = reads.page_visits(
        shop=access.shop, path=path, period=period, condition=node, page=page, size=size, at=at
    )
    return rows_told(access, found)


def _page(row: reads.PageRow) -> dict[str, Any]:
    return {
        "path": row.path,
        "type": row.type,
        "heat": row.heat,
        "figures": list(map(figure_told, row.figures)),
        "then": list(map(figure_told, row.then)),
    }


def _way(way: reads.Way) -> dict[str, Any]:
    return {"path": way.path, "type": way.type, "count": way.count, "share": number_told(way.share)}


def list_as_json(found: reads.PageList, page: int = 1, size: int | None = None) -> dict[str, Any]:
    """Pages as the API and the command tell them: all of them, or one page of them."""
    rows, place = paged(found.rows, page, size)
    return {
        **place,
        "period": period_told(found.period),
        "until": found.until,
        "views": found.views,
        "is_judged": found.is_judged,
        "few": found.few,
        "against_period": period_told(found.against_period) if found.against_period else None,
        "rows": list(map(_page, rows)),
    }


def page_table(found: reads.PageList) -> tuple[Sequence[str], Iterator[Sequence[Any]]]:
    """All pages as a table."""
    names = [f"{one.id}.v{one.version}" for one in reads.ROW_METRICS]
    header = ["path", "type", "heat", *names]
    header += [f"{name} before" for name in names] if found.against_period else []
    rows = (
        [row.path, row.type, row.heat, *(one.value for one in (*row.figures, *row.then))]
        for row in found.rows
    )
    return header, rows
