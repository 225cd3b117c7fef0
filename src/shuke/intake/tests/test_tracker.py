"""The tracker as served, and what the collector takes of it: bodies of a beacon from any shop's page."""

from __future__ import annotations

import gzip
import json

import pytest

from shuke.intake import tracker
from shuke.intake.committer import Committer
from shuke.intake.tests.test_committer import Facts
from shuke.intake.tests.test_wsgi import call, key

__all__ = ["key"]  # the fixture: a shop with a write key

pytestmark = pytest.mark.row("T1")
BEACON = {  # what a browser sends with navigator.sendBeacon(address, text) from a page of another host
    "CONTENT_TYPE": "text/plain;charset=UTF-8",
    "HTTP_ORIGIN": "https://linen.example",
    "HTTP_COOKIE": "sessionid=of-another-page",
}


def test_tracker__as_built__is_smaller_than_4_kb_packed() -> None:
    found = tracker.built()
    assert len(found.packed) < tracker.LARGEST_PACKED
    assert gzip.decompress(found.packed) == found.plain
    assert b"sourceMappingURL" not in found.plain


def test_tracker__asked_for__comes_packed_kept_for_an_hour_and_for_any_page() -> None:
    status, headers, content = call("GET", "/t.js", HTTP_ACCEPT_ENCODING="br, gzip")
    assert status == "200 OK"
    assert headers["Content-Encoding"] == "gzip"
    assert headers["Content-Type"].startswith("text/javascript")
    assert headers["Cache-Control"].startswith("public, max-age=3600")
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert int(headers["Content-Length"]) == len(content)
    plain = call("GET", "/t.js")[2]
    assert plain == gzip.decompress(content)
    assert call("HEAD", "/t.js")[2] == b""
    assert call("POST", "/t.js", b"x")[0] == "405 Method Not Allowed"


def test_tracker__asked_for_again__is_not_sent_twice() -> None:
    tag = call("GET", "/t.js")[1]["ETag"]
    status, headers, content = call("GET", "/t.js", HTTP_IF_NONE_MATCH=f'"older", {tag}')
    assert (status, content, headers["ETag"]) == ("304 Not Modified", b"", tag)
    assert "Content-Length" not in headers


def test_tracker__not_built__says_what_to_do(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(tracker, "FILE", tmp_path / "t.js")
    tracker.built.cache_clear()
    status, _headers, content = call("GET", "/t.js")
    tracker.built.cache_clear()
    assert status.startswith("503")
    assert b"make setup" in content


def test_api__body_of_a_beacon__is_taken_from_any_page(key, shop, settings) -> None:
    event = {"type": "track", "event": "Page Stayed", "anonymousId": "a", "messageId": "m1"}
    body = json.dumps({"writeKey": key.key, "batch": [event]}).encode()
    for _again in range(2):  # a beacon has no answer, so the tracker tells it again
        status, headers, _content = call("POST", "/v1/batch", body, **BEACON)
        assert status == "200 OK"
        assert headers["Access-Control-Allow-Origin"] == "https://linen.example"
    facts = Facts()
    Committer(settings.JOURNAL, append=facts).run_once()
    assert [(row["shop_id"], row["name"]) for row in facts.rows()] == [(shop.id, "Page Stayed")]


def test_api__beacon_with_a_wrong_key__is_refused_and_nothing_kept(key, settings) -> None:
    status, _headers, content = call("POST", "/v1/batch", b'{"writeKey":"no","batch":[{}]}', **BEACON)
    assert status.startswith("401")
    assert json.loads(content)["success"] is False
    facts = Facts()
    Committer(settings.JOURNAL, append=facts).run_once()
    assert facts.rows() == []
