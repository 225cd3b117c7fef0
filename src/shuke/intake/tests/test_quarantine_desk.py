"""The desk: its pages, its API and its CSV files; by each role, in both languages, with none and with very many."""

from __future__ import annotations

import csv
import io
import json

import pytest
from django.test import Client
from django.urls import reverse
from django_scopes import scope

from shuke.intake import actions, reads
from shuke.intake.tests.books import BOOK, HEADER, load_book
from shuke.intake.tests.test_committer import Facts
from shuke.intake.tests.test_quarantine import BAD, set_aside
from shuke.intake.tests.test_quarantine_mends import BROKEN, DOTTED, groups, mend
from shuke.kernel import clock
from shuke.records import jobs
from shuke.records.actor import Actor
from shuke.shops import actions as shops
from shuke.shops.roles import Role

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("warehouse_home"),
    pytest.mark.row("T1"),
]
ACTOR = Actor.system("tests")
GROUP = {"origin": "import", "reason": "row_not_a_time", "mapping": "book", "column": "at"}


@pytest.fixture
def waiting(shop):
    actions.save_mapping(shop=shop, spec=BOOK, actor=ACTOR, at=clock.now())
    load_book(shop, BROKEN)
    return shop


@pytest.fixture
def sit(shop, member_of):
    """A function (role) -> client signed in as a member of the shop, who reads English."""

    def of(role: Role) -> Client:
        client = Client()
        client.force_login(member_of(shop, role), backend="django.contrib.auth.backends.ModelBackend")
        client.cookies["shuke_language"] = "en"
        return client

    return of


def url(shop, name: str, *args) -> str:
    return reverse(f"intake:{name}", args=[shop.slug, *args])


def texts(answer) -> list[list[str]]:
    body = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(body)))


def test_desk__a_group__from_its_count_to_a_rule_to_what_it_did(waiting, sit) -> None:
    client = sit(Role.OPERATOR)
    desk = client.get(url(waiting, "quarantine")).content.decode()
    assert "book.csv" in desk
    assert "Mend by a rule" in desk
    chosen = client.get(url(waiting, "mend_group"), {**GROUP, "rule": "time_format"}).content.decode()
    assert 'name="f.format"' in chosen
    asked = {**GROUP, "rule": "time_format", "look": "1", "f.column": "at", "f.format": "%d.%m.%Y"}
    seen = client.get(url(waiting, "mend_group"), asked).content.decode()
    assert "8 would load, 0 still wait." in seen
    assert "01.03.2026" in seen
    assert "2026-03-01 00:00:00" in seen
    answer = client.post(
        url(waiting, "start_mend"), {**GROUP, "rules": json.dumps([DOTTED]), "is_kept": "on"}
    )
    (started,) = reads.list_mends(waiting).rows
    assert answer.url == url(waiting, "mend", started.id)
    jobs.run_to_end(started.job_id)
    page = client.get(answer.url).content.decode()
    assert "The times of “at” are written as %d.%m.%Y" in page
    rows = texts(client.get(answer.url, {"format": "csv"}))
    assert len(rows) == 9
    assert rows[1][3:6] == ["at", "01.03.2026", "2026-03-01 00:00:00"]
    entry = reads.list_quarantined(waiting, state="replayed").rows[0]
    history = client.get(url(waiting, "quarantined", entry.id)).content.decode()
    assert "What was done with it" in history
    listed = texts(client.get(url(waiting, "mends"), {"format": "csv"}))
    assert dict(zip(listed[0], listed[1], strict=True))["replayed"] == "8"
    kept = texts(client.get(url(waiting, "mends"), {"format": "csv", "table": "kept"}))
    assert kept[1][1:5] == ["import", "book", "row_not_a_time", "at"]
    client.post(url(waiting, "remove_kept", reads.list_kept(waiting)[0].id))
    assert reads.list_kept(waiting) == ()


def test_desk__rules_one_after_another__are_looked_at_together(waiting, sit) -> None:
    client = sit(Role.OPERATOR)
    chain = json.dumps([DOTTED])
    more = {"rule": "replace", "look": "1", "f.column": "buyer", "f.old": "p0", "f.new": "q0"}
    seen = client.get(url(waiting, "mend_group"), {**GROUP, "rules": chain, **more}).content.decode()
    assert "The times of “at” are written as %d.%m.%Y; In “buyer”, “p0” is “q0”" in seen


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_desk__what_can_not_be_a_rule__is_said_and_what_was_typed_stays(waiting, sit, language) -> None:
    client = sit(Role.OPERATOR)
    client.cookies["shuke_language"] = language
    asked = {**GROUP, "rule": "zone", "look": "1", "f.column": "at", "f.zone": "Mars/Base"}
    answer = client.get(url(waiting, "mend_group"), asked)
    assert answer.status_code == 422
    assert answer.content.decode().count("Mars/Base") >= 2
    for broken in ("{", "[" * 3000, '[{"rule": 7}]', "7"):
        assert client.get(url(waiting, "mend_group"), {**GROUP, "rules": broken}).status_code in (200, 422)
    for nothing in ({}, {**GROUP, "column": "no"}, {**GROUP, "import": "9" * 30}):
        assert client.get(url(waiting, "mend_group"), nothing).status_code in (200, 302)
    assert client.post(url(waiting, "start_mend"), {**GROUP, "rules": '[{"rule": 7}]'}).status_code == 302
    assert reads.list_mends(waiting).count == 0


def test_desk__very_many__pages_by_key(waiting, sit, monkeypatch) -> None:
    from shuke.intake.pages import quarantine as pages

    monkeypatch.setattr(pages, "SIZE", 3)
    client = sit(Role.OPERATOR)
    seen, address = [], url(waiting, "quarantine") + "?state=waiting"
    for _page in range(3):
        context = client.get(address).context
        seen += [row.cells[1].value for row in context["table"].rows]
        address = url(waiting, "quarantine") + f"?state=waiting&before={context['next_before']}"
    assert [text.split(",")[0] for text in seen] == [f"line {n}" for n in range(9, 1, -1)]
    assert len(texts(client.get(url(waiting, "quarantine"), {"format": "csv"}))) == 9


def test_desk__rules_kept_for_events__shown_stopped_and_the_same_over_the_api(
    settings, shop, sit, call
) -> None:
    set_aside(settings, Facts(), shop, BAD)
    client = sit(Role.OPERATOR)
    group = {"origin": "api", "reason": "wrong_type", "mapping": "", "column": "event"}
    looked = client.get(
        url(shop, "mend_group"), {**group, "rule": "as_text", "look": "1", "f.column": "event"}
    )
    assert "Keep: later events that would wait" in looked.content.decode()
    rule = {"rule": "as_text", "column": "event"}
    status, started = call("POST", "/mends", {"group": group, "rules": [rule], "is_kept": True})
    assert status == 200
    jobs.run_to_end(reads.get_mend(shop, started["id"]).job_id)
    (kept,) = call("GET", "/kept-mends")[1]
    assert (kept["origin"], kept["mapping"], kept["rules"], kept["rows"]) == ("api", "", [rule], 0)
    assert "events of the API" in client.get(url(shop, "mends")).content.decode()
    (_header, line) = texts(sit(Role.MANAGER).get(url(shop, "mends"), {"format": "csv", "table": "kept"}))
    assert line[1:5] == ["api", "", "wrong_type", "event"]
    assert client.post(url(shop, "remove_kept", kept["id"])).status_code == 302
    assert call("GET", "/kept-mends")[1] == []


def test_desk__by_who_may_not_mend__refused_and_nothing_starts(waiting, sit) -> None:
    client = sit(Role.ANALYST)
    assert client.get(url(waiting, "mends")).status_code == 403
    assert client.post(url(waiting, "start_mend"), {**GROUP, "rules": "[]"}).status_code == 403
    assert reads.list_mends(waiting).count == 0


# --- the API ---


@pytest.fixture
def call(shop):
    with scope(shop=shop.id):
        _key, secret = shops.create_api_key(
            shop=shop, name="op", role=Role.OPERATOR, actor=ACTOR, at=clock.now()
        )

    def send(method: str, path: str, body=None, **headers):
        answer = Client(raise_request_exception=False).generic(
            method,
            f"/api/v1/shops/{shop.slug}{path}",
            json.dumps(body) if body is not None else "",
            "application/json",
            headers={"Authorization": f"Bearer {secret}", "Accept-Language": "en", **headers},
        )
        return answer.status_code, json.loads(answer.content)

    return send


def test_api__groups_preview_mend_entries_history_kept(waiting, call) -> None:
    status, found = call("GET", "/quarantine/groups")
    assert status == 200
    assert [(one["mapping"], one["column"], one["count"], one["file"]) for one in found] == [
        ("book", "at", 8, "book.csv")
    ]
    asked = {"group": GROUP, "rules": [DOTTED]}
    status, seen = call("POST", "/mends/preview", asked)
    assert (status, seen["total"], seen["would_load"], len(seen["rows"])) == (200, 8, 8, 8)
    assert call("GET", "/mends")[1]["count"] == 0
    key = {"Idempotency-Key": "once"}
    status, started = call("POST", "/mends", {**asked, "is_kept": True}, **key)
    assert status == 200
    assert call("POST", "/mends", {**asked, "is_kept": True}, **key)[1]["id"] == started["id"]
    jobs.run_to_end(reads.get_mend(waiting, started["id"]).job_id)
    done = call("GET", f"/mends/{started['id']}")[1]
    assert (done["state"], done["replayed"], done["refused"], done["waiting"]) == ("done", 8, 0, 0)
    first = call("GET", f"/mends/{started['id']}/entries?size=5")[1]
    rest = call("GET", f"/mends/{started['id']}/entries?size=5&after={first['next_after']}")[1]
    assert (len(first["rows"]), len(rest["rows"]), rest["next_after"]) == (5, 3, None)
    (step,) = call("GET", f"/quarantine/{first['rows'][0]['entry_id']}/history")[1]
    assert step["changes"][0] == {"column": "at", "before": "01.03.2026", "after": "2026-03-01 00:00:00"}
    (kept,) = call("GET", "/kept-mends")[1]
    assert call("POST", f"/kept-mends/{kept['id']}/remove")[0] == 200
    assert call("POST", f"/kept-mends/{kept['id']}/remove")[0] == 404
    assert call("POST", f"/mends/{started['id']}/stop")[0] == 409
    assert call("POST", "/mends", asked)[0] == 404  # nothing waits any more


def test_api__entries_of_a_group__by_key(waiting, call) -> None:
    first = call("GET", "/quarantine?mapping=book&column=at&size=5")[1]
    rest = call("GET", f"/quarantine?mapping=book&column=at&size=5&before={first['rows'][-1]['id']}")[1]
    assert [row["line"] for row in first["rows"] + rest["rows"]] == list(range(9, 1, -1))
    assert call("GET", "/quarantine?mapping=none")[1]["count"] == 0


def test_api__rule_that_is_none__names_field_value_and_remedy(waiting, call) -> None:
    rule = {"rule": "zone", "column": "at", "zone": "Mars/Base"}
    status, answer = call("POST", "/mends", {"group": GROUP, "rules": [rule]})
    assert (status, answer["code"], answer["field"], answer["value"]) == (
        422,
        "rule_invalid",
        "zone",
        "Mars/Base",
    )
    assert "Asia/Shanghai" in answer["remedy"]


def test_desk__another_shops_mend__is_not_there(waiting, other_shop, call, make_shop) -> None:
    actions.save_mapping(shop=other_shop, spec=BOOK, actor=ACTOR, at=clock.now())
    load_book(other_shop, HEADER + "a,01.03.2026,p,1,5\n")
    theirs = mend(other_shop, groups(other_shop)["row_not_a_time", "at"].group, DOTTED)
    entry = reads.list_quarantined(other_shop, state="replayed").rows[0]
    for path in (f"/mends/{theirs.id}", f"/mends/{theirs.id}/entries", f"/quarantine/{entry.id}/history"):
        assert call("GET", path)[0] == 404
    assert call("POST", f"/mends/{theirs.id}/resume")[0] == 404
