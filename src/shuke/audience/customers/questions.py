"""The facts of customers as portable expressions: added up by identity first, the few linked identities joined after it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import ibis
import pyarrow as pa
from ibis import _

Tables = Mapping[str, ibis.Table]


def members(links: pa.Table) -> pa.Table:
    """Every identity that is joined to another one, its customer beside it: the map, and those that lead (identity_id,
    customer_id). `links`: identities.reads.CUSTOMER_MAP."""
    leaders = pa.table({"identity_id": links["customer_id"], "customer_id": links["customer_id"]})
    together = pa.concat_tables([links, leaders]).group_by("identity_id").aggregate([("customer_id", "min")])
    return together.rename_columns({"customer_id_min": "customer_id"}).select(["identity_id", "customer_id"])


def of_customers(by_identity: ibis.Table, joined: ibis.Table) -> ibis.Table:
    """Rows with `identity_id` and `is_person` with the customer in their place: whom they name, else the one that the device
    is linked to; a device that is linked to nobody is no customer and falls out."""
    of = joined.rename(member_id="identity_id")
    told = by_identity.left_join(of, by_identity.identity_id == of.member_id)
    alone = ibis.ifelse(told.is_person == 1, told.identity_id, ibis.null("int64"))
    named = told.mutate(customer_id=told.customer_id.coalesce(alone)).drop("member_id")
    return named.filter(named.customer_id.notnull())


def _identified(facts: ibis.Table, person: str, visitor: str) -> ibis.Table:
    """The identity through which a fact came: the person whom it names, else the device."""
    known = facts.filter(facts[person].notnull() | facts[visitor].notnull())
    return known.mutate(
        identity_id=known[person].coalesce(known[visitor]),
        is_person=ibis.ifelse(known[person].notnull(), 1, 0).cast("int64"),
    )


def visits_by_customer(tables: Tables) -> ibis.Table:
    """customer_id, visits, first_at, last_at from `visits` and `members`."""
    told = _identified(tables["visits"], "person_id", "visitor_id")
    sums = told.group_by("identity_id", "is_person").aggregate(
        visits=_.count(), first_at=_.started_at.min(), last_at=_.ended_at.max()
    )
    of = of_customers(sums, tables["members"])
    return of.group_by("customer_id").aggregate(
        visits=_.visits.sum().cast("int64"), first_at=_.first_at.min(), last_at=_.last_at.max()
    )


def orders_by_customer(tables: Tables) -> ibis.Table:
    """customer_id, orders (netted), gross_minor, net_minor, first_at, last_at from `orders` (purchases.ORDERS)."""
    orders = tables["orders"]
    known = orders.filter(orders.customer_id.notnull())
    paid = ibis.ifelse(known.is_gross == 1, known.gross_minor, 0)
    return (
        known.mutate(paid=paid)
        .group_by("customer_id")
        .aggregate(
            orders=_.is_netted.sum().cast("int64"),
            gross_minor=_.paid.sum().cast("int64"),
            net_minor=_.net_minor.sum().cast("int64"),
            first_at=_["at"].min(),
            last_at=_["at"].max(),
        )
    )


def customers(tables: Tables) -> ibis.Table:
    """One row a customer: customer_id, first_at, last_at, visits, orders, gross_minor, net_minor."""
    zero = ibis.literal(0, "int64")
    visits = visits_by_customer(tables).mutate(orders=zero, gross_minor=zero, net_minor=zero)
    orders = orders_by_customer(tables).mutate(visits=zero)
    columns = ["customer_id", "first_at", "last_at", "visits", "orders", "gross_minor", "net_minor"]
    both = visits.select(*columns).union(orders.select(*columns), distinct=False)
    sums = {name: both[name].sum().cast("int64") for name in columns[3:]}
    return both.group_by("customer_id").aggregate(first_at=_.first_at.min(), last_at=_.last_at.max(), **sums)


def first_channels(tables: Tables) -> ibis.Table:
    """customer_id, first_channel: of the first visit; of two that began together the one of the lower id."""
    told = _identified(tables["visits"], "person_id", "visitor_id")
    of = of_customers(
        told.select("identity_id", "is_person", "started_at", "visit_id", "channel"), tables["members"]
    )
    first = of.group_by("customer_id").aggregate(began=_.started_at.min()).rename(of_customer="customer_id")
    rows = of.join(first, (of.customer_id == first.of_customer) & (of.started_at == first.began))
    return rows.group_by("customer_id").aggregate(first_channel=rows.channel.argmin(rows.visit_id))


def regions(tables: Tables) -> ibis.Table:
    """customer_id, region: the last that a file stated with an order; of one moment that of the lower row."""
    lines = tables["order_lines"]
    stated = lines.filter(lines.buyer_id.notnull() & lines.region.notnull() & (lines.sign > 0))
    told = stated.select(
        identity_id=stated.buyer_id,
        is_person=ibis.literal(1, "int64"),
        told_at=stated["at"],
        row_id=stated.row_id,
        region=stated.region,
    )
    of = of_customers(told, tables["members"])
    last = of.group_by("customer_id").aggregate(newest=_.told_at.max()).rename(of_customer="customer_id")
    rows = of.join(last, (of.customer_id == last.of_customer) & (of.told_at == last.newest))
    return rows.group_by("customer_id").aggregate(region=rows.region.argmin(rows.row_id))


def orders_of_nobody(tables: Tables) -> ibis.Table:
    """n: orders that were paid and name nobody who is known."""
    orders = tables["orders"]
    unnamed = orders.filter(orders.customer_id.isnull() & (orders.is_gross == 1))
    return unnamed.aggregate(n=unnamed.count())


def terminals(tables: Tables) -> ibis.Table:
    """terminal, visits: what the visits were made with, the most frequent first."""
    visits = tables["visits"]
    known = visits.filter(visits.terminal.notnull())
    counted = known.group_by("terminal").aggregate(visits=_.count())
    return counted.order_by([ibis.desc("visits"), "terminal"])


def mine(facts: ibis.Table, person: str, visitor: str, ids: Collection[int]) -> ibis.Table:
    """The facts that came through these identities."""
    wanted = sorted(ids)
    by_device = facts[person].isnull() & facts[visitor].isin(wanted)
    return facts.filter(facts[person].isin(wanted) | by_device)
