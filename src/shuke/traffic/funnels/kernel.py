"""Funnels as array operations over events that lie sorted by visitor and time: the same answers as `questions.chains`.

Why beside the expression: engines sort or self-join the events again, while sealed days already lie in order; a bucket of
visitors at a time stays in the processor's caches. The expression stays the meaning and the way on a cluster; the oracle,
the cases and one law hold both.

Events come in runs: those of one day that fit any step, each run in order of (subject, at, ord, event_id), runs in order of
their days. From every start the next event of each step is looked up in one array per step, so a start costs a handful of
array reads, whatever lies between.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

# Rows of a bucket: its arrays stay within the caches of a core.
BUCKET_ROWS = 60_000
NOT_TAKEN = np.iinfo(np.int64).min


@dataclass(frozen=True)
class Run:
    """Events of one day that fit a step. `bits`: bit k says that the event fits step k.

    `can_start`: whether its day lies in the period.
    """

    can_start: bool
    subject: np.ndarray  # int64, ascending
    at: np.ndarray  # int64 microseconds, ascending within a subject
    bits: np.ndarray  # uint16


@dataclass(frozen=True)
class Found:
    """One row a subject that started: how many steps it took, which row of which run its start is, and when each step was
    (microseconds; NOT_TAKEN where it was not)."""

    subject: np.ndarray  # int64
    depth: np.ndarray  # uint8, from 1
    run: np.ndarray  # int32
    row: np.ndarray  # int32
    times: tuple[np.ndarray, ...]  # int64, one array a step

    def __len__(self) -> int:
        return len(self.subject)


def furthest(runs: Sequence[Run], steps: int, window: int) -> Found:
    """How far each subject got; `window` in microseconds."""
    buckets = _buckets(runs)
    if not buckets:
        return _empty(steps)
    threads = max(1, min(4, os.cpu_count() or 1, len(buckets)))
    if threads == 1:
        found = [_bucket(runs, cuts, steps, window) for cuts in buckets]
    else:
        with ThreadPoolExecutor(threads) as pool:
            found = list(pool.map(lambda cuts: _bucket(runs, cuts, steps, window), buckets))
    return Found(
        np.concatenate([f.subject for f in found]),
        np.concatenate([f.depth for f in found]),
        np.concatenate([f.run for f in found]),
        np.concatenate([f.row for f in found]),
        tuple(np.concatenate([f.times[k] for f in found]) for k in range(steps)),
    )


def _empty(steps: int) -> Found:
    none = np.empty(0, np.int64)
    place = none.astype(np.int32)
    return Found(none, none.astype(np.uint8), place, place, (none,) * steps)


def _buckets(runs: Sequence[Run]) -> list[list[slice]]:
    """Per bucket, which rows of each run: subjects are cut at numbers that share them out evenly."""
    total = sum(len(run.subject) for run in runs)
    if not total or not any(run.can_start for run in runs):
        return []
    count = -(-total // BUCKET_ROWS)
    if count == 1:
        return [[slice(0, len(run.subject)) for run in runs]]
    # Every run is sorted, so every n-th row of each is a fair sample of all.
    step = max(1, total // (count * 50))
    sample = np.sort(np.concatenate([run.subject[::step] for run in runs]))
    edges = np.unique(sample[np.linspace(0, len(sample) - 1, count + 1).astype(np.int64)[1:-1]])
    cuts = [np.searchsorted(run.subject, edges) for run in runs]
    return [
        [
            slice(int(cut[n - 1]) if n else 0, int(cut[n]) if n < len(edges) else len(run.subject))
            for run, cut in zip(runs, cuts, strict=True)
        ]
        for n in range(len(edges) + 1)
    ]


def _bucket(runs: Sequence[Run], cuts: Sequence[slice], steps: int, window: int) -> Found:
    parts = [n for n, cut in enumerate(cuts) if cut.stop > cut.start]
    if not parts:
        return _empty(steps)
    subject = np.concatenate([runs[n].subject[cuts[n]] for n in parts])
    bits = np.concatenate([runs[n].bits[cuts[n]] for n in parts])
    lengths = [cuts[n].stop - cuts[n].start for n in parts]
    if not all(runs[n].can_start for n in parts):
        # Bit 0 is a start from here on; what only fits the first step has no further use.
        bits &= np.repeat(
            np.array([0xFFFF if runs[n].can_start else 0xFFFE for n in parts], np.uint16), lengths
        )
    order, is_new = _order(subject)
    bits = bits[order]
    starts = np.flatnonzero((bits & 1) != 0)
    if not len(starts):
        return _empty(steps)
    at = np.concatenate([runs[n].at[cuts[n]] for n in parts])[order]
    owner = np.cumsum(is_new, dtype=np.int32) - np.int32(1)
    ways = _ways(owner, at, bits, starts, steps, window)
    # Back to the run and the row that the start was.
    flat = order[ways.start]
    begins = np.cumsum([0, *lengths])
    part = np.searchsorted(begins, flat, side="right") - 1
    row = flat - begins[part] + np.array([cuts[n].start for n in parts])[part]
    run = np.array(parts, np.int32)[part]
    times = tuple(np.where(place >= 0, at[place], NOT_TAKEN) for place in ways.places)
    return Found(subject[flat], ways.depth, run, row.astype(np.int32), times)


def _order(subject: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rows by subject, those of one subject as they lie (runs are in order of time), and where a new one begins."""
    order = np.argsort(subject, kind="stable")  # which merges runs that are sorted already
    ordered = subject[order]
    is_new = np.ones(len(subject), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=is_new[1:])
    return order, is_new


@dataclass(frozen=True)
class _Ways:
    """Per subject that started, in order: its start, its depth, and per step the row where it was taken (-1: not)."""

    start: np.ndarray
    depth: np.ndarray
    places: tuple[np.ndarray, ...]


def _ways(
    owner: np.ndarray, at: np.ndarray, bits: np.ndarray, starts: np.ndarray, steps: int, window: int
) -> _Ways:
    """Step by step: of each event that fits step k, the latest start from which it is the k-th step in time.

    The latest start is the one whose window ends last, so nothing else need be remembered; and since rows are numbered in
    order, the latest so far is a running maximum, which a start of another subject's never is.
    """
    count = int(owner[-1]) + 1
    start = np.full(count, -1, np.int64)
    end = np.full(count, -1, np.int64)
    depth = np.zeros(count, np.uint8)
    whose = owner[starts]
    _note(start, end, depth, whose, starts, starts, 1)
    fitting, latest, earlier = starts, starts, whose
    reached: list[tuple[np.ndarray, np.ndarray]] = []
    for k in range(1, steps):
        rows = np.flatnonzero((bits & (1 << k)) != 0)
        if len(rows) == len(fitting) and np.array_equal(rows, fitting):
            # The same step again: the one before each is its neighbour.
            rows, begun, whose, earlier = rows[1:], latest[:-1], earlier[1:], earlier[:-1]
        else:
            before = np.searchsorted(fitting, rows) - 1
            rows, before = rows[before >= 0], before[before >= 0]
            begun, whose, earlier = latest[before], owner[rows], earlier[before]
        is_met = at[rows] - at[begun] < window
        is_met &= earlier == whose
        fitting, begun, earlier = rows.compress(is_met), begun.compress(is_met), whose.compress(is_met)
        if not len(fitting):
            break
        latest = np.maximum.accumulate(begun)
        reached.append((fitting, latest))
        _note(start, end, depth, earlier, fitting, begun, k + 1)
    kept = np.flatnonzero(depth)
    start, end, depth = start[kept], end[kept], depth[kept]
    places = [start]
    for k in range(2, steps + 1):
        place = np.where(depth == k, end, -1)
        further = np.flatnonzero(depth > k)
        if len(further):
            fitting, latest = reached[k - 2]
            place[further] = fitting[np.searchsorted(latest, start[further])]
        places.append(place)
    return _Ways(start, depth, tuple(places))


def _note(
    start: np.ndarray,
    end: np.ndarray,
    depth: np.ndarray,
    whose: np.ndarray,
    rows: np.ndarray,
    begun: np.ndarray,
    k: int,
) -> None:
    """Of each subject the first row that is its k-th step, and the start that it belongs to."""
    is_first = np.ones(len(rows), bool)
    np.not_equal(whose[1:], whose[:-1], out=is_first[1:])
    whose = whose.compress(is_first)
    start[whose], end[whose], depth[whose] = begun.compress(is_first), rows.compress(is_first), k
