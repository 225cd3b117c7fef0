"""A drawn shop in a warehouse of its own, and a route through it."""

from __future__ import annotations

import pyarrow as pa
import pytest

from shuke.kernel.periods import Period
from shuke.records.actor import Actor
from shuke.traffic.routes import actions
from shuke.traffic.tests.drawn import AT, FIRST, LAST, Life, draw
from shuke.warehouse import actions as warehouse
from shuke.warehouse import schemas

PERIOD = Period.inclusive(FIRST, LAST)
ACTOR = Actor.system("tests")
STEPS = [
    {"kind": "pattern", "value": "/*", "share": None},
    {"kind": "type", "value": "item", "share": "0.9"},
    {"kind": "page", "value": "/cart", "share": "0.1"},
    {"kind": "order", "value": "", "share": "0.5"},
]


@pytest.fixture
def life(shop, warehouse_home) -> Life:
    drawn = draw(shop)
    warehouse.append(facts={"events": pa.Table.from_pylist(drawn.events, schema=schemas.EVENTS)})
    return drawn


@pytest.fixture
def route(shop):
    return actions.save_route(shop=shop, name="To the order", steps=STEPS, actor=ACTOR, at=AT)
