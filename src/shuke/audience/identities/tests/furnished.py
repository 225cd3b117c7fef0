"""A shop with something of every kind that addresses name: a suggestion that waits, and a merge by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django_scopes import scope

from shuke.audience.identities import actions, reads, storing
from shuke.audience.identities.decisions import Crowd
from shuke.audience.identities.kinds import Kind, Origin
from shuke.audience.identities.names import name_of
from shuke.records.actor import Actor
from shuke.shops.reads import ShopView

AT = datetime(2026, 5, 1, 4, tzinfo=UTC)
WHO = Actor.system("tests")
CROWD = Crowd(1000, 50, 5)


def say(shop: ShopView, *pairs: tuple[str, str, str, str], at: datetime = AT) -> None:
    """(kind, text, kind, text) each, a minute apart, as facts say it."""
    rows = []
    for number, (kind, text, other_kind, other) in enumerate(pairs):
        when = at + timedelta(minutes=number)
        one, two = name_of(shop, Kind(kind), text), name_of(shop, Kind(other_kind), other)
        rows.append(storing.Said(one, two, Origin.IDENTIFY, "api", when, when))
    with scope(shop=shop.id):
        storing.write(storing.register_of(shop.id), rows, [], CROWD)


def furnish_identities(shop: ShopView, mark: str) -> dict[str, Any]:
    """`suggestion`, `hand_link`, and the people of `merged`, `unmerged` as texts."""
    people = [f"{mark}-{name}" for name in ("mei", "li", "an", "bo", "chen")]
    say(
        shop,
        ("person", people[0], "phone", "13800138000"),
        ("person", people[1], "phone", "13800138000"),
        ("person", people[1], "visitor", f"{mark}-phone"),
        *(("person", who, "visitor", f"{who}-device") for who in people[2:]),
    )
    ids = [name_of(shop, Kind.PERSON, who).id for who in people]
    link = actions.merge(shop=shop, one_id=ids[2], other_id=ids[3], actor=WHO, at=AT + timedelta(days=1))
    return {
        "suggestion": reads.suggestions(shop)[0].id,
        "hand_link": link.id,
        "merged": str(reads.customer_of(shop, ids[2])),
        "unmerged": str(ids[4]),
        "known_name": people[4],
    }
