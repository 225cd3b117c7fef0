"""Restoring a backup: checked whole before anything is touched; then files, rows in one transaction, erasures again.

A restore that was killed leaves a mark in the home and is simply run again. Nothing else may run meanwhile: every part
asks `require_whole` before it begins.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import IO

from django.apps import apps
from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from shuke.kernel.durable import write_atomically
from shuke.kernel.errors import Conflict
from shuke.records import erasures
from shuke.records.backup import archive as form
from shuke.records.backup import rows, tiers
from shuke.records.backup.writing import BackupRunning
from shuke.records.locks import LockHeld, exclusive


class HomeNotEmpty(Conflict):
    code = "home_not_empty"
    words = _("This installation holds shops, people or files already; a restore would replace them all.")
    remedy = _("Restore into an empty home, or say that everything here is to be replaced.")


class OtherVersion(Conflict):
    code = "other_version"
    words = _("The backup was written by another version of Shuke (it differs in “%(value)s”).")
    remedy = _("Restore it with that version, then upgrade.")


class HalfRestored(Conflict):
    code = "half_restored"
    words = _("A restore into this home was begun and not finished; what it holds is a half.")
    remedy = _("Run “shuke restore” with the same backup again; then everything may run.")


@dataclass(frozen=True)
class RestoreReport:
    """What came back: the backup's moment (ISO, UTC), rows by model label, files, things erased again by store."""

    at: str
    rows: dict[str, int]
    files: int
    erased_again: dict[str, int]


def require_whole() -> None:
    """Raises HalfRestored while the mark of a restore stands in the home."""
    if _mark().exists():
        raise HalfRestored(field="home", value=str(settings.HOME))


def restore_backup(source: Path, *, replaces: bool = False) -> RestoreReport:
    """Bring back a backup into this installation, whose database is migrated and whose processes are stopped.

    Raises BadBackup, OtherVersion, HomeNotEmpty (unless `replaces`), BackupRunning; nothing is changed then. The
    installation's own list of erasures stays, is joined with the backup's, and is applied to what came back.
    """
    source = Path(source)
    try:
        with exclusive("backup", wait=0):
            manifest = form.verified(source)
            _require_same_version(manifest["migrations"])
            if not replaces and not _mark().exists() and (rows.has_rows() or not tiers.are_empty()):
                raise HomeNotEmpty(field="home", value=str(settings.HOME))
            return _restore(source, manifest)
    except LockHeld:
        raise BackupRunning(field="backup") from None


def _restore(source: Path, manifest: dict) -> RestoreReport:
    write_atomically(_mark(), str(manifest["at"]).encode())
    own_list = erasures.list_erasures()
    tiers.clear()
    counts: dict[str, int] = {}
    files = 0
    with transaction.atomic():
        rows.empty_tables()
        for name, content in form.members(source):
            if name.startswith(form.ROWS):
                label = name.removeprefix(form.ROWS).removesuffix(".jsonl")
                counts[label] = rows.read_rows(apps.get_model(label), content)
            elif name == form.ERASURES:
                _join_erasures(own_list, content)
            else:
                files += tiers.restore(name, content)
        tiers.sync()
        rows.raise_sequences(manifest["sequences"])
    erased = erasures.apply_again()
    _mark().unlink()
    return RestoreReport(manifest["at"], counts, files, erased)


def _join_erasures(own: tuple[erasures.Erasure, ...], content: IO[bytes]) -> None:
    """Note what only the backup knew; the installation's own lines are not touched."""
    for erasure in erasures.parsed(content.read().decode()):
        if erasure not in own:
            erasures.note(erasure)


def _mark() -> Path:
    return Path(settings.HOME) / "restoring"


def _require_same_version(theirs: list[str]) -> None:
    differing = sorted(set(theirs) ^ set(rows.kept_migrations()))
    if differing:
        raise OtherVersion(field="version", value=differing[0])
