"""Judging as a job: started when a shop has a day that is over and not judged, done in chunks by the workers."""

from __future__ import annotations

import time
from datetime import date, datetime, timedelta
from typing import Literal

from django.utils.translation import gettext_lazy as _
from django_scopes import scope, scopes_disabled

from shuke.kernel.periods import ONE_DAY, local_day
from shuke.records.actor import Actor
from shuke.records.jobs import JobRun, job_kind, start_job
from shuke.records.locks import exclusive
from shuke.records.processes import tended
from shuke.shops.reads import ShopView, get_shop_by_id, list_shops
from shuke.traffic.alerts import judging
from shuke.traffic.alerts.models import Watch

KIND = "traffic.judge_alerts"
LOOK_EVERY = 60.0  # seconds between two looks at all shops
LOOK_AGAIN = timedelta(minutes=10)  # at one shop whose facts end earlier
_BY = Actor.system("alerts")
_next_look = 0.0
_looked: dict[int, datetime] = {}


@tended
def start_due(at: datetime) -> int:
    """Start a job for each shop that has days to judge; returns how many. Looks once a minute."""
    global _next_look
    if time.monotonic() < _next_look:
        return 0
    _next_look = time.monotonic() + LOOK_EVERY
    with scopes_disabled():
        until = dict(Watch.objects.values_list("shop_id", "judged_until"))
    started = 0
    for shop in list_shops():
        if until.get(shop.id) == local_day(at, shop.zone) - ONE_DAY:
            continue
        looked = _looked.get(shop.id)
        if looked is not None and timedelta() <= at - looked < LOOK_AGAIN:
            continue
        _looked[shop.id] = at
        started += start_for(shop, at)
    return started


def start_for(shop: ShopView, at: datetime) -> bool:
    """Start the judging of what is due, once per span of days; False where nothing is."""
    with scope(shop=shop.id):
        span = judging.span_of(shop, at)
        if span is None:
            return False
        key = f"{span.first}..{span.last}"
        params = {"first": span.first.isoformat(), "last": span.last.isoformat()}
        start_job(shop_id=shop.id, kind=KIND, params=params, actor=_BY, at=at, key=key)
    return True


@job_kind(KIND, _("Alerts: days judged"))
def step(job: JobRun) -> Literal["more", "done"]:
    """One chunk: some days counted, or some seconds of days judged."""
    shop = get_shop_by_id(job.shop_id)
    with exclusive(f"traffic-alerts-{shop.id}"):  # against a period that someone has judged again meanwhile
        return _chunk(shop, job)


def _chunk(shop: ShopView, job: JobRun) -> Literal["more", "done"]:
    span = judging.span_of(shop, job.at)
    last = date.fromisoformat(job.params["last"])
    if span is None or span.first > last:
        return "done"
    total = (last - date.fromisoformat(job.params["first"])).days + 1
    bounded = judging.Span(span.counted, span.first, min(span.last, last))
    more, day = judging.one_chunk(shop, bounded, job.at, job.saving)
    if day is not None:
        job.progress(total - (last - day).days, total)
    else:
        job.progress(job.done, total)
    return "more" if more else "done"
