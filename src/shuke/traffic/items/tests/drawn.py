"""Lives of a small shop with items, drawn from a seed: pages with and without `Product Viewed`, quick looks, ties, checkouts
and orders of several products told once, twice and by a server, files beside events, late and foreign ones."""

from __future__ import annotations

import json
import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from shuke.kernel.periods import day_start, local_day
from shuke.kernel.surrogates import surrogate
from shuke.traffic.tests.drawn import _line
from shuke.traffic.tests.facts import event

FIRST, LAST = date(2026, 3, 1), date(2026, 3, 4)
AT = datetime(2026, 3, 4, 6, 5, tzinfo=UTC)  # 14:05 in Shanghai, on the last day
REFS = ("A1", "B2", "C3")
PATHS = {"A1": "/item/1", "B2": "/item/2", "C3": "/item/3"}
ORIGINS: list[dict[str, Any]] = [
    {},
    {"referrer_host": "www.baidu.com"},
    {"utm_source": "baidu", "utm_medium": "cpc", "utm_campaign": "linen", "click_id": "bd_vid"},
]


def product(ref: str, rng: random.Random) -> dict[str, Any]:
    made: dict[str, Any] = {"product_id": ref, "name": f"Item {ref}"}
    if rng.random() < 0.9:
        made["price"] = rng.choice([12.5, 30, 0.015])
    if rng.random() < 0.6:
        made["quantity"] = rng.choice([1, 2, 3])
    if rng.random() < 0.1:
        made["currency"] = "USD"
    return made


def draw(
    shop, seed: int, visits: int = 30, reached: Counter[str] | None = None
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Events and order lines."""
    rng = random.Random(seed)
    events: list[dict[str, Any]] = []
    reached = Counter() if reached is None else reached

    def tell(at: datetime, visitor: str, **fields: Any) -> dict[str, Any]:
        ref = f"{seed}.{len(events)}"
        properties = fields.pop("properties", None)
        made = event(
            shop.zone,
            shop_id=shop.id,
            at=at.replace(tzinfo=None),
            visitor=visitor,
            event_id=surrogate(shop.id, "message", ref),
            properties=None if properties is None else json.dumps(properties),
            **fields,
        )
        events.append(made)
        return made

    days = (LAST - FIRST).days + 1
    for number in range(visits):
        visitor = f"v{rng.randrange(8)}"
        at = day_start(FIRST + timedelta(days=rng.randrange(days)), shop.zone)
        at += timedelta(seconds=rng.randrange(86_000))
        person = visitor.replace("v", "p") if rng.random() < 0.4 else None
        extra = {"person": person} | rng.choice(ORIGINS)
        for _step in range(rng.choice([1, 2, 3, 4])):
            ref = rng.choice(REFS)
            path, kind = rng.choice([(PATHS[ref], "item")] * 3 + [("/list/a", "list"), ("/cart", "cart")])
            place = {"page_path": path, "page_type": kind} | extra
            viewed = {"type": "track", "name": "Product Viewed", "product_ref": ref, **place}
            said = {"properties": product(ref, rng)}
            if kind == "item" and rng.random() < 0.15:
                tell(at, visitor, **viewed, **said)  # told before its page, at the same moment or just so
                at += timedelta(seconds=rng.choice([0, 1]))
                reached["told before its page"] += 1
            tell(at, visitor, name="page", **place)
            for _again in range(rng.choice([0, 1, 1, 2])):
                at += timedelta(seconds=rng.choice([0, 1, 7]))
                other = rng.choice(REFS) if rng.random() < 0.2 else ref
                reached["viewed again, or another"] += other != ref
                tell(at, visitor, **viewed | {"product_ref": other}, properties=product(other, rng))
            for name in ("Product Added", "Product Added to Wishlist", "Wishlist Product Added to Cart"):
                if rng.random() < 0.2:
                    own = ref if rng.random() < 0.8 else None
                    reached["a deed without a product"] += own is None
                    tell(at, visitor, **place | {"type": "track", "name": name, "product_ref": own}, **said)
            basket = [product(rng.choice(REFS), rng) for _ in range(rng.choice([1, 2, 3]))]
            if rng.random() < 0.2:
                tell(
                    at, visitor, **place | {"type": "track", "name": "Checkout Started"},
                    properties={"products": basket},
                )  # fmt: skip
            if rng.random() < 0.25:
                _order(tell, at, visitor, place, basket, number, rng, reached)
            at += timedelta(seconds=rng.choice([0, 5, 40, 200, 1_900]))
            extra = {"person": person}
    lines = []
    for number in range(10):
        at = day_start(FIRST + timedelta(days=rng.randrange(days)), shop.zone) + timedelta(hours=9)
        order = f"f{number}"
        if number % 3 == 0 and (told := [e for e in events if e["order_ref"]]):
            twin = rng.choice(told)
            at, order = twin["at"].replace(tzinfo=UTC), twin["order_ref"]
            reached["told by a file too"] += 1
        for line in (1, 2)[: rng.choice([1, 2])]:
            fields: dict[str, Any] = {"product_ref": rng.choice(REFS), "title": "From a file"}
            fields |= {"quantity": Decimal(2), "buyer": rng.choice(["p1", "p2", None])}
            if rng.random() < 0.2:
                fields |= {"currency": "USD"}
            lines.append(_line(shop, order, line, at, rng.choice([500, None, 1999]), **fields))
            if rng.random() < 0.2:
                lines.append(lines[-1] | {"sign": -1})
                reached["taken back"] += 1
    reached["across days"] += len({local_day(e["at"].replace(tzinfo=UTC), shop.zone) for e in events}) > 1
    return events, lines


def _order(tell, at, visitor, place, basket, number, rng, reached) -> None:
    order = f"o{rng.randrange(number + 1)}"
    told = place | {"type": "track", "name": "Order Completed", "order": order}
    tell(at, visitor, **told, properties={"products": basket}, currency=rng.choice(["CNY", None]))
    reached["order"] += 1
    if rng.random() < 0.2:
        tell(at + timedelta(seconds=2), visitor, **told, properties={"products": basket[:1]})
        reached["order told again"] += 1
    if rng.random() < 0.3:
        server = {"type": "track", "name": "Order Completed", "order": order, "person": "p7"}
        server |= {"anonymous_ref": None, "page_path": None, "page_type": None}
        tell(
            at + timedelta(seconds=3), "p7", **server,
            properties={"products": basket} if rng.random() < 0.7 else {"total": 3},
        )  # fmt: skip
        reached["order told by a server"] += 1
