"""Routes without SQL: the same answers as questions.py, as array operations over the trails of one machine.

Why beside the expression: each step of the expression joins all rows that fit it with those that came so far; here a step
is one pass over an array, and the texts are compared once each. The expression stays the meaning (and the way on a
cluster); one set of cases and one law hold both to plain Python.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from shuke.traffic.routes.questions import expression
from shuke.traffic.routes.shapes import Step

COLUMNS = ("visit_id", "position", "is_view", "page_path", "page_type")
_NONE = -1


class Walked:
    """How far each visit went on a route, from the rows of its trail (COLUMNS, in any order)."""

    def __init__(self, rows: pa.Table, steps: Sequence[Step]) -> None:
        rows = _in_order(rows)
        self.count = rows.num_rows
        self.visit = rows["visit_id"].to_numpy()
        self.is_view = rows["is_view"].to_numpy() == 1
        self.path, self.paths = _coded(rows["page_path"])
        self.type, self.types = _coded(rows["page_type"])
        is_first = np.ones(self.count, dtype=bool)
        is_first[1:] = self.visit[1:] != self.visit[:-1]
        self.start = np.flatnonzero(is_first)
        self.end = np.append(self.start[1:], self.count)
        self.steps = steps
        self.stood = self._stood()
        self.depth = sum((stood != _NONE for stood in self.stood), np.zeros(len(self.start), dtype=np.int64))
        self.went = self._went()

    def _fits(self, step: Step) -> np.ndarray:
        if step.kind == "order":
            return ~self.is_view
        texts, codes = (self.types, self.type) if step.kind == "type" else (self.paths, self.path)
        if step.kind == "pattern":
            # `fullmatch` would take a line's end for the end of the text; the expression's pattern holds none either.
            told = re.compile(expression(step.value)[:-1] + r"\Z")
            fitting = np.array([told.match(text) is not None for text in texts], dtype=bool)
        else:
            fitting = np.array([text == step.value for text in texts], dtype=bool)
        return self.is_view & (fitting[codes] if len(texts) else np.zeros(self.count, dtype=bool))

    def _next(self, fits: np.ndarray) -> np.ndarray:
        """For each place (and the one after the last) the first row from it on that fits; `count`: none."""
        rows = np.where(fits, np.arange(self.count), self.count)
        return np.append(np.minimum.accumulate(rows[::-1])[::-1], self.count)

    def _stood(self) -> list[np.ndarray]:
        """Per step the row at which each visit stood, or none."""
        found: list[np.ndarray] = []
        begin = self.start
        is_on = np.ones(len(self.start), dtype=bool)
        for step in self.steps:
            row = self._next(self._fits(step))[begin]
            is_on = is_on & (row < self.end)
            found.append(np.where(is_on, row, _NONE))
            begin = np.where(is_on, row + 1, self.count)
        return found

    def _went(self) -> np.ndarray:
        """The row of the page to which a visit went instead; none: it left, came through, or never entered."""
        last = np.max(self.stood, axis=0) if self.stood else np.full(len(self.start), _NONE)
        leaking = np.flatnonzero((self.depth > 0) & (self.depth < len(self.steps)))
        stood_at = self.path[last[leaking]]
        view = self._next(self.is_view)
        row = view[last[leaking] + 1]
        while True:
            again = (row < self.end[leaking]) & (self.path[np.minimum(row, self.count - 1)] == stood_at)
            if not again.any():
                break
            row = np.where(again, view[np.minimum(row + 1, self.count)], row)
        found = np.full(len(self.start), _NONE)
        found[leaking] = np.where(row < self.end[leaking], row, _NONE)
        return found

    def leaks(self) -> list[dict[str, Any]]:
        """As questions.leaks."""
        entered = np.flatnonzero(self.depth > 0)
        row = self.went[entered]
        to = np.where(row == _NONE, _NONE, self.path[np.maximum(row, 0)])
        found = []
        for (depth, path), count, kind in self._grouped(self.depth[entered], to, row):
            is_exit = path == _NONE
            found.append(
                {
                    "depth": depth,
                    "to_path": None if is_exit else self.paths[path],
                    "to_type": None if is_exit else kind,
                    "visits": count,
                }
            )
        return found

    def pages(self) -> list[dict[str, Any]]:
        """As questions.pages."""
        found = []
        for number, stood in enumerate(self.stood, start=1):
            here = np.flatnonzero(stood != _NONE)
            row = stood[here]
            went_on = (self.depth[here] > number).astype(np.int64)
            counted = np.bincount(self.path[row], weights=went_on, minlength=len(self.paths))
            for (_step, path), count, kind in self._grouped(np.full(len(here), number), self.path[row], row):
                found.append(
                    {
                        "step": number,
                        "page_path": self.paths[path],
                        "page_type": kind,
                        "entered": count,
                        "went_on": int(counted[path]),
                    }
                )
        return found

    def _grouped(
        self, first: np.ndarray, second: np.ndarray, row: np.ndarray
    ) -> list[tuple[tuple[int, int], int, str]]:
        """Groups of two numbers with their count, and the last page type by name among their rows."""
        width = len(self.paths) + 1
        keys, which, counts = np.unique(first * width + second + 1, return_inverse=True, return_counts=True)
        # Types are coded in the order of their names.
        kind = np.full(len(keys), _NONE)
        np.maximum.at(kind, which, np.where(row == _NONE, _NONE, self.type[np.maximum(row, 0)]))
        return [
            ((int(key // width), int(key % width) - 1), int(count), "" if k == _NONE else self.types[k])
            for key, count, k in zip(keys.tolist(), counts.tolist(), kind.tolist(), strict=True)
        ]

    def behind(
        self, step: int, *, only_left: bool = False, to_path: str | None = None, to_exit: bool = False
    ) -> np.ndarray:
        """The ids of the visits of questions.behind."""
        ids = self.visit[self.start]
        if not only_left:
            return ids[self.depth >= step]
        found = self.depth == step
        if to_exit:
            found &= self.went == _NONE
        elif to_path is not None:
            code = self.paths.index(to_path) if to_path in self.paths else -2
            found &= (self.went != _NONE) & (self.path[np.maximum(self.went, 0)] == code)
        return ids[found]


def _in_order(rows: pa.Table) -> pa.Table:
    """By visit and position; what lies so already (sealed days) is only looked through."""
    visit, position = rows["visit_id"].to_numpy(), rows["position"].to_numpy()
    is_same = visit[1:] == visit[:-1]
    follows = position[1:] == position[:-1] + 1
    blocks = rows.num_rows - int(is_same.sum())
    if bool(np.all(~is_same | follows)) and blocks == int((position == 1).sum()):
        return rows
    return rows.take(pa.array(np.lexsort((position, visit))))


def _coded(column: pa.ChunkedArray) -> tuple[np.ndarray, list[str]]:
    """A text column as codes in the order of the texts."""
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    encoded = column.unify_dictionaries().combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.chunk(0) if encoded.num_chunks else pa.array([], pa.string()).dictionary_encode()
    texts = encoded.dictionary.to_pylist()
    order = sorted(range(len(texts)), key=texts.__getitem__)
    rank = np.empty(len(texts), dtype=np.int64)
    rank[order] = np.arange(len(texts))
    codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return (rank[codes] if len(texts) else codes), [texts[i] for i in order]
