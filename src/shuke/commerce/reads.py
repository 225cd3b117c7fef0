"""Questions about orders, answered with frozen dataclasses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

import ibis

from shuke.kernel.errors import Invalid
from shuke.kernel.periods import Period
from shuke.kernel.surrogates import surrogate
from shuke.shops.reads import ShopView
from shuke.warehouse import reads as warehouse
from shuke.warehouse.refunds import WHOLE, refunds_resolved

__all__ = ["KINDS", "OrderPage", "OrderRow", "OrderTotals", "list_orders", "order_totals"]

KINDS = ("sale", "cancellation", "adjustment", "refund")
LARGEST_PAGE = 500


@dataclass(frozen=True)
class OrderRow:
    """One movement of an order: all lines of one kind on one day.

    `paid_minor` is gross, `amount_minor` signed; null: a cancellation or refund of the whole order whose sale is not
    known, or a sale whose amount was not stated. `at` is aware, in the shop's zone.
    """

    order_id: int
    order_ref: str
    kind: str
    local_day: date
    at: datetime
    buyer_id: int | None
    visitor_id: int | None
    lines: int
    quantity: Decimal | None
    paid_minor: int
    amount_minor: int | None
    currency: str | None
    source: str


@dataclass(frozen=True)
class OrderPage:
    """A page of movements, newest first, and how many there are in all."""

    rows: tuple[OrderRow, ...]
    count: int
    page: int
    size: int


@dataclass(frozen=True)
class OrderTotals:
    """Of a period: distinct orders by kind, buyers, amounts in minor units of the shop's currency.

    Orders in another currency count as orders; their amounts do not.

    `net_minor` nets whole-order refunds where their sale is known; `unknown_refunds` counts the others.
    """

    sales: int
    cancellations: int
    adjustments: int
    refunds: int
    buyers: int
    paid_minor: int
    net_minor: int
    unknown_refunds: int


def list_orders(
    shop: ShopView,
    period: Period,
    *,
    kind: str | None = None,
    order_ref: str | None = None,
    page: int = 1,
    size: int = 50,
) -> OrderPage:
    """Movements of orders in a period, newest first. Raises Invalid for an unknown kind."""
    if kind is not None and kind not in KINDS:
        raise Invalid(field="kind", value=kind)
    page, size = max(1, page), max(1, min(size, LARGEST_PAGE))

    def question(snapshot: warehouse.Snapshot) -> OrderPage:
        facts = snapshot.derived("order_facts")
        rows = facts
        if kind is not None:
            rows = rows.filter(rows.kind == kind)
        if order_ref:
            # By its surrogate: a text from outside never becomes a part of the question.
            rows = rows.filter(rows.order_id == surrogate(shop.id, "order", order_ref))
        count = warehouse.run(rows.aggregate(n=rows.count()))["n"][0].as_py()
        ordered = rows.order_by([ibis.desc("at"), "order_id", "kind"]).limit(size, offset=(page - 1) * size)
        found = warehouse.run(ordered.drop("shop_id")).to_pylist()
        amounts = _resolved(shop, [r for r in found if _is_whole(r)])
        return OrderPage(tuple(_row(r, shop, amounts) for r in found), count, page, size)

    return warehouse.ask(shop, period, question)


def order_totals(shop: ShopView, period: Period) -> OrderTotals:
    """Orders, buyers, paid and net amount of a period."""

    def question(snapshot: warehouse.Snapshot) -> OrderTotals:
        facts = snapshot.derived("order_facts")
        orders = facts.select("order_id", "kind").distinct()
        by_kind = {
            r["kind"]: r["n"]
            for r in warehouse.run(orders.group_by("kind").aggregate(n=orders.count())).to_pylist()
        }
        buyers = facts.filter(facts.buyer_id.notnull()).select("buyer_id").distinct()
        own = facts.filter((facts.currency == shop.currency) | facts.currency.isnull())
        sums = warehouse.run(
            own.aggregate(paid=own.paid_minor.sum().coalesce(0), net=own.amount_minor.sum().coalesce(0))
        ).to_pylist()[0]
        wholes = own.filter(own.amount_minor.isnull() & own.kind.isin(list(WHOLE)))
        amounts = _resolved(shop, warehouse.run(wholes).to_pylist())
        net = int(sums["net"]) + sum(a for a in amounts.values() if a is not None)
        unknown = sum(1 for a in amounts.values() if a is None)
        return OrderTotals(
            sales=by_kind.get("sale", 0),
            cancellations=by_kind.get("cancellation", 0),
            adjustments=by_kind.get("adjustment", 0),
            refunds=by_kind.get("refund", 0),
            buyers=warehouse.run(buyers.aggregate(n=buyers.count()))["n"][0].as_py(),
            paid_minor=int(sums["paid"]),
            net_minor=net,
            unknown_refunds=unknown,
        )

    return warehouse.ask(shop, period, question)


def _is_whole(row: dict) -> bool:
    return row["amount_minor"] is None and row["kind"] in WHOLE


def _resolved(shop: ShopView, wholes: list[dict]) -> dict[tuple, int | None]:
    """(day, order, kind) -> amount of whole-order refunds; the sale may lie on any day of the shop's life."""
    if not wholes:
        return {}
    life = warehouse.whole_life(shop.id)
    if life is None:
        return {}
    wanted = list({row["order_id"] for row in wholes})

    def question(whole: warehouse.Snapshot) -> list[dict]:
        facts = whole.derived("order_facts")
        facts = facts.filter(facts.order_id.isin(wanted))
        return warehouse.run(refunds_resolved(facts)).to_pylist()

    found = warehouse.ask(shop, life, question)
    amounts = {(r["local_day"], r["order_id"], r["kind"]): r["amount_minor"] for r in found}
    return {key: amounts.get(key) for key in ((r["local_day"], r["order_id"], r["kind"]) for r in wholes)}


def _row(row: dict, shop: ShopView, amounts: dict[tuple, int | None]) -> OrderRow:
    row = dict(row)
    row["at"] = row["at"].replace(tzinfo=UTC).astimezone(shop.zone)
    if _is_whole(row):
        row["amount_minor"] = amounts.get((row["local_day"], row["order_id"], row["kind"]))
    return OrderRow(**row)
