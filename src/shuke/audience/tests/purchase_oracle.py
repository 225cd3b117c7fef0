"""Purchases in plain Python, slow and obvious: what the expressions are held to."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import Any

Row = dict[str, Any]


def orders(
    facts: list[Row], currency: str, links: dict[int, int] | None = None, tiny: set[int] | None = None
) -> list[Row]:
    """ORDERS of `order_facts` rows, by order_id."""
    links, tiny = links or {}, tiny or set()
    by_order: dict[int, list[Row]] = defaultdict(list)
    for fact in facts:
        if fact["currency"] in (None, currency):
            by_order[fact["order_id"]].append(fact)
    return [_order(order_id, rows, links, order_id in tiny) for order_id, rows in sorted(by_order.items())]


def _order(order_id: int, rows: list[Row], links: dict[int, int], is_tiny: bool) -> Row:
    sales = [r for r in rows if r["kind"] == "sale"]
    others = [r for r in rows if r["kind"] != "sale"]
    wholes = [r for r in others if r["amount_minor"] is None and r["kind"] in ("cancellation", "refund")]
    unstated = [r for r in sales if r["amount_minor"] is None]
    gross = sum(r["paid_minor"] for r in sales)
    net = sum(r["amount_minor"] or 0 for r in rows)
    if wholes and sales:
        net -= max(0, net)
    back = sum(r["amount_minor"] or 0 for r in others)
    counts = bool(sales) and bool(gross > 0 or unstated or is_tiny)
    remains = net > 0 or bool((unstated or is_tiny) and not wholes and back == 0)
    told = sales or rows
    first = min(told, key=lambda r: r["at"])

    def named(column: str) -> int | None:
        for some in (sales, rows):
            known = [r[column] for r in some if r[column] is not None]
            if known:
                return max(known)
        return None

    buyer, device = named("buyer_id"), named("visitor_id")
    customer = None
    if buyer is not None:
        customer = links.get(buyer, buyer)
    elif device is not None:
        customer = links.get(device)
    return {
        "order_id": order_id,
        "customer_id": customer,
        "at": first["at"],
        "local_day": first["local_day"],
        "gross_minor": gross,
        "net_minor": net,
        "is_gross": int(counts),
        "is_netted": int(counts and remains),
        "has_sale": int(bool(sales)),
        "unstated": len(unstated),
        "unknown": 0 if sales else len(wholes),
        "back_minor": back,
        "back": len(others),
    }


def customers(found: list[Row], version: str, within: tuple[date, date] | None = None) -> dict[int, Row]:
    """customer_id → CUSTOMERS of a version, from `orders`."""
    by_customer: dict[int, list[Row]] = defaultdict(list)
    for order in found:
        if order["customer_id"] is None or (version == "gross" and not order["is_gross"]):
            continue
        if within is None or within[0] <= order["local_day"] < within[1]:
            by_customer[order["customer_id"]].append(order)
    told = {}
    for customer, rows in by_customer.items():
        counted = [r for r in rows if r["is_gross" if version == "gross" else "is_netted"]]
        gross = sum(r["gross_minor"] for r in rows if r["is_gross"])
        net = sum(r["net_minor"] for r in rows)
        told[customer] = {
            "customer_id": customer,
            "orders": len(counted),
            "days": len({r["local_day"] for r in counted}),
            "first_at": min((r["at"] for r in counted), default=None),
            "last_at": max((r["at"] for r in counted), default=None),
            "first_day": min((r["local_day"] for r in counted), default=None),
            "last_day": max((r["local_day"] for r in counted), default=None),
            "amount_minor": gross if version == "gross" else net,
            "gross_minor": gross,
            "net_minor": net,
        }
    return told
