"""Erasure of one person's facts from both tiers, so that no file, statistic or log names them.

By integer surrogates only. Sealed tables: delete, vacuum to zero, shorten the log's retention to zero, checkpoint, clean the
log, and put the retention back, since statistics and a delete's own predicate would otherwise stay in the log. Open files
are written again without the rows, and the old ones removed at once: a reader that loses one plans once more.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date
from functools import reduce
from operator import or_
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from django.conf import settings
from django.db import transaction
from django_scopes import scope

from shuke.kernel import clock
from shuke.kernel.durable import sync_folder
from shuke.records.locks import exclusive
from shuke.shops.reads import get_shop_by_id
from shuke.warehouse import open_tier, schemas, sealed_tier
from shuke.warehouse.models import ErasureBegun, Segment
from shuke.warehouse.sealing import follow, redo_started, seal_again

PERSON_COLUMNS = ("visitor_id", "person_id", "buyer_id")


def erase(*, shop_id: int, surrogates: Sequence[int]) -> int:
    """Remove every fact whose visitor, person or buyer is one of the surrogates; returns how many rows went.

    Surrogates are those of kernel.surrogates (kinds `visitor` and `person`). Repeatable: a second call finds nothing.
    One that is killed is finished by the sealer (`finish_begun`).
    """
    ids = sorted({int(s) for s in surrogates})
    if not ids:
        return 0
    with exclusive(sealed_tier.LOCK), scope(shop=shop_id):
        begun = ErasureBegun.objects.create(shop_id=shop_id, surrogates=ids, begun_at=clock.now())
        return _run(begun)


def finish_begun(shop_id: int) -> int:
    """Finish the erasures of a shop that were begun and killed; returns how many."""
    with scope(shop=shop_id):
        if not ErasureBegun.objects.exists():
            return 0
        with exclusive(sealed_tier.LOCK):
            begun = list(ErasureBegun.objects.order_by("id"))
            for one in begun:
                _run(one)
            return len(begun)


def _run(begun: ErasureBegun) -> int:
    # A fill that was started and not finished may have written the person's rows into files that no ledger names.
    redo_started(get_shop_by_id(begun.shop_id))
    days = {date.fromisoformat(text) for text in begun.days} | _touched_days(begun.shop_id, begun.surrogates)
    # Noted before a row goes: afterwards nothing tells any more on which days this person was.
    begun.days = sorted(day.isoformat() for day in days)
    begun.save(update_fields=["days"])
    gone = _erase_open(begun.shop_id, begun.surrogates)
    gone += _delete_sealed(begun.shop_id, begun.surrogates)
    # What was derived from these rows (a visitor's day, who came by whose device) is derived again from what is left.
    seal_again(get_shop_by_id(begun.shop_id), days)
    _clean(begun.shop_id)
    begun.delete()
    return gone


def _touched_days(shop_id: int, ids: Sequence[int]) -> set[date]:
    """The sealed days in which some fact is of these surrogates."""
    wanted = pa.array(ids, pa.int64())
    found: set[date] = set()
    for kind, schema in schemas.ALL.items():
        table = sealed_tier.open_table(shop_id, kind)
        columns = [name for name in PERSON_COLUMNS if name in schema.names]
        if table is None or not columns:
            continue
        is_person = reduce(or_, [pc.field(name).isin(wanted) for name in columns])
        rows = table.to_pyarrow_dataset().to_table(columns=["local_day"], filter=is_person)
        found.update(pc.unique(rows["local_day"]).to_pylist())
    return found


def _erase_open(shop_id: int, ids: Sequence[int]) -> int:
    folder = Path(settings.OPEN_TIER)
    wanted = pa.array(ids, pa.int64())
    gone = 0
    with exclusive(open_tier.LOCK):
        # Unlisted files wait for their grace with the same rows in them: an erasure ends the grace.
        for old in Segment.objects.exclude(unlisted_at=None):
            (folder / old.file).unlink(missing_ok=True)
            old.delete()
        for part in folder.glob(".*.part"):
            part.unlink(missing_ok=True)
        for segment in Segment.objects.filter(unlisted_at=None):
            if shop_id not in open_tier.spans_from(segment.spans):
                continue
            table = pq.read_table(folder / segment.file)
            is_theirs = pc.equal(table["shop_id"], shop_id)
            is_person = None
            for name in PERSON_COLUMNS:
                if name in table.column_names:
                    hit = pc.fill_null(pc.is_in(table[name], value_set=wanted), False)
                    is_person = hit if is_person is None else pc.or_(is_person, hit)
            if is_person is None:
                continue
            kept = table.filter(pc.invert(pc.and_(is_theirs, is_person)))
            if kept.num_rows == table.num_rows:
                continue
            gone += table.num_rows - kept.num_rows
            _replace(segment, kept, folder)
    return gone


def _replace(segment: Segment, kept: pa.Table, folder: Path) -> None:
    name = f"{segment.kind}-{segment.last:012d}-{uuid.uuid4().hex[:8]}.parquet"
    size = open_tier.write_file(kept, folder / name)
    sync_folder(folder)
    with transaction.atomic():
        segment.delete()
        Segment.objects.create(
            kind=segment.kind,
            file=name,
            first=segment.first,
            last=segment.last,
            rows=kept.num_rows,
            size=size,
            spans=open_tier.spans_text(kept),
            listed_at=clock.now(),
        )
    (folder / segment.file).unlink(missing_ok=True)


def _delete_sealed(shop_id: int, ids: Sequence[int]) -> int:
    """The rows go from every kind, then the ledger follows: it names a version that exists, wherever a kill comes."""
    listed = ", ".join(str(i) for i in ids)
    gone = 0
    for kind, schema in schemas.ALL.items():
        table = sealed_tier.open_table(shop_id, kind)
        if table is None:
            continue
        columns = [c for c in PERSON_COLUMNS if c in schema.names]
        if not columns:
            continue
        metrics = table.delete(" OR ".join(f"{c} IN ({listed})" for c in columns))
        gone += metrics.get("num_deleted_rows", 0) or 0
    follow(shop_id)
    return gone


def _clean(shop_id: int) -> None:
    """Nothing of an earlier version stays, in files or log; the ledger is ahead of each cleaning."""
    for kind in schemas.ALL:
        table = sealed_tier.open_table(shop_id, kind)
        if table is None:
            continue
        sealed_tier.set_retention(table, 0)
        table.vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False, full=True)
        follow(shop_id)
        table = sealed_tier.open_table(shop_id, kind)
        assert table is not None
        table.create_checkpoint()
        table.cleanup_metadata()
        sealed_tier.set_retention(table, 1)
    follow(shop_id)
