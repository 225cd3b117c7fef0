"""Filling the derived kinds of sealed days anew, by any engine: on a cluster, or after a rule has changed.

Raw facts stay as they are; of each day the derived kinds are computed from them, written, and named by the ledger in one
transaction. The expression is the one that every engine answers, so a day that Spark filled equals the kernel's row by row.
A fill is written down as started: when it was killed, the sealer fills the same days itself.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Sequence
from datetime import date

import pyarrow as pa
from django.db import transaction
from django_scopes import scope

from shuke.kernel import clock
from shuke.kernel.periods import ONE_DAY, Period
from shuke.records.locks import exclusive
from shuke.shops.reads import ShopView
from shuke.warehouse import derivations, schemas, sealed_tier
from shuke.warehouse.engine import Engine, engine, named
from shuke.warehouse.models import Fill, SealedDay
from shuke.warehouse.sealing import BATCH_DAYS, BATCH_ROWS, redo_started
from shuke.warehouse.snapshots import Snapshot, plan

log = logging.getLogger("warehouse")


def refill(
    shop: ShopView,
    days: Collection[date] | None = None,
    *,
    by: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Compute the derived kinds of sealed days (default: all) again; returns how many days were filled.

    `by`: the engine, `duckdb` or `spark` (default: the installation's). Safe to be killed at any line and to be called
    by two processes: it holds the sealed tier's lock.
    """
    used = named(by) if by else engine()
    with exclusive(sealed_tier.LOCK), scope(shop=shop.id):
        redo_started(shop)
        sealed = [row for row in SealedDay.objects.order_by("day") if days is None or row.day in days]
        done = 0
        for batch in _batches(sealed):
            _fill(shop, batch, used)
            done += len(batch)
            if progress is not None:
                progress(done, len(sealed))
        return done


def _batches(rows: Sequence[SealedDay]) -> list[list[SealedDay]]:
    """Neighbours that are filled together: the answers of a batch have to fit into memory."""
    batches: list[list[SealedDay]] = []
    size = 0
    for row in rows:
        own = sum(row.rows.get(kind, 0) for kind in schemas.RAW)
        if not batches or len(batches[-1]) >= BATCH_DAYS or size + own > BATCH_ROWS:
            batches.append([])
            size = 0
        batches[-1].append(row)
        size += own
    return batches


def _fill(shop: ShopView, rows: Sequence[SealedDay], used: Engine) -> None:
    began = time.perf_counter()
    days = [row.day for row in rows]
    fill = Fill.objects.create(
        shop_id=shop.id,
        days=[day.isoformat() for day in days],
        through=max(row.through for row in rows),
        started_at=clock.now(),
    )
    slot = used.take_slot()
    try:
        snapshot = Snapshot(shop, plan(shop.id, Period(min(days), max(days) + ONE_DAY)), used, slot)
        versions, counts = _write(snapshot, days)
    finally:
        used.free_slot(slot)
    with transaction.atomic():
        for row in rows:
            row.versions = {**row.versions, **versions}
            row.rows = {**row.rows, **{kind: found.get(row.day, 0) for kind, found in counts.items()}}
            row.is_whole = True
            row.save(update_fields=["versions", "rows", "is_whole"])
        Fill.objects.filter(pk=fill.pk).update(
            done_at=clock.now(),
            rows=sum(sum(found.values()) for found in counts.values()),
            seconds=time.perf_counter() - began,
        )
    log.info("day.filled shop=%s days=%s engine=%s", shop.id, len(days), used.name)


def _write(snapshot: Snapshot, days: Sequence[date]) -> tuple[dict[str, int], dict[str, dict[date, int]]]:
    """Write every derived kind of the days; returns the tables' new versions, and the rows per kind and day."""
    shop_id = snapshot.shop.id
    versions = dict(snapshot.plan.versions)
    counts: dict[str, dict[date, int]] = {}

    def offer(kind: str) -> None:
        files: list[str] = []
        if kind in versions:
            by_day = sealed_tier.files_by_day(shop_id, kind, versions[kind], snapshot.lake)
            files = [name for day in days for name in by_day.get(day, ())]
        snapshot.engine.table(snapshot.input_name(kind), schemas.ALL[kind], files)

    for kind in schemas.RAW:
        offer(kind)
    for derivation in derivations.in_order():
        kind = derivation.kind
        is_alone = derivation.kernel is not None and derivation.kernel.is_alone
        made = (
            snapshot.made(kind)
            if is_alone
            else snapshot.engine.answer(snapshot.sql(kind)).cast(schemas.ALL[kind])
        )
        made = made.sort_by([(name, "ascending") for name in ("local_day", *schemas.SORT[kind])])
        counts[kind] = {
            item["values"]: item["counts"] for item in made.column("local_day").value_counts().to_pylist()
        }
        if made.num_rows:
            made = made.append_column("day", made.column("local_day").cast(pa.string()))
            versions[kind] = sealed_tier.replace_days(shop_id, kind, days, made)
        else:
            version = sealed_tier.empty_days(shop_id, kind, days)
            if version is not None:
                versions[kind] = version
        offer(kind)
    return {kind: version for kind, version in versions.items() if kind in schemas.DERIVED}, counts
