"""Answers that are remembered in this process, by all that they depend on: a page asks several questions of the same few
facts, and the next reader asks again before the next segment comes. Bounded by rows; entries are never changed.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock

import pyarrow as pa

_answers: OrderedDict[Hashable, pa.Table] = OrderedDict()
_lock = Lock()
_ROWS = 2_000_000
_ENTRIES = 200


def remembered(key: Hashable, compute: Callable[[], pa.Table], *, most: int = _ROWS) -> pa.Table:
    """The answer known for `key`, else computed, and kept when it has at most so many rows."""
    with _lock:
        if key in _answers:
            _answers.move_to_end(key)
            return _answers[key]
    answer = compute()
    if answer.num_rows <= most:
        keep(key, answer)
    return answer


def keep(key: Hashable, answer: pa.Table) -> None:
    """Remember an answer; those asked for longest ago go for it."""
    with _lock:
        _answers[key] = answer
        while len(_answers) > 1 and (
            len(_answers) > _ENTRIES or sum(one.num_rows for one in _answers.values()) > _ROWS
        ):
            _answers.popitem(last=False)


def is_known(key: Hashable) -> bool:
    with _lock:
        return key in _answers


def forget() -> None:
    """Nothing is remembered any more."""
    with _lock:
        _answers.clear()
