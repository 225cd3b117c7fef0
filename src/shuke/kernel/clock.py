"""The one clock. Everything asks `now()`; tests freeze it, and a demo installation may move it on by whole days.

The offset of a demo lies in a small file (`SHUKE_HOME/clock`), so that every process of the installation agrees.
It is read only when SHUKE_DEMO is set: a shop's own clock can not be moved.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from pathlib import Path

_frozen: ContextVar[datetime | None] = ContextVar("shuke_clock", default=None)
_LOOK_AGAIN_SECONDS = 1.0
_offset_seen: tuple[float, timedelta] = (0.0, timedelta())


def _offset_file() -> Path | None:
    home = os.environ.get("SHUKE_HOME")
    return Path(home) / "clock" if home and os.environ.get("SHUKE_DEMO") == "1" else None


def _offset() -> timedelta:
    global _offset_seen
    path = _offset_file()
    if path is None:
        return timedelta()
    looked, offset = _offset_seen
    if time.monotonic() - looked > _LOOK_AGAIN_SECONDS:
        try:
            offset = timedelta(seconds=int(path.read_text()))
        except (FileNotFoundError, ValueError):
            offset = timedelta()
        _offset_seen = (time.monotonic(), offset)
    return offset


def now() -> datetime:
    """The present moment, aware UTC."""
    frozen = _frozen.get()
    return frozen if frozen is not None else datetime.now(UTC) + _offset()


def move_demo_clock(by: timedelta) -> timedelta:
    """Move a demo's clock on; returns the whole offset. Raises RuntimeError outside a demo."""
    global _offset_seen
    path = _offset_file()
    if path is None:
        raise RuntimeError("only a demo installation may move its clock (SHUKE_DEMO=1)")
    total = _offset() + by
    path.write_text(str(int(total.total_seconds())))
    _offset_seen = (0.0, total)
    return total


@contextlib.contextmanager
def frozen(at: datetime) -> Iterator[None]:
    """Hold the clock at a moment (aware) for this context: for tests and for replays."""
    if at.tzinfo is None:
        raise ValueError("a frozen moment must be aware")
    token = _frozen.set(at.astimezone(UTC))
    try:
        yield
    finally:
        _frozen.reset(token)
