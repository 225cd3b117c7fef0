"""A child process that ends when its parent does, however either of them ended (`kill -9` included).

The supervisor holds the only write end of a pipe. Each child that it starts leads a process group, and forks a watcher
that stands outside the group. When the pipe closes, or the child is gone, the watcher ends the whole group, so that
grandchildren (web workers, job workers) go as well: first it asks, and after a grace it kills.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time

VARIABLE = "SHUKE_LIFELINE"
GRACE_SECONDS = 6.0
_LOOK_SECONDS = 0.5


def watch() -> None:
    """Start the watcher, if a supervisor gave us a lifeline. Call it once, first thing in a child: it forks."""
    given = os.environ.pop(VARIABLE, None)
    if given is None:
        return
    pipe, child = int(given), os.getpid()
    if os.fork() == 0:
        try:
            _stand_outside(pipe)
            _wait_for_end(pipe, child)
        finally:
            os._exit(0)
    os.close(pipe)


def _stand_outside(pipe: int) -> None:
    """Leave the group and every file but the pipe."""
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for fd in range(3):
        os.dup2(nothing, fd)
    os.closerange(3, pipe)
    os.closerange(pipe + 1, 4096)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def _wait_for_end(pipe: int, child: int) -> None:
    while os.getppid() == child:
        closed, _, _ = select.select([pipe], [], [], _LOOK_SECONDS)
        if closed:  # the last write end is gone: nobody ever writes
            _signal_group(child, signal.SIGTERM)
            deadline = time.monotonic() + GRACE_SECONDS
            while time.monotonic() < deadline and _signal_group(child, 0):
                time.sleep(0.1)
            break
    _signal_group(child, signal.SIGKILL)


def _signal_group(leader: int, number: int) -> bool:
    """False when nobody of the group is left."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)
        return True
    return False
