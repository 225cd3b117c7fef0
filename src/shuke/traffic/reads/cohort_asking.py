"""Asking one snapshot about cohorts: the tables that the behaviours need, and translations that are kept."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import date
from typing import Any

import ibis
import pyarrow as pa

from shuke.kernel.periods import ONE_DAY
from shuke.traffic.reads import cohort_questions as questions
from shuke.traffic.reads.cohort_shapes import Behaviour, Who
from shuke.warehouse import reads as warehouse
from shuke.warehouse.schemas import ALL, RAW


@dataclass(frozen=True)
class Reach:
    """How far the facts of a behaviour go: `last` is their last day, `complete` the day before which they are whole."""

    last: date
    complete: date


class Asker:
    """Asks questions of one snapshot whose translation for the engine is kept: it takes longer than most answers do.

    `tables` are the kinds that some behaviours need, each under a name that stays the same from question to question.
    """

    def __init__(self, snapshot: warehouse.Snapshot, who: Who, *behaviours: Behaviour) -> None:
        self.engine = snapshot.engine
        self.prefix = f"s{snapshot.slot}_cohorts"
        self.tables: dict[str, ibis.Table] = {}
        for kind in dict.fromkeys(questions.kind_of(one, who) for one in behaviours):
            facts = snapshot.raw(kind) if kind in RAW else snapshot.derived(kind)
            self.tables[kind] = self.engine.define(f"{self.prefix}_{kind}", ALL[kind], facts)

    def __call__(
        self, key: Hashable, build: Callable[[questions.Tables], ibis.Table]
    ) -> list[dict[str, Any]]:
        """The rows of a question; `key` says all that its expression depends on."""
        known = (self.engine.name, self.prefix, key)
        if known not in _translated:
            if len(_translated) >= _MOST_TRANSLATED:
                _translated.clear()
            made = build(self.tables)
            _translated[known] = self.engine.sql_of(made), made.schema().to_pyarrow()
        sql, schema = _translated[known]
        # An engine widens a sum (to 128 bits); the expression says what it is.
        return self.engine.answer(sql).cast(schema).to_pylist()

    def reach(self, kind: str, today: date) -> Reach | None:
        """By any fact of a kind, not of one behaviour: that nobody signed up is a fact too."""
        rows = self(("reach", kind, today), lambda tables: questions.last_day(tables[kind], today + ONE_DAY))
        found = rows[0]["last_day"]
        return None if found is None else Reach(found, min(found + ONE_DAY, today))


_translated: dict[Hashable, tuple[str, pa.Schema]] = {}
_MOST_TRANSLATED = 1000
