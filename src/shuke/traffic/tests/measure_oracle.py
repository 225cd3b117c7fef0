"""Every measure in plain Python, over lists of rows; the corpus holds the expressions of all engines to it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, date, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from shuke.kernel.periods import Period, day_start

Row = dict[str, Any]
Rows = Sequence[Row]


def _views(visits: Rows, *names: str) -> dict[tuple, int]:
    views: dict[tuple, int] = defaultdict(int)
    for visit in visits:
        views[tuple(visit[name] for name in names)] += visit["views"]
    return views


def _shares(visits: Rows) -> list[Fraction]:
    days = {v["local_day"] for v in visits}
    found = []
    for day in days:
        own = [v for v in visits if v["local_day"] == day]
        found.append(Fraction(sum(v["views"] for v in own), len({v["visitor_id"] for v in own})))
    return found


VISITS: dict[str, Callable[[Rows], Any]] = {
    "visits": len,
    "views": lambda v: sum(x["views"] for x in v),
    "viewed_visits": lambda v: sum(x["views"] >= 1 for x in v),
    "one_view_visits": lambda v: sum(x["views"] == 1 for x in v),
    "item_views": lambda v: sum(x["item_views"] for x in v),
    "item_exits": lambda v: sum(x["item_exits"] for x in v),
    "stay_seconds": lambda v: sum(x["stay_seconds"] for x in v),
    "measured_visits": lambda v: sum(x["views"] >= 2 for x in v),
    "carts": lambda v: sum(x["carts"] for x in v),
    "visitor_days": lambda v: len({(x["visitor_id"], x["local_day"]) for x in v}),
    "one_view_days": lambda v: sum(n == 1 for n in _views(v, "visitor_id", "local_day").values()),
    "visitors": lambda v: len({x["visitor_id"] for x in v}),
    "one_view_visitors": lambda v: sum(n == 1 for n in _views(v, "visitor_id").values()),
    "measured_visitors": lambda v: len({x["visitor_id"] for x in v if x["views"] >= 2}),
    "cart_visitors": lambda v: len({x["visitor_id"] for x in v if x["carts"]}),
    "daily_views_per_visitor": lambda v: sum(_shares(v), Fraction()),
    "days_with_visitors": lambda v: len(_shares(v)),
}


def _hour(moment: Any, period: Period, zone: ZoneInfo) -> int:
    elapsed = moment.replace(tzinfo=UTC) - day_start(period.start, zone)
    return elapsed // timedelta(hours=1)


def _grouped(
    rows: Rows, keys: Sequence[str], period: Period, zone: ZoneInfo, moment: str
) -> dict[tuple, list[Row]]:
    groups: dict[tuple, list[Row]] = defaultdict(list)
    if not keys:
        groups[()] = []
    for row in rows:
        own = {**row, "hour": _hour(row[moment], period, zone)}
        groups[tuple(own[key] for key in keys)].append(row)
    return groups


def visit_rows(
    visits: Rows, names: Sequence[str], keys: Sequence[str], period: Period, zone: ZoneInfo
) -> list[Row]:
    """One row per group: keys and measures."""
    groups = _grouped(visits, keys, period, zone, "started_at")
    return [
        dict(zip(keys, group, strict=True)) | {name: VISITS[name](rows) for name in names}
        for group, rows in groups.items()
    ]


def _resolved(facts: Rows) -> list[Row]:
    """Refunds of a whole order take what remains of it, once, at the first that says so; unknown without its sale."""
    rows = []
    for row in facts:
        amount = row["amount_minor"]
        if row["kind"] in ("cancellation", "refund") and amount is None:
            order = [r for r in facts if r["order_id"] == row["order_id"]]
            same = [r for r in order if r["kind"] in ("cancellation", "refund") and r["amount_minor"] is None]
            if any(r["kind"] == "sale" for r in order):
                first = min(same, key=lambda r: (r["local_day"], r["at"], r["kind"]))
                amount = -max(sum(r["amount_minor"] or 0 for r in order), 0) if first is row else 0
        rows.append({**row, "amount_minor": amount})
    return rows


def order_rows(
    facts: Rows, names: Sequence[str], keys: Sequence[str], period: Period, shop: Any
) -> list[Row]:
    """One row per group: keys and measures of the order facts of the period."""
    resolved = _resolved(facts)
    for row in resolved:
        if row["currency"] not in (None, shop.currency):
            row |= {"paid_minor": 0, "amount_minor": 0}
    groups = _grouped([r for r in resolved if r["local_day"] in period], keys, period, shop.zone, "at")
    found = []
    for group, rows in groups.items():
        sales = [r for r in rows if r["kind"] == "sale"]
        refunds = [r for r in rows if r["kind"] in ("cancellation", "refund")]
        buyers = {r["buyer_id"] for r in sales} - {None}
        before = group[keys.index("local_day")] if "local_day" in keys else period.start
        sums = {
            "paid_minor": sum(r["paid_minor"] for r in rows),
            "net_minor": sum(r["amount_minor"] or 0 for r in rows),
            "refunded_minor": -sum(r["amount_minor"] or 0 for r in refunds),
            "refunds": len(refunds),
            "units": sum(r["quantity"] or 0 for r in sales),
            "sales_with_units": sum(r["quantity"] is not None for r in sales),
            "orders": len({r["order_id"] for r in sales}),
            "cancelled_orders": len({r["order_id"] for r in rows if r["kind"] == "cancellation"}),
            "buyers": len(buyers),
            "old_buyers": len(buyers & _earlier_buyers(resolved, before)),
        }
        found.append(dict(zip(keys, group, strict=True)) | {name: sums[name] for name in names})
    return found


def _earlier_buyers(rows: Rows, day: date) -> set[Any]:
    """Who had paid in the 365 days before a day."""
    first = day - timedelta(days=365)
    return {r["buyer_id"] for r in rows if r["kind"] == "sale" and first <= r["local_day"] < day} - {None}
