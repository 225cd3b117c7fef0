"""The import job: chunk by chunk from file to facts, each chunk saved with its cursor, counts and refused rows.

Exactly once. The cursor (rows consumed) moves in the transaction that lists the chunk's facts, so a chunk that was
killed is done again from the same row and none is done twice. Places are counted over the whole file: whoever opens a
file in the middle counts the rows before it first.

A second load adds nothing. Each row's identity and content are looked up among the facts: the same content is known,
another content takes the old statement back (sign -1, with the old row's own day) and states the new one. The lookup is
left out while no other import of the source has ever loaded a row.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from django.db import transaction
from django.utils.functional import lazy
from django.utils.translation import gettext_lazy as _

from shuke.intake import reasons
from shuke.intake.erased import SETTING_ASIDE, ErasedMeanwhile, Erasures
from shuke.intake.files import known, problems, uploads
from shuke.intake.files.parts import open_parts
from shuke.intake.files.reversals import primary
from shuke.intake.files.rows import BadRow, Mapped, Mapper, Places
from shuke.intake.files.spec import MappingSpec, parse
from shuke.intake.files.tables import Batch, Table, verify
from shuke.intake.models.imports import Import
from shuke.intake.models.quarantine import Quarantined
from shuke.intake.quarantine import kept as kept_rules
from shuke.intake.quarantine.kept import KeptRules
from shuke.kernel.surrogates import surrogate
from shuke.records.jobs import JobRun, Verdict, job_kind
from shuke.records.locks import exclusive
from shuke.shops.reads import ShopView, get_shop_by_id
from shuke.warehouse import actions as warehouse

KIND = "intake.import"
CHUNK_ROWS = 50_000
CHUNK_CELLS = 2_000_000
BAD_AT_ONCE = 2_000
HELD_OPEN = 4
MOST_BAD = 10_000
FITTING = 100  # from this many bad rows on, a first chunk that is mostly bad means a wrong mapping
TO_THE_END = 1 << 62
_COUNTS = ("read", "new", "changed", "known", "bad")


@dataclass
class Running:
    """An import that this process has open, at the row where its last chunk ended."""

    import_id: int
    shop: ShopView
    spec: MappingSpec
    table: Table
    mapper: Mapper
    places: Places
    row: int
    kept: KeptRules
    reasons: Counter[str] = field(default_factory=Counter)
    examples: dict[str, BadRow] = field(default_factory=dict)


_running: dict[int, Running] = {}


@job_kind(KIND, _("Import of a file"))
def step(job: JobRun) -> Verdict:
    """One chunk: first the check of the whole file, then rows."""
    row = Import.objects.get(id=job.params["import"])
    if job.state.get("phase") != "rows":
        return _check(job, row)
    with _unbothered():
        try:
            return _load_chunk(job, row)
        except ErasedMeanwhile:
            return "more"  # from the same row, if the file is still there


def _check(job: JobRun, row: Import) -> Verdict:
    """Refuse a file that can not be read to its end before any of its rows is loaded."""
    lines = 0
    for part, given in sorted(row.files.items()):
        path = uploads.path_of(row.shop_id, uploads.find(row.shop_id, given["sha256"]).sha256)
        _size, count = verify(path, given["name"])
        if part == "":
            lines = count
    running = opened_at(row, 0, now=job.at)
    if running.table.detected.kind == "workbook":
        total = None
    else:
        total = max(lines - running.table.detected.has_header - running.spec.layout.skip_lines, 1)
    _hold(job.id, running)
    with job.saving():
        job.progress(0, total, state={"phase": "rows", "row": 0, **dict.fromkeys(_COUNTS, 0)})
    return "more"


def opened_at(row: Import, at_row: int, *, now: datetime) -> Running:
    """Open an import's files and count the places of the rows before `at_row`."""
    shop = get_shop_by_id(row.shop_id)
    spec = parse(row.spec)
    table = open_parts(shop.id, row.files, spec, row.choices, currency=shop.currency)
    mapper = Mapper(
        spec,
        table.columns,
        shop=shop,
        import_ref=str(row.pk),
        file_name=table.name,
        encoding=table.detected.encoding,
        now=now,
    )
    running = Running(row.pk, shop, spec, table, mapper, Places(), 0, kept_rules.kept_for(row, spec.formats))
    while running.row < at_row:
        batch = table.take(min(CHUNK_ROWS, at_row - running.row))
        if batch is None:
            break
        if not batch.part:
            running.places.take(mapper.keys(running.kept.mend(mapper, batch)[0]))
        running.row += len(batch.rows)
    return running


def _load_chunk(job: JobRun, row: Import) -> Verdict:
    running = _running.pop(job.id, None)
    if running is None or running.row != job.state["row"]:
        running = opened_at(row, job.state["row"], now=job.at)
    erased = Erasures()
    erased.load()
    for given in row.files.values():
        uploads.find(row.shop_id, given["sha256"])  # an erasure may have taken the file
    size = max(1, min(CHUNK_ROWS, CHUNK_CELLS // max(len(running.table.columns), 1)))
    batch = running.table.take(size)
    if batch is None:
        with job.saving():
            job.progress(job.done, job.done, state=job.state)
        return "done"
    # Before places are taken: a row that rules mend has the identity that it has in a clean file.
    batch, mended = running.kept.mend(running.mapper, batch)
    mapped = running.mapper.map(batch, running.places)
    running.row += mapped.rows
    for bad in mapped.bad:
        running.reasons[bad.reason.code] += 1
        running.examples.setdefault(bad.reason.code, bad)
    _refuse_hopeless(running, job.state, batch, mapped)
    with exclusive(SETTING_ASIDE) if mapped.bad or mended else nullcontext():
        erased.require_unchanged()
        kept_rules.record(
            [(quarantined(row.shop_id, row.pk, running.mapper, one.bad, job.at), one) for one in mended],
            columns=running.mapper.columns,
            at=job.at,
        )
        _save(job, row, running, mapped, erased)
    _hold(job.id, running)
    return "more"


def _hold(job_id: int, running: Running) -> None:
    """Keep an import open for its next chunk; those that were stopped are let go after a while."""
    _running[job_id] = running
    while len(_running) > HELD_OPEN:
        _running.pop(next(iter(_running)))


def _refuse_hopeless(running: Running, state: dict[str, Any], batch: Batch, mapped: Mapped) -> None:
    """A mapping that does not fit, or a file that is mostly broken, stops here rather than fill the quarantine."""
    bad = len(mapped.bad)
    if bad and state["row"] == 0 and bad >= FITTING and bad * 2 > mapped.rows:
        raise problems.MappingDoesNotFit(
            field=running.table.name, bad=bad, rows=mapped.rows, reason=_commonest(running)
        )
    if state["bad"] + bad > MOST_BAD:
        raise problems.TooManyBadRows(
            field=running.table.name,
            line=batch.lines[-1],
            bad=state["bad"] + bad,
            reason=_commonest(running),
        )


def _commonest(running: Running) -> str:
    """The commonest reason, in the language in which the error is read, later; without the value: it may be somebody's,
    who may see jobs may read it, and nobody erases it there."""
    bad = running.examples[running.reasons.most_common(1)[0][0]]
    params = {"field": bad.column, **bad.reason.params}
    return lazy(lambda: reasons.words_without_value(bad.reason.code, params), str)()


def _save(job: JobRun, row: Import, running: Running, mapped: Mapped, erased: Erasures) -> None:
    spec, shop = running.spec, running.shop
    rows = primary(mapped.facts).num_rows if spec.kind == "orders" else mapped.facts.num_rows
    facts, counts = mapped.facts, {"new": rows, "changed": 0, "known": 0}
    if facts.num_rows and _others_loaded(row):
        facts, counts = known.against_known(shop, spec, facts, at=job.at)
    counts |= {"read": mapped.rows, "bad": len(mapped.bad)}
    state = {"phase": "rows", "row": running.row, **{c: job.state[c] + counts[c] for c in _COUNTS}}
    refused = [quarantined(shop.id, row.pk, running.mapper, bad, job.at) for bad in mapped.bad]
    # More than one short transaction holds: set aside before, which is repeatable, and move the cursor after.
    while len(refused) > BAD_AT_ONCE:
        part, refused = refused[:BAD_AT_ONCE], refused[BAD_AT_ONCE:]
        with transaction.atomic():
            Quarantined.objects.bulk_create(part, ignore_conflicts=True)
    first, last = days_of(facts)

    def within() -> None:
        erased.require_unchanged()
        if refused:
            Quarantined.objects.bulk_create(refused, ignore_conflicts=True)
        # Added, not set: a row may be mended while the import still runs.
        held = Import.objects.select_for_update().get(id=row.pk)
        for name in _COUNTS:
            setattr(held, f"rows_{name}", getattr(held, f"rows_{name}") + counts[name])
        held.first_day = min(filter(None, (held.first_day, first)), default=None)
        held.last_day = max(filter(None, (held.last_day, last)), default=None)
        held.save()
        total = None if job.total is None else max(job.total, running.row)
        job.progress(running.row, total, state=state)

    warehouse.append(facts={known.KIND_OF[spec.kind]: facts}, within=within)


def _others_loaded(row: Import) -> bool:
    """Whether another import of this source has loaded rows: only then can a row be known already."""
    others = Import.objects.filter(shop_id=row.shop_id, source=row.source).exclude(id=row.pk)
    return others.filter(rows_read__gt=0).exists()


def quarantined(shop_id: int, import_id: int, mapper: Mapper, bad: BadRow, at: datetime) -> Quarantined:
    """A refused row as it waits: its cells by column, its reason, and the place that it keeps.

    Its key is its identity and its text, so loading the file again sets it aside once.
    """
    cells = {}
    for i, cell in enumerate(bad.cells):
        cells[mapper.columns[i] if i < len(mapper.columns) else f"+{i + 1 - len(mapper.columns)}"] = cell
    payload = msgspec.json.format(msgspec.json.encode(cells), indent=1).decode()
    where = f"{bad.key}\x1f{bad.place}" if bad.place is not None else f"line\x1f{bad.line}"
    text = "\x1f".join(bad.cells)
    return Quarantined(
        shop_id=shop_id,
        key=surrogate(shop_id, "refused", f"{mapper.spec.source}\x1f{where}\x1f{text}"),
        origin="import",
        import_id=import_id,
        mapping=mapper.spec.name,
        line=bad.line,
        column=bad.column[:200],
        reason=bad.reason.code,
        params={"field": bad.column, **bad.reason.params, "row_key": bad.key, "row_place": bad.place},
        payload=payload,
        received_at=at,
    )


def days_of(facts: pa.Table) -> tuple[date | None, date | None]:
    """First and last local day of some facts."""
    if not facts.num_rows:
        return None, None
    days = pc.min_max(facts["local_day"]).as_py()
    return days["min"], days["max"]


@contextmanager
def _unbothered() -> Iterator[None]:
    """Without the collector of cycles: half a million short lists make no cycle, and looking for one doubles the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
