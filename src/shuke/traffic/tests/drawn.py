"""A shop with two weeks of visits and orders, drawn from a seed: the same at every run."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from shuke.kernel.periods import day_start, local_day
from shuke.kernel.surrogates import surrogate
from shuke.traffic.tests.facts import event
from shuke.warehouse import schemas

FIRST, LAST = date(2026, 3, 1), date(2026, 3, 14)
AT = datetime(2026, 3, 14, 6, 5, tzinfo=UTC)  # 14:05 in Shanghai, on the last day


@dataclass
class Life:
    """What was drawn: events and order lines as rows of the warehouse."""

    shop: Any
    events: list[dict[str, Any]]
    lines: list[dict[str, Any]]


def _line(shop, order: str, number: int, at: datetime, minor: int | None, **fields: Any) -> dict[str, Any]:
    naive = at.astimezone(UTC).replace(tzinfo=None)
    buyer = fields.pop("buyer", None)
    row: dict[str, Any] = dict.fromkeys(schemas.ORDER_LINES.names)
    return row | {
        "shop_id": shop.id,
        "row_id": surrogate(shop.id, "row", f"{order} {number} {fields.get('kind')}"),
        "content_id": surrogate(shop.id, "content", f"{order} {number} {minor}"),
        "sign": 1,
        "order_id": surrogate(shop.id, "order", order),
        "order_ref": order,
        "line_no": number,
        "kind": "sale",
        "at": naive,
        "local_day": local_day(at, shop.zone),
        "received_at": naive,
        "buyer_id": surrogate(shop.id, "person", buyer) if buyer else None,
        "buyer_ref": buyer,
        "quantity": Decimal(1),
        "unit_price": "1",
        "amount_minor": minor,
        "currency": shop.currency,
        "source": "file",
        "import_ref": "1",
    } | fields  # fmt: skip


def draw(shop) -> Life:
    rng = random.Random(7)
    events: list[dict[str, Any]] = []
    lines: list[dict[str, Any]] = []
    days = (LAST - FIRST).days + 1
    origins = [
        {},
        {"referrer_host": "www.baidu.com"},
        {"utm_source": "weibo", "utm_medium": "social", "utm_campaign": "spring"},
        {"utm_source": "baidu", "utm_medium": "cpc", "utm_campaign": "linen", "click_id": "bd_vid"},
    ]
    for number in range(220):
        visitor = f"v{rng.randrange(90)}"
        day = FIRST + timedelta(days=rng.randrange(days))
        at = day_start(day, shop.zone) + timedelta(seconds=rng.randrange(86_400))
        origin = rng.choice(origins)
        person = visitor.replace("v", "p") if rng.random() < 0.5 else None
        for step in range(rng.choice([1, 1, 2, 3, 5])):
            page = rng.choice([("/", "home"), ("/item/1", "item"), ("/item/2", "item"), ("/cart", "cart")])
            fields: dict[str, Any] = {"page_path": page[0], "page_type": page[1], "person": person}
            fields |= {"ref": f"e{number}-{step}"} | (origin if step == 0 else {})
            if rng.random() < 0.15:
                fields |= {"type": "track", "name": "Product Added"}
            if rng.random() < 0.08:
                fields |= {"type": "track", "name": "Order Completed", "order": f"o{number}"}
                fields |= {"amount_minor": rng.randrange(100, 90_000), "currency": shop.currency}
                fields |= {"quantity": Decimal(number % 4) if number % 3 else None}
            ref = fields.pop("ref")
            naive = at.replace(tzinfo=None)
            made = event(
                shop.zone, shop_id=shop.id, at=naive, visitor=visitor, **fields,
                event_id=surrogate(shop.id, "message", ref),
            )  # fmt: skip
            events.append(made)
            at += timedelta(seconds=rng.choice([5, 40, 200, 1_900]))
    for number in range(40):
        at = day_start(FIRST - timedelta(days=rng.randrange(0, 500)), shop.zone) + timedelta(hours=12)
        if number % 3:
            at = day_start(FIRST + timedelta(days=rng.randrange(days)), shop.zone) + timedelta(hours=9)
        buyer = f"p{rng.randrange(25)}" if number % 5 else None
        for line in (1, 2)[: rng.choice([1, 2])]:
            lines.append(_line(shop, f"f{number}", line, at, rng.randrange(0, 50_000), buyer=buyer))
        later = at + timedelta(days=rng.randrange(1, 5))
        if number % 7 == 0:
            lines.append(_line(shop, f"f{number}", 9, later, -500, kind="cancellation", buyer=buyer))
        if number % 11 == 0:
            lines.append(_line(shop, f"f{number}", 8, later, None, kind="refund", buyer=buyer))
        if number == 20:
            lines.append(_line(shop, "foreign", 1, at, 777, buyer="p1", currency="USD"))
            lines.append(_line(shop, "unknown", 1, at, None, kind="refund", buyer="p1"))
    return Life(shop, events, lines)
