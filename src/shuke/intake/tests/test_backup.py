"""After a backup comes back, the doors know what they knew: repeats stay repeats, quarantine and files are there."""

from __future__ import annotations

import io
import json
import shutil
from datetime import UTC, datetime

import pytest

from shuke.intake import actions, reads
from shuke.intake.committer import Committer
from shuke.intake.journal import JournalWriter
from shuke.intake.segment_spec import Kind
from shuke.intake.tests.test_committer import Facts
from shuke.kernel import clock
from shuke.records import backup
from shuke.records.actor import Actor

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
