"""A shop with two weeks of visits and orders in a warehouse of its own."""

from __future__ import annotations

import pyarrow as pa
import pytest

from shuke.traffic.tests.drawn import Life, draw
from shuke.warehouse import actions, schemas


@pytest.fixture
def life(shop, warehouse_home) -> Life:
    drawn = draw(shop)
    actions.append(
        facts={
            "events": pa.Table.from_pylist(drawn.events, schema=schemas.EVENTS),
            "order_lines": pa.Table.from_pylist(drawn.lines, schema=schemas.ORDER_LINES),
        }
    )
    return drawn
