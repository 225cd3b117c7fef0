"""One exclusive lock by name for all processes of an installation; it is freed when its holder dies, however it dies.

SQLite means one machine: flock on a file in settings.LOCKS. PostgreSQL may mean several: a session-level advisory lock
on a connection of its own, so that it outlives the transactions made under it. Neither is re-entrant.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import xxhash
from django.conf import settings
from django.db import connection, connections

from shuke.kernel.durable import FileLock, LockHeld

__all__ = ["LockHeld", "exclusive"]

_POLL_SECONDS = 0.02


@contextlib.contextmanager
def exclusive(name: str, wait: float | None = None) -> Iterator[None]:
    """Hold the lock `name`. `wait=None` waits for ever, 0 tries once, n waits n seconds; else raises LockHeld."""
    if connection.vendor == "postgresql":
        with _advisory(name, wait):
            yield
    else:
        with FileLock(Path(settings.LOCKS) / f"{name}.lock", wait=wait):
            yield


@contextlib.contextmanager
def _advisory(name: str, wait: float | None) -> Iterator[None]:
    key = xxhash.xxh3_64_intdigest(f"shuke\x1f{name}".encode()) - (1 << 63)
    own = connections.create_connection("default")
    try:
        with own.cursor() as cursor:
            if wait is None:
                cursor.execute("SELECT pg_advisory_lock(%s)", [key])
            else:
                deadline = time.monotonic() + wait
                while True:
                    cursor.execute("SELECT pg_try_advisory_lock(%s)", [key])
                    if cursor.fetchone()[0]:
                        break
                    if time.monotonic() >= deadline:
                        raise LockHeld(name)
                    time.sleep(_POLL_SECONDS)
        yield
    finally:
        own.close()  # ends the session, and with it the lock
