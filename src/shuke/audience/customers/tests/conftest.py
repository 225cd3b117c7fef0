"""A shop with two weeks of visits and orders, as traffic's tests draw it, whose events also say people's names."""

from __future__ import annotations

import pyarrow as pa
import pytest

from shuke.audience.identities import actions as identities
from shuke.audience.identities import reads
from shuke.kernel.surrogates import surrogate
from shuke.records.actor import Actor
from shuke.traffic.tests.drawn import AT, Life, draw
from shuke.warehouse import actions, schemas

ACTOR = Actor.system("tests")


def id_of(shop, name: str) -> int:
    """The surrogate of p1 (a person) or v1 (a device)."""
    return surrogate(shop.id, "visitor" if name[0] == "v" else "person", name)


@pytest.fixture
def life(shop, warehouse_home) -> Life:
    drawn = draw(shop)
    for event in drawn.events:
        if event["person_id"] is not None:
            event["person_ref"] = event["anonymous_ref"].replace("v", "p")
    actions.append(
        facts={
            "events": pa.Table.from_pylist(drawn.events, schema=schemas.EVENTS),
            "order_lines": pa.Table.from_pylist(drawn.lines, schema=schemas.ORDER_LINES),
        }
    )
    return drawn


@pytest.fixture
def links(life) -> dict[int, int]:
    """A person with two devices, and two people with a device who are one: identity → customer."""
    people = sorted({event["person_ref"] for event in life.events} - {None})
    devices = sorted({event["anonymous_ref"] for event in life.events})
    pairs = [
        (people[0], devices[-1]),
        (people[0], devices[-2]),
        (people[1], people[2]),
        (people[1], devices[-3]),
    ]
    for pair in pairs:
        one, other = (id_of(life.shop, name) for name in pair)
        identities.merge(shop=life.shop, one_id=one, other_id=other, actor=ACTOR, at=AT)
    found = reads.customer_map(life.shop)
    return dict(zip(found["identity_id"].to_pylist(), found["customer_id"].to_pylist(), strict=True))
