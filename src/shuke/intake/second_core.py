"""A second process beside the committer that decodes a share of each large batch: decoding is the dearest part of it.

The process is a pure reader: it touches neither database nor disk, knows only what each request carries, and ends when
its standard input closes, so it can outlive nobody. Whatever goes wrong with it costs time only: the committer then
decodes the share itself, as it does while the process starts.

Requests and answers are frames on its pipes, each a length and bytes: a pickled share in; out, what was set aside, pickled,
and the rows as an Arrow stream (nothing when the share could not be decoded).
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import logging
import os
import pickle
import select
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import IO

import pyarrow as pa

from shuke.intake.events_of import Decoded, Reader, ShopFacts
from shuke.intake.set_aside import Sent, SetAside

log = logging.getLogger("intake.second_core")

_LENGTH = struct.Struct("<Q")
_READY = b"ready"
_PIPE_BYTES = 1 << 20
_AGAIN_SECONDS = 30.0  # after a failure
_LONGEST_SECONDS = 30.0  # without a byte from it or to it; then it hangs, and is ended
_PROGRAM = "import django; django.setup(); from shuke.intake.second_core import main; main()"
_SET_PIPE_SIZE = getattr(fcntl, "F_SETPIPE_SZ", None)


@dataclass(frozen=True, slots=True)
class Share:
    """What one decoding needs: records (each of a shop in `shops`), and the rules' day and tolerance in minutes."""

    records: Sequence[Sent]
    shops: dict[int, ShopFacts]
    day: date
    future_tolerance_minutes: int


class SecondCore:
    """`ask` hands a share over, `answer` waits for it. One share at a time. `close` ends the process."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._is_ready = False
        self._is_asked = False
        self._not_before = float("-inf")

    def ask(self, share: Share) -> bool:
        """Hand a share over; False when the process can not take it now (it starts, is busy or has failed)."""
        if self._is_asked or not self._stands():
            return False
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            _send(self._process.stdin, pickle.dumps(share, protocol=5))
        except OSError as error:
            self._fail(error)
            return False
        self._is_asked = True
        return True

    def answer(self) -> Decoded | None:
        """The decoded share that was asked for; None when it could not be had."""
        assert self._is_asked
        assert self._process is not None
        assert self._process.stdout is not None
        self._is_asked = False
        try:
            told = _received(self._process.stdout, _LONGEST_SECONDS)
            table = _received(self._process.stdout, _LONGEST_SECONDS)
            aside = pickle.loads(told)  # noqa: S301 (written by our own process, over its pipe)
            # The rows stay where they arrived.
            return Decoded(pa.ipc.open_stream(pa.py_buffer(table)).read_all(), aside) if table else None
        except (OSError, EOFError, pickle.UnpicklingError, pa.ArrowInvalid) as error:
            self._fail(error)
            return None

    def close(self) -> None:
        """End the process, whatever it does."""
        process, self._process = self._process, None
        self._is_ready = self._is_asked = False
        if process is None:
            return
        process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        process.wait()

    def wait_until_ready(self, seconds: float) -> bool:
        """Start the process where it does not stand and wait for it; for measurements and tests."""
        until = time.monotonic() + seconds
        while not self._stands(wait=0.1):
            if time.monotonic() > until:
                return False
        return True

    def _stands(self, wait: float = 0.0) -> bool:
        """Whether the process is ready; begins it when there is none. Never waits for more than `wait` seconds."""
        if self._process is None:
            if time.monotonic() < self._not_before:
                return False
            try:
                self._process = _started()
            except OSError as error:
                self._fail(error)
                return False
        if not self._is_ready:
            assert self._process.stdout is not None
            if not select.select([self._process.stdout], [], [], wait)[0]:
                return False
            try:
                self._is_ready = _receive(self._process.stdout) == _READY
            except OSError:
                self._is_ready = False
            if not self._is_ready:
                self._fail(EOFError("the process ended at its start"))
        return self._is_ready

    def _fail(self, error: BaseException) -> None:
        log.warning("second_core.failed %r; the committer decodes alone for a while", error)
        self.close()
        self._not_before = time.monotonic() + _AGAIN_SECONDS


def _started() -> subprocess.Popen[bytes]:
    from django.conf import settings

    environment = {**os.environ, "SHUKE_HOME": str(settings.HOME)}
    # What is found by this process must be found by the other one, whatever the working directory.
    environment.setdefault("DJANGO_SETTINGS_MODULE", "shuke.project.settings")
    environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        bufsize=0,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    os.set_blocking(process.stdin.fileno(), False)
    for pipe in (process.stdin, process.stdout):
        if _SET_PIPE_SIZE is not None:
            with contextlib.suppress(OSError):  # an unprivileged user's pipes may be limited
                fcntl.fcntl(pipe, _SET_PIPE_SIZE, _PIPE_BYTES)
    return process


def _send(pipe: IO[bytes], content: bytes | pa.Buffer) -> None:
    for part in (_LENGTH.pack(len(content)), content):
        view = memoryview(part)
        while view:
            try:
                view = view[os.write(pipe.fileno(), view) :]
            except BlockingIOError:
                if not select.select([], [pipe], [], _LONGEST_SECONDS)[1]:
                    raise TimeoutError("it takes nothing") from None


def _receive(pipe: IO[bytes], seconds: float | None = None) -> bytearray | None:
    """One frame; None when the other side is gone. Raises TimeoutError when no byte comes for so many seconds."""
    head = _exactly(pipe, _LENGTH.size, seconds)
    return None if head is None else _exactly(pipe, _LENGTH.unpack(head)[0], seconds)


def _received(pipe: IO[bytes], seconds: float) -> bytearray:
    """One frame. Raises EOFError when the other side is gone, TimeoutError when it says nothing."""
    content = _receive(pipe, seconds)
    if content is None:
        raise EOFError("the process ended")
    return content


def _exactly(pipe: IO[bytes], count: int, seconds: float | None) -> bytearray | None:
    content = bytearray(count)
    view, have = memoryview(content), 0
    while have < count:
        if seconds is not None and not select.select([pipe], [], [], seconds)[0]:
            raise TimeoutError("it says nothing")
        got = os.readv(pipe.fileno(), [view[have:]])
        if not got:
            return None
        have += got
    return content


def _decoded(reader: Reader, share: Share) -> tuple[list[SetAside], pa.Buffer]:
    decoded = reader.read(
        share.records, share.shops, day=share.day, future_tolerance_minutes=share.future_tolerance_minutes
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, decoded.table.schema) as writer:
        writer.write_table(decoded.table)
    return decoded.set_aside, sink.getvalue()


def main() -> None:
    """The process itself: a frame in, a frame out, until the input closes."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the committer ends it, when it has taken its last answer
    source = os.fdopen(os.dup(0), "rb", buffering=0)
    target = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # nothing that is printed gets among the answers
    reader = Reader()
    gc.collect()
    gc.freeze()
    with contextlib.suppress(BrokenPipeError):
        _send(target, _READY)
        while (content := _receive(source)) is not None:
            share = pickle.loads(content)  # noqa: S301 (written by the committer, over our own pipe)
            aside: list[SetAside] = []
            table = pa.py_buffer(b"")
            try:
                aside, table = _decoded(reader, share)
            except Exception:
                # The committer will find out which record it is.
                log.exception("second_core.unreadable")
                reader = Reader()
            _send(target, pickle.dumps(aside, protocol=5))
            _send(target, table)
