"""A backup made over SQLite comes back here, and one made here comes back over SQLite: here is what the suite runs on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import shuke
from shuke.records import backup, erasures
from shuke.records.tests import installation

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.row("E4")]


def _other_installation(deed: str, file: Path, home: Path) -> dict[str, str]:
    environment = {key: value for key, value in os.environ.items() if key != "DATABASE_URL"} | {
        "SHUKE_HOME": str(home),
        "PYTHONPATH": str(Path(shuke.__file__).parents[1]),
    }
    done = subprocess.run(
        [sys.executable, installation.__file__, deed, str(file)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(autouse=True)
def no_callbacks(monkeypatch):
    monkeypatch.setattr(erasures, "_again", {})


def test_backup__made_over_sqlite__comes_back_here_the_same(warehouse_home, tmp_path_factory):
    folder = tmp_path_factory.mktemp("other")
    there = _other_installation("make", folder / "a.tar", folder / "home")
    backup.restore_backup(folder / "a.tar", replaces=True)
    assert installation.summary() == there


def test_backup__made_here__comes_back_over_sqlite_the_same(warehouse_home, tmp_path_factory):
    folder = tmp_path_factory.mktemp("other")
    installation.furnish()
    backup.write_backup(folder / "a.tar", at=installation.AT)
    assert _other_installation("restore", folder / "a.tar", folder / "home") == installation.summary()
