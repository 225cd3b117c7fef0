"""Facts for tests: small tables of events and order lines of the kinds' exact shape."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pyarrow as pa

from shuke.kernel.periods import local_day
from shuke.kernel.surrogates import surrogate
from shuke.shops.reads import ShopView
from shuke.warehouse import schemas

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)  # 12:00 in Shanghai


def event(shop: ShopView, ref: str, visitor: str, at: datetime, **fields: object) -> dict[str, object]:
    """One page view (or, by fields, another event); `ref` is its messageId."""
    naive = at.astimezone(UTC).replace(tzinfo=None)
    row: dict[str, object] = dict.fromkeys(schemas.EVENTS.names)
    row |= {
        "shop_id": shop.id,
        "event_id": surrogate(shop.id, "message", ref),
        "visitor_id": surrogate(shop.id, "visitor", visitor),
        "type": "page",
        "at": naive,
        "ord": 0,
        "local_day": local_day(at, shop.zone),
        "received_at": naive,
        "page_path": "/",
        "page_type": "home",
        "anonymous_ref": visitor,
        "properties": "{}",
        "source": "api",
    }
    return row | fields


def order_event(
    shop: ShopView, ref: str, visitor: str, at: datetime, order: str, minor: int, units: int | None = None
) -> dict[str, object]:
    """An `Order Completed`."""
    return event(
        shop,
        ref,
        visitor,
        at,
        type="track",
        name="Order Completed",
        page_path=None,
        page_type=None,
        order_ref=order,
        order_id=surrogate(shop.id, "order", order),
        amount_minor=minor,
        currency=shop.currency,
        quantity=None if units is None else Decimal(units),
        properties=json.dumps({"order_id": order}),
    )


def line(
    shop: ShopView, order: str, number: int, at: datetime, minor: int, **fields: object
) -> dict[str, object]:
    """One order line of source `file`."""
    naive = at.astimezone(UTC).replace(tzinfo=None)
    row: dict[str, object] = {
        "shop_id": shop.id,
        "row_id": surrogate(shop.id, "row", f"file\x1f{order}\x1f{number}"),
        "content_id": surrogate(shop.id, "content", f"{order} {number} {minor}"),
        "sign": 1,
        "order_id": surrogate(shop.id, "order", order),
        "order_ref": order,
        "line_no": number,
        "kind": "sale",
        "at": naive,
        "local_day": local_day(at, shop.zone),
        "received_at": naive,
        "buyer_id": surrogate(shop.id, "person", f"buyer of {order}"),
        "buyer_ref": f"buyer of {order}",
        "product_ref": "P1",
        "title": "Shirt",
        "quantity": Decimal(1),
        "unit_price": "1",
        "amount_minor": minor,
        "currency": shop.currency,
        "region": None,
        "properties": "{}",
        "source": "file",
        "import_ref": "1",
    }
    return row | fields


def events_table(rows: Iterable[dict[str, object]]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=schemas.EVENTS)


def lines_table(rows: Iterable[dict[str, object]]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=schemas.ORDER_LINES)


def views(
    shop: ShopView, visitor: str, minutes: Sequence[int], start: datetime = NOON
) -> list[dict[str, object]]:
    """Page views of one visitor at minutes after a start."""
    return [event(shop, f"{visitor}-{start:%d}-{m}", visitor, start + timedelta(minutes=m)) for m in minutes]
