"""The API of the quarantine: by reason, one by one, mended, sent again, dropped; the text only for who sees customers."""

from __future__ import annotations

import json

import pytest
from django.test import Client
from django.utils.translation import get_language, override
from django_scopes import scope

from shuke.intake import reads
from shuke.intake.files.uploads import FileGone
from shuke.intake.models.quarantine import Quarantined
from shuke.intake.quarantine import actions as quarantine
from shuke.intake.tests.test_quarantine import BAD, BOSS, commit, facts, mended, moment, set_aside
from shuke.kernel import clock
from shuke.records.reads import list_audit
from shuke.shops import actions as shops
from shuke.shops.roles import Deed, Role, may

__all__ = ["facts", "moment"]
pytestmark = [pytest.mark.django_db, pytest.mark.row("T1")]

NAMELESS = {"type": "page", "messageId": "m3"}


@pytest.fixture
def caller(shop):
    """A function (role) -> function (method, path, body) -> (status, answer), by an API key of the shop."""

    def of(role: Role):
        with scope(shop=shop.id):
            _key, secret = shops.create_api_key(
                shop=shop, name=role.value, role=role, actor=BOSS, at=clock.now()
            )

        def call(method: str, path: str = "", body=None):
            # A request leaves its language active in the thread.
            with override(get_language()):
                answer = Client(raise_request_exception=False).generic(
                    method,
                    f"/api/v1/shops/{shop.slug}/quarantine{path}",
                    json.dumps(body) if body is not None else "",
                    "application/json",
                    headers={"Authorization": f"Bearer {secret}", "Accept-Language": "en"},
                )
            return answer.status_code, json.loads(answer.content)

        return call

    return of


def test_quarantine_api__entries__are_counted_by_reason_and_listed_in_pages(settings, facts, shop, caller):
    rows = set_aside(settings, facts, shop, BAD, BAD | {"messageId": "m2"}, NAMELESS)
    call = caller(Role.OPERATOR)
    status, reasons = call("GET", "/reasons")
    assert status == 200
    assert [(one["reason"], one["origin"], one["count"]) for one in reasons] == [
        ("wrong_type", "api", 2),
        ("no_identity", "api", 1),
    ]
    assert reasons[1]["example"] == "The event has neither anonymousId nor userId."
    assert call("GET", "/reasons?import_id=4") == (200, [])

    status, page = call("GET", "?reason=wrong_type&size=1&page=2")
    assert (status, page["count"], page["page"], page["size"]) == (200, 2, 2, 1)
    assert [row["id"] for row in page["rows"]] == [rows[0].id]
    assert json.loads(page["rows"][0]["payload"])["event"] == 7
    assert call("GET", "?origin=import")[1]["count"] == 0
    assert call("GET", "?state=dropped")[1]["count"] == 0
    assert call("GET", "?state=any")[1]["count"] == 3
    assert call("GET", f"/{rows[2].id}")[1]["reason"] == "no_identity"


def test_quarantine_api__one_mended__is_sent_again_once_and_counts(settings, facts, shop, caller):
    (row,) = set_aside(settings, facts, shop, BAD)
    call = caller(Role.OPERATOR)
    status, still = call("POST", f"/{row.id}/replay", {"payload": mended(row, event=8)})
    assert (status, still["code"], still["field"]) == (422, "still_refused", "event")
    assert still["remedy"]
    assert reads.get_quarantined(shop, row.id) == row
    status, entry = call("POST", f"/{row.id}/replay", {"payload": mended(row, event="Clicked")})
    assert (status, entry["state"], entry["settled_by"]) == (200, "replayed", "operator")
    commit(settings, facts)
    assert [fact["name"] for fact in facts.rows()] == ["Clicked"]
    assert call("POST", f"/{row.id}/replay", {})[0] == 409


def test_quarantine_api__several__are_sent_again_or_dropped_each_once(settings, facts, shop, caller):
    rows = set_aside(settings, facts, shop, BAD, NAMELESS)
    ids = [row.id for row in rows]
    call = caller(Role.OPERATOR)
    status, done = call("POST", "/replay", {"ids": [*ids, 10**15]})
    assert (status, done["count"], [one["id"] for one in done["refused"]]) == (200, 0, ids)
    assert done["refused"][1]["words"].endswith("The event has neither anonymousId nor userId.")
    assert reads.count_waiting(shop) == 2
    assert call("POST", "/drop", {"ids": ids}) == (200, {"count": 2})
    assert call("POST", "/drop", {"ids": ids}) == (200, {"count": 0})
    assert [one.deed for one in list_audit(shop.id).rows if "quarantined" in one.deed] == [
        "drop_quarantined"
    ] * 2


@pytest.mark.row("E3")
@pytest.mark.parametrize("role", list(Role))
def test_quarantine_api__by_each_role__shows_the_text_to_who_sees_customers(
    settings, facts, shop, caller, role
):
    (row,) = set_aside(settings, facts, shop, BAD)
    call = caller(role)
    answers = [call("GET", "/reasons"), call("GET"), call("GET", f"/{row.id}")]
    if not may(role, Deed.VIEW_QUARANTINE):
        assert {status for status, _answer in answers} == {403}
    else:
        payloads = {answers[1][1]["rows"][0]["payload"], answers[2][1]["payload"]}
        assert payloads == {row.payload if may(role, Deed.VIEW_CUSTOMERS) else None}
    if not may(role, Deed.MEND_QUARANTINE):
        for path, body in (
            (f"/{row.id}/replay", {}),
            ("/replay", {"ids": [row.id]}),
            ("/drop", {"ids": [row.id]}),
        ):
            assert call("POST", path, body)[0] == 403
        assert reads.get_quarantined(shop, row.id).state == "waiting"


@pytest.mark.row("E3")
def test_quarantine_api__of_another_shop__is_not_found(settings, facts, shop, other_shop, caller):
    (row,) = set_aside(settings, facts, other_shop, BAD)
    call = caller(Role.OWNER)
    assert call("GET")[1]["count"] == 0
    assert call("GET", f"/{row.id}")[0] == 404
    assert call("POST", f"/{row.id}/replay", {})[0] == 404
    assert call("POST", "/drop", {"ids": [row.id]}) == (200, {"count": 0})
    assert reads.get_quarantined(other_shop, row.id).state == "waiting"


@pytest.mark.parametrize(
    "body", [{"ids": []}, {"ids": [0]}, {"ids": [2**63]}, {"ids": list(range(1, 502))}, {"ids": ["x"]}, {}]
)
def test_quarantine_api__with_ids_that_can_not_be__says_which_place(shop, caller, body):
    status, answer = caller(Role.OWNER)("POST", "/drop", body)
    assert (status, answer["code"]) == (422, "unreadable")
    assert answer["field"]


@pytest.mark.parametrize(
    "text", ["", "[]", "\x00", '{"type": "page", "userId": "\\u0000"}', "{" * 9999, "\ud800"]
)
def test_quarantine_api__mended_with_anything__never_fails(settings, facts, shop, caller, text):
    (row,) = set_aside(settings, facts, shop, BAD)
    status, _answer = caller(Role.OWNER)("POST", f"/{row.id}/replay", {"payload": text})
    assert status in (200, 400, 422)
    commit(settings, facts)


def test_quarantine_api__when_the_journal_is_full__says_so_and_changes_nothing(settings, facts, shop, caller):
    (row,) = set_aside(settings, facts, shop, BAD)
    settings.JOURNAL = settings.HOME / "full"
    settings.JOURNAL.mkdir()
    settings.JOURNAL_BYTES = 1
    status, answer = caller(Role.OWNER)("POST", f"/{row.id}/replay", {"payload": mended(row, event="X")})
    assert (status, answer["code"]) == (503, "journal_full")
    assert reads.get_quarantined(shop, row.id) == row


def test_quarantine_api__a_row_whose_file_is_gone__waits_on_and_says_so(shop, caller, monkeypatch):
    def gone(*_):
        raise FileGone(field="file", value="may.csv")

    monkeypatch.setattr(quarantine, "_load_again", gone)
    with scope(shop=shop.id):
        row = Quarantined.objects.create(
            shop_id=shop.id,
            key=1,
            origin="import",
            import_id=3,
            line=7,
            reason="no_key",
            payload="{}",
            received_at=clock.now(),
        )
    call = caller(Role.OWNER)
    status, done = call("POST", "/replay", {"ids": [row.pk]})
    assert (status, done["count"]) == (200, 0)
    assert done["refused"] == [{"id": row.pk, "words": "The file “may.csv” is no longer kept."}]
    assert call("POST", f"/{row.pk}/replay", {})[0] == 410
    assert reads.get_quarantined(shop, row.pk).state == "waiting"


def test_quarantine_api__its_description__declares_how_it_may_refuse(client, db):
    paths = json.loads(client.get("/api/v1/openapi.json").content)["paths"]
    mend = paths["/api/v1/shops/{shop}/quarantine/{quarantined_id}/replay"]["post"]["responses"]
    assert {"200", "403", "404", "409", "410", "422", "503"} <= set(mend)
