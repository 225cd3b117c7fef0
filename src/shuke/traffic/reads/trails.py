"""Asking one snapshot about trails: under a condition on visits, with translations that are kept."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from datetime import datetime
from typing import Any, TypeVar

import ibis
import pyarrow as pa

from shuke.conditions.reads import Node, to_ibis
from shuke.kernel.periods import Period
from shuke.shops.reads import ShopView
from shuke.warehouse import reads as warehouse
from shuke.warehouse.schemas import ALL

T = TypeVar("T")
Tables = Mapping[str, ibis.Table]
VISIT = ("shop_id", "visit_id")
_translated: dict[Hashable, tuple[str, pa.Schema]] = {}
_MOST_TRANSLATED = 2000


def ask_trails(
    shop: ShopView,
    period: Period,
    until: datetime | None,
    condition: Node | None,
    question: Callable[[TrailAsker], T],
) -> T:
    """Ask of the trails of a period's visits, cut at `until`, that meet a condition."""

    def asked(snapshot: warehouse.Snapshot) -> T:
        return question(TrailAsker(snapshot if until is None else snapshot.cut(until), condition))

    return warehouse.ask(shop, period, asked)


class TrailAsker:
    """Asks questions of one snapshot whose translation for the engine is kept: it takes longer than most answers do.

    A question gets `trails` and `visits`, both of the visits that meet the condition only.
    """

    def __init__(self, snapshot: warehouse.Snapshot, condition: Node | None) -> None:
        self._snapshot = snapshot
        self._condition = condition
        self._prefix = f"s{snapshot.slot}_trail"
        self._tables: dict[str, ibis.Table] = {}

    def __call__(
        self, key: Hashable, build: Callable[[Tables], ibis.Table], *, of: tuple[str, ...] = ("trails",)
    ) -> list[dict[str, Any]]:
        """The rows of a question; `key` says all that its expression depends on, `of` the kinds that it reads."""
        return self.table(key, build, of=of).to_pylist()

    def table(
        self, key: Hashable, build: Callable[[Tables], ibis.Table], *, of: tuple[str, ...] = ("trails",)
    ) -> pa.Table:
        """The same as they come from the engine."""
        engine = self._snapshot.engine
        kinds = (*of, "visits") if self._condition is not None and "visits" not in of else of
        tables = {kind: self._table(kind) for kind in kinds}
        known = (engine.name, self._prefix, key, self._condition, kinds)
        if known not in _translated:
            if len(_translated) >= _MOST_TRANSLATED:
                _translated.clear()
            made = build(under(tables, self._condition))
            _translated[known] = engine.sql_of(made), made.schema().to_pyarrow()
        sql, schema = _translated[known]
        # An engine widens a sum (to 128 bits); the expression says what it is.
        return engine.answer(sql).cast(schema)

    def columns(self, names: tuple[str, ...]) -> pa.Table | None:
        """Some columns of the trails, for a kernel; None where another engine than this process answers."""
        engine = self._snapshot.engine
        if not engine.is_in_process:
            return None
        kinds = ("trails",) if self._condition is None else ("trails", "visits")
        tables = {kind: self._table(kind) for kind in kinds}
        name = f"{self._prefix}_trails"
        if self._condition is not None:
            name = f"{self._prefix}_met"
            engine.define(name, ALL["trails"], under(tables, self._condition)["trails"])
        return engine.columns(name, names)

    def held(self, name: str, rows: pa.Table) -> ibis.Table:
        """Rows that are at hand, for further questions."""
        return self._snapshot.engine.hold(f"{self._prefix}_{name}", rows)

    def _table(self, kind: str) -> ibis.Table:
        if kind not in self._tables:
            self._tables[kind] = self._snapshot.engine.define(
                f"{self._prefix}_{kind}", ALL[kind], self._snapshot.derived(kind)
            )
        return self._tables[kind]


def under(tables: Tables, condition: Node | None) -> Tables:
    """`visits` and `trails` of the visits that meet a condition."""
    if condition is None:
        return tables
    visits = tables["visits"]
    visits = visits.filter(to_ibis(condition, visits, {"is_one_page": visits.views == 1}))
    found = {**tables, "visits": visits}
    if "trails" in tables:
        found["trails"] = tables["trails"].semi_join(visits.select(*VISIT), list(VISIT))
    return found
