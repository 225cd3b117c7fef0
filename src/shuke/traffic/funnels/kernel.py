"""Funnels as array operations over events that lie sorted by visitor and time: the same answers as `questions.chains`.

Why beside the expression: engines sort or self-join the events again, while sealed days already lie in order; a bucket of
visitors at a time stays in the processor's caches. The expression stays the meaning and the way on a cluster; the oracle,
the cases and one law hold both.

Events come in runs: those of one day that fit any step, each run in order of (subject, at, ord, event_id), runs in order of
their days. A bucket is the same range of subjects from every run; its rows are put in order and walked through once
(loops.py).
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
    from shuke.traffic.funnels import loops

    parts = [n for n, cut in enumerate(cuts) if cut.stop > cut.start]
    if not parts:
        return _empty(steps)
    subject = np.concatenate([runs[n].subject[cuts[n]] for n in parts])
    at = np.concatenate([runs[n].at[cuts[n]] for n in parts])
    bits = np.concatenate([runs[n].bits[cuts[n]] for n in parts])
    lengths = [cuts[n].stop - cuts[n].start for n in parts]
    if not all(runs[n].can_start for n in parts):
        # Bit 0 is a start from here on; what only fits the first step has no further use.
        bits &= np.repeat(
            np.array([0xFFFF if runs[n].can_start else 0xFFFE for n in parts], np.uint16), lengths
        )
    start, depth, times = loops.walk(subject, at, bits, loops.by_subject(subject), steps, window)
    # Back to the run and the row that the start was.
    begins = np.cumsum([0, *lengths])
    part = np.searchsorted(begins, start, side="right") - 1
    row = start - begins[part] + np.array([cuts[n].start for n in parts])[part]
    run = np.array(parts, np.int32)[part]
    return Found(subject[start], depth, run, row.astype(np.int32), tuple(times))
