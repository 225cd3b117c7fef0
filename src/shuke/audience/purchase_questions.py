"""Purchases as portable Ibis over `order_facts` and `order_lines`: one row an order, one a customer, and what does not count.

`purchases.py` says what the two versions mean, and asks.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from zoneinfo import ZoneInfo

import ibis
import pyarrow as pa
from ibis import _

from shuke.kernel.periods import ONE_DAY, Period, day_start
from shuke.warehouse.refunds import WHOLE

Version = Literal["gross", "netted"]
VERSIONS: tuple[Version, ...] = ("netted", "gross")

# One row an order (of the shop's currency).
ORDERS = pa.schema(
    [
        ("order_id", pa.int64()),
        ("customer_id", pa.int64()),  # null: nobody knows whose
        ("at", pa.timestamp("us")),  # of its first sale; of its first movement where no sale is known
        ("local_day", pa.date32()),
        ("gross_minor", pa.int64()),  # what was paid for its sale
        ("net_minor", pa.int64()),  # signed sum of its movements, whole-order refunds resolved
        ("is_gross", pa.int64()),  # 1: an order of the gross version, else 0
        ("is_netted", pa.int64()),  # 1: an order of the netted version, else 0
        ("has_sale", pa.int64()),
        ("unstated", pa.int64()),  # sales without an amount: an order, no money
        ("unknown", pa.int64()),  # refunds of the whole order whose sale nobody knows: nothing deducted
        ("back_minor", pa.int64()),  # what came back, zero or below, as stated
        ("back", pa.int64()),  # movements that are no sale
    ]
)
# One row a customer, of one version.
CUSTOMERS = pa.schema(
    [
        ("customer_id", pa.int64()),
        ("orders", pa.int64()),
        ("days", pa.int64()),  # on which orders were made
        ("first_at", pa.timestamp("us")),  # of orders that count; null: none does
        ("last_at", pa.timestamp("us")),
        ("first_day", pa.date32()),
        ("last_day", pa.date32()),
        ("amount_minor", pa.int64()),  # of the version
        ("gross_minor", pa.int64()),
        ("net_minor", pa.int64()),
    ]
)
TOLD = pa.schema(
    [("reason", pa.string()), ("currency", pa.string()), ("orders", pa.int64()), ("amount_minor", pa.int64())]
)


def order_rows(
    facts: ibis.Table, currency: str, links: ibis.Table | None = None, tiny: ibis.Table | None = None
) -> ibis.Table:
    """ORDERS from `order_facts` of one shop's whole life until the moment.

    `links` (identity_id, customer_id): whose an identity is, where it is not a customer by itself. `tiny` (order_id): orders
    that are paid for, but with less than half of the smallest unit.
    """
    own = facts.filter((facts.currency == currency) | facts.currency.isnull())
    is_sale = own.kind == "sale"
    is_whole = own.kind.isin(list(WHOLE)) & own.amount_minor.isnull()
    zero = ibis.literal(0, "int64")
    told = own.mutate(
        sale=ibis.ifelse(is_sale, 1, 0).cast("int64"),
        whole=ibis.ifelse(is_whole, 1, 0).cast("int64"),
        unstated_sale=ibis.ifelse(is_sale & own.amount_minor.isnull(), 1, 0).cast("int64"),
        paid=ibis.ifelse(is_sale, own.paid_minor, zero),
        returned=ibis.ifelse(is_sale, zero, own.amount_minor.coalesce(0)),
        sale_at=ibis.ifelse(is_sale, own["at"], ibis.null("timestamp(6)")),
        sale_day=ibis.ifelse(is_sale, own.local_day, ibis.null("date")),
        sale_buyer=ibis.ifelse(is_sale, own.buyer_id, ibis.null("int64")),
        sale_visitor=ibis.ifelse(is_sale, own.visitor_id, ibis.null("int64")),
    )
    orders = told.group_by("order_id").aggregate(
        # Where days name several buyers of one order, any of them, but always the same.
        buyer=_.sale_buyer.max().coalesce(_.buyer_id.max()),
        visitor=_.sale_visitor.max().coalesce(_.visitor_id.max()),
        at=_.sale_at.min().coalesce(_["at"].min()),
        local_day=_.sale_day.min().coalesce(_.local_day.min()),
        gross_minor=_.paid.sum().cast("int64"),
        stated=_.amount_minor.sum().coalesce(0).cast("int64"),
        sales=_.sale.sum().cast("int64"),
        wholes=_.whole.sum().cast("int64"),
        unstated=_.unstated_sale.sum().cast("int64"),
        back_minor=_.returned.sum().cast("int64"),
        movements=_.count().cast("int64"),
    )
    # The rule of warehouse/refunds.py for an order as a whole: what is said takes back what remains, once, where the sale is known.
    resolved = (orders.wholes > 0) & (orders.sales > 0)
    orders = orders.mutate(
        net_minor=ibis.ifelse(resolved, ibis.least(orders.stated, zero), orders.stated),
        unknown=ibis.ifelse(resolved, zero, orders.wholes),
        is_tiny=zero,
    )
    if tiny is not None:
        known = tiny.select(tiny_id=tiny.order_id)
        met = orders.left_join(known, orders.order_id == known.tiny_id)
        orders = met.mutate(is_tiny=ibis.ifelse(met.tiny_id.notnull(), 1, 0).cast("int64")).drop("tiny_id")
    sold = orders.sales > 0
    counts = (orders.gross_minor > 0) | (orders.unstated > 0) | (orders.is_tiny > 0)
    # Of a sale without an amount nothing can be told to remain; it stays an order until the whole of it is taken back.
    open_ended = ((orders.unstated > 0) | (orders.is_tiny > 0)) & (orders.wholes == 0)
    remains = (orders.net_minor > 0) | (open_ended & (orders.back_minor == 0))
    orders = orders.mutate(
        is_gross=ibis.ifelse(sold & counts, 1, 0).cast("int64"),
        is_netted=ibis.ifelse(sold & counts & remains, 1, 0).cast("int64"),
        has_sale=ibis.ifelse(sold, 1, 0).cast("int64"),
        back=orders.movements - orders.sales,
    )
    return with_customer(orders, links).select(*ORDERS.names)


def with_customer(
    rows: ibis.Table, links: ibis.Table | None, *, person: str = "buyer", device: str = "visitor"
) -> ibis.Table:
    """Rows with `customer_id`: that of the person, else that of the device where links say whose it is, else null."""
    if links is None:
        return rows.mutate(customer_id=rows[person])
    by_buyer = links.select(of_buyer=links.identity_id, buyers=links.customer_id)
    by_device = links.select(of_device=links.identity_id, devices=links.customer_id)
    met = rows.left_join(by_buyer, rows[person] == by_buyer.of_buyer)
    met = met.left_join(by_device, met[device] == by_device.of_device)
    # A device that nobody is known to use makes no customer of whoever ordered on it.
    return met.mutate(
        customer_id=ibis.ifelse(met[person].notnull(), met.buyers.coalesce(met[person]), met.devices)
    )


def customer_rows(
    orders: ibis.Table, version: Version = "netted", *, within: Period | None = None
) -> ibis.Table:
    """CUSTOMERS from ORDERS, one row for each customer of the version; `within`: of the orders of these days alone.

    Netted, a customer of whom only a movement back is known is one as well, with no order.
    """
    rows = orders.filter(orders.customer_id.notnull())
    if within is not None:
        rows = rows.filter(rows.local_day >= ibis.date(within.start), rows.local_day < ibis.date(within.end))
    if version == "gross":
        rows = rows.filter(rows.is_gross == 1)
    counts = rows.is_gross if version == "gross" else rows.is_netted
    zero = ibis.literal(0, "int64")
    rows = rows.mutate(
        counted=counts,
        counted_at=ibis.ifelse(counts == 1, rows["at"], ibis.null("timestamp(6)")),
        counted_gross=ibis.ifelse(rows.is_gross == 1, rows.gross_minor, zero),
    )
    by_day = rows.group_by("customer_id", "local_day").aggregate(
        counted=_.counted.sum(),
        first_at=_.counted_at.min(),
        last_at=_.counted_at.max(),
        gross=_.counted_gross.sum(),
        net=_.net_minor.sum(),
    )
    by_day = by_day.mutate(
        counted_day=ibis.ifelse(by_day.counted > 0, by_day.local_day, ibis.null("date")),
        a_day=ibis.ifelse(by_day.counted > 0, 1, 0).cast("int64"),
    )
    found = by_day.group_by("customer_id").aggregate(
        orders=_.counted.sum().cast("int64"),
        days=_.a_day.sum().cast("int64"),
        first_at=_.first_at.min(),
        last_at=_.last_at.max(),
        first_day=_.counted_day.min(),
        last_day=_.counted_day.max(),
        gross_minor=_.gross.sum().cast("int64"),
        net_minor=_.net.sum().cast("int64"),
    )
    amount = found.gross_minor if version == "gross" else found.net_minor
    return found.mutate(amount_minor=amount).select(*CUSTOMERS.names)


@dataclass(frozen=True)
class LeftOut:
    """What does not count, and why: `orders` orders (of zero_lines: lines) of `amount_minor` in `currency`.

    no_person: nobody knows whose · no_price: a sale without a price above 0 · unstated: an order, but no source says what
    was paid · came_back (gross): not deducted · without_sale (netted): deducted, but no order · gone (netted): nothing of it
    remains · unknown_refund (netted): of a whole order whose sale nobody knows, not deducted · other_currency · unpaid ·
    zero_lines: lines of sales without a price or quantity above 0.
    """

    reason: str
    orders: int
    amount_minor: int
    currency: str


def left_out_sums(orders: ibis.Table) -> ibis.Table:
    """One row: of each reason and version that ORDERS tell, how many (`n_…`) and what amount (`m_…`)."""
    known, sold = orders.customer_id.notnull(), orders.has_sale == 1
    zero = ibis.literal(0, "int64")
    unnamed = ~known & (orders.is_gross == 1)
    told = {
        "no_person_gross": (unnamed, orders.gross_minor),
        "no_person_netted": (orders.customer_id.isnull(), orders.net_minor),
        "no_price": (known & sold & (orders.is_gross == 0), orders.gross_minor),
        "unstated": (known & (orders.unstated > 0), zero),
        "came_back": (known & (orders.back > 0), orders.net_minor - orders.gross_minor),
        "without_sale": (known & ~sold, orders.net_minor),
        "gone": (known & (orders.is_gross == 1) & (orders.is_netted == 0), orders.net_minor),
        "unknown_refund": (known & (orders.unknown > 0), zero),
    }
    sums = {}
    for name, (chosen, amount) in told.items():
        sums[f"n_{name}"] = ibis.ifelse(chosen, 1, 0).sum().coalesce(0).cast("int64")
        sums[f"m_{name}"] = ibis.ifelse(chosen, amount, zero).sum().coalesce(0).cast("int64")
    return orders.aggregate(**sums)


SUMMED = (
    "no_person_gross", "no_person_netted", "no_price", "unstated", "came_back", "without_sale", "gone", "unknown_refund",
)  # fmt: skip
REASONS: dict[Version, tuple[str, ...]] = {
    "gross": ("no_person_gross", "no_price", "unstated", "came_back"),
    "netted": ("no_person_netted", "no_price", "unstated", "without_sale", "gone", "unknown_refund"),
}


def foreign(facts: ibis.Table, currency: str) -> ibis.Table:
    """Sales in other currencies, one row each."""
    other = facts.filter((facts.kind == "sale") & facts.currency.notnull() & (facts.currency != currency))
    by_order = other.group_by("currency", "order_id").aggregate(paid=_.paid_minor.sum())
    found = by_order.group_by("currency").aggregate(
        orders=_.count().cast("int64"), amount_minor=_.paid.sum().cast("int64")
    )
    return found.mutate(reason=ibis.literal("other_currency")).select(*TOLD.names)


def standing_lines(lines: ibis.Table) -> ibis.Table:
    """Lines that were not taken back, one row each (order_facts.py, rule 1)."""
    stated = lines.group_by("local_day", "row_id", "content_id").aggregate(
        net=_.sign.cast("int64").sum(),
        order_id=_.order_id.min(),
        kind=_.kind.min(),
        quantity=_.quantity.min(),
        amount_minor=_.amount_minor.min(),
        unit_price=_.unit_price.min(),
        currency=_.currency.min(),
    )
    return stated.filter(stated.net > 0)


def tiny_orders(lines: ibis.Table) -> ibis.Table:
    """(order_id) of sales with a line whose price is above 0 while its amount rounds to 0: paid for, though with nothing."""
    small = lines.filter(
        (lines.kind == "sale") & (lines.amount_minor == 0) & lines.unit_price.re_search("[1-9]")
    )
    found = standing_lines(small)
    found = found.filter((found.quantity > 0) & ~found.unit_price.contains("-"))
    return found.group_by("order_id").aggregate(n=_.count()).select("order_id")


def of_lines(lines: ibis.Table) -> ibis.Table:
    """Orders that nobody paid, and lines of sales without a price or quantity above 0."""
    asked = lines.filter((lines.kind == "unpaid") | ((lines.kind == "sale") & (lines.amount_minor <= 0)))
    standing = standing_lines(asked)
    unpaid = standing.filter(standing.kind == "unpaid")
    sold = lines.filter(lines.kind == "sale").select("order_id").distinct()
    unpaid = unpaid.anti_join(sold, "order_id")
    by_order = unpaid.group_by("currency", "order_id").aggregate(
        amount_minor=_.amount_minor.sum().coalesce(0).cast("int64")
    )
    zero = standing.filter(
        (standing.kind == "sale")
        & ~(standing.unit_price.re_search("[1-9]").coalesce(False) & (standing.amount_minor == 0))
    )
    found = []
    for name, rows in (("unpaid", by_order), ("zero_lines", zero)):
        told = rows.group_by("currency").aggregate(
            orders=_.count().cast("int64"), amount_minor=_.amount_minor.sum().coalesce(0).cast("int64")
        )
        found.append(told.mutate(reason=ibis.literal(name)).select(*TOLD.names))
    return found[0].union(found[1], distinct=False)


def clock_seconds(moment: ibis.Value, zone: ZoneInfo, period: Period) -> ibis.Value:
    """Whole seconds since 1970 on the shop's clock of naive UTC moments of a period (a day before and after included).

    A whole day is one in which the shop's clock came round, also where it was moved an hour in between; engines know no
    zones, so that the zone's steps stand in the expression.
    """
    seconds = moment.epoch_seconds()
    steps = clock_steps(zone, period)
    (_first, offset), *later = steps
    found: ibis.Value = ibis.literal(offset, "int64")
    for since, moved in later:
        found = ibis.ifelse(seconds >= since, ibis.literal(moved, "int64"), found)
    return seconds + found


def clock_steps(zone: ZoneInfo, period: Period) -> tuple[tuple[int, int], ...]:
    """(UTC second since 1970, offset of the shop's clock from then on), the first for all before the second."""
    day = period.start - ONE_DAY
    at = day_start(day, zone)
    steps = [(int(at.timestamp()), offset_at(at, zone))]
    while day <= period.end + ONE_DAY:
        after = day_start(day + ONE_DAY, zone)
        if offset_at(after, zone) != steps[-1][1]:
            low, high = int(at.timestamp()), int(after.timestamp())
            while high - low > 1:
                middle = (low + high) // 2
                is_moved = offset_at(datetime.fromtimestamp(middle, UTC), zone) != steps[-1][1]
                low, high = (low, middle) if is_moved else (middle, high)
            steps.append((high, offset_at(after, zone)))
        day, at = day + ONE_DAY, after
    return tuple(steps)


def offset_at(at: datetime, zone: ZoneInfo) -> int:
    found = at.astimezone(zone).utcoffset()
    assert found is not None
    return int(found.total_seconds())
