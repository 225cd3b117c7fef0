"""Processes that are kept running: started, restarted when they die, and ended together within seconds.

Each child leads a process group of its own, so that a child that dies takes its own children with it, and Ctrl-C in a
terminal reaches only the supervisor. A child that keeps dying is restarted ever more slowly (0.2 s up to 10 s); one
that has lived for a minute starts afresh.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from shuke.project import lifeline

log = logging.getLogger("project.supervisor")

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 10.0
STEADY_SECONDS = 60.0
END_SECONDS = 8.0
ENDING_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(frozen=True)
class Program:
    """What to run: `name` for the log, `words` as for Popen. `is_once`: when it ends well, it is not started again."""

    name: str
    words: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    is_once: bool = False


@dataclass
class _Child:
    program: Program
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    pause: float = FIRST_PAUSE
    start_at: float = 0.0
    is_done: bool = False


class Supervisor:
    """Runs programs until it is told to end. `run` blocks; use it in the main thread (it takes the signals)."""

    def __init__(self, programs: Sequence[Program]) -> None:
        self._children = [_Child(program) for program in programs]
        self._ends = False
        self._read_end, self._write_end = os.pipe()

    def start(self, program: Program) -> None:
        """Add a program while running."""
        self._children.append(_Child(program))

    def end(self, *_signal: object) -> None:
        """Ask `run` to end everything and return."""
        self._ends = True

    def run(self, *, meanwhile: Callable[[], None] | None = None) -> None:
        """Keep the programs running until a signal comes; `meanwhile` is called about five times a second."""
        before = {number: signal.signal(number, self.end) for number in ENDING_SIGNALS}
        try:
            while not self._ends:
                for child in self._children:
                    self._look_after(child)
                if meanwhile is not None:
                    meanwhile()
                time.sleep(0.2)
        finally:
            self._end_all()
            for number, handler in before.items():
                signal.signal(number, handler)

    def processes(self) -> dict[str, int]:
        """Process ids of the running children by name."""
        return {c.program.name: c.process.pid for c in self._children if c.process is not None}

    def _look_after(self, child: _Child) -> None:
        now = time.monotonic()
        if child.process is None:
            if not child.is_done and now >= child.start_at:
                self._launch(child, now)
            return
        code = child.process.poll()
        if code is None:
            return
        _end_group(child.process.pid)
        child.process = None
        if child.program.is_once and code == 0:
            child.is_done = True
            return
        child.pause = (
            FIRST_PAUSE if now - child.started > STEADY_SECONDS else min(child.pause * 2, LONGEST_PAUSE)
        )
        child.start_at = now + child.pause
        log.warning("%s ended with %s; again in %.1f s", child.program.name, code, child.pause)

    def _launch(self, child: _Child, now: float) -> None:
        child.process = subprocess.Popen(
            child.program.words,
            env={**os.environ, **child.program.environment, lifeline.VARIABLE: str(self._read_end)},
            pass_fds=[self._read_end],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        child.started = now
        log.info("%s started (process %s)", child.program.name, child.process.pid)

    def _end_all(self) -> None:
        """SIGTERM to every child at once, then SIGKILL to the group of each: nothing that was started stays."""
        running = [c.process for c in self._children if c.process is not None]
        for process in running:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + END_SECONDS
        for process in running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(deadline - time.monotonic(), 0.05))
            _end_group(process.pid)
            process.wait()
        os.close(self._write_end)
        os.close(self._read_end)


def _end_group(leader: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def shuke(name: str, *words: str, is_once: bool = False, **environment: str) -> Program:
    """A program that is one of our own commands: `shuke <words>`."""
    return Program(name, [sys.executable, "-m", "shuke", *words], environment, is_once)
