"""Erasure of one person's facts from both tiers, so that no file, statistic or log names them.

By integer surrogates only. Sealed tables: delete, vacuum to zero, shorten the log's retention to zero, checkpoint, clean the
log, and put the retention back, since statistics and a delete's own predicate would otherwise stay in the log. Open files
are written again without the rows, and the old ones removed at once: a reader that loses one plans once more.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
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
from shuke.warehouse.models import SealedDay, Segment
from shuke.warehouse.sealing import redo_started

PERSON_COLUMNS = ("visitor_id", "person_id", "buyer_id")


def erase(*, shop_id: int, surrogates: Sequence[int]) -> int:
    """Remove every fact whose visitor, person or buyer is one of the surrogates; returns how many rows went.

    Surrogates are those of kernel.surrogates (kinds `visitor` and `person`). Repeatable: a second call finds nothing.
    """
    ids = sorted({int(s) for s in surrogates})
    if not ids:
        return 0
    with exclusive(sealed_tier.LOCK), scope(shop=shop_id):
        # A fill that was started and not finished may have written the person's rows into files that no ledger names.
        redo_started(get_shop_by_id(shop_id))
        return _erase_sealed(shop_id, ids) + _erase_open(shop_id, ids)


def _erase_open(shop_id: int, ids: Sequence[int]) -> int:
    folder = Path(settings.OPEN_TIER)
    wanted = pa.array(ids, pa.int64())
    gone = 0
    with exclusive(open_tier.LOCK):
        # Unlisted files wait for their grace with the same rows in them: an erasure ends the grace.
        for old in Segment.objects.exclude(unlisted_at=None):
            (folder / old.file).unlink(missing_ok=True)
            old.delete()
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


def _erase_sealed(shop_id: int, ids: Sequence[int]) -> int:
    listed = ", ".join(str(i) for i in ids)
    gone = 0
    changed: dict[str, int] = {}
    for kind, schema in schemas.ALL.items():
        table = sealed_tier.open_table(shop_id, kind)
        if table is None:
            continue
        columns = [c for c in PERSON_COLUMNS if c in schema.names]
        predicate = " OR ".join(f"{c} IN ({listed})" for c in columns)
        metrics = table.delete(predicate)
        gone += metrics.get("num_deleted_rows", 0) or 0
        table.alter.set_table_properties(
            {
                "delta.logRetentionDuration": "interval 0 days",
                "delta.deletedFileRetentionDuration": "interval 0 days",
            }
        )
        table.vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
        table.create_checkpoint()
        table.cleanup_metadata()
        table.alter.set_table_properties(
            {
                "delta.logRetentionDuration": "interval 1 days",
                "delta.deletedFileRetentionDuration": "interval 1 days",
            }
        )
        changed[kind] = table.version()
    with transaction.atomic():
        for day in SealedDay.objects.filter(shop_id=shop_id):
            day.versions = {**day.versions, **changed}
            day.save(update_fields=["versions"])
    return gone
