"""Everything that is known of each customer, gathered slowly and plainly from a drawn shop's facts: loops over dictionaries."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from shuke.audience.customers.tests import oracle as customers
from shuke.traffic.items.tests import oracle as items
from shuke.traffic.tests.facts import RULES

Row = dict[str, Any]
SERIES = ("orders", "paid_orders", "items", "visits", "deeds")
VISIT = ("channel", "is_paid", "source", "medium", "campaign", "entry_path", "entry_type", "terminal")


def known(life: Any, links: Mapping[int, int], at: datetime) -> dict[int, Row]:
    """customer → {fields, series, groups} as of a moment, as conditions.tests.beyond_oracle reads them."""
    joined = dict(links) | {one: one for one in links.values()}
    naive = at.astimezone(UTC).replace(tzinfo=None)
    facts = customers.facts_of(life.shop)
    found: dict[int, Row] = {}

    def of(person: int | None, device: int | None) -> int | None:
        if person is not None:
            return joined.get(person, person)
        return joined.get(device) if device is not None else None

    def tell(customer: int | None, series: str, row: Row, fact_id: Any, moment: datetime) -> None:
        if customer is not None:
            one = found.setdefault(
                customer, {"fields": {}, "series": {name: [] for name in SERIES}, "groups": set()}
            )
            fact = row | {"fact_id": fact_id, "at": moment.replace(tzinfo=UTC)}
            one["series"][series].append(fact)

    seen: dict[int, Row] = {}

    def note(customer: int | None, day: Any, **sums: int) -> None:
        if customer is not None:
            one = seen.setdefault(customer, {"days": [], "visits": 0, "orders": 0, "net": 0, "paid": 0})
            one["days"].append(day)
            for name, value in sums.items():
                one[name] += value

    for visit in facts["visits"]:
        if visit["started_at"] > naive:
            continue
        customer = of(visit["person_id"], visit["visitor_id"])
        row = {name: visit[name] for name in (*VISIT, "local_day")} | {"is_one_page": visit["views"] == 1}
        tell(customer, "visits", row, visit["visit_id"], visit["started_at"])
        note(customer, visit["local_day"], visits=1)
    standing: dict[int, int] = {}
    movements = [row for row in facts["order_facts"] if row["at"] <= naive]
    for order_id, rows in customers._by_order(movements, life.shop.currency).items():
        customer = of(*customers._whose(rows))
        sales = [row for row in rows if row["kind"] == "sale"]
        gross, net, is_order, remains = customers._worth(rows, sales)
        counted = sales or rows
        moment, day = min(row["at"] for row in counted), min(row["local_day"] for row in counted)
        note(customer, day, orders=int(remains), net=net, paid=gross if is_order else 0)
        row = {"local_day": day, "order_net": net, "order_paid": gross}
        if is_order:
            tell(customer, "paid_orders", row, order_id, moment)
        if remains and customer is not None:
            tell(customer, "orders", row, order_id, moment)
            standing[order_id] = customer
    events = [event for event in life.events if event["at"] <= naive]
    deeds = items.named(items.deeds(events, RULES, life.shop.currency))
    lines = [line for line in life.lines if line["at"] <= naive]
    for sold in items.sales(deeds, lines, life.shop.currency):
        row = {"local_day": sold["local_day"], "item_ref": sold["product_ref"], "item_title": sold["title"]}
        row |= {"item_units": sold["units"], "item_amount": sold["amount_minor"]}
        tell(standing.get(sold["order_id"]), "items", row, repr(sold), sold["at"])
    for event in events:
        if event["type"] in ("track", "page", "screen"):
            name = event["name"] if event["type"] == "track" else event["type"]
            row = {"local_day": event["local_day"], "deed_name": name, "deed_item": event["product_ref"]}
            row |= {"deed_page": event["page_path"], "deed_page_type": event["page_type"]}
            tell(of(event["person_id"], event["visitor_id"]), "deeds", row, event["event_id"], event["at"])
    for customer in list(found):
        if customer not in seen:
            del found[customer]  # nobody who only did what makes no visit and no order
    for customer, one in seen.items():
        told = found.setdefault(
            customer, {"fields": {}, "series": {name: [] for name in SERIES}, "groups": set()}
        )
        told["fields"] = {
            "first_seen_on": min(one["days"]),
            "last_seen_on": max(one["days"]),
            "visits_ever": one["visits"],
            "orders_ever": one["orders"],
            "net_amount": one["net"],
            "paid_amount": one["paid"],
        }
    return found
