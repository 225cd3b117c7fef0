"""The picture of a course: one metric over hours or days, with the compared periods, as data for the chart and as a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext

from shuke.console import figures, viewstate, words
from shuke.kernel.money import exponent
from shuke.kernel.periods import Period
from shuke.shops.access import Access
from shuke.traffic import reads as traffic

LONGEST_BY_DAY = 400


@dataclass(frozen=True)
class Course:
    """One line: its name, and a figure per place of the axis (None: nothing there yet)."""

    name: str
    figures: tuple[traffic.Figure | None, ...]
    partial: int | None


@dataclass(frozen=True)
class Picture:
    """A drawn metric: data for charts.js, and the same as rows of (label, figures) for the table."""

    metric: Any
    title: str
    data: dict[str, Any]
    names: tuple[str, ...]
    rows: tuple[tuple[str, tuple[traffic.Figure | None, ...]], ...]
    is_empty: bool
    note: str


def draw_series(access: Access, state: viewstate.ViewState, name: str, version: int, at: datetime) -> Picture:
    """The course of a metric: by hour for one day, by day for more."""
    grain = "hour" if state.period.length == 1 else "day"
    asked = [(state.range_words, state.period), *_compared(state)]
    labels = list(_labels(state.period, grain))
    found = traffic.courses(
        shop=access.shop,
        periods=[period for _label, period in asked],
        metric_id=name,
        version=version,
        grain=grain,
        condition=state.condition,
        at=at,
    )
    courses = [
        _course(access, label, period, one, len(labels))
        for (label, period), one in zip(asked, found, strict=True)
    ]
    metric = traffic.metric(name, version)
    is_running = courses[0].partial is not None
    edge = courses[0].partial if grain == "hour" else None
    data = {
        "kind": "line",
        "unit": metric.unit,
        "language": "zh-CN" if words.locale().language == "zh" else "en",
        "currency": access.shop.currency,
        "digits": exponent(access.shop.currency),
        "labels": labels,
        "series": [{"name": course.name, "values": _numbers(course, access)} for course in courses],
        "is_past": not state.has_today,
        "edge": edge,
        "edge_name": gettext("now %(time)s") % {"time": words.clock_time(at, access.shop.zone)}
        if is_running
        else "",
    }
    note = ""
    if is_running:
        note = (
            gettext("The hour that is still running is left out of the line.")
            if grain == "hour"
            else gettext("Today is not over, so it is left out of the line.")
        )
    return Picture(
        metric=metric,
        title=figures.title(metric, is_short=False),
        data=data,
        names=tuple(course.name for course in courses),
        rows=tuple(
            (label, tuple(course.figures[place] for course in courses)) for place, label in enumerate(labels)
        ),
        is_empty=all(figure is None or not figure.value for figure in courses[0].figures),
        note=note,
    )


def _compared(state: viewstate.ViewState) -> Iterator[tuple[str, Period]]:
    for name in state.against:
        period = {
            "yesterday": state.period.shifted(-1),
            "before": state.period.before(),
            "last_week": state.period.same_days_last_week(),
            "custom": state.custom,
        }[name]
        if period is not None:
            label = viewstate.against_words(state, name)
            # The line shows the whole of yesterday, not only up to this hour.
            yield gettext("yesterday") if name == "yesterday" and state.is_today else label, period


def _labels(period: Period, grain: str) -> Iterator[str]:
    if grain == "hour":
        yield from (f"{hour:02d}:00" for hour in range(24))
    else:
        yield from (words.short_day(day) for day in period.days())


def _course(access: Access, label: str, period: Period, found: traffic.Series, places: int) -> Course:
    line: list[traffic.Figure | None] = [None] * places
    partial = None
    for point in found.points:
        if isinstance(point.moment, datetime):
            place = point.moment.astimezone(access.shop.zone).hour
        else:
            place = (point.moment - period.start).days
        if not 0 <= place < places:
            continue
        if point.is_partial:
            partial = place
        line[place] = traffic.Figure(found.metric, point.value, None, 0)
    return Course(label, tuple(line), partial)


def _numbers(course: Course, access: Access) -> list[float | None]:
    """Values for the drawing: money in the major unit; the running hour or day left out, since it is no fall."""
    digits = exponent(access.shop.currency)

    def number(place: int, figure: traffic.Figure | None) -> float | None:
        if figure is None or figure.value is None or place == course.partial:
            return None
        value = Decimal(figure.value)
        return float(value.scaleb(-digits) if figure.metric.unit == "money" else value)

    return [number(place, figure) for place, figure in enumerate(course.figures)]
