"""The door: what is taken, what is refused and how, and that only what was taken reaches the journal."""

from __future__ import annotations

import base64
import gzip
import json

import pytest
from django.utils import translation

from shuke.intake.collector import Collector
from shuke.intake.errors import JournalFull
from shuke.intake.segment_spec import ROUTES, Kind

KEY = "wk_linen"


class Held:
    """A journal that remembers."""

    def __init__(self) -> None:
        self.records: list[tuple[int, int, bytes]] = []
        self.error: Exception | None = None

    def append(self, *, shop_id: int, received_us: int, kind: int, body: bytes) -> None:
        if self.error:
            raise self.error
        self.records.append((shop_id, kind, body))


@pytest.fixture
def journal():
    return Held()


@pytest.fixture
def door(journal):
    return Collector(journal=lambda: journal, find_shop_id={KEY: 7}.get)


def basic(key: str = KEY) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode()}


def post(door, body, path="/v1/batch", **headers):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    given = basic() | {name.replace("_", "-"): value for name, value in headers.items()}
    return door.answer("POST", path, {k: v for k, v in given.items() if v}, content)


def said(answer):
    return json.loads(answer.body)


EVENT = {"type": "track", "event": "Product Viewed", "userId": "u1", "messageId": "m1"}


@pytest.mark.row("T1")
@pytest.mark.parametrize("path", sorted(ROUTES))
def test_post__to_each_address_of_the_spec__is_journaled_with_its_kind(door, journal, path):
    body = {"batch": [EVENT]} if ROUTES[path] is Kind.BATCH else EVENT
    answer = post(door, body, path)
    assert (answer.status, said(answer)) == (200, {"success": True})
    assert journal.records == [(7, ROUTES[path], json.dumps(body).encode())]
    assert post(door, body, path + "/").status == 200


def test_post__gzipped__is_journaled_decompressed(door, journal):
    body = json.dumps({"batch": [EVENT]}).encode()
    assert post(door, gzip.compress(body), content_encoding="gzip").status == 200
    assert (
        post(door, gzip.compress(body[:9]) + gzip.compress(body[9:]), content_encoding="GZIP").status == 200
    )
    assert [record[2] for record in journal.records] == [body, body]


def test_post__as_a_beacon_with_the_key_in_the_body__is_taken(door, journal):
    body = {"batch": [EVENT], "writeKey": KEY}
    answer = post(
        door,
        body,
        authorization="",
        content_type="text/plain;charset=UTF-8",
        origin="https://shop.example.com",
    )
    assert answer.status == 200
    assert ("Access-Control-Allow-Origin", "https://shop.example.com") in answer.headers
    assert post(door, EVENT | {"writeKey": KEY}, "/v1/t", authorization="").status == 200
    assert len(journal.records) == 2


REFUSED = [
    ("empty body", b"", {}, 400, "empty_body", "body"),
    ("blank body", b" \n", {}, 400, "empty_body", "body"),
    ("not json", b"hello", {}, 400, "not_json", "body"),
    ("binary", bytes(range(256)), {}, 400, "not_json", "body"),
    ("cut off", b'{"batch":[{"a":1}', {}, 400, "not_json", "body"),
    ("a list", b"[]", {}, 400, "wrong_shape", "body"),
    ("a number", b"7", {}, 400, "wrong_shape", "body"),
    ("no batch", b"{}", {}, 400, "wrong_shape", "body"),
    ("batch is no list", b'{"batch":{}}', {}, 400, "wrong_shape", "batch"),
    ("key is no text", b'{"batch":[],"writeKey":7}', {}, 400, "wrong_shape", "writeKey"),
    ("large body", b'{"batch":[' + b" " * 512_000 + b"]}", {}, 400, "batch_too_large", "body"),
    ("large event", json.dumps({"batch": [EVENT, EVENT | {"p": "x" * 32_768}]}).encode(), {}, 400, "event_too_large", "batch[]"),
    ("bomb", gzip.compress(b" " * 50_000_000), {"content_encoding": "gzip"}, 400, "batch_too_large", "body"),
    ("not gzip", b"{}", {"content_encoding": "gzip"}, 400, "bad_compression", "body"),
    ("cut gzip", gzip.compress(b'{"batch":[]}')[:-9], {"content_encoding": "gzip"}, 400, "bad_compression", "body"),
    ("other compression", b"{}", {"content_encoding": "br"}, 400, "bad_compression", "content-encoding"),
    ("wrong key", b'{"batch":[]}', basic("nobody"), 401, "wrong_write_key", "writeKey"),
    ("long key", b'{"batch":[]}', basic("n" * 5_000), 401, "wrong_write_key", "writeKey"),
    ("no key", b'{"batch":[]}', {"authorization": ""}, 401, "wrong_write_key", "writeKey"),
    ("broken header", b'{"batch":[]}', {"authorization": "Basic ???"}, 401, "wrong_write_key", "authorization"),
]  # fmt: skip


@pytest.mark.row("T1")
@pytest.mark.parametrize(
    ("name", "body", "headers", "status", "code", "field"), REFUSED, ids=[r[0] for r in REFUSED]
)
def test_post__that_can_not_be_taken__is_refused_with_field_value_and_remedy(
    door, journal, name, body, headers, status, code, field
):
    answer = post(door, body, **headers)
    told = said(answer)
    assert (answer.status, told["code"], told["field"], told["success"]) == (status, code, field, False)
    assert told["message"]
    assert told["remedy"]
    assert journal.records == []


MALFORMED = {
    "nan": b'{"batch":[{"a":NaN},{"b":1}]}',
    "wrong utf-8": b'{"batch":[{"a":"\xff\xfe"},{"b":1}]}',
    "lone surrogate": b'{"batch":[{"a":"\\ud800"},{"b":1}]}',
    "deep": b'{"batch":[{"a":' + b"[" * 9_000 + b"]" * 9_000 + b'},{"b":1}]}',
    "huge number": b'{"batch":[{"a":' + b"9" * 9_000 + b'},{"b":1}]}',
    "leading zero": b'{"batch":[{"a":007},{"b":1}]}',
    "not objects": b'{"batch":[1,null,"x",[]]}',
}


@pytest.mark.row("T1")
@pytest.mark.parametrize("name", sorted(MALFORMED))
def test_batch__with_one_malformed_event__is_taken_for_the_good_ones(door, journal, name):
    assert post(door, MALFORMED[name]).status == 200
    assert journal.records == [(7, Kind.BATCH, MALFORMED[name])]


def test_batch__malformed_with_the_key_in_the_body__is_taken(door, journal):
    body = b'{"batch":[{"a":NaN}],"writeKey":"wk_linen"}'
    assert post(door, body, authorization="").status == 200
    assert post(door, b'{"a":NaN,"writeKey":"wk_linen"}', "/v1/track", authorization="").status == 200
    assert len(journal.records) == 2


def test_batch__without_events__is_answered_and_not_journaled(door, journal):
    assert post(door, {"batch": []}).status == 200
    assert journal.records == []


def test_journal__full__answers_503_with_retry_after(door, journal):
    journal.error = JournalFull(limit=1)
    answer = post(door, {"batch": [EVENT]})
    assert (answer.status, said(answer)["code"]) == (503, "journal_full")
    assert ("Retry-After", "2") in answer.headers


def test_disk_or_database__fails__answers_503_and_acknowledges_nothing(door, journal):
    journal.error = OSError("disk")
    assert post(door, {"batch": [EVENT]}).status == 503
    broken = Collector(journal=lambda: journal, find_shop_id=lambda key: 1 // 0)
    answer = post(broken, {"batch": [EVENT]})
    assert (answer.status, said(answer)["code"]) == (503, "not_taken_now")
    assert journal.records == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("OPTIONS", "/v1/track", 204),
        ("GET", "/v1/health", 200),
        ("HEAD", "/v1/health", 200),
        ("POST", "/v1/health", 405),
        ("GET", "/v1/track", 405),
        ("DELETE", "/v1/batch", 405),
        ("GET", "/v1/nothing", 404),
        ("POST", "/v1/nothing", 404),
        ("OPTIONS", "/v1/nothing", 404),
    ],
)
def test_other_methods_and_addresses__are_answered_plainly(door, journal, method, path, status):
    answer = door.answer(method, path, basic() | {"origin": "https://shop.example.com"}, b"{}")
    assert answer.status == status
    assert ("Access-Control-Allow-Origin", "https://shop.example.com") in answer.headers
    assert (("Allow", "POST, OPTIONS") in answer.headers) == (status == 405)
    assert journal.records == []


def test_refusal__speaks_the_senders_language(door):
    with translation.override("zh-hans"):
        assert said(post(door, b""))["message"] == "The request has no body."


def test_write_key__is_asked_for_once_and_again_after_some_seconds(journal, monkeypatch):
    asked = []

    def find(key):
        asked.append(key)
        return 7

    now = [100.0]
    monkeypatch.setattr("shuke.intake.collector.time.monotonic", lambda: now[0])
    door = Collector(journal=lambda: journal, find_shop_id=find)
    for _ in range(3):
        post(door, {"batch": [EVENT]})
    assert asked == [KEY]
    now[0] += 5.1
    post(door, {"batch": [EVENT]})
    assert asked == [KEY, KEY]
