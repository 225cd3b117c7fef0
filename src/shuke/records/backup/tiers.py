"""The files of an installation: journal, open tier, lake, uploads, remembered ids. Written once and never changed, or only appended to.

A file may be removed at any time by whoever replaced it, after its row in the database was switched. So the list is
taken before and after the database's moment; when a listed file is gone, the whole is planned again.
Delta's log is listed before the data that it names: whatever a copied log names is then in the copy.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from django.conf import settings

from shuke.kernel.durable import sync_folder
from shuke.records.backup.archive import ArchiveWriter


def has_remote_lake() -> bool:
    """Whether sealed facts lie in an object store."""
    return "://" in str(settings.LAKE)


def tiers() -> dict[str, Path]:
    """Name in the archive -> folder. The journal comes last: it may only be newer than what the rows say of it.

    A lake in an object store is not among them: it is kept by the store's own copies (docs/howto/object-store.md).
    """
    lake = {} if has_remote_lake() else {"lake": Path(settings.LAKE)}
    return {
        "open": Path(settings.OPEN_TIER),
        **lake,
        "uploads": Path(settings.UPLOADS),
        "remembered": Path(settings.JOURNAL).parent / "remembered",  # ids by which collection knows a repeat
        "journal": Path(settings.JOURNAL),
    }


def listed() -> list[tuple[str, Path]]:
    """(name in the archive, path) of every finished file, logs before data."""
    found = []
    for tier, folder in tiers().items():
        files = [(f"{tier}/{path.relative_to(folder).as_posix()}", path) for path in _walk(folder)]
        found += sorted(files, key=lambda item: ("_delta_log" not in item[0], item[0]))
    return found


def _walk(folder: Path) -> Iterator[Path]:
    """Logs are visited first at every level, so that no data is listed too early for its log."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: (entry.name != "_delta_log", entry.name))
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path))
        elif entry.is_file(follow_symlinks=False) and not _is_unfinished(entry.name):
            yield Path(entry.path)


def _is_unfinished(name: str) -> bool:
    """Still being written under another name (ours end in `.part`, deltalake's carry a `#`), or a hint that changes.

    `_last_checkpoint` is such a hint: it may name a checkpoint newer than the list, and Delta does without it.
    """
    return name.endswith(".part") or "#" in name or name == "_last_checkpoint"


def add(archive: ArchiveWriter, name: str, path: Path) -> None:
    """Add a file as long as it is now. Raises FileNotFoundError when it vanished."""
    with open(path, "rb") as file:
        archive.add_stream(name, file, os.fstat(file.fileno()).st_size)


def are_empty() -> bool:
    return not any(True for folder in tiers().values() for _path in _walk(folder))


def clear() -> None:
    """Remove every file of every tier."""
    for folder in tiers().values():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)


def restore(name: str, source: IO[bytes]) -> bool:
    """Write one member to its tier, synced; False when the name belongs to no tier."""
    tier, _slash, rest = name.partition("/")
    folder = tiers().get(tier)
    if folder is None or not rest:
        return False
    path = folder / rest
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        shutil.copyfileobj(source, file, 1 << 20)
        file.flush()
        os.fsync(file.fileno())
    return True


def sync() -> None:
    """Make the names of all restored files durable."""
    for folder in tiers().values():
        for place, _folders, _files in os.walk(folder):
            sync_folder(Path(place))
