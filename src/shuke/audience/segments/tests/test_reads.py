"""Segments of a drawn shop against plain Python: whom a condition chooses, why one is in, what decides, other segments."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta

import pyarrow as pa
import pytest

from shuke.audience.identities import reads as identities
from shuke.audience.segments import actions, reads
from shuke.audience.segments.errors import NoSuchSegment, SegmentInItself, SegmentInUse
from shuke.audience.segments.http import sentence_of
from shuke.audience.segments.tests import oracle
from shuke.audience.segments.tests.drawn_conditions import drawn
from shuke.audience.value import reads as value
from shuke.conditions.reads import All, Compare, Member, None_, Tally, Then, dump, iter_nodes
from shuke.conditions.tests import beyond_oracle
from shuke.kernel.errors import NotFound
from shuke.kernel.periods import ONE_DAY, day_start
from shuke.kernel.surrogates import surrogate
from shuke.records.actor import Actor
from shuke.traffic.tests.drawn import AT
from shuke.warehouse import actions as warehouse

pytestmark = [pytest.mark.django_db, pytest.mark.row("A7")]


@pytest.fixture
def links(life, monkeypatch) -> dict[int, int]:
    """A person with two devices, and two people with a device who are one."""
    shop = life.shop
    named = {
        n: surrogate(shop.id, "visitor" if n[0] == "v" else "person", n)
        for n in ("v1", "v2", "v4", "p1", "p3", "p4")
    }
    found = {
        named["v1"]: named["p1"],
        named["v2"]: named["p1"],
        named["p3"]: named["p4"],
        named["v4"]: named["p4"],
    }
    table = pa.table(
        {"identity_id": sorted(found), "customer_id": [found[one] for one in sorted(found)]},
        schema=identities.CUSTOMER_MAP,
    )
    monkeypatch.setattr(identities, "customer_map", lambda shop: table)
    monkeypatch.setattr(identities, "customer_of", lambda shop, one: found.get(one, one))
    return found


def inside(shop, node, at=AT) -> set[int]:
    found = reads.chosen(shop, node, at=at, size=1000)
    assert found.count == len(found.rows)
    return {row.customer_id for row in found.rows}


def test_chosen__any_condition_on_a_drawn_shop__as_plain_python_counts(life, links, capsys) -> None:
    rng, reached = random.Random(11), Counter()
    for are_sealed, at in ((False, AT), (True, AT - timedelta(days=3, hours=5)), (True, AT)):
        if are_sealed:
            warehouse.seal(life.shop)
        known = oracle.known(life, links, at)
        for _number in range(12):
            node = drawn(rng)
            expected = {
                one
                for one, facts in known.items()
                if beyond_oracle.holds(dump(node), facts, at, life.shop.zone)
            }
            assert inside(life.shop, node, at) == expected, (node, at)
            reached["nobody" if not expected else "everyone" if len(expected) == len(known) else "some"] += 1
            for one in iter_nodes(node):
                reached[type(one).__name__] += 1
                if isinstance(one, Tally):
                    reached[f"{one.series} {one.measure}"] += 1
                if isinstance(one, Then):
                    reached["Then"] += 1
    with capsys.disabled():
        print(f"\n  segments: {dict(reached)}")
    assert reached["some"] >= 12
    assert min(reached[name] for name in ("All", "Any", "None_", "Tally", "Then", "Compare")) >= 3


def test_why__customers_in_and_out__the_evaluator_says_the_same_and_what_decided(life, links) -> None:
    known = oracle.known(life, links, AT)
    rng, told = random.Random(5), Counter()
    while told["in"] < 4 or told["out"] < 4 or told["decided"] < 4:
        node = drawn(rng)
        chosen = inside(life.shop, node)
        for customer_id in rng.sample(sorted(known), 2):
            why = reads.why(life.shop, node, customer_id, at=AT)
            assert why.verdict.is_allowed == (customer_id in chosen), (node, customer_id)
            assert all(reason.text() for reason in why.verdict.reasons)
            told["in" if customer_id in chosen else "out"] += 1
            if why.decisive:
                told["decided"] += 1
                facts = known[customer_id]
                gone = {one.removal.fact_id for one in why.decisive if one.removal.kind == "fact"}
                fields = {one.removal.name for one in why.decisive if one.removal.kind == "field"}
                left = {
                    "fields": {name: one for name, one in facts["fields"].items() if name not in fields},
                    "series": {
                        name: [
                            one for one in rows
                            if (one["fact_id"] not in gone if name != "items" else not any(
                                named.at == one["at"] and named.told["item_ref"] == one["item_ref"]
                                for named in why.decisive if named.removal.name == "items"
                            ))
                        ]
                        for name, rows in facts["series"].items()
                    },
                    "groups": set(),
                }  # fmt: skip
                flipped = beyond_oracle.holds(dump(node), left, AT, life.shop.zone)
                assert flipped != why.verdict.is_allowed, (node, customer_id, why.decisive)

    with pytest.raises(NotFound):
        reads.why(life.shop, All(), 12345, at=AT)


def test_segments__that_name_others__are_asked_together_and_never_in_a_ring(life, links) -> None:
    shop, actor = life.shop, Actor.system("test")
    buyers = Tally("orders", "count", "ge", 1)

    def save(name, node):
        return actions.save_segment(shop=shop, name=name, condition=dump(node), actor=actor, at=AT)

    one = save("买家", buyers)
    two = save("Visitors who do not buy", All((None_((Member(one.key),)), Compare("visits_ever", "ge", 2))))
    three = save("Either", All((Member("half_year_buyers"), None_((Member(two.key),)))))
    known = oracle.known(life, links, AT)
    bought = {one for one, facts in known.items() if facts["series"]["orders"]}
    often = {one for one, facts in known.items() if facts["fields"]["visits_ever"] >= 2} - bought
    assert inside(shop, Member(one.key)) == bought
    assert sentence_of(shop, Member(one.key)).endswith("买家")
    found = reads.list_segments(shop, at=AT)
    numbers, everyone = reads.counts(shop, found, at=AT)
    assert everyone == len(known)
    assert numbers == {segment.key: len(inside(shop, segment.condition)) for segment in found}
    assert inside(shop, two.condition) == often
    assert inside(shop, three.condition) == inside(shop, Member("half_year_buyers")) - often
    buyer = min(one for one in bought if known[one]["fields"]["visits_ever"] >= 2)
    assert reads.why(shop, two.condition, buyer, at=AT).decisive[0].removal.kind == "group"

    before = reads.list_segments(shop, at=AT)
    changed = {"shop": shop, "key": one.key, "name": "买家", "version": 1, "actor": actor, "at": AT}
    with pytest.raises(SegmentInItself):
        actions.change_segment(**changed, condition=dump(All((buyers, None_((Member(two.key),))))))
    with pytest.raises(SegmentInUse, match="Visitors who do not buy"):
        actions.archive_segment(shop=shop, key=one.key, actor=actor, at=AT)
    with pytest.raises(NoSuchSegment):
        save("Nobody's", Member("999999"))
    assert reads.list_segments(shop, at=AT) == before


def test_silent_super_users__as_value_and_lifecycle_say(life, links) -> None:
    shop, at = life.shop, AT + timedelta(days=200)
    top = {row.customer_id for row in value.value_customers(shop, which="super", at=at, size=1000).rows}
    day = at.astimezone(shop.zone).date()
    silent = {
        row.customer_id
        for row in value.lifecycle_customers(shop, state="silent", day=day, since=None, at=at, size=1000).rows
    }
    found = reads.get_segment(shop, "silent_super_users", at=at)
    assert inside(shop, found.condition, at) == top & silent != set()
    told = reads.why(shop, found.condition, min(top & silent), at=at)
    assert told.verdict.is_allowed
    assert told.next_change == day_start(day + ONE_DAY, shop.zone)


def test_segments__of_another_shop__are_not_there(life, make_shop) -> None:
    actor = Actor.system("test")
    mine = actions.save_segment(
        shop=life.shop, name="Mine", condition=dump(Tally("orders", "count", "ge", 1)), actor=actor, at=AT
    )
    other = make_shop("other")
    with pytest.raises(NoSuchSegment):
        reads.get_segment(other, mine.key, at=AT)
    with pytest.raises(NoSuchSegment):
        reads.chosen(other, Member(mine.key), at=AT)
    assert [one.key for one in reads.list_segments(other, at=AT)] == [
        one.key for one in reads.list_segments(life.shop, at=AT) if one.kept is None
    ]
