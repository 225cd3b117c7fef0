"""The door for events: the Segment spec over HTTP, as one function that knows no web framework.

A request is answered 200 when its record is synced in the journal, and not before. What can not be an event at all is
refused here with field, value and remedy; an event that is merely malformed is taken, and goes to quarantine beside
its good neighbours, since a sender drops what is refused.
"""

from __future__ import annotations

import base64
import binascii
import logging
import threading
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import msgspec
from django.utils import translation

from shuke.intake import salvage
from shuke.intake.errors import (
    BadCompression,
    BatchTooLarge,
    EmptyBody,
    EventTooLarge,
    JournalFull,
    NoSuchAddress,
    NotJson,
    NotTakenNow,
    WrongMethod,
    WrongShape,
    WrongWriteKey,
)
from shuke.intake.segment_spec import LARGEST_BATCH, LARGEST_EVENT, ROUTES, Envelope, Kind, Single
from shuke.kernel import clock
from shuke.kernel.errors import ShukeError

log = logging.getLogger("intake.collector")

HEALTH = "/v1/health"
KEY_SECONDS = 5.0  # a revoked key works at most this long
RETRY_AFTER_SECONDS = 2
_UNKNOWN_KEY_SECONDS = 1.0
_KEYS_HELD = 10_000
_LONGEST_KEY = 200
_ENVELOPE = msgspec.json.Decoder(Envelope)
_SINGLE = msgspec.json.Decoder(Single)
_TAKEN = b'{"success":true}'
_JSON = ("Content-Type", "application/json")


class Journal(Protocol):
    def append(self, *, shop_id: int, received_us: int, kind: int, body: bytes) -> None: ...


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class WriteKeys:
    """Write keys and their shops, remembered for some seconds, since a database question a request would be too slow."""

    def __init__(self, find: Callable[[str], int | None]) -> None:
        self._find = find
        self._held: dict[str, tuple[int | None, float]] = {}

    def shop_id(self, key: str) -> int | None:
        """The shop of a key; None when there is none."""
        now = time.monotonic()
        held = self._held.get(key)
        if held is not None and held[1] > now:
            return held[0]
        shop_id = self._find(key)
        if len(self._held) >= _KEYS_HELD:
            self._held = {}
        self._held[key] = (shop_id, now + (_UNKNOWN_KEY_SECONDS if shop_id is None else KEY_SECONDS))
        return shop_id


class Collector:
    """`answer` takes one HTTP request. `journal` makes the journal on first use, in the process that will write it."""

    def __init__(self, *, journal: Callable[[], Journal], find_shop_id: Callable[[str], int | None]) -> None:
        self._make_journal = journal
        self._journal: Journal | None = None
        self._making = threading.Lock()
        self._keys = WriteKeys(find_shop_id)

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Answer one request; `headers` by lower-case name, `body` as sent, at most LARGEST_BATCH + 1 bytes of it."""
        cors = _cors(headers)
        try:
            if method == "POST":
                self._take(path, headers, body)
                return Answer(200, (_JSON, *cors), _TAKEN)
            return self._other(method, path, cors)
        except ShukeError as refused:
            return _refusal(refused, headers, cors)
        except Exception:
            log.exception("collection.failed")
            return _refusal(NotTakenNow(), headers, cors)

    def _other(self, method: str, path: str, cors: tuple[tuple[str, str], ...]) -> Answer:
        if path.rstrip("/") == HEALTH and method in ("GET", "HEAD"):
            return Answer(200, (_JSON, ("Cache-Control", "no-store"), *cors), b'{"status":"ok"}')
        if path.rstrip("/") not in ROUTES:
            raise NoSuchAddress(field="path", value=path)
        if method == "OPTIONS":
            return Answer(204, cors, b"")
        raise WrongMethod(field="method", value=method)

    def _take(self, path: str, headers: Mapping[str, str], body: bytes) -> None:
        kind = ROUTES.get(path if path in ROUTES else path.rstrip("/"))
        if kind is None:
            if path.rstrip("/") == HEALTH:
                raise WrongMethod(field="method", value="POST")
            raise NoSuchAddress(field="path", value=path)
        shop_id = self._shop_of_header(headers)
        body = _decompressed(headers, body)
        written_key, count = _batch_seen(body) if kind is Kind.BATCH else _event_seen(body)
        if shop_id is None:
            shop_id = self._shop_of(written_key)
        if count == 0:
            return
        received_us = int(clock.now().timestamp() * 1_000_000)
        try:
            self._open_journal().append(shop_id=shop_id, received_us=received_us, kind=kind, body=body)
        except OSError as error:
            log.error("journal.failed %s", error.__cause__ or error)
            raise NotTakenNow() from error

    def _shop_of_header(self, headers: Mapping[str, str]) -> int | None:
        """The shop of the basic-auth user; None without one, so that the body may name the key."""
        given = headers.get("authorization", "")
        scheme, _, encoded = given.partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            key = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            raise WrongWriteKey(field="authorization") from None
        return self._shop_of(key) if key else None

    def _shop_of(self, key: str | None) -> int:
        if not key or len(key) > _LONGEST_KEY:
            raise WrongWriteKey(field="writeKey")
        shop_id = self._keys.shop_id(key)
        if shop_id is None:
            raise WrongWriteKey(field="writeKey")
        return shop_id

    def _open_journal(self) -> Journal:
        journal = self._journal
        if journal is None:
            with self._making:
                journal = self._journal = self._journal or self._make_journal()
        return journal


def _decompressed(headers: Mapping[str, str], body: bytes) -> bytes:
    encoding = headers.get("content-encoding", "").strip().lower()
    if len(body) > LARGEST_BATCH:
        raise BatchTooLarge(field="body", value=f"> {LARGEST_BATCH}", limit=LARGEST_BATCH)
    if encoding in ("", "identity"):
        pass
    elif encoding in ("gzip", "x-gzip"):
        body = _gunzipped(body)
    else:
        raise BadCompression(field="content-encoding", value=encoding)
    if not body.strip():
        raise EmptyBody(field="body")
    return body


def _gunzipped(body: bytes) -> bytes:
    """At most LARGEST_BATCH bytes ever come out, whatever is claimed inside."""
    parts: list[bytes] = []
    room = LARGEST_BATCH + 1
    rest = body
    while rest:
        unpacker = zlib.decompressobj(wbits=31)
        try:
            part = unpacker.decompress(rest, room)
        except zlib.error:
            raise BadCompression(field="body", value="gzip") from None
        parts.append(part)
        room -= len(part)
        if room <= 0:
            raise BatchTooLarge(field="body", value=f"> {LARGEST_BATCH}", limit=LARGEST_BATCH)
        if not unpacker.eof:
            raise BadCompression(field="body", value="gzip")
        rest = unpacker.unused_data
    return b"".join(parts)


def _batch_seen(body: bytes) -> tuple[str | None, int]:
    """(write key in the body, number of events) of a batch that may be taken."""
    try:
        envelope = _ENVELOPE.decode(body)
    except msgspec.ValidationError as error:
        raise WrongShape(field=_field_of(error), value=error) from None
    except (ValueError, RecursionError) as error:
        pieces = salvage.split_batch(body)
        if pieces is None:
            raise NotJson(field="body", value=error) from None
        _require_small(max(map(len, pieces.elements), default=0), "batch[]")
        return pieces.write_key, len(pieces.elements)
    if len(body) > LARGEST_EVENT:
        _require_small(max((len(memoryview(raw)) for raw in envelope.batch), default=0), "batch[]")
    return envelope.writeKey, len(envelope.batch)


def _event_seen(body: bytes) -> tuple[str | None, int]:
    _require_small(len(body), "body")
    try:
        return _SINGLE.decode(body).writeKey, 1
    except msgspec.ValidationError as error:
        raise WrongShape(field=_field_of(error), value=error) from None
    except (ValueError, RecursionError) as error:
        if not salvage.is_object(body):
            raise NotJson(field="body", value=error) from None
        return salvage.write_key_of_object(body), 1


def _require_small(size: int, field: str) -> None:
    if size > LARGEST_EVENT:
        raise EventTooLarge(field=field, value=size, limit=LARGEST_EVENT)


def _field_of(error: msgspec.ValidationError) -> str:
    """msgspec ends its message with the path: "... - at `$.batch`"."""
    _, _, path = str(error).rpartition("`$")
    return path.rstrip("`").lstrip(".") if path and path != str(error) else "body"


def _cors(headers: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Any page may send: the key is public, and no cookie is read. The origin is named, since a beacon of type
    application/json asks with credentials, and a browser then accepts no asterisk."""
    origin = headers.get("origin")
    if not origin or len(origin) > 300 or not origin.isprintable():
        return ()
    return (
        ("Access-Control-Allow-Origin", origin),
        ("Access-Control-Allow-Credentials", "true"),
        ("Access-Control-Allow-Methods", "POST, OPTIONS"),
        ("Access-Control-Allow-Headers", "authorization, content-type, content-encoding, x-retry-count"),
        ("Access-Control-Max-Age", "86400"),
        ("Vary", "Origin"),
    )


def _refusal(refused: ShukeError, headers: Mapping[str, str], cors: tuple[tuple[str, str], ...]) -> Answer:
    with translation.override("zh-hans" if headers.get("accept-language", "").startswith("zh") else "en"):
        body = msgspec.json.encode({"success": False, **refused.as_dict()})
    extra: list[tuple[str, str]] = []
    if refused.status == 503:
        extra.append(("Retry-After", str(RETRY_AFTER_SECONDS)))
        if isinstance(refused, JournalFull):
            log.warning("journal.full")
    if refused.status == 405:
        extra.append(("Allow", "POST, OPTIONS"))
    if refused.status == 401:
        # Not "Basic": a browser would ask the shop's visitor for a password.
        extra.append(("WWW-Authenticate", 'WriteKey realm="collection"'))
    return Answer(refused.status, (_JSON, *extra, *cors), body)
