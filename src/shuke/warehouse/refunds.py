"""Refunds of a whole order, whose amount nobody stated: what they take back follows from the sale.

A row of `order_facts` of kind cancellation or refund without an amount means the whole order. It nets what remains of
the sale after the amounts that were stated, once per order, however often it was said:

    resolved = -max(0, sales + adjustments + stated cancellations and refunds of the order)

The first of several such rows (by moment, then kind) carries it, the others carry 0. While the order's sale is not among
the facts that may be asked, the amount stays null: unknown, not zero.
"""

from __future__ import annotations

import ibis
from ibis import _

WHOLE = ("cancellation", "refund")


def refunds_resolved(facts: ibis.Table, history: ibis.Table | None = None) -> ibis.Table:
    """The same rows with `amount_minor` of whole-order refunds filled in.

    `history`: order_facts in which the sales are looked for (default: `facts` itself). Give the shop's whole life when
    `facts` are of a period, or a refund of last month's sale stays unknown; and so that of several whole-order rows the
    one outside the period keeps its amount.
    """
    known = facts if history is None else history
    is_whole = known.kind.isin(list(WHOLE)) & known.amount_minor.isnull()
    per_order = (
        known.mutate(
            sold=ibis.ifelse(known.kind == "sale", 1, 0),
            whole=ibis.ifelse(is_whole, 1, 0),
        )
        .group_by("shop_id", "order_id")
        .aggregate(
            remaining=_.amount_minor.sum(),
            sales=_.sold.sum(),
            wholes=_.whole.sum(),
        )
    )
    needed = per_order.filter((per_order.wholes > 0) & (per_order.sales > 0)).select(
        "shop_id", "order_id", remaining=ibis.greatest(per_order.remaining.coalesce(0), 0)
    )
    said = known.filter(is_whole)
    first = said.mutate(
        nth=ibis.row_number().over(group_by=["shop_id", "order_id"], order_by=["local_day", "at", "kind"])
    )
    first = first.filter(first.nth == 0).select(
        "shop_id", "order_id", first_day=first.local_day, first_kind=first.kind
    )
    amounts = needed.join(first, ["shop_id", "order_id"]).select(
        "order_id", "remaining", "first_day", "first_kind", of_shop="shop_id"
    )
    amounts = amounts.rename(of_order="order_id")
    told = facts.left_join(amounts, (facts.shop_id == amounts.of_shop) & (facts.order_id == amounts.of_order))
    is_open = told.kind.isin(list(WHOLE)) & told.amount_minor.isnull() & told.remaining.notnull()
    is_first = (told.local_day == told.first_day) & (told.kind == told.first_kind)
    filled = ibis.ifelse(
        is_open, ibis.ifelse(is_first, -told.remaining, ibis.literal(0, "int64")), told.amount_minor
    )
    return told.mutate(amount_minor=filled).select(*facts.columns)
