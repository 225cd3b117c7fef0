"""Work that survives a kill: a job is done in bounded chunks, each saved with its effects, and resumes where it stood.

A room registers a kind with its step: `step(job)` does one chunk (under 10 s) and returns "more" or "done". Inside
`with job.saving():` the chunk's effects and `job.progress(...)` are one transaction, and that transaction commits only
while this worker still holds the job's lease. So a worker that was thought dead can not repeat or overtake anything:
its chunk rolls back. Effects outside the database need a key of their own (`job.key_of_chunk`).

django-q2 carries `run_chunk(job_id)`; losing that message loses nothing, since the sweeper sends it again.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django_scopes import scope, scopes_disabled

from shuke.kernel import clock
from shuke.kernel.errors import Conflict, NotFound, ShukeError, shortened
from shuke.records import machine, pulse
from shuke.records.actor import Actor
from shuke.records.audit import record_audit
from shuke.records.models import Job

log = logging.getLogger("records.jobs")

LEASE = timedelta(seconds=60)  # a chunk lasts less than 10 s; a worker silent for this long is dead
KICK_AGAIN = timedelta(seconds=20)  # a dispatched chunk that nobody began by then was lost
MAX_ATTEMPTS = 4  # chunks begun in a row without one that ended well
BURST_SECONDS = 5.0  # chunks of one job in a row before others get their turn

Verdict = Literal["more", "done"]


class LeaseLost(Exception):
    """Another worker took the job over; what this one did in `saving()` is rolled back."""


class InternalError(ShukeError):
    code = "internal"
    status = 500
    words = _("Something went wrong inside Shuke (reference %(value)s).")
    remedy = _(
        "Nothing was lost. Resume the job; if it fails again, give the reference to whoever runs Shuke."
    )


class JobNotFound(NotFound):
    words = _("There is no such job.")


class KindUnknown(NotFound):
    words = _("There is no kind of job called “%(value)s”.")


class JobCanNot(Conflict):
    code = "job_state"
    words = _("That can not be done with this job now. Its state: %(state)s.")
    remedy = ""  # type: ignore[assignment]


Step = Callable[["JobRun"], Verdict]


@dataclass(frozen=True)
class JobKind:
    """A kind of job: its name (`room.noun`), its title for people, its step."""

    name: str
    title: str | Promise
    step: Step


_kinds: dict[str, JobKind] = {}


def job_kind(name: str, title: str | Promise) -> Callable[[Step], Step]:
    """Register the decorated step under `name`."""

    def add(step: Step) -> Step:
        _kinds[name] = JobKind(name, title, step)
        return step

    return add


def kind(name: str) -> JobKind:
    """Raises NotFound for a kind that no room registered in this process."""
    if name not in _kinds:
        raise KindUnknown(field="kind", value=name)
    return _kinds[name]


class JobRun:
    """What a step sees of its job during one chunk. `state` is the cursor as the last saved chunk left it."""

    def __init__(self, row: Job, at: datetime) -> None:
        self.id: int = row.pk
        self.shop_id: int = row.shop_id
        self.kind: str = row.kind
        self.params: dict[str, Any] = row.params
        self.state: dict[str, Any] = dict(row.cursor)
        self.done: int = row.done
        self.total: int | None = row.total
        self.at = at
        self.actor = Actor(row.actor_kind, row.actor_id, row.actor_name, row.actor_role)  # type: ignore[arg-type]
        self._lease = row.lease

    @property
    def key_of_chunk(self) -> str:
        """Names this chunk's place in the job, the same when the chunk is done again: a key for effects elsewhere."""
        return f"job:{self.id}:{self.done}"

    @contextlib.contextmanager
    def saving(self) -> Iterator[None]:
        """One transaction for a chunk's effects and its progress. Keep it below 50 ms, some 2,000 rows."""
        with transaction.atomic():
            yield
            self._hold()

    def progress(
        self, done: int, total: int | None, note: str = "", state: dict[str, Any] | None = None
    ) -> None:
        """Save how far the job is; `state` is the whole new cursor (JSON). Raises LeaseLost when taken over."""
        changes: dict[str, Any] = {"done": done, "total": total, "note": shortened(note, 300), "attempts": 0}
        if state is not None:
            changes["cursor"] = state
        self._hold(**changes)
        self.done, self.total = done, total
        if state is not None:
            self.state = dict(state)

    def is_stop_wanted(self) -> bool:
        """Whether a person asked the job to stop; it stops after this chunk anyway."""
        with scopes_disabled():
            return Job.objects.filter(id=self.id, state=machine.STOPPING).exists()

    def _hold(self, **changes: Any) -> None:
        """Renew the lease, on the condition that it is still this worker's."""
        until = clock.now() + LEASE
        with scopes_disabled():
            held = Job.objects.filter(
                id=self.id, lease=self._lease, state__in=[machine.RUNNING, machine.STOPPING]
            ).update(lease_until=until, kick_at=until, **changes)
        if not held:
            raise LeaseLost(self.id)


def start_job(
    *, shop_id: int, kind: str, params: dict[str, Any], actor: Actor, at: datetime, key: str | None = None
) -> Job:
    """Start a job once the surrounding transaction commits. The same `key` gives the job that it started first.

    The caller has checked who may. Raises NotFound for an unknown kind.
    """
    if kind not in _kinds:
        raise KindUnknown(field="kind", value=kind)
    if key is not None and len(key) > 160:
        key = hashlib.sha256(key.encode()).hexdigest()
    try:
        with transaction.atomic():
            job = Job.objects.create(
                shop_id=shop_id,
                kind=kind,
                params=params,
                key=key,
                created_at=at,
                kick_at=at + KICK_AGAIN,
                actor_kind=actor.kind,
                actor_id=actor.id,
                actor_name=actor.name[:200],
                actor_role=actor.role,
            )
    except IntegrityError:
        with scopes_disabled():
            return Job.objects.get(shop_id=shop_id, kind=kind, key=key)
    record_audit(
        shop_id=shop_id,
        actor=actor,
        deed="start_job",
        subject_kind="job",
        subject_id=job.pk,
        before=None,
        after={"kind": kind, "params": params},
        at=at,
    )
    transaction.on_commit(lambda: dispatch(job.pk))
    return job


def dispatch(job_id: int) -> None:
    """Send one message to the workers. A failure to send is left to the sweeper."""
    from django_q.tasks import async_task

    try:
        async_task("shuke.records.jobs.run_chunk", job_id, task_name=f"job {job_id}", save=False)
    except Exception:
        log.exception("job.dispatch_failed job=%s", job_id)


def claim(job_id: int, at: datetime) -> JobRun | None:
    """Take the job's lease: one conditional update, so of any number of workers exactly one gets it."""
    lease = secrets.token_hex(8)
    with scopes_disabled():
        free = Q(lease_until__isnull=True) | Q(lease_until__lte=at)
        rows = Job.objects.filter(free, id=job_id)
        taken = rows.filter(state__in=[machine.WAITING, machine.RUNNING]).update(
            state=machine.RUNNING,
            lease=lease,
            lease_until=at + LEASE,
            kick_at=at + LEASE,
            attempts=F("attempts") + 1,
        )
        if not taken:
            rows.filter(state=machine.STOPPING).update(**_ended(machine.STOPPED, at))
            return None
        Job.objects.filter(id=job_id, started_at__isnull=True).update(started_at=at)
        row = Job.objects.get(id=job_id)
        if row.lease != lease:
            return None
        if row.attempts > MAX_ATTEMPTS:
            _fail(row, lease, at, InternalError(value=_reference(f"job {job_id} killed its workers")))
            return None
        return JobRun(row, at)


def run_chunk(job_id: int, *, burst_seconds: float = BURST_SECONDS, dispatches: bool = True) -> bool:
    """Run chunks of a job for a few seconds; True when it wants more. What django-q2 calls, and `run_to_end`."""
    until = time.monotonic() + burst_seconds
    while True:
        pulse.beat()
        run = claim(job_id, clock.now())
        if run is None or not _one_chunk(run):
            return False
        if time.monotonic() >= until:
            break
    if dispatches:
        dispatch(job_id)
    return True


def _one_chunk(run: JobRun) -> bool:
    """Do one chunk and put the job into the state that follows; True when there is more to do now."""
    try:
        with scope(shop=run.shop_id):
            verdict = kind(run.kind).step(run)
        if verdict not in ("more", "done"):
            raise ValueError(f"step of {run.kind} returned {verdict!r}")
    except LeaseLost:
        log.warning("job.lease_lost job=%s", run.id)
        return False
    except ShukeError as error:
        _fail_run(run, error)
        return False
    except Exception as error:
        _try_again_or_fail(run, error)
        return False
    at = clock.now()
    with scopes_disabled():
        mine = Job.objects.filter(id=run.id, lease=run._lease)
        if verdict == "done":
            mine.filter(state__in=machine.states_before(machine.DONE)).update(
                **_ended(machine.DONE, at), attempts=0
            )
            return False
        if mine.filter(state=machine.STOPPING).update(**_ended(machine.STOPPED, at), attempts=0):
            return False
        return bool(
            mine.filter(state=machine.RUNNING).update(
                lease="", lease_until=None, kick_at=at + KICK_AGAIN, attempts=0
            )
        )


def _ended(state: str, at: datetime) -> dict[str, Any]:
    return {"state": state, "lease": "", "lease_until": None, "ended_at": at}


def _reference(what: str) -> str:
    """A short mark that stands in the log beside the trace, and in the words that a person reads."""
    reference = secrets.token_hex(4)
    log.exception("job.internal_error reference=%s %s", reference, what)
    return reference


def _words_of(error: ShukeError) -> dict[str, str]:
    """The error in every language, since who reads it later is not known now."""
    words = {}
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            words[language] = str(error)
    return words


def _fail_run(run: JobRun, error: ShukeError) -> None:
    with scopes_disabled():
        row = Job.objects.get(id=run.id)
    _fail(row, run._lease, clock.now(), error)


def _fail(row: Job, lease: str, at: datetime, error: ShukeError) -> None:
    with scopes_disabled():
        Job.objects.filter(id=row.pk, lease=lease, state__in=machine.states_before(machine.FAILED)).update(
            **_ended(machine.FAILED, at), error={"code": error.code, "words": _words_of(error)}
        )


def _try_again_or_fail(run: JobRun, error: Exception) -> None:
    """An unexpected error: again after a pause, unless it keeps coming. A person never sees its text."""
    reference = _reference(f"job={run.id} kind={run.kind}")
    at = clock.now()
    with scopes_disabled():
        row = Job.objects.get(id=run.id)
        if row.attempts >= MAX_ATTEMPTS:
            _fail(row, run._lease, at, InternalError(value=reference))
            return
        pause = at + timedelta(seconds=2**row.attempts)
        Job.objects.filter(id=run.id, lease=run._lease).update(lease_until=pause, kick_at=pause)


def request_stop(*, shop_id: int, job_id: int, actor: Actor, at: datetime) -> None:
    """Ask a job to stop after its running chunk; one that waits stops at once. Raises NotFound, JobCanNot."""
    with transaction.atomic(), scopes_disabled():
        row = _job_of(shop_id, job_id)
        rows = Job.objects.filter(id=job_id)
        if rows.filter(state=machine.WAITING).update(**_ended(machine.STOPPED, at)):
            after = machine.STOPPED
        elif rows.filter(state=machine.RUNNING).update(state=machine.STOPPING, kick_at=at + KICK_AGAIN):
            after = machine.STOPPING
        else:
            raise JobCanNot(field="job", value=row.state, state=machine.TITLES[row.state])
        _audit_move("stop_job", row, after, actor, at)


def resume(*, shop_id: int, job_id: int, actor: Actor, at: datetime) -> None:
    """Let a stopped or failed job go on from where it stood. Raises NotFound, JobCanNot."""
    with transaction.atomic(), scopes_disabled():
        row = _job_of(shop_id, job_id)
        moved = Job.objects.filter(id=job_id, state__in=machine.states_that("resume")).update(
            state=machine.WAITING,
            error=None,
            attempts=0,
            ended_at=None,
            lease="",
            lease_until=None,
            kick_at=at + KICK_AGAIN,
        )
        if not moved:
            raise JobCanNot(field="job", value=row.state, state=machine.TITLES[row.state])
        _audit_move("resume_job", row, machine.WAITING, actor, at)
        transaction.on_commit(lambda: dispatch(job_id))


def _job_of(shop_id: int, job_id: int) -> Job:
    row = Job.objects.filter(id=job_id, shop_id=shop_id).first()
    if row is None:
        raise JobNotFound(field="job", value=job_id)
    return row


def _audit_move(deed: str, row: Job, after: str, actor: Actor, at: datetime) -> None:
    record_audit(
        shop_id=row.shop_id,
        actor=actor,
        deed=deed,
        subject_kind="job",
        subject_id=row.pk,
        before={"state": row.state},
        after={"state": after},
        at=at,
    )


def run_to_end(job_id: int, *, watch: Callable[[Job], None] | None = None) -> Job:
    """Run a job in this process until it ends; for commands and tests. `watch` sees it after every burst.

    Waits for another worker's chunk, and takes over when that worker dies.
    """
    while True:
        run_chunk(job_id, burst_seconds=0.5 if watch else BURST_SECONDS, dispatches=False)
        with scopes_disabled():
            job = Job.objects.get(id=job_id)
        if watch:
            watch(job)
        if job.state in (machine.STOPPED, machine.DONE, machine.FAILED):
            return job
        if job.lease_until is not None and job.lease_until > clock.now():
            time.sleep(0.1)


def sweep(at: datetime | None = None, *, limit: int = 100) -> int:
    """Send jobs on whose worker or message was lost; returns how many. Any number of processes may call it."""
    at = at or clock.now()
    kicked = 0
    with scopes_disabled():
        due = Job.objects.filter(state__in=machine.states_that("kick"), kick_at__lte=at)
        for job_id in list(due.order_by("kick_at").values_list("id", flat=True)[:limit]):
            if due.filter(id=job_id).update(kick_at=at + KICK_AGAIN):
                dispatch(job_id)
                kicked += 1
    return kicked
