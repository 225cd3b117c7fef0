"""Sealing: a shop's day goes from the open tier into the sealed tables, and what pages ask for is derived from it.

The order of steps is what makes a kill harmless: a fill is written down as started; the raw kinds are written from what
the ledger says (not from what the table holds), then the derived kinds from these; one transaction names the new versions
and `through`, and closes the fill. A fill that was started is redone from the same beginning before anything else of its
shop, so the newest version of a table always holds every day as the ledger says.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import ibis
import pyarrow as pa
from django.db import OperationalError, transaction
from django.db.models import F
from django_scopes import scope

from shuke.kernel import clock
from shuke.kernel.periods import ONE_DAY, Period, day_start, local_day
from shuke.records.locks import exclusive
from shuke.shops.reads import ShopView, list_shops
from shuke.warehouse import derivations, lake, large_days, open_tier, schemas, sealed_tier
from shuke.warehouse.engine import named
from shuke.warehouse.models import Fill, SealedDay
from shuke.warehouse.snapshots import Plan, Snapshot, plan

log = logging.getLogger("warehouse")

# A past day is sealed once it has been over for a while, and again some time after late facts came.
SETTLE = timedelta(minutes=5)
AGAIN_AFTER = timedelta(seconds=60)
# Today is sealed as far as it has come when this many of its rows are open, so that questions stay quick.
TODAY_ROWS = 50_000
TODAY_AGAIN_AFTER = timedelta(minutes=10)
# Days that are sealed in one commit: bounded by rows, since sorting holds them.
BATCH_ROWS = 2_000_000
BATCH_DAYS = 62
# From here on a day is sorted and written in memory on all cores, and above the second bound by the engine, which spills.
LARGE_DAY = 200_000
IN_MEMORY = 3_000_000


@dataclass(frozen=True)
class OpenDay:
    """A shop's day with facts that are not sealed: at most `rows` of them, in segments up to `last`."""

    day: date
    rows: int
    last: int


def open_days(shop_id: int, files: Sequence[open_tier.OpenFile] | None = None) -> list[OpenDay]:
    """The shop's days with open facts, oldest first; `files`: the open list, where it is at hand."""
    with scope(shop=shop_id):
        through = dict(SealedDay.objects.values_list("day", "through"))
    found: dict[date, OpenDay] = {}
    for file in open_tier.listed() if files is None else files:
        for day, span in file.spans.get(shop_id, {}).items():
            if span.last > through.get(day, 0):
                known = found.get(day, OpenDay(day, 0, 0))
                found[day] = OpenDay(day, span.rows + known.rows, max(span.last, known.last))
    return [found[day] for day in sorted(found)]


def due_days(
    shop: ShopView, at: datetime, files: Sequence[open_tier.OpenFile] | None = None
) -> list[OpenDay]:
    """Which open days should be sealed now."""
    today = local_day(at, shop.zone)
    with scope(shop=shop.id):
        sealed_at = dict(SealedDay.objects.values_list("day", "sealed_at"))
    due = []
    for open_day in open_days(shop.id, files):
        last = sealed_at.get(open_day.day)
        since = at - last if last is not None else timedelta.max
        if open_day.day >= today:
            if open_day.rows >= TODAY_ROWS and since >= TODAY_AGAIN_AFTER:
                due.append(open_day)
        elif at >= day_start(open_day.day + ONE_DAY, shop.zone) + SETTLE and since >= AGAIN_AFTER:
            due.append(open_day)
    return due


def seal(
    shop: ShopView, days: Iterable[date] | None = None, *, progress: Callable[[int, int], None] | None = None
) -> int:
    """Seal the given days of a shop (default: every day with open facts); returns how many days were sealed.

    Safe to be killed at any line and to be called by two processes: it holds the sealed tier's lock.
    """
    with exclusive(sealed_tier.LOCK), scope(shop=shop.id):
        redo_started(shop)
        waiting = open_days(shop.id)
        if days is not None:
            wanted = set(days)
            waiting = [d for d in waiting if d.day in wanted]
        batches = _batches(waiting)
        done = 0
        for batch in batches:
            _fill(shop, [d.day for d in batch], open_tier.last_number())
            done += len(batch)
            if progress is not None:
                progress(done, len(waiting))
        return done


def seal_due(at: datetime) -> int:
    """Seal what is due in every shop; returns how many days were sealed. One shop that can not be sealed keeps no other
    from it; what it raised is raised at the end."""
    sealed = 0
    files = open_tier.listed()
    first: Exception | None = None
    for shop in list_shops():
        try:
            due = due_days(shop, at, files)
            with scope(shop=shop.id):
                is_unfinished = Fill.objects.filter(done_at=None).exists()
            if due or is_unfinished:
                sealed += seal(shop, [d.day for d in due])
        except OperationalError:
            raise
        except Exception as error:
            log.exception("seal.failed shop=%s", shop.id)
            first = first or error
    if first is not None:
        raise first
    return sealed


def seal_again(shop: ShopView, days: Iterable[date]) -> None:
    """Write sealed days anew from their raw facts, with all that is derived. Call only under the sealed tier's lock and in
    the shop's scope, with no fill begun."""
    wanted = set(days)
    sealed = [
        OpenDay(row.day, sum(row.rows.get(kind, 0) for kind in schemas.RAW), row.through)
        for row in SealedDay.objects.filter(day__in=wanted).order_by("day")
    ]
    for batch in _batches(sealed):
        _fill(shop, [d.day for d in batch], open_tier.last_number(), wholly=True)


def follow(shop_id: int) -> None:
    """The ledger names the newest version of every table. Call only under the sealed tier's lock and in the shop's scope,
    with no fill begun: then the newest holds every day as the ledger says."""
    versions = {}
    for kind in schemas.ALL:
        table = sealed_tier.open_table(shop_id, kind)
        if table is not None:
            versions[kind] = table.version()
    with transaction.atomic():
        days = list(SealedDay.objects.all())
        for day in days:
            day.versions = {kind: versions[kind] for kind in day.versions}
        SealedDay.objects.bulk_update(days, ["versions"], batch_size=500)


def _batches(days: Sequence[OpenDay]) -> list[list[OpenDay]]:
    batches: list[list[OpenDay]] = []
    for day in days:
        batch = batches[-1] if batches else None
        if batch is None or len(batch) >= BATCH_DAYS or sum(d.rows for d in batch) + day.rows > BATCH_ROWS:
            batches.append([day])
        else:
            batch.append(day)
    return batches


def redo_started(shop: ShopView) -> None:
    """Finish what was begun, from its own beginning. Call only under the sealed tier's lock."""
    for fill in Fill.objects.filter(shop_id=shop.id, done_at=None).order_by("id"):
        log.info("fill.redone shop=%s fill=%s", shop.id, fill.id)
        _run(shop, fill)


def _fill(shop: ShopView, days: Sequence[date], through: int, *, wholly: bool = False) -> None:
    fill = Fill.objects.create(
        shop_id=shop.id, days=[d.isoformat() for d in days], through=through, started_at=clock.now()
    )
    _run(shop, fill, wholly=wholly)


def _run(shop: ShopView, fill: Fill, *, wholly: bool = False) -> None:
    began = time.perf_counter()
    days = [date.fromisoformat(d) for d in fill.days]
    used = named("duckdb")  # days are sealed here, whatever engine answers questions
    slot = used.take_slot()
    try:
        snapshot = Snapshot(shop, _plan_of(shop, days, fill.through), used, slot)
        versions, rows, is_whole = _write_all(snapshot, days, fill.through, wholly=wholly)
    finally:
        used.free_slot(slot)
    at = clock.now()
    with transaction.atomic():
        for day in days:
            counts = {kind: n.get(day, 0) for kind, n in rows.items()}
            row, is_new = SealedDay.objects.get_or_create(
                shop_id=shop.id,
                day=day,
                defaults={
                    "through": fill.through,
                    "versions": versions,
                    "rows": counts,
                    "sealed_at": at,
                    "is_whole": is_whole,
                },
            )
            if not is_new:
                SealedDay.objects.filter(pk=row.pk).update(
                    through=fill.through,
                    versions=versions,
                    rows=counts,
                    sealed_at=at,
                    times=F("times") + 1,
                    is_whole=is_whole,
                )
        Fill.objects.filter(pk=fill.pk).update(
            done_at=at, rows=sum(sum(n.values()) for n in rows.values()), seconds=time.perf_counter() - began
        )
    log.info("day.sealed shop=%s days=%s through=%s", shop.id, len(days), fill.through)


def _plan_of(shop: ShopView, days: Sequence[date], through: int) -> Plan:
    """The ledger's view of the days, with open files up to the fill's `through` only."""
    whole = plan(shop.id, Period(min(days), max(days) + ONE_DAY))
    files = {kind: tuple(f for f in found if f.first <= through) for kind, found in whole.open_files.items()}
    return Plan(shop.id, whole.period, whole.through, whole.versions, files)


def _write_all(
    snapshot: Snapshot, days: Sequence[date], through: int, *, wholly: bool
) -> tuple[dict[str, int], dict[str, dict[date, int]], bool]:
    """Write every kind's days; returns the versions of all tables, the rows per kind and day, and whether all was derived."""
    versions = dict(snapshot.plan.versions)
    rows: dict[str, dict[date, int]] = {}
    wanted = [ibis.date(d) for d in days]
    # What lies in an object store is streamed there: nobody writes a file beside a table's others.
    by_itself = len(days) == 1 and not lake.is_remote()
    counts = {kind: _rows_of(snapshot, kind) if by_itself else 0 for kind in schemas.RAW}
    in_memory = {k for k, n in counts.items() if LARGE_DAY <= n <= IN_MEMORY and large_days.can_cut(k)}
    later = derivations.later_kinds() if in_memory and not wholly else frozenset()
    derived = DerivedByPiece(snapshot, without=later)
    for kind in schemas.RAW:
        if kind in in_memory:
            _write_in_memory(snapshot, kind, days[0], through, versions, rows, derived)
        else:
            table = snapshot.raw_until_segment(kind, through)
            table = table.filter(table.local_day.isin(wanted))
            if counts[kind] >= LARGE_DAY:
                _write_by_engine(snapshot, kind, table, days[0], versions, rows)
            else:
                write_days(snapshot, kind, table, days, versions, rows)
        offer(snapshot, kind, days, versions)
    for derivation in derivations.in_order():
        if derivation.kind in later:
            # What the table holds of the day is of an earlier sealing: without a version it is none of the day's.
            versions.pop(derivation.kind, None)
        else:
            derive_days(snapshot, derivation.kind, derived, days, versions, rows)
    return versions, rows, not later


def derive_days(
    snapshot: Snapshot,
    kind: str,
    derived: DerivedByPiece,
    days: Sequence[date],
    versions: dict[str, int],
    rows: dict[str, dict[date, int]],
) -> None:
    """Write a derived kind's days, from the pieces or from what was offered, and offer them to what reads it."""
    answer = derived.taken(kind)
    name = f"s{snapshot.slot}_made"
    if answer is None and derivations.derivation(kind).kernel is None:
        # Sorted and written as it is computed: nothing of it is held.
        made = snapshot.engine.define(name, schemas.ALL[kind], snapshot.sql(kind))
    else:
        # One name for all kinds: what was written is let go when the next one is held.
        made = snapshot.engine.hold(name, snapshot.made(kind) if answer is None else answer)
        del answer
    write_days(snapshot, kind, made, days, versions, rows)
    offer(snapshot, kind, days, versions)


class DerivedByPiece:
    """What kernels made of a large day's pieces while these were at hand: a piece holds all of each of its keys."""

    def __init__(
        self,
        snapshot: Snapshot,
        *,
        without: Collection[str] = (),
        kept: Callable[[derivations.Derivation], bool] = lambda _derivation: True,
    ) -> None:
        """`without`: kinds not to be made. `kept`: of which kinds what was made is kept, to be `taken`."""
        self._without = without
        self._is_kept = kept
        self._context = derivations.Context(snapshot.shop, snapshot.period)
        self._kernels: dict[str, list[tuple[derivations.Derivation, derivations.Prepared]]] = {}
        self._made: dict[str, dict[int, pa.Table]] = {}

    def prepare(self, kind: str) -> tuple[str, ...]:
        """Ready the kernels that read this kind and what others make of it, by the key that pieces are cut by. They may ask
        the database now, in this thread, and not when pieces come. Returns the columns of the kind that they read."""
        known = {kind}
        self._kernels[kind] = []
        for derivation in derivations.in_order():
            kernel = derivation.kernel
            if kernel is None or derivation.key != schemas.SORT[kind][0] or derivation.kind in self._without:
                continue
            if set(derivation.inputs) <= known and tuple(kernel.columns) == derivation.inputs:
                self._kernels[kind].append((derivation, kernel.prepare(self._context)))
                self._made[derivation.kind] = {}
                if not derivation.sums:
                    known.add(derivation.kind)
        read = {c for one, _ in self._kernels[kind] if one.kernel for c in one.kernel.columns.get(kind, ())}
        return tuple(name for name in schemas.ALL[kind].names if name in read)

    def prepared(self, kind: str) -> list[derivations.Derivation]:
        """The derivations that `prepare` readied."""
        return [derivation for derivation, _kernel in self._kernels[kind]]

    def derive(self, kind: str, number: int, rows: pa.Table) -> dict[str, pa.Table]:
        """Make the kinds of a piece; returns them with the piece itself."""
        at_hand = {kind: rows}
        for derivation, kernel in self._kernels[kind]:
            assert derivation.kernel is not None
            inputs = {
                name: at_hand[name].select(columns) for name, columns in derivation.kernel.columns.items()
            }
            at_hand[derivation.kind] = kernel(inputs)
            if self._is_kept(derivation):
                self._made[derivation.kind][number] = at_hand[derivation.kind]
        return at_hand

    def taken(self, kind: str) -> pa.Table | None:
        """The pieces' answers in order, once; None when there are none."""
        made = self._made.pop(kind, None)
        if not made:
            return None
        found = pa.concat_tables([made[number] for number in sorted(made)])
        kernel = derivations.derivation(kind).kernel
        return kernel.fold(found) if kernel is not None and kernel.fold is not None else found


def _rows_of(snapshot: Snapshot, kind: str) -> int:
    """At most so many rows of a raw kind lie in the snapshot's days."""
    still_open = sum(
        span.rows
        for file in snapshot.plan.open_files.get(kind, ())
        for day, span in file.spans[snapshot.shop.id].items()
        if day in snapshot.period
    )
    sealed = sum(
        rows.get(kind, 0)
        for rows in SealedDay.objects.filter(
            day__gte=snapshot.period.start, day__lt=snapshot.period.end
        ).values_list("rows", flat=True)
    )
    return still_open + sealed


def write_days(
    snapshot: Snapshot,
    kind: str,
    table: ibis.Table,
    days: Sequence[date],
    versions: dict[str, int],
    rows: dict[str, dict[date, int]],
) -> None:
    shop_id = snapshot.shop.id
    reader = _sorted(snapshot, kind, table)
    first = next(reader, None)
    if first is None:
        version = sealed_tier.empty_days(shop_id, kind, days)
        if version is not None:
            versions[kind] = version
        rows[kind] = {}
        return
    counts: dict[date, int] = {}
    target = schemas.ALL[kind].append(pa.field("day", pa.string()))

    def counted() -> Iterable[pa.RecordBatch]:
        batch: pa.RecordBatch | None = first
        while batch is not None:
            for item in batch.column("local_day").value_counts().to_pylist():
                counts[item["values"]] = counts.get(item["values"], 0) + item["counts"]
            yield batch.cast(target)
            batch = next(reader, None)

    stream = pa.RecordBatchReader.from_batches(target, counted())
    versions[kind] = sealed_tier.replace_days(shop_id, kind, days, stream)
    rows[kind] = counts


def _sorted(snapshot: Snapshot, kind: str, table: ibis.Table) -> Iterator[pa.RecordBatch]:
    """The rows in the kind's order, with `day`."""
    dated = table.mutate(day=table.local_day.cast("string"))
    return snapshot.engine.batches([dated.order_by(["local_day", *schemas.SORT[kind]])])


def _write_in_memory(
    snapshot: Snapshot,
    kind: str,
    day: date,
    through: int,
    versions: dict[str, int],
    rows: dict[str, dict[date, int]],
    derived: DerivedByPiece,
) -> None:
    shop_id = snapshot.shop.id
    sources = [large_days.Source(path) for path in snapshot.sealed_files(kind, [day])]
    since = snapshot.plan.through.get(day, 0)
    for file in snapshot.plan.open_files.get(kind, ()):
        span = file.spans[shop_id].get(day)
        if span is not None and span.last > since:
            sources.append(large_days.Source(file.path, since, through))
    derived.prepare(kind)
    written = large_days.write(
        sources,
        shop_id=shop_id,
        kind=kind,
        day=day,
        target=lambda: sealed_tier.part_path(shop_id, kind, day),
        each=lambda number, piece: derived.derive(kind, number, piece),
    )
    versions[kind] = sealed_tier.replace_day_by_files(
        shop_id, kind, day, [(one.path, one.rows) for one in written]
    )
    rows[kind] = {day: sum(one.rows for one in written)}


def _write_by_engine(
    snapshot: Snapshot,
    kind: str,
    table: ibis.Table,
    day: date,
    versions: dict[str, int],
    rows: dict[str, dict[date, int]],
) -> None:
    """A day beyond what memory should hold is sorted and written by the engine, which spills where memory ends."""
    path = sealed_tier.part_path(snapshot.shop.id, kind, day)
    count = snapshot.engine.write_file(table.order_by(list(schemas.SORT[kind])), path)
    versions[kind] = sealed_tier.replace_day_by_files(snapshot.shop.id, kind, day, [(path, count)])
    rows[kind] = {day: count}


def offer(snapshot: Snapshot, kind: str, days: Sequence[date], versions: Mapping[str, int]) -> None:
    """Offer the days as they now lie in the sealed table to the derivations, before the ledger names them."""
    files: list[str] = []
    if kind in versions:
        by_day = sealed_tier.files_by_day(snapshot.shop.id, kind, versions[kind], snapshot.lake)
        files = [name for day in days for name in by_day.get(day, ())]
    snapshot.offered[kind] = files
    snapshot.engine.table(snapshot.input_name(kind), schemas.ALL[kind], files)
