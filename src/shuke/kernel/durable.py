"""Files that are either wholly there or not at all, and locks that die with their holder.

`write_atomically` syncs content and folder, so a name that exists after a power cut has its whole content.
`FileLock` is flock: the kernel frees it when the process ends, however it ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType


def sync_folder(folder: Path) -> None:
    """Make a created or renamed name in `folder` durable."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


@contextlib.contextmanager
def written_atomically(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; afterwards sync it and rename it into place."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield temporary
        fd = os.open(temporary, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
        os.replace(temporary, path)
        sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_atomically(path: Path, content: bytes) -> None:
    with written_atomically(path) as temporary:
        temporary.write_bytes(content)


class LockHeld(RuntimeError):
    """Another process holds the lock."""


class FileLock:
    """A lock named by a file: exclusive, or shared with others that hold it shared. Not re-entrant.

    `wait=None` waits for ever, 0 tries once, n waits n seconds.
    """

    def __init__(self, path: Path, *, wait: float | None = None, is_shared: bool = False) -> None:
        self.path = path
        self.wait = wait
        self._kind = fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX
        self._fd: int | None = None

    def __enter__(self) -> FileLock:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            self._take(fd)
        except BaseException:
            os.close(fd)
            raise
        self._fd = fd
        return self

    def _take(self, fd: int) -> None:
        if self.wait is None:
            fcntl.flock(fd, self._kind)
            return
        deadline = time.monotonic() + self.wait
        while True:
            try:
                fcntl.flock(fd, self._kind | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise LockHeld(str(self.path)) from None
                time.sleep(0.02)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def unless_held(path: Path, work: Callable[[], None]) -> bool:
    """Run `work` under the lock if it is free; False when another process holds it."""
    try:
        with FileLock(path, wait=0):
            work()
            return True
    except LockHeld:
        return False
