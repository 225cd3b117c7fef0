"""Quarantine: what waits is seen with its reason, mended, sent again once, or dropped."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import translation
from django_scopes import scope

from shuke.intake import actions, reads
from shuke.intake.committer import Committer
from shuke.intake.errors import EventTooLarge
from shuke.intake.events_of import Reader
from shuke.intake.journal import JournalWriter, journal_bytes
from shuke.intake.quarantine.actions import StillRefused
from shuke.intake.segment_spec import Kind
from shuke.intake.tests.test_committer import Facts
from shuke.kernel import clock
from shuke.kernel.errors import Conflict, NotAllowed, NotFound
from shuke.records import personal
from shuke.records.actor import Actor
from shuke.records.reads import list_audit

NOW = datetime(2026, 11, 11, 2, 0, tzinfo=UTC)
BOSS = Actor.system("tests")
BAD = {
    "type": "track",
    "event": 7,
    "anonymousId": "a1",
    "messageId": "m1",
    "timestamp": "2026-11-11T01:00:00Z",
}


@pytest.fixture(autouse=True)
def moment(warehouse_home):
    with clock.frozen(NOW):
        yield


@pytest.fixture
def facts():
    return Facts()


def commit(settings, facts) -> None:
    Committer(settings.JOURNAL, append=facts).run_once()


def set_aside(settings, facts, shop, *events: dict) -> list[reads.QuarantinedView]:
    body = json.dumps({"batch": events, "sentAt": "2026-11-11T02:00:00Z"}).encode()
    writer = JournalWriter(settings.JOURNAL)
    writer.append(shop_id=shop.id, received_us=int(NOW.timestamp()) * 1_000_000, kind=Kind.BATCH, body=body)
    writer.close()
    commit(settings, facts)
    return list(reversed(reads.list_quarantined(shop).rows))


def mended(view: reads.QuarantinedView, **fields) -> str:
    return json.dumps(json.loads(view.payload) | fields)


@pytest.mark.row("T1")
def test_quarantined__is_listed_by_reason_with_words_and_remedy(settings, facts, shop, other_shop):
    events = [BAD, BAD | {"messageId": "m2"}, {"type": "page", "messageId": "m3"}]
    rows = set_aside(settings, facts, shop, *events)
    groups = reads.waiting_by_reason(shop)
    assert [(group.reason, group.origin, group.count) for group in groups] == [
        ("wrong_type", "api", 2),
        ("no_identity", "api", 1),
    ]
    with translation.override("en"):
        assert reads.waiting_by_reason(shop)[1].example == "The event has neither anonymousId nor userId."
    assert [row.column for row in rows] == ["event", "event", ""]
    assert all(row.words and row.remedy for row in rows)
    assert reads.count_waiting(shop) == 3
    assert reads.list_quarantined(shop, reason="no_identity").count == 1
    assert reads.count_waiting(other_shop) == 0
    with pytest.raises(NotFound):
        reads.get_quarantined(other_shop, rows[0].id)


@pytest.mark.row("T1")
@pytest.mark.parametrize("kind", [Kind.BATCH, Kind.TRACK])
def test_request__that_our_own_code_failed_on__is_sent_again_with_its_kind_once_that_is_mended(
    settings, facts, shop, monkeypatch, kind
):
    read = Reader._read_event

    def failing(self, event, *rest):
        if event.event == "Poison":
            raise KeyError("a mistake of ours")
        return read(self, event, *rest)

    whole = BAD | {"event": "Poison"}
    del whole["type"]
    sent = {"batch": [whole | {"type": "track"}, BAD | {"messageId": "m2"}]} if kind is Kind.BATCH else whole
    with monkeypatch.context() as broken:
        broken.setattr(Reader, "_read_event", failing)
        with contextlib.closing(JournalWriter(settings.JOURNAL)) as writer:
            writer.append(
                shop_id=shop.id,
                received_us=int(NOW.timestamp()) * 1_000_000,
                kind=kind,
                body=json.dumps(sent).encode(),
            )
        commit(settings, facts)
        (row,) = reads.list_quarantined(shop).rows
        assert row.reason == "unreadable"
        with pytest.raises(StillRefused):
            actions.mend_and_replay(shop=shop, quarantined_id=row.id, actor=BOSS, at=NOW)
        assert reads.count_waiting(shop) == 1
    assert actions.replay(shop=shop, ids=[row.id], actor=BOSS, at=NOW).count == 1
    commit(settings, facts)
    assert [fact["name"] for fact in facts.rows()] == ["Poison"]
    # What is wrong in the same request now stands there on its own.
    assert reads.count_waiting(shop) == (1 if kind is Kind.BATCH else 0)


@pytest.mark.row("T1")
def test_mended__is_sent_again_and_counts_once_at_its_own_moment(settings, facts, shop):
    (row,) = set_aside(settings, facts, shop, BAD)
    with clock.frozen(NOW + timedelta(days=3)):
        view = actions.mend_and_replay(
            shop=shop, quarantined_id=row.id, payload=mended(row, event="Clicked"), actor=BOSS, at=clock.now()
        )
        assert (view.state, view.settled_by, view.settled_at) == (
            "replayed",
            "tests",
            NOW + timedelta(days=3),
        )
        commit(settings, facts)
    (fact,) = facts.rows()
    assert (fact["name"], fact["at"]) == ("Clicked", datetime(2026, 11, 11, 1, 0))
    with pytest.raises(Conflict):
        actions.mend_and_replay(
            shop=shop, quarantined_id=row.id, payload=mended(row, event="Twice"), actor=BOSS, at=NOW
        )
    commit(settings, facts)
    assert len(facts.rows()) == 1
    assert reads.count_waiting(shop) == 0
    assert [one.deed for one in list_audit(shop.id).rows if "quarantined" in one.deed] == [
        "replay_quarantined"
    ]


def test_mended__without_a_message_id__gets_one_of_its_entry(settings, facts, shop):
    (row,) = set_aside(settings, facts, shop, {"type": "track", "event": "X", "messageId": None})
    actions.mend_and_replay(
        shop=shop, quarantined_id=row.id, payload=mended(row, anonymousId="a1"), actor=BOSS, at=NOW
    )
    commit(settings, facts)
    (fact,) = facts.rows()
    assert fact["anonymous_ref"] == "a1"


@pytest.mark.parametrize(
    "payload",
    [
        None,
        '{"type":"track","event":"X"}',
        "",
        "[]",
        "7",
        '{"type":"track","event":"X","anonymousId":"a"},{"type":"track","event":"Y","anonymousId":"a"}',
        '{"type":"track","event":"\ud800","anonymousId":"a"}',
    ],
)
def test_mended__but_still_wrong__is_refused_and_nothing_changes(settings, facts, shop, payload):
    (row,) = set_aside(settings, facts, shop, BAD)
    before = journal_bytes(settings.JOURNAL)
    with pytest.raises(StillRefused) as refused:
        actions.mend_and_replay(shop=shop, quarantined_id=row.id, payload=payload, actor=BOSS, at=NOW)
    assert str(refused.value)
    assert journal_bytes(settings.JOURNAL) == before
    assert reads.get_quarantined(shop, row.id) == row


def test_mended__too_long__is_refused(settings, facts, shop):
    (row,) = set_aside(settings, facts, shop, BAD)
    with pytest.raises(EventTooLarge):
        actions.mend_and_replay(
            shop=shop, quarantined_id=row.id, payload=" " * 9 + "x" * 40_000, actor=BOSS, at=NOW
        )
    assert reads.get_quarantined(shop, row.id) == row


def test_several__sent_again_when_their_time_has_come__count(settings, facts, shop):
    early = {"type": "track", "event": "X", "anonymousId": "a", "messageId": "e"}
    events = [early | {"timestamp": "2026-11-12T02:00:00Z"}, BAD]
    rows = set_aside(settings, facts, shop, *events)
    done = actions.replay(shop=shop, ids=[row.id for row in rows], actor=BOSS, at=NOW)
    assert (done.count, len(done.refused)) == (0, 2)
    assert reads.count_waiting(shop) == 2


def test_dropped__is_settled_and_stays_readable(settings, facts, shop):
    rows = set_aside(settings, facts, shop, BAD, BAD | {"messageId": "m2"})
    ids = [row.id for row in rows]
    assert actions.drop(shop=shop, ids=ids, actor=BOSS, at=NOW) == 2
    assert actions.drop(shop=shop, ids=ids, actor=BOSS, at=NOW) == 0
    assert reads.count_waiting(shop) == 0
    assert reads.list_quarantined(shop, state="dropped").count == 2
    with pytest.raises(Conflict):
        actions.mend_and_replay(
            shop=shop, quarantined_id=ids[0], payload=mended(rows[0], event="X"), actor=BOSS, at=NOW
        )


def test_role_without_the_deed__may_not_settle(settings, facts, shop, other_shop, member_of):
    (row,) = set_aside(settings, facts, shop, BAD)
    analyst, stranger = member_of(shop, "analyst"), member_of(other_shop, "owner")
    for user, error in ((analyst, NotAllowed), (stranger, NotFound)):
        actor = Actor("member", user.pk, user.name, None)
        with pytest.raises(error):
            actions.drop(shop=shop, ids=[row.id], actor=actor, at=NOW)
        with pytest.raises(error):
            actions.mend_and_replay(shop=shop, quarantined_id=row.id, actor=actor, at=NOW)
    assert reads.get_quarantined(shop, row.id) == row


def test_person__is_exported_and_erased_from_the_quarantine(settings, facts, shop):
    events = [
        BAD | {"messageId": "1", "userId": "u1"},
        BAD | {"messageId": "2", "userId": 42},
        BAD | {"messageId": "3", "userId": "李雷"},
        BAD | {"messageId": "4", "userId": "u12"},
    ]
    set_aside(settings, facts, shop, *events)
    (store,) = [one for one in personal.all_stores() if one.name == "intake.quarantine"]
    person = personal.PersonRef(shop.id, ("u1", "42", "李雷"))
    assert len(store.export(shop.id, person)["entries"]) == 3
    assert store.erase(shop.id, person) == 3
    assert store.erase(shop.id, person) == 0
    (left,) = reads.list_quarantined(shop).rows
    assert json.loads(left.payload)["userId"] == "u12"
    with scope(shop=shop.id):
        assert left.id
