"""The journal: what was acknowledged and is not yet a fact. A request is answered after its record here is synced.

Each process writes a series of its own, `journal/<writer>/<number>.log`, so writers never wait for one another; within
a process the threads share one sync (group commit): whoever holds the pen writes and syncs what all have laid down.

A record is a header (magic, length, checksum, shop, moment, kind) and the body as sent, decompressed. A process that
was killed leaves at most a torn tail, whose sender was never answered; reading ends there. A writer holds a lock on
`journal/<writer>/alive` while it lives, so a reader knows when a series can grow no more.

The bytes of the whole journal are bounded; above the bound `append` raises JournalFull and writes nothing.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import xxhash

from shuke.intake.errors import JournalFull
from shuke.kernel.durable import sync_folder

_HEADER = struct.Struct("<4sIQqqB")  # magic, length of the body, checksum, shop, received at (us), kind
_CHECKED = struct.Struct("<qqBI")
_MAGIC = b"SKJ1"
_WIPED = b"SKJ0"  # a committed record whose body was erased: passed over
_LARGEST_BODY = 1 << 20
_MEASURE_SECONDS = 0.2
DEFAULT_BOUND = 4 << 30
DEFAULT_ROTATE = 32 << 20


@dataclass(frozen=True, slots=True)
class Record:
    """One acknowledged request: its shop, when it came (microseconds UTC), what it is (segment_spec.Kind), its body."""

    shop_id: int
    received_us: int
    kind: int
    body: bytes
    offset: int


def _checksum(shop_id: int, received_us: int, kind: int, body: bytes) -> int:
    seed = xxhash.xxh3_64_intdigest(_CHECKED.pack(shop_id, received_us, kind, len(body)))
    return xxhash.xxh3_64_intdigest(body, seed)


def journal_bytes(folder: Path) -> int:
    """Bytes of all series."""
    total = 0
    try:
        series = [entry.path for entry in os.scandir(folder) if entry.is_dir()]
    except FileNotFoundError:
        return 0
    for path in series:
        try:
            with os.scandir(path) as files:
                for file in files:
                    try:
                        total += file.stat().st_size
                    except FileNotFoundError:  # committed and removed meanwhile
                        continue
        except FileNotFoundError:
            continue
    return total


class _Group:
    """Records that one sync makes durable together."""

    __slots__ = ("error", "is_done", "parts")

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.is_done = False
        self.error: BaseException | None = None


class JournalWriter:
    """One process's series. `append` may be called by many threads and returns when the record is on the disk."""

    def __init__(
        self, folder: Path, *, bound_bytes: int = DEFAULT_BOUND, rotate_bytes: int | None = None
    ) -> None:
        self.folder = folder
        self.bound_bytes = bound_bytes
        # A file can be removed only when all of it is committed: many small ones keep the bound honest.
        self.rotate_bytes = rotate_bytes or max(1, min(DEFAULT_ROTATE, bound_bytes // 16))
        self.writer = f"{time.time_ns() // 1000:017d}-{os.getpid()}-{os.urandom(2).hex()}"
        self._laying = threading.Lock()  # guards the open group and the measured size
        self._pen = threading.Lock()  # held by the one who writes and syncs
        self._group = _Group()
        self._number = 0
        self._fd = -1
        self._written = 0
        self._is_spent = (
            False  # the current file may end in half a record, or be passed by readers: write no more
        )
        self._used = 0
        self._measured_at = float("-inf")
        series = folder / self.writer
        series.mkdir(parents=True)
        # Locked before it has its name: whoever finds `alive` unlocked knows that its writer is gone.
        self._alive = os.open(series / "alive.new", os.O_RDWR | os.O_CREAT, 0o644)
        fcntl.flock(self._alive, fcntl.LOCK_EX)
        os.rename(series / "alive.new", series / "alive")
        self._next_file()
        sync_folder(folder)

    def append(self, *, shop_id: int, received_us: int, kind: int, body: bytes) -> None:
        """Store one record; returns when it is synced. Raises JournalFull (nothing written) or OSError (not stored)."""
        header = _HEADER.pack(
            _MAGIC, len(body), _checksum(shop_id, received_us, kind, body), shop_id, received_us, kind
        )
        size = len(header) + len(body)
        with self._laying:
            self._require_room(size)
            self._used += size
            group = self._group
            group.parts.append(header)
            group.parts.append(body)
        with self._pen:
            if not group.is_done:
                with self._laying:
                    self._group = _Group()  # whoever comes now belongs to the next sync
                try:
                    self._write(b"".join(group.parts))
                except BaseException as error:
                    group.error = error
                group.is_done = True
                group.parts = []
        if group.error is not None:
            raise OSError("the journal could not be written") from group.error

    def close(self) -> None:
        """End the series: its last file is complete and may be removed when committed."""
        with self._pen:
            if self._fd >= 0:
                os.close(self._fd)
                os.close(self._alive)
                self._fd = -1

    def _require_room(self, size: int) -> None:
        now = time.monotonic()
        is_full = self._used + size > self.bound_bytes
        if now - self._measured_at > (_MEASURE_SECONDS / 4 if is_full else _MEASURE_SECONDS):
            self._measured_at = now
            self._used = journal_bytes(self.folder)
            is_full = self._used + size > self.bound_bytes
        if is_full:
            # What is committed of the current file can only go when the file is complete: begin the next one.
            if self._written and self._pen.acquire(blocking=False):
                try:
                    self._next_file()
                finally:
                    self._pen.release()
            raise JournalFull(limit=self.bound_bytes)

    def _write(self, content: bytes) -> None:
        if self._fd < 0:
            raise ValueError("the journal is closed")
        if self._is_spent or (self._written and self._written + len(content) > self.rotate_bytes):
            self._next_file()
        self._is_spent = True
        try:
            view = memoryview(content)
            while view:
                view = view[os.write(self._fd, view) :]
            os.fdatasync(self._fd)
        except BaseException:
            # Half a record may lie there, and reading ends at it: never write behind it.
            try:
                os.ftruncate(self._fd, self._written)
            finally:
                self._next_file()
            raise
        self._is_spent = False
        self._written += len(content)

    def _next_file(self) -> None:
        """Begin the next file. Until one stands nothing is written: readers leave a file when they see a later one."""
        series = self.folder / self.writer
        self._is_spent = True
        self._number += 1  # a number is used once, even when its file could not be made
        path = series / f"{self._number:08d}.log"
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        try:
            sync_folder(series)
        except BaseException:
            os.close(fd)
            with contextlib.suppress(OSError):
                path.unlink()
            raise
        if self._fd >= 0:
            os.close(self._fd)
        self._fd, self._written, self._is_spent = fd, 0, False


def read_records(path: Path, offset: int, at_most: int) -> tuple[list[Record], int]:
    """Whole records of a file from `offset` on, some `at_most` bytes of them (at least one), and where they end.

    Reading ends at the first record that is torn or whose checksum is wrong.
    """
    with path.open("rb") as file:
        file.seek(offset)
        chunk = file.read(at_most)
        records, used = _parse(chunk, offset)
        if not records and len(chunk) == at_most:
            file.seek(offset)
            records, used = _parse(file.read(_LARGEST_BODY + _HEADER.size), offset, only_first=True)
    return records, offset + used


def _parse(chunk: bytes, base: int, *, only_first: bool = False) -> tuple[list[Record], int]:
    records: list[Record] = []
    start, end, head = 0, len(chunk), _HEADER.size
    while start + head <= end:
        magic, length, checksum, shop_id, received_us, kind = _HEADER.unpack_from(chunk, start)
        stop = start + head + length
        if magic == _WIPED and stop <= end:
            start = stop
            continue
        if magic != _MAGIC or stop > end:
            break
        body = chunk[start + head : stop]
        if _checksum(shop_id, received_us, kind, body) != checksum:
            break
        records.append(Record(shop_id, received_us, kind, body, base + start))
        start = stop
        if only_first:
            break
    return records, start


def wipe(path: Path, end: int) -> int:
    """Erase the bodies of the records before `end`, all of them committed; returns how many. May be repeated.

    A live file can not go before it is full, and its bytes may name a person who is to be erased. The header stays, so
    that reading finds its way; it is marked first, so that a cut in between leaves a record that is passed over.
    """
    wiped = place = 0
    with path.open("r+b") as file:
        while place + _HEADER.size <= end:
            file.seek(place)
            head = file.read(_HEADER.size)
            magic, length = head[:4], _HEADER.unpack(head)[1] if len(head) == _HEADER.size else 0
            if magic not in (_MAGIC, _WIPED):
                break
            file.seek(place)
            file.write(_WIPED)
            file.flush()
            file.seek(place + _HEADER.size)
            file.write(bytes(length))
            wiped += magic == _MAGIC
            place += _HEADER.size + length
        file.flush()
        os.fsync(file.fileno())
    return wiped


@dataclass(frozen=True, slots=True)
class Series:
    """One writer's files, oldest first; `is_ended` when its process is gone and nothing can be added."""

    writer: str
    folder: Path
    numbers: tuple[int, ...]
    is_ended: bool

    def path(self, number: int) -> Path:
        return self.folder / f"{number:08d}.log"


def list_series(folder: Path) -> Iterator[Series]:
    """All series, oldest writer first."""
    if not folder.exists():
        return
    for name in sorted(os.listdir(folder)):
        path = folder / name
        if not path.is_dir():
            continue
        # Ended first, files second: what a writer adds between the two questions is then still listed.
        is_ended = _has_ended(path)
        try:
            numbers = sorted(int(file[:-4]) for file in os.listdir(path) if file.endswith(".log"))
        except FileNotFoundError:
            continue
        yield Series(name, path, tuple(numbers), is_ended)


def _has_ended(series: Path) -> bool:
    try:
        fd = os.open(series / "alive", os.O_RDWR)
    except FileNotFoundError:
        # Its writer is about to make it (that takes no minute), or died before it could; then nothing lies there.
        try:
            return time.time() - series.stat().st_mtime > 60
        except FileNotFoundError:
            return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False
    finally:
        os.close(fd)
