"""Locks by name: one holder among threads and processes, freed when the holder dies."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

import shuke
from shuke.records.locks import LockHeld, exclusive
from shuke.records.tests.test_killed_worker import _database_url

HOLDER = """
import django, sys, time
django.setup()
from django.conf import settings
from shuke.records.locks import exclusive
settings.LOCKS = sys.argv[1]
with exclusive("tier"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.mark.django_db(transaction=True)
def test_exclusive__held_by_a_thread__others_are_told_and_other_names_are_free():
    found = []

    def other():
        try:
            with exclusive("tier", wait=0.1):
                found.append("taken")
        except LockHeld:
            found.append("held")
        with exclusive("other", wait=0):
            found.append("free")
        connection.close()

    with exclusive("tier"):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(10)
    assert found == ["held", "free"]
    with exclusive("tier", wait=0):
        pass


@pytest.mark.django_db(transaction=True)
def test_exclusive__its_work_raises__is_freed():
    with pytest.raises(ValueError), exclusive("tier", wait=0):
        raise ValueError
    with exclusive("tier", wait=0):
        pass


@pytest.mark.django_db(transaction=True)
def test_exclusive__holder_is_killed__is_freed_at_once():
    environment = os.environ | {
        "DATABASE_URL": _database_url(),
        "SHUKE_HOME": str(settings.HOME),
        "DJANGO_SETTINGS_MODULE": "shuke.project.settings",
        "PYTHONPATH": str(Path(shuke.__file__).parents[1]),
    }
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(settings.LOCKS)],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(LockHeld), exclusive("tier", wait=0):
            pass
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.wait(10)
    with exclusive("tier", wait=5):
        pass


@pytest.mark.django_db(transaction=True)
def test_exclusive__two_add_one_to_a_file__guard_off_loses_one_guard_on_loses_none(tmp_path):
    """The race first: both read before either writes. Under the lock the second reads what the first wrote."""
    count = tmp_path / "count"

    def race(is_guarded: bool) -> int:
        count.write_text("0")
        both_read = threading.Barrier(2, timeout=0.5)

        def add():
            value = int(count.read_text())
            with contextlib.suppress(
                threading.BrokenBarrierError
            ):  # broken: the other stands before the lock
                both_read.wait()
            count.write_text(str(value + 1))

        def work():
            if is_guarded:
                with exclusive("count"):
                    add()
            else:
                add()
            connection.close()

        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        return int(count.read_text())

    assert race(is_guarded=False) == 1
    assert race(is_guarded=True) == 2
