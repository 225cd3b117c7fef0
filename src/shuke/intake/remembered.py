"""Message ids that count already, remembered for 48 hours: a repeated event is known again across restarts and kills.

Ids are int64 surrogates, in sorted files by the hour in which they were committed, read through memory maps. A file is
written and synced before the commit that lists it, and means nothing until then; what is not listed is removed at
a later start. Small files of an hour are merged as they grow, so that an hour has few; a finished hour is merged into one.
That is done between commits (`tidy`): what was merged is written then, and listed with the next commit.
"""

from __future__ import annotations

import logging
import mmap
import os
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from shuke.intake.models import RememberedRun
from shuke.kernel.durable import written_atomically

HOURS = 48
_LARGEST_GROWING = 1_000_000  # ids: merged on the way, each time within some ten milliseconds
_MOST_RUNS = 64  # of an hour; then one who never comes to rest tidies within a commit
_FRESH_SECONDS = 60.0  # what nobody looked after for longer could have been taken for a stray file
_LARGEST = 8_000_000  # ids: merged when the hour has ended
_IN_MEMORY = 16_384  # ids: smaller files are read whole, a memory map costs more (and an open file)

_STRAY_SECONDS = 600
# What was read through a map stays in the system's cache; held by the map as well, it would count as this process's memory
# and grow with the hours.
_GIVE_BACK = getattr(mmap, "MADV_DONTNEED", None)
log = logging.getLogger("intake.remembered")


@dataclass(frozen=True, eq=False)
class Run:
    """One sorted file."""

    hour: int
    name: str
    ids: np.ndarray
    mapping: mmap.mmap | None = None

    def give_back(self) -> None:
        """Let the system have the pages that were looked at."""
        if self.mapping is not None and _GIVE_BACK is not None:
            self.mapping.madvise(_GIVE_BACK)


@dataclass
class Change:
    """What a commit does to the files. `save` belongs in its transaction, `Remembered.keep` after it.

    When the commit fails nobody knows at once whether it did: make a new Remembered, which reads what is listed.
    """

    added: list[Run] = field(default_factory=list)
    removed: list[Run] = field(default_factory=list)

    def save(self) -> None:
        """List and unlist, in the caller's transaction."""
        if self.removed:
            RememberedRun.objects.filter(name__in=[run.name for run in self.removed]).delete()
        RememberedRun.objects.bulk_create(
            [RememberedRun(hour=run.hour, name=run.name, ids=len(run.ids)) for run in self.added]
        )


class Remembered:
    """The ids of the last 48 hours. One process has it: the committer, under its lock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._serial = 0
        self._tidied: tuple[Change, float] | None = None
        self.runs: list[Run] = []
        for row in RememberedRun.objects.order_by("id"):
            try:
                self.runs.append(Run(row.hour, row.name, *self._read(row.name, row.ids)))
            except (FileNotFoundError, ValueError):
                # Collecting goes on: what these ids would have kept out may count again, and the log says so.
                log.error("remembered.lost file=%s ids=%s", row.name, row.ids)
                row.delete()
                continue
            self._serial = max(self._serial, int(row.name.split("-")[1]))
        listed = {run.name for run in self.runs}
        for path in folder.iterdir():
            # Of a commit that never was. A fresh one is left: should two committers ever run, it may be the other's.
            if path.name not in listed and time.time() - path.stat().st_mtime > _STRAY_SECONDS:
                path.unlink(missing_ok=True)

    def _read(self, name: str, count: int) -> tuple[np.ndarray, mmap.mmap | None]:
        path = self.folder / name
        if count <= _IN_MEMORY:
            ids = np.fromfile(path, np.int64, count)
            if len(ids) != count:
                raise ValueError(name)
            return ids, None
        with path.open("rb") as file:
            mapping = mmap.mmap(file.fileno(), count * np.dtype(np.int64).itemsize, prot=mmap.PROT_READ)
        return np.frombuffer(mapping, np.int64, count), mapping

    def known(self, ids: np.ndarray) -> np.ndarray:
        """Which of `ids` (int64, any order) are remembered; a mask."""
        found = np.zeros(len(ids), bool)
        if not len(ids):
            return found
        order = np.argsort(ids)
        sorted_ids = ids[order]
        for run in self.runs:
            place = np.searchsorted(run.ids, sorted_ids)
            np.minimum(place, len(run.ids) - 1, out=place)
            found |= run.ids[place] == sorted_ids
            run.give_back()
        result = np.empty(len(ids), bool)
        result[order] = found
        return result

    def add(self, ids: np.ndarray, hour: int) -> Change:
        """Write `ids` (new ones) to synced files for `hour`; nothing counts before the commit that saves the change."""
        if sum(run.hour >= hour for run in self.runs) >= _MOST_RUNS:
            self.tidy(hour)
        change = self._take_tidied(hour)
        gone = {run.name for run in change.removed}
        change.removed += [run for run in self.runs if run.hour < hour - HOURS and run.name not in gone]
        if len(ids):
            change.added.append(self._write(np.sort(ids), hour))
        return change

    def tidy(self, hour: int) -> None:
        """Merge files of one hour, ended hours first; the next commit lists the result. Call it when there is time: what
        was merged is kept fresh by it until that commit comes, be it in an hour.
        """
        if self._tidied is not None:
            self._look_after_tidied()
            return
        ended = {run.hour for run in self.runs if hour - HOURS <= run.hour < hour}
        groups = [group for old in sorted(ended) for group in self._groups_ended(old)]
        group = groups[0] if groups else self._group_growing(hour)
        if len(group) > 1:
            ids = np.sort(np.concatenate([one.ids for one in group]), kind="stable")
            for run in group:
                run.give_back()
            merged = Change(added=[self._write(ids, max(run.hour for run in group))], removed=group)
            self._tidied = merged, time.monotonic()

    def _look_after_tidied(self) -> None:
        """Where commits are rare, what was merged would else grow old before each of them and be thrown away."""
        assert self._tidied is not None
        change, since = self._tidied
        if _FRESH_SECONDS / 2 < time.monotonic() - since < _FRESH_SECONDS:
            for run in change.added:
                os.utime(self.folder / run.name)
            self._tidied = change, time.monotonic()

    def _take_tidied(self, hour: int) -> Change:
        tidied, self._tidied = self._tidied, None
        if tidied is None:
            return Change()
        change, since = tidied
        is_fresh = time.monotonic() - since < _FRESH_SECONDS
        if is_fresh and all(run.hour >= hour - HOURS for run in change.added):
            return change
        for run in change.added:
            (self.folder / run.name).unlink(missing_ok=True)
        return Change()

    def _groups_ended(self, hour: int) -> list[list[Run]]:
        groups: list[list[Run]] = [[]]
        for run in self.runs:
            if run.hour != hour:
                continue
            if sum(len(one.ids) for one in groups[-1]) + len(run.ids) > _LARGEST:
                groups.append([])
            groups[-1].append(run)
        return [group for group in groups if len(group) > 1]

    def _group_growing(self, hour: int) -> list[Run]:
        """The newest files, as long as each is not much larger than those after it together."""
        group: list[Run] = []
        size = 0
        for run in reversed([run for run in self.runs if run.hour >= hour]):
            if group and (len(run.ids) > 2 * size or size + len(run.ids) > _LARGEST_GROWING):
                break
            group.append(run)
            size += len(run.ids)
        return group

    def _write(self, ids: np.ndarray, hour: int) -> Run:
        self._serial += 1
        name = f"{hour}-{self._serial:012d}-{os.urandom(4).hex()}.ids"
        with written_atomically(self.folder / name) as temporary:
            ids.tofile(temporary)
        return Run(hour, name, *self._read(name, len(ids)))

    def keep(self, change: Change) -> None:
        """After the commit: its files count from now on, those that it replaced go."""
        gone = {run.name for run in change.removed}
        self.runs = [run for run in self.runs if run.name not in gone] + change.added
        for name in gone:
            (self.folder / name).unlink(missing_ok=True)
