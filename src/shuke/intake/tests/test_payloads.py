"""Mutated payloads against the door and the committer: no server error, no good event lost, no memory grown."""

from __future__ import annotations

import base64
import gzip
import json
import random
import re
import resource
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from shuke.intake.collector import Collector
from shuke.intake.events_of import Reader, ShopFacts
from shuke.intake.segment_spec import ROUTES, Kind
from shuke.intake.set_aside import Sent
from shuke.kernel.surrogates import surrogate

SHOP = ShopFacts(7, ZoneInfo("Asia/Shanghai"), "CNY")
CAME = datetime(2026, 11, 11, 2, 0, tzinfo=UTC)
CAME_US = int(CAME.timestamp()) * 1_000_000
KEY = {"authorization": "Basic " + base64.b64encode(b"wk:").decode()}

SEEDS = [
    {"type": "track", "event": "Order Completed", "userId": "u", "properties": {"order_id": "o", "total": 27.5, "currency": "CNY", "products": [{"product_id": "p", "price": 1, "quantity": 2}]}},
    {"type": "page", "anonymousId": "a", "context": {"page": {"url": "https://shop.example.com/?utm_source=x", "referrer": "https://a.example.com"}, "userAgent": "Mozilla/5.0", "campaign": {"name": "n"}, "device": {"type": "ios"}}, "properties": {"url": "https://shop.example.com/item/1"}},
    {"type": "identify", "userId": 7, "traits": {"name": "李雷"}, "timestamp": "2026-11-11T01:00:00.000Z", "sentAt": "2026-11-11T01:00:01Z"},
    {"type": "group", "userId": "u", "groupId": "g", "traits": {}},
    {"type": "alias", "previousId": "p", "userId": "u"},
    {"type": "screen", "anonymousId": "a", "name": "Home", "originalTimestamp": "2026-11-11T01:00:00Z"},
]  # fmt: skip
STRANGE = [
    b"null", b"true", b"-1", b"0.1", b"1e999", b"9" * 400, b'""', b'"\\u0000"', b'"\\ud800"', b'"\xff"', b"NaN", b"-Infinity",
    b"[]", b"{}", b"[[[[[[[[]]]]]]]]", b"[" * 3000 + b"]" * 3000, b'{"a":' * 1500 + b"1" + b"}" * 1500, b'"' + b"x" * 5000 + b'"',
    b'{"a":1,"a":2}', b'"2026-99-99"', b'"+12026-01-01T00:00:00Z"', b'"1E+99999"', b'"\xe4\xb8"', b"//", b'"',
]  # fmt: skip
VALUE = re.compile(rb': ("[^"]*"|[0-9.]+)')


def mutated(event: dict, chance: random.Random) -> bytes:
    """The event with one or more of its values, keys or bytes put out of shape."""
    text = json.dumps(event, ensure_ascii=chance.random() < 0.5).encode()
    for _ in range(chance.randint(1, 2)):
        how = chance.random()
        if how < 0.7:  # another value for some field
            values = list(VALUE.finditer(text))
            if values:
                place = chance.choice(values)
                text = text[: place.start(1)] + chance.choice(STRANGE) + text[place.end(1) :]
        elif how < 0.85:  # a byte
            place = chance.randrange(len(text) or 1)
            text = text[:place] + bytes([chance.randrange(256)]) + text[place + 1 :]
        elif how < 0.92:  # cut off
            text = text[: chance.randrange(len(text) or 1)]
        else:  # doubled part
            place = chance.randrange(len(text) or 1)
            text = text[:place] + text[place : place + 40] + text[place:]
    return text


def stands_alone(text: bytes) -> bool:
    """Whether its quotes and brackets close within itself: only then do its neighbours have ends of their own."""
    closing, in_text, skip = [], False, False
    for byte in text.decode("latin-1"):
        if in_text:
            if skip or byte == "\\":
                skip = not skip
            elif byte == '"':
                in_text = False
        elif byte == '"':
            in_text = True
        elif byte in "[{":
            closing.append("]" if byte == "[" else "}")
        elif byte in "]}":
            if not closing or closing.pop() != byte:
                return False
        elif byte == "," and not closing:
            return False
    return not closing and not in_text


class Held:
    def __init__(self) -> None:
        self.records: list[Sent] = []

    def append(self, *, shop_id: int, received_us: int, kind: int, body: bytes) -> None:
        self.records.append(Sent(shop_id, CAME_US, kind, body, f"w/1/{len(self.records)}"))


def memory() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


@pytest.mark.row("T1")
@pytest.mark.parametrize("count", [4_000, pytest.param(100_000, marks=pytest.mark.soak)])
def test_mutated_payloads__give_no_server_error_lose_no_good_event_and_grow_no_memory(count):
    chance = random.Random(20261111)
    journal, reader = Held(), Reader()
    door = Collector(journal=lambda: journal, find_shop_id={"wk": 7}.get)
    good = warm = 0
    expected: set[int] = set()
    for i in range(count):
        parts = [mutated(chance.choice(SEEDS), chance) for _ in range(chance.randint(1, 2))]
        path = chance.choice(["/v1/batch", "/v1/batch", "/v1/batch", *ROUTES])
        headers = dict(KEY)
        if ROUTES[path] is Kind.BATCH:
            honest = json.dumps(
                {"type": "track", "event": "Good", "anonymousId": "a", "messageId": f"g{i}"}
            ).encode()
            parts.insert(chance.randrange(len(parts) + 1), honest)
            body = b'{"batch":[' + b",".join(parts) + b"]}"
        else:
            body = parts[0]
        if chance.random() < 0.2:
            body = gzip.compress(body, 1)
            headers["content-encoding"] = "gzip"
            if chance.random() < 0.2:
                body = body[: chance.randrange(len(body))]
        answer = door.answer("POST", path, headers, body)
        assert answer.status < 500, (answer, body)
        if ROUTES[path] is Kind.BATCH and "content-encoding" not in headers and all(map(stands_alone, parts)):
            assert answer.status == 200, (answer, body)
            expected.add(surrogate(7, "message", f"g{i}"))
        if len(journal.records) >= 200 or i == count - 1:
            decoded = reader.read(journal.records, {7: SHOP}, day=CAME.date(), future_tolerance_minutes=60)
            decoded.table.validate(full=True)
            ids = decoded.table["event_id"].to_pylist()
            assert expected - set(ids) == set()
            good += len(expected)
            expected = set()
            journal.records.clear()
        if i == count // 2:
            warm = memory()
    assert good > count / 10
    assert memory() - warm < 40 << 20
