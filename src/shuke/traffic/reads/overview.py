"""The overview: every metric now, against other periods at the same age, and the change of the amount split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from shuke.conditions.reads import Node
from shuke.kernel.periods import Period, bounds
from shuke.kernel.verdicts import Reason
from shuke.shops.reads import ShopView
from shuke.traffic import decisions
from shuke.traffic.figures import Against, FigureRow, Number, Overview
from shuke.traffic.metrics import METRICS, Metric, metric
from shuke.traffic.reads import summing
from shuke.traffic.reads.asking import Group, Request, Scene, Sums

_SPLIT = ("visitors", "buyers", "paid_minor")


def overview(
    *,
    shop: ShopView,
    period: Period,
    against: tuple[str, ...] | None = None,
    custom: Period | None = None,
    condition: Node | None = None,
    metrics: tuple[tuple[str, int], ...] | None = None,
    at: datetime,
) -> Overview:
    """The numbers of a period. `against`: of before, yesterday, last_week, custom (None: what suits the length).

    `metrics`: (id, version) in the order wanted; None: every version of every metric. A period that is still running at
    `at` is "so far", and the others are cut at the same time of the shop's clock. Raises NotFound, Invalid.
    """
    shown = METRICS if metrics is None else tuple(metric(id, version) for id, version in metrics)
    names = against if against is not None else decisions.default_comparisons(period)
    if custom is not None and "custom" not in names:
        names = (*names, "custom")
    until = decisions.so_far(shop, period, at)
    scene = Scene(shop, period, until, condition)
    wanted = tuple(dict.fromkeys([*(name for one in shown for name in one.measures), *_SPLIT]))
    scenes = []
    for name in names:
        other = decisions.compared_period(name, period, custom)
        scenes.append(replace(scene, period=other, until=decisions.compared_until(shop, period, other, at)))
    key, moments = _course(scene, at)
    now, course, *then = summing.sums_of(
        [Request(scene, wanted), Request(scene, wanted, (key,)), *(Request(one, wanted) for one in scenes)]
    )
    others = [(name, there, found[()]) for name, there, found in zip(names, scenes, then, strict=True)]
    return _overview(scene, shown, now[()], others, _sparks(scene, shown, wanted, course, moments))


@dataclass(frozen=True)
class ChannelVisitors:
    """The visitors of a period and of another by channel, and of all together: who came through two channels is in both."""

    by_channel: tuple[tuple[str, int, int], ...]  # channel, now, then; most visitors first
    now: int
    then: int


def visitors_by_channel(
    *, shop: ShopView, period: Period, against: str, condition: Node | None = None, at: datetime
) -> ChannelVisitors:
    """What `sources` says of visitors by channel, and nothing else. `against`: before, yesterday or last_week. Raises Invalid."""
    one = metric("uv_period")
    scene = Scene(shop, period, decisions.so_far(shop, period, at), condition)
    other = decisions.compared_period(against, period, None)
    then = replace(scene, period=other, until=decisions.compared_until(shop, period, other, at))
    asked = [Request(each, one.measures, keys) for each in (scene, then) for keys in (("channel",), ())]
    counts = [
        {group: int(decisions.figure(one, sums).value or 0) for group, sums in found.items()}
        for found in summing.sums_of(asked)
    ]
    now, total, before, total_before = counts
    rows = [(str(group[0]), now.get(group, 0), before.get(group, 0)) for group in {*now, *before}]
    rows.sort(key=lambda row: (-row[1], row[0]))
    return ChannelVisitors(tuple(rows), total[()], total_before[()])


def _overview(
    scene: Scene,
    shown: Sequence[Metric],
    now: Sums,
    others: Sequence[tuple[str, Scene, Sums]],
    sparks: Sequence[tuple[Number | None, ...]],
) -> Overview:
    return Overview(
        shop_id=scene.shop.id,
        period=scene.period,
        until=scene.until,
        rows=tuple(_row(one, now, others, spark) for one, spark in zip(shown, sparks, strict=True)),
        split=decisions.split_amount(now, others[0][2]) if others else None,
        split_against=others[0][0] if others else None,
        is_partial=scene.until is not None,
        notes=tuple(notes(scene, now, [there for _name, there, _sums in others])),
    )


def _row(
    one: Metric, now: Sums, others: Sequence[tuple[str, Scene, Sums]], spark: tuple[Number | None, ...]
) -> FigureRow:
    figure = decisions.figure(one, now)
    rows = []
    for name, there, then in others:
        compared = decisions.figure(one, then)
        change = decisions.relative_change(figure, compared)
        rows.append(Against(name, there.period, there.until, compared, change))
    return FigureRow(one, figure, tuple(rows), spark)


def _course(scene: Scene, at: datetime) -> tuple[str, list[Any]]:
    """Over what the numbers are drawn: the hours of one day, else the days; what lies after `at` is left out."""
    if scene.period.length == 1:
        hours = decisions.hours_of(scene.period, *bounds(scene.period, scene.shop.zone))
        return "hour", [i for i, moment in enumerate(hours) if moment < at]
    today = decisions.local_day(at, scene.shop.zone)
    return "local_day", [day for day in scene.period.days() if day <= today]


def _sparks(
    scene: Scene,
    shown: Sequence[Metric],
    names: Sequence[str],
    course: Mapping[Group, Sums],
    moments: Sequence[Any],
) -> list[tuple[Number | None, ...]]:
    empty: Sums = dict.fromkeys((one.name for one in scene.used(names)), 0)
    return [
        tuple(decisions.figure(one, course.get((moment,), empty)).value for moment in moments)
        for one in shown
    ]


def notes(scene: Scene, now: Sums, others: Sequence[Scene] = ()) -> list[Reason]:
    """What a reader must know beside the numbers."""
    found = []
    if scene.condition is not None:
        found.append(Reason("orders_by_visit", BY_VISIT))
    foreign, open_refunds = int(now.get("foreign_orders", 0)), int(now.get("unresolved_refunds", 0))
    if foreign:
        found.append(Reason("other_currency", FOREIGN, {"n": foreign, "currency": scene.shop.currency}))
    if open_refunds:
        found.append(Reason("unresolved_refunds", UNRESOLVED, {"n": open_refunds}))
    if any(there.period.length != scene.period.length for there in others):
        found.append(Reason("different_length", LENGTHS))
    return found


BY_VISIT = _("Orders, buyers and amounts are those that the shown visits completed themselves.")
FOREIGN = _(
    "%(n)s orders in another currency than %(currency)s are counted, but their amounts are not added."
)
UNRESOLVED = _("%(n)s refunds state no amount and their sale is not known; they are not deducted.")
LENGTHS = _("The compared period has another length.")
