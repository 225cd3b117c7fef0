"""What the models want of a shop's customers, asked of their purchases: portable expressions, then arrays.

An order day is a day on which a customer made at least one order of which something remained with the shop (netted): several
orders of a day count once, as the models' papers count them. The first day of a customer is the beginning of his life and no
repetition; value is learnt from the days after it, where something above 0 remained.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import ibis
import numpy as np
import pyarrow as pa
from ibis import _

from shuke.audience.forecast.horizon import People
from shuke.kernel.periods import ONE_DAY

# One row a customer with an order.
CUSTOMERS = pa.schema(
    [
        ("customer_id", pa.int64()),
        ("days", pa.int64()),  # with an order
        ("first_day", pa.date32()),
        ("last_day", pa.date32()),
        ("valued_days", pa.int64()),  # after the first one, with something above 0
        ("valued_minor", pa.int64()),  # what remained of them
    ]
)


def customer_days(orders: ibis.Table, last: date) -> ibis.Table:
    """(customer_id, local_day, net_minor) from purchases' ORDERS: the order days of known customers up to `last`."""
    rows = orders.filter(
        orders.customer_id.notnull(), orders.is_netted == 1, orders.local_day <= ibis.date(last)
    )
    return rows.group_by("customer_id", "local_day").aggregate(net_minor=_.net_minor.sum().cast("int64"))


def customer_rows(orders: ibis.Table, last: date) -> ibis.Table:
    """CUSTOMERS as they were known at the end of the day `last`."""
    days = customer_days(orders, last)
    zero = ibis.literal(0, "int64")
    days = days.mutate(
        above=ibis.ifelse(days.net_minor > 0, days.net_minor, zero),
        is_above=ibis.ifelse(days.net_minor > 0, 1, 0).cast("int64"),
    )
    found = days.group_by("customer_id").aggregate(
        days=_.count().cast("int64"),
        first_day=_.local_day.min(),
        last_day=_.local_day.max(),
        above=_.above.sum(),
        is_above=_.is_above.sum(),
        # One row a day, so that the first day's is one row.
        first_above=_.above.argmin(_.local_day),
        first_is_above=_.is_above.argmin(_.local_day),
    )
    return found.mutate(
        valued_days=(found.is_above - found.first_is_above).cast("int64"),
        valued_minor=(found.above - found.first_above).cast("int64"),
    ).select(*CUSTOMERS.names)


def days_after(orders: ibis.Table, cut: date, last: date) -> ibis.Table:
    """(local_day, customers): on each day after `cut` up to `last`, the customers known at `cut` who ordered on it."""
    days = customer_days(orders, last)
    known = days.group_by("customer_id").aggregate(first_day=_.local_day.min())
    known = known.filter(known.first_day <= ibis.date(cut)).select("customer_id")
    later = days.filter(days.local_day > ibis.date(cut)).semi_join(known, "customer_id")
    return later.group_by("local_day").aggregate(customers=_.count().cast("int64"))


@dataclass(frozen=True)
class Known:
    """Customers as arrays, at the end of the day `last`. `customer_id` and `first`, `latest` (days since 1970) go with them."""

    people: People
    customer_id: np.ndarray
    first: np.ndarray
    latest: np.ndarray
    last: date

    @property
    def order_days(self) -> int:
        return int(self.people.frequency.sum()) + len(self.people)

    @property
    def first_day(self) -> date | None:
        return date(1970, 1, 1) + ONE_DAY * int(self.first.min()) if len(self.first) else None


def known(rows: pa.Table, last: date) -> Known:
    """CUSTOMERS as arrays. Money in minor units, times in days."""
    rows = rows.sort_by(
        "customer_id"
    )  # the same draw for the same customers, whatever order an engine answers in

    def column(name: str) -> np.ndarray:
        found = rows[name]
        if pa.types.is_date(found.type):
            found = found.cast(pa.int32())
        return np.asarray(found.to_numpy(zero_copy_only=False), dtype=np.int64)

    first, latest, days = column("first_day"), column("last_day"), column("days")
    valued = column("valued_days").astype(float)
    end = (last - date(1970, 1, 1)).days
    people = People(
        frequency=(days - 1).astype(float),
        recency=(latest - first).astype(float),
        age=(end - first).astype(float),
        orders=valued,
        value=np.divide(column("valued_minor"), valued, out=np.zeros(len(valued)), where=valued > 0),
    )
    return Known(people, column("customer_id"), first, latest, last)
