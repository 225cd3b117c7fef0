"""The API of what the page tracker tells besides views: the stay on each page, and where a page was clicked; also as CSV."""

from __future__ import annotations

from datetime import date
from typing import Any

from ninja import Query, Router, Schema

from shuke.shops.access import ShopRequest, api
from shuke.shops.csv_out import csv_response
from shuke.shops.roles import Deed
from shuke.traffic import reads, tracked
from shuke.traffic.http import Format, _period

router = Router()


class PageStayOut(Schema):
    """`milliseconds` for which the page could be seen, of all `views` of which a stay was told; ours, not a platform's."""

    page_path: str
    milliseconds: int
    seconds_per_view: float
    views: int
    visitors: int


class CellOut(Schema):
    x: int
    y: int
    clicks: int


class ElementOut(Schema):
    """`kind`: marked (data-shuke-click) or outbound (a link to another host). `href` without query, '' where no link."""

    kind: str
    label: str
    href: str
    clicks: int


class PageClicksOut(Schema):
    """Cells of a grid of `columns` over the page's width and `rows` over its height, both counted from 0."""

    page_path: str
    clicks: int
    visitors: int
    columns: int
    rows: int
    cells: list[CellOut]
    elements: list[ElementOut]


@router.get("/shops/{shop}/traffic/tracker/stays", response=list[PageStayOut], operation_id="list_page_stays")
@api(Deed.VIEW_TRAFFIC)
def list_page_stays(request: ShopRequest, shop: str, start: date, end: date, format: Format = "json") -> Any:
    """The measured stay of every page, longest first: visible time, single-page visits included."""
    found = reads.page_stays(shop=request.access.shop, period=_period(start, end))
    names = list(PageStayOut.model_fields)
    if format == "csv":
        rows = ([getattr(one, name) for name in names] for one in found)
        return csv_response(request.access, f"stays-{start}-{end}", names, rows)
    return [{name: getattr(one, name) for name in names} for one in found]


@router.get("/shops/{shop}/traffic/tracker/clicks", response=PageClicksOut, operation_id="get_page_clicks")
@api(Deed.VIEW_TRAFFIC)
def get_page_clicks(
    request: ShopRequest,
    shop: str,
    start: date,
    end: date,
    page_path: str = Query(..., max_length=1024, description="such as /item/1001"),
    format: Format = "json",
) -> Any:
    """Where one page was clicked, by cell and by element; as CSV the cells."""
    found = reads.page_clicks(shop=request.access.shop, period=_period(start, end), page_path=page_path)
    if format == "csv":
        rows = ([x, y, clicks] for (x, y), clicks in found.cells.items())
        return csv_response(request.access, f"clicks-{start}-{end}", ["x", "y", "clicks"], rows)
    return {
        "page_path": found.page_path,
        "clicks": found.clicks,
        "visitors": found.visitors,
        "columns": tracked.GRID_COLUMNS,
        "rows": tracked.GRID_ROWS,
        "cells": [{"x": x, "y": y, "clicks": clicks} for (x, y), clicks in found.cells.items()],
        "elements": [
            {"kind": one.kind, "label": one.label, "href": one.href, "clicks": one.clicks}
            for one in found.elements
        ],
    }
