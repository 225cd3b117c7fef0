"""Backup and restore of an installation: one tar file that SQLite and PostgreSQL both write and both read."""

from __future__ import annotations

from shuke.records.backup.archive import BadBackup
from shuke.records.backup.restoring import (
    HalfRestored,
    HomeNotEmpty,
    OtherVersion,
    RestoreReport,
    require_whole,
    restore_backup,
)
from shuke.records.backup.writing import BackupReport, FilesKeepVanishing, write_backup

__all__ = [
    "BackupReport",
    "BadBackup",
    "FilesKeepVanishing",
    "HalfRestored",
    "HomeNotEmpty",
    "OtherVersion",
    "RestoreReport",
    "require_whole",
    "restore_backup",
    "write_backup",
]
