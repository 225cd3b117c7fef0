"""A job for tests that counts to `total`, one audit entry a number; run as a program it is a worker that can be killed.

With a job's id it runs that job to its end; without, it is the worker process with its cluster, until SIGTERM.
DATABASE_URL and SHUKE_HOME say where.
"""

from __future__ import annotations

import os
import sys
import time
from datetime import UTC, datetime, timedelta

KIND = "tests.count"
CHUNK = 10


def register(is_saving: bool = True) -> None:
    """Register the kind; `is_saving=False` leaves the guard off: effects and progress in two transactions."""
    from shuke.records.jobs import job_kind

    def step(job):
        start = job.state.get("next", 0)
        end = min(start + CHUNK, job.params["total"])
        time.sleep(job.params.get("pause", 0))
        if is_saving:
            with job.saving():
                _write(job, start, end)
                _cut(job, end)
                job.progress(end, job.params["total"], state={"next": end, "pid": os.getpid()})
        else:
            _write(job, start, end)
            _cut(job, end)
            job.progress(end, job.params["total"], state={"next": end})
        return "done" if end == job.params["total"] else "more"

    job_kind(KIND, "Count")(step)


class Killed(BaseException):
    """Stands for the death of a worker at one exact line: no handler of the house sees it."""


cut_at: set[int] = set()


def _cut(job, end: int) -> None:
    if end in cut_at:
        cut_at.discard(end)
        raise Killed


def _write(job, start: int, end: int) -> None:
    from shuke.records.models import AuditEntry

    at = datetime(2026, 3, 1, tzinfo=UTC)
    AuditEntry.objects.bulk_create(
        AuditEntry(shop_id=job.shop_id, at=at, actor_kind="system", deed="count", subject_id=str(number))
        for number in range(start, end)
    )


def work(job_id: int) -> None:
    """What a worker process does, with a lease short enough for a test."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "shuke.project.settings"
    import django

    django.setup()
    from shuke.records import jobs

    jobs.LEASE = timedelta(seconds=1)
    register()
    print("ready", flush=True)
    jobs.run_to_end(job_id)


def serve() -> None:
    """The worker process as in real life, with pauses short enough for a test."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "shuke.project.settings"
    import django

    django.setup()
    from shuke.records import jobs, processes

    jobs.LEASE = jobs.KICK_AGAIN = timedelta(seconds=1)
    processes.STALL_SECONDS = 4.0
    register()
    print("ready", flush=True)
    processes.run_worker()


if __name__ == "__main__":
    work(int(sys.argv[1])) if len(sys.argv) > 1 else serve()
