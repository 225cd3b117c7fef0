"""A drawn shop whose visitors also clicked, in a warehouse of its own."""

from __future__ import annotations

import json
import random

import pyarrow as pa
import pytest

from shuke.kernel.surrogates import surrogate
from shuke.traffic.tests.drawn import Life, draw
from shuke.warehouse import actions, schemas

ELEMENTS = [
    ("marked", "加入购物车", ""),
    ("marked", 'the "best"', "/item/2"),
    ("outbound", "", "https://example.com/a"),
]


def click(view: dict, number: int, rng: random.Random) -> dict:
    """A click a second after a view, on the same page."""
    kind, label, href = rng.choice(ELEMENTS)
    told = {"kind": kind, "label": label, "href": href, "x": rng.randrange(22), "y": rng.randrange(100)}
    told |= {"width": 1280, "height": 2000 + 200 * (number % 2)}
    return view | {
        "type": "track",
        "name": "Element Clicked",
        "event_id": surrogate(view["shop_id"], "message", f"click {number}"),
        "terminal": rng.choice(["pc", "mobile"]),
        "properties": json.dumps(told),
    }


@pytest.fixture
def life(shop, warehouse_home) -> Life:
    drawn, rng = draw(shop), random.Random(5)
    views = [one for one in drawn.events if one["type"] == "page"]
    drawn.events += [click(view, number, rng) for number, view in enumerate(views[::3])]
    actions.append(facts={"events": pa.Table.from_pylist(drawn.events, schema=schemas.EVENTS)})
    return drawn
