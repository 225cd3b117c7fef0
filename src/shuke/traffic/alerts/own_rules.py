"""A shop's own rules: the course of any metric, on any visits, against a limit or as one more watched series."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from shuke.conditions.reads import Node, parse
from shuke.kernel.periods import Period
from shuke.shops.reads import ShopView
from shuke.traffic import decisions
from shuke.traffic import reads as traffic
from shuke.traffic.alerts.models import LIMIT, UNUSUAL, AlertRule
from shuke.traffic.alerts.shapes import Cell
from shuke.traffic.measures import MEASURES
from shuke.traffic.reads import summing
from shuke.traffic.reads.asking import Scene

FINE = 1000  # means (views per visitor, seconds) are watched in thousandths: the judging counts whole numbers


def is_fine(metric: str, version: int) -> bool:
    """Whether a metric is watched in thousandths: a mean that is no money."""
    one = traffic.metric(metric, version)
    return one.denominator is not None and one.unit not in ("ratio", "money")


def condition_of(rule: AlertRule) -> Node | None:
    return parse(rule.condition, "visit") if rule.condition else None


def series_of(rule: AlertRule) -> str:
    """The name of the rule's own series."""
    metric = traffic.metric(rule.metric, rule.version)
    return f"{'rate' if metric.unit == 'ratio' else 'count'}.{rule.pk}"


def is_by_orders(rule: AlertRule) -> bool:
    """Whether it waits for orders, which may come later than visits; under a condition visits tell their own."""
    measures = traffic.metric(rule.metric, rule.version).measures
    return rule.condition is None and any(MEASURES[name].dataset == "order_facts" for name in measures)


def directions_of(rules: list[AlertRule]) -> dict[str, int]:
    return {series_of(rule): 1 if rule.direction == "rise" else -1 for rule in rules if rule.kind == UNUSUAL}


def cells_by_day(shop: ShopView, rule: AlertRule, period: Period, at: datetime) -> dict[date, Cell | None]:
    """The rule's metric on every day of the period: the part and whole of a share, else a whole number; None where it can
    not be computed (a value per buyer without buyers), which is no 0."""
    metric = traffic.metric(rule.metric, rule.version)
    scene = Scene(shop, period, decisions.so_far(shop, period, at), condition_of(rule))
    sums = summing.sums(scene, metric.measures, ("local_day",))
    empty: dict[str, Any] = dict.fromkeys((used.name for used in scene.used(metric.measures)), 0)
    found: dict[date, Cell | None] = {}
    for day in period.days():
        figure = decisions.figure(metric, sums.get((day,), empty))
        if metric.unit == "ratio":
            found[day] = (int(figure.numerator or 0), int(figure.denominator or 0))
        elif figure.value is None:
            found[day] = None
        else:
            found[day] = (
                int(Decimal(figure.value) * (FINE if is_fine(rule.metric, rule.version) else 1)),
                None,
            )
    return found


def value_on(shop: ShopView, rule: AlertRule, day: date, at: datetime) -> Decimal | None:
    """The rule's metric on one day; None where it can not be computed."""
    found = traffic.series(
        shop=shop,
        period=Period.of_day(day),
        metric_id=rule.metric,
        version=rule.version,
        condition=condition_of(rule),
        at=at,
    )
    value = found.points[0].value
    return None if value is None else Decimal(value)


def crosses(rule: AlertRule, value: Decimal | None) -> bool:
    """Whether a day's value lies beyond the limit; what can not be computed does not."""
    if value is None or rule.limit is None or rule.kind != LIMIT:
        return False
    return value < rule.limit if rule.direction == "below" else value > rule.limit


def definitions_of(rule: AlertRule) -> Mapping[str, str]:
    return {rule.metric: f"{rule.metric}.v{rule.version}"}
