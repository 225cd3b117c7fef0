"""One metric over time, by the shop's days or by hours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from shuke.conditions.reads import Node
from shuke.kernel.errors import Invalid
from shuke.kernel.periods import Period, bounds, local_day
from shuke.shops.reads import ShopView
from shuke.traffic import decisions
from shuke.traffic.figures import Point, Series
from shuke.traffic.metrics import Metric, metric
from shuke.traffic.reads import summing
from shuke.traffic.reads.asking import Group, Request, Scene, Sums

MOST_DAYS_BY_HOUR = 31


def series(
    *,
    shop: ShopView,
    period: Period,
    metric_id: str,
    version: int | None = None,
    grain: str = "day",
    condition: Node | None = None,
    at: datetime,
) -> Series:
    """A point per day or hour, also where nothing happened; None for what lies after `at`.

    By hour, visits count in the hour in which they began, orders in that of their first movement on the day; hours are
    elapsed hours since the period's first midnight. Raises NotFound, Invalid.
    """
    return courses(
        shop=shop,
        periods=(period,),
        metric_id=metric_id,
        version=version,
        grain=grain,
        condition=condition,
        at=at,
    )[0]


def courses(
    *,
    shop: ShopView,
    periods: Sequence[Period],
    metric_id: str,
    version: int | None = None,
    grain: str = "day",
    condition: Node | None = None,
    at: datetime,
) -> tuple[Series, ...]:
    """The series of several periods in one question, each as `series` gives it. Raises NotFound, Invalid."""
    longest = max(period.length for period in periods)
    if grain not in ("hour", "day") or (grain == "hour" and longest > MOST_DAYS_BY_HOUR):
        raise Invalid(field="grain", value=grain)
    one = metric(metric_id, version)
    key = "hour" if grain == "hour" else "local_day"
    scenes = [Scene(shop, period, decisions.so_far(shop, period, at), condition) for period in periods]
    found = summing.sums_of([Request(scene, one.measures, (key,)) for scene in scenes])
    return tuple(
        Series(one, tuple(_points(one, scene, sums, grain, at)))
        for scene, sums in zip(scenes, found, strict=True)
    )


def _points(one: Metric, scene: Scene, found: Mapping[Group, Sums], grain: str, at: datetime) -> list[Point]:
    shop, period = scene.shop, scene.period
    empty = dict.fromkeys((used.name for used in scene.used(one.measures)), 0)
    points = []
    if grain == "hour":
        start, end = bounds(period, shop.zone)
        for i, moment in enumerate(decisions.hours_of(period, start, end)):
            value = decisions.figure(one, found.get((i,), empty)).value if moment <= at else None
            points.append(
                Point(moment.astimezone(shop.zone), value, moment <= at < moment + timedelta(hours=1))
            )
    else:
        today = local_day(at, shop.zone)
        for day in period.days():
            value = decisions.figure(one, found.get((day,), empty)).value if day <= today else None
            points.append(Point(day, value, day == today))
    return points
