"""Columns by name, as people and exports write names: blanks inside and after them, full-width brackets, 动账 and 动帐.

Pure functions. A file's columns are renamed once, where it is opened, to the names that the mapping uses; a column that
the mapping does not name keeps the name that it has.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

_BLANKS = re.compile(r"[\s\u200b\ufeff]+")


@lru_cache(maxsize=20_000)
def normal(name: str) -> str:
    """A name as it is compared: half-width, without blanks, in small letters, 帐 as 账."""
    return _BLANKS.sub("", unicodedata.normalize("NFKC", name)).casefold().replace("帐", "账")


def renamed(
    columns: Sequence[str],
    wanted: Iterable[str],
    aliases: Mapping[str, Sequence[str]] | None = None,
    pointed: Mapping[str, str] | None = None,
) -> tuple[str, ...]:
    """The columns, those that the mapping wants under its own names.

    A column that a person pointed at wins, then the exact name, then one that is written a little otherwise, then a name
    that the mapping knows besides (`aliases`). No column gets two names, and no name goes to two columns.
    """
    names = list(columns)
    taken: set[int] = set()
    given: dict[str, int] = {}
    wanted = list(dict.fromkeys(wanted))
    pointed = pointed or {}

    def give(name: str, position: int | None) -> None:
        if position is not None and position not in taken and name not in given:
            given[name] = position
            taken.add(position)

    exact: dict[str, int] = {}
    loose: dict[str, int] = {}
    for i, column in enumerate(columns):
        exact.setdefault(column, i)
    for name in wanted:
        if name in pointed:
            give(name, exact.get(pointed[name]))
    for name in wanted:
        give(name, exact.get(name))
    for i, column in enumerate(columns):
        if i not in taken:
            loose.setdefault(normal(column), i)
    for name in wanted:
        give(name, loose.get(normal(name)))
    for name in wanted:
        for alias in (aliases or {}).get(name, ()):
            give(name, loose.get(normal(alias)))
    for name, position in given.items():
        names[position] = name
    return tuple(names)


def missing(columns: Sequence[str], required: Iterable[str]) -> tuple[str, ...]:
    """Which required names no column has."""
    have = set(columns)
    return tuple(name for name in required if name not in have)


def likeness(columns: Sequence[str], header: Iterable[str]) -> float:
    """How alike a file's columns are to a format's known header, by names: shared names over all names, 0 to 1."""
    mine, theirs = {normal(c) for c in columns if c}, {normal(c) for c in header}
    return len(mine & theirs) / len(mine | theirs) if mine and theirs else 0.0
