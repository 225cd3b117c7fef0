"""Measures: the sums from which every metric is made, and the rows behind them.

A measure is a weight summed over the rows of one entity (a visit, a visitor on a day, a visitor, an order's movement, an
order, a buyer). The same declaration makes the number and the rows that stand behind it, which is why they agree.

Distinct visitors, orders and buyers are rows of a grouped entity: never a distinct count, which engines approximate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import ibis

Weight = Callable[[ibis.Table], ibis.Value]

# The dataset of each entity, and what a person calls its rows.
ENTITIES = {
    "visit": ("visits", "visits"),
    "visitor_day": ("visitor_days", "visitors"),
    "visitor": ("visits", "visitors"),
    "movement": ("order_facts", "orders"),
    "order": ("order_facts", "orders"),
    "buyer": ("order_facts", "buyers"),
    "day": ("visitor_days", "visitors"),
}
ORDER_COLUMNS = (
    "shop_id",
    "order_id",
    "order_ref",
    "local_day",
    "at",
    "kind",
    "buyer_id",
    "quantity",
    "paid_minor",
    "amount_minor",
    "currency",
    "source",
)
VISIT_ENTITIES = frozenset({"visit", "visitor_day", "visitor", "day"})
LOOK_BACK_DAYS = 365  # B-213: the days before the period in which an old buyer had paid


def _if(condition: ibis.Value) -> ibis.Value:
    return ibis.ifelse(condition, 1, 0)


@dataclass(frozen=True)
class Measure:
    """`weight` of a row of `entity`; None: the entity `day`, whose shares are folded in Python (exact fractions)."""

    name: str
    entity: str
    weight: Weight | None

    @property
    def dataset(self) -> str:
        return ENTITIES[self.entity][0]

    @property
    def evidence(self) -> str:
        return ENTITIES[self.entity][1]


MEASURES: dict[str, Measure] = {
    one.name: one
    for one in (
        Measure("visits", "visit", lambda t: _if(t.visit_id.notnull())),
        Measure("views", "visit", lambda t: t.views),
        Measure("viewed_visits", "visit", lambda t: _if(t.views >= 1)),
        Measure("one_view_visits", "visit", lambda t: _if(t.views == 1)),
        Measure("item_views", "visit", lambda t: t.item_views),
        Measure("item_exits", "visit", lambda t: t.item_exits),
        Measure("stay_seconds", "visit", lambda t: t.stay_seconds),
        Measure("measured_visits", "visit", lambda t: _if(t.views >= 2)),
        Measure("carts", "visit", lambda t: t.carts),
        Measure("visitor_days", "visitor_day", lambda t: _if(t.visitor_id.notnull())),
        Measure("one_view_days", "visitor_day", lambda t: _if(t.views == 1)),
        Measure("visitors", "visitor", lambda t: _if(t.visitor_id.notnull())),
        Measure("one_view_visitors", "visitor", lambda t: _if(t.views == 1)),
        Measure("measured_visitors", "visitor", lambda t: _if(t.measured_visits > 0)),
        Measure("cart_visitors", "visitor", lambda t: _if(t.carts > 0)),
        Measure("daily_views_per_visitor", "day", None),
        Measure("days_with_visitors", "day", None),
        Measure("paid_minor", "movement", lambda t: t.paid_minor),
        Measure("net_minor", "movement", lambda t: t.net_minor),
        Measure("refunded_minor", "movement", lambda t: -t.refunded_minor),
        Measure("refunds", "movement", lambda t: _if(t.is_refund)),
        Measure("units", "movement", lambda t: ibis.ifelse(t.kind == "sale", t.quantity.coalesce(0), 0)),
        Measure("sales_with_units", "movement", lambda t: _if((t.kind == "sale") & t.quantity.notnull())),
        Measure("orders", "order", lambda t: _if(t.sales > 0)),
        Measure("cancelled_orders", "order", lambda t: _if(t.cancellations > 0)),
        Measure("buyers", "buyer", lambda t: _if(t.sales > 0)),
        Measure("old_buyers", "buyer", lambda t: _if(t.paid_before > 0)),
    )
}

# What `channel_days` (and, of visits, `source_days`) hold of a measure already added up. Visitors of a day are of that day and group alone.
DAY_SUMS: Mapping[tuple[str, str], str] = {
    **{
        ("visit", name): name
        for name in (
            "visits",
            "views",
            "viewed_visits",
            "one_view_visits",
            "item_views",
            "item_exits",
            "stay_seconds",
            "measured_visits",
            "carts",
            "orders",
        )
    },
    ("visit", "paid_minor"): "revenue_minor",
    ("visitor_day", "visitor_days"): "visitors",
    ("visitor_day", "one_view_days"): "one_view_visitors",
    ("visitor", "visitors"): "visitors",
    ("visitor", "one_view_visitors"): "one_view_visitors",
    ("visitor", "measured_visitors"): "measured_visitors",
    ("visitor", "cart_visitors"): "cart_visitors",
    ("visitor", "buyers"): "buyers",
}


def sums_kind(keys: Sequence[str]) -> str:
    """The kind of sums that tells what is asked by these keys."""
    return "channel_days" if set(keys) <= {"local_day", "channel"} else "source_days"


def day_sum(measure: Measure, keys: Sequence[str]) -> Measure | None:
    """The measure read off the sums of days; None where these do not tell it: visitors of longer than a day, and visitors
    by source."""
    column = DAY_SUMS.get((measure.entity, measure.name))
    if column is None:
        return None
    if sums_kind(keys) == "source_days":
        if measure.entity != "visit":
            return None
    elif measure.entity == "visitor" and "local_day" not in keys:
        return None
    return Measure(measure.name, "day_sum", lambda t: t[column])


# Under a condition on visits, or by source, orders are those that the visits themselves completed.
BY_VISIT: dict[str, Measure] = {
    "orders": Measure("orders", "visit", lambda t: t.orders),
    "paid_minor": Measure("paid_minor", "visit", lambda t: t.revenue_minor),
    "buyers": Measure("buyers", "visitor", lambda t: _if(t.orders > 0)),
}
NOT_BY_VISIT = frozenset(
    name for name, one in MEASURES.items() if one.dataset == "order_facts" and name not in BY_VISIT
)


def measure(name: str, *, is_by_visit: bool) -> Measure | None:
    """The measure to use; None when visits do not tell it."""
    if not is_by_visit:
        return MEASURES[name]
    return None if name in NOT_BY_VISIT else BY_VISIT.get(name, MEASURES[name])


def visitor_days(visits: ibis.Table, keys: Sequence[str] = ()) -> ibis.Table:
    """One row a visitor and day (and group)."""
    by = list(dict.fromkeys([*keys, "visitor_id", "local_day"]))
    return visits.group_by(by).aggregate(
        visits=visits.count(),
        views=visits.views.sum(),
        stay_seconds=visits.stay_seconds.sum(),
        measured_visits=_if(visits.views >= 2).sum(),
        carts=visits.carts.sum(),
        orders=visits.orders.sum(),
        revenue_minor=visits.revenue_minor.sum(),
    )


def visitors_seen(rows: ibis.Table, keys: Sequence[str] = ()) -> ibis.Table:
    """One row a visitor (and group), from visits or visitors' days: only what counting visitors looks at, and whether there
    was any by the largest, which is cheaper for millions than how many there were."""
    measured = rows.measured_visits if "measured_visits" in rows.columns else _if(rows.views >= 2)
    return rows.group_by([*keys, "visitor_id"]).aggregate(
        views=rows.views.sum(),
        measured_visits=measured.max(),
        carts=rows.carts.max(),
        orders=rows.orders.max(),
    )


def visitors(visits: ibis.Table, keys: Sequence[str] = ()) -> ibis.Table:
    """One row a visitor (and group)."""
    return visits.group_by([*keys, "visitor_id"]).aggregate(
        visits=visits.count(),
        views=visits.views.sum(),
        stay_seconds=visits.stay_seconds.sum(),
        measured_visits=_if(visits.views >= 2).sum(),
        carts=visits.carts.sum(),
        orders=visits.orders.sum(),
        revenue_minor=visits.revenue_minor.sum(),
        first_seen=visits.started_at.min(),
    )


def days(visitor_days: ibis.Table, keys: Sequence[str] = ()) -> ibis.Table:
    """Views and visitors of each day (and group)."""
    by = list(dict.fromkeys([*keys, "local_day"]))
    return visitor_days.group_by(by).aggregate(
        views=visitor_days.views.sum(), visitor_days=visitor_days.count()
    )


def movements(order_facts: ibis.Table, currency: str) -> ibis.Table:
    """Order facts as they count: amounts in another currency than the shop's are not added to its own.

    `is_whole_refund`: a cancellation or refund whose amount was not stated (it may be resolved by then).
    """
    is_own = (order_facts.currency == currency) | order_facts.currency.isnull()
    is_refund = order_facts.kind.isin(["cancellation", "refund"])
    net = ibis.ifelse(is_own, order_facts.amount_minor.coalesce(0), 0)
    return order_facts.mutate(
        is_refund=is_refund,
        paid_minor=ibis.ifelse(is_own, order_facts.paid_minor.coalesce(0), 0),
        net_minor=net,
        refunded_minor=ibis.ifelse(is_refund, net, 0),
        is_foreign=_if(~is_own),
        is_unresolved=_if(is_refund & order_facts.amount_minor.isnull()),
    )


def orders(movements: ibis.Table, keys: Sequence[str] = ()) -> ibis.Table:
    """One row an order (and group)."""
    return movements.group_by([*keys, "order_id"]).aggregate(
        order_ref=movements.order_ref.max(),
        first_at=movements["at"].min(),
        buyer_id=movements.buyer_id.max(),
        sales=_if(movements.kind == "sale").sum(),
        cancellations=_if(movements.kind == "cancellation").sum(),
        paid_minor=movements.paid_minor.sum(),
        net_minor=movements.net_minor.sum(),
    )


def buyers(now: ibis.Table, before: ibis.Table, keys: Sequence[str] = ()) -> ibis.Table:
    """One row a known buyer (and group), with what they paid in the period and whether also in the days `before` it.

    By day, "before" is before that day, so the answer of each day is that of a period of one day. Several stretches of
    days at once (`stretch` among the keys) each have a before of their own.
    """
    apart = [key for key in keys if key == "stretch"]
    sales = _known_sales(now)
    paid = sales.group_by([*keys, "buyer_id"]).aggregate(
        sales=sales.count(), paid_minor=sales.paid_minor.sum(), first_at=sales["at"].min()
    )
    earlier = _known_sales(before)
    if "local_day" in keys:
        days = _buying_days(sales, apart).union(_buying_days(earlier, apart), distinct=True)
        in_order = ibis.window(group_by=[*apart, "buyer_id"], order_by="local_day")
        days = days.mutate(
            previous=days.local_day.lag().over(in_order), rank=ibis.row_number().over(in_order)
        )
        is_old = (days.rank > 0) & (days.local_day <= days.previous + ibis.interval(days=LOOK_BACK_DAYS))
        by = [*apart, "buyer_id", "local_day"]
        old = days.filter(is_old).select(*by, paid_before=days.rank)
    else:
        by = [*apart, "buyer_id"]
        old = earlier.group_by(by).aggregate(paid_before=earlier.count())
    joined = paid.left_join(old, by)
    return joined.select(*paid.columns, paid_before=old.paid_before.coalesce(0))


def _buying_days(sales: ibis.Table, apart: Sequence[str]) -> ibis.Table:
    return sales.select(*apart, "buyer_id", "local_day")


def _known_sales(movements: ibis.Table) -> ibis.Table:
    return movements.filter((movements.kind == "sale") & movements.buyer_id.notnull())


def visit_entities(
    tables: Mapping[str, ibis.Table], wanted: Iterable[str], keys: Sequence[str] = ()
) -> dict[str, ibis.Table]:
    """The entities made of `visits`, each with the keys as columns; `visitor_days` are used where they are given."""
    visits = tables["visits"]
    found: dict[str, ibis.Table] = {}
    of_days = tables.get("visitor_days")
    for entity in dict.fromkeys(wanted):
        if entity in ("visitor_day", "day") and of_days is None:
            of_days = visitor_days(visits, keys)
        if entity == "visit":
            found[entity] = visits
        elif entity == "visitor":
            found[entity] = visitors(visits, keys)
        elif entity == "visitor_day":
            found[entity] = of_days
        else:
            found[entity] = days(of_days, keys)
    return found


def order_entities(
    tables: Mapping[str, ibis.Table], wanted: Iterable[str], keys: Sequence[str] = ()
) -> dict[str, ibis.Table]:
    """The entities made of the movements `now` and `before`."""
    made = {
        "movement": lambda: tables["now"],
        "order": lambda: orders(tables["now"], keys),
        "buyer": lambda: buyers(tables["now"], tables["before"], keys),
    }
    return {entity: made[entity]() for entity in dict.fromkeys(wanted)}
