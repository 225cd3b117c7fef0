"""Every metric in plain Python, from its words in the rulebook: one function each, over lists of rows.

`visits` are rows of visits, `orders` rows of order facts with refunds resolved, both of the period; `earlier` the order
facts of the 365 days before it. None: not computable.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from fractions import Fraction
from typing import Any

Row = dict[str, Any]
Rows = list[Row]


def _divided(a: int, b: int) -> Fraction | None:
    return Fraction(a, b) if b else None


def _by_day(visits: Rows) -> dict[Any, Rows]:
    days: dict[Any, Rows] = defaultdict(list)
    for visit in visits:
        days[visit["local_day"]].append(visit)
    return days


def _views_by(visits: Rows, *names: str) -> dict[tuple, int]:
    views: dict[tuple, int] = defaultdict(int)
    for visit in visits:
        views[tuple(visit[name] for name in names)] += visit["views"]
    return views


def visitors(visits: Rows) -> int:
    return len({v["visitor_id"] for v in visits})


def views(visits: Rows) -> int:
    return sum(v["views"] for v in visits)


def stay(visits: Rows) -> int:
    return sum(v["stay_seconds"] for v in visits)


def measurable(visits: Rows) -> Rows:
    return [v for v in visits if v["views"] >= 2]


def _one_view(counts: dict[tuple, int]) -> Fraction | None:
    return _divided(sum(n == 1 for n in counts.values()), len(counts))


def _mean_of_days(visits: Rows) -> Fraction | None:
    days = [Fraction(views(day), visitors(day)) for day in _by_day(visits).values()]
    return sum(days) / len(days) if days else None


def sales(orders: Rows) -> Rows:
    return [o for o in orders if o["kind"] == "sale"]


def buyers(orders: Rows) -> set[int]:
    return {o["buyer_id"] for o in sales(orders)} - {None}


def paid(orders: Rows) -> int:
    return sum(o["paid_minor"] for o in orders)


def order_count(orders: Rows, kind: str = "sale") -> int:
    return len({o["order_id"] for o in orders if o["kind"] == kind})


def units(orders: Rows) -> Any:
    known = [o["quantity"] for o in sales(orders) if o["quantity"] is not None]
    return sum(known) if known or not sales(orders) else None


def refunded(orders: Rows) -> int:
    return -sum(o["amount_minor"] or 0 for o in orders if o["kind"] in ("refund", "cancellation"))


VISIT_METRICS: dict[tuple[str, int], Callable[[Rows], Any]] = {
    ("pv", 1): views,
    ("uv_day", 1): lambda v: sum(visitors(day) for day in _by_day(v).values()),
    ("uv_period", 1): visitors,
    ("visits", 1): len,
    ("bounce_visitor", 1): lambda v: _one_view(_views_by(v, "local_day", "visitor_id")),
    ("bounce_visitor", 2): lambda v: _one_view(_views_by(v, "visitor_id")),
    ("bounce_entrance", 1): lambda v: _divided(
        sum(x["views"] == 1 for x in v), sum(x["views"] > 0 for x in v)
    ),
    ("bounce_page", 1): lambda v: _divided(sum(x["item_exits"] for x in v), sum(x["item_views"] for x in v)),
    ("views_per_visitor", 1): lambda v: _divided(views(v), visitors(v)),
    ("views_per_visitor", 2): _mean_of_days,
    ("stay_per_visitor", 1): lambda v: _divided(stay(v), visitors(v)),
    ("stay_per_visitor", 2): lambda v: _divided(stay(v), visitors(measurable(v))),
    ("stay_per_visit", 1): lambda v: _divided(stay(v), len(measurable(v))),
    ("depth", 1): lambda v: _divided(views(v), len(v)),
    ("carts", 1): lambda v: sum(x["carts"] for x in v),
    ("cart_rate", 1): lambda v: _divided(visitors([x for x in v if x["carts"]]), visitors(v)),
}

ORDER_METRICS: dict[tuple[str, int], Callable[[Rows, Rows, Rows], Any]] = {
    ("buyers", 1): lambda v, o, e: len(buyers(o)),
    ("old_buyers", 1): lambda v, o, e: len(buyers(o) & buyers(e)),
    ("orders", 1): lambda v, o, e: order_count(o),
    ("cancelled_orders", 1): lambda v, o, e: order_count(o, "cancellation"),
    ("conversion", 1): lambda v, o, e: _divided(len(buyers(o)), visitors(v)),
    ("amount_paid", 1): lambda v, o, e: paid(o),
    ("amount_net", 1): lambda v, o, e: sum(x["amount_minor"] or 0 for x in o),
    ("amount_refunded", 1): lambda v, o, e: refunded(o),
    ("value_per_buyer", 1): lambda v, o, e: _divided(paid(o), len(buyers(o))),
    ("value_per_order", 1): lambda v, o, e: _divided(paid(o), order_count(o)),
    ("value_per_visitor", 1): lambda v, o, e: _divided(paid(o), visitors(v)),
    ("units", 1): lambda v, o, e: units(o),
}

# By source or under a condition: what the visits themselves completed.
BY_VISIT: dict[tuple[str, int], Callable[[Rows], Any]] = {
    ("buyers", 1): lambda v: visitors([x for x in v if x["orders"]]),
    ("orders", 1): lambda v: sum(x["orders"] for x in v),
    ("conversion", 1): lambda v: _divided(visitors([x for x in v if x["orders"]]), visitors(v)),
    ("amount_paid", 1): lambda v: sum(x["revenue_minor"] for x in v),
    ("value_per_visitor", 1): lambda v: _divided(sum(x["revenue_minor"] for x in v), visitors(v)),
    ("value_per_buyer", 1): lambda v: _divided(
        sum(x["revenue_minor"] for x in v), visitors([x for x in v if x["orders"]])
    ),
    ("value_per_order", 1): lambda v: _divided(
        sum(x["revenue_minor"] for x in v), sum(x["orders"] for x in v)
    ),
}


def every_metric(visits: Rows, orders: Rows, earlier: Rows) -> dict[tuple[str, int], Any]:
    """(id, version) → exact value, or None."""
    found = {key: rule(visits) for key, rule in VISIT_METRICS.items()}
    return found | {key: rule(visits, orders, earlier) for key, rule in ORDER_METRICS.items()}


def every_metric_by_visit(visits: Rows) -> dict[tuple[str, int], Any]:
    """The same of chosen visits; None also for what visits do not tell."""
    found: dict[tuple[str, int], Any] = dict.fromkeys(ORDER_METRICS)
    return found | {key: rule(visits) for key, rule in (VISIT_METRICS | BY_VISIT).items()}
