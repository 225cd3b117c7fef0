"""Collection in front of a WSGI application: `/v1/...` and the tracker never meet sessions, templates or middleware."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any

from django.db import close_old_connections, connection

from shuke.intake import tracker
from shuke.intake.collector import Collector
from shuke.intake.files.problems import FileTooLarge
from shuke.intake.files.receiving import LARGEST_BODY
from shuke.intake.own_journal import own_journal
from shuke.intake.segment_spec import LARGEST_BATCH

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
_REASONS = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}
_HEADERS = {
    "HTTP_AUTHORIZATION": "authorization",
    "HTTP_CONTENT_ENCODING": "content-encoding",
    "HTTP_ORIGIN": "origin",
    "HTTP_ACCEPT_LANGUAGE": "accept-language",
}


def find_shop_id(key: str) -> int | None:
    """The shop of a write key, from the database."""
    from shuke.shops.access import shop_of_write_key

    if not connection.in_atomic_block:
        close_old_connections()  # what Django does at the start of each of its own requests
    shop = shop_of_write_key(key)
    return shop.id if shop is not None else None


_collectors: dict[int, Collector] = {}


def collector() -> Collector:
    """This process's collector; a forked child gets one of its own, since a series belongs to one process."""
    found = _collectors.get(os.getpid())
    if found is None:
        found = _collectors.setdefault(os.getpid(), Collector(journal=own_journal, find_shop_id=find_shop_id))
    return found


def with_collection(pages: Application) -> Application:
    """A WSGI application that answers `/v1/` and `/t.js` itself and leaves the rest to `pages`, but for bodies that none
    takes."""

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path == tracker.PATH:
            status, said, content = tracker.answer(environ)
            start_response(_REASONS[status], said)
            return [content]
        if not path.startswith("/v1/"):
            return _too_large(environ, start_response) or pages(environ, start_response)
        headers = {name: environ[key] for key, name in _HEADERS.items() if key in environ}
        method = environ["REQUEST_METHOD"]
        answer = collector().answer(method, path, headers, _body(environ) if method == "POST" else b"")
        length = [] if answer.status == 204 else [("Content-Length", str(len(answer.body)))]
        start_response(_REASONS[answer.status], [*answer.headers, *length])
        return [b"" if method == "HEAD" else answer.body]

    return application


def _too_large(environ: Mapping[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """The refusal of a body that says that it is larger than any file may be; it is not read."""
    with contextlib.suppress(ValueError):
        if int(environ.get("CONTENT_LENGTH") or 0) > LARGEST_BODY:
            refusal = FileTooLarge(field="body", limit=f"{LARGEST_BODY >> 20} MB")
            content = json.dumps(refusal.as_dict(), ensure_ascii=False).encode()
            headers = [("Content-Type", "application/json"), ("Content-Length", str(len(content)))]
            start_response(_REASONS[refusal.status], [*headers, ("Connection", "close")])
            return [content]
    return []


def _body(environ: Mapping[str, Any]) -> bytes:
    """The body as sent, but never more than one byte above the limit."""
    room = LARGEST_BATCH + 1
    with contextlib.suppress(ValueError):
        room = min(room, int(environ.get("CONTENT_LENGTH") or room))
    parts: list[bytes] = []
    stream = environ["wsgi.input"]
    while room > 0:
        part = stream.read(room)
        if not part:
            break
        parts.append(part)
        room -= len(part)
    return b"".join(parts)
