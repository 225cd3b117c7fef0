"""Looks after prepared days: large days are prepared before somebody asks; what no sealed file stands behind any longer goes,
and so does the longest unasked above the bound.

Which files count is asked of the ledger, not of the disk: a sealed file stays for a while after the ledger names another, and
an erasure that was killed is finished by whoever comes next, who knows nothing of funnels.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path

from django.conf import settings

from shuke.kernel.periods import ONE_DAY, Period, local_day
from shuke.records.processes import tended
from shuke.shops.reads import ShopView, list_shops
from shuke.traffic.funnels.prepared import FOLDER, SUFFIX, folder_of, path_of, prepared
from shuke.warehouse import reads as warehouse

LOOK_EVERY = 300.0  # seconds between two looks
# Smaller days are unpacked while somebody waits for them and hardly notices.
LARGE_DAY = 200_000
DAYS_BACK = 62
BYTES_A_ROW = 24  # of a prepared event, at most
LEFT_AFTER = (
    600.0  # seconds after which a file that is still being written belongs to a process that was killed
)
SECONDS_A_LOOK = 4.0
_next_look = 0.0


@tended
def sweep_due(at: datetime) -> int:
    """Sweep and prepare every few minutes, some seconds at a time; returns how many files went and came."""
    global _next_look
    if time.monotonic() < _next_look:
        return 0
    gone = sweep()
    made, is_done = prepare_ahead(at)
    _next_look = time.monotonic() + (LOOK_EVERY if is_done else 0.0)
    return gone + made


def prepare_ahead(at: datetime) -> tuple[int, bool]:
    """Prepare the large days of the last weeks that are not, newest first, as far as there is room; returns how many files,
    and whether none is left. Nothing is where the lake is elsewhere: funnels ask the engine there."""
    until = time.monotonic() + SECONDS_A_LOOK
    made = 0
    room = settings.PREPARED_BYTES - _size(Path(settings.HOME) / FOLDER)
    for shop in list_shops():
        today = local_day(at, shop.zone)
        recent = Period.inclusive(today - ONE_DAY * DAYS_BACK, today)
        for day, file, rows in warehouse.ask(shop, recent, _large_files):
            path = path_of(shop.id, day, file)
            if path.exists():
                continue
            if rows * BYTES_A_ROW > room:  # what went for the bound would only come again
                return made, True
            if time.monotonic() >= until:
                return made, False
            try:
                prepared(shop.id, day, file)
            except FileNotFoundError:  # sealed again meanwhile
                continue
            made += 1
            room -= _size_of(path)
            # Nobody has asked for it yet: it goes before what somebody did ask for, older days first.
            seen = datetime.fromisoformat(day).timestamp()
            os.utime(path, (seen, seen))
    return made, True


def _large_files(snapshot: warehouse.Snapshot) -> list[tuple[str, str, int]]:
    """Day, file, and (of one file a day, as most are) its rows."""
    if not snapshot.engine.is_in_process:
        return []
    plan = snapshot.plan
    days = [day for day in plan.through if plan.rows.get(day, {}).get("events", 0) >= LARGE_DAY]
    return [
        (day.isoformat(), file, plan.rows[day]["events"])
        for day in sorted(days, reverse=True)
        for file in snapshot.sealed_files("events", [day])
        if "://" not in file
    ]


def sweep() -> int:
    """Remove what is prepared from files that the ledger does not name, and above settings.PREPARED_BYTES of all shops what
    was not asked for longest; returns how many files went. Safe beside questions: one that lacks a file prepares it anew."""
    shops = {shop.id: shop for shop in list_shops()}
    gone = 0
    kept: list[Path] = []
    for folder in sorted((Path(settings.HOME) / FOLDER).glob("*")):
        shop = shops.get(int(folder.name)) if folder.name.isdigit() else None
        if shop is None:
            gone += sum(1 for _ in folder.glob(f"*/*{SUFFIX}"))
            shutil.rmtree(folder, ignore_errors=True)
            continue
        files = list(folder_of(shop.id).glob(f"*/*{SUFFIX}"))
        known = _named(shop, {file.parent.name for file in files})
        gone += _removed(_left_behind(folder_of(shop.id)))
        stale = [file for file in files if (file.parent.name, file.stem) not in known]
        kept += set(files) - set(stale)
        gone += _removed(stale)
    return gone + _removed(_beyond(kept, settings.PREPARED_BYTES))


def _left_behind(folder: Path) -> list[Path]:
    """What a process that was killed had begun to write."""
    return [part for part in folder.glob(f"*/.*{SUFFIX}.*") if _age(part) > LEFT_AFTER]


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _size(folder: Path) -> int:
    """Of everything prepared, in bytes; what goes meanwhile has none."""
    return sum(_size_of(file) for file in folder.glob("*/*/*"))


def _size_of(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def _named(shop: ShopView, folders: Iterable[str]) -> set[tuple[str, str]]:
    """(day, stem) of the sealed files of events that the ledger names on these days."""
    days = sorted(date.fromisoformat(name) for name in folders)
    if not days:
        return set()

    def question(snapshot: warehouse.Snapshot) -> set[tuple[str, str]]:
        return {
            (day.isoformat(), Path(file).stem)
            for day in days
            for file in snapshot.sealed_files("events", [day])
        }

    return warehouse.ask(shop, Period.inclusive(days[0], days[-1]), question)


def _beyond(files: Iterable[Path], most: int) -> list[Path]:
    """The files, those asked last first, that begin beyond so many bytes."""
    told = []
    for file in files:
        try:
            stat = file.stat()
        except FileNotFoundError:
            continue
        told.append((stat.st_mtime, stat.st_size, file))
    total, found = 0, []
    for _asked, size, file in sorted(told, reverse=True):
        total += size
        if total > most:
            found.append(file)
    return found


def _removed(files: Iterable[Path]) -> int:
    count = 0
    for file in files:
        file.unlink(missing_ok=True)
        count += 1
    return count
