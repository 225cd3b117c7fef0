"""From events as they are sent to customers: incremental, repeatable, by whatever way the facts lie."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from django_scopes import scope

from shuke.audience.identities import actions, following, reads
from shuke.audience.identities.kinds import Kind, Reason, Relation
from shuke.audience.identities.models import Identity, KeptOut, Link, Register, RelationFact, Suggestion
from shuke.audience.identities.names import name_of
from shuke.audience.identities.personal import STORE
from shuke.intake.events_of import Reader, ShopFacts
from shuke.intake.segment_spec import Kind as Sort
from shuke.intake.set_aside import Sent
from shuke.kernel import clock
from shuke.records.actor import Actor
from shuke.records.erasures import Erasure
from shuke.records.personal import PersonRef, erase_person
from shuke.warehouse import open_tier
from shuke.warehouse.sealing import seal

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.row("A1")]

AT = datetime(2026, 5, 4, 4, tzinfo=UTC)
WHO = Actor.system("tests")


def send(shop, *events, at=AT):
    """Events by the Segment spec, committed as one segment, a minute apart."""
    batch = [
        {"messageId": f"{at.isoformat()}{n}", "timestamp": (at + timedelta(minutes=n)).isoformat(), **event}
        for n, event in enumerate(events)
    ]
    body = json.dumps({"batch": batch}).encode()
    received = int((at + timedelta(hours=1)).timestamp() * 1e6)
    read = Reader().read(
        [Sent(shop.id, received, Sort.BATCH, body, "tests")],
        {shop.id: ShopFacts(shop.id, shop.zone, shop.currency)},
        day=at.date(),
        future_tolerance_minutes=60,
    )
    assert not read.set_aside, read.set_aside
    open_tier.append(facts={"events": read.table})


def identify(device=None, user=None, **traits):
    names = {"anonymousId": device, "userId": user}
    return {"type": "identify", "traits": traits, **{k: v for k, v in names.items() if v}}


def page(device, user=None):
    names = {"anonymousId": device} | ({"userId": user} if user else {})
    return {"type": "page", "name": "home", "properties": {"path": "/"}, **names}


def state(shop):
    with scope(shop=shop.id):
        return {
            "identities": sorted(
                Identity.objects.values_list("kind", "ref", "customer_id", "first_at", "last_at")
            ),
            "links": sorted(Link.objects.values_list("one_id", "other_id", "origin", "at", "undone_at")),
            "suggestions": sorted(
                Suggestion.objects.values_list("one_id", "other_id", "reason", "via_id", "is_known")
            ),
            "kept out": sorted(KeptOut.objects.values_list("kind", "reason", "value_id")),
            "relations": sorted(RelationFact.objects.values_list("identity_id", "relation", "holds", "at")),
            "map": reads.customer_map(shop).to_pylist(),
        }


def again_from_the_start(shop):
    with scope(shop=shop.id):
        Register.objects.filter(shop_id=shop.id).update(read_through=0)
    following.follow_to_end(shop)


def id_of(shop, kind, text):
    return name_of(shop, Kind(kind), text).id


EVENTS = (
    page("d1"),
    identify("d1", "u1", phone="138 0013 8000", email="Mei@Example.com", member=True),
    page("d2", "u1"),
    identify("d3", None, Email="guest@example.com", favourite=True, follower="yes"),
    identify("d4", "u2", mobile="0086-13800138000", unionId="o6_bmasdasdsad6", phone_number="12345"),
    identify(None, "u2", tel="12345"),
    {"type": "alias", "previousId": "old", "userId": "u2"},
    {"type": "alias", "previousId": "u1", "userId": "u2"},
    {"type": "identify", "anonymousId": "d5", "userId": "u3", "traits": {}},
    {"type": "track", "event": "Product Viewed", "anonymousId": "family", "userId": "u1"},
    {"type": "track", "event": "Product Viewed", "anonymousId": "family", "userId": "u3"},
)


def test_facts__however_they_lie_and_however_often_they_are_read__say_the_same(
    make_shop, other_shop, warehouse_home
):
    shop = make_shop("linen")
    send(other_shop, identify("d1", "u1", phone="13800138000"), page("d1", "u9"))
    send(shop, *EVENTS)
    assert following.follow_to_end(shop) > 0
    told = state(shop)
    of = lambda kind, text: reads.customer_of(shop, id_of(shop, kind, text))  # noqa: E731
    u1, u2, u3 = (id_of(shop, "person", f"u{n}") for n in (1, 2, 3))
    assert of("visitor", "d1") == of("visitor", "d2") == of("email", "mei@example.com") == u1
    assert of("visitor", "d4") == of("visitor", "old") == of("wechat_unionid", "o6_bmasdasdsad6") == u2
    assert of("visitor", "d3") == of("email", "guest@example.com")
    assert of("visitor", "family") == id_of(shop, "visitor", "family")  # of two people: joins nobody
    assert of("phone", "13800138000") not in (u1, u2)
    assert of("visitor", "d5") == u3
    assert {s.reason for s in reads.suggestions(shop)} == {Reason.PHONE, Reason.ALIAS}
    assert {frozenset((s.one.ref, s.other.ref)) for s in reads.suggestions(shop)} == {frozenset(("u1", "u2"))}
    assert [(row.kind, row.reason, row.count) for row in reads.kept_out(shop)] == [
        (Kind.PHONE, "bad_phone", 1)
    ]
    with scope(shop=shop.id):
        told_of = set(RelationFact.objects.values_list("identity_id", "relation", "holds"))
    assert told_of == {(u1, Relation.MEMBER, True), (id_of(shop, "visitor", "d3"), Relation.FAVOURITE, True)}
    # Nothing new: nothing is asked. Read again from the start: nothing changes.
    assert following.follow_to_end(shop) == 0
    again_from_the_start(shop)
    assert state(shop) == told
    # Of a shop that was read late, sealed, and of one event a segment in another order: the same.
    with scope(shop=shop.id):
        for model in (Identity, Link, Suggestion, KeptOut, RelationFact, Register):
            model.objects.all().delete()
    seal(shop, [date(2026, 5, 4)])
    following.follow_to_end(shop)
    assert state(shop) == told
    with scope(shop=other_shop.id):
        assert Identity.objects.count() == 0
    following.follow_to_end(other_shop)
    assert reads.customer_of(other_shop, id_of(other_shop, "visitor", "d1")) == id_of(
        other_shop, "visitor", "d1"
    )
    assert reads.count_suggestions(other_shop) == 0


def test_facts__late_and_after_a_merge_and_a_split__go_where_they_belong(make_shop, warehouse_home):
    shop = make_shop("linen")
    send(shop, identify("d1", "u1"), identify("d2", "u2"))
    following.follow_to_end(shop)
    u1, u2 = id_of(shop, "person", "u1"), id_of(shop, "person", "u2")
    link = actions.merge(shop=shop, one_id=u1, other_id=u2, actor=WHO, at=AT + timedelta(hours=9))
    send(shop, identify("d0", "u2"), at=AT - timedelta(days=3))  # late, and the earliest of all
    following.follow_to_end(shop)
    assert reads.customer_of(shop, id_of(shop, "visitor", "d1")) == u2  # who was met first leads
    actions.split(shop=shop, link_id=link.id, actor=WHO, at=AT + timedelta(hours=10))
    assert reads.customer_of(shop, id_of(shop, "visitor", "d0")) == u2
    assert reads.customer_of(shop, id_of(shop, "visitor", "d1")) == u1
    # A link of facts that a person undid stays undone, however often facts say it again.
    own = next(one for one in reads.links_of(shop, u1) if one.origin == "identify")
    actions.split(shop=shop, link_id=own.id, actor=WHO, at=AT)
    send(shop, identify("d1", "u1"), at=AT + timedelta(days=1))
    again_from_the_start(shop)
    assert reads.customer_of(shop, id_of(shop, "visitor", "d1")) == id_of(shop, "visitor", "d1")


def test_alias__of_somebody_who_turns_out_to_be_a_person_later__is_suggested_then(make_shop, warehouse_home):
    shop = make_shop("linen")
    send(shop, {"type": "alias", "previousId": "u8", "userId": "u9"})
    following.follow_to_end(shop)
    assert reads.suggestions(shop) == ()
    send(shop, {"type": "track", "event": "Signed In", "userId": "u8"}, at=AT + timedelta(hours=1))
    following.follow_to_end(shop)
    assert [(s.reason, {s.one.ref, s.other.ref}) for s in reads.suggestions(shop)] == [
        (Reason.ALIAS, {"u8", "u9"})
    ]


def test_erased_person__facts_that_wait_to_be_read__say_nothing_of_them(
    make_shop, warehouse_home, monkeypatch
):
    shop = make_shop("linen")
    send(shop, identify("d1", "u1", phone="13800138000"), identify("d2", "u2", email="b@example.com"))
    steps = following.follow(shop)
    monkeypatch.setattr(following, "SAID_AT_ONCE", 1)
    next(steps)  # some of it is written, the rest lies read
    with clock.frozen(AT + timedelta(hours=2)):
        erase_person(person=PersonRef(shop.id, ("u1",), ("d1",)), actor=WHO, at=clock.now())
    with pytest.raises(following._ErasedMeanwhile):
        list(steps)
    following.follow_to_end(shop)
    again_from_the_start(shop)
    with scope(shop=shop.id):
        assert sorted(Identity.objects.values_list("ref", flat=True)) == ["b@example.com", "d2", "u2"]
    # They came back: a fact of later is a fact.
    send(shop, identify("d1", "u1"), at=AT + timedelta(days=2))
    following.follow_to_end(shop)
    assert reads.customer_of(shop, id_of(shop, "visitor", "d1")) == id_of(shop, "person", "u1")


def test_follow_due__nothing_new__asks_for_one_number(
    make_shop, warehouse_home, django_assert_num_queries, monkeypatch
):
    shop = make_shop("linen")
    monkeypatch.setattr(following, "_RESTS", 0.0)
    monkeypatch.setattr(following, "_seen", -1)
    monkeypatch.setattr(following, "_rest_until", 0.0)
    send(shop, identify("d1", "u1"))
    while following.follow_due(clock.now()) or following._steps is not None:
        pass
    assert reads.customer_map(shop).num_rows == 1
    with django_assert_num_queries(1):
        assert following.follow_due(clock.now()) == 0


def test_merge__of_a_buyer_whom_nothing_joins__keeps_when_facts_met_him(make_shop, warehouse_home):
    shop = make_shop("linen")
    send(shop, page("d1", "u1"), {"type": "track", "event": "Signed In", "userId": "u2"})
    following.follow_to_end(shop)
    (alone,) = reads.find(shop, "u2")
    assert (alone.first_at, alone.source) == (AT + timedelta(minutes=1), "")
    assert reads.identities_of(shop, alone.id) == (alone,)
    link = actions.merge(
        shop=shop,
        one_id=id_of(shop, "visitor", "d1"),
        other_id=alone.id,
        actor=WHO,
        at=AT + timedelta(days=9),
    )
    assert {one.first_at for one in (link.one, link.other)} == {AT, AT + timedelta(minutes=1)}
    person = reads.person_ref_of(shop, link.one.customer_id)
    assert (set(person.person_refs), person.anonymous_refs) == ({"u1", "u2"}, ("d1",))
    # Back from an older backup: erased again, by surrogates alone.
    erased = Erasure(shop.id, (id_of(shop, "person", "u1"),), (), AT.isoformat())
    assert STORE.erase_again is not None
    assert STORE.erase_again(erased) == 4  # he, his device, and both links
    assert STORE.erase_again(erased) == 0
    assert reads.customer_map(shop).num_rows == 0
