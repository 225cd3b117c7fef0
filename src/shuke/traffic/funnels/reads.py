"""Questions about funnels: who got how far, on which days, split by what, how long it took, and who it was."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
from django.utils.translation import gettext_lazy as _

from shuke.kernel.errors import Invalid
from shuke.kernel.periods import ONE_DAY, Period, day_start, local_day
from shuke.kernel.verdicts import Reason
from shuke.shops.reads import ShopView
from shuke.traffic import decisions
from shuke.traffic.funnels import splits
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
from shuke.traffic.funnels.kinds import kinds_of
from shuke.traffic.funnels.saved import FunnelView, saved_funnel, saved_funnels
from shuke.traffic.funnels.shapes import BadFunnel, Funnel, Step, dump_funnel, parse_funnel
from shuke.traffic.reads import Figure, Metric
from shuke.traffic.reads.properties import check_conditions
from shuke.warehouse import reads as warehouse

__all__ = [
    "METRICS",
    "BadFunnel",
    "DayCount",
    "Funnel",
    "FunnelAnswer",
    "FunnelPeople",
    "FunnelView",
    "Part",
    "Step",
    "StepCount",
    "Times",
    "dump_funnel",
    "event_kinds",
    "every_person",
    "funnel",
    "funnel_people",
    "parse_funnel",
    "saved_funnel",
    "saved_funnels",
]
LARGEST_PAGE = 1000
MOST_PARTS = 8
_MOST_COUNTED = 1 << 22  # seconds, seven weeks


def funnel(
    *,
    shop: ShopView,
    funnel: Funnel,
    period: Period,
    split: str = "",
    most: int = MOST_PARTS,
    with_customers: bool = False,
    at: datetime,
) -> FunnelAnswer:
    """How many of those who took the first step on a day of `period` got how far.

    Later steps may fall after the period, as far as facts reach; a start whose window they do not cover yet is said to be
    unfinished. `split` (splits.FIELDS, or a property) shows at most so many parts, those with most starts, and the rest.
    `with_customers`: the asker may see customers. Raises Invalid, NotAllowed (a split by a property, or a search within one,
    without that).
    """
    splits.check(split, with_customers=with_customers)
    check_conditions((step.condition for step in funnel.steps), with_customers=with_customers)
    if not 1 <= most <= LARGEST_PAGE:
        raise Invalid(field="most", value=most)
    life = warehouse.whole_life(shop.id)
    today = local_day(at, shop.zone)
    read = _days_read(funnel, period, life, today)
    if read is None:
        return _answer(shop, funnel, period, None, None, at, split)

    def question(snapshot: warehouse.Snapshot) -> FunnelAnswer:
        last = _last_day(snapshot)
        if last is not None and last < read.last and life is not None and read.end <= min(life.last, today):
            # Days without events after it, and perhaps facts after those.
            later = Period.inclusive(read.end, min(life.last, today))
            last = warehouse.last_day_with(shop.id, "events", later) or last
        complete = None if last is None else min(at, day_start(last + ONE_DAY, shop.zone))
        found = ways(snapshot, funnel, period)
        parts = _parts(snapshot, found, period, split, most) if split else ()
        return _answer(shop, funnel, period, found, complete, at, split, parts)

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
    split: str,
    parts: tuple[Part, ...] = (),
) -> FunnelAnswer:
    steps = len(funnel.steps)
    days = _days(shop, funnel, period, found, complete, at)
    counts = [sum(day.reached[k] for day in days) for k in range(steps)]
    return FunnelAnswer(
        shop_id=shop.id,
        funnel=funnel,
        period=period,
        steps=tuple(_step(k, counts, found) for k in range(1, steps + 1)),
        days=days,
        split=split,
        parts=parts,
        complete_until=complete,
        unfinished_days=sum(day.is_unfinished for day in days),
        notes=_notes(shop, period, at),
    )


def _step(number: int, counts: Sequence[int], found: Ways | None) -> StepCount:
    reached = decisions.figure(REACHED, {"reached": counts[number - 1]})
    if number == 1:
        return StepCount(number, reached, None, None, None, None, None)
    before, started = counts[number - 2], counts[0]
    from_previous = _times(found, number - 1, number)
    return StepCount(
        number,
        reached,
        _share(OF_PREVIOUS, counts[number - 1], before, "before"),
        _share(OF_FIRST, counts[number - 1], started, "started"),
        before - counts[number - 1],
        from_previous,
        from_previous if number == 2 else _times(found, 1, number),
    )


def _share(metric: Metric, reached: int, of: int, name: str) -> Figure:
    if not of:
        return Figure(metric, None, NOBODY_BEFORE, 0, numerator=0, denominator=0)
    return decisions.figure(metric, {"reached": reached, name: of})


def _times(found: Ways | None, earlier: int, later: int) -> Times:
    seconds = found.seconds(earlier, later) if found is not None else np.empty(0, np.int64)
    count = len(seconds)
    ranks = {p: -(-count * p // 100) for p in PERCENTILES}
    if not count:
        return Times(0, {})
    if int(seconds.max()) < _MOST_COUNTED and int(seconds.min()) >= 0:
        # How many took so long or less, by the second: several times as fast as sorting.
        until = np.bincount(seconds).cumsum()
        return Times(count, {p: int(np.searchsorted(until, rank)) for p, rank in ranks.items()})
    seconds = np.partition(seconds, [rank - 1 for rank in ranks.values()])
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
        ended = np.bincount(found.day * steps + (found.depth - 1), minlength=counted.size)
        # Who ended at a step has reached those before it as well.
        counted = ended[: counted.size].reshape(counted.shape)[:, ::-1].cumsum(axis=1)[:, ::-1]
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


def _parts(
    snapshot: warehouse.Snapshot, found: Ways, period: Period, split: str, most: int
) -> tuple[Part, ...]:
    """The parts with most starts, equals by name, then all others as one."""
    if not len(found):
        return ()
    codes, texts = splits.values(snapshot, found, period, split)
    steps = len(found.funnel.steps)
    counted = np.stack(
        [np.bincount(codes[found.depth > k], minlength=len(texts)) for k in range(steps)], axis=1
    )
    ranked = sorted(
        (place for place in range(len(texts)) if counted[place, 0]),
        key=lambda place: (-counted[place, 0], texts[place] is None, texts[place] or ""),
    )
    shown = [Part(texts[place], _plain(counted[place])) for place in ranked[:most]]
    if rest := ranked[most:]:
        shown.append(Part(None, _plain(counted[rest].sum(axis=0)), len(rest)))
    return tuple(shown)


def _plain(counts: np.ndarray) -> tuple[int, ...]:
    return tuple(int(n) for n in counts)


_STILL_RUNNING = _("Today is not over: those who start later are not counted yet.")


def _notes(shop: ShopView, period: Period, at: datetime) -> tuple[Reason, ...]:
    return (Reason("still_running", _STILL_RUNNING),) if local_day(at, shop.zone) in period else ()


def funnel_people(
    *,
    shop: ShopView,
    funnel: Funnel,
    period: Period,
    step: int,
    is_exactly: bool = True,
    page: int = 1,
    size: int = 50,
    at: datetime,
) -> FunnelPeople:
    """Who took `step` steps and no more (or, not exactly, at least so many), the earliest start first. Raises Invalid."""
    if not 1 <= step <= len(funnel.steps):
        raise Invalid(field="step", value=step)
    if page < 1:
        raise Invalid(field="page", value=page)
    if not 1 <= size <= LARGEST_PAGE:
        raise Invalid(field="size", value=size)
    shown = slice((page - 1) * size, page * size)
    rows, count = _people(shop, funnel, period, step, is_exactly, shown, at)
    return FunnelPeople(step, is_exactly, tuple(rows), count, page, size)


def every_person(
    *, shop: ShopView, funnel: Funnel, period: Period, step: int, is_exactly: bool = True, at: datetime
) -> Iterator[Mapping[str, Any]]:
    """All rows of `funnel_people`, of facts as they are now: asked once, whoever reads them and however slowly. Raises Invalid."""
    if not 1 <= step <= len(funnel.steps):
        raise Invalid(field="step", value=step)
    rows, _count = _people(shop, funnel, period, step, is_exactly, slice(None), at)
    return rows


def _people(
    shop: ShopView,
    funnel: Funnel,
    period: Period,
    step: int,
    is_exactly: bool,
    shown: slice,
    at: datetime,
) -> tuple[Iterator[Mapping[str, Any]], int]:
    """The rows of a part of them, each made when it is wanted, and how many there are in all."""
    read = _days_read(funnel, period, warehouse.whole_life(shop.id), local_day(at, shop.zone))
    if read is None:
        return iter(()), 0

    def question(snapshot: warehouse.Snapshot) -> tuple[Ways, np.ndarray, list[str | None], int]:
        found = ways(snapshot, funnel, period)
        kept = np.flatnonzero(found.depth == step if is_exactly else found.depth >= step)
        picked = found.only(_earliest(found, kept, shown))
        return picked, *splits.refs(snapshot, picked), len(kept)

    picked, codes, texts, count = warehouse.ask(shop, read, question)
    return (_person(picked, n, texts[int(codes[n])], period) for n in range(len(picked))), count


def _earliest(found: Ways, kept: np.ndarray, shown: slice) -> np.ndarray:
    """A part of some ways by their start, equals by visitor."""
    started = found.times[0][kept]
    if shown.stop is not None and shown.stop < len(kept) // 4:
        # Only what may come before the end of the part is put in order.
        latest = np.partition(started, shown.stop - 1)[shown.stop - 1]
        among = started <= latest
        kept, started = kept[among], started[among]
    order = np.lexsort((found.visitor[kept], started))
    part: np.ndarray = kept[order[shown]]
    return part


def _person(found: Ways, n: int, ref: str | None, period: Period) -> Mapping[str, Any]:
    return {
        "subject_id": int(found.visitor[n]),
        "ref": ref,
        "day": period.start + timedelta(days=int(found.day[n])),
        "started_at": _moment(found.times[0][n]),
        "reached_at": _moment(found.times[int(found.depth[n]) - 1][n]),
        "depth": int(found.depth[n]),
    }


def _moment(microseconds: np.int64) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(microseconds))


def event_kinds(*, shop: ShopView, at: datetime, most: int = 60) -> tuple[tuple[str, str], ...]:
    """(type, name) of the events of the last thirty days that have facts, the most frequent first; views by no name."""
    life = warehouse.whole_life(shop.id)
    if life is None:
        return ()
    last = min(life.last, local_day(at, shop.zone))
    recent = Period.inclusive(min(max(life.start, last - ONE_DAY * 29), last), last)

    def question(snapshot: warehouse.Snapshot) -> tuple[tuple[str, str], ...]:
        counted = kinds_of(snapshot)
        ranked = sorted(counted, key=lambda one: (-counted[one], one))
        return tuple(ranked[:most])

    return warehouse.ask(shop, recent, question)
