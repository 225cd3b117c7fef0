"""Attributes and tags of customers: what holds, who said it, what a merge, a split, an expiry and an erasure do to it."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from django_scopes import scope
from hypothesis import given, settings
from hypothesis import strategies as st

from shuke.audience.customers import actions, decisions, described, personal, reads
from shuke.audience.customers.errors import BadEnd, BadTag, BadValue, NoSuchAttribute, TooManyChosen
from shuke.audience.customers.models import AttributeValue, TagGiven
from shuke.audience.customers.tests.conftest import ACTOR, id_of
from shuke.audience.identities import actions as identities
from shuke.kernel import clock
from shuke.kernel.errors import NotAllowed
from shuke.project.wiring import LISTENERS
from shuke.records.actor import Actor
from shuke.records.models import AuditEntry
from shuke.records.outbox import Event
from shuke.records.personal import PersonRef
from shuke.shops import actions as shops
from shuke.shops.roles import Role
from shuke.traffic.tests.drawn import AT
from shuke.warehouse import actions as warehouse
from shuke.warehouse import schemas
from shuke.warehouse.tests.facts import event

pytestmark = [pytest.mark.django_db]
NOW = AT + timedelta(days=1)
HOUR = timedelta(hours=1)
REACHED: Counter[str] = Counter()


def say(life, customer: str, name: str, value, **more) -> None:
    common = {"shop": life.shop, "actor": ACTOR, "at": NOW}
    actions.set_attribute(customer_id=id_of(life.shop, customer), name=name, value=value, **(common | more))


def tag(life, customers: list[str], name: str, **more):
    ids = [id_of(life.shop, one) for one in customers]
    common = {"shop": life.shop, "actor": ACTOR, "at": NOW}
    return actions.give_tag(customer_ids=ids, tag=name, **(common | more))


def known(life, customer: str, at=NOW + HOUR) -> dict:
    ids = reads.identity_ids(life.shop, id_of(life.shop, customer))
    return {one.definition.name: one for one in described.attributes_of(life.shop, ids, at=at)}


def tags(life, customer: str, at=NOW) -> tuple[str, ...]:
    customer_id = reads.resolve(life.shop, str(id_of(life.shop, customer)))[0]
    ids = reads.identity_ids(life.shop, customer_id)
    return described.standing_tags(life.shop, {customer_id: ids}, at)[customer_id]


# --- attributes


def told(life, ref: str, person: str, at: datetime, traits: dict) -> dict:
    return event(
        life.shop, ref, f"v of {person}", at, type="identify", page_path=None, page_type=None,
        person_id=id_of(life.shop, person), person_ref=person, properties=json.dumps(traits),
    )  # fmt: skip


@pytest.mark.row("A2")
def test_attributes__told_by_pages_and_by_hand__newest_day_wins_and_hand_wins_a_day(life) -> None:
    rows = [
        told(
            life,
            "t1",
            "p1",
            AT - timedelta(days=3),
            {"gender": "female", "birthday": "农历8月15日", "age": 200.5},
        ),
        told(life, "t2", "p1", AT, {"gender": "male", "income": "much", "province": "浙江"}),
    ]
    warehouse.append(facts={"events": pa.Table.from_pylist(rows, schema=schemas.EVENTS)})
    found = known(life, "p1")
    assert (found["gender"].value, found["region"].value) == ("m", "浙江")
    assert found["birthday"].value["calendar"] == "lunar"
    assert found["income"].statement is None  # what does not suit the type says nothing
    assert found["occupation"].value is None  # unknown stays unknown
    assert [one.source for one in found["gender"].history] == ["identify", "identify"]

    say(life, "p1", "gender", "f", told_at=AT - timedelta(hours=2))
    holds = known(life, "p1")["gender"]
    assert (holds.value, holds.statement.source, holds.statement.made_by) == ("f", "hand", ACTOR.name)
    assert len(holds.history) == 3
    say(life, "p1", "gender", None)
    assert known(life, "p1")["gender"].value is None
    # As it was: the statement of the next day was not made yet.
    assert known(life, "p1", at=AT)["gender"].value == "f"


@pytest.mark.row("A2")
def test_attribute__of_the_shops_own__is_known_without_code(life) -> None:
    title = {"zh": "面料", "en": "Fabric"}
    choices = {"linen": {"zh": "亚麻", "en": "linen"}}
    actions.define_attribute(
        shop=life.shop, name="fabric", type="choice", title=title, traits=["fabric"], choices=choices,
        actor=ACTOR, at=NOW,
    )  # fmt: skip
    say(life, "p1", "fabric", "亚麻")
    assert known(life, "p1")["fabric"].value == "linen"
    assert "fabric" in {one.name for one in described.attributes_offered(life.shop)}


@pytest.mark.row("A2")
@pytest.mark.parametrize(
    ("name", "value", "error"),
    [("shoe", "1", NoSuchAttribute), ("age", "old", BadValue), ("gender", "9", BadValue)],
)
def test_attribute__that_can_not_be__is_refused_and_nothing_is_kept(life, name, value, error) -> None:
    with pytest.raises(error):
        say(life, "p1", name, value)
    with scope(shop=life.shop.id):
        assert not AttributeValue.objects.exists()


@pytest.mark.row("A2")
def test_attribute__typed_by_a_role_without_the_deed__is_refused(life) -> None:
    with scope(shop=life.shop.id):
        key, _secret = shops.create_api_key(
            shop=life.shop, name="eyes", role=Role.SUPPORT, actor=ACTOR, at=NOW
        )
        with pytest.raises(NotAllowed):
            say(life, "p1", "age", 3, actor=Actor("api_key", key.pk, "eyes", "support"))


STATEMENTS = st.lists(
    st.tuples(st.integers(0, 72), st.sampled_from(["hand", "import", "identify"]), st.integers(0, 3)),
    max_size=8,
)


@settings(max_examples=150, deadline=None)
@given(made=STATEMENTS)
def law_of_statements(made) -> None:
    zone = UTC
    rows = [
        decisions.Statement(value, AT + HOUR * hour, source, "", 1, place)
        for place, (hour, source, value) in enumerate(made)
    ]
    ordered = decisions.in_order(rows, zone)
    assert sorted(ordered, key=lambda one: one.order) == rows
    if rows:
        day = max(one.at.date() for one in rows)
        of_day = [one for one in rows if one.at.date() == day]
        for source in ("hand", "import", "identify"):
            some = [one for one in of_day if one.source == source]
            if some:
                assert ordered[0] == max(some, key=lambda one: (one.at, one.order))
                REACHED[source] += 1
                break
        REACHED["one day, several sources"] += len({one.source for one in of_day}) > 1


@pytest.mark.row("A2")
def test_statements__any__newest_day_then_hand_then_file_then_page() -> None:
    REACHED.clear()
    law_of_statements()
    print(dict(REACHED))
    assert set(REACHED) == {"hand", "import", "identify", "one day, several sources"}
    assert min(REACHED.values()) >= 5


# --- tags


@pytest.mark.row("A3")
def test_tag__with_an_end__is_gone_at_that_moment_and_stays_readable(life) -> None:
    end = NOW + timedelta(days=2)
    assert tag(life, ["p1", "p2", "p2"], " big  spender ", until=end) == actions.Tagged(2, 0)
    assert tag(life, ["p1", "p3"], "big spender") == actions.Tagged(1, 1)
    instant = timedelta(microseconds=1)
    assert tags(life, "p1", NOW - instant) == ()
    assert tags(life, "p1", end - instant) == ("big spender",)
    assert tags(life, "p1", end) == ()
    assert id_of(life.shop, "p1") not in described.identities_tagged(life.shop, "big spender", end)
    assert described.identities_tagged(life.shop, "big spender", end) == (id_of(life.shop, "p3"),)
    one = described.tags_of(life.shop, [id_of(life.shop, "p1")])[0]
    assert (one.given_by, one.given_at, one.until, one.origin) == (ACTOR.name, NOW, end, "hand")
    kinds = reads.timeline_of(life.shop, id_of(life.shop, "p1"), at=end, only=("tag",)).entries
    assert [(entry.words.code, entry.at) for entry in kinds] == [("tag_ended", end), ("tag_given", NOW)]


@pytest.mark.row("A3")
def test_tag__computed__names_its_rule(life) -> None:
    tag(life, ["p1"], "regular", origin="rule", rule="common.audience_value.regular")
    entry = reads.timeline_of(life.shop, id_of(life.shop, "p1"), at=NOW, only=("tag",)).entries[0]
    assert "common.audience_value.regular" in [detail.value for detail in entry.details]


@pytest.mark.row("A3")
def test_tag__taken_from_many__says_how_many_before_and_after(life) -> None:
    tag(life, ["p1", "p2"], "vip")
    ids = [id_of(life.shop, one) for one in ("p1", "p2", "p3")]
    common = {"shop": life.shop, "customer_ids": ids, "tag": "vip", "actor": ACTOR}
    assert actions.take_tag(**common, is_trial=True, at=NOW + HOUR) == actions.Tagged(2, 1)
    assert tags(life, "p1", NOW + HOUR) == ("vip",)
    assert actions.take_tag(**common, at=NOW + HOUR) == actions.Tagged(2, 1)
    assert tags(life, "p1", NOW + HOUR) == ()
    assert tags(life, "p1", NOW) == ("vip",)
    with scope(shop=life.shop.id):
        assert AuditEntry.objects.filter(deed__in=["give_tag", "take_tag"]).count() == 2


@pytest.mark.row("A3")
@pytest.mark.parametrize(
    ("given_", "error"),
    [
        ({"name": ""}, BadTag),
        ({"name": "x" * 61}, BadTag),
        ({"name": "a\x07"}, BadTag),
        ({"until": NOW}, BadEnd),
    ],
)
def test_tag__that_can_not_be__is_refused_and_nothing_is_kept(life, given_, error) -> None:
    with pytest.raises(error):
        tag(life, ["p1"], **({"name": "vip"} | given_))
    with pytest.raises(TooManyChosen):
        actions.give_tag(
            shop=life.shop, customer_ids=range(actions.MOST_CHOSEN + 1), tag="x", actor=ACTOR, at=NOW
        )
    with scope(shop=life.shop.id):
        assert not TagGiven.objects.exists()


# --- merged and split


@pytest.mark.row("A3")
@pytest.mark.parametrize("side", [None, 0, 1])
def test_typed_on_a_merged_customer__split__goes_to_the_side_that_is_named_else_to_both(
    life, links, side
) -> None:
    people = [name for name in (f"p{n}" for n in range(90)) if id_of(life.shop, name) not in links]
    one, other = [name for name in people if any(e["person_ref"] == name for e in life.events)][4:6]
    ends = {"one_id": id_of(life.shop, one), "other_id": id_of(life.shop, other)}
    tag(life, [one], "before")
    common = {"shop": life.shop, "actor": ACTOR, "at": NOW}
    link = identities.merge(**common, **ends)
    tag(life, [other], "together", at=NOW + HOUR)
    say(life, one, "age", 30, at=NOW + HOUR)
    assert tags(life, one, NOW + HOUR) == tags(life, other, NOW + HOUR) == ("before", "together")
    identities.split(
        **(common | {"at": NOW + 2 * HOUR}),
        link_id=link.id,
        side=None if side is None else list(ends.values())[side],
    )
    keep_sides(life)
    after = NOW + 3 * HOUR
    has = [
        ("together" in tags(life, name, after), known(life, name, after)["age"].value)
        for name in (one, other)
    ]
    typed, nothing = (True, "30"), (False, None)
    assert has == {None: [typed, typed], 0: [typed, nothing], 1: [nothing, typed]}[side]
    assert ["before" in tags(life, name, after) for name in (one, other)] == [True, False]


def keep_sides(life) -> None:
    """What the deliverer does with the events of this room's ears."""
    from shuke.records.models import OutboxEvent

    ears = LISTENERS["audience.customer_split.v1"]
    with scope(shop=life.shop.id):
        for row in OutboxEvent.objects.filter(name="audience.customer_split.v1"):
            for ear in ears:
                ear(Event(row.pk, row.shop_id, row.name, row.payload, row.at))


# --- personal data


@pytest.mark.row("A8")
def test_erasure__of_a_person__takes_what_was_said_of_him_and_nobody_else(life) -> None:
    with clock.frozen(NOW):
        tag(life, ["p1", "p2"], "vip")
        say(life, "p1", "occupation", "carpenter")
    person = PersonRef(life.shop.id, ("p1",))
    told_of = personal.STORE.export(life.shop.id, person)
    assert [one["value"] for one in told_of["attributes"]] == ["carpenter"]
    assert [one["tag"] for one in told_of["tags"]] == ["vip"]
    assert personal.STORE.erase(life.shop.id, person) == 2
    assert personal.STORE.erase(life.shop.id, person) == 0
    assert (tags(life, "p1"), tags(life, "p2")) == ((), ("vip",))
    with scope(shop=life.shop.id):
        assert "carpenter" not in json.dumps(list(AuditEntry.objects.values_list("after", flat=True)))
