"""Forecasts as a job: one chunk makes the forecast, the next one its holdout. Started once a day and shop, and by hand."""

from __future__ import annotations

import time
from datetime import date, datetime, timedelta
from typing import Literal

from django.utils.translation import gettext_lazy as _
from django_scopes import scope

from shuke.audience.forecast import making, storing
from shuke.kernel.periods import ONE_DAY, day_start, local_day
from shuke.records import reads as records
from shuke.records.actor import Actor
from shuke.records.jobs import JobRun, job_kind, start_job
from shuke.records.processes import tended
from shuke.shops.reads import ShopView, get_shop_by_id, list_shops

KIND = "audience.forecast"
LOOK_EVERY = 60.0  # seconds between two looks at all shops
LOOK_AGAIN = timedelta(minutes=30)  # at one shop
AFTER_MIDNIGHT = timedelta(hours=3)  # by then a day's last orders have come, and alerts were judged
_BY = Actor.system("forecast")
_next_look = 0.0
_looked: dict[int, datetime] = {}


@tended
def start_due(at: datetime) -> int:
    """Start a job for each shop whose facts reach a day that no forecast knows yet; returns how many."""
    global _next_look
    if time.monotonic() < _next_look:
        return 0
    _next_look = time.monotonic() + LOOK_EVERY
    started = 0
    for shop in list_shops():
        looked = _looked.get(shop.id)
        if looked is not None and timedelta() <= at - looked < LOOK_AGAIN:
            continue
        if at < day_start(local_day(at, shop.zone), shop.zone) + AFTER_MIDNIGHT:
            continue
        _looked[shop.id] = at
        started += start_for(shop, at)
    return started


def start_for(shop: ShopView, at: datetime) -> bool:
    """Start a shop's job where there is a new day with orders, once a day; False where there is not."""
    with scope(shop=shop.id):
        last = making.last_known_day(shop, at)
        newest = storing.newest(shop.id)
        if last is None or (newest is not None and newest.last_day >= last):
            return False
        if not making.has_orders(shop, last):
            return False
        start(shop, last, _BY, at, key=f"daily:{last}")
    return True


def start(shop: ShopView, last: date, by: Actor, at: datetime, key: str | None) -> int:
    """The job of a forecast as of the end of a day."""
    return start_job(
        shop_id=shop.id, kind=KIND, params={"last": last.isoformat()}, actor=by, at=at, key=key
    ).pk


def running(shop: ShopView) -> int | None:
    """The job that makes a forecast of this shop now; None: none does."""
    for job in records.list_jobs(shop.id, states=["waiting", "running"], size=100):
        if job.kind == KIND:
            return job.id
    return None


@job_kind(KIND, _("Forecast of customers"))
def step(job: JobRun) -> Literal["more", "done"]:
    """One chunk: the forecast, or its holdout. Killed anywhere, the chunk is done again from the same facts."""
    shop = get_shop_by_id(job.shop_id)
    last = date.fromisoformat(job.params["last"])

    def breathe() -> None:
        job.progress(job.done, 2)  # the lease is held on while something takes long

    found = storing.of_job(shop.id, job.id)
    if found is None:
        made = making.make_forecast(shop, min(last, local_day(job.at, shop.zone) - ONE_DAY), job.at, breathe)
        with job.saving():
            storing.add(shop.id, job.id, made)
            job.progress(1, 2)
        return "more"
    if not found.is_whole:
        whole = making.hold_out(shop, found, breathe)
        with job.saving():
            storing.complete(shop.id, whole)
            job.progress(2, 2)
    return "done"
