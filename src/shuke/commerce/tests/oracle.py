"""Order facts in plain Python, slow and obvious: what the expression is held to."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Any

KIND_OF_EVENT = {"Order Completed": "sale", "Order Cancelled": "cancellation", "Order Refunded": "refund"}


def order_facts(lines: list[dict[str, Any]], events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows as dicts, in no order."""
    return _of_lines(lines) + [
        row for row in _of_events(events) if _key(row) not in {_key(r) for r in _of_lines(lines)}
    ]


def _key(row: dict[str, Any]) -> tuple:
    return row["shop_id"], row["local_day"], row["order_id"], row["kind"]


def _of_lines(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    statements: dict[tuple, list[dict[str, Any]]] = defaultdict(list)
    for line in lines:
        statements[line["shop_id"], line["local_day"], line["row_id"], line["content_id"]].append(line)
    orders: dict[tuple, list[dict[str, Any]]] = defaultdict(list)
    for statement in statements.values():
        if sum(line["sign"] for line in statement) > 0:
            orders[_key(statement[0])].append(statement[0])
    facts = []
    for (shop_id, day, order_id, kind), rows in orders.items():
        amounts = [row["amount_minor"] for row in rows]
        buyers = [row["buyer_id"] for row in rows if row["buyer_id"] is not None]
        facts.append(
            {
                "shop_id": shop_id,
                "local_day": day,
                "order_id": order_id,
                "kind": kind,
                "order_ref": rows[0]["order_ref"],
                "at": min(row["at"] for row in rows),
                "buyer_id": max(buyers, default=None),
                "visitor_id": None,
                "lines": len(rows),
                "quantity": sum((row["quantity"] for row in rows if row["quantity"] is not None), Decimal(0))
                if any(row["quantity"] is not None for row in rows)
                else None,
                "paid_minor": sum(a for a in amounts if a is not None and a > 0),
                "amount_minor": None if None in amounts else sum(amounts),
                "currency": rows[0]["currency"],
                "source": rows[0]["source"],
            }
        )
    return facts


def _of_events(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    told: dict[tuple, list[dict[str, Any]]] = defaultdict(list)
    for event in events:
        kind = KIND_OF_EVENT.get(event["name"])
        if event["type"] == "track" and kind and event["order_id"] is not None:
            told[event["shop_id"], event["local_day"], event["order_id"], kind].append(event)
    facts = []
    for (shop_id, day, order_id, kind), rows in told.items():
        rows = sorted(rows, key=lambda e: (e["at"], e["ord"], e["event_id"]))
        last = rows[-1]
        counted = rows if kind == "refund" else [last]
        amounts = [e["amount_minor"] for e in counted]
        if kind != "sale":
            amounts = [None if a is None else -abs(a) for a in amounts]
        units = [e["quantity"] for e in counted]
        if kind != "sale":
            units = [None if u is None else -abs(u) for u in units]
        people = [e["person_id"] for e in rows if e["person_id"] is not None]
        facts.append(
            {
                "shop_id": shop_id,
                "local_day": day,
                "order_id": order_id,
                "kind": kind,
                "order_ref": last["order_ref"],
                "at": rows[0]["at"],
                "buyer_id": last["person_id"] if last["person_id"] is not None else max(people, default=None),
                "visitor_id": last["visitor_id"],
                "lines": 0,
                "quantity": None if None in units else sum(units),
                "paid_minor": sum(a for a in amounts if a is not None and a > 0),
                "amount_minor": None if None in amounts else sum(amounts),
                "currency": last["currency"],
                "source": last["source"],
            }
        )
    return facts


def net_minor(facts: list[dict[str, Any]]) -> tuple[int, int]:
    """(net of all orders with whole-order refunds resolved, refunds that stay unknown)."""
    net = unknown = 0
    orders: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for fact in facts:
        orders[fact["order_id"]].append(fact)
    for rows in orders.values():
        stated = sum(r["amount_minor"] for r in rows if r["amount_minor"] is not None)
        wholes = [r for r in rows if r["amount_minor"] is None and r["kind"] in ("cancellation", "refund")]
        is_sold = any(r["kind"] == "sale" for r in rows)
        net += stated
        if wholes and is_sold:
            net -= max(0, stated)
        elif wholes:
            unknown += len(wholes)
    return net, unknown
