"""Funnels as array operations over events that lie sorted by visitor and time: the same answers as `questions.chains`.

Why beside the expression: engines sort or self-join the events again, while sealed days already lie in order; a bucket of
visitors at a time stays in the processor's caches. The expression stays the meaning and the way on a cluster; the oracle,
the cases and one law hold both.

Events come in runs: those of one day (or of a piece of it), each in order of (subject, at, ord, event_id), runs in order of
their days. A bucket is the same range of subjects from every run: what is known of each subject is carried from run to run
(loops.py), so nothing is sorted and no row is copied.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

# Rows of a bucket: what is carried of its subjects stays within the caches of a core.
BUCKET_ROWS = 100_000
NOT_TAKEN = np.iinfo(np.int64).min
# Each thread's share is cut once more, so that none waits long for another.
_SHARES = 4
_ALL_BITS, _NO_START = 0xFFFF, 0xFFFE


@dataclass(frozen=True)
class Rows:
    """Some rows of a run, in its order."""

    subject: np.ndarray  # int64, ascending
    at: np.ndarray  # int64 microseconds, ascending within a subject
    code: np.ndarray  # uint16
    place: np.ndarray  # int32: place among all rows of the run

    @classmethod
    def nothing(cls) -> Rows:
        none = np.empty(0, np.int64)
        return cls(none, none, none.astype(np.uint16), none.astype(np.int32))

    def __len__(self) -> int:
        return len(self.subject)


@dataclass(frozen=True)
class Run:
    """Events of one day. `table`: code → bits; bit k says that the event fits step k. `can_start`: whether its day lies in
    the period. `parts`: pairs of rows that lie together, pairs in order; a subject may go on in the next pair."""

    can_start: bool
    parts: tuple[tuple[Rows, Rows], ...]
    table: np.ndarray  # uint16

    @classmethod
    def of_bits(cls, can_start: bool, subject: np.ndarray, at: np.ndarray, bits: np.ndarray) -> Run:
        """Rows of which the bits (uint16) themselves are known, in order."""
        table = np.arange(int(bits.max()) + 1 if len(bits) else 1, dtype=np.uint16)
        columns = subject, at, bits, np.arange(len(subject), dtype=np.int32)
        rows = Rows(*(np.ascontiguousarray(one) for one in columns))
        return cls(can_start, ((rows, Rows.nothing()),), table)


@dataclass(frozen=True)
class Found:
    """One row a subject that started: how many steps it took, which place of which run its start is, and when each step was
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
    from shuke.traffic.funnels import loops

    kept = [
        (number, run, pair)
        for number, run in enumerate(runs)
        for pair in run.parts
        if len(pair[0]) or len(pair[1])
    ]
    if not any(run.can_start for _number, run, _pair in kept):
        return _empty(steps)
    columns = [[(one.subject, one.at, one.code, one.place) for one in pair] for _number, _run, pair in kept]
    addresses = np.array([[[c.ctypes.data for c in rows] for rows in pair] for pair in columns], np.int64)
    counts = np.array([[len(rows) for rows in pair] for _number, _run, pair in kept], np.int64)
    told = np.array(
        [
            (run.table.ctypes.data, len(run.table), _ALL_BITS if run.can_start else _NO_START, number)
            for number, run, _pair in kept
        ],
        np.int64,
    )
    edges = _edges([rows.subject for _number, _run, pair in kept for rows in pair], steps)
    threads = max(1, min(4, os.cpu_count() or 1))
    cuts = np.linspace(0, len(edges) + 1, min(len(edges) + 1, threads * _SHARES) + 1).astype(int).tolist()

    def walked(share: tuple[int, int]) -> tuple[np.ndarray, ...]:
        found: tuple[np.ndarray, ...] = loops.walk_buckets(
            addresses, counts, told, edges, *share, steps, window
        )
        return found

    shares = list(pairwise(cuts))
    if len(shares) == 1 or threads == 1:
        found = [walked(share) for share in shares]
    else:
        with ThreadPoolExecutor(threads) as pool:
            found = list(pool.map(walked, shares))
    subject, start, depth = (np.concatenate([one[n] for one in found]) for n in range(3))
    times = tuple(np.concatenate([one[3][k] for one in found]) for k in range(steps))
    return Found(subject, depth, (start >> 32).astype(np.int32), start.astype(np.int32), times)


def _empty(steps: int) -> Found:
    none = np.empty(0, np.int64)
    place = none.astype(np.int32)
    return Found(none, none.astype(np.uint8), place, place, (none,) * steps)


def _edges(subjects: Sequence[np.ndarray], steps: int) -> np.ndarray:
    """The last subjects of all buckets but the last: numbers that share all rows out evenly."""
    total = sum(map(len, subjects))
    # What is carried of a subject grows with the steps.
    count = -(-total * steps // (3 * BUCKET_ROWS))
    if count <= 1:
        return np.empty(0, np.int64)
    # All are in order, so every n-th row of each is a fair sample.
    step = max(1, total // (count * 50))
    sample = np.sort(np.concatenate([one[::step] for one in subjects]))
    return np.unique(sample[np.linspace(0, len(sample) - 1, count + 1).astype(np.int64)[1:-1]])
