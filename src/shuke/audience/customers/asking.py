"""Asking one snapshot about customers: its tables under names that stay the same, and translations that are kept, since
translating takes longer than most answers do."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable
from datetime import UTC

import ibis
import pyarrow as pa

from shuke.audience import purchases
from shuke.audience.customers import questions
from shuke.audience.identities import reads as identities
from shuke.warehouse.schemas import ALL

MEMBERS = pa.schema([("identity_id", pa.int64()), ("customer_id", pa.int64())])


class Asking:
    """The facts of all customers before a moment, or (`ids`) those that came through some identities. `groups`: what is asked
    besides visits and orders."""

    def __init__(
        self, asked: purchases.Purchases, groups: Collection[str] = (), *, ids: Collection[int] | None = None
    ) -> None:
        self.snapshot = asked.snapshot
        self.prefix = f"s{self.snapshot.slot}_customer{'s' if ids is None else ''}"
        self.tables: dict[str, ibis.Table] = {}
        joined = questions.members(identities.customer_map(asked.shop))
        self._define("members", MEMBERS, self.snapshot.holding("members", joined))
        visits = self.snapshot.derived("visits")
        visits = visits.filter(visits.started_at < asked.at.astimezone(UTC).replace(tzinfo=None))
        orders, lines = asked.orders, asked.lines
        if ids is not None:
            # What came through a few identities is little: it is fetched, and everything else asked of that.
            visits = self._held("visits", questions.mine(visits, "person_id", "visitor_id", ids))
            orders, lines = self._own_orders(asked, ids)
        self._define("visits", ALL["visits"], visits)
        self._define("orders", purchases.ORDERS, orders)
        if "region" in groups:
            self._define("order_lines", ALL["order_lines"], lines)

    def _own_orders(self, asked: purchases.Purchases, ids: Collection[int]) -> tuple[ibis.Table, ibis.Table]:
        """The orders of one customer, of those that name any of his identities, and all their lines."""
        theirs = questions.mine(asked.facts, "buyer_id", "visitor_id", ids).select("order_id").distinct()
        wanted = self._run(theirs)["order_id"].to_pylist()
        facts = self._held("order_facts", asked.facts.filter(asked.facts.order_id.isin(wanted)))
        lines = self._held("order_lines", asked.lines.filter(asked.lines.order_id.isin(wanted)))
        tiny = purchases.tiny_orders(lines)
        orders = purchases.order_rows(facts, asked.shop.currency, self.tables["members"], tiny)
        return orders.filter(orders.customer_id.isin(sorted(ids))), lines.filter(
            lines.buyer_id.isin(sorted(ids))
        )

    def _run(self, question: ibis.Table) -> pa.Table:
        return self.snapshot.engine.run(question)

    def _held(self, kind: str, question: ibis.Table) -> ibis.Table:
        return self.snapshot.holding(f"own_{kind}", self._run(question).cast(ALL[kind]))

    def _define(self, kind: str, schema: pa.Schema, rows: ibis.Table) -> None:
        self.tables[kind] = self.snapshot.engine.define(f"{self.prefix}_{kind}", schema, rows)

    def __call__(
        self, key: tuple[Hashable, ...], build: Callable[[questions.Tables], ibis.Table]
    ) -> pa.Table:
        """The answer; `key` says all that its expression depends on besides its tables."""
        known = (self.prefix, *key)

        def built() -> ibis.Table:
            made = build(self.tables)
            _schemas[known] = made.schema().to_pyarrow()
            return made

        sql = self.snapshot.kept_sql(known, built)
        # An engine widens a sum; the expression says what it is.
        return self.snapshot.engine.answer(sql).cast(_schemas[known])


_schemas: dict[Hashable, pa.Schema] = {}
