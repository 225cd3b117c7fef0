"""What needs doing now: each room registers where its lines come from; the page Today asks them all.

A line says one thing that waits for a person, how urgent it is, and leads to the deed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Any

from django.utils.functional import Promise


class Urgency(IntEnum):
    """The order of Today: what can not wait stands first."""

    now = 0
    soon = 1
    done = 2


@dataclass(frozen=True)
class TodayLine:
    """One line. `title` says what and how many; `url` leads to the deed named `deed`; `at` is since when."""

    title: str | Promise
    url: str
    deed: str | Promise
    urgency: Urgency = Urgency.soon
    detail: str | Promise = ""
    icon: str = "clipboard-check"
    at: datetime | None = None
    progress: tuple[int, int] | None = None


@dataclass(frozen=True)
class TodaySource:
    """A room's lines for one reader: `lines(access, at)`, which looks at the reader's role itself."""

    name: str
    lines: Callable[[Any, datetime], Sequence[TodayLine]]


_sources: dict[str, TodaySource] = {}


def register(source: TodaySource) -> None:
    """Add a source (or replace the one of the same name)."""
    _sources[source.name] = source


def sources() -> tuple[TodaySource, ...]:
    """All sources, by name."""
    return tuple(_sources[name] for name in sorted(_sources))


def all_lines(access: Any, at: datetime) -> list[TodayLine]:
    """Every source's lines for one reader: what can not wait first, and of equal urgency the newest."""
    found = [line for source in sources() for line in source.lines(access, at)]
    return sorted(found, key=lambda line: (line.urgency, -(line.at or at).timestamp()))
