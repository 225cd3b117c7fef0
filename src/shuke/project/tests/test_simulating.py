"""A simulated history within the process: a full journal is committed and the batch taken then; nothing is lost."""

from __future__ import annotations

import json

import pytest
from django.conf import settings

from shuke.intake import wsgi
from shuke.intake.collector import Collector
from shuke.intake.journal import JournalWriter
from shuke.project.commands.simulating import Commit, door_of
from shuke.warehouse import open_tier
from shuke_simulator.__main__ import main

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def small_journal(warehouse_home, monkeypatch):
    """A collector whose journal is full after a batch or two."""
    journal = JournalWriter(settings.JOURNAL, bound_bytes=700_000, rotate_bytes=300_000)
    found = Collector(journal=lambda: journal, find_shop_id=wsgi.find_shop_id)
    monkeypatch.setattr(wsgi, "collector", lambda: found)
    yield journal
    journal.close()


def test_history_inside__with_a_full_journal__is_committed_meanwhile_and_whole(
    small_journal, make_shop, tmp_path, capsys
) -> None:
    shop, commit = make_shop("linen"), Commit()
    words = [
        "history",
        "--inside",
        "linen",
        "--days",
        "3",
        "--customers",
        "12000",
        "--until",
        "2026-03-04T12:00",
    ]
    code = main([*words, "--truth", str(tmp_path / "truth.json")], doors=lambda slug: door_of(slug, commit))
    assert code == 0
    commit.all()
    truth = json.loads((tmp_path / "truth.json").read_text())
    assert truth["messages"] > 2_000
    rows = sum(span.rows for file in open_tier.listed() for span in file.spans[shop.id].values())
    assert rows == truth["messages"] == truth["whole"]["events"]
    said = capsys.readouterr().out
    assert f"({truth['repeats']} repeated, {truth['late']} late, " in said
    assert ", 0 waits" not in said


def test_history_inside__of_a_shop_that_does_not_exist__is_refused(warehouse_home, db) -> None:
    from shuke.kernel.errors import NotFound

    with pytest.raises(NotFound):
        door_of("nobody", Commit())
