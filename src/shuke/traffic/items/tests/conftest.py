"""Two lives of a shop with items in a warehouse of its own: partly sealed, partly late, the last day open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pytest

from shuke.kernel.periods import ONE_DAY, Period
from shuke.traffic.derived import visit_rules
from shuke.traffic.items.tests import oracle
from shuke.traffic.items.tests.drawn import FIRST, LAST, draw
from shuke.warehouse import actions, schemas

WHOLE = Period.inclusive(FIRST, LAST)


@dataclass
class Life:
    """What was drawn, and the oracle's deeds and sales of it."""

    shop: Any
    events: list[dict[str, Any]]
    lines: list[dict[str, Any]]
    deeds: list[dict[str, Any]]
    sales: list[dict[str, Any]]


def append(events: list[dict[str, Any]], lines: list[dict[str, Any]]) -> None:
    actions.append(
        facts={
            "events": pa.Table.from_pylist(events, schema=schemas.EVENTS),
            "order_lines": pa.Table.from_pylist(lines, schema=schemas.ORDER_LINES),
        }
    )


@pytest.fixture
def life(shop, warehouse_home) -> Life:
    events, lines = draw(shop, 5, visits=70)
    append(events[::2], lines[::2])
    actions.seal(shop, [FIRST + ONE_DAY * n for n in range(3)])
    append(events[1::2], lines[1::2])
    rows = oracle.named(oracle.deeds(events, visit_rules(shop, WHOLE), shop.currency))
    return Life(shop, events, lines, rows, oracle.sales(rows, lines, shop.currency))
