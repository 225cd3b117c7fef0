"""The API of files, from giving one to its end; what the role table forbids is forbidden here too."""

from __future__ import annotations

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from shuke.intake import reads
from shuke.intake.tests.books import ACTOR, BOOK, HEADER, lines_of
from shuke.kernel import clock
from shuke.project.api import api
from shuke.records import jobs
from shuke.records.personal import PersonRef, all_stores
from shuke.shops import actions as shops
from shuke.shops.roles import Role

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("warehouse_home")]


@pytest.fixture
def caller(shop, client):
    """A function (role) -> function (method, path, body or file) -> (status, answer), by an API key of the shop."""
    from django_scopes import scope

    def of(role: Role):
        with scope(shop=shop.id):
            _key, secret = shops.create_api_key(
                shop=shop, name=role.value, role=role, actor=ACTOR, at=clock.now()
            )

        def call(method: str, path: str, body=None, file=None, key=None):
            headers = {"Authorization": f"Bearer {secret}"} | ({"Idempotency-Key": key} if key else {})
            address = f"/api/v1/shops/{shop.slug}{path}"
            if file is not None:
                answer = client.post(address, {"file": file}, headers=headers)
            else:
                answer = client.generic(
                    method,
                    address,
                    json.dumps(body) if body is not None else "",
                    "application/json",
                    headers=headers,
                )
            return answer.status_code, json.loads(answer.content) if answer.content else None

        return call

    return of


@pytest.mark.row("T1")
def test_files_api__give_preview_load_watch(shop, caller) -> None:
    call = caller(Role.OPERATOR)
    assert call("PUT", "/mappings", {"spec": BOOK})[0] == 200
    content = (HEADER + "a,2026-03-01,tom,1,5\nb,bad,tom,1,5\n").encode()
    status, upload = call("POST", "/files", file=SimpleUploadedFile("book.csv", content))
    assert status == 201
    files = {"": upload["sha256"]}
    status, seen = call("POST", "/files/preview", {"files": files, "mapping": "book"})
    assert status == 200
    assert (seen["rows_bad"], seen["fitting"]) == (1, ["book"])
    assert seen["rows"][0]["fields"]["amount_minor"] == 500
    status, started = call("POST", "/imports", {"files": files, "mapping": "book"})
    assert (status, started["state"]) == (201, "waiting")
    assert call("POST", "/imports", {"files": files, "mapping": "book"})[0] == 409
    jobs.run_to_end(started["job_id"])
    status, ended = call("GET", f"/imports/{started['id']}")
    assert (ended["state"], ended["rows_new"], ended["rows_bad"]) == ("done", 1, 1)
    assert call("GET", "/imports")[1]["count"] == 1
    assert len(lines_of(shop)) == 1


def test_files_api__draft_of_a_mapping__tried_without_being_kept(shop, caller) -> None:
    call = caller(Role.OPERATOR)
    _status, upload = call(
        "POST", "/files", file=SimpleUploadedFile("b.csv", HEADER.encode() + b"a,2026-03-01,t,1,5\n")
    )
    files = {"": upload["sha256"]}
    status, seen = call("POST", "/files/preview", {"files": files, "spec": BOOK})
    assert (status, seen["rows_looked_at"]) == (200, 1)
    status, refused = call("POST", "/files/preview", {"files": files, "spec": BOOK | {"kind": "sheep"}})
    assert (status, refused["code"], refused["field"]) == (422, "mapping_invalid", "kind")
    assert [m.name for m in reads.list_mappings(shop) if not m.is_shipped] == []


def test_files_api__bad_files_and_ids__refused_with_words(shop, caller) -> None:
    call = caller(Role.MANAGER)
    status, refused = call("POST", "/files", file=SimpleUploadedFile("x.csv", b""))
    assert status in (400, 422), refused
    status, refused = call("POST", "/files/preview", {"files": {"": "0" * 64}})
    assert (status, refused["code"]) == (410, "file_gone")
    status, refused = call("POST", "/files/preview", {"files": {"": "../../secret_key"}})
    assert (status, refused["code"]) == (410, "file_gone")
    _status, upload = call("POST", "/files", file=SimpleUploadedFile("x.pdf", b"%PDF-1.7 ..."))
    status, refused = call("POST", "/files/preview", {"files": {"": upload["sha256"]}})
    assert (status, refused["code"]) == (422, "file_binary")
    for wrong in ("999999", str(2**63 - 1)):
        assert call("GET", f"/imports/{wrong}")[0] == 404
    for wrong in ("0", "-1", str(2**63), "9" * 400):
        assert call("GET", f"/imports/{wrong}")[0] in (404, 422)
    files = {"": upload["sha256"]}
    for choices in ({"encoding": "a\0"}, {"encoding": "hex"}, {"separator": "\ud800"}, {"separator": "\n"}):
        assert call("POST", "/files/preview", {"files": files, "choices": choices})[0] == 422
        assert (
            call("POST", "/imports", {"files": files, "mapping": "clickstream_ecom", "choices": choices})[0]
            == 422
        )
    assert call("POST", "/files/preview", {"files": files | {"a\0": "b"}})[0] == 422
    for change in (
        {"note": "\0"},
        {"note": "\ud800"},
        {"note": 1.5},
        {"source": "x" * 300},
        {"title": {"a\0": "b"}},
    ):
        assert call("PUT", "/mappings", {"spec": BOOK | change})[0] == 422
    for method in ("GET", "DELETE"):
        assert call(method, "/mappings/a%00b")[0] == 422
        assert call(method, "/mappings/a%27b")[0] == 404
    assert [m.name for m in reads.list_mappings(shop) if not m.is_shipped] == []
    assert call("GET", "/orders?start=2026-01-01&end=2026-02-01&order_ref=a%00'b")[0] == 422
    assert call("GET", "/orders?start=2026-01-01&end=2026-02-01&order_ref=a%27b")[0] == 200
    assert call("GET", "/orders?start=0001-01-01&end=9999-12-31")[0] == 422
    assert call("GET", "/orders?start=9998-12-31&end=9999-12-31&page=100000&size=500")[0] == 200
    assert call("GET", "/mappings/none")[0] == 404


def test_files_api__role_without_the_deed__refused(shop, caller) -> None:
    call = caller(Role.ANALYST)
    assert call("POST", "/files", file=SimpleUploadedFile("b.csv", b"a,b\n1,2\n"))[0] == 403
    assert call("PUT", "/mappings", {"spec": BOOK})[0] == 403
    assert call("GET", "/imports")[0] == 403
    assert [m.name for m in reads.list_mappings(shop) if not m.is_shipped] == []


@pytest.mark.row("T1")
def test_files_api__start_repeated_under_one_key__starts_once_and_answers_the_same(shop, caller) -> None:
    call, other = caller(Role.OPERATOR), caller(Role.MANAGER)
    call("PUT", "/mappings", {"spec": BOOK})
    contents = [f"{HEADER}{who},2026-03-01,tom,1,5\n".encode() for who in "ab"]
    files = [call("POST", "/files", file=SimpleUploadedFile("b.csv", text))[1]["sha256"] for text in contents]
    asked, changed = ({"files": {"": one}, "mapping": "book"} for one in files)
    status, first = call("POST", "/imports", asked, key="k1")
    assert status == 201
    jobs.run_to_end(first["job_id"])
    assert call("POST", "/imports", asked, key="k1") == (201, first)  # as it was answered, not as it is now
    status, refused = call("POST", "/imports", changed, key="k1")
    assert (status, refused["code"]) == (409, "idempotency_key_used_otherwise")
    assert call("GET", "/imports")[1]["count"] == 1
    status, theirs = other("POST", "/imports", asked, key="k1")  # another actor's key is another key
    assert (status, theirs["id"] != first["id"]) == (201, True)
    assert (
        call("POST", "/imports", changed, key="k2")[0] == 409
    )  # refused: theirs runs; nothing is kept of it
    jobs.run_to_end(theirs["job_id"])
    assert call("POST", "/imports", changed, key="k2")[0] == 201
    assert call("POST", "/imports", changed, key="x" * 201)[0] == 422
    for store in all_stores():
        store.erase(shop.id, PersonRef(shop.id, ("tom",)))
    status, refused = call("POST", "/imports", asked, key="k1")
    assert (status, refused["code"]) == (409, "answer_not_kept")


def test_files_api__secret_answer__is_not_kept_and_not_made_twice(shop, caller) -> None:
    call = caller(Role.OWNER)
    asked = {"name": "shop page"}
    assert call("POST", "/write-keys", asked, key="k1")[0] == 201
    status, refused = call("POST", "/write-keys", asked, key="k1")
    assert (status, refused["code"]) == (409, "answer_not_kept")
    assert len(call("GET", "/write-keys")[1]) == 1


def test_openapi__every_repeatable_operation__declares_the_key(client) -> None:
    paths = api.get_openapi_schema()["paths"]
    named = {
        operation["operationId"]
        for operations in paths.values()
        for operation in operations.values()
        if any(one["name"] == "Idempotency-Key" for one in operation.get("parameters", ()))
    }
    assert {"start_import", "resume_import", "mend_quarantined", "create_write_key"} <= named
    assert not {"upload_file", "save_mapping", "list_imports"} & named
