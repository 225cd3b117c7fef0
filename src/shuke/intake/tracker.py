"""The page tracker as served: `/t.js`, the one file that a shop's pages load, in front of Django as collection is.

Its name never changes, since it stands in the pages of shops; so browsers keep it for an hour and then ask whether it is
still the same. It is made by the set-up (browser/copy.py) and held in memory, packed once.
"""

from __future__ import annotations

import gzip
import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

log = logging.getLogger("intake.tracker")

PATH = "/t.js"
FILE = Path(__file__).resolve().parent / "static" / "tracker" / "t.js"
LARGEST_PACKED = 4096  # bytes: what it may cost a shop's page
KEPT_SECONDS = 3600
_MISSING = b"The tracker is not built: run the set-up (make setup) and start again.\n"
Headers = list[tuple[str, str]]


@dataclass(frozen=True)
class Built:
    """The tracker's text, plain and packed, and a tag that changes with it."""

    plain: bytes
    packed: bytes
    tag: str


@lru_cache(maxsize=1)
def built() -> Built:
    """What the set-up has made. Raises FileNotFoundError before that."""
    plain = FILE.read_bytes()
    return Built(plain, gzip.compress(plain, 9, mtime=0), f'"{hashlib.sha256(plain).hexdigest()[:20]}"')


def answer(environ: Mapping[str, Any]) -> tuple[int, Headers, bytes]:
    """Status, headers and body of one request for PATH."""
    if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
        return 405, [("Allow", "GET, HEAD"), ("Content-Length", "0")], b""
    try:
        found = built()
    except FileNotFoundError:
        log.error("tracker.not_built %s", FILE)
        return 503, [("Content-Type", "text/plain"), ("Content-Length", str(len(_MISSING)))], _MISSING
    headers: Headers = [
        ("Cache-Control", f"public, max-age={KEPT_SECONDS}, stale-while-revalidate=86400"),
        ("ETag", found.tag),
        ("Vary", "Accept-Encoding"),
        # Any shop's page may load it, also one that isolates itself from other origins.
        ("Access-Control-Allow-Origin", "*"),
        ("Cross-Origin-Resource-Policy", "cross-origin"),
        ("X-Content-Type-Options", "nosniff"),
    ]
    if found.tag in environ.get("HTTP_IF_NONE_MATCH", ""):
        return 304, headers, b""
    headers.append(("Content-Type", "text/javascript; charset=utf-8"))
    body = found.plain
    if "gzip" in environ.get("HTTP_ACCEPT_ENCODING", ""):
        headers.append(("Content-Encoding", "gzip"))
        body = found.packed
    headers.append(("Content-Length", str(len(body))))
    return 200, headers, b"" if environ["REQUEST_METHOD"] == "HEAD" else body
