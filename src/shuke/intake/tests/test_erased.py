"""An erased person leaves the journal too, and does not come back out of it."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime, timedelta

import pytest

from shuke.intake import reads
from shuke.intake.committer import Committer
from shuke.intake.erased import STORE, ErasedMeanwhile, Erasures
from shuke.intake.journal import JournalWriter, list_series, read_records
from shuke.intake.segment_spec import Kind
from shuke.intake.tests.test_committer import Facts
from shuke.kernel import clock
from shuke.records import erasures
from shuke.records.personal import PersonRef, all_stores

NOW = datetime(2026, 11, 11, 2, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def moment(warehouse_home):
    with clock.frozen(NOW):
        yield


def send(writer, shop, at: datetime, *events: dict) -> None:
    whole = [{"type": "track", "event": "X"} | event for event in events]
    body = json.dumps({"batch": whole}).encode()
    writer.append(shop_id=shop.id, received_us=int(at.timestamp()) * 1_000_000, kind=Kind.BATCH, body=body)


def erase(shop, *refs: str) -> PersonRef:
    person = PersonRef(shop.id, refs, ("anonymous-of-li",))
    erasures.note(erasures.of_person(shop.id, person_refs=refs, anonymous_refs=person.anonymous_refs, at=NOW))
    return person


def test_events__that_came_before_an_erasure_and_are_committed_after_it__are_left_out(
    settings, shop, other_shop
):
    writer, facts = JournalWriter(settings.JOURNAL), Facts()
    earlier, later = NOW - timedelta(minutes=1), NOW + timedelta(minutes=1)
    named = [{"userId": "li"}, {"anonymousId": "anonymous-of-li"}, {"anonymousId": "b", "userId": "li"}]
    wrong = [
        {"userId": "li", "event": 7},
        {"event": 7, "context": {"also": ["li"]}},
        {"userId": "wang", "event": 7},
    ]
    send(writer, shop, earlier, *named, *wrong, {"userId": "wang"})
    send(writer, other_shop, earlier, {"userId": "li"})
    send(writer, shop, later, {"userId": "li"})
    erase(shop, "li")
    done = Committer(settings.JOURNAL, append=facts).run_once()
    assert sorted((row["shop_id"], row["person_ref"]) for row in facts.rows()) == sorted(
        [(shop.id, "wang"), (other_shop.id, "li"), (shop.id, "li")]
    )
    assert done.set_aside == 1
    assert ["wang" in row.payload for row in reads.list_quarantined(shop).rows] == [True]


@pytest.mark.parametrize("is_checked", [True, False])
def test_erasure__between_the_look_at_the_list_and_the_listing_of_facts__redoes_the_batch(
    settings, shop, monkeypatch, is_checked
):
    if not is_checked:
        monkeypatch.setattr(Erasures, "require_unchanged", lambda self: None)
    writer, facts = JournalWriter(settings.JOURNAL), Facts()
    send(writer, shop, NOW - timedelta(minutes=1), {"userId": "li"}, {"userId": "wang"})

    def overtaken(*, facts: dict, within):
        erase(shop, "li")
        return stored(facts=facts, within=within)

    stored = facts
    with contextlib.suppress(ErasedMeanwhile):
        Committer(settings.JOURNAL, append=overtaken).run_once()
    Committer(settings.JOURNAL, append=facts).run_once()
    people = [row["person_ref"] for row in facts.rows()]
    assert people == (["wang"] if is_checked else ["li", "wang"])  # unchecked, the erased would be back


def test_stores__are_erased_facts_last(db):
    # After them only what is prepared from them, so that it is not prepared again from what is still there.
    assert [store.name for store in all_stores()][-2:] == ["warehouse", "traffic.funnels"]


def test_journal__after_an_erasure__names_nobody_of_what_is_committed_and_reads_on(settings, shop):
    writer, facts = JournalWriter(settings.JOURNAL), Facts()
    send(writer, shop, NOW, {"userId": "li", "messageId": "1"})
    send(writer, shop, NOW, {"userId": "wang", "messageId": "2"})
    Committer(settings.JOURNAL, append=facts).run_once()
    send(writer, shop, NOW, {"userId": "zhao", "messageId": "3"})
    person = erase(shop, "li")
    assert STORE.erase(shop.id, person) == 2
    assert STORE.erase(shop.id, person) == 0
    (series,) = list_series(settings.JOURNAL)
    content = series.path(1).read_bytes()
    assert b'"li"' not in content
    assert b'"zhao"' in content
    assert [b"zhao" in record.body for record in read_records(series.path(1), 0, 1 << 20)[0]] == [True]
    Committer(settings.JOURNAL, append=facts).run_once()
    assert [row["person_ref"] for row in facts.rows()] == ["li", "wang", "zhao"]
