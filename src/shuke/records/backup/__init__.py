"""Backup and restore of an installation: one tar file that SQLite and PostgreSQL both write and both read."""

from __future__ import annotations

from shuke.records.backup.archive import BadBackup
from shuke.records.backup.restoring import HomeNotEmpty, OtherVersion, RestoreReport, restore_backup
from shuke.records.backup.writing import BackupReport, FilesKeepVanishing, write_backup

__all__ = [
    "BackupReport",
    "BadBackup",
    "FilesKeepVanishing",
    "HomeNotEmpty",
    "OtherVersion",
    "RestoreReport",
    "restore_backup",
    "write_backup",
]
