"""Jobs: what runs, how far it is, what went wrong; stop and resume. Jobs that need someone stand on Today."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_POST, require_safe

from shuke.console import names, words
from shuke.kernel import clock
from shuke.records import jobs as records_jobs
from shuke.records import reads
from shuke.records.actor import name_in_words
from shuke.shops import today
from shuke.shops.access import Access, page
from shuke.shops.csv_out import csv_response, wants_csv
from shuke.shops.page_request import PageRequest
from shuke.shops.roles import Deed
from shuke.shops.tables import Column, build_paged_table, page_number

SIZE = 50
MOST_CSV = 10_000
RECENT = timedelta(hours=24)


@require_safe
@page(Deed.VIEW_JOBS)
def jobs(request: PageRequest, shop: str) -> HttpResponseBase:
    """Newest first; while something runs, the table asks for itself again."""
    access = request.access
    state = request.GET.get("state", "")
    states = [state] if state in names.JOB_STATES else None
    columns = _columns(access)
    if wants_csv(request.GET):
        rows = reads.list_jobs(access.shop.id, states=states, size=MOST_CSV)
        header = ["id", "kind", "state", "done", "total", "created_at", "ended_at", "by", "error"]
        lines = (
            [j.id, j.kind, j.state, j.done, j.total, j.created_at, j.ended_at, j.actor_name, j.error]
            for j in rows
        )
        return csv_response(access, "jobs", header, lines)
    number = page_number(request)
    rows = reads.list_jobs(access.shop.id, states=states, page=number, size=SIZE)
    count = reads.count_jobs(access.shop.id, states=states)
    context = {
        "table": build_paged_table(request, "jobs", columns, rows, count=count, page=number, size=SIZE),
        "is_exportable": access.may(Deed.EXPORT_TABLES),
        "is_running": any(not job.has_ended for job in rows),
        "state": state,
        "states": [(key, title) for key, (title, _tone) in names.JOB_STATES.items()],
    }
    return render(request, "console/jobs.html", context)


def _columns(access: Access) -> list[Column[reads.JobView]]:
    def deeds(job: reads.JobView) -> dict[str, Any]:
        return {"job": job, "may": access.may(Deed.STOP_JOBS)}

    return [
        Column("title", gettext("Job"), lambda j: str(j.title), "link", is_first=True, shown=_title),
        Column("state", gettext("State"), lambda j: j.state, "state", shown=_state),
        Column("progress", gettext("Progress"), lambda j: j.done, "progress", shown=lambda j: j),
        Column("by", gettext("By"), lambda j: name_in_words(j.actor_name)),
        Column("created", gettext("Started"), lambda j: j.created_at, "moment"),
        Column("deeds", "", lambda j: j.id, "job_deeds", shown=deeds),
    ]


def _title(job: reads.JobView) -> dict[str, str]:
    return {"text": str(job.title), "sub": job.error or job.note}


def _state(job: reads.JobView) -> dict[str, Any]:
    title, tone = names.JOB_STATES.get(job.state, (job.state, ""))
    return {"text": title, "tone": tone}


@require_POST
@page(Deed.STOP_JOBS)
def stop(request: PageRequest, shop: str, job_id: int) -> HttpResponse:
    """Stop after the chunk that runs."""
    access = request.access
    records_jobs.request_stop(shop_id=access.shop.id, job_id=job_id, actor=access.actor, at=clock.now())
    messages.success(request, gettext("The job stops after the part that is running; what is done stays."))
    return redirect("console:jobs", shop)


@require_POST
@page(Deed.STOP_JOBS)
def resume(request: PageRequest, shop: str, job_id: int) -> HttpResponse:
    """Go on from where it stood."""
    access = request.access
    records_jobs.resume(shop_id=access.shop.id, job_id=job_id, actor=access.actor, at=clock.now())
    messages.success(request, gettext("The job goes on from where it stood."))
    return redirect("console:jobs", shop)


def _lines(access: Access, at: datetime) -> list[today.TodayLine]:
    """Failed and stopped jobs need someone; running ones show how far they are. Imports have lines of their own."""
    if not access.may(Deed.VIEW_JOBS):
        return []
    url = reverse("console:jobs", args=[access.shop.slug])
    found = []
    for job in reads.list_jobs(access.shop.id, states=("failed", "stopped", "running", "waiting"), size=100):
        if job.kind.startswith("intake."):
            continue
        since = job.ended_at or job.created_at
        if job.state in ("failed", "stopped"):
            if at - since > 7 * RECENT:
                continue
            title = gettext("%(job)s failed") if job.state == "failed" else gettext("%(job)s is stopped")
            found.append(
                today.TodayLine(
                    title % {"job": job.title},
                    f"{url}?state={job.state}",
                    gettext("See the job"),
                    today.Urgency.now if job.state == "failed" else today.Urgency.soon,
                    job.error,
                    "alert-triangle",
                    since,
                )
            )
        else:
            detail = ngettext("%(count)s step done", "%(count)s steps done", job.done) % {
                "count": words.count(job.done)
            }
            progress = (job.done, job.total) if job.total else None
            found.append(
                today.TodayLine(
                    str(job.title),
                    url,
                    gettext("See the job"),
                    today.Urgency.done,
                    detail,
                    "activity",
                    since,
                    progress,
                )
            )
    return found


today.register(today.TodaySource("jobs", _lines))
