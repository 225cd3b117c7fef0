"""Orders by customer as of a moment: what value, forecast and the profile stand on. Portable Ibis over `order_facts`.

Two versions of what an order brought, for the same orders:

- *gross*: orders of a known customer with a line whose quantity and price are above 0; what came back is not deducted, and a
  cancellation is no order;
- *netted* (the default): every movement of a known customer adds up. An order counts as long as something of it remains; a
  refund of the whole order takes back what remains of its sale (warehouse/refunds.py). Money that came back under a number
  of its own (a C invoice) is deducted from its customer, and is no order.

As of a moment: the facts that happened before it, whenever they came. Only amounts in the shop's currency count; `left_out`
says what does not count and why. Customers are joined after orders are added up (docs/decisions/0006): an order is its
buyer's, and without a buyer the customer's whose device ordered, where that is known to be his.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from hashlib import blake2b
from typing import TypeVar

import ibis
import pyarrow as pa

from shuke.audience.identities import reads as identities
from shuke.audience.purchase_questions import (
    CUSTOMERS,
    ORDERS,
    REASONS,
    SUMMED,
    TOLD,
    VERSIONS,
    LeftOut,
    Version,
    clock_seconds,
    clock_steps,
    customer_rows,
    foreign,
    left_out_sums,
    of_lines,
    offset_at,
    order_rows,
    tiny_orders,
    with_customer,
)
from shuke.kernel import clock
from shuke.kernel.periods import Period, local_day
from shuke.shops.reads import ShopView
from shuke.warehouse import reads as warehouse
from shuke.warehouse.remembering import remembered

__all__ = [
    "CUSTOMERS",
    "ORDERS",
    "VERSIONS",
    "LeftOut",
    "Purchases",
    "Version",
    "ask",
    "clock_seconds",
    "clock_steps",
    "customer_rows",
    "left_out_sums",
    "order_rows",
    "tiny_orders",
    "with_customer",
]

T = TypeVar("T")
_translated: dict[Hashable, str] = {}
_MOST_TRANSLATED = 500
# Orders of so many rows of facts are at hand for all questions until one of them changes.
_MOST_HELD = 300_000
# A moment so near to now that nobody asks for it twice.
_PASSING = timedelta(minutes=5)


@dataclass(frozen=True)
class Purchases:
    """A shop's orders before a moment, for one question (`ask`). Tables live as long as the question.

    `period`: from the first day with facts to the moment's day. `orders` has ORDERS, `facts` the order_facts before the moment,
    `lines` the order_lines before it. `before` answers for other kinds before the moment. `links` (identity_id, customer_id) is
    None while nothing is joined.
    """

    shop: ShopView
    at: datetime
    period: Period
    orders: ibis.Table
    facts: ibis.Table
    lines: ibis.Table
    snapshot: warehouse.Snapshot
    before: warehouse.Snapshot
    links: ibis.Table | None
    is_held: bool = False

    def customers(self, version: Version = "netted", *, within: Period | None = None) -> ibis.Table:
        """CUSTOMERS of a version."""
        return customer_rows(self.orders, version, within=within)

    def left_out(self, version: Version = "netted") -> tuple[LeftOut, ...]:
        """What the version leaves out, only what there is."""
        own = self.shop.currency
        found = [
            LeftOut(
                name.removesuffix(f"_{version}"),
                int(self._sums[f"n_{name}"]),
                int(self._sums[f"m_{name}"]),
                own,
            )
            for name in REASONS[version]
        ]
        return tuple(one for one in (*found, *self._of_lines) if one.orders)

    @cached_property
    def _sums(self) -> dict[str, int]:
        names = [f"{of}_{name}" for name in SUMMED for of in "nm"]
        schema = pa.schema([(name, pa.int64()) for name in names])
        row: dict[str, int] = self.asked("left_out", lambda: left_out_sums(self.orders), schema).to_pylist()[
            0
        ]
        return row

    @cached_property
    def _of_lines(self) -> tuple[LeftOut, ...]:
        """What lines and other currencies tell, the same in both versions."""
        own = self.shop.currency

        def compute() -> pa.Table:
            found = of_lines(self.lines).union(foreign(self.facts, own), distinct=False)
            return _typed(self.run(found), TOLD)

        key = ("purchases_left_out", *self.before.identity("order_facts"), own)
        rows = remembered(key, compute).to_pylist()
        return tuple(
            LeftOut(row["reason"], int(row["orders"]), int(row["amount_minor"]), row["currency"] or own)
            for row in sorted(rows, key=lambda row: (row["reason"], row["currency"] or own))
        )

    def clock_seconds(self, moment: ibis.Value) -> ibis.Value:
        """Seconds on the shop's clock of a column of these facts (`clock_seconds`)."""
        return clock_seconds(moment, self.shop.zone, self.period)

    @property
    def clock_now(self) -> int:
        """The moment itself in seconds on the shop's clock."""
        return int(self.at.timestamp()) + offset_at(self.at, self.shop.zone)

    def asked(self, key: Hashable, build: Callable[[], ibis.Table], schema: pa.Schema) -> pa.Table:
        """The answer to a question about `orders` alone; `key` says all that its expression depends on. Where orders are at
        hand its translation is kept, which takes longer than the answer."""
        if not self.is_held:
            return self.run(build(), schema)
        engine = self.snapshot.engine
        known = (engine.name, self.orders.get_name(), key)
        if known not in _translated:
            if len(_translated) >= _MOST_TRANSLATED:
                _translated.clear()
            _translated[known] = engine.sql_of(build())
        return _typed(engine.answer(_translated[known]), schema)

    def run(self, expression: ibis.Expr, schema: pa.Schema | None = None) -> pa.Table:
        """The whole answer; with `schema` its columns as they are meant (an engine widens a sum)."""
        found = self.snapshot.engine.run(expression)
        return found if schema is None else _typed(found, schema)


def ask(
    shop: ShopView,
    at: datetime,
    question: Callable[[Purchases], T],
    *,
    only: Collection[int] | None = None,
    by: str | None = None,
) -> T | None:
    """Answer a question about a shop's purchases before `at` (aware). None: the shop has no fact before it.

    `only`: of orders in which one of these identities has a part, so that one customer costs what one customer has. `by`: an
    engine's name (default: the installation's).
    """
    life = warehouse.whole_life(shop.id)
    today = local_day(at, shop.zone)
    if life is None or life.start > today:
        return None
    period = Period.inclusive(life.start, today)
    links = identities.customer_map(shop)

    def asked(snapshot: warehouse.Snapshot) -> T:
        # The moment's own day is looked at again and again while it runs; a day without facts needs no cut.
        is_cut = today in {*snapshot.plan.through, *snapshot.plan.open_days(("order_lines", "events"))}
        before = snapshot.cut(at) if is_cut else snapshot
        facts, lines = before.derived("order_facts"), before.raw("order_lines")
        if only is not None:
            known = sorted(only)
            theirs = facts.filter(facts.buyer_id.isin(known) | facts.visitor_id.isin(known))
            theirs = theirs.select("order_id").distinct()
            facts, lines = facts.semi_join(theirs, "order_id"), lines.semi_join(theirs, "order_id")
        mapped = snapshot.holding("customer_map", links) if links.num_rows else None
        orders = order_rows(facts, shop.currency, mapped, tiny_orders(lines))
        if only is None and _rows(snapshot) <= _MOST_HELD:
            # Asked of several times in one question, and again by the next page; as of now, never again.
            def compute() -> pa.Table:
                return _typed(snapshot.engine.run(orders), ORDERS)

            key = ("purchases", *before.identity("order_facts"), shop.currency, _told_by(links))
            is_now = is_cut and clock.now() - at < _PASSING
            found = compute() if is_now else remembered(key, compute, most=_MOST_HELD)
            orders = snapshot.holding("purchases", found)
            return question(Purchases(shop, at, period, orders, facts, lines, snapshot, before, mapped, True))
        return question(Purchases(shop, at, period, orders, facts, lines, snapshot, before, mapped))

    return warehouse.ask(shop, period, asked, by=by)


def names_of(one: Purchases, customers: Collection[int]) -> dict[int, str]:
    """customer_id → a name as a source wrote it, of few customers; who has none is left out."""
    owners = {customer: customer for customer in customers}
    if not owners:
        return {}
    if one.links is not None:
        of = one.links.filter(one.links.customer_id.isin(sorted(owners)))
        owners |= {row["identity_id"]: row["customer_id"] for row in one.run(of).to_pylist()}
    found: dict[int, str] = {}
    events = one.before.raw("events")
    for rows, person, ref in ((one.lines, "buyer_id", "buyer_ref"), (events, "person_id", "person_ref")):
        lacking = sorted(i for i, customer in owners.items() if customer not in found)
        if not lacking:
            break
        named = rows.filter(rows[person].isin(lacking) & rows[ref].notnull())
        for row in one.run(named.group_by(person).aggregate(ref=named[ref].max())).to_pylist():
            found.setdefault(owners[row[person]], row["ref"])
    return found


def _rows(snapshot: warehouse.Snapshot) -> int:
    """How many rows of orders a snapshot has, at most as many more as are not sealed."""
    plan = snapshot.plan
    found = sum(rows.get("order_facts", 0) for rows in plan.rows.values())
    for kind in ("order_lines", "events"):
        for file in plan.open_files.get(kind, ()):
            spans = file.spans[snapshot.shop.id]
            found += sum(span.rows for day, span in spans.items() if span.last > plan.through.get(day, 0))
    return found


def _told_by(links: pa.Table) -> str:
    """A few letters that change with whose identities are whose."""
    told = blake2b(digest_size=16)
    for column in links.columns:
        for chunk in column.chunks:
            told.update(chunk.to_numpy(zero_copy_only=False).tobytes())
    return told.hexdigest()


def _typed(answer: pa.Table, schema: pa.Schema) -> pa.Table:
    """An engine widens a sum (to 128 bits); the schema says what it is."""
    return answer.select(schema.names).cast(schema)
