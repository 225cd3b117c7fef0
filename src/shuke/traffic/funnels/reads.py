"""Questions about funnels: who got how far, on which days, split by what, how long it took, and who it was."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, datetime, timedelta

import numpy as np

from shuke.kernel.periods import ONE_DAY, Period, day_start, local_day
from shuke.shops.reads import ShopView
from shuke.traffic import decisions
from shuke.traffic.funnels.answers import (
    METRICS,
    NOBODY_BEFORE,
    OF_FIRST,
    OF_PREVIOUS,
    PERCENTILES,
    REACHED,
    DayCount,
    FunnelAnswer,
    FunnelPeople,
    Part,
    StepCount,
    Times,
)
from shuke.traffic.funnels.asking import Ways, ways
from shuke.traffic.funnels.shapes import Funnel, Step, dump_funnel, parse_funnel
from shuke.traffic.reads import Figure, Metric
from shuke.warehouse import reads as warehouse

__all__ = [
    "METRICS",
    "DayCount",
    "Funnel",
    "FunnelAnswer",
    "FunnelPeople",
    "Part",
    "Step",
    "StepCount",
    "Times",
    "dump_funnel",
    "funnel",
    "parse_funnel",
]
LARGEST_PAGE = 1000


def funnel(*, shop: ShopView, funnel: Funnel, period: Period, at: datetime) -> FunnelAnswer:
    """How many of those who took the first step on a day of `period` got how far.

    Later steps may fall after the period, as far as facts reach; a start whose window they do not cover yet is said to be
    unfinished. Raises Invalid.
    """
    life = warehouse.whole_life(shop.id)
    today = local_day(at, shop.zone)
    read = _days_read(funnel, period, life, today)
    if read is None:
        return _answer(shop, funnel, period, None, None, at)

    def question(snapshot: warehouse.Snapshot) -> FunnelAnswer:
        last = _last_day(snapshot)
        complete = None if last is None else min(at, day_start(last + ONE_DAY, shop.zone))
        return _answer(shop, funnel, period, ways(snapshot, funnel, period), complete, at)

    return warehouse.ask(shop, read, question)


def _days_read(funnel: Funnel, period: Period, life: Period | None, today: date) -> Period | None:
    """The days whose facts decide: those of the period, and those after it that a window reaches."""
    if life is None:
        return None
    # A window of n days that begins within a day ends within the n-th day after it, a day of 25 hours later still.
    after = math.ceil(funnel.window / ONE_DAY) + 1
    first = max(period.start, life.start)
    last = min(period.last + timedelta(days=after), life.last, today)
    return Period.inclusive(first, last) if first <= last else None


def _last_day(snapshot: warehouse.Snapshot) -> date | None:
    """The last day read that has any event, sealed or open."""
    plan = snapshot.plan
    days = [day for day, rows in plan.rows.items() if rows.get("events") and plan.holds(day)]
    days += plan.open_days(["events"])
    return max(days, default=None)


def _answer(
    shop: ShopView,
    funnel: Funnel,
    period: Period,
    found: Ways | None,
    complete: datetime | None,
    at: datetime,
) -> FunnelAnswer:
    steps = len(funnel.steps)
    depth = found.depth if found is not None else np.empty(0, np.uint8)
    counts = [int(np.count_nonzero(depth >= k)) for k in range(1, steps + 1)]
    days = _days(shop, funnel, period, found, complete, at)
    return FunnelAnswer(
        shop_id=shop.id,
        funnel=funnel,
        period=period,
        steps=tuple(_step(k, counts, found) for k in range(1, steps + 1)),
        days=days,
        split="",
        parts=(),
        complete_until=complete,
        unfinished_days=sum(day.is_unfinished for day in days),
        notes=(),
    )


def _step(number: int, counts: Sequence[int], found: Ways | None) -> StepCount:
    reached = decisions.figure(REACHED, {"reached": counts[number - 1]})
    if number == 1:
        return StepCount(number, reached, None, None, None, None, None)
    before, started = counts[number - 2], counts[0]
    return StepCount(
        number,
        reached,
        _share(OF_PREVIOUS, counts[number - 1], before, "before"),
        _share(OF_FIRST, counts[number - 1], started, "started"),
        before - counts[number - 1],
        _times(found, number - 1, number),
        _times(found, 1, number),
    )


def _share(metric: Metric, reached: int, of: int, name: str) -> Figure:
    if not of:
        return Figure(metric, None, NOBODY_BEFORE, 0, numerator=0, denominator=0)
    return decisions.figure(metric, {"reached": reached, name: of})


def _times(found: Ways | None, earlier: int, later: int) -> Times:
    seconds = np.sort(found.seconds(earlier, later)) if found is not None else np.empty(0, np.int64)
    count = len(seconds)
    ranks = {p: -(-count * p // 100) for p in PERCENTILES} if count else {}
    return Times(count, {p: int(seconds[rank - 1]) for p, rank in ranks.items()})


def _days(
    shop: ShopView,
    funnel: Funnel,
    period: Period,
    found: Ways | None,
    complete: datetime | None,
    at: datetime,
) -> tuple[DayCount, ...]:
    """Every day of the period that has begun."""
    steps = len(funnel.steps)
    counted = np.zeros((period.length, steps), np.int64)
    if found is not None:
        for k in range(steps):
            on = found.day[found.depth > k]
            counted[:, k] = np.bincount(on, minlength=period.length)[: period.length]
    today = local_day(at, shop.zone)
    told = []
    for place, day in enumerate(period.days()):
        if day > today:
            break
        # The last start of a day comes just before its end.
        ends = day_start(day + ONE_DAY, shop.zone) + funnel.window
        is_unfinished = complete is None or ends > complete
        told.append(DayCount(day, tuple(int(n) for n in counted[place]), is_unfinished))
    return tuple(told)
