"""The later kinds of large days: derived after the day is sealed, so that other days need not wait for them.

A large day is sealed with what every page asks; what single pages ask follows here. Until then the ledger says that the
day lacks those kinds, and a question computes them from the sealed facts. Written down as a fill like every sealing: one
that was killed is begun again by sealing the day again.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from django.db import OperationalError, transaction
from django_scopes import scope, scopes_disabled

from shuke.kernel import clock
from shuke.kernel.periods import Period
from shuke.records.locks import exclusive
from shuke.shops.reads import ShopView, list_shops
from shuke.warehouse import derivations, lake, large_days, schemas, sealed_tier, sealing
from shuke.warehouse.engine import named
from shuke.warehouse.models import Fill, SealedDay
from shuke.warehouse.sealing import DerivedByPiece, derive_days, offer, redo_started
from shuke.warehouse.snapshots import Snapshot, kinds_held, plan

log = logging.getLogger("warehouse")

PAUSE_FIRST, PAUSE_LONGEST = 60.0, 3600.0  # seconds before a shop that failed is tried again


@dataclass(frozen=True)
class _Pause:
    """How long a shop that failed waits, and until when by this process's clock."""

    seconds: float
    until: float


_paused: dict[int, _Pause] = {}
_has_looked_back = False


def _look_back() -> None:
    """Large days that were sealed before a kind was known wait for it like those sealed now; once a process."""
    wanted = derivations.later_kinds()
    large = SealedDay.objects.filter(is_whole=True, rows__events__gte=sealing.LARGE_DAY)
    lacking = [row.pk for row in large if not wanted <= kinds_held(row)]
    for begin in range(0, len(lacking), 500):
        SealedDay.objects.filter(pk__in=lacking[begin : begin + 500]).update(is_whole=False)


def derive_later(shop: ShopView) -> int:
    """Fill what the shop's large days lack; returns how many days were filled. Safe to be killed at any line and to be
    called by two processes: it holds the sealed tier's lock, a day at a time. A day that can not be filled keeps no other
    from it; what it raised is raised at the end."""
    filled = 0
    failed: list[date] = []
    first: Exception | None = None
    while True:
        with exclusive(sealed_tier.LOCK), scope(shop=shop.id):
            redo_started(shop)
            row = SealedDay.objects.filter(is_whole=False).exclude(day__in=failed).order_by("day").first()
            if row is None:
                break
            try:
                _derive(shop, row)
                filled += 1
            except OperationalError:
                raise
            except Exception as error:
                log.exception("derive_later.failed shop=%s day=%s", shop.id, row.day)
                failed.append(row.day)
                first = first or error
    if first is not None:
        raise first
    return filled


def derive_all_later() -> int:
    """The same in every shop. One that can not be filled keeps no other from it and is tried again after a while, twice as
    long each time; what it raised is raised at the end."""
    global _has_looked_back
    with scopes_disabled():
        if not _has_looked_back:
            _has_looked_back = True
            _look_back()
        waiting = set(SealedDay.objects.filter(is_whole=False).values_list("shop_id", flat=True))
    filled = 0
    first: Exception | None = None
    for shop in list_shops() if waiting else ():
        pause = _paused.get(shop.id)
        if shop.id not in waiting or (pause is not None and time.monotonic() < pause.until):
            continue
        try:
            filled += derive_later(shop)
            _paused.pop(shop.id, None)
        except OperationalError:
            raise
        except Exception as error:
            seconds = min(PAUSE_LONGEST, pause.seconds * 2 if pause else PAUSE_FIRST)
            _paused[shop.id] = _Pause(seconds, time.monotonic() + seconds)
            first = first or error
    if first is not None:
        raise first
    return filled


def _derive(shop: ShopView, row: SealedDay) -> None:
    began = time.perf_counter()
    fill = Fill.objects.create(
        shop_id=shop.id, days=[row.day.isoformat()], through=row.through, started_at=clock.now()
    )
    try:
        versions, rows = _write(shop, row.day, row.versions)
    except Exception:
        # What it wrote is named by nobody, and is replaced when the day is tried again: nothing has to be sealed anew.
        Fill.objects.filter(pk=fill.pk).delete()
        raise
    with transaction.atomic():
        row.versions = {**row.versions, **versions}
        row.rows = {**row.rows, **{kind: found.get(row.day, 0) for kind, found in rows.items()}}
        row.is_whole = True
        row.save(update_fields=["versions", "rows", "is_whole"])
        Fill.objects.filter(pk=fill.pk).update(
            done_at=clock.now(),
            rows=sum(sum(found.values()) for found in rows.values()),
            seconds=time.perf_counter() - began,
        )
    log.info("day.derived_later shop=%s day=%s kinds=%s", shop.id, row.day, len(rows))


def _write(
    shop: ShopView, day: date, named_versions: Mapping[str, int]
) -> tuple[dict[str, int], dict[str, dict[date, int]]]:
    """Write the kinds that a day lacks; returns the versions of their tables, and their rows by day."""
    used = named("duckdb")  # as days are sealed, whatever engine answers questions
    slot = used.take_slot()
    rows: dict[str, dict[date, int]] = {}
    pa.default_memory_pool().release_unused()  # what the sealing before needed
    try:
        snapshot = Snapshot(shop, plan(shop.id, Period.of_day(day)), used, slot)
        versions = {
            kind: version for kind, version in snapshot.plan.versions.items() if kind in named_versions
        }
        waiting = [one.kind for one in derivations.in_order() if not snapshot.plan.has(day, one.kind)]
        for kind in schemas.ALL:
            if kind not in waiting:
                offer(snapshot, kind, [day], versions)
        # Only what waits is written: the others lie as they were sealed.
        derived = DerivedByPiece(
            snapshot, kept=lambda one: one.kind in waiting and not _is_written_by_piece(one)
        )
        files: dict[str, list[large_days.Written]] = {}
        for kind in schemas.RAW:
            files |= _by_piece(snapshot, kind, derived, day, waiting)
            pa.default_memory_pool().release_unused()
        for kind in waiting:
            if own := files.get(kind):
                versions[kind] = sealed_tier.replace_day_by_files(
                    shop.id, kind, day, [(one.path, one.rows) for one in own]
                )
                rows[kind] = {day: sum(one.rows for one in own)}
                offer(snapshot, kind, [day], versions)
            else:
                derive_days(snapshot, kind, derived, [day], versions, rows)
            pa.default_memory_pool().release_unused()
    finally:
        used.free_slot(slot)
    return {kind: versions[kind] for kind in waiting if kind in versions}, rows


def _is_written_by_piece(one: derivations.Derivation) -> bool:
    """Whether a kind's rows of a piece are rows of the day that no others come between."""
    return not one.sums and schemas.SORT[one.kind][0] == one.key


def _by_piece(
    snapshot: Snapshot, kind: str, derived: DerivedByPiece, day: date, waiting: Collection[str]
) -> dict[str, list[large_days.Written]]:
    """Let kernels derive from a sealed day piece by piece, as they do while it is sealed, where it lies in pieces. What
    waits and has many rows is written with each piece, so that never more than some pieces of it are held; returns its
    files."""
    files = snapshot.offered.get(kind) or []
    if lake.is_remote() or not large_days.can_cut(kind) or not _lies_in_pieces(files, schemas.SORT[kind][0]):
        return {}
    columns = derived.prepare(kind)
    own = [one.kind for one in derived.prepared(kind) if one.kind in waiting and _is_written_by_piece(one)]
    places = list(enumerate(_groups(files)))
    threads = max(1, min(4, os.cpu_count() or 1))
    share = -(-len(places) // threads)

    def work(first: int) -> dict[str, large_days.Written | None]:
        parts = {target: _part(snapshot.shop.id, target, day) for target in own}
        try:
            for number, (name, group) in places[first : first + share]:
                made = derived.derive(kind, number, _group(name, group, columns))
                for target, part in parts.items():
                    part.write(large_days.sorted_by(made[target], schemas.SORT[target]))
        finally:
            for part in parts.values():
                part.close()
        return {target: part.written() for target, part in parts.items()}

    with ThreadPoolExecutor(threads) as pool:
        done = list(pool.map(work, range(0, len(places), share)))
    return {target: [part for found in done if (part := found[target]) is not None] for target in own}


def _part(shop_id: int, kind: str, day: date) -> large_days.Pieces:
    """A file of the day for a thread; ids of visitors and visits stand in several rows."""
    repeats = [
        field.name
        for field in schemas.ALL[kind]
        if field.name != "event_id" and not pa.types.is_timestamp(field.type)
    ]
    return large_days.Pieces(lambda: sealed_tier.part_path(shop_id, kind, day), repeats=repeats)


def _groups(files: Sequence[str]) -> list[tuple[str, int]]:
    """Each row group of the files, by its file and number."""
    found = []
    for name in files:
        with pq.ParquetFile(name) as file:
            found += [(name, group) for group in range(file.num_row_groups)]
    return found


def _group(name: str, group: int, columns: Sequence[str]) -> pa.Table:
    with pq.ParquetFile(name) as file:
        return file.read_row_group(group, columns=list(columns), use_threads=False)


def _lies_in_pieces(files: Sequence[str], key: str) -> bool:
    """Whether each row group holds all rows of its keys: then no key stands in two."""
    spans = []
    for name, group in _groups(files):
        found = pc.min_max(_group(name, group, [key])[key]).as_py()
        spans.append((found["min"], found["max"]))
    spans.sort()
    return bool(spans) and all(one[1] < other[0] for one, other in pairwise(spans))
