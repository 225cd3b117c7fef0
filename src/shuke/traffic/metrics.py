"""The metrics of traffic as declarations: a numerator over a denominator, both named measures (measures.py).

Words, definitions and sources stand in the rulebook (`rules/common/metrics.yaml`); here stands how each is computed. A
test holds the two together: every version there is declared here with the same unit, grain, direction and default.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from shuke.kernel.errors import NotFound
from shuke.rulebook.reads import MetricDefinition, metric_definition
from shuke.traffic.measures import MEASURES

Unit = Literal["count", "ratio", "seconds", "money", "number"]


@dataclass(frozen=True)
class Metric:
    """One version of a metric. `money` is in minor units of the shop's currency, `ratio` lies from 0 to 1 (a whole is 1).

    `numerator` and `denominator` name measures; without a denominator the numerator is the number. `cases` is the measure
    that says on how many cases the number rests; `known_by` the one that says of how many of them it is known at all: where
    there are cases and none is known, there is no number.
    """

    id: str
    version: int
    unit: Unit
    grain: str
    better: Literal["up", "down"] | None
    numerator: str
    denominator: str | None = None
    cases: str = ""
    known_by: str = ""
    is_default: bool = True

    @property
    def dataset(self) -> str:
        """The derived kind that the numerator is counted from."""
        return MEASURES[self.numerator].dataset

    @property
    def evidence(self) -> str:
        """What stands behind the number: visits, visitors, orders or buyers."""
        return MEASURES[self.numerator].evidence

    @property
    def measures(self) -> tuple[str, ...]:
        """All measures that it needs."""
        named = (self.numerator, self.denominator, self.cases, self.known_by)
        return tuple(dict.fromkeys(name for name in named if name))

    @property
    def definition(self) -> MetricDefinition:
        """Its words, formula and sources in the rulebook."""
        return metric_definition(self.id, self.version)


METRICS: tuple[Metric, ...] = (
    Metric("pv", 1, "count", "view", "up", "views", cases="views"),
    Metric("uv_day", 1, "count", "visitor_day", "up", "visitor_days", cases="visitor_days"),
    Metric("uv_period", 1, "count", "visitor", "up", "visitors", cases="visitors"),
    Metric("visits", 1, "count", "visit", "up", "visits", cases="visits"),
    Metric("bounce_visitor", 1, "ratio", "visitor_day", "down", "one_view_days", "visitor_days"),
    Metric("bounce_visitor", 2, "ratio", "visitor", "down", "one_view_visitors", "visitors", is_default=False),
    Metric("bounce_entrance", 1, "ratio", "entrance", "down", "one_view_visits", "viewed_visits"),
    Metric("bounce_page", 1, "ratio", "view", "down", "item_exits", "item_views"),
    Metric("views_per_visitor", 1, "number", "visitor", "up", "views", "visitors"),
    Metric(
        "views_per_visitor", 2, "number", "visitor_day", "up", "daily_views_per_visitor", "days_with_visitors",
        cases="visitor_days", is_default=False,
    ),
    Metric("stay_per_visitor", 1, "seconds", "visitor", "up", "stay_seconds", "visitors"),
    Metric("stay_per_visitor", 2, "seconds", "visitor", "up", "stay_seconds", "measured_visitors", is_default=False),
    Metric("stay_per_visit", 1, "seconds", "visit", "up", "stay_seconds", "measured_visits"),
    Metric("depth", 1, "number", "visit", "up", "views", "visits"),
    Metric("carts", 1, "count", "visit", "up", "carts", cases="carts"),
    Metric("cart_rate", 1, "ratio", "visitor", "up", "cart_visitors", "visitors"),
    Metric("buyers", 1, "count", "buyer", "up", "buyers", cases="buyers"),
    Metric("old_buyers", 1, "count", "buyer", "up", "old_buyers", cases="old_buyers"),
    Metric("orders", 1, "count", "order", "up", "orders", cases="orders"),
    Metric("cancelled_orders", 1, "count", "order", "down", "cancelled_orders", cases="cancelled_orders"),
    Metric("conversion", 1, "ratio", "visitor", "up", "buyers", "visitors"),
    Metric("amount_paid", 1, "money", "order", "up", "paid_minor", cases="orders"),
    Metric("amount_net", 1, "money", "order", "up", "net_minor", cases="orders"),
    Metric("amount_refunded", 1, "money", "order", "down", "refunded_minor", cases="refunds"),
    Metric("value_per_buyer", 1, "money", "buyer", "up", "paid_minor", "buyers"),
    Metric("value_per_order", 1, "money", "order", "up", "paid_minor", "orders"),
    Metric("value_per_visitor", 1, "money", "visitor", "up", "paid_minor", "visitors"),
    Metric("units", 1, "number", "line", "up", "units", cases="orders", known_by="sales_with_units"),
)  # fmt: skip


def metric(id: str, version: int | None = None) -> Metric:
    """One version of a metric, or its default. Raises NotFound."""
    for one in METRICS:
        if one.id == id and (one.version == version or (version is None and one.is_default)):
            return one
    raise NotFound(field="metric", value=id if version is None else f"{id} v{version}")


def versions(id: str) -> tuple[Metric, ...]:
    """All versions of one metric, oldest first. Raises NotFound."""
    found = tuple(one for one in METRICS if one.id == id)
    if not found:
        raise NotFound(field="metric", value=id)
    return found
