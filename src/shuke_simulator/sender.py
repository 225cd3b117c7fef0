"""Delivery over HTTP as the Segment spec has it: gzipped batches to /v1/batch, several connections at once.

What the door refuses for now (429, 503) is sent again after the pause that it asks for; a broken connection is tried
again with growing pauses. Anything else that is not a success ends the delivery with what was answered.
"""

from __future__ import annotations

import base64
import http.client
import queue
import threading
import time
import zlib
from collections.abc import Iterable
from typing import Protocol
from urllib.parse import urlsplit

from shuke_simulator.batching import batches

PATIENCE_SECONDS = 600.0  # how long one batch may be refused for now before we give up


class DeliveryFailed(Exception):
    """The door refused a batch for good, or for too long."""


class Delivery(Protocol):
    """A way to a shop's door: over HTTP (`Sender`) or within the process (`inside.Inside`)."""

    @property
    def waits(self) -> int:
        """How often the door asked for patience."""

    def send(self, texts: Iterable[str], *, sent_at: str = "") -> int: ...

    def wait(self) -> None: ...


class Sender:
    """Sends JSON messages; `add` blocks when the connections are behind. Use as a context: leaving it waits for all."""

    def __init__(self, url: str, write_key: str, *, connections: int = 4) -> None:
        self._parts = urlsplit(url)
        token = base64.b64encode(f"{write_key}:".encode()).decode()
        self._headers = {
            "Authorization": f"Basic {token}",
            "Content-Type": "application/json",
            "Content-Encoding": "gzip",
        }
        self._queue: queue.Queue[bytes | None] = queue.Queue(maxsize=connections * 4)
        self._failed: list[BaseException] = []
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(connections)]
        self.batches = 0
        self.waits = 0
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Sender:
        return self

    def __exit__(self, *error: object) -> None:
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join()
        if error[0] is None:
            self._raise()

    def send(self, texts: Iterable[str], *, sent_at: str = "") -> int:
        """Queue messages in batches of the spec's size; returns how many messages."""
        total = 0
        for body, count in batches(texts, sent_at):
            self._put(body)
            total += count
        return total

    def wait(self) -> None:
        """Until everything queued has been taken."""
        self._queue.join()
        self._raise()

    def _put(self, body: bytes) -> None:
        self._raise()
        packer = zlib.compressobj(1, zlib.DEFLATED, 31)
        self._queue.put(packer.compress(body) + packer.flush())

    def _raise(self) -> None:
        if self._failed:
            raise self._failed[0]

    def _work(self) -> None:
        connection: http.client.HTTPConnection | None = None
        while True:
            body = self._queue.get()
            try:
                if body is None:
                    return
                if not self._failed:
                    connection = self._deliver(connection, body)
                    self.batches += 1
            except BaseException as error:
                self._failed.append(error)
            finally:
                self._queue.task_done()

    def _deliver(
        self, connection: http.client.HTTPConnection | None, body: bytes
    ) -> http.client.HTTPConnection:
        pause, deadline = 0.2, time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                connection = connection or self._connect()
                connection.request("POST", "/v1/batch", body, self._headers)
                answer = connection.getresponse()
                words = answer.read()
            except (OSError, http.client.HTTPException) as error:
                if connection is not None:
                    connection.close()
                connection, asked, problem = None, 0.0, str(error)
            else:
                if answer.status == 200:
                    return connection
                if answer.status not in (429, 500, 502, 503, 504):
                    raise DeliveryFailed(f"{answer.status}: {words[:500].decode(errors='replace')}")
                asked, problem = float(answer.headers.get("Retry-After", 0)), f"{answer.status}"
            if time.monotonic() > deadline:
                raise DeliveryFailed(f"nothing was taken for {PATIENCE_SECONDS:.0f} s: {problem}")
            self.waits += 1
            time.sleep(max(asked, pause))
            pause = min(pause * 2, 5.0)

    def _connect(self) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self._parts.scheme == "https" else http.client.HTTPConnection
        return kind(self._parts.hostname or "localhost", self._parts.port, timeout=60)
