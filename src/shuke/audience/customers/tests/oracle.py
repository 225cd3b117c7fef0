"""Customers counted slowly and plainly from the facts as the warehouse tells them: loops over dictionaries, no expression."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from shuke.warehouse import reads as warehouse

Row = Mapping[str, Any]


def facts_of(shop) -> dict[str, list[dict[str, Any]]]:
    def question(snapshot):
        told = {kind: snapshot.derived(kind) for kind in ("visits", "order_facts")}
        told["order_lines"] = snapshot.raw("order_lines")
        return {kind: warehouse.run(table).to_pylist() for kind, table in told.items()}

    return warehouse.ask(shop, warehouse.whole_life(shop.id), question)


def customers(facts: Mapping[str, Iterable[Row]], links: Mapping[int, int], currency: str) -> dict[int, dict]:
    """customer → first_at, last_at, visits, orders, gross_minor, net_minor, first_channel, region."""
    joined = dict(links) | {customer: customer for customer in links.values()}

    def of(person: int | None, device: int | None) -> int | None:
        if person is not None:
            return joined.get(person, person)
        return joined.get(device) if device is not None else None

    found: dict[int, dict] = {}

    def one(customer: int) -> dict:
        empty = {"moments": [], "visits": 0, "orders": 0, "gross_minor": 0, "net_minor": 0}
        return found.setdefault(customer, empty | {"channels": [], "regions": []})

    for visit in facts["visits"]:
        customer = of(visit["person_id"], visit["visitor_id"])
        if customer is not None:
            told = one(customer)
            told["visits"] += 1
            told["moments"] += [visit["started_at"], visit["ended_at"]]
            told["channels"].append((visit["started_at"], visit["visit_id"], visit["channel"]))
    for rows in _by_order(facts["order_facts"], currency).values():
        customer = of(*_whose(rows))
        if customer is not None:
            told = one(customer)
            sales = [row for row in rows if row["kind"] == "sale"]
            told["moments"].append(min(row["at"] for row in sales or rows))
            gross, net, is_order, remains = _worth(rows, sales)
            told["gross_minor"] += gross if is_order else 0
            told["net_minor"] += net
            told["orders"] += remains
    for line in facts["order_lines"]:
        if line["buyer_id"] is not None and line["region"] is not None and line["sign"] > 0:
            customer = of(line["buyer_id"], None)
            if customer in found:
                found[customer]["regions"].append((line["at"], -line["row_id"], line["region"]))
    return {customer: _told(row) for customer, row in found.items()}


def _by_order(facts: Iterable[Row], currency: str) -> dict[int, list[Row]]:
    orders: dict[int, list[Row]] = {}
    for row in facts:
        if row["currency"] in (None, currency):
            orders.setdefault(row["order_id"], []).append(row)
    return orders


def _whose(rows: list[Row]) -> tuple[int | None, int | None]:
    sales = [row for row in rows if row["kind"] == "sale"]

    def said(column: str) -> int | None:
        for some in (sales, rows):
            named = [row[column] for row in some if row[column] is not None]
            if named:
                return max(named)
        return None

    return said("buyer_id"), said("visitor_id")


def _worth(rows: list[Row], sales: list[Row]) -> tuple[int, int, bool, bool]:
    gross = sum(row["paid_minor"] for row in sales)
    net = sum(row["amount_minor"] or 0 for row in rows)
    is_whole = any(row["amount_minor"] is None and row["kind"] != "sale" for row in rows)
    if is_whole and sales:
        net = min(net, 0)
    is_order = gross > 0 or any(row["amount_minor"] is None for row in sales)
    if not sales or not is_order:
        return gross, net, False, False
    unstated = any(row["amount_minor"] is None for row in sales)
    came_back = any(row["kind"] != "sale" and row["amount_minor"] not in (None, 0) for row in rows)
    return gross, net, True, net > 0 or (unstated and not is_whole and not came_back)


def _told(row: dict) -> dict:
    channels, regions = sorted(row["channels"]), sorted(row["regions"])
    return {
        "first_at": min(row["moments"]),
        "last_at": max(row["moments"]),
        **{name: row[name] for name in ("visits", "orders", "gross_minor", "net_minor")},
        "first_channel": channels[0][2] if channels else None,
        "region": regions[-1][2] if regions else None,
    }
