"""Questions about items as portable expressions, over the kinds of derived.py."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import ibis

from shuke.traffic.items import resolving
from shuke.traffic.items.resolving import UNITS

_SUMS = (
    "views",
    "exits",
    "stay_seconds",
    "measured_views",
    "orders",
    "file_orders",
    "amount_minor",
    "without_amount",
    "units",
)
_DEEDS = ("favourites", "carts", "checkouts")
MEASURES = (
    *_SUMS,
    "visitors",
    "favourite_visitors",
    "cart_visitors",
    "checkout_visitors",
    "came",
    "reached_cart",
    "reached_checkout",
    "bought",
    "buyers",
)


def by_item(rows: ibis.Table, *, is_whole: bool = True) -> ibis.Table:
    """From ITEM_VISITORS of any days to MEASURES, a row per `part` and item: `item`, its `paid` and its `free` visitors; and
    one row `total` of all items, without orders, since one order may hold several items."""
    seen = rows.group_by(["product_ref", "visitor_id", "is_paid"]).aggregate(
        **{name: rows[name].sum() for name in (*_SUMS, *_DEEDS)}
    )
    parts = [
        _counted(_per_visitor(seen, ["product_ref"]), "item", ["product_ref"]),
        _buyers(rows, "item", ["product_ref"]),
    ]
    for part, is_paid in (("paid", True), ("free", False)):
        parts.append(_counted(seen.filter(seen.is_paid == is_paid), part, ["product_ref"]))
    if is_whole:
        parts += [_counted(_per_visitor(seen, []), "total", []), _buyers(rows, "total", [])]
    return _united(parts)


def sums(days: ibis.Table) -> ibis.Table:
    """What adds up of `by_item`, from ITEM_SUMS of any days: a row per `part` (item, paid, free, total) and item."""
    parts = [(days, "item"), (days.filter(days.is_paid), "paid"), (days.filter(~days.is_paid), "free")]
    added = [
        rows.group_by("product_ref")
        .aggregate(**{name: rows[name].sum() for name in _SUMS})
        .mutate(part=_text(part))
        for rows, part in parts
    ]
    whole = days.aggregate(**{name: days[name].sum() for name in _SUMS}).mutate(part=_text("total"))
    columns = {"part": "string", "product_ref": "string"}
    return _padded([*added, whole], columns | {name: UNITS if name == "units" else "int64" for name in _SUMS})


def buyers(rows: ibis.Table) -> ibis.Table:
    """The buyers of `by_item` from ITEM_VISITORS: of each item, and of all (`total`)."""
    parts = [_buyers(rows, "item", ["product_ref"]), _buyers(rows, "total", [])]
    return _padded(parts, {"part": "string", "product_ref": "string", "buyers": "int64"})


def by_source(rows: ibis.Table) -> ibis.Table:
    """From ITEM_VISITORS of one item to MEASURES by `channel` and `is_paid`, and buyers of each."""
    by = ["channel", "is_paid"]
    added = rows.group_by(by).aggregate(**{name: rows[name].sum() for name in _SUMS})
    # Of a visitor it is asked only whether he did anything: what adds up needs no row for each of them.
    did = {name: rows[name].max() for name in ("views", "orders", *_DEEDS)}
    seen = rows.group_by([*by, "visitor_id"]).aggregate(**did)
    parts = [added.mutate(part=_text("source")), _counted(seen, "source", by, sums=())]
    return _united([*parts, _buyers(rows, "source", by)], by)


def by_day(days: ibis.Table) -> ibis.Table:
    """ITEM_DAYS of one item, by day."""
    return days.select(
        "local_day",
        *(name for name in _SUMS),
        "visitors",
        "favourite_visitors",
        "cart_visitors",
        "checkout_visitors",
        "buyers",
    )


def pages(deeds: ibis.Table) -> ibis.Table:
    """On which pages items were seen, from ITEM_DEEDS: product_ref, page_path, views. A page that no event names an item of
    is left out."""
    seen = deeds.filter((deeds.deed == "view") & deeds.product_ref.notnull() & deeds.page_path.notnull())
    return seen.group_by(["product_ref", "page_path"]).aggregate(views=seen.count())


def titles(days: ibis.Table) -> ibis.Table:
    """The title of each item on the last day that says one, from ITEM_DAYS."""
    told = days.filter(days.title.notnull())
    return told.group_by("product_ref").aggregate(title=told.title.argmax(told.local_day))


def hot(deeds: ibis.Table, lines: ibis.Table, window: ibis.Table, currency: str) -> ibis.Table:
    """From ITEM_DEEDS and ITEM_LINES of whole days to the counts of each item in the half-open `window` (one row: start, end
    as naive UTC)."""
    known = resolving.named(deeds)
    sold = _within(resolving.sales(known, lines, currency), window)
    done = _within(known.filter(known.deed.isin(["view", "cart"])), window)
    per_visitor = done.group_by(["product_ref", "visitor_id"]).aggregate(
        views=_if(done.deed == "view").sum(), carts=_if(done.deed == "cart").sum()
    )
    acted = per_visitor.group_by("product_ref").aggregate(
        views=per_visitor.views.sum(),
        visitors=_if(per_visitor.views > 0).sum(),
        carts=_if(per_visitor.carts > 0).sum(),
    )
    bought = sold.group_by("product_ref").aggregate(
        units=sold.units.sum(), amount_minor=sold.amount_minor.sum()
    )
    who = sold.filter(sold.buyer_id.notnull()).select("product_ref", "buyer_id").distinct()
    buyers = who.group_by("product_ref").aggregate(buyers=who.count())
    columns = {"product_ref": "string", "views": "int64", "visitors": "int64", "carts": "int64"}
    columns |= {"buyers": "int64", "units": UNITS, "amount_minor": "int64"}
    both = _padded([acted, bought, buyers], columns)
    return both.group_by("product_ref").aggregate(
        **{
            name: both[name].sum().coalesce(0).cast(columns[name])
            for name in columns
            if name != "product_ref"
        }
    )


# What stands behind a number of one item: `one` is a row that names it (`wanted`).


def orders_behind(
    deeds: ibis.Table, lines: ibis.Table, facts: ibis.Table, one: ibis.Table, currency: str
) -> ibis.Table:
    """The sales of one item, a row per order and day, from ITEM_DEEDS and ITEM_LINES of whole days; how its shop calls the
    order from ORDER_FACTS.

    A line of an order that names no product is no deed, so that no page must name it."""
    sold = resolving.sales(deeds, lines, currency)
    own = sold.join(one, sold.product_ref == one.wanted).select(*sold.columns)
    of_own = facts.semi_join(own.select("order_id").distinct(), "order_id")
    called = of_own.group_by("order_id").aggregate(order_ref=of_own.order_ref.max())
    return own.left_join(called, "order_id").select(
        "order_id",
        "order_ref",
        "at",
        "visitor_id",
        "buyer_id",
        "channel",
        "is_paid",
        "amount_minor",
        quantity=own.units,
        is_file=own.is_file == 1,
    )


def days_sold(rows: ibis.Table, one: ibis.Table) -> ibis.Table:
    """The days on which one item was sold, from ITEM_VISITORS."""
    own = rows.join(one, rows.product_ref == one.wanted)
    return own.filter(own.orders > 0).select("local_day").distinct()


def visitors_behind(rows: ibis.Table, one: ibis.Table) -> ibis.Table:
    """Who viewed one item, from ITEM_VISITORS: what each of them did with it."""
    own = rows.join(one, rows.product_ref == one.wanted).select(*rows.columns)
    own = own.filter(own.visitor_id.notnull())
    names = ("views", "favourites", "carts", "checkouts", "orders", "amount_minor")
    seen = own.group_by("visitor_id").aggregate(
        first_day=own.local_day.min(),
        last_day=own.local_day.max(),
        **{name: own[name].sum() for name in names},
    )
    return seen.filter(seen.views > 0)


def buyers_behind(rows: ibis.Table, one: ibis.Table) -> ibis.Table:
    """Who bought one item, from ITEM_VISITORS."""
    own = rows.join(one, rows.product_ref == one.wanted).select(*rows.columns)
    own = own.filter(own.buyer_id.notnull())
    return own.group_by("buyer_id").aggregate(
        first_day=own.local_day.min(),
        last_day=own.local_day.max(),
        orders=own.orders.sum(),
        quantity=own.units.sum(),
        amount_minor=own.amount_minor.sum(),
    )


def _within(table: ibis.Table, window: ibis.Table) -> ibis.Table:
    joined = table.cross_join(window)
    return joined.filter((joined["at"] >= joined.start) & (joined["at"] < joined.end)).select(*table.columns)


def _per_visitor(seen: ibis.Table, by: list[str]) -> ibis.Table:
    return seen.group_by([*by, "visitor_id"]).aggregate(
        **{name: seen[name].sum() for name in (*_SUMS, *_DEEDS)}
    )


def _counted(people: ibis.Table, part: str, by: list[str], sums: Sequence[str] = _SUMS) -> ibis.Table:
    """MEASURES of rows that are one visitor each (and one group); null stands for all whom no visit saw."""
    is_seen = people.visitor_id.notnull()
    has_bought = people.orders > 0
    has_checked_out = (people.checkouts > 0) | has_bought
    has_carted = (people.carts > 0) | has_checked_out
    counts = {
        "visitors": people.views > 0,
        "favourite_visitors": people.favourites > 0,
        "cart_visitors": people.carts > 0,
        "checkout_visitors": people.checkouts > 0,
        "came": (people.views > 0) | has_carted,
        "reached_cart": has_carted,
        "reached_checkout": has_checked_out,
        "bought": has_bought,
    }
    found = {name: people[name].sum() for name in sums}
    found |= {name: _if(is_seen & condition).sum() for name, condition in counts.items()}
    added = people.group_by(by).aggregate(**found) if by else people.aggregate(**found)
    return added.mutate(part=_text(part))


def _buyers(rows: ibis.Table, part: str, by: list[str]) -> ibis.Table:
    who = rows.filter(rows.buyer_id.notnull()).select(*by, "buyer_id").distinct()
    added = who.group_by(by).aggregate(buyers=who.count()) if by else who.aggregate(buyers=who.count())
    return added.mutate(part=_text(part))


def _united(parts: list[ibis.Table], by: list[str] | None = None) -> ibis.Table:
    columns = {"part": "string"}
    columns |= dict.fromkeys(["product_ref"] if by is None else by, "string")
    if "is_paid" in columns:
        columns["is_paid"] = "boolean"
    columns |= {name: UNITS if name == "units" else "int64" for name in MEASURES}
    return _padded(parts, columns)


def _padded(parts: list[ibis.Table], columns: dict[str, str]) -> ibis.Table:
    """Several tables under one another, null where one has no such column."""
    padded = [
        part.select(
            **{
                name: (part[name] if name in part.columns else ibis.null()).cast(dtype)
                for name, dtype in columns.items()
            }
        )
        for part in parts
    ]
    return reduce(lambda a, b: a.union(b, distinct=False), padded)


def _text(word: str) -> ibis.Value:
    return ibis.literal(word, "string")


def _if(condition: ibis.Value) -> ibis.Value:
    return ibis.ifelse(condition, 1, 0).cast("int64")
