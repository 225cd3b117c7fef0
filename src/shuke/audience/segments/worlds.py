"""What conditions on customers are asked of: the customers, and their dated facts as tables, from one snapshot of a shop.

Facts are joined to their customer through the map of identities (docs/decisions/0006): whom they name, else the customer whose
device it is; a device that is nobody's makes no customer. Only the series that a condition looks at are built.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import ibis
import pyarrow as pa
from ibis import _

from shuke.audience.purchases import Purchases, with_customer
from shuke.audience.segments.fields import COMPUTED
from shuke.audience.value import reads as value
from shuke.conditions.reads import Member, Node, Tally, Then, World, field_names, iter_nodes
from shuke.traffic.items.reads import sales_of

KEY = "customer_id"
_FACT = (KEY, "at", "local_day", "fact_id")


def world(asked: Purchases, nodes: Sequence[Node]) -> World:
    """The world of the customers whom a shop knew before the moment, with what these conditions look at; no groups yet."""
    names = dict.fromkeys(name for node in nodes for name in series_asked(node))
    computed = COMPUTED & {name for node in nodes for name in field_names(node)}
    known = subjects(asked)
    for name in sorted(computed):
        known = _COMPUTE[name](asked, known)
    return World(known, KEY, {name: SERIES[name](asked) for name in names})


def series_asked(node: Node) -> tuple[str, ...]:
    """The series that a condition looks at, in the order in which they stand."""
    found: dict[str, None] = {}
    for one in iter_nodes(node):
        if isinstance(one, Tally):
            found[one.series] = None
        elif isinstance(one, Then):
            found |= {one.first.series: None, one.then.series: None}
    return tuple(found)


def groups_asked(node: Node) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.group for one in iter_nodes(node) if isinstance(one, Member)))


def subjects(asked: Purchases) -> ibis.Table:
    """One row a customer: customer_id and the fields of `fields.CUSTOMER`."""
    visits = _known_visits(asked)
    by_identity = visits.group_by("person_id", "visitor_id").aggregate(
        first_seen_on=_.local_day.min(), last_seen_on=_.local_day.max(), visits_ever=_.count().cast("int64")
    )
    seen = _of_customers(asked, by_identity)
    orders = asked.orders.filter(asked.orders.customer_id.notnull())
    zero = ibis.literal(0, "int64")
    names = ("visits_ever", "orders_ever", "net_amount", "paid_amount")
    parts = [
        seen.mutate(orders_ever=zero, net_amount=zero, paid_amount=zero),
        orders.mutate(
            first_seen_on=orders.local_day,
            last_seen_on=orders.local_day,
            visits_ever=zero,
            orders_ever=orders.is_netted,
            net_amount=orders.net_minor,
            paid_amount=ibis.ifelse(orders.is_gross == 1, orders.gross_minor, zero),
        ),
    ]
    columns = [KEY, "first_seen_on", "last_seen_on", *names]
    both = parts[0].select(*columns).union(parts[1].select(*columns), distinct=False)
    return both.group_by(KEY).aggregate(
        first_seen_on=_.first_seen_on.min(),
        last_seen_on=_.last_seen_on.max(),
        **{name: both[name].sum().cast("int64") for name in names},
    )


def _with_lifecycle(asked: Purchases, known: ibis.Table) -> ibis.Table:
    """`lifecycle`; null: nothing that counts as activity is known."""
    states = value.lifecycle_of(asked).rename(of_customer="customer_id")
    met = known.left_join(states, known[KEY] == states.of_customer)
    return met.mutate(lifecycle=met.state).select(*known.columns, "lifecycle")


def _with_super_users(asked: Purchases, known: ibis.Table) -> ibis.Table:
    ids = pa.table({"of_customer": pa.array(value.super_users_of(asked), pa.int64())})
    held = asked.snapshot.holding("super_users", ids)
    met = known.left_join(held, known[KEY] == held.of_customer)
    return met.mutate(is_super_user=met.of_customer.notnull()).select(*known.columns, "is_super_user")


_COMPUTE: dict[str, Callable[[Purchases, ibis.Table], ibis.Table]] = {
    "lifecycle": _with_lifecycle,
    "is_super_user": _with_super_users,
}


def _orders(asked: Purchases) -> ibis.Table:
    return _order_facts(asked, "is_netted")


def _paid_orders(asked: Purchases) -> ibis.Table:
    return _order_facts(asked, "is_gross")


def _order_facts(asked: Purchases, counts: str) -> ibis.Table:
    """Orders of one version (audience/purchases.py), a row each."""
    rows = asked.orders.filter(asked.orders.customer_id.notnull())
    rows = rows.filter(rows[counts] == 1)
    return rows.mutate(fact_id=rows.order_id, order_net=rows.net_minor, order_paid=rows.gross_minor).select(
        *_FACT, "order_net", "order_paid"
    )


def _items(asked: Purchases) -> ibis.Table:
    """Items of orders that stand, a row per order, day and item."""
    sold = sales_of(asked.before, asked.shop.currency)
    orders = asked.orders.filter(asked.orders.customer_id.notnull() & (asked.orders.is_netted == 1))
    of = orders.select(of_order=orders.order_id, of_customer=orders.customer_id)
    rows = sold.join(of, sold.order_id == of.of_order)
    told = rows.mutate(
        customer_id=rows.of_customer,
        item_ref=rows.product_ref,
        item_title=rows.title,
        item_units=rows.units,
        item_amount=rows.amount_minor,
    )
    # One order may hold several items: a name of its own for each, the same at every asking.
    return told.mutate(
        fact_id=told.order_id.cast("string") + "/" + told.local_day.cast("string") + "/" + told.item_ref
    ).select(*_FACT, "item_ref", "item_title", "item_units", "item_amount")


def _visits(asked: Purchases) -> ibis.Table:
    visits = _of_customers(asked, _known_visits(asked))
    return visits.mutate(at=visits.started_at, fact_id=visits.visit_id, is_one_page=visits.views == 1).select(
        *_FACT, "channel", "is_paid", "source", "medium", "campaign",
        "entry_path", "entry_type", "terminal", "is_one_page",
    )  # fmt: skip


def _known_visits(asked: Purchases) -> ibis.Table:
    visits = asked.before.derived("visits")
    return visits.filter(visits.started_at <= _naive(asked.at))


def _deeds(asked: Purchases) -> ibis.Table:
    """What was done in the shop by name; a view of a page is called `page`, of an app's screen `screen`."""
    events = asked.before.raw("events")
    events = events.filter(events["type"].isin(["track", "page", "screen"]))
    told = _of_customers(asked, events)
    return told.mutate(
        fact_id=told.event_id,
        deed_name=ibis.ifelse(told["type"] == "track", told["name"], told["type"]),
        deed_item=told.product_ref,
        deed_page=told.page_path,
        deed_page_type=told.page_type,
    ).select(*_FACT, "deed_name", "deed_item", "deed_page", "deed_page_type")


def _of_customers(asked: Purchases, rows: ibis.Table) -> ibis.Table:
    """Rows with person_id and visitor_id, of whom it is known whose they are."""
    named = with_customer(rows, asked.links, person="person_id", device="visitor_id")
    return named.filter(named.customer_id.notnull())


def _naive(at: datetime) -> ibis.Value:
    value: Any = ibis.literal(at.astimezone(UTC).replace(tzinfo=None), type="timestamp(6)")
    return value


SERIES: dict[str, Callable[[Purchases], ibis.Table]] = {
    "orders": _orders,
    "paid_orders": _paid_orders,
    "items": _items,
    "visits": _visits,
    "deeds": _deeds,
}
