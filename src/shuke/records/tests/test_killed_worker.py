"""A real worker process, really killed in the middle of a job, three times; the job ends with the exact answer."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django_scopes import scopes_disabled

import shuke
from shuke.kernel import clock
from shuke.records import jobs, machine, pulse
from shuke.records.actor import Actor
from shuke.records.models import AuditEntry, Job
from shuke.records.tests import counting_job

TOTAL = 800


def _database_url() -> str:
    values = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{values['NAME']}"
    who = f"{values['USER']}:{values['PASSWORD']}" if values["PASSWORD"] else values["USER"]
    return f"postgres://{who}@{values['HOST']}:{values['PORT']}/{values['NAME']}"


def _program(*arguments: object) -> subprocess.Popen:
    source = Path(shuke.__file__).parents[1]
    environment = os.environ | {
        "DATABASE_URL": _database_url(),
        "SHUKE_HOME": str(settings.HOME),
        "PYTHONPATH": str(source),
    }
    return subprocess.Popen(
        [sys.executable, counting_job.__file__, *map(str, arguments)],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )


def _progress(job_id: int) -> Job:
    with scopes_disabled():
        return Job.objects.get(id=job_id)


def _assert_exact(job_id: int, total: int) -> None:
    job = _progress(job_id)
    with scopes_disabled():
        rows = AuditEntry.objects.filter(deed="count").values_list("subject_id", flat=True)
        counted = Counter(int(number) for number in rows)
    assert (job.state, job.done) == (machine.DONE, total)
    assert counted == Counter(range(total))


@pytest.mark.row("E4")
@pytest.mark.django_db(transaction=True)
def test_job__its_worker_is_killed_three_times__ends_with_the_exact_answer(monkeypatch):
    monkeypatch.setattr(jobs, "dispatch", lambda job_id: None)
    counting_job.register()
    params = {"total": TOTAL, "pause": 0.004}
    job_id = jobs.start_job(
        shop_id=1, kind=counting_job.KIND, params=params, actor=Actor.system("tests"), at=clock.now()
    ).pk
    chance = random.Random(20260301)

    killed_at = []
    for _kill in range(3):
        worker = _program(job_id)
        try:
            assert worker.stdout.readline() == "ready\n"
            began = _progress(job_id).done
            deadline = time.monotonic() + 20
            while _progress(job_id).done == began and time.monotonic() < deadline:
                time.sleep(0.01)
            time.sleep(chance.uniform(0, 0.1))
        finally:
            worker.send_signal(signal.SIGKILL)
            worker.wait(10)
        killed_at.append(_progress(job_id).done)
        assert _progress(job_id).state == machine.RUNNING

    last = _program(job_id)
    assert last.wait(60) == 0
    assert killed_at == sorted(killed_at)
    assert 0 < killed_at[0] < killed_at[-1] < TOTAL
    _assert_exact(job_id, TOTAL)


@pytest.mark.row("E4")
@pytest.mark.django_db(transaction=True)
def test_job_in_the_cluster__its_worker_is_killed_twice__is_sent_again_and_ends_exactly():
    """The whole way: a message through django-q2, a worker killed in a chunk, the sweep, the next worker."""
    counting_job.register()
    total = 300
    server = _program()
    try:
        assert server.stdout.readline() == "ready\n"
        params = {"total": total, "pause": 0.02}
        job_id = jobs.start_job(
            shop_id=1, kind=counting_job.KIND, params=params, actor=Actor.system("tests"), at=clock.now()
        ).pk
        for bar in (total // 4, total // 2):
            _wait(lambda bar=bar: _progress(job_id).done >= bar)
            worker = _progress(job_id).cursor["pid"]
            assert worker not in (os.getpid(), server.pid)
            os.kill(worker, signal.SIGKILL)
            _wait(lambda worker=worker: jobs.sweep() >= 0 and _progress(job_id).cursor["pid"] != worker)
        _wait(lambda: _progress(job_id).state == machine.DONE)
        _assert_exact(job_id, total)
    finally:
        server.terminate()
        server.wait(60)


@pytest.mark.django_db(transaction=True)
def test_worker__killed_while_it_waits__the_hanging_cluster_ends_and_the_next_one_does_the_job(monkeypatch):
    """django-q2 alone would hang here for ever: the dead worker holds the lock of the queue."""
    monkeypatch.setattr(jobs, "KICK_AGAIN", timedelta(seconds=1))
    counting_job.register()
    hanging = _program()
    assert hanging.stdout.readline() == "ready\n"
    _wait(lambda: len(list(pulse.descendants(hanging.pid))) >= 4)  # sentinel, worker, monitor, pusher
    time.sleep(1)
    _sentinel, worker, *_others = family = list(pulse.descendants(hanging.pid))
    os.kill(worker, signal.SIGKILL)
    job_id = jobs.start_job(
        shop_id=1, kind=counting_job.KIND, params={"total": 30}, actor=Actor.system("tests"), at=clock.now()
    ).pk
    _wait(lambda: jobs.sweep() >= 0 and hanging.poll() is not None)
    assert hanging.returncode == 1
    _wait(lambda: not any(Path(f"/proc/{pid}").exists() for pid in family))
    assert _progress(job_id).done == 0

    following = _program()
    try:
        _wait(lambda: jobs.sweep() >= 0 and _progress(job_id).state == machine.DONE)
        _assert_exact(job_id, 30)
    finally:
        following.terminate()
        following.wait(60)


def _wait(until, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < deadline
        time.sleep(0.02)
