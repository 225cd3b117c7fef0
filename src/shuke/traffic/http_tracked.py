"""The API of the measured stay: how long each page could be seen, as the page tracker tells it; also as CSV."""

from __future__ import annotations

from datetime import date
from typing import Any

from ninja import Router, Schema

from shuke.shops.access import ShopRequest, api
from shuke.shops.csv_out import csv_response
from shuke.shops.roles import Deed
from shuke.traffic import reads
from shuke.traffic.http_shared import Format, period_asked

router = Router()


class PageStayOut(Schema):
    """`milliseconds` for which the page could be seen, of all `views` of which a stay was told; ours, not a platform's."""

    page_path: str
    milliseconds: int
    seconds_per_view: float
    views: int
    visitors: int


@router.get("/shops/{shop}/traffic/tracker/stays", response=list[PageStayOut], operation_id="list_page_stays")
@api(Deed.VIEW_TRAFFIC)
def list_page_stays(request: ShopRequest, shop: str, start: date, end: date, format: Format = "json") -> Any:
    """The measured stay of every page, longest first: visible time, single-page visits included."""
    found = reads.page_stays(shop=request.access.shop, period=period_asked(start, end))
    names = list(PageStayOut.model_fields)
    if format == "csv":
        rows = ([getattr(one, name) for name in names] for one in found)
        return csv_response(request.access, f"stays-{start}-{end}", names, rows)
    return [{name: getattr(one, name) for name in names} for one in found]
