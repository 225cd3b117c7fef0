"""From a snapshot to the ways of its visitors: by the kernel where facts lie on this machine, else by the expression."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from functools import reduce
from itertools import pairwise
from operator import add

import ibis
import numpy as np
import pyarrow as pa

from shuke.kernel.periods import Period
from shuke.traffic.funnels import questions
from shuke.traffic.funnels.kernel import NOT_TAKEN, Found, Run, furthest
from shuke.traffic.funnels.picking import is_told_by_code, picked, whole
from shuke.traffic.funnels.prepared import Prepared, prepared
from shuke.traffic.funnels.shapes import Funnel
from shuke.warehouse import reads as warehouse

SECOND = 1_000_000


@dataclass(frozen=True)
class Picked:
    """One run with where its rows are from: rows of a sealed file (`source`), or of `table`. `row`: place in the run → row
    there; None: they are the same."""

    day: date
    run: Run
    row: np.ndarray | None = None
    source: str | None = None
    table: pa.Table | None = None

    def rows(self, places: np.ndarray) -> np.ndarray:
        return places if self.row is None else self.row[places]


@dataclass(frozen=True)
class Ways:
    """One row a visitor that started. `day` numbers a day from the first of the period."""

    funnel: Funnel
    visitor: np.ndarray  # int64
    depth: np.ndarray  # uint8
    day: np.ndarray  # int32
    times: tuple[np.ndarray, ...]  # int64 microseconds, NOT_TAKEN where a step was not
    event: (
        np.ndarray
    )  # int64 ids of the starts, from an engine elsewhere; else empty: `found` says where they lie
    runs: tuple[Picked, ...] = ()
    found: Found | None = None

    def __len__(self) -> int:
        return len(self.visitor)

    def only(self, rows: np.ndarray) -> Ways:
        """Some of them, in the order of `rows`."""
        found = self.found
        if found is not None:
            times = tuple(one[rows] for one in found.times)
            found = Found(found.subject[rows], found.depth[rows], found.run[rows], found.row[rows], times)
        return replace(
            self,
            visitor=self.visitor[rows],
            depth=self.depth[rows],
            day=self.day[rows],
            times=tuple(one[rows] for one in self.times),
            event=self.event[rows] if len(self.event) else self.event,
            found=found,
        )

    def seconds(self, earlier: int, later: int) -> np.ndarray:
        """Of those who took the step `later` (from 1), whole seconds from the step `earlier`."""
        from shuke.traffic.funnels import loops

        found: np.ndarray = loops.seconds_between(
            self.depth, later, self.times[earlier - 1], self.times[later - 1]
        )
        return found


def ways(snapshot: warehouse.Snapshot, funnel: Funnel, period: Period) -> Ways:
    """The way of each visitor that started in the period; the snapshot also holds the days that later steps may fall on."""
    if not snapshot.engine.is_in_process:
        return _by_expression(snapshot, funnel, period)
    runs = tuple(_runs(snapshot, funnel, period))
    window = int(funnel.window.total_seconds()) * SECOND
    found = furthest([one.run for one in runs], len(funnel.steps), window)
    days = np.array([(one.day - period.start).days for one in runs] or [0], np.int32)
    return Ways(funnel, found.subject, found.depth, days[found.run], found.times, _NO_IDS, runs, found)


def settled_files(snapshot: warehouse.Snapshot) -> tuple[list[tuple[date, list[str]]], set[date]]:
    """The days whose sealed files on this machine hold all events, with these files; and the other days that have events."""
    plan = snapshot.plan
    unsettled = set(plan.open_days(["events"]))
    settled: list[tuple[date, list[str]]] = []
    for day in sorted(plan.through):
        files = snapshot.sealed_files("events", [day])
        if day in unsettled or not plan.holds(day) or not files:
            continue
        if any("://" in file for file in files):
            unsettled.add(day)
        else:
            settled.append((day, files))
    return settled, unsettled


def _runs(snapshot: warehouse.Snapshot, funnel: Funnel, period: Period) -> list[Picked]:
    """The runs of all days, in the order of days."""
    settled, unsettled = settled_files(snapshot)
    are_told_by_code = all(map(is_told_by_code, funnel.steps))
    with ThreadPoolExecutor(max(1, min(4, os.cpu_count() or 1))) as pool:
        opened = list(
            pool.map(
                lambda one: [prepared(snapshot.shop.id, one[0].isoformat(), file) for file in one[1]], settled
            )
        )
        tasks: list[tuple[date, Prepared]] = []
        for (day, _files), files_ in zip(settled, opened, strict=True):
            if _are_apart(files_):
                tasks += [(day, one) for one in files_]
            else:
                unsettled.add(day)

        def pick(task: tuple[date, Prepared]) -> Picked:
            day, file = task
            if are_told_by_code:
                return Picked(day, whole(file, funnel, can_start=day in period), file.rows, file.source)
            visitor, at, bits, row = picked(file, funnel)
            return Picked(day, Run.of_bits(day in period, visitor, at, bits), row, file.source)

        runs = [pick(task) for task in tasks] if are_told_by_code else list(pool.map(pick, tasks))
    runs += _open_runs(snapshot, funnel, period, sorted(unsettled))
    return sorted(runs, key=lambda one: one.day)


def _are_apart(files: list[Prepared]) -> bool:
    """Whether no visitor of a day lies in two of its files."""
    ends = []
    for file in files:
        rows = [part.visitor for group in file.groups for part in group if len(part.visitor)]
        if rows:
            ends.append((min(int(one[0]) for one in rows), max(int(one[-1]) for one in rows)))
    ends.sort()
    return all(before[1] < after[0] for before, after in pairwise(ends))


def _open_runs(
    snapshot: warehouse.Snapshot, funnel: Funnel, period: Period, days: list[date]
) -> list[Picked]:
    """Days with facts that are not sealed (and sealed ones that lie in no order), asked of the engine and sorted here."""
    if not days:
        return []
    events = snapshot.narrowed(days, "funnel").raw("events")
    events = events.filter(events.local_day.isin([ibis.date(day) for day in days]))
    bits = reduce(
        add,
        [
            ibis.ifelse(questions.fits(events, step), 1 << k, 0).cast("int32")
            for k, step in enumerate(funnel.steps)
        ],
    )
    told = events.select(*_OPEN_COLUMNS, bits=bits)
    table = snapshot.engine.run(told.filter(told.bits > 0)).combine_chunks()
    keys = [table[name].cast(pa.int64()).to_numpy() for name in ("event_id", "ord", "at", "visitor_id")]
    table = table.take(pa.array(np.lexsort(keys)))
    day_of = table["local_day"].cast(pa.int32()).to_numpy()
    found = []
    for day in days:
        rows = np.flatnonzero(day_of == (day - date(1970, 1, 1)).days)
        own = table.take(pa.array(rows))
        run = Run.of_bits(
            day in period,
            own["visitor_id"].to_numpy(),
            own["at"].cast(pa.int64()).to_numpy(),
            own["bits"].to_numpy().astype(np.uint16),
        )
        found.append(Picked(day, run, table=own))
    return found


_NO_IDS = np.empty(0, np.int64)
_OPEN_COLUMNS = (
    "local_day",
    "visitor_id",
    "at",
    "ord",
    "event_id",
    "page_type",
    "page_path",
    "product_ref",
    "terminal",
    "anonymous_ref",
    "properties",
)


def _by_expression(snapshot: warehouse.Snapshot, funnel: Funnel, period: Period) -> Ways:
    """The same of an engine elsewhere."""
    found = questions.ways(snapshot.raw("events"), funnel, (period.start, period.end))
    names = [f"at_{k}" for k in range(1, len(funnel.steps) + 1)]
    table = snapshot.engine.run(found.select("subject_id", "event_id", "local_day", "depth", *names))
    times = tuple(table[name].cast(pa.int64()).fill_null(NOT_TAKEN).to_numpy() for name in names)
    first = (period.start - date(1970, 1, 1)).days
    return Ways(
        funnel,
        table["subject_id"].to_numpy(),
        table["depth"].to_numpy().astype(np.uint8),
        (table["local_day"].cast(pa.int32()).to_numpy() - first).astype(np.int32),
        times,
        table["event_id"].to_numpy(),
    )
