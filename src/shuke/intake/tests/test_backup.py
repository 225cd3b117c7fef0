"""After a backup comes back, the doors know what they knew: repeats stay repeats, quarantine and files are there."""

from __future__ import annotations

import io
import json
import shutil
from datetime import UTC, datetime, timedelta

import pytest
from django_scopes import scope

from shuke.intake import actions, reads
from shuke.intake.committer import Committer
from shuke.intake.files import personal as files
from shuke.intake.journal import JournalWriter
from shuke.intake.models.imports import Upload
from shuke.intake.quarantine import personal as quarantine
from shuke.intake.segment_spec import Kind
from shuke.intake.tests.books import BOOK, HEADER
from shuke.intake.tests.test_committer import Facts
from shuke.kernel import clock
from shuke.records import backup, erasures, jobs
from shuke.records.actor import Actor
from shuke.records.personal import PersonRef, all_stores

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.row("E4"), pytest.mark.row("T1")]
NOW = datetime(2026, 11, 11, 2, 0, tzinfo=UTC)
SYSTEM = Actor.system("tests")
GOOD = {"type": "track", "event": "Clicked", "anonymousId": "a", "messageId": "good"}
BAD = {"type": "track", "event": 7, "anonymousId": "a", "messageId": "bad"}


def send(settings, shop, *events: dict) -> None:
    writer = JournalWriter(settings.JOURNAL)
    body = json.dumps({"batch": events}).encode()
    writer.append(shop_id=shop.id, received_us=int(NOW.timestamp()) * 1_000_000, kind=Kind.BATCH, body=body)
    writer.close()


def test_backup__restored_over_nothing__carries_repeats_quarantine_and_files(
    settings, shop, warehouse_home, tmp_path_factory
):
    archive = tmp_path_factory.mktemp("kept") / "all.tar"
    facts = Facts()
    with clock.frozen(NOW):
        send(settings, shop, GOOD, BAD)
        Committer(settings.JOURNAL, append=facts).run_once()
        upload = actions.upload_file(
            shop=shop, content=io.BytesIO(b"order,at\n1,2026-11-11\n"), name="may.csv", actor=SYSTEM, at=NOW
        )
        before = reads.list_quarantined(shop).rows
        assert len(facts.rows()) == len(before) == 1
        send(settings, shop, GOOD | {"messageId": "not yet committed"})
        backup.write_backup(archive, at=NOW)

        for folder in (settings.JOURNAL, settings.JOURNAL.parent / "remembered", settings.UPLOADS):
            shutil.rmtree(folder)
        actions.drop(shop=shop, ids=[before[0].id], actor=SYSTEM, at=NOW)
        backup.restore_backup(archive, replaces=True)

        assert reads.list_quarantined(shop).rows == before
        seen = actions.preview(shop=shop, files={"": upload.sha256}, actor=SYSTEM, at=NOW)
        assert seen.columns == ("order", "at")
        send(settings, shop, GOOD, BAD)
        assert Committer(settings.JOURNAL, append=facts).run_once().repeated == 1
        assert len(facts.rows()) == 2  # the one that waited in the journal came in, the repeat did not
        assert reads.count_waiting(shop) == 1
        actions.mend_and_replay(
            shop=shop,
            quarantined_id=before[0].id,
            payload=json.dumps(json.loads(before[0].payload) | {"event": "Mended"}),
            actor=SYSTEM,
            at=NOW,
        )
        Committer(settings.JOURNAL, append=facts).run_once()
    assert sorted(row["name"] for row in facts.rows()) == ["Clicked", "Clicked", "Mended"]


def test_backup__older_than_an_erasure__does_not_bring_the_person_back(settings, shop, tmp_path_factory):
    archive, facts = tmp_path_factory.mktemp("kept") / "all.tar", Facts()
    wrong = [
        BAD | {"messageId": "b1", "userId": "li"},
        BAD | {"messageId": "b2", "context": {"known": ["li"]}},
        BAD | {"messageId": "b3", "userId": "wang"},
    ]

    def given(name: str, *rows: str) -> str:
        content = io.BytesIO((HEADER + "".join(rows)).encode())
        return actions.upload_file(shop=shop, content=content, name=name, actor=SYSTEM, at=NOW).sha256

    with clock.frozen(NOW):
        send(settings, shop, *wrong)
        Committer(settings.JOURNAL, append=facts).run_once()
        spec = BOOK | {"columns": BOOK["columns"] | {"buyer_ref": {"column": "buyer", "strip_prefix": "tb_"}}}
        actions.save_mapping(shop=shop, spec=spec, actor=SYSTEM, at=NOW)
        for name, who in (("li.csv", "li"), ("wang.csv", "wang")):
            rows = (f"{who}1,2026-03-01,tb_{who},1,5\n", f"{who}2,never,tb_{who},1,5\n")
            view = actions.start_import(
                shop=shop, files={"": given(name, *rows)}, mapping="book", actor=SYSTEM, at=NOW
            )
            jobs.run_to_end(view.job_id)
        given("not loaded.csv", "z,2026-03-01,tb_zhao,1,5\n")
        assert reads.count_waiting(shop) == 5
        backup.write_backup(archive, at=NOW)

        person = PersonRef(shop.id, ("li",), ())
        erasures.note(
            erasures.of_person(shop.id, person_refs=("li",), anonymous_refs=(), at=NOW + timedelta(hours=1))
        )
        with scope(shop=shop.id):
            erased = {store.name: store.erase(shop.id, person) for store in all_stores()}
        assert erased["intake.quarantine"]
        backup.restore_backup(archive, replaces=True)

        waiting = [row.payload for row in reads.list_quarantined(shop).rows]
        assert sorted("wang" in payload for payload in waiting) == [True, True]
        with scope(shop=shop.id):
            kept = {row.name: row.sha256 for row in Upload.objects.filter(removed_at=None)}
        assert list(kept) == ["wang.csv"]
        assert [path.name for path in (settings.UPLOADS / str(shop.id)).iterdir()] == [kept["wang.csv"]]


def test_erasing_again__what_came_after_the_erasure__stays(settings, shop):
    with clock.frozen(NOW):
        send(settings, shop, BAD | {"userId": "li"})
        Committer(settings.JOURNAL, append=Facts()).run_once()
        actions.upload_file(shop=shop, content=io.BytesIO(b"li\n"), name="f.csv", actor=SYSTEM, at=NOW)
        before = erasures.of_person(
            shop.id, person_refs=("li",), anonymous_refs=(), at=NOW - timedelta(hours=1)
        )
        for store in (files.STORE, quarantine.STORE):
            assert store.erase_again(before) == 0
        after = erasures.of_person(shop.id, person_refs=("li",), anonymous_refs=(), at=NOW)
        for store in (files.STORE, quarantine.STORE):
            assert [store.erase_again(after), store.erase_again(after)] == [1, 0]
