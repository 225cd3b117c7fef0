"""Writing a backup while everything runs: the rows of one moment, then the files that they list."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.translation import gettext_lazy as _

from shuke.kernel.durable import written_atomically
from shuke.kernel.errors import Conflict
from shuke.records import erasures
from shuke.records.backup import archive as form
from shuke.records.backup import rows, tiers
from shuke.records.locks import LockHeld, exclusive

_TRIES = 5


class FilesKeepVanishing(Conflict):
    code = "files_keep_vanishing"
    words = _("Files were replaced while they were copied, %(value)s times in a row.")
    remedy = _("Try again in a quiet hour.")


class BackupRunning(Conflict):
    code = "backup_running"
    words = _("Another backup or restore is running.")
    remedy = _("Wait until it has ended.")


@dataclass(frozen=True)
class BackupReport:
    """What went in: rows by model label, number of files, bytes of the backup."""

    path: Path
    rows: dict[str, int]
    files: int
    size: int


def write_backup(dest: Path, *, at: datetime) -> BackupReport:
    """Write the installation as it is now to `dest` (a new file, readable by its owner only).

    `dest` is there whole or not at all. Raises BackupRunning, FilesKeepVanishing.
    """
    try:
        with exclusive("backup", wait=0):
            for _try in range(_TRIES):
                try:
                    return _write(Path(dest), at)
                except FileNotFoundError as error:
                    if error.filename is None or Path(error.filename) == Path(dest).parent:
                        raise
            raise FilesKeepVanishing(field="backup", value=_TRIES)
    except LockHeld:
        raise BackupRunning(field="backup") from None


def _write(dest: Path, at: datetime) -> BackupReport:
    with written_atomically(dest) as temporary:
        os.close(os.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600))
        archive = form.ArchiveWriter(temporary)
        before = dict(tiers.listed())
        counts: dict[str, int] = {}
        with rows.snapshot() as own:
            files = before | dict(tiers.listed())
            archive.add_json(form.MANIFEST, _manifest(own, at))
            for model in rows.kept_models():
                with tempfile.TemporaryFile(dir=dest.parent) as spool:
                    counts[model._meta.label] = rows.write_rows(model, own, spool)
                    size = spool.tell()
                    spool.seek(0)
                    archive.add_stream(f"{form.ROWS}{model._meta.label}.jsonl", spool, size)
        if erasures.list_file().exists():
            tiers.add(archive, form.ERASURES, erasures.list_file())
        for name, path in files.items():
            tiers.add(archive, name, path)
        archive.close()
    return BackupReport(dest, counts, len(files), dest.stat().st_size)


def _manifest(own: BaseDatabaseWrapper, at: datetime) -> dict[str, object]:
    return {
        "form": form.FORM,
        "at": at.isoformat(),
        "migrations": rows.kept_migrations(),
        "sequences": rows.read_sequences(own),
    }
