"""The rows behind a number: visits, visitors, orders or buyers, counted anew and held against the figure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import ibis

from shuke.conditions.reads import Node
from shuke.kernel.errors import Invalid
from shuke.kernel.periods import Period
from shuke.shops.reads import ShopView
from shuke.traffic import decisions
from shuke.traffic import measures as m
from shuke.traffic.figures import Evidence
from shuke.traffic.metrics import metric
from shuke.traffic.reads import asking, summing
from shuke.traffic.reads.asking import Scene

LARGEST_PAGE = 1000
# What names a person or leads to one: every face hides these from a role that may not see customers.
PERSONAL_COLUMNS = frozenset(
    {"person_id", "person_ref", "buyer_id", "buyer_ref", "anonymous_ref", "order_id", "order_ref"}
)
COLUMNS = {
    "visit": (
        "visit_id", "started_at", "visitor_id", "person_id", "channel", "is_paid", "source", "medium", "campaign",
        "terminal", "entry_path", "exit_path", "views", "stay_seconds", "carts", "orders", "revenue_minor",
    ),
    "visitor_day": ("local_day", "visitor_id", "visits", "views", "stay_seconds", "orders", "revenue_minor"),
    "visitor": ("visitor_id", "first_seen", "visits", "views", "stay_seconds", "carts", "orders", "revenue_minor"),
    "movement": (
        "order_ref", "kind", "at", "local_day", "buyer_id", "quantity", "paid_minor", "net_minor", "currency", "source",
    ),
    "order": ("order_ref", "first_at", "buyer_id", "sales", "cancellations", "paid_minor", "net_minor"),
    "buyer": ("buyer_id", "first_at", "sales", "paid_minor", "paid_before"),
}  # fmt: skip
ORDER = {
    "visit": ("started_at", "visit_id"),
    "visitor_day": ("local_day", "visitor_id"),
    "visitor": ("first_seen", "visitor_id"),
    "movement": ("at", "order_id", "kind"),
    "order": ("first_at", "order_id"),
    "buyer": ("first_at", "buyer_id"),
}


@dataclass(frozen=True)
class _Found:
    rows: tuple[Mapping[str, Any], ...]
    count: int
    total: Any
    whole_refunds: int = 0


def evidence(
    *,
    shop: ShopView,
    period: Period,
    metric_id: str,
    version: int | None = None,
    condition: Node | None = None,
    until: datetime | None = None,
    page: int = 1,
    size: int = 50,
    at: datetime,
) -> Evidence:
    """One page of the rows that a number is made of, newest first, each with what it `counts` for.

    A count of whole things (visits, buyers) equals `count`; a sum (views, an amount) equals the sum of `counts`, which is
    `numerator`; of a quotient these are the rows of the numerator, and `denominator` is counted beside it. `until`: the
    cut of a period that was compared; None: as the overview shows it. Raises NotFound, Invalid.
    """
    if page < 1:
        raise Invalid(field="page", value=page)
    if not 1 <= size <= LARGEST_PAGE:
        raise Invalid(field="size", value=size)
    one = metric(metric_id, version)
    scene = Scene(shop, period, until or decisions.so_far(shop, period, at), condition)
    sums = summing.sums(scene, one.measures)[()]
    figure = decisions.figure(one, sums)
    used = {measure.name: measure for measure in scene.used(one.measures)}
    if one.numerator not in used:
        return Evidence(one.evidence, (), (), 0, figure, True, page=page, size=size)
    numerator = used[one.numerator]
    shown = m.MEASURES["visitor_days"] if numerator.entity == "day" else numerator
    found = _rows_of(scene, shown, page, size)
    counted: dict[str, Any] = {one.numerator: found.total}
    if numerator.entity == "day":
        counted = dict(_days_anew(scene))
    elif one.denominator is not None and one.denominator in used:
        counted[one.denominator] = _rows_of(scene, used[one.denominator], 1, 1).total
    counted |= {one.cases: figure.cases} if one.cases and one.cases not in counted else {}
    counted |= {one.known_by: sums[one.known_by]} if one.known_by else {}
    again = decisions.figure(one, counted)
    return Evidence(
        kind=m.ENTITIES[shown.entity][1],
        columns=(*COLUMNS[shown.entity], "counts"),
        rows=found.rows,
        count=found.count,
        figure=figure,
        is_equal=again.value == figure.value,
        numerator=again.numerator,
        denominator=again.denominator,
        page=page,
        size=size,
    )


def _rows_of(scene: Scene, measure: m.Measure, page: int, size: int) -> _Found:
    """The rows of a measure that count for something, one page of them, and their number and sum."""
    if measure.entity in m.VISIT_ENTITIES:
        return asking.ask_visits(scene, (), lambda ask: _found(scene, measure, ask, page, size))
    return asking.ask_orders(
        [(scene, ())],
        lambda asks: _found(scene, measure, asks[0], page, size),
        reaches_back=measure.name == "old_buyers",
        is_open=lambda found: found.whole_refunds > 0,
    )


def _found(scene: Scene, measure: m.Measure, ask: asking.Ask, page: int, size: int) -> _Found:
    is_of_visits = measure.entity in m.VISIT_ENTITIES

    def counting(tables: asking.Tables) -> ibis.Table:
        entities = (m.visit_entities if is_of_visits else m.order_entities)(tables, [measure.entity])
        table = entities[measure.entity]
        assert measure.weight is not None
        weighed = table.mutate(counts=measure.weight(table))
        return weighed.filter(weighed.counts != 0)

    def whole(tables: asking.Tables) -> ibis.Table:
        rows = counting(tables)
        return rows.aggregate(count=rows.count(), total=rows.counts.sum())

    def shown(tables: asking.Tables) -> ibis.Table:
        rows = counting(tables).order_by([ibis.desc(name) for name in ORDER[measure.entity]])
        return rows.limit(size, offset=(page - 1) * size).select(*COLUMNS[measure.entity], "counts")

    def open_refunds(tables: asking.Tables) -> ibis.Table:
        return tables["now"].aggregate(n=tables["now"].is_whole_refund.sum())

    key = (measure.entity, measure.name)
    sums = ask(("evidence", *key), whole).to_pylist()[0]
    rows = ask(("evidence", *key, page, size), shown).to_pylist()
    refunds = 0 if is_of_visits else ask("open refunds", open_refunds).to_pylist()[0]["n"]
    return _Found(
        tuple(_localised(row, scene) for row in rows), sums["count"], sums["total"] or 0, refunds or 0
    )


def _localised(row: Mapping[str, Any], scene: Scene) -> dict[str, Any]:
    """Moments on the shop's clock."""
    return {
        name: value.replace(tzinfo=UTC).astimezone(scene.shop.zone) if isinstance(value, datetime) else value
        for name, value in row.items()
    }


def _days_anew(scene: Scene) -> dict[str, Any]:
    """The mean of days, from each day's own sums asked one by one."""
    by_day = summing.sums(scene, ["views", "visitor_days"], ["local_day"])
    found: dict[str, Any] = {"daily_views_per_visitor": 0, "days_with_visitors": 0}
    for day in by_day.values():
        found["daily_views_per_visitor"] += Fraction(int(day["views"]), int(day["visitor_days"]))
        found["days_with_visitors"] += 1
    return found
