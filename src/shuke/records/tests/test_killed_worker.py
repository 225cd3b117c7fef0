"""A real worker process, really killed in the middle of a job, three times; the job ends with the exact answer."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django_scopes import scopes_disabled

import shuke
from shuke.kernel import clock
from shuke.records import jobs, machine
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


def _worker(job_id: int) -> subprocess.Popen:
    source = Path(shuke.__file__).parents[1]
    environment = os.environ | {
        "DATABASE_URL": _database_url(),
        "SHUKE_HOME": str(settings.HOME),
        "PYTHONPATH": str(source),
    }
    return subprocess.Popen(
        [sys.executable, counting_job.__file__, str(job_id)],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )


def _progress(job_id: int) -> Job:
    with scopes_disabled():
        return Job.objects.get(id=job_id)


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
        worker = _worker(job_id)
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

    last = _worker(job_id)
    assert last.wait(60) == 0
    job = _progress(job_id)
    with scopes_disabled():
        counted = Counter(
            int(n) for n in AuditEntry.objects.values_list("subject_id", flat=True) if n.isdigit()
        )
        numbers = AuditEntry.objects.filter(deed="count").count()
    assert killed_at == sorted(killed_at)
    assert 0 < killed_at[0] < killed_at[-1] < TOTAL
    assert (job.state, job.done, numbers) == (machine.DONE, TOTAL, TOTAL)
    assert all(counted[number] >= 1 for number in range(TOTAL))
