"""Questions about the life of customers as portable Ibis: their days of activity, and the state that follows from them."""

from __future__ import annotations

from datetime import date

import ibis
import pyarrow as pa
from ibis import _

from shuke.audience.purchases import with_customer
from shuke.audience.value.decisions import Cutoffs

_EPOCH = date(1970, 1, 1)
_DAY = 86_400

# One row a customer with any activity up to a day.
LIFE = pa.schema(
    [
        ("customer_id", pa.int64()),
        ("state", pa.string()),
        ("first", pa.int64()),  # days since 1970-01-01
        ("last", pa.int64()),
        ("by_visit", pa.int64()),  # 1: he came on the last one; 0: only an order tells of it
        ("days", pa.int64()),
    ]
)


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - _EPOCH).days


def activity(
    orders: ibis.Table, visits: ibis.Table | None = None, links: ibis.Table | None = None
) -> ibis.Table:
    """(customer_id, day, by_visit): each customer's days of activity, once; `day` in days since 1970-01-01.

    `orders`: ORDERS; what was bought counts also where it came back. `visits`: those of nobody known count for nobody.
    """
    bought = orders.filter(orders.customer_id.notnull() & (orders.is_gross == 1))
    rows = bought.select("customer_id", "local_day", by_visit=ibis.literal(0, "int64"))
    if visits is not None:
        came = with_customer(visits, links, person="person_id", device="visitor_id")
        came = came.filter(came.customer_id.notnull())
        came = came.select("customer_id", "local_day", by_visit=ibis.literal(1, "int64"))
        rows = rows.union(came, distinct=False)
    days = rows.group_by("customer_id", "local_day").aggregate(by_visit=_.by_visit.max())
    number = (days.local_day.cast("timestamp(6)").epoch_seconds() // _DAY).cast("int64")
    return days.select("customer_id", "by_visit", day=number)


def life_on(acts: ibis.Table, day: date, cut: Cutoffs) -> ibis.Table:
    """LIFE at the end of a day (decisions.state_on): one row for each customer who had been active by then."""
    today = day_number(day)
    known = acts.filter(acts.day <= today)
    before = known.day.lag().over(ibis.window(group_by="customer_id", order_by="day"))
    known = known.mutate(
        back=ibis.ifelse((known.day - before) > cut.silent, known.day, ibis.null("int64")),
        # The last day and what told of it as one number: there is no tie to break.
        told=known.day * 2 + known.by_visit,
    )
    lives = known.group_by("customer_id").aggregate(
        first=_.day.min(), told=_.told.max(), back=_.back.max(), days=_.count().cast("int64")
    )
    lives = lives.mutate(last=(lives.told // 2).cast("int64"), by_visit=(lives.told % 2).cast("int64"))
    state = ibis.cases(
        (lives.last <= today - cut.silent, "silent"),
        (lives.back.notnull() & (lives.back > today - cut.returning), "returning"),
        (lives["first"] > today - cut.new, "new"),
        else_="active",
    )
    return lives.mutate(state=state).select(*LIFE.names)


def flows(then: ibis.Table, now: ibis.Table) -> ibis.Table:
    """(was, is_now, customers) between LIFE of two days, the earlier first; `was` null: not yet a customer."""
    earlier = then.select(of_customer=then.customer_id, was=then.state)
    met = now.left_join(earlier, now.customer_id == earlier.of_customer)
    return met.group_by("was", "state").aggregate(customers=_.count().cast("int64")).rename(is_now="state")
