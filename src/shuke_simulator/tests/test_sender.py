"""Delivery: batches within the spec's size, and patience with a door that says wait."""

from __future__ import annotations

import base64
import gzip
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from shuke_simulator import sender as sending
from shuke_simulator.batching import LARGEST_BATCH
from shuke_simulator.inside import Inside
from shuke_simulator.sender import DeliveryFailed, Sender


class Door(BaseHTTPRequestHandler):
    """Takes batches; refuses as the server's `refusals` say, one after another."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = gzip.decompress(self.rfile.read(int(self.headers["Content-Length"])))
        server = self.server
        with server.lock:
            status = server.refusals.pop(0) if server.refusals else 200
            if status == 200:
                server.taken.append((self.path, self.headers["Authorization"], body))
        self.send_response(status)
        if status == 503:
            self.send_header("Retry-After", "0")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture
def door():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    server.lock, server.taken, server.refusals = threading.Lock(), [], []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def messages(count: int) -> list[str]:
    return [json.dumps({"type": "track", "messageId": f"m{i}", "pad": "x" * 900}) for i in range(count)]


def taken_ids(door) -> list[str]:
    return [m["messageId"] for _, _, body in door.taken for m in json.loads(body)["batch"]]


def test_sender__many_messages__arrive_in_batches_of_the_spec(door) -> None:
    with Sender(f"http://127.0.0.1:{door.server_port}", "key1") as sender:
        assert sender.send(messages(2500)) == 2500
    assert sorted(taken_ids(door)) == sorted(f"m{i}" for i in range(2500))
    assert all(len(body) <= 500 * 1024 for _, _, body in door.taken)
    assert len(door.taken) >= 2500 * 900 // LARGEST_BATCH
    path, authorization, _ = door.taken[0]
    assert path == "/v1/batch"
    assert base64.b64decode(authorization.removeprefix("Basic ")) == b"key1:"


def test_sender__told_to_wait__sends_again(door) -> None:
    door.refusals = [503, 503, 429]
    with Sender(f"http://127.0.0.1:{door.server_port}", "key1") as sender:
        sender.send(messages(5), sent_at="2026-03-01T00:00:00.000Z")
    assert taken_ids(door) == ["m0", "m1", "m2", "m3", "m4"]
    assert sender.waits == 3
    assert json.loads(door.taken[0][2])["sentAt"] == "2026-03-01T00:00:00.000Z"


def deliver_one(url: str, key: str) -> None:
    with Sender(url, key) as sender:
        sender.send(messages(1))
        sender.wait()


def test_sender__refused_for_good__ends_with_the_answer(door) -> None:
    door.refusals = [401]
    with pytest.raises(DeliveryFailed, match="401"):
        deliver_one(f"http://127.0.0.1:{door.server_port}", "bad")
    assert door.taken == []


def test_sender__no_door_for_too_long__gives_up(monkeypatch) -> None:
    monkeypatch.setattr(sending, "PATIENCE_SECONDS", 0.3)
    with pytest.raises(DeliveryFailed, match="nothing was taken"):
        deliver_one("http://127.0.0.1:9", "key")


def test_inside__told_to_wait__hands_over_again_and_says_the_same_bodies(door) -> None:
    refusals, taken = [503, 429], []

    def take(body: bytes) -> tuple[int, str]:
        if refusals:
            return refusals.pop(), "wait"
        taken.append(body)
        return 200, ""

    within = Inside(take)
    assert within.send(messages(2500)) == 2500
    assert within.waits == 2
    with Sender(f"http://127.0.0.1:{door.server_port}", "key1", connections=1) as sender:
        sender.send(messages(2500))
    assert taken == [body for _, _, body in door.taken]


def test_inside__refused_for_good__ends_with_the_answer() -> None:
    with pytest.raises(DeliveryFailed, match="401: wrong key"):
        Inside(lambda body: (401, "wrong key")).send(messages(1))
