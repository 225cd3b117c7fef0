"""The API of items: all of a period, one of them, those that stall, and hot ones at a moment. Tables also as CSV.

Periods are the shop's days, `start` included and `end` not. Amounts are integers of the minor unit of the shop's currency.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal

from ninja import Query, Router, Schema

from shuke.kernel import clock
from shuke.kernel.errors import Invalid
from shuke.kernel.periods import Period
from shuke.shops.access import ShopRequest, api
from shuke.shops.csv_out import csv_response
from shuke.shops.roles import Deed
from shuke.traffic.http_shapes import RowsOut
from shuke.traffic.http_shared import (
    PAGE,
    PAGE_SIZE,
    AgainstIn,
    Format,
    lines_as_csv,
    paged,
    period_asked,
    rows_told,
)
from shuke.traffic.items import reads

router = Router()
MOMENT = Query(None, description="with a zone, or on the shop's clock; none: now")


class Span(Schema):
    """Days of the shop: `start` included, `end` not."""

    start: date
    end: date


class Note(Schema):
    code: str
    words: str


class SumsOut(Schema):
    """See ItemSums: visitors and buyers are distinct over the period; a share that can not be computed is null."""

    views: int
    visitors: int
    favourite_visitors: int
    cart_visitors: int
    checkout_visitors: int
    came: int
    reached_cart: int
    reached_checkout: int
    bought: int
    buyers: int
    orders: int
    file_orders: int
    units: float
    amount_minor: int
    without_amount: int
    exits: int
    stay_seconds: int
    measured_views: int
    conversion: float | None
    bounce_page: float | None
    stay_per_view: float | None


class ItemOut(Schema):
    """`then`: in the other period, where one is compared."""

    product_ref: str
    title: str | None
    sums: SumsOut
    paid: SumsOut
    free: SumsOut
    then: SumsOut | None


class ItemsOut(Schema):
    """One page of the items, `count` in all; `total` is of them all."""

    period: Span
    against_period: Span | None
    until: datetime | None
    currency: str
    count: int
    page: int
    size: int
    rows: list[ItemOut]
    total: SumsOut
    total_then: SumsOut | None
    notes: list[Note]


class SourceOut(Schema):
    channel: str | None
    is_paid: bool | None
    sums: SumsOut


class DayOut(Schema):
    day: date
    sums: SumsOut


class StepOut(Schema):
    step: str
    base: int
    reached: int
    rate: float | None
    low: float | None
    high: float | None
    median: float | None
    is_below: bool
    lost: float
    reason: Note | None


class StallOut(Schema):
    product_ref: str
    title: str | None
    is_stalling: bool
    held_by: str
    reason: Note
    hit_units: float | None
    far_units: float | None
    visitors_median: float | None
    lost: float
    steps: list[StepOut]
    sums: SumsOut
    paid: SumsOut
    free: SumsOut


class StalledOut(Schema):
    """One page of the items that stall, `count` in all."""

    period: Span
    until: datetime | None
    currency: str
    sold: int
    rules: dict[str, int]
    reason: Note | None
    count: int
    page: int
    size: int
    rows: list[StallOut]


class OneItemOut(Schema):
    period: Span
    against_period: Span | None
    until: datetime | None
    currency: str
    item: ItemOut
    sources: list[SourceOut]
    days: list[DayOut]
    stall: StallOut
    notes: list[Note]


class HotRowOut(Schema):
    rank: int
    product_ref: str
    title: str | None
    views: int
    visitors: int
    carts: int
    buyers: int
    units: float
    amount_minor: int


class HotOut(Schema):
    """The items of [start, moment): by `by`, equals by `then`, then by product_ref. `count`: how many there are in all."""

    start: datetime
    moment: datetime
    window: str
    by: str
    then: str
    currency: str
    count: int
    rows: list[HotRowOut]
    notes: list[Note]


@router.get("/shops/{shop}/traffic/items", response=ItemsOut, operation_id="list_items")
@api(Deed.VIEW_TRAFFIC)
def list_items(
    request: ShopRequest,
    shop: str,
    compared: Query[AgainstIn],
    start: date,
    end: date,
    page: int = PAGE,
    size: int = PAGE_SIZE,
    format: Format = "json",
) -> Any:
    """Every item that was viewed, added or sold in a period, most views first; against another period where asked."""
    access = request.access
    found = reads.items(shop=access.shop, period=period_asked(start, end), **compared.told(), at=clock.now())
    if format == "csv":
        before = [f"{name} before" for name in _SUMS] if found.against_period else []
        header = ("product_ref", "title", *_SUMS, *before)
        return csv_response(access, f"items-{start}-{end}", header, _lines(found.rows))
    return told_items(found, access.shop.currency, page, size)


@router.get("/shops/{shop}/traffic/items/stalled", response=StalledOut, operation_id="list_stalled_items")
@api(Deed.VIEW_TRAFFIC)
def list_stalled(
    request: ShopRequest,
    shop: str,
    start: date,
    end: date,
    page: int = PAGE,
    size: int = PAGE_SIZE,
    format: Format = "json",
) -> Any:
    """Items that sell but stall, each with the step that holds it back and its numbers; the most to win first."""
    access = request.access
    found = reads.stalled(shop=access.shop, period=period_asked(start, end), at=clock.now())
    if format == "csv":
        return csv_response(
            access, f"items-stalled-{start}-{end}", STALLED_COLUMNS, stalled_lines(found.rows)
        )
    return told_stalled(found, access.shop.currency, page, size)


@router.get("/shops/{shop}/traffic/items/one", response=OneItemOut, operation_id="get_item")
@api(Deed.VIEW_TRAFFIC)
def get_item(
    request: ShopRequest,
    shop: str,
    compared: Query[AgainstIn],
    start: date,
    end: date,
    product_ref: str = Query(..., max_length=500),
) -> Any:
    """One item: its numbers, its sources, its days, and its steps against the shop's items."""
    access = request.access
    found = reads.item(
        shop=access.shop,
        period=period_asked(start, end),
        product_ref=product_ref,
        **compared.told(),
        at=clock.now(),
    )
    return _head(found, access.shop.currency) | {
        "against_period": _span(found.against_period),
        "item": as_item(found.row),
        "sources": [
            {"channel": one.channel, "is_paid": one.is_paid, "sums": as_sums(one.sums)}
            for one in found.sources
        ],
        "days": [{"day": one.day, "sums": as_sums(one.sums)} for one in found.days],
        "stall": as_stall(found.stall),
        "notes": [as_note(note) for note in found.notes],
    }


@router.get("/shops/{shop}/traffic/items/one/behind", response=RowsOut, operation_id="list_item_behind")
@api(Deed.VIEW_TRAFFIC)
def list_item_behind(
    request: ShopRequest,
    shop: str,
    start: date,
    end: date,
    of: Literal["orders", "visitors", "buyers"],
    product_ref: str = Query(..., max_length=500),
    page: int = PAGE,
    size: int = PAGE_SIZE,
    format: Format = "json",
) -> Any:
    """What a number of an item is made of: its orders, newest first; who viewed it, or bought it, most first."""
    access = request.access
    asked: dict[str, Any] = {
        "shop": access.shop,
        "period": period_asked(start, end),
        "product_ref": product_ref,
        "of": of,
    }
    if format == "csv":
        rows = reads.every_item_behind(**asked)
        return lines_as_csv(access, f"item-{of}-{start}-{end}", reads.COLUMNS[of], rows)
    return rows_told(access, reads.item_behind(**asked, page=page, size=size))


@router.get("/shops/{shop}/traffic/items/hot", response=HotOut, operation_id="list_hot_items")
@api(Deed.VIEW_TRAFFIC)
def list_hot(
    request: ShopRequest,
    shop: str,
    moment: datetime | None = MOMENT,
    window: Literal["15m", "1h", "24h", "7d"] = "24h",
    by: Literal["views", "visitors", "carts", "buyers", "units", "amount_minor"] = "views",
    most: int = Query(100, ge=1, le=reads.MOST_HOT),
    format: Format = "json",
) -> Any:
    """The items of the half-open window that ends at a moment, ranked. Late events count as known now."""
    access, at = request.access, clock.now()
    asked = at if moment is None else moment
    if asked.tzinfo is None:
        asked = asked.replace(tzinfo=access.shop.zone)
    if not 1990 <= asked.year <= 2199:
        raise Invalid(field="moment", value=asked.isoformat())
    found = reads.hot(shop=access.shop, moment=asked, window=window, by=by, most=most, at=at)
    names = tuple(HotRowOut.model_fields)
    if format == "csv":
        rows = ([getattr(row, name) for name in names] for row in found.rows)
        return csv_response(access, f"hot-items-{window}", names, rows)
    return told_hot(found, access.shop.currency)


_SUMS = tuple(SumsOut.model_fields)
STALLED_COLUMNS = ("product_ref", "title", "held_by", "reason", "hit_units", "far_units", "lost", *_SUMS)


def stalled_lines(rows: Sequence[reads.Stall]) -> Iterator[list[Any]]:
    """Items that stall as cells of a file: what holds each back, by which line, and its numbers."""
    for one in rows:
        sums = as_sums(one.row.sums)
        told = [_number(value) for value in (one.hit_units, one.far_units, one.lost)]
        named = [one.row.product_ref, one.row.title, one.held_by, one.reason.text()]
        yield [*named, *told, *(sums[name] for name in _SUMS)]


def told_items(
    found: reads.ItemsReport, currency: str, page: int = 1, size: int | None = None
) -> dict[str, Any]:
    """Items as the API says them: all of them, or one page."""
    rows, place = paged(found.rows, page, size)
    return {
        **_head(found, currency),
        **place,
        "against_period": _span(found.against_period),
        "rows": [as_item(row) for row in rows],
        "total": as_sums(found.total),
        "total_then": None if found.total_then is None else as_sums(found.total_then),
        "notes": [as_note(note) for note in found.notes],
    }


def told_stalled(
    found: reads.StallReport, currency: str, page: int = 1, size: int | None = None
) -> dict[str, Any]:
    """Items that stall as the API says them: all of them, or one page."""
    rows, place = paged(found.rows, page, size)
    return {
        **_head(found, currency),
        **place,
        "sold": found.sold,
        "rules": dict(found.rules),
        "reason": as_note(found.reason),
        "rows": [as_stall(one) for one in rows],
    }


def told_hot(found: reads.HotReport, currency: str) -> dict[str, Any]:
    """Hot items as the API says them."""
    names = ("start", "moment", "window", "by", "then", "count")
    return {name: getattr(found, name) for name in names} | {
        "currency": currency,
        "rows": [{n: _number(getattr(row, n)) for n in HotRowOut.model_fields} for row in found.rows],
        "notes": [as_note(note) for note in found.notes],
    }


def _head(found: Any, currency: str) -> dict[str, Any]:
    return {"period": _span(found.period), "until": found.until, "currency": currency}


def _span(period: Period | None) -> dict[str, date] | None:
    return None if period is None else {"start": period.start, "end": period.end}


def as_sums(sums: reads.ItemSums) -> dict[str, Any]:
    """Counts and shares as JSON numbers."""
    return {name: _number(getattr(sums, name)) for name in _SUMS}


def as_item(row: reads.ItemRow) -> dict[str, Any]:
    parts = {"sums": row.sums, "paid": row.paid, "free": row.free, "then": row.then}
    told = {name: None if sums is None else as_sums(sums) for name, sums in parts.items()}
    return {"product_ref": row.product_ref, "title": row.title, **told}


def as_stall(one: reads.Stall) -> dict[str, Any]:
    names = ("is_stalling", "held_by", "hit_units", "far_units", "visitors_median", "lost")
    steps = [
        {name: _number(getattr(check, name)) for name in StepOut.model_fields if name != "reason"}
        | {"reason": as_note(check.reason)}
        for check in one.steps
    ]
    return (
        {name: told for name, told in as_item(one.row).items() if name != "then"}
        | {name: _number(getattr(one, name)) for name in names}
        | {"reason": as_note(one.reason), "steps": steps}
    )


def as_note(reason: Any) -> dict[str, str] | None:
    return None if reason is None else {"code": reason.code, "words": reason.text()}


def _number(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal | Fraction) else value


def _lines(rows: Sequence[reads.ItemRow]) -> Iterator[list[Any]]:
    for row in rows:
        told = [as_sums(sums) for sums in (row.sums, row.then) if sums is not None]
        yield [row.product_ref, row.title, *(sums[name] for sums in told for name in _SUMS)]
