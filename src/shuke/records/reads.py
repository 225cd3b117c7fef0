"""Questions to the records of one shop: its audit, its jobs, deliveries that lie dead. Answered with frozen dataclasses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils import translation
from django.utils.functional import Promise
from django_scopes import scopes_disabled

from shuke.kernel.errors import NotFound
from shuke.records import jobs, machine
from shuke.records.models import AuditEntry, Delivery, Job


@dataclass(frozen=True)
class Audited:
    """One entry of the audit; `before` and `after` are masked values by field, None when it was made or removed."""

    id: int
    at: datetime
    actor_kind: str
    actor_id: int | None
    actor_name: str
    actor_role: str | None
    deed: str
    subject_kind: str
    subject_id: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None

    @property
    def changes(self) -> dict[str, tuple[Any, Any]]:
        """Field -> (before, after), only where they differ."""
        old, new = self.before or {}, self.after or {}
        return {
            field: (old.get(field), new.get(field))
            for field in [*old, *(f for f in new if f not in old)]
            if old.get(field) != new.get(field)
        }


@dataclass(frozen=True)
class AuditPage:
    """A page of entries, newest first, and how many there are in all."""

    rows: tuple[Audited, ...]
    count: int
    page: int
    size: int


@dataclass(frozen=True)
class JobView:
    """A job as people see it. `error` is in the reader's language; `share` is 0..1, None while the total is unknown."""

    id: int
    shop_id: int
    kind: str
    title: str | Promise
    state: str
    params: dict[str, Any]
    cursor: dict[str, Any]
    done: int
    total: int | None
    note: str
    error: str
    error_code: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    actor_name: str

    @property
    def share(self) -> float | None:
        return min(1.0, self.done / self.total) if self.total else None

    @property
    def may_stop(self) -> bool:
        return "stop" in machine.ALLOWS[self.state]

    @property
    def may_resume(self) -> bool:
        return "resume" in machine.ALLOWS[self.state]

    @property
    def has_ended(self) -> bool:
        return self.state in (machine.STOPPED, machine.DONE, machine.FAILED)


@dataclass(frozen=True)
class DeadDelivery:
    """An event that a listener refused too often."""

    id: int
    event_name: str
    listener: str
    attempts: int
    last_error: str
    at: datetime


def list_audit(
    shop_id: int | None,
    *,
    deed: str | None = None,
    subject_kind: str | None = None,
    subject_id: str | None = None,
    actor_id: int | None = None,
    page: int = 1,
    size: int = 50,
) -> AuditPage:
    """Entries of one shop (None: of the installation), newest first."""
    wanted = {"deed": deed, "subject_kind": subject_kind, "subject_id": subject_id, "actor_id": actor_id}
    with scopes_disabled():
        rows = AuditEntry.objects.filter(shop_id=shop_id).filter(
            **{field: value for field, value in wanted.items() if value is not None}
        )
        found = rows.order_by("-at", "-id")[(page - 1) * size : page * size]
        return AuditPage(tuple(_audited(row) for row in found), rows.count(), page, size)


def _audited(row: AuditEntry) -> Audited:
    return Audited(
        id=row.pk,
        at=row.at,
        actor_kind=row.actor_kind,
        actor_id=row.actor_id,
        actor_name=row.actor_name,
        actor_role=row.actor_role,
        deed=row.deed,
        subject_kind=row.subject_kind,
        subject_id=row.subject_id,
        before=row.before,
        after=row.after,
    )


def get_job(shop_id: int, job_id: int) -> JobView:
    """Raises NotFound for another shop's job as for one that does not exist."""
    with scopes_disabled():
        row = Job.objects.filter(id=job_id, shop_id=shop_id).first()
    if row is None:
        raise jobs.JobNotFound(field="job", value=job_id)
    return job_view(row)


def list_jobs(
    shop_id: int,
    *,
    kinds: Iterable[str] | None = None,
    states: Iterable[str] | None = None,
    page: int = 1,
    size: int = 50,
) -> tuple[JobView, ...]:
    """Jobs of one shop, newest first."""
    with scopes_disabled():
        rows = _jobs(shop_id, kinds, states).order_by("-created_at", "-id")
        return tuple(job_view(row) for row in rows[(page - 1) * size : page * size])


def count_jobs(
    shop_id: int, *, kinds: Iterable[str] | None = None, states: Iterable[str] | None = None
) -> int:
    with scopes_disabled():
        return _jobs(shop_id, kinds, states).count()


def _jobs(shop_id: int, kinds: Iterable[str] | None, states: Iterable[str] | None) -> QuerySet[Job]:
    rows = Job.objects.filter(shop_id=shop_id)
    if kinds is not None:
        rows = rows.filter(kind__in=list(kinds))
    return rows.filter(state__in=list(states)) if states is not None else rows


def job_view(row: Job) -> JobView:
    """The view of a row; a kind that this process does not know keeps its name as title."""
    try:
        title = jobs.kind(row.kind).title
    except NotFound:
        title = row.kind
    error = row.error or {}
    words = error.get("words", {})
    return JobView(
        id=row.pk,
        shop_id=row.shop_id,
        kind=row.kind,
        title=title,
        state=row.state,
        params=row.params,
        cursor=row.cursor,
        done=row.done,
        total=row.total,
        note=row.note,
        error=words.get(translation.get_language() or "", "") or next(iter(words.values()), ""),
        error_code=error.get("code", ""),
        created_at=row.created_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
        actor_name=row.actor_name,
    )


def list_dead_deliveries(shop_id: int | None, *, size: int = 100) -> tuple[DeadDelivery, ...]:
    """Events of one shop that a listener refused too often, oldest first."""
    with scopes_disabled():
        rows = Delivery.objects.filter(shop_id=shop_id, state=machine.DELIVERY_DEAD).select_related("event")
        return tuple(
            DeadDelivery(row.pk, row.event.name, row.listener, row.attempts, row.last_error, row.event.at)
            for row in rows.order_by("id")[:size]
        )
