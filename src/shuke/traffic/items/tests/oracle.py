"""Slow, obvious and in plain Python: what was done with which item. Deeds, sales and numbers are held to this.

Events and order lines are dicts with the names of the warehouse's columns; moments are naive UTC.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from shuke.traffic.channels import LANDING, channel_of
from shuke.traffic.tests import oracle as visits_oracle

Row = dict[str, Any]
EPOCH = datetime(1970, 1, 1)
CARTS = ("Product Added", "Wishlist Product Added to Cart")


def order_of(event: Row) -> tuple:
    return event["at"], event["ord"], event["event_id"]


def deeds(events: Iterable[Row], eras: Sequence[Any], currency: str) -> list[Row]:
    """What was done, before it is known which item a page shows (`named`)."""
    found: list[Row] = []
    days: dict[tuple, list[Row]] = defaultdict(list)
    for event in events:
        days[event["shop_id"], event["local_day"], event["visitor_id"]].append(event)
        signs = (event["anonymous_ref"], event["page_path"], event["session_ref"])
        if event["type"] == "track" and signs == (None, None, None) and _is_order(event):
            found += _lines(event, "order", None, currency)
    for (_shop, day, _visitor), own in sorted(days.items()):
        own = sorted(own, key=order_of)
        era = [r for r in eras if r.since <= day][-1] if eras[0].since <= day else eras[0]
        for visit in visits_oracle._cut(own, era, None):
            found += _of_visit([e for e in visit if e["type"] in visits_oracle.ACTIVITY], era, currency)
    return found


def _is_order(event: Row) -> bool:
    return event["name"] == "Order Completed" and event["order_id"] is not None


def _of_visit(visit: list[Row], era: Any, currency: str) -> list[Row]:
    first = visit[0]
    channel, is_paid = channel_of({name: first[name] or None for name in LANDING}, era.classification)
    who = {"visit_id": first["event_id"], "channel": channel, "is_paid": is_paid}
    found: list[Row] = []
    is_view = [event["type"] in visits_oracle.VIEWS for event in visit]
    item_of: dict[int, str | None] = {}
    titles: dict[int, str | None] = {}
    own: list[int] = []
    for n, event in enumerate(visit):
        if is_view[n] and (event["page_type"] == "item" or event["product_ref"]):
            item_of[n] = event["product_ref"] or None
    for n, event in enumerate(visit):
        if event["type"] == "track" and event["name"] == "Product Viewed" and event["product_ref"]:
            page = _page_of(visit, is_view, n)
            if page is not None and item_of.get(page) is None:
                item_of[page] = event["product_ref"]
            if page is not None and item_of[page] == event["product_ref"]:
                titles.setdefault(page, _title(event))
            else:
                own.append(n)
                titles[n] = _title(event)
    seen = sorted({n for n in range(len(visit)) if is_view[n]} | set(own))
    for n in sorted({*item_of, *own}):
        event = visit[n]
        later = [m for m in seen if m > n]
        found.append(
            _deed(event, "view", who)
            | {
                "product_ref": item_of[n] if n in item_of else event["product_ref"],
                "page_path": event["page_path"] if n in item_of else None,
                "title": titles.get(n),
                "is_exit": int(not later),
                "stay_seconds": _second(visit[later[0]]) - _second(event) if later else None,
            }
        )
    for n, event in enumerate(visit):
        if event["type"] != "track":
            continue
        if event["name"] in (*CARTS, "Product Added to Wishlist"):
            page = _page_of(visit, is_view, n)
            if event["product_ref"] or page is not None:
                found.append(
                    _deed(event, "cart" if event["name"] in CARTS else "favourite", who)
                    | {
                        "product_ref": event["product_ref"] or None,
                        "page_path": visit[page]["page_path"] if page is not None else None,
                        "title": _title(event),
                    }
                )
        elif event["name"] == "Checkout Started":
            found += _lines(event, "checkout", who, currency)
        elif _is_order(event):
            found += _lines(event, "order", who, currency)
    return found


def _page_of(visit: list[Row], is_view: list[bool], n: int) -> int | None:
    """The place of the item page that a deed stands on."""
    path = visit[n]["page_path"]
    before = [m for m in range(n) if is_view[m]]
    if before and visit[before[-1]]["page_type"] == "item" and path in (None, visit[before[-1]]["page_path"]):
        return before[-1]
    after = [m for m in range(n + 1, len(visit)) if is_view[m]]
    if after and path is not None:
        page = visit[after[0]]
        is_soon = page["at"] - visit[n]["at"] <= timedelta(seconds=1)
        if is_soon and page["page_type"] == "item" and page["page_path"] == path:
            return after[0]
    return None


def _deed(event: Row, deed: str, who: Row | None) -> Row:
    names = ("shop_id", "local_day", "visitor_id", "person_id", "event_id", "at", "ord")
    empty = {"visit_id": None, "channel": None, "is_paid": None}
    rest = ("product_ref", "page_path", "title", "stay_seconds", "order_id", "quantity", "amount_minor")
    made = {name: event[name] for name in names} | (who or empty) | dict.fromkeys(rest)
    return made | {"line": 0, "deed": deed, "is_exit": 0, "currency": None}


def _second(event: Row) -> int:
    return (event["at"] - EPOCH) // timedelta(seconds=1)


def _given(event: Row) -> Row:
    return json.loads(event["properties"] or "{}", parse_float=Decimal)


def _title(event: Row) -> str | None:
    return _given(event).get("name")


def _lines(event: Row, deed: str, who: Row | None, currency: str) -> list[Row]:
    given = _given(event)
    rows = []
    named = [p for p in given.get("products", [given]) if p.get("product_id") or p.get("sku")]
    for line, product in enumerate(named):
        row = _deed(event, deed, who) | {"line": line, "title": product.get("name")}
        row["product_ref"] = str(product.get("product_id") or product.get("sku"))
        if deed == "order":
            units = Decimal(product.get("quantity", 1))
            own = product.get("currency") or event["currency"] or given.get("currency") or currency
            price = product.get("price")
            row |= {"order_id": event["order_id"], "quantity": units, "currency": own}
            if price is not None:
                digits = Decimal(1) if own == "JPY" else Decimal(100)
                row["amount_minor"] = int(
                    (Decimal(price) * units * digits).quantize(Decimal(1), rounding=ROUND_HALF_UP)
                )
        rows.append(row)
    return rows


def named(rows: list[Row]) -> list[Row]:
    """Each deed with its item: as stated, as the day's events say of the page, or the page itself."""
    said: dict[tuple, set[str]] = defaultdict(set)
    for row in rows:
        if row["deed"] == "view" and row["product_ref"] and row["page_path"]:
            said[row["shop_id"], row["local_day"], row["page_path"]].add(row["product_ref"])
    found = []
    for row in rows:
        ref = row["product_ref"]
        if ref is None:
            refs = said[row["shop_id"], row["local_day"], row["page_path"]]
            ref = next(iter(refs)) if len(refs) == 1 else row["page_path"]
        found.append(row | {"product_ref": ref})
    return found


def sales(rows: list[Row], order_lines: Iterable[Row], currency: str) -> list[Row]:
    """One row an order, day and item, from `named` deeds and order lines."""
    by_order: dict[tuple, list[Row]] = defaultdict(list)
    for row in rows:
        if row["deed"] == "order":
            by_order[row["shop_id"], row["local_day"], row["order_id"]].append(row)
    found = []
    for (shop, day, order), told in by_order.items():
        told = sorted(told, key=order_of)
        last = [row for row in told if row["event_id"] == told[-1]["event_id"]]
        seen = [row for row in told if row["visit_id"] is not None]
        known = [row["person_id"] for row in told if row["person_id"] is not None]
        buyer = known[-1] if known else seen[-1]["visitor_id"] if seen else last[0]["visitor_id"]
        for ref in {row["product_ref"] for row in last}:
            lines = [row for row in last if row["product_ref"] == ref]
            own = [r for r in lines if r["currency"] in (None, currency) and r["amount_minor"] is not None]
            found.append(
                {
                    "shop_id": shop,
                    "local_day": day,
                    "order_id": order,
                    "product_ref": ref,
                    "at": told[0]["at"],
                    "visitor_id": seen[-1]["visitor_id"] if seen else None,
                    "channel": seen[-1]["channel"] if seen else None,
                    "is_paid": seen[-1]["is_paid"] if seen else None,
                    "buyer_id": buyer,
                    "title": max((r["title"] for r in lines if r["title"]), default=None),
                    "units": sum(row["quantity"] for row in lines),
                    "amount_minor": sum(row["amount_minor"] for row in own),
                    "without_amount": len(lines) - len(own),
                    "is_file": 0,
                }
            )
    return found + _of_files(order_lines, set(by_order), currency)


def _of_files(order_lines: Iterable[Row], told: set[tuple], currency: str) -> list[Row]:
    statements: dict[tuple, list[Row]] = defaultdict(list)
    for row in order_lines:
        if row["kind"] == "sale":
            statements[row["shop_id"], row["local_day"], row["row_id"], row["content_id"]].append(row)
    groups: dict[tuple, list[Row]] = defaultdict(list)
    for rows in statements.values():
        row = rows[0]
        ref = row["product_ref"] or row["title"]
        key = row["shop_id"], row["local_day"], row["order_id"]
        if sum(r["sign"] for r in rows) > 0 and ref and key not in told:
            groups[*key, ref].append(row)
    found = []
    for (shop, day, order, ref), rows in groups.items():
        own = [r for r in rows if r["currency"] in (None, currency)]
        # Lines of one item in one foreign currency are one thing without an amount in the shop's.
        foreign = {r["currency"] for r in rows} - {None, currency}
        unstated = sum(r["amount_minor"] is None for r in rows)
        found.append(
            {
                "shop_id": shop,
                "local_day": day,
                "order_id": order,
                "product_ref": ref,
                "at": min(r["at"] for r in rows),
                "visitor_id": None,
                "channel": None,
                "is_paid": None,
                "buyer_id": max((r["buyer_id"] for r in rows if r["buyer_id"] is not None), default=None),
                "title": max((r["title"] for r in rows if r["title"]), default=None),
                "units": sum(r["quantity"] or 0 for r in rows),
                "amount_minor": sum(r["amount_minor"] or 0 for r in own),
                "without_amount": unstated + len(foreign),
                "is_file": 1,
            }
        )
    return found


def hot(rows: list[Row], sold: list[Row], start: datetime, moment: datetime) -> dict[str, Row]:
    """By item what was done and sold in [start, moment)."""
    found: dict[str, Row] = defaultdict(lambda: {"views": 0, "who": set(), "carts": set(), "buyers": set()})
    for row in rows:
        if start <= row["at"] < moment and row["deed"] in ("view", "cart"):
            own = found[row["product_ref"]]
            if row["deed"] == "view":
                own["views"] += 1
                own["who"].add(row["visitor_id"])
            else:
                own["carts"].add(row["visitor_id"])
    for row in sold:
        if start <= row["at"] < moment:
            own = found[row["product_ref"]]
            own["units"] = own.get("units", Decimal(0)) + row["units"]
            own["amount_minor"] = own.get("amount_minor", 0) + row["amount_minor"]
            own["buyers"] |= {row["buyer_id"]} - {None}
    return {
        ref: {
            "views": own["views"],
            "visitors": len(own["who"]),
            "carts": len(own["carts"]),
            "buyers": len(own["buyers"]),
            "units": own.get("units", Decimal(0)),
            "amount_minor": own.get("amount_minor", 0),
        }
        for ref, own in found.items()
    }


def sums(rows: list[Row], sold: list[Row]) -> Row:
    """The numbers of some deeds and sales of one item (or of all)."""
    views = [row for row in rows if row["deed"] == "view"]

    def who(*deeds: str) -> set[int]:
        return {row["visitor_id"] for row in rows if row["deed"] in deeds}

    bought = {row["visitor_id"] for row in sold if row["visitor_id"] is not None}
    checked_out = who("checkout") | bought
    carted = who("cart") | checked_out
    return {
        "views": len(views),
        "visitors": len(who("view")),
        "favourite_visitors": len(who("favourite")),
        "cart_visitors": len(who("cart")),
        "checkout_visitors": len(who("checkout")),
        "came": len(who("view") | carted),
        "reached_cart": len(carted),
        "reached_checkout": len(checked_out),
        "bought": len(bought),
        "buyers": len({row["buyer_id"] for row in sold} - {None}),
        "orders": len(sold),
        "file_orders": sum(row["is_file"] for row in sold),
        "units": sum((row["units"] for row in sold), Decimal(0)),
        "amount_minor": sum(row["amount_minor"] for row in sold),
        "without_amount": sum(row["without_amount"] for row in sold),
        "exits": sum(row["is_exit"] for row in views),
        "stay_seconds": sum(row["stay_seconds"] or 0 for row in views),
        "measured_views": sum(row["stay_seconds"] is not None for row in views),
    }


def visitors(rows: list[Row], sold: list[Row]) -> list[Row]:
    """Rows of item_visitors: deeds and sales by day, item, who, and channel."""
    identity = ("shop_id", "local_day", "product_ref", "visitor_id", "buyer_id", "channel", "is_paid")
    groups: dict[tuple, list[Row]] = defaultdict(list)
    for row in rows:
        if row["deed"] != "order":
            groups[tuple({**row, "buyer_id": None}[name] for name in identity)].append(row)
    for row in sold:
        groups[tuple(row[name] for name in identity)].append(row)
    found = []
    for key, own in groups.items():
        done, bought = [r for r in own if "deed" in r], [r for r in own if "deed" not in r]
        views = [r for r in done if r["deed"] == "view"]
        found.append(
            dict(zip(identity, key, strict=True))
            | {
                "views": len(views),
                "exits": sum(r["is_exit"] for r in views),
                "stay_seconds": sum(r["stay_seconds"] or 0 for r in views),
                "measured_views": sum(r["stay_seconds"] is not None for r in views),
                "favourites": sum(r["deed"] == "favourite" for r in done),
                "carts": sum(r["deed"] == "cart" for r in done),
                "checkouts": sum(r["deed"] == "checkout" for r in done),
                "orders": len(bought),
                "file_orders": sum(r["is_file"] for r in bought),
                "units": sum((r["units"] for r in bought), Decimal(0)),
                "amount_minor": sum(r["amount_minor"] for r in bought),
                "without_amount": sum(r["without_amount"] for r in bought),
            }
        )
    return found


def days(rows: list[Row], sold: list[Row]) -> list[Row]:
    """Rows of item_days: each item's numbers on each day."""
    keys = ("shop_id", "local_day", "product_ref")
    found = []
    for key in {tuple(row[name] for name in keys) for row in (*rows, *sold) if row.get("deed") != "order"}:
        done = [r for r in rows if tuple(r[name] for name in keys) == key]
        bought = [r for r in sold if tuple(r[name] for name in keys) == key]
        told = sums(done, bought)
        # Lines of a telling that was said again and does not count make no row, but may say a title.
        titles = [r["title"] for r in (*done, *bought) if r["title"]]
        kept = ("views", "exits", "stay_seconds", "measured_views", "orders", "file_orders", "units")
        kept += ("amount_minor", "without_amount", "visitors", "favourite_visitors", "cart_visitors")
        found.append(
            dict(zip(keys, key, strict=True))
            | {name: told[name] for name in (*kept, "checkout_visitors", "buyers")}
            | {
                "title": max(titles, default=None),
                "favourites": sum(r["deed"] == "favourite" for r in done),
                "carts": sum(r["deed"] == "cart" for r in done),
            }
        )
    return found
