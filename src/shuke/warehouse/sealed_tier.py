"""The sealed tier: one Delta table per shop and kind, partitioned by local day, sorted so that one life lies together.

Only the sealer, the vacuum and an erasure write here, each under the tier's one lock: `deltalake` accepts a second
compaction from an older snapshot and doubles every row without an error. Readers name a version and get a list of files.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

import pyarrow as pa
from deltalake import (
    ColumnProperties,
    DeltaTable,
    PostCommitHookProperties,
    WriterProperties,
    write_deltalake,
)
from deltalake.exceptions import DeltaError, TableNotFoundError
from deltalake.transaction import AddAction, RemoveAction

from shuke.warehouse import lake, schemas

LOCK = "sealed-tier"
# Delta counts its grace in whole hours.
GRACE = timedelta(hours=1)
_CONFIGURATION = {
    "delta.checkpointInterval": "10",
    "delta.logRetentionDuration": "interval 1 days",
    "delta.deletedFileRetentionDuration": "interval 1 days",
    # No commit cleans the log by itself: it would take the version away that the ledger still names (clean_log).
    "delta.enableExpiredLogCleanup": "false",
    # Statistics lie in the log, where an erasure does not reach them: none on a column that names a person.
    "delta.dataSkippingStatsColumns": "shop_id,local_day,at,started_at",
}


def path_of(shop_id: int, kind: str) -> str:
    return lake.table_address(shop_id, kind)


def _writer(kind: str) -> WriterProperties:
    # zstd 3 with DELTA_BINARY_PACKED for time is smaller and a fifth faster to read (docs/architecture.md).
    moments = {
        f.name: ColumnProperties(dictionary_enabled=False, encoding="DELTA_BINARY_PACKED")
        for f in schemas.ALL[kind]
        if pa.types.is_timestamp(f.type)
    }
    return WriterProperties(
        compression="ZSTD",
        compression_level=3,
        max_row_group_size=262_144,
        column_properties=moments,
        default_column_properties=ColumnProperties(dictionary_enabled=True),
    )


def _hooks() -> PostCommitHookProperties:
    """What a commit does besides: now and then a checkpoint, and never a cleaning of the log."""
    return PostCommitHookProperties(create_checkpoint=True, cleanup_expired_logs=False)


def _quoted(days: Iterable[date]) -> str:
    return "day IN (" + ", ".join(f"'{d.isoformat()}'" for d in sorted(days)) + ")"


class VersionGone(FileNotFoundError):
    """The version that a reader wanted was cleaned away meanwhile; the ledger names a newer one by now."""


def open_table(shop_id: int, kind: str, version: int | None = None) -> DeltaTable | None:
    """The table; None when it was never written. Raises VersionGone when a wanted version is no longer there.

    Never take the second for the first: a day would then be sealed again from its open rows alone.
    """
    try:
        return DeltaTable(path_of(shop_id, kind), version=version)
    except TableNotFoundError:
        if version is not None:
            raise VersionGone(f"{path_of(shop_id, kind)} at version {version}") from None
        return None
    except DeltaError as error:
        if version is not None:
            raise VersionGone(f"{path_of(shop_id, kind)} at version {version}: {error}") from error
        raise


def replace_days(shop_id: int, kind: str, days: Iterable[date], rows: pa.RecordBatchReader | pa.Table) -> int:
    """Put `rows` (the kind's columns and `day`) in the place of what the days held; returns the new version.

    Call only under LOCK. The days change in one commit; nobody reads it before the ledger names the version. A column
    that the kind has gained since is added to the table: its other days have it once they are filled again.
    """
    days = list(days)
    path = path_of(shop_id, kind)
    table = open_table(shop_id, kind)
    if table is None:
        lake.make_room(path)
    known = {f.name for f in table.schema().fields} if table is not None else set(rows.schema.names)
    widening: Literal["merge"] | None = None if known.issuperset(rows.schema.names) else "merge"
    write_deltalake(
        path,
        rows,
        mode="overwrite",
        predicate=_quoted(days) if table is not None else None,
        schema_mode=widening,
        partition_by=["day"],
        configuration=_CONFIGURATION if table is None else None,
        writer_properties=_writer(kind),
        post_commithook_properties=_hooks(),
    )
    return DeltaTable(path).version()


def part_path(shop_id: int, kind: str, day: date) -> Path:
    """Where a new file of a day goes; it belongs to nothing until `replace_day_by_files` commits it."""
    folder = Path(path_of(shop_id, kind)) / f"day={day.isoformat()}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"part-{uuid.uuid4()}.zstd.parquet"


def replace_day_by_files(shop_id: int, kind: str, day: date, files: Sequence[tuple[Path, int]]) -> int:
    """Put files (each with its rows) that were written for it (the kind's columns, without `day`) in the place of what
    the day held.

    Returns the new version. Call only under LOCK. For large days, which are sorted and written on all cores.
    """
    root = path_of(shop_id, kind)
    actions: list[AddAction | RemoveAction] = [
        AddAction(
            path=str(file.relative_to(root)),
            size=file.stat().st_size,
            partition_values={"day": day.isoformat()},
            modification_time=int(file.stat().st_mtime * 1000),
            data_change=True,
            stats=json.dumps({"numRecords": rows}),
        )
        for file, rows in files
    ]
    columns = schemas.ALL[kind].append(pa.field("day", pa.string()))
    if open_table(shop_id, kind) is None:
        write_deltalake(
            root, columns.empty_table(), partition_by=["day"], configuration=_CONFIGURATION, mode="overwrite"
        )
    table = DeltaTable(root)
    table.create_write_transaction(
        actions,
        mode="overwrite",
        schema=table.schema(),
        partition_by=["day"],
        partition_filters=[("day", "=", day.isoformat())],
        post_commithook_properties=_hooks(),
    )
    return DeltaTable(root).version()


def empty_days(shop_id: int, kind: str, days: Iterable[date]) -> int | None:
    """The days hold nothing any more; returns the version, None when there is no table."""
    table = open_table(shop_id, kind)
    if table is None:
        return None
    table.delete(_quoted(days), post_commithook_properties=_hooks())
    return table.version()


@lru_cache(maxsize=4_000)
def files_by_day(shop_id: int, kind: str, version: int, root: str) -> Mapping[date, tuple[str, ...]]:
    """Which files hold which day, at a version. `root` is the lake's folder, so that two installations never mix."""
    table = open_table(shop_id, kind, version)
    if table is None:
        return {}
    found: dict[date, list[str]] = {}
    for action in pa.table(table.get_add_actions(flatten=True)).select(["path", "partition.day"]).to_pylist():
        name = unquote(action["path"])
        found.setdefault(date.fromisoformat(action["partition.day"]), []).append(
            f"{root}/{shop_id}/{kind}/{name}"
        )
    return {day: tuple(names) for day, names in found.items()}


def vacuum(shop_id: int, kind: str, *, grace: timedelta = GRACE) -> int:
    """Remove files that no version since the grace holds; returns how many. Call only under LOCK, with no fill begun."""
    table = open_table(shop_id, kind)
    if table is None:
        return 0
    hours = int(grace.total_seconds() // 3600)

    def removed(*, is_trial: bool) -> int:
        # Full: also what no log names, which a killed writer left.
        files = table.vacuum(
            retention_hours=hours,
            dry_run=is_trial,
            enforce_retention_duration=False,
            full=True,
            post_commithook_properties=_hooks(),
        )
        return len(files)

    return removed(is_trial=False) if removed(is_trial=True) else 0


def clean_log(shop_id: int, kind: str) -> None:
    """Shorten the log to its retention. Call only under LOCK, when the ledger names the newest version."""
    table = open_table(shop_id, kind)
    if table is not None:
        table.create_checkpoint()
        table.cleanup_metadata()


def set_retention(table: DeltaTable, days: int) -> None:
    """How long the log and removed files are kept."""
    table.alter.set_table_properties(
        {
            "delta.logRetentionDuration": f"interval {days} days",
            "delta.deletedFileRetentionDuration": f"interval {days} days",
        }
    )


def log_text(shop_id: int, kind: str) -> str:
    """Everything that the table's log says, as text: to show that an erasure left nothing."""
    folder = Path(path_of(shop_id, kind)) / "_delta_log"
    return "\n".join(json.dumps(p.read_text(errors="replace")) for p in sorted(folder.glob("*.json")))
