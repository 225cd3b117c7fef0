"""Whether the cluster's workers still get anything to do.

A worker that is killed while it waits for work takes the lock of django-q2's inner queue with it: the next worker waits
for ever, and nothing says so. So each chunk leaves a beat in memory that the forked workers share with their parent, and
a parent that sees messages waiting and no beat for long knows that its cluster hangs.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

_beat = multiprocessing.get_context("fork").Value("d", 0.0, lock=False)


def beat() -> None:
    """Called by whoever begins a chunk."""
    _beat.value = time.monotonic()


def last_beat() -> float:
    """On the monotonic clock, which processes of one machine share; 0.0 before the first."""
    return float(_beat.value)


def descendants(pid: int) -> Iterator[int]:
    """Processes below `pid`, as Linux lists them; none elsewhere."""
    with contextlib.suppress(OSError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            yield int(child)
            yield from descendants(int(child))


def kill_descendants() -> None:
    """End everything that this process has forked, at once."""
    for pid in list(descendants(os.getpid())):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
