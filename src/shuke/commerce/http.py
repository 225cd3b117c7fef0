"""The API of orders."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from ninja import Query, Router, Schema

from shuke.commerce import reads
from shuke.kernel.errors import Invalid
from shuke.kernel.periods import Period
from shuke.shops.access import ShopRequest, api
from shuke.shops.roles import Deed

router = Router()
LONGEST = timedelta(days=3660)


class OrderOut(Schema):
    """`amount_minor` null: a refund of the whole order whose sale is not known, or a sale whose amount was not stated."""

    order_ref: str
    kind: str
    local_day: date
    at: datetime
    buyer_id: int | None
    lines: int
    quantity: Decimal | None
    paid_minor: int
    amount_minor: int | None
    currency: str | None
    source: str


class OrderPageOut(Schema):
    rows: list[OrderOut]
    count: int
    page: int
    size: int


class OrderTotalsOut(Schema):
    sales: int
    cancellations: int
    adjustments: int
    refunds: int
    buyers: int
    paid_minor: int
    net_minor: int
    unknown_refunds: int


def _period(start: date, end: date) -> Period:
    """Days `start` up to, not including, `end`."""
    if end <= start or end - start > LONGEST:
        raise Invalid(field="end", value=end)
    return Period(start, end)


@router.get("/shops/{shop}/orders", response=OrderPageOut, operation_id="list_orders")
@api(Deed.VIEW_CUSTOMERS)
def list_orders(
    request: ShopRequest,
    shop: str,
    start: date,
    end: date,
    kind: Literal["sale", "cancellation", "adjustment", "refund"] | None = None,
    order_ref: str | None = Query(None, max_length=200),
    page: int = Query(1, ge=1, le=100_000),
    size: int = Query(50, ge=1, le=reads.LARGEST_PAGE),
) -> Any:
    """Movements of orders from `start` up to, not including, `end`, newest first."""
    return reads.list_orders(
        request.access.shop,
        _period(start, end),
        kind=kind,
        order_ref=order_ref,
        page=page,
        size=size,
    )


@router.get("/shops/{shop}/orders/totals", response=OrderTotalsOut, operation_id="get_order_totals")
@api(Deed.VIEW_TRAFFIC)
def get_order_totals(request: ShopRequest, shop: str, start: date, end: date) -> Any:
    """Orders by kind, buyers, paid and net amount from `start` up to, not including, `end`."""
    return reads.order_totals(request.access.shop, _period(start, end))
