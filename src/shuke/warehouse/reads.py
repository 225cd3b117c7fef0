"""Questions to the warehouse. `ask` gives a question a snapshot and runs it again when a file went away meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeVar

import duckdb
import ibis
import numpy as np
import pyarrow as pa
from django.db.models import Max
from django_scopes import scope, scopes_disabled

from shuke.kernel import clock
from shuke.kernel.periods import Period
from shuke.shops.reads import ShopView
from shuke.warehouse import open_tier
from shuke.warehouse.engine import engine, named
from shuke.warehouse.models import SealedDay, Segment
from shuke.warehouse.snapshots import Snapshot, plan
from shuke.warehouse.stretches import LaidOut, Piece, Stretch, hull

__all__ = [
    "LaidOut",
    "OpenBacklog",
    "Piece",
    "Snapshot",
    "Stretch",
    "ask",
    "days_since",
    "hull",
    "known_rows",
    "last_day_with",
    "last_segment",
    "newest_segments",
    "open_backlog",
    "run",
    "whole_life",
]

T = TypeVar("T")
_ATTEMPTS = 3


def run(expression: ibis.Expr) -> pa.Table:
    """The whole answer of an expression over a snapshot's tables."""
    return engine().run(expression)


def ask(shop: ShopView, period: Period, question: Callable[[Snapshot], T], *, by: str | None = None) -> T:
    """Answer a question from one snapshot. A reader that loses a file (an erasure, a grace that ran out) plans once more.

    `by`: an engine's name (default: the installation's); ask with `snapshot.engine.run` then.
    """
    used = named(by) if by else engine()
    for attempt in range(_ATTEMPTS):
        slot = used.take_slot()
        try:
            return question(Snapshot(shop, plan(shop.id, period), used, slot))
        except (duckdb.IOException, FileNotFoundError):
            if attempt == _ATTEMPTS - 1:
                raise
        finally:
            used.free_slot(slot)
    raise AssertionError("unreachable")


def whole_life(shop_id: int) -> Period | None:
    """From the first to the last day of which a shop has facts; None when it has none."""
    with scope(shop=shop_id):
        days: set[date] = set(SealedDay.objects.values_list("day", flat=True))
    for file in open_tier.listed():
        days.update(file.spans.get(shop_id, ()))
    return Period.inclusive(min(days), max(days)) if days else None


def last_segment() -> int:
    """The number of the newest segment of all shops: while it stays, nothing came."""
    return open_tier.last_number()


def newest_segments() -> dict[int, int]:
    """The newest segment that brought facts to each shop, sealed or open."""
    with scopes_disabled():
        rows = SealedDay.objects.values_list("shop_id").annotate(newest=Max("through")).order_by()
        found: dict[int, int] = dict(rows)
    for file in open_tier.listed():
        for shop_id, days in file.spans.items():
            newest = max(span.last for span in days.values())
            found[shop_id] = max(newest, found.get(shop_id, 0))
    return found


def days_since(shop_id: int, segment: int) -> tuple[date, ...]:
    """The days of a shop to which facts came after a segment; `Snapshot.since` tells of each which."""
    with scope(shop=shop_id):
        days = set(SealedDay.objects.filter(through__gt=segment).values_list("day", flat=True))
    for file in open_tier.listed(after=segment):
        days.update(day for day, span in file.spans.get(shop_id, {}).items() if span.last > segment)
    return tuple(sorted(days))


def last_day_with(shop_id: int, kind: str, period: Period) -> date | None:
    """The last day of a period that has facts of a raw kind, sealed or open; None: it has none."""
    found = plan(shop_id, period)
    days = [day for day, rows in found.rows.items() if rows.get(kind) and found.holds(day)]
    return max([*days, *found.open_days([kind])], default=None)


def known_rows(
    shop: ShopView, source: str, row_ids: np.ndarray, *, whole: bool = False, kind: str = "order_lines"
) -> pa.Table:
    """Which of these rows (surrogates) a source has stated before and not taken back.

    Returns row_id and content_id, with `whole` every column of the kind. A row stands when its signs add up above 0.
    Always asked in this process: taking facts in waits for no cluster.
    """
    period = whole_life(shop.id)

    def question(snapshot: Snapshot) -> pa.Table:
        rows = snapshot.raw(kind)
        wanted = ibis.memtable(pa.table({"row_id": pa.array(row_ids, pa.int64())}))
        rows = rows.filter(rows.source == source).semi_join(wanted, "row_id")
        standing = (
            rows.group_by("row_id", "content_id").agg(net=rows.sign.sum()).filter(ibis._.net > 0).drop("net")
        )
        if not whole:
            return snapshot.engine.run(standing)
        # Statements of one content are equal but for when they came; take the first of them.
        stated = rows.filter(rows.sign > 0)
        ranked = stated.mutate(
            nth=ibis.row_number().over(
                group_by=["row_id", "content_id"], order_by=["received_at", "import_ref", "local_day"]
            )
        )
        return snapshot.engine.run(
            ranked.filter(ranked.nth == 0).drop("nth").semi_join(standing, ["row_id", "content_id"])
        )

    if period is None:
        return pa.table({"row_id": pa.array([], pa.int64()), "content_id": pa.array([], pa.int64())})
    return ask(shop, period, question, by="duckdb")


@dataclass(frozen=True)
class OpenBacklog:
    """How much lies in the open tier: files, rows, bytes, and the age of the oldest listed file."""

    files: int
    rows: int
    size: int
    oldest: timedelta


def open_backlog() -> OpenBacklog:
    kept = list(Segment.objects.filter(unlisted_at=None).values_list("rows", "size", "listed_at"))
    at = clock.now()
    return OpenBacklog(
        len(kept),
        sum(r for r, _, _ in kept),
        sum(s for _, s, _ in kept),
        max((at - listed for _, _, listed in kept), default=timedelta()),
    )
