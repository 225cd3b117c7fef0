"""The door in front of the pages: what WSGI gives, and what a write key's revocation does."""

from __future__ import annotations

import base64
import io
import json

import pytest
from django_scopes import scope

from shuke.intake import wsgi
from shuke.intake.committer import Committer
from shuke.intake.journal import journal_bytes
from shuke.intake.own_journal import own_journal
from shuke.intake.tests.test_committer import Facts
from shuke.kernel import clock
from shuke.records.actor import Actor
from shuke.shops import actions

SYSTEM = Actor.system("tests")


def pages(environ, start_response):
    start_response("200 OK", [])
    return [b"a page"]


@pytest.fixture
def key(shop, warehouse_home, monkeypatch):
    monkeypatch.setattr(wsgi, "_collectors", {})
    with scope(shop=shop.id):
        return actions.create_write_key(shop=shop, name="web", actor=SYSTEM, at=clock.now())


def call(method: str, path: str, body: bytes = b"", **environ):
    said: list = []
    given = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
    } | environ
    given = {name: value for name, value in given.items() if value is not None}
    content = b"".join(wsgi.with_collection(pages)(given, lambda *answer: said.append(answer)))
    return said[0][0], dict(said[0][1]), content


def basic(key) -> str:
    return "Basic " + base64.b64encode(f"{key.key}:".encode()).decode()


EVENT = b'{"event":"Clicked","anonymousId":"a","messageId":"m1"}'


def test_page__body_larger_than_any_file__refused_unread() -> None:
    class Unread:
        def read(self, *_size):
            pytest.fail("it was read")

    status, _headers, content = call(
        "POST", "/s/linen/imports/", CONTENT_LENGTH=str(3 << 30), **{"wsgi.input": Unread()}
    )
    assert status.startswith("413")
    assert json.loads(content)["code"] == "file_too_large"
    assert call("POST", "/s/linen/imports/", CONTENT_LENGTH="x")[0] == "200 OK"


@pytest.mark.row("T1")
def test_event__through_wsgi__reaches_the_facts(key, shop, settings):
    status, headers, content = call("POST", "/v1/track", EVENT, HTTP_AUTHORIZATION=basic(key))
    assert (status, json.loads(content)) == ("200 OK", {"success": True})
    assert headers["Content-Length"] == str(len(content))
    facts = Facts()
    Committer(settings.JOURNAL, append=facts).run_once()
    assert [(row["shop_id"], row["name"]) for row in facts.rows()] == [(shop.id, "Clicked")]


def test_body__without_a_length_or_with_a_wrong_one__is_read_within_the_limit(key, settings):
    auth = {"HTTP_AUTHORIZATION": basic(key)}
    assert call("POST", "/v1/track", EVENT, CONTENT_LENGTH=None, **auth)[0] == "200 OK"
    assert call("POST", "/v1/track", EVENT, CONTENT_LENGTH="many", **auth)[0] == "200 OK"
    before = journal_bytes(settings.JOURNAL)
    assert call("POST", "/v1/track", EVENT, CONTENT_LENGTH="-5", **auth)[0] == "400 Bad Request"
    assert call("POST", "/v1/batch", b" " * 600_000, **auth)[0] == "400 Bad Request"
    assert journal_bytes(settings.JOURNAL) == before


def test_other_addresses__are_the_pages(key):
    assert call("GET", "/v1", b"")[2] == b"a page"
    assert call("GET", "/s/linen/", b"")[2] == b"a page"
    assert call("HEAD", "/v1/health")[2] == b""
    status, headers, content = call("OPTIONS", "/v1/t", HTTP_ORIGIN="https://shop.example.com")
    assert (status, content) == ("204 No Content", b"")
    assert headers["Access-Control-Allow-Origin"] == "https://shop.example.com"


def test_revoked_key__works_no_longer_than_the_memory_of_keys(key, shop, settings, monkeypatch):
    auth = {"HTTP_AUTHORIZATION": basic(key)}
    now = [1_000.0]
    monkeypatch.setattr("shuke.intake.collector.time.monotonic", lambda: now[0])
    assert call("POST", "/v1/track", EVENT, **auth)[0] == "200 OK"
    with scope(shop=shop.id):
        actions.revoke_write_key(shop=shop, key_id=key.pk, actor=SYSTEM, at=clock.now())
    now[0] += 5.1
    before = journal_bytes(settings.JOURNAL)
    assert call("POST", "/v1/track", EVENT, **auth)[0] == "401 Unauthorized"
    assert journal_bytes(settings.JOURNAL) == before


def test_own_journal__is_one_for_the_process(warehouse_home):
    assert own_journal() is own_journal()
