"""Order facts: what happened to each order on each day, one row per order, day and kind. One portable Ibis expression.

The guarantee. Within one shop, local day and order:

1. Lines first lose what was taken back: a statement (row_id, content_id) counts once while its signs add up above 0.
   A line of the kind `unpaid` (ordered, not paid, or closed before anybody paid) is no movement.
2. The lines of one kind (sale, cancellation, adjustment, refund) are added up to one row.
3. Events of the order count where no line states that kind: `Order Completed` is a sale, `Order Cancelled` a
   cancellation, `Order Refunded` a refund. Files win, because a file is the seller's book and an event its echo.
4. Several `Order Completed` of one order on a day are one sale said again: the last by (at, ord, event_id) counts. The
   same holds for `Order Cancelled`. Refunds are separate deeds and add up.
5. A cancellation or refund event counts below zero. Without an amount it means the whole order: `amount_minor` is null,
   and `warehouse.refunds` nets what remains of the sale. A null wins over amounts of the same day and kind.

Units follow the statements that count: a sale has those of its last `Order Completed`, a cancellation or refund event
the units of its products below zero. `quantity` is null where a counted statement names no products.

`paid_minor` is the sum of the positive amounts: what buyers paid, refunds not deducted (B-204). A sale whose amount is
not stated counts as an order with nothing paid, and its `amount_minor` is null.

An expression looks neither across days nor across orders: a restatement on another day is another row there.
"""

from __future__ import annotations

from collections.abc import Mapping

import ibis
from ibis import _

from shuke.warehouse import derivations, schemas

KIND_OF_EVENT = {
    "Order Completed": "sale",
    "Order Cancelled": "cancellation",
    "Order Refunded": "refund",
}
UNPAID = "unpaid"
SAID_AGAIN = ("Order Completed", "Order Cancelled")
_KEY = ["shop_id", "local_day", "order_id", "kind"]


def order_facts(tables: Mapping[str, ibis.Table], context: derivations.Context | None = None) -> ibis.Table:
    """The columns of schemas.ORDER_FACTS from `order_lines` and `events` of whole days."""
    from_files = _from_lines(tables["order_lines"])
    from_events = _from_events(tables["events"]).anti_join(from_files, _KEY)
    return from_files.union(from_events, distinct=False)


def _from_lines(lines: ibis.Table) -> ibis.Table:
    lines = lines.filter(lines.kind != UNPAID)
    statements = lines.group_by("shop_id", "local_day", "row_id", "content_id").aggregate(
        net=_.sign.cast("int64").sum(),
        order_id=_.order_id.min(),
        order_ref=_.order_ref.min(),
        kind=_.kind.min(),
        at=_["at"].min(),
        buyer_id=_.buyer_id.min(),
        quantity=_.quantity.min(),
        amount_minor=_.amount_minor.min(),
        currency=_.currency.min(),
        source=_.source.min(),
    )
    standing = statements.filter(statements.net > 0)
    unstated = ibis.ifelse(standing.amount_minor.isnull(), 1, 0)
    orders = (
        standing.mutate(unstated=unstated)
        .group_by(*_KEY)
        .aggregate(
            order_ref=_.order_ref.min(),
            at=_["at"].min(),
            buyer_id=_.buyer_id.max(),
            lines=_.count(),
            quantity=_.quantity.sum(),
            paid_minor=ibis.greatest(_.amount_minor.coalesce(0), 0).sum(),
            amount_minor=_.amount_minor.sum(),
            unstated=_.unstated.sum(),
            currency=_.currency.min(),
            source=_.source.min(),
        )
    )
    return _as_schema(
        orders.mutate(
            visitor_id=ibis.null("int64"),
            amount_minor=ibis.ifelse(orders.unstated > 0, ibis.null("int64"), orders.amount_minor),
        )
    )


def _from_events(events: ibis.Table) -> ibis.Table:
    told = events.filter(
        (events["type"] == "track") & events["name"].isin(list(KIND_OF_EVENT)) & events.order_id.notnull()
    )
    kind = told["name"].cases(*KIND_OF_EVENT.items(), else_=ibis.null("string"))
    newest_first = ibis.window(
        group_by=["shop_id", "local_day", "order_id", "name"],
        order_by=[ibis.desc("at"), ibis.desc("ord"), ibis.desc("event_id")],
    )
    ranked = told.mutate(kind=kind, nth=ibis.row_number().over(newest_first))
    counts = (ranked.nth == 0) | ~ranked["name"].isin(list(SAID_AGAIN))
    is_sale = ranked.kind == "sale"
    size = ibis.ifelse(ranked.amount_minor < 0, -ranked.amount_minor, ranked.amount_minor)
    signed = ibis.ifelse(is_sale, ranked.amount_minor, -size)
    units = ibis.ifelse(is_sale, ranked.quantity, -ranked.quantity.abs())
    stated = ranked.mutate(
        counted_units=ibis.ifelse(counts, units, ibis.null("decimal(18, 3)")),
        without_units=ibis.ifelse(counts & ranked.quantity.isnull(), 1, 0),
        counted=ibis.ifelse(counts, signed, ibis.null("int64")),
        unstated=ibis.ifelse(counts & ranked.amount_minor.isnull(), 1, 0),
        last_buyer=ibis.ifelse(ranked.nth == 0, ranked.person_id, ibis.null("int64")),
        last_visitor=ibis.ifelse(ranked.nth == 0, ranked.visitor_id, ibis.null("int64")),
        last_currency=ibis.ifelse(ranked.nth == 0, ranked.currency, ibis.null("string")),
        last_source=ibis.ifelse(ranked.nth == 0, ranked.source, ibis.null("string")),
    )
    orders = stated.group_by(*_KEY).aggregate(
        order_ref=_.order_ref.min(),
        at=_["at"].min(),
        # Who said it last; when that statement names no person, one that an earlier statement named.
        buyer_id=_.last_buyer.max().coalesce(_.person_id.max()),
        visitor_id=_.last_visitor.max(),
        paid_minor=ibis.greatest(_.counted.coalesce(0), 0).sum(),
        amount_minor=_.counted.sum(),
        unstated=_.unstated.sum(),
        quantity=_.counted_units.sum(),
        without_units=_.without_units.sum(),
        currency=_.last_currency.max().coalesce(_.currency.max()),
        source=_.last_source.max(),
    )
    return _as_schema(
        orders.mutate(
            lines=ibis.literal(0, "int64"),
            quantity=ibis.ifelse(
                orders.without_units > 0, ibis.null("decimal(18, 3)"), orders.quantity.cast("decimal(18, 3)")
            ),
            amount_minor=ibis.ifelse(orders.unstated > 0, ibis.null("int64"), orders.amount_minor),
        )
    )


def _as_schema(table: ibis.Table) -> ibis.Table:
    return table.select(
        **{f.name: table[f.name].cast(ibis.DataType.from_pyarrow(f.type)) for f in schemas.ORDER_FACTS}
    )


DERIVATION = derivations.Derivation(
    kind="order_facts",
    inputs=("order_lines", "events"),
    keys={"order_lines": "order_id", "events": "order_id"},
    expression=order_facts,
    variant=lambda context: (),  # the same for every shop and period
)
