"""Backup and restore: the same answers elsewhere, nothing restored from a damaged file, erasures hold."""

from __future__ import annotations

import json
import os
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.db import connection, models
from django_scopes import scope, scopes_disabled

from shuke.records import backup, erasures, locks
from shuke.records.actor import Actor
from shuke.records.audit import record_audit
from shuke.records.backup import archive, rows, tiers, writing
from shuke.records.models import AuditEntry, Job

AT = datetime(2026, 3, 1, 4, 0, 0, 123456, tzinfo=UTC)
SYSTEM = Actor.system("tests")

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.row("E4")]


@pytest.fixture(autouse=True)
def no_callbacks(monkeypatch):
    monkeypatch.setattr(erasures, "_again", {})


@pytest.fixture
def home(warehouse_home, settings):
    """An installation with rows of many types and files in every tier."""
    with scopes_disabled():
        for number in range(3):
            record_audit(
                shop_id=1,
                actor=SYSTEM,
                deed="count",
                subject_kind="数字",
                subject_id=number,
                before=None,
                after={"n": number, "text": "熟客 \n\u2028", "big": 2**60},
                at=AT,
            )
        AuditEntry.objects.filter(subject_id="2").delete()
        Job.objects.create(shop_id=1, kind="k", created_at=AT, kick_at=AT, actor_kind="system", key="a")
    for name in (
        "journal/a.journal",
        "open/1.parquet",
        "lake/1/visits/_delta_log/0.json",
        "lake/1/visits/day=1/p.parquet",
        "uploads/x.csv",
    ):
        path = warehouse_home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode() * 1000)
    return warehouse_home


def _files(home: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(home)): path.read_bytes()
        for folder in ("journal", "open", "lake", "uploads")
        for path in sorted((home / folder).rglob("*"))
        if path.is_file()
    }


def _rows() -> dict[str, list]:
    """Every kept row as it stands, in the columns' own types."""
    with scopes_disabled():
        return {m._meta.label: list(m._base_manager.order_by("pk").values_list()) for m in rows.kept_models()}


def _elsewhere(settings, folder: Path) -> None:
    """An empty home of another installation; the database is emptied as well."""
    for name in ("journal", "open", "lake", "uploads", "locks"):
        (folder / name).mkdir(parents=True)
    settings.HOME = folder
    settings.JOURNAL, settings.OPEN_TIER = folder / "journal", folder / "open"
    settings.LAKE, settings.UPLOADS, settings.LOCKS = folder / "lake", folder / "uploads", folder / "locks"
    rows.empty_tables()


def test_restore_backup__elsewhere__gives_the_same_rows_files_and_next_numbers(
    home, shop, settings, tmp_path
):
    before_rows, before_files = _rows(), _files(home)
    last = max(row[0] for row in before_rows["records.AuditEntry"])
    with scopes_disabled():  # a number that was given out and is gone must not come back
        newest = AuditEntry.objects.create(shop_id=1, at=AT, actor_kind="system", deed="d", subject_id="9")
        AuditEntry.objects.filter(id=newest.pk).delete()
    report = backup.write_backup(tmp_path / "shuke.tar", at=AT)
    assert report.rows["records.AuditEntry"] == len(before_rows["records.AuditEntry"])
    assert report.files == len(before_files) == 5

    _elsewhere(settings, tmp_path / "elsewhere")
    restored = backup.restore_backup(tmp_path / "shuke.tar")

    assert _rows() == before_rows
    assert _files(tmp_path / "elsewhere") == before_files
    assert (restored.at, restored.files, restored.rows) == (AT.isoformat(), 5, report.rows)
    with scopes_disabled():
        again = AuditEntry.objects.create(shop_id=1, at=AT, actor_kind="system", deed="d", subject_id="9")
    assert again.pk > newest.pk > last


def test_write_backup__its_file__is_its_owners_only_and_whole_or_absent(home, tmp_path, monkeypatch):
    backup.write_backup(tmp_path / "a.tar", at=AT)
    assert os.stat(tmp_path / "a.tar").st_mode & 0o777 == 0o600

    def fail(*args):
        raise OSError("disk full")

    monkeypatch.setattr(tiers, "add", fail)
    with pytest.raises(OSError):
        backup.write_backup(tmp_path / "b.tar", at=AT)
    assert sorted(path.name for path in tmp_path.glob("*.tar")) == ["a.tar"]
    assert list(tmp_path.glob(".*")) == []


def test_write_backup__another_is_running__is_refused(home, tmp_path):
    with locks.exclusive("backup"), pytest.raises(writing.BackupRunning):
        backup.write_backup(tmp_path / "a.tar", at=AT)
    assert not (tmp_path / "a.tar").exists()


def test_write_backup__a_file_vanishes_while_copying__plans_again(home, tmp_path, monkeypatch):
    """A merge: the small file goes and the row switches to the big one. Without planning again the copy has neither."""
    add, vanished = tiers.add, []

    def vanishing(out, name, path):
        if not vanished:
            vanished.append(True)
            (home / "open/1.parquet").unlink()
            (home / "open/2.parquet").write_bytes(b"merged")
        add(out, name, path)

    monkeypatch.setattr(tiers, "add", vanishing)
    backup.write_backup(tmp_path / "a.tar", at=AT)
    names = [name for name, _content in archive.members(tmp_path / "a.tar")]
    assert "open/2.parquet" in names
    assert "open/1.parquet" not in names


def test_write_backup__files_keep_vanishing__says_so(home, tmp_path, monkeypatch):
    def gone(out, name, path):
        raise FileNotFoundError(2, "gone", str(path))

    monkeypatch.setattr(tiers, "add", gone)
    with pytest.raises(backup.FilesKeepVanishing):
        backup.write_backup(tmp_path / "a.tar", at=AT)


def test_write_backup__rows_are_written_meanwhile__holds_one_moment_and_keeps_no_writer_waiting(
    home, tmp_path, monkeypatch
):
    write_rows, written = rows.write_rows, []

    def slowly(model, alias, out):
        if not written:  # a writer commits after the snapshot was taken
            written.append(True)
            record_audit(
                shop_id=1,
                actor=SYSTEM,
                deed="late",
                subject_kind="x",
                subject_id=1,
                before=None,
                after=None,
                at=AT,
            )
        return write_rows(model, alias, out)

    monkeypatch.setattr(rows, "write_rows", slowly)
    with scopes_disabled():
        before = AuditEntry.objects.count()
        report = backup.write_backup(tmp_path / "a.tar", at=AT)
        assert AuditEntry.objects.count() == before + 1
    assert report.rows["records.AuditEntry"] == before


def test_write_backup__unfinished_files_and_changing_hints__stay_out(home, tmp_path):
    for name in (
        "open/.3.parquet.7.part",
        "lake/1/visits/a.parquet#1",
        "lake/1/visits/_delta_log/_last_checkpoint",
    ):
        (home / name).write_bytes(b"x")
    assert backup.write_backup(tmp_path / "a.tar", at=AT).files == 5


def test_listed__delta_logs__stand_before_the_data_that_they_name(home):
    names = [name for name, _path in tiers.listed() if name.startswith("lake/")]
    assert names == ["lake/1/visits/_delta_log/0.json", "lake/1/visits/day=1/p.parquet"]


# Not into the last blocks: those are a tar's own padding, and hold nothing.
@pytest.mark.parametrize("kept", [0.0, 0.01, 0.3, 0.7, 0.9])
def test_restore_backup__cut_file__is_refused_and_changes_nothing(home, shop, settings, tmp_path, kept):
    path = tmp_path / "a.tar"
    backup.write_backup(path, at=AT)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept)])
    before = (_rows(), _files(home))

    with pytest.raises(backup.BadBackup) as refused:
        backup.restore_backup(path, replaces=True)
    assert "a.tar" in refused.value.message()
    assert (_rows(), _files(home)) == before
    assert not (home / "restoring").exists()


def test_restore_backup__one_changed_byte__is_refused(home, tmp_path):
    path = tmp_path / "a.tar"
    backup.write_backup(path, at=AT)
    content = bytearray(path.read_bytes())
    place = content.index(b"open/1.parquet" * 3)
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises(backup.BadBackup) as refused:
        backup.restore_backup(path, replaces=True)
    assert "open/1.parquet" in refused.value.message()


@pytest.mark.parametrize("content", [b"", b"no tar at all", b"\0" * 20480])
def test_restore_backup__no_backup_at_all__is_refused(home, tmp_path, content):
    (tmp_path / "a.tar").write_bytes(content)
    with pytest.raises(backup.BadBackup):
        backup.restore_backup(tmp_path / "a.tar", replaces=True)
    with pytest.raises(backup.BadBackup):
        backup.restore_backup(tmp_path / "missing.tar", replaces=True)


def test_restore_backup__member_outside_the_home__is_refused(home, tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        tar.addfile(tarfile.TarInfo("open/../../evil"))
    with pytest.raises(backup.BadBackup):
        backup.restore_backup(tmp_path / "a.tar", replaces=True)
    assert not (home.parent / "evil").exists()


def test_restore_backup__home_is_not_empty__only_when_told(home, shop, settings, tmp_path):
    backup.write_backup(tmp_path / "a.tar", at=AT)
    before = _rows()
    (home / "open/9.parquet").write_bytes(b"newer")
    with scope(shop=shop.id):
        AuditEntry.objects.all().delete()
    changed = (_rows(), _files(home))

    with pytest.raises(backup.HomeNotEmpty):
        backup.restore_backup(tmp_path / "a.tar")
    assert (_rows(), _files(home)) == changed
    backup.restore_backup(tmp_path / "a.tar", replaces=True)
    assert _rows() == before
    assert "open/9.parquet" not in _files(home)


def test_restore_backup__killed_half_way__is_run_again(home, shop, settings, tmp_path, monkeypatch):
    before_rows, before_files = _rows(), _files(home)
    backup.write_backup(tmp_path / "a.tar", at=AT)
    _elsewhere(settings, tmp_path / "elsewhere")

    class Killed(BaseException):
        pass

    def die(name, source):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(tiers, "restore", die)
        with pytest.raises(Killed):
            backup.restore_backup(tmp_path / "a.tar")
    assert (tmp_path / "elsewhere/restoring").exists()
    backup.restore_backup(tmp_path / "a.tar")
    assert (_rows(), _files(tmp_path / "elsewhere")) == (before_rows, before_files)
    assert not (tmp_path / "elsewhere/restoring").exists()


def test_restore_backup__other_schema__is_refused(home, settings, tmp_path, monkeypatch):
    backup.write_backup(tmp_path / "a.tar", at=AT)
    monkeypatch.setattr(rows, "kept_migrations", lambda: ["records.0001_initial", "records.0002_newer"])
    with pytest.raises(backup.OtherVersion):
        backup.restore_backup(tmp_path / "a.tar", replaces=True)


def test_restore_backup__erased_after_the_backup__stays_erased(home, settings, tmp_path):
    """The backup still knows the person; the installation's own list does not let them come back."""
    early = erasures.of_person(1, person_refs=["early"], anonymous_refs=[], at=AT)
    late = erasures.of_person(1, person_refs=["late"], anonymous_refs=[], at=AT)
    erasures.note(early)
    backup.write_backup(tmp_path / "a.tar", at=AT)
    erasures.note(late)
    again = []
    erasures.on_restore("facts", lambda erasure: again.append(erasure) or 1)

    report = backup.restore_backup(tmp_path / "a.tar", replaces=True)
    assert again == [early, late]
    assert report.erased_again == {"facts": 2}

    _elsewhere(settings, tmp_path / "elsewhere")  # a new machine knows what the backup knew
    again.clear()
    backup.restore_backup(tmp_path / "a.tar")
    assert again == [early]
    assert erasures.list_erasures() == (early,)


def test_kept_models__every_field__comes_back_as_it_went():
    """No field sets itself on insert, and each has a type that the backup can write."""
    for model in rows.kept_models():
        for field in model._meta.concrete_fields:
            where = f"{model._meta.label}.{field.name}"
            assert not getattr(field, "auto_now", False), where
            assert not getattr(field, "auto_now_add", False), where
            assert not isinstance(field, models.TimeField | models.DurationField), where


def test_manifest__what_it_says__fits_the_installation(home, tmp_path):
    backup.write_backup(tmp_path / "a.tar", at=AT)
    manifest = archive.verified(tmp_path / "a.tar")
    assert manifest["at"] == AT.isoformat()
    assert "records.0001_initial" in manifest["migrations"]
    assert manifest["sequences"]["records_auditentry"] >= 3
    assert json.dumps(manifest)
    assert connection.vendor in ("sqlite", "postgresql")
