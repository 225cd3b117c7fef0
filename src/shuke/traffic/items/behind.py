"""What stands behind a number of an item: its orders, who viewed it, who bought it. As many rows as the number says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from shuke.kernel.errors import Invalid
from shuke.kernel.periods import Period
from shuke.shops.reads import ShopView
from shuke.traffic.items import questions
from shuke.warehouse import reads as warehouse
from shuke.warehouse.reads import LaidOut, Stretch

LARGEST_PAGE = 1000
COLUMNS = {
    "orders": (
        "order_ref", "at", "buyer_id", "channel", "is_paid", "quantity", "amount_minor", "is_file", "visitor_id",
        "order_id",
    ),
    "visitors": (
        "visitor_id", "first_day", "last_day", "views", "favourites", "carts", "checkouts", "orders", "amount_minor",
    ),
    "buyers": ("buyer_id", "first_day", "last_day", "orders", "quantity", "amount_minor"),
}  # fmt: skip
# Most first; what decides between equals.
_ORDER = {
    "orders": (("at", "descending"), ("order_id", "descending")),
    "visitors": (("views", "descending"), ("visitor_id", "descending")),
    "buyers": (("amount_minor", "descending"), ("buyer_id", "descending")),
}
_REF = pa.schema([("wanted", pa.string())])


@dataclass(frozen=True)
class ItemBehind:
    """One page of the rows behind a number of an item: `of` orders (newest first), visitors or buyers (most first);
    `count` of them in all. Moments are on the shop's clock, amounts in minor units of its currency."""

    of: str
    columns: tuple[str, ...]
    rows: tuple[Mapping[str, Any], ...]
    count: int
    page: int
    size: int


def item_behind(
    *, shop: ShopView, period: Period, product_ref: str, of: str, page: int = 1, size: int = 50
) -> ItemBehind:
    """What one of the numbers orders, visitors and buyers of an item is made of. Raises Invalid."""
    if page < 1:
        raise Invalid(field="page", value=page)
    if not 1 <= size <= LARGEST_PAGE:
        raise Invalid(field="size", value=size)
    found = _found(shop, period, product_ref, of)
    rows = tuple(_rows(found.slice((page - 1) * size, size), shop))
    return ItemBehind(of, COLUMNS[of], rows, found.num_rows, page, size)


def every_item_behind(
    *, shop: ShopView, period: Period, product_ref: str, of: str
) -> Iterator[Mapping[str, Any]]:
    """All of these rows, asked once, so that facts that come meanwhile neither repeat nor drop one. Raises Invalid before it
    begins."""
    found = _found(shop, period, product_ref, of)

    def rows() -> Iterator[Mapping[str, Any]]:
        for start in range(0, found.num_rows, LARGEST_PAGE):
            yield from _rows(found.slice(start, LARGEST_PAGE), shop)

    return rows()


def _found(shop: ShopView, period: Period, product_ref: str, of: str) -> pa.Table:
    if of not in COLUMNS:
        raise Invalid(field="of", value=of[:40])
    given = {"one": pa.Table.from_pylist([{"wanted": product_ref}], schema=_REF)}

    def asked(snapshot: warehouse.Snapshot) -> pa.Table:
        laid = LaidOut(snapshot, [Stretch(period)])
        if of == "orders":
            return _orders(snapshot, laid, period, given, shop.currency)
        question = questions.visitors_behind if of == "visitors" else questions.buyers_behind
        return laid.answer(
            {"item_visitors": None},
            ("behind", of),
            lambda tables: question(tables["item_visitors"], tables["one"]),
            is_kept=False,
            given=given,
        )

    found = warehouse.ask(shop, period, asked)
    return found.sort_by(list(_ORDER[of])).select(COLUMNS[of])


def _orders(
    snapshot: warehouse.Snapshot,
    laid: LaidOut,
    period: Period,
    given: Mapping[str, pa.Table],
    currency: str,
) -> pa.Table:
    """The orders of one item. Telling which they are wants whole days: only those are opened on which the item sold."""
    sold = laid.answer(
        {"item_visitors": None},
        ("behind", "sold"),
        lambda tables: questions.days_sold(tables["item_visitors"], tables["one"]),
        is_kept=False,
        given=given,
    )
    # Of an item that never sold any day answers as well, and one is quickest.
    days = sorted(sold["local_day"].to_pylist()) or [period.start]
    those = LaidOut(snapshot, [Stretch(Period.of_day(day)) for day in days])
    return those.answer(
        {"item_deeds": None, "item_lines": None, "order_facts": None},
        ("behind", "orders", currency),
        lambda tables: questions.orders_behind(
            tables["item_deeds"],
            tables["item_lines"],
            tables["order_facts"],
            tables["one"],
            currency,
        ),
        is_kept=False,
        given=given,
    )


def _rows(table: pa.Table, shop: ShopView) -> Iterator[dict[str, Any]]:
    for row in table.to_pylist():
        yield {
            name: value.replace(tzinfo=UTC).astimezone(shop.zone) if isinstance(value, datetime) else value
            for name, value in row.items()
        }
