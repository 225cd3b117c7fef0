"""Funnels as portable Ibis expressions: the meaning, and the way on a cluster. Running maxima, no joins.

`marked` numbers a subject's events that fit any step, in order of (at, ord, event_id). `begun` tells of each event that
fits step k the latest start from which it is the k-th step in time: the latest among those of step k - 1 before it, since
the latest start's window ends last and starts are numbered in order of time. `ways` keeps of each subject the way that got
furthest: of several the one that got there first, and of its starts the last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import reduce
from operator import add, or_

import ibis

from shuke.conditions.reads import to_ibis
from shuke.traffic.funnels.shapes import TYPES, Funnel, Step
from shuke.traffic.reads.cohort_fields import columns_of

Tables = Mapping[str, ibis.Table]
_ORDER = ("at", "ord", "event_id")


def fits(events: ibis.Table, step: Step) -> ibis.BooleanValue:
    """Whether an event fits a step; never null."""
    types = TYPES[step.type]
    found = events["type"] == types[0] if len(types) == 1 else events["type"].isin(types)
    if step.name:
        found = found & (events["name"] == step.name).fill_null(False)
    if step.condition is not None:
        found = found & to_ibis(step.condition, events, columns_of(events))
    return found


def marked(events: ibis.Table, funnel: Funnel) -> ibis.Table:
    """Every event that fits a step: subject_id, local_day, event_id, at, its number `r` from 0 within its subject, and
    fits_1, fits_2, …"""
    subject = events["subject_id"] if "subject_id" in events.columns else events["visitor_id"]
    marks = {f"fits_{k}": fits(events, step) for k, step in enumerate(funnel.steps, start=1)}
    told = events.select("local_day", "event_id", "at", "ord", subject_id=subject, **marks)
    told = told.filter(reduce(or_, [told[name] for name in marks]))
    number = ibis.row_number().over(group_by="subject_id", order_by=_ORDER)
    return told.select("subject_id", "local_day", "event_id", "at", *marks, r=number.cast("int64"))


def begun(events: ibis.Table, funnel: Funnel, days: tuple[date, date]) -> ibis.Table:
    """`marked`, and of each step k `s_k`: the number of the latest start, on one of the days (half-open), from which the
    event is the k-th step within the window; null: of none."""
    rows = marked(events, funnel)
    is_start = rows["fits_1"] & (rows.local_day >= ibis.date(days[0])) & (rows.local_day < ibis.date(days[1]))
    rows = rows.mutate(
        s_1=ibis.ifelse(is_start, rows.r, ibis.null("int64")),
        a_1=ibis.ifelse(is_start, rows["at"], ibis.null("timestamp(6)")),
    )
    window = ibis.interval(seconds=int(funnel.window.total_seconds()))
    before = ibis.window(group_by="subject_id", order_by="r", rows=(None, -1))
    for k in range(2, len(funnel.steps) + 1):
        rows = rows.mutate(
            start=rows[f"s_{k - 1}"].max().over(before), start_at=rows[f"a_{k - 1}"].max().over(before)
        )
        is_met = rows[f"fits_{k}"] & (rows["at"] < rows.start_at + window).fill_null(False)
        rows = rows.mutate(
            **{
                f"s_{k}": ibis.ifelse(is_met, rows.start, ibis.null("int64")),
                f"a_{k}": ibis.ifelse(is_met, rows.start_at, ibis.null("timestamp(6)")),
            }
        ).drop("start", "start_at")
    return rows


def ways(events: ibis.Table, funnel: Funnel, days: tuple[date, date]) -> ibis.Table:
    """One row a subject that started: subject_id, the start's local_day and event_id, `depth`, and at_1, at_2, … when each
    step was (null: not taken)."""
    count = len(funnel.steps)
    rows = begun(events, funnel, days)
    whole = ibis.window(group_by="subject_id")
    nothing = ibis.null("int64")
    # Where each step was first taken by any way.
    firsts = {
        f"e_{k}": ibis.ifelse(rows[f"s_{k}"].notnull(), rows.r, nothing).min().over(whole)
        for k in range(1, count + 1)
    }
    rows = rows.mutate(**firsts)
    depth = reduce(add, [ibis.ifelse(rows[f"e_{k}"].notnull(), 1, 0) for k in range(1, count + 1)])
    rows = rows.mutate(depth=depth.cast("int64"))
    of_depth = [
        (rows.depth == k, ibis.ifelse(rows.r == rows[f"e_{k}"], rows[f"s_{k}"], nothing))
        for k in range(1, count + 1)
    ]
    rows = rows.mutate(chosen=ibis.cases(*of_depth, else_=nothing).max().over(whole))
    rows = rows.filter(rows.depth > 0)
    is_start = rows.r == rows.chosen
    times = {
        f"at_{k}": ibis.ifelse(
            (rows.depth >= k) & (rows[f"s_{k}"] == rows.chosen).fill_null(False),
            rows["at"],
            ibis.null("timestamp(6)"),
        ).min()
        for k in range(1, count + 1)
    }
    return rows.group_by("subject_id").aggregate(
        local_day=ibis.ifelse(is_start, rows.local_day, ibis.null("date")).max(),
        event_id=ibis.ifelse(is_start, rows.event_id, nothing).max(),
        depth=rows.depth.max(),
        **times,
    )


def by_day(found: ibis.Table, steps: int, also: Sequence[str] = ()) -> ibis.Table:
    """Rows (local_day, …, reached_1, reached_2, …): how many of a day's starters got to each step."""
    counts = {f"reached_{k}": ibis.ifelse(found.depth >= k, 1, 0).sum() for k in range(1, steps + 1)}
    return found.group_by("local_day", *also).aggregate(**counts)


def seconds_between(found: ibis.Table, earlier: int, later: int) -> ibis.Table:
    """Of those who took the later step: `seconds` from the earlier one, whole seconds of both moments."""
    kept = found.filter(found.depth >= later)
    return kept.select(
        seconds=kept[f"at_{later}"].epoch_seconds().cast("int64")
        - kept[f"at_{earlier}"].epoch_seconds().cast("int64")
    )


def median(seconds: ibis.Table) -> ibis.Table:
    """One row: the least of `seconds` that at least half of them do not exceed (null: of nothing)."""
    numbered = seconds.mutate(
        nth=ibis.row_number().over(order_by="seconds") + 1, all_=seconds.seconds.count().over(ibis.window())
    )
    upper = numbered.filter(numbered.nth * 2 >= numbered["all_"])
    return upper.aggregate(median=upper.seconds.min())
