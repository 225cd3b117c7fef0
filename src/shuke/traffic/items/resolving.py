"""From deeds with items to numbers of items: portable expressions, pure per shop and local day.

Which item. A deed's item is the one that its event names; else the one that all events of the day name on the same item
page (where they name several, as of colours on one page, the page tells none of them); else the page itself, by its path.

Sales. An order that events told has the lines of its last telling by (at, ord, event_id), of those that name products; it
happened when it was told first, in the visit that told it last, and is bought by the person of the last telling that knows
one, else by the visitor. An order of the day that no event told with products has the lines that files state. So an order
that a file and an event tell on one day counts once. Amounts are price x quantity of lines, refunds not deducted (B-204);
amounts in another currency than the shop's are not added.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from operator import add

import ibis
from ibis import _

from shuke.traffic.sessions import as_schema

_DAY = ["shop_id", "local_day"]
_ORDER = [*_DAY, "order_id"]
_NULL_TEXT = "string"
UNITS = "decimal(18, 3)"
_IDENTITY = ("product_ref", "visitor_id", "buyer_id", "channel", "is_paid")
_COUNTS = ("views", "exits", "stay_seconds", "measured_views", "favourites", "carts", "checkouts")
_SOLD = ("orders", "file_orders", "amount_minor", "without_amount")


def named(deeds: ibis.Table) -> ibis.Table:
    """Deeds of whole days, each with the item that it was about in `product_ref`."""
    told = deeds.filter((deeds.deed == "view") & deeds.product_ref.notnull() & deeds.page_path.notnull())
    pages = told.group_by([*_DAY, "page_path"]).aggregate(
        first_ref=told.product_ref.min(), last_ref=told.product_ref.max()
    )
    pages = pages.filter(pages.first_ref == pages.last_ref)
    known = deeds.filter(deeds.product_ref.notnull()).mutate(item_ref=_.product_ref)
    unknown = deeds.filter(deeds.product_ref.isnull())
    joined = unknown.left_join(pages, [*_DAY, "page_path"]).select(unknown, "first_ref")
    asked = joined.mutate(item_ref=joined.first_ref.coalesce(joined.page_path)).drop("first_ref")
    both = known.union(asked.select(*known.columns), distinct=False)
    return both.mutate(product_ref=both.item_ref).drop("item_ref")


def sales(deeds: ibis.Table, lines: ibis.Table, currency: str) -> ibis.Table:
    """One row per order, day and item sold, from deeds and `item_lines` of whole days: at, visitor_id, buyer_id, channel,
    is_paid, title, units, amount_minor, without_amount, is_file (1: a file told it)."""
    told = _told(deeds.filter(deeds.deed == "order"), currency)
    files = lines.anti_join(told, _ORDER)
    is_own = (files.currency == currency) | files.currency.isnull()
    stated = files.mutate(
        own_amount=ibis.ifelse(is_own, files.amount_minor.coalesce(0), 0),
        without=ibis.ifelse(is_own, files.without_amount, files.without_amount + 1),
    )
    from_files = stated.group_by([*_ORDER, "product_ref"]).aggregate(
        at=stated["at"].min(),
        buyer_id=stated.buyer_id.max(),
        title=stated.title.max(),
        units=stated.quantity.sum(),
        amount_minor=stated.own_amount.sum(),
        without_amount=stated.without.sum(),
    )
    from_files = from_files.mutate(
        visitor_id=ibis.null("int64"),
        channel=ibis.null(_NULL_TEXT),
        is_paid=ibis.null("boolean"),
        is_file=ibis.literal(1, "int64"),
    )
    return _as_sales(told).union(_as_sales(from_files), distinct=False)


_SALES = {
    "shop_id": "int64",
    "local_day": "date",
    "order_id": "int64",
    "product_ref": "string",
    "at": "timestamp(6)",
    "visitor_id": "int64",
    "buyer_id": "int64",
    "channel": "string",
    "is_paid": "boolean",
    "title": "string",
    "units": UNITS,
    "amount_minor": "int64",
    "without_amount": "int64",
    "is_file": "int64",
}


def _as_sales(table: ibis.Table) -> ibis.Table:
    return table.select(**{name: table[name].cast(dtype) for name, dtype in _SALES.items()})


def _told(orders: ibis.Table, currency: str) -> ibis.Table:
    """The sales of orders that events told."""
    newest = [ibis.desc("at"), ibis.desc("ord"), ibis.desc("event_id"), "line"]
    orders = orders.mutate(
        is_seen=ibis.ifelse(orders.visit_id.notnull(), 1, 0),
        is_known=ibis.ifelse(orders.person_id.notnull(), 1, 0),
    )
    ranked = orders.mutate(
        nth=ibis.row_number().over(group_by=_ORDER, order_by=newest),
        nth_seen=ibis.row_number().over(group_by=_ORDER, order_by=[ibis.desc("is_seen"), *newest]),
        nth_known=ibis.row_number().over(group_by=_ORDER, order_by=[ibis.desc("is_known"), *newest]),
    )
    is_last, is_seen = ranked.nth == 0, (ranked.nth_seen == 0) & (ranked.is_seen == 1)
    whole = ranked.group_by(_ORDER).aggregate(
        at=ranked["at"].min(),
        last_id=ibis.ifelse(is_last, ranked.event_id, None).max(),
        visitor_id=ibis.ifelse(is_seen, ranked.visitor_id, None).max(),
        channel=ibis.ifelse(is_seen, ranked.channel, None).max(),
        paid=ibis.ifelse(is_seen, ibis.ifelse(ranked.is_paid, 1, 0), None).max(),
        person_id=ibis.ifelse(ranked.nth_known == 0, ranked.person_id, None).max(),
        any_visitor=ibis.ifelse(is_last, ranked.visitor_id, None).max(),
    )
    is_own = (orders.currency == currency) | orders.currency.isnull()
    counted = orders.mutate(
        own_amount=ibis.ifelse(is_own, orders.amount_minor.coalesce(0), 0),
        without=ibis.ifelse(is_own & orders.amount_minor.notnull(), 0, 1),
    )
    by_item = counted.group_by([*_ORDER, "event_id", "product_ref"]).aggregate(
        title=counted.title.max(),
        units=counted.quantity.coalesce(0).sum(),
        amount_minor=counted.own_amount.sum(),
        without_amount=counted.without.sum(),
    )
    joined = by_item.join(whole.mutate(event_id=whole.last_id), [*_ORDER, "event_id"])
    return joined.mutate(
        is_paid=joined.paid == 1,
        buyer_id=joined.person_id.coalesce(joined.visitor_id, joined.any_visitor),
        is_file=ibis.literal(0, "int64"),
    )


def visitors(deeds: ibis.Table, sold: ibis.Table) -> ibis.Table:
    """The columns of schemas.ITEM_VISITORS from `named` deeds and `sales`."""
    seen = deeds.filter(deeds.deed != "order")
    of_deeds = seen.select(
        *_DAY,
        "product_ref",
        "visitor_id",
        "channel",
        "is_paid",
        buyer_id=ibis.null("int64"),
        **{
            name: _if(seen.deed == deed)
            for name, deed in (
                ("views", "view"),
                ("favourites", "favourite"),
                ("carts", "cart"),
                ("checkouts", "checkout"),
            )
        },
        exits=seen.is_exit,
        stay_seconds=seen.stay_seconds.coalesce(0),
        measured_views=_if(seen.stay_seconds.notnull()),
        units=ibis.literal(0).cast(UNITS),
        **{name: ibis.literal(0, "int64") for name in _SOLD},
    )
    of_sales = sold.select(
        *_DAY,
        *_IDENTITY,
        "units",
        "amount_minor",
        "without_amount",
        orders=ibis.literal(1, "int64"),
        file_orders=sold.is_file,
        **{name: ibis.literal(0, "int64") for name in _COUNTS},
    )
    names = [*_DAY, *_IDENTITY, *_COUNTS, *_SOLD, "units"]
    types = {"shop_id": "int64", "local_day": "date", "product_ref": "string", "channel": "string"}
    types |= {"is_paid": "boolean", "units": UNITS}

    def typed(table: ibis.Table) -> ibis.Table:
        return table.select(**{name: table[name].cast(types.get(name, "int64")) for name in names})

    both = typed(of_deeds).union(typed(of_sales), distinct=False)
    added = both.group_by([*_DAY, *_IDENTITY]).aggregate(
        **{name: both[name].sum() for name in (*_COUNTS, *_SOLD, "units")}
    )
    return as_schema(added, "item_visitors")


def days(rows: ibis.Table, deeds: ibis.Table, sold: ibis.Table) -> ibis.Table:
    """The columns of schemas.ITEM_DAYS from ITEM_VISITORS of whole days; the titles from deeds and sales of the same."""
    by = [*_DAY, "product_ref"]
    sums = {name: rows[name].sum() for name in (*_COUNTS, *_SOLD, "units") if name != "checkouts"}
    per_visitor = (
        rows.filter(rows.visitor_id.notnull())
        .group_by([*by, "visitor_id"])
        .aggregate(**{name: rows[name].sum() for name in ("views", "favourites", "carts", "checkouts")})
    )
    visitors = per_visitor.group_by(by).aggregate(
        visitors=_if(per_visitor.views > 0).sum(),
        favourite_visitors=_if(per_visitor.favourites > 0).sum(),
        cart_visitors=_if(per_visitor.carts > 0).sum(),
        checkout_visitors=_if(per_visitor.checkouts > 0).sum(),
    )
    bought = rows.filter(rows.buyer_id.notnull()).select(*by, "buyer_id").distinct()
    buyers = bought.group_by(by).aggregate(buyers=bought.count())
    titles = _titles(deeds, sold)
    whole = rows.group_by(by).aggregate(**sums)
    joined = whole.left_join(visitors, by).select(
        whole, "visitors", "favourite_visitors", "cart_visitors", "checkout_visitors"
    )
    joined = joined.left_join(buyers, by).select(joined, "buyers")
    joined = joined.left_join(titles, by).select(joined, "title")
    filled = joined.mutate(
        **{
            name: joined[name].coalesce(0)
            for name in ("visitors", "favourite_visitors", "cart_visitors", "checkout_visitors", "buyers")
        }
    )
    return as_schema(filled, "item_days")


# What a row of schemas.ITEM_PEOPLE tells, a bit each; in a plane of its own whether the visit was paid for, not, or nobody
# knows.
DEED_BITS = {"views": 1, "favourites": 2, "carts": 4, "checkouts": 8, "orders": 16}
NOT_PAID, NOT_KNOWN = 32, 1024


def people(rows: ibis.Table) -> ibis.Table:
    """The columns of schemas.ITEM_PEOPLE from ITEM_VISITORS: without sales that no visit told."""
    seen = rows.filter(rows.visitor_id.notnull())
    plane = ibis.ifelse(seen.is_paid.isnull(), NOT_KNOWN, ibis.ifelse(seen.is_paid, 1, NOT_PAID))
    bits = [ibis.ifelse(seen[name] > 0, bit, 0) for name, bit in DEED_BITS.items()]
    return as_schema(seen.mutate(told=reduce(add, bits) * plane), "item_people")


def sums(rows: ibis.Table) -> ibis.Table:
    """The columns of schemas.ITEM_SUMS from ITEM_VISITORS of whole days."""
    names = [name for name in (*_COUNTS, *_SOLD, "units") if name not in ("favourites", "carts", "checkouts")]
    added = rows.group_by([*_DAY, "product_ref", "is_paid"]).aggregate(
        **{name: rows[name].sum() for name in names}
    )
    return as_schema(added, "item_sums")


def _titles(deeds: ibis.Table, sold: ibis.Table) -> ibis.Table:
    """One title per day and item: the last by the alphabet of what the day says, so that every engine takes the same."""
    by = [*_DAY, "product_ref"]
    both = deeds.select(*by, "title").union(sold.select(*by, "title"), distinct=False)
    return both.filter(both.title.notnull()).group_by(by).aggregate(title=_.title.max())


def lines(order_lines: ibis.Table) -> ibis.Table:
    """The columns of schemas.ITEM_LINES from order lines of whole days: sales that stand, by item.

    A statement (row_id, content_id) counts once while its signs add up above 0, as in commerce. A line that names no
    product is named by its title; one without either is no item's.
    """
    sale = order_lines.filter(order_lines.kind == "sale")
    statements = sale.group_by([*_DAY, "row_id", "content_id"]).aggregate(
        net=_.sign.cast("int64").sum(),
        order_id=_.order_id.min(),
        product_ref=_.product_ref.min(),
        at=_["at"].min(),
        buyer_id=_.buyer_id.min(),
        title=_.title.min(),
        quantity=_.quantity.min(),
        amount_minor=_.amount_minor.min(),
        currency=_.currency.min(),
    )
    standing = statements.filter((statements.net > 0) & statements.order_id.notnull())
    standing = standing.mutate(
        product_ref=standing.product_ref.nullif("").coalesce(standing.title.nullif("")),
        unstated=_if(standing.amount_minor.isnull()),
    )
    standing = standing.filter(standing.product_ref.notnull())
    added = standing.group_by([*_ORDER, "product_ref", "currency"]).aggregate(
        at=standing["at"].min(),
        buyer_id=standing.buyer_id.max(),
        title=standing.title.max(),
        quantity=standing.quantity.coalesce(0).sum(),
        amount_minor=standing.amount_minor.sum(),
        without_amount=standing.unstated.sum(),
    )
    return as_schema(added, "item_lines")


def tables(inputs: Mapping[str, ibis.Table], currency: str) -> tuple[ibis.Table, ibis.Table]:
    """Named deeds and sales from `item_deeds` and `item_lines`."""
    known = named(inputs["item_deeds"])
    return known, sales(known, inputs["item_lines"], currency)


def _if(condition: ibis.Value) -> ibis.Value:
    return ibis.ifelse(condition, 1, 0).cast("int64")
