"""The facts of the corpus: the worked cases of visits, and a drawn shop with orders of every kind.

`all_cases()` gives name → facts by kind; derived kinds come from the plain oracle, never from an expression.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import yaml

from shuke.kernel.periods import local_day
from shuke.traffic.tests import drawn, oracle, trails_oracle
from shuke.traffic.tests.corpus.questions import PERIOD, SHOP, Facts, Row
from shuke.traffic.tests.facts import RULES, SHANGHAI, event
from shuke.warehouse import schemas

_CASES = Path(__file__).parent.parent / "visits.cases.yaml"


def of_events(events: list[Row]) -> dict[str, list[Row]]:
    visits = oracle.visits(events, RULES)
    return {
        "events": events,
        "visits": visits,
        "visitor_days": oracle.visitor_days(visits),
        "channel_days": oracle.channel_days(visits),
        "source_days": oracle.source_days(visits),
        "trails": trails_oracle.trails(events, RULES),
        "order_facts": [],
    }


def order_facts(seed: int = 3, count: int = 300) -> list[Row]:
    """Movements of few orders and buyers, so that sales, cancellations and refunds of one order meet."""
    rng = random.Random(seed)
    rows: dict[tuple, Row] = {}
    start = datetime(2025, 1, 1, tzinfo=UTC)
    for _ in range(count):
        at = start + timedelta(minutes=rng.randrange(0, 440 * 24 * 60))
        order = rng.randrange(120)
        kind = rng.choice(["sale", "sale", "sale", "cancellation", "refund", "adjustment"])
        amount = rng.randrange(0, 9000) * (1 if kind in ("sale", "adjustment") else -1)
        is_open = kind in ("cancellation", "refund") and rng.random() < 0.5
        row: Row = dict.fromkeys(schemas.ORDER_FACTS.names)
        row |= {
            "shop_id": SHOP.id,
            "order_id": order,
            "order_ref": f"A{order}",
            "local_day": local_day(at, SHOP.zone),
            "at": at.replace(tzinfo=None),
            "kind": kind,
            "buyer_id": rng.choice([None, *range(12)]),
            "lines": 1,
            "quantity": Decimal(rng.randrange(0, 3000)) / 1000,
            "paid_minor": max(amount, 0),
            "amount_minor": None if is_open else amount,
            "currency": rng.choice(["CNY"] * 9 + ["USD", None]),
            "source": "file",
        }
        rows.setdefault((order, row["local_day"], kind), row)
    return list(rows.values())


def worked_cases() -> list[Row]:
    """The events of all worked cases together: each case a shop of its own, so that none meets another."""
    events = []
    for number, case in enumerate(yaml.safe_load(_CASES.read_text(encoding="utf-8")), start=1):
        zone = ZoneInfo(case.get("zone", SHANGHAI.key))
        for given in case["events"]:
            events.append(event(zone, **{**given, "shop_id": 10 * number + given.get("shop_id", 1)}))
    return events


def all_cases() -> Mapping[str, Facts]:
    """Name → facts by kind."""
    shop = of_events(drawn.draw(SHOP).events)
    assert all(visit["local_day"] in PERIOD for visit in shop["visits"])
    return {
        "nothing": of_events([]),
        "worked cases": of_events(worked_cases()),
        "a drawn shop": shop | {"order_facts": order_facts()},
    }
