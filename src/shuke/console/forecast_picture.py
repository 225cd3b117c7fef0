"""The picture of a holdout: week by week what was expected with its interval, and what came; drawn at the server as SVG."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from math import floor, log10

from shuke.audience.forecast.reads import Holdout
from shuke.console import words
from shuke.console.alerts_picture import HEIGHT, WIDTH, Tick

_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 128, 16, 28


@dataclass(frozen=True)
class HeldRow:
    """A week of the table beside the picture."""

    day: date
    expected: str
    band: str
    actual: str


@dataclass(frozen=True)
class HoldoutPicture:
    """Numbers of a drawing of WIDTH x HEIGHT; `came_y` and `expected_y` are where the lines' names stand."""

    band: str
    expected: str
    came: str
    end_x: float
    came_y: float
    expected_y: float
    days: tuple[Tick, ...]
    values: tuple[Tick, ...]
    rows: tuple[HeldRow, ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = WIDTH - _RIGHT


def draw(held: Holdout) -> HoldoutPicture:
    """All weeks, added up from the cut."""
    weeks = held.weeks
    highest = max(max(week.actual, week.expected, week.high or 0) for week in weeks)
    unit = _unit(highest)
    marks = [unit * number for number in range(int(-(-highest // unit)) + 1)]
    top = max(marks[-1], unit)
    length = max((weeks[-1].day - held.cut).days, 1)

    def x(day: date) -> float:
        return round(_LEFT + (day - held.cut).days / length * (WIDTH - _LEFT - _RIGHT), 1)

    def y(value: float) -> float:
        return round(HEIGHT - _BOTTOM - value / top * (HEIGHT - _TOP - _BOTTOM), 1)

    start = f"{x(held.cut)},{y(0)}"
    banded = [week for week in weeks if week.low is not None and week.high is not None]
    upper = [f"{x(week.day)},{y(week.high or 0)}" for week in banded]
    lower = [f"{x(week.day)},{y(week.low or 0)}" for week in reversed(banded)]
    came_y, expected_y = y(weeks[-1].actual), y(weeks[-1].expected)
    if abs(came_y - expected_y) < 18:  # names never lie over one another
        middle, sign = (came_y + expected_y) / 2, -1 if came_y <= expected_y else 1
        came_y, expected_y = middle + sign * 9, middle - sign * 9
    every = max(1, len(weeks) // 5)
    return HoldoutPicture(
        band=" ".join([start, *upper, *lower]) if len(banded) > 1 else "",
        expected=" ".join([start, *(f"{x(week.day)},{y(week.expected)}" for week in weeks)]),
        came=" ".join([start, *(f"{x(week.day)},{y(week.actual)}" for week in weeks)]),
        end_x=WIDTH - _RIGHT + 8,
        came_y=came_y,
        expected_y=expected_y,
        days=tuple(Tick(x(week.day), words.short_day(week.day)) for week in weeks[::every]),
        values=tuple(Tick(y(mark), words.count(round(mark))) for mark in marks),
        rows=tuple(
            HeldRow(
                week.day,
                words.count(round(week.expected)),
                f"{words.count(round(week.low))} – {words.count(round(week.high))}"
                if week.low is not None and week.high is not None
                else words.UNKNOWN,
                words.count(week.actual),
            )
            for week in weeks
        ),
    )


def _unit(highest: float) -> float:
    """The distance of the marks: 1, 2 or 5 times a power of ten, so that about four are needed."""
    rough = max(highest, 4.0) / 4
    size = 10.0 ** floor(log10(rough))
    return next(size * times for times in (1, 2, 5, 10) if size * times >= rough)
