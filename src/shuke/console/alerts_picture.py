"""The picture of an alert, drawn at the server as SVG numbers: days, the band in which each was expected, and what came.

No script: attributes and classes only, so it stands under the strict policy and prints.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from math import floor, log10

from shuke.console import words
from shuke.traffic.alerts.reads import DayPoint

WIDTH, HEIGHT = 960, 264
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 16, 28
_TICKS = 4


@dataclass(frozen=True)
class Tick:
    """A label of an axis at its place."""

    place: float
    text: str


@dataclass(frozen=True)
class DayRow:
    """A day of the table beside the picture."""

    day: date
    actual: str
    expected: str
    band: str
    is_off: bool


@dataclass(frozen=True)
class AlertPicture:
    """Numbers of a drawing of WIDTH x HEIGHT; `rows` are the same as a table."""

    band: str
    line: str
    dots: tuple[tuple[float, float], ...]
    off_x: float
    off_width: float
    days: tuple[Tick, ...]
    values: tuple[Tick, ...]
    rows: tuple[DayRow, ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    top: int = _TOP
    bottom: int = HEIGHT - _BOTTOM


def draw(course: Sequence[DayPoint], shown: Callable[[float], str]) -> AlertPicture | None:
    """None where there is nothing to draw."""
    known = [point for point in course if point.actual is not None]
    if len(known) < 2:
        return None
    highest = max(max(p.actual or 0, p.high or 0) for p in course)
    unit = _unit(highest)
    marks = [unit * number for number in range(int(-(-highest // unit)) + 1)]
    top = max(marks[-1], unit)
    step = (WIDTH - _LEFT - _RIGHT) / max(len(course) - 1, 1)

    def x(place: int) -> float:
        return round(_LEFT + place * step, 1)

    def y(value: float) -> float:
        return round(HEIGHT - _BOTTOM - value / top * (HEIGHT - _TOP - _BOTTOM), 1)

    banded = [(i, p) for i, p in enumerate(course) if p.low is not None and p.high is not None]
    upper = [f"{x(i)},{y(p.high or 0)}" for i, p in banded]
    lower = [f"{x(i)},{y(p.low or 0)}" for i, p in reversed(banded)]
    off = [i for i, p in enumerate(course) if p.is_off]
    every = max(1, len(course) // 6)
    return AlertPicture(
        band=" ".join([*upper, *lower]),
        line=" ".join(f"{x(i)},{y(p.actual)}" for i, p in enumerate(course) if p.actual is not None),
        dots=tuple((x(i), y(p.actual)) for i, p in enumerate(course) if p.is_off and p.actual is not None),
        off_x=x(off[0]) - step / 2 if off else 0,
        off_width=(off[-1] - off[0] + 1) * step if off else 0,
        days=tuple(Tick(x(i), words.short_day(course[i].day)) for i in range(0, len(course), every)),
        values=tuple(Tick(y(mark), shown(mark)) for mark in marks),
        rows=tuple(_row(p, shown) for p in course),
    )


def _unit(highest: float) -> float:
    """The distance of the marks beside the picture: 1, 2 or 5 times a power of ten, so that about four are needed."""
    if highest <= 0:
        return 1.0
    rough = highest / _TICKS
    size = 10.0 ** floor(log10(rough))
    return next(size * times for times in (1, 2, 5, 10) if size * times >= rough)


def _row(point: DayPoint, shown: Callable[[float], str]) -> DayRow:
    is_banded = point.low is not None and point.high is not None
    return DayRow(
        point.day,
        "—" if point.actual is None else shown(point.actual),
        "—" if point.expected is None else shown(point.expected),
        f"{shown(point.low or 0)} – {shown(point.high or 0)}" if is_banded else "—",
        point.is_off,
    )
