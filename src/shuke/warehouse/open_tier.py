"""The open tier: segments, each one synced Parquet file that is listed in one transaction.

Whoever changes the tier (an appender, the merger, an erasure) holds its one lock; readers hold none. A file that is no
longer listed stays for a grace, because a reader may have taken the list before.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from django.conf import settings
from django.db import transaction

from shuke.kernel import clock
from shuke.kernel.durable import sync_folder
from shuke.records.locks import exclusive
from shuke.warehouse import schemas
from shuke.warehouse.models import Segment, Tier

LOCK = "open-tier"
GRACE = timedelta(minutes=10)
# About 75 microseconds a file and question: merge before a question has to open some 200.
MERGE_AT = 24
MERGE_ROWS = 1_000_000
# A merge that has not ended after this was killed.
PART_SECONDS = 3600


class Span(NamedTuple):
    """What a file holds of one shop's day: how many rows, and the newest segment among them."""

    rows: int
    last: int


@dataclass(frozen=True)
class OpenFile:
    """One listed file with what it holds, by shop and day."""

    kind: str
    path: str
    first: int
    last: int
    rows: int
    spans: Mapping[int, Mapping[date, Span]]


@lru_cache(maxsize=4_000)
def spans_from(text: str) -> Mapping[int, Mapping[date, Span]]:
    raw = msgspec.json.decode(text)
    return {
        int(s): {date.fromisoformat(d): Span(*span) for d, span in days.items()} for s, days in raw.items()
    }


def write_file(table: pa.Table, path: Path) -> int:
    """Write and sync one Parquet file; returns its size."""
    pq.write_table(
        table, path, compression="zstd", compression_level=1, write_statistics=["shop_id", "at", "segment"]
    )
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
        return os.fstat(fd).st_size
    finally:
        os.close(fd)


def spans_text(table: pa.Table) -> str:
    """The spans of a file's rows as they are stored: {shop: {day: [rows, last segment]}}."""
    groups = table.select(["shop_id", "local_day", "segment"]).group_by(["shop_id", "local_day"])
    spans: dict[str, dict[str, tuple[int, int]]] = {}
    for row in groups.aggregate([([], "count_all"), ("segment", "max")]).to_pylist():
        days = spans.setdefault(str(row["shop_id"]), {})
        days[row["local_day"].isoformat()] = (row["count_all"], row["segment_max"])
    return msgspec.json.encode(spans).decode()


def append(*, facts: Mapping[str, pa.Table], within: Callable[[], None] | None = None) -> int | None:
    """Add facts (kind -> table with the kind's columns); returns the segment's number, None when there are none.

    `within` runs in the transaction that lists the segment: a checkpoint moves with the facts or not at all. If it
    raises, nothing is added. Raises ValueError for a table of another shape.
    """
    facts = {kind: table for kind, table in facts.items() if table.num_rows}
    for kind, table in facts.items():
        if not table.schema.equals(schemas.RAW[kind]):
            raise ValueError(f"{kind}: not the kind's columns: {table.schema.names}")
    folder = Path(settings.OPEN_TIER)
    folder.mkdir(parents=True, exist_ok=True)
    with exclusive(LOCK):
        if not facts:
            if within is not None:
                with transaction.atomic():
                    within()
            return None
        number = (Tier.objects.filter(name="open").values_list("last", flat=True).first() or 0) + 1
        rows: list[Segment] = []
        at = clock.now()
        for kind, table in facts.items():
            table = table.append_column("segment", pa.repeat(pa.scalar(number, pa.int64()), table.num_rows))
            if len(pc.unique(table["shop_id"])) > 1:
                table = table.sort_by("shop_id")
            name = f"{kind}-{number:012d}-{uuid.uuid4().hex[:8]}.parquet"
            size = write_file(table, folder / name)
            rows.append(
                Segment(
                    kind=kind,
                    file=name,
                    first=number,
                    last=number,
                    rows=table.num_rows,
                    size=size,
                    spans=spans_text(table),
                    listed_at=at,
                )
            )
        sync_folder(folder)
        with transaction.atomic():
            Tier.objects.update_or_create(name="open", defaults={"last": number})
            Segment.objects.bulk_create(rows)
            if within is not None:
                within()
        return number


def listed(kinds: Sequence[str] | None = None, *, after: int = 0) -> list[OpenFile]:
    """The files that are open now, in one statement: a snapshot of the list."""
    kept = Segment.objects.filter(unlisted_at=None, last__gt=after).order_by("last", "id")
    if kinds is not None:
        kept = kept.filter(kind__in=kinds)
    folder = Path(settings.OPEN_TIER)
    return [
        OpenFile(s.kind, str(folder / s.file), s.first, s.last, s.rows, spans_from(s.spans)) for s in kept
    ]


def last_number() -> int:
    """The highest number that is listed."""
    return Tier.objects.filter(name="open").values_list("last", flat=True).first() or 0


def _runs(files: Sequence[Segment]) -> list[list[Segment]]:
    """Neighbours to merge: runs of MERGE_AT files of about the same size, small ones first."""
    runs: list[list[Segment]] = []
    for tier in (20_000, 200_000, MERGE_ROWS):
        run: list[Segment] = []
        for file in files:
            if file.rows < tier and sum(f.rows for f in run) + file.rows <= MERGE_ROWS:
                run.append(file)
            else:
                if len(run) >= MERGE_AT:
                    runs.append(run)
                run = [file] if file.rows < tier else []
        if len(run) >= MERGE_AT:
            runs.append(run)
        if runs:
            return runs
    return runs


def merge() -> int:
    """Merge runs of small neighbours; returns how many files were replaced.

    The merged file is written beside the tier; only the switch of the list happens under the lock.
    """
    replaced = 0
    for kind in schemas.RAW:
        files = list(Segment.objects.filter(unlisted_at=None, kind=kind).order_by("last"))
        for run in _runs(files):
            replaced += merge_run(kind, run)
    return replaced


def merge_run(kind: str, run: Sequence[Segment]) -> int:
    """Replace the files of a run by one; 0 when somebody else changed one of them meanwhile."""
    folder = Path(settings.OPEN_TIER)
    try:
        tables = [pq.read_table(folder / f.file) for f in run]
    except FileNotFoundError:
        return 0
    table = pa.concat_tables(tables).sort_by([("shop_id", "ascending"), ("segment", "ascending")])
    name = f"{kind}-{run[-1].last:012d}-{uuid.uuid4().hex[:8]}.parquet"
    part = folder / f".{name}.part"
    size = write_file(table, part)
    ids = [f.id for f in run]
    at = clock.now()
    with exclusive(LOCK), transaction.atomic():
        # The condition is the guard: of two mergers of one run, or a merger and an erasure, one finds it changed.
        if Segment.objects.filter(id__in=ids, unlisted_at=None).update(unlisted_at=at) != len(ids):
            transaction.set_rollback(True)
            part.unlink(missing_ok=True)
            return 0
        try:
            os.rename(part, folder / name)
        except FileNotFoundError:  # an erasure removes what is half written, since a person may stand in it
            transaction.set_rollback(True)
            return 0
        sync_folder(folder)
        Segment.objects.create(
            kind=kind,
            file=name,
            first=run[0].first,
            last=run[-1].last,
            rows=table.num_rows,
            size=size,
            spans=spans_text(table),
            listed_at=at,
        )
    return len(run)


def unlist(files: Sequence[str]) -> int:
    """Take files off the list whose every row is sealed; they stay on disk for the grace. Returns how many."""
    if not files:
        return 0
    with exclusive(LOCK), transaction.atomic():
        return Segment.objects.filter(file__in=files, unlisted_at=None).update(unlisted_at=clock.now())


def clean(*, grace: timedelta = GRACE) -> int:
    """Remove files that have been unlisted for the grace, and strays that a killed writer left; returns how many."""
    folder = Path(settings.OPEN_TIER)
    if not folder.is_dir():
        return 0
    at = clock.now()
    removed = 0
    with exclusive(LOCK):
        old = list(Segment.objects.filter(unlisted_at__lte=at - grace))
        for row in old:
            (folder / row.file).unlink(missing_ok=True)
            removed += 1
        with transaction.atomic():
            Segment.objects.filter(id__in=[r.id for r in old]).delete()
        known = set(Segment.objects.values_list("file", flat=True))
        for path in folder.glob("*.parquet"):
            # Under the lock nobody is writing: a file that no row names was left by a killed writer.
            if path.name not in known:
                path.unlink(missing_ok=True)
                removed += 1
    for part in folder.glob(".*.part"):
        if time.time() - part.stat().st_mtime > PART_SECONDS:
            part.unlink(missing_ok=True)
            removed += 1
    return removed
