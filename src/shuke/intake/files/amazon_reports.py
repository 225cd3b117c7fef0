"""Amazon's reports in JSON, recognised by their structure, as rows: one for each metric, day, item, coupon, promotion.

What a report says of itself is kept as it stands. Where an account-health metric contradicts itself, that stands beside
it (`finding`): its counts do not give its rate, its part is larger than its whole, its status is not what its target
says, its period ends before it begins.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

COLUMNS = [
    "report",
    "metric",
    "marketplace",
    "item",
    "from",
    "to",
    "status",
    "reported",
    "counted",
    "target",
    "finding",
    "amount",
    "currency",
    "quantity",
    "rest",
]
NO_ITEM = "all"
Row = dict[str, str]
# The list of each report's rows, what its rows are called, and where their names, amounts and counts stand.
_LISTS = {
    "salesAndTrafficByDate": ("sales_and_traffic", "by_date"),
    "salesAndTrafficByAsin": ("sales_and_traffic", "by_item"),
    "promotions": ("promotions", "promotion"),
    "coupons": ("coupons", "coupon"),
    "dataByAsin": ("repeat_purchase", "by_item"),
}
_NAMES = ("promotionId", "couponId", "sku", "childAsin", "asin", "parentAsin")
_AMOUNTS = ("orderedProductSales", "repeatPurchaseRevenue", "revenue", "sales")
_COUNTS = ("unitsOrdered", "unitsSold", "orders", "redemptions")
# Part and whole, of which a metric's rate is made.
_PARTS = (
    ("lateShipmentCount", "orderCount"),
    ("cancellationCount", "orderCount"),
    ("onTimeDeliveryCount", "shipmentCountWithValidTracking"),
    ("unitOnTimeDeliveryCount", "totalUnitCount"),
    ("validTrackingCount", "shipmentCount"),
    ("invoiceDefect", "orderCount"),
    ("orderWithDefects", "orderCount"),
)
NEAR = 0.0005
FINDINGS = {
    "rate_differs": _("its counts do not give its rate"),
    "part_exceeds_whole": _("its part is larger than its whole"),
    "counts_swapped": _("its two counts are swapped: the other way round they give its rate"),
    "status_against_target": _("its status is not what its target says"),
    "ends_before_it_begins": _("its period ends before it begins"),
}


def is_report(raw: Any) -> bool:
    """Whether a JSON text is one of these reports, told by its structure."""
    if not isinstance(raw, Mapping):
        return False
    return isinstance(raw.get("performanceMetrics"), list) or any(
        isinstance(raw.get(k), list) for k in _LISTS
    )


def report_rows(raw: Mapping[str, Any]) -> list[Row]:
    """The rows of a report, each with every one of COLUMNS."""
    found = list(_health(raw)) if isinstance(raw.get("performanceMetrics"), list) else list(_listed(raw))
    return [{column: str(row.get(column, "")) for column in COLUMNS} for row in found]


def _health(raw: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    last = ""
    for metrics in _tables(raw["performanceMetrics"]):
        where = metrics.get("marketplaceId") or NO_ITEM
        for name, metric in metrics.items():
            parts = {name: metric}
            if isinstance(metric, Mapping) and "reportingDateRange" not in metric:
                parts = {f"{name}.{part}": one for part, one in metric.items()}
            for full, one in parts.items():
                if isinstance(one, Mapping) and isinstance(one.get("reportingDateRange"), Mapping):
                    row = _metric(full, one)
                    last = max(last, str(row["to"]))
                    yield {"marketplace": where, **row}
    for account in _tables(raw.get("accountStatuses") or []):
        yield {
            "report": "account_health",
            "metric": "accountStatus",
            "item": NO_ITEM,
            "marketplace": account.get("marketplaceId") or NO_ITEM,
            "from": last,
            "to": last,
            "status": account.get("status", ""),
        }


def _metric(name: str, metric: Mapping[str, Any]) -> dict[str, Any]:
    period = metric["reportingDateRange"]
    counted = _counted(metric)
    target = f"{metric.get('targetCondition', '')} {metric.get('targetValue', '')}".strip()
    rest = {k: v for k, v in metric.items() if k != "reportingDateRange"}
    return {
        "report": "account_health",
        "metric": name,
        "item": NO_ITEM,
        "from": period.get("reportingDateFrom", ""),
        "to": period.get("reportingDateTo", ""),
        "status": metric.get("status") or metric.get("ahrStatus") or "",
        "reported": metric.get("rate", metric.get("defectsCount", "")),
        "counted": "" if counted is None else round(counted, 4),
        "target": target,
        "finding": " ".join(findings(metric)),
        "rest": json.dumps(rest, ensure_ascii=False),
    }


def findings(metric: Mapping[str, Any]) -> list[str]:
    """Where a metric contradicts itself, as codes of FINDINGS."""
    found = []
    rate, counts = _number(metric.get("rate")), _part_and_whole(metric)
    if counts is not None:
        part, whole = counts
        if part > whole:
            found.append("part_exceeds_whole")
            if rate is not None and part and abs(whole / part - rate) < NEAR:
                found.append("counts_swapped")
        elif rate is not None and whole and abs(part / whole - rate) >= NEAR:
            found.append("rate_differs")
    value = rate if rate is not None else _number(metric.get("defectsCount"))
    target, condition, status = (
        _number(metric.get("targetValue")),
        metric.get("targetCondition"),
        metric.get("status"),
    )
    if value is not None and target is not None and status in ("GOOD", "BAD"):
        is_met = {"LESS_THAN": value < target, "GREATER_THAN": value > target, "EQUALS": value == target}
        if condition in is_met and is_met[condition] is not (status == "GOOD"):
            found.append("status_against_target")
    period = metric.get("reportingDateRange") or {}
    if str(period.get("reportingDateFrom", "")) > str(period.get("reportingDateTo", "~")):
        found.append("ends_before_it_begins")
    return found


def _part_and_whole(metric: Mapping[str, Any]) -> tuple[float, float] | None:
    for part, whole in _PARTS:
        if part in metric and whole in metric:
            one = metric[part].get("count") if isinstance(metric[part], Mapping) else metric[part]
            some, all_ = _number(one), _number(metric[whole])
            return None if some is None or all_ is None else (some, all_)
    return None


def _counted(metric: Mapping[str, Any]) -> float | None:
    counts = _part_and_whole(metric)
    return None if counts is None or not counts[1] else counts[0] / counts[1]


def _listed(raw: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    told = raw.get("reportSpecification") or {}
    options = told.get("reportOptions") or {}
    steps = {"by_date": options.get("dateGranularity"), "by_item": options.get("asinGranularity")}
    markets = ",".join(told.get("marketplaceIds") or []) or NO_ITEM
    for name, (report, metric) in _LISTS.items():
        for one in _tables(raw.get(name) or []):
            flat = {**one, **(one.get("salesByDate") or {}), **(one.get("salesByAsin") or {})}
            amount, currency = _amount(flat)
            begun = (
                one.get("date")
                or one.get("startDate")
                or one.get("startDateTime")
                or told.get("dataStartTime")
            )
            ended = one.get("endDate") or one.get("endDateTime") or one.get("date") or told.get("dataEndTime")
            yield {
                "report": report,
                # A week is no day: each step of a report is a row of its own.
                "metric": f"{metric}.{str(steps[metric]).lower()}" if steps.get(metric) else metric,
                "marketplace": one.get("marketplaceId") or markets,
                "item": next((one[k] for k in _NAMES if one.get(k)), NO_ITEM),
                "from": begun or "",
                "to": ended or "",
                "status": one.get("status", ""),
                "amount": amount,
                "currency": currency,
                "quantity": next((flat[k] for k in _COUNTS if k in flat), ""),
                "rest": json.dumps(one, ensure_ascii=False),
            }


def _amount(row: Mapping[str, Any]) -> tuple[Any, str]:
    for name in _AMOUNTS:
        value = row.get(name)
        if isinstance(value, Mapping):
            return value.get("amount", ""), str(value.get("currencyCode", ""))
        if value is not None:
            return value, str(row.get(f"{name}CurrencyCode") or row.get("currencyCode") or "")
    return "", ""


def _tables(items: Any) -> Iterator[Mapping[str, Any]]:
    return (one for one in items if isinstance(one, Mapping))


def _number(value: Any) -> float | None:
    return None if isinstance(value, bool) or not isinstance(value, int | float) else float(value)
