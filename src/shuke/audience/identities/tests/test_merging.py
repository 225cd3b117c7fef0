"""Merging, splitting and finding, as people do it."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from django_scopes import scope

from shuke.audience.identities import actions, reads
from shuke.audience.identities.errors import (
    BadEmail,
    BadPhone,
    BadSide,
    LinkUndone,
    NoSuchCustomer,
    SameCustomer,
    SuggestionDecided,
)
from shuke.audience.identities.kinds import Kind, Reason
from shuke.audience.identities.models import Identity, Link
from shuke.audience.identities.names import name_of
from shuke.audience.identities.tests.furnished import AT, WHO, say
from shuke.kernel.errors import NotAllowed
from shuke.records.actor import Actor
from shuke.records.models import AuditEntry, OutboxEvent
from shuke.records.personal import PersonRef, erase_person, export_person
from shuke.shops.roles import Role

pytestmark = [pytest.mark.django_db, pytest.mark.row("A1")]

LATER = AT + timedelta(hours=5)


def id_of(shop, kind, text):
    return name_of(shop, Kind(kind), text).id


def test_find__phone_in_any_spelling__is_the_one_customer(shop, other_shop, warehouse_home):
    say(shop, ("person", "u1", "phone", "13800138000"), ("person", "u1", "email", "Mei.Li@Example.COM"))
    say(other_shop, ("person", "u1", "phone", "13800138000"))
    lead = id_of(shop, "person", "u1")
    for text in (
        "13800138000",
        "+86 138-0013-8000",
        "0086 138 0013 8000",
        " 138 0013 8000 ",
        "１３８００１３８０００",
    ):
        assert [v.customer_id for v in reads.find(shop, text)] == [lead], text
    assert [v.given for v in reads.find(shop, "mei.li@example.com")] == ["Mei.Li@Example.COM"]
    assert reads.find(shop, "u2") == ()
    assert reads.find(shop, "1380013") == ()
    # Two shops with the same buyer never learn of each other.
    assert {v.customer_id for v in reads.find(other_shop, "u1")} == {id_of(other_shop, "person", "u1")}
    assert reads.customer_map(other_shop).num_rows == 1
    with pytest.raises(NoSuchCustomer):
        reads.identities_of(other_shop, lead)
    with pytest.raises(NoSuchCustomer):
        actions.merge(
            shop=other_shop, one_id=lead, other_id=id_of(other_shop, "person", "u1"), actor=WHO, at=LATER
        )


@pytest.mark.parametrize(
    ("kind", "text", "error"),
    [
        ("phone", "12345", BadPhone),
        ("phone", "", BadPhone),
        ("phone", "11100000000", BadPhone),
        ("phone", "+86 12345", BadPhone),
        ("email", "mei@", BadEmail),
        ("email", "a b@c.de", BadEmail),
    ],
)
def test_name__that_is_none__names_field_value_and_remedy(shop, kind, text, error):
    with pytest.raises(error) as caught:
        name_of(shop, Kind(kind), text, field="telephone")
    told = caught.value.as_dict()
    assert told["field"] == "telephone"
    assert told["value"] == text
    assert told["remedy"]


def test_merge_and_split__what_came_meanwhile__goes_with_its_identity(shop, warehouse_home):
    say(shop, ("person", "u1", "visitor", "d1"), ("person", "u2", "visitor", "d2"))
    u1, u2, d3 = (id_of(shop, k, r) for k, r in (("person", "u1"), ("person", "u2"), ("visitor", "d3")))
    before = reads.customer_map(shop)
    link = actions.merge(shop=shop, one_id=id_of(shop, "visitor", "d2"), other_id=u1, actor=WHO, at=LATER)
    assert {link.one.id, link.other.id} == {u1, u2}  # the leading identities of both
    assert set(reads.customer_map(shop)["customer_id"].to_pylist()) == {u1}
    assert reads.anchors_of(shop, u1) == tuple(sorted((u1, u2)))
    say(shop, ("person", "u2", "visitor", "d3"), at=LATER)
    assert reads.customer_of(shop, d3) == u1
    with pytest.raises(SameCustomer):
        actions.merge(shop=shop, one_id=u2, other_id=d3, actor=WHO, at=LATER)
    with pytest.raises(BadSide):
        actions.split(shop=shop, link_id=link.id, side=d3, actor=WHO, at=LATER)
    with scope(shop=shop.id):
        assert Link.objects.filter(undone_at=None).count() == 4  # refused: nothing changed
    done = actions.split(shop=shop, link_id=link.id, side=u2, actor=WHO, at=LATER)
    assert set(done.customers) == {u1, u2}
    assert not done.is_still_one
    assert set(done.sides) == {(u1,), (u2,)}
    now = reads.customer_map(shop)
    assert now.num_rows == before.num_rows + 1
    assert reads.customer_of(shop, d3) == u2
    with scope(shop=shop.id):
        told = OutboxEvent.objects.get(name="audience.customer_split.v1").payload
        audit = list(AuditEntry.objects.values_list("deed", "before", "after"))
    assert told["sides"][told["side"]] == [u2]
    with pytest.raises(LinkUndone):
        actions.split(shop=shop, link_id=link.id, actor=WHO, at=LATER)
    assert np.array_equal(reads.customers_of(shop, np.array([d3, 7])), [u2, 7])
    assert [deed for deed, _, _ in audit if "custom" in deed] == ["merge_customers", "split_customer"]
    assert "u1" not in str(audit)
    assert "d2" not in str(audit)


def test_split__of_three_merged__keeps_the_other_two_together(shop, warehouse_home):
    say(shop, *(("person", f"u{n}", "visitor", f"d{n}") for n in range(3)))
    ids = [id_of(shop, "person", f"u{n}") for n in range(3)]
    first = actions.merge(shop=shop, one_id=ids[0], other_id=ids[1], actor=WHO, at=LATER)
    actions.merge(shop=shop, one_id=ids[1], other_id=ids[2], actor=WHO, at=LATER)
    assert reads.anchors_of(shop, ids[0]) == tuple(sorted(ids))
    done = actions.split(shop=shop, link_id=first.id, actor=WHO, at=LATER)
    assert set(done.sides) == {(ids[1],), tuple(sorted((ids[0], ids[2])))}
    assert reads.customer_of(shop, ids[2]) == ids[0]
    assert reads.customer_of(shop, ids[1]) == ids[1]


def test_suggestion__a_common_phone__waits_and_is_decided(shop, warehouse_home):
    say(shop, ("person", "u1", "phone", "13800138000"), ("person", "u2", "phone", "13800138000"))
    say(shop, ("person", "u3", "email", "a@example.com"), ("person", "u2", "email", "a@example.com"))
    waiting = reads.suggestions(shop)
    assert {(s.reason, frozenset((s.one.ref, s.other.ref))) for s in waiting} == {
        (Reason.PHONE, frozenset(("u1", "u2"))),
        (Reason.EMAIL, frozenset(("u2", "u3"))),
    }
    phone = next(s for s in waiting if s.reason is Reason.PHONE)
    # The phone belongs to nobody until somebody decides.
    assert phone.via is not None
    assert phone.via.is_shared
    assert phone.via.customer_id == phone.via.id
    link = actions.accept_suggestion(shop=shop, suggestion_id=phone.id, actor=WHO, at=LATER)
    assert reads.customer_of(shop, phone.via.id) == reads.customer_of(shop, link.one.id)
    other = reads.suggestions(shop)[0]
    actions.refuse_suggestion(shop=shop, suggestion_id=other.id, actor=WHO, at=LATER)
    say(shop, ("person", "u3", "email", "a@example.com"), at=AT + timedelta(days=1))
    assert reads.suggestions(shop) == ()
    assert reads.count_suggestions(shop, state="refused") == 1
    with pytest.raises(SuggestionDecided):
        actions.accept_suggestion(shop=shop, suggestion_id=other.id, actor=WHO, at=LATER)
    actions.split(shop=shop, link_id=link.id, actor=WHO, at=LATER)
    assert [s.id for s in reads.suggestions(shop)] == [phone.id]
    # A phone of many suggests nothing any more; what was refused stays remembered.
    say(shop, *(("person", f"w{n}", "phone", "13800138000") for n in range(5)))
    assert reads.suggestions(shop) == ()
    assert reads.count_suggestions(shop, state="refused") == 1


@pytest.mark.parametrize("role", [Role.ANALYST, Role.SUPPORT, Role.READ_ONLY])
def test_merge__role_without_the_deed__changes_nothing(shop, member_of, role, warehouse_home):
    say(shop, ("person", "u1", "visitor", "d1"), ("person", "u2", "visitor", "d2"))
    actor = Actor("member", member_of(shop, role).pk, "x", role.value)
    before = reads.customer_map(shop)
    with pytest.raises(NotAllowed):
        actions.merge(
            shop=shop,
            one_id=id_of(shop, "person", "u1"),
            other_id=id_of(shop, "person", "u2"),
            actor=actor,
            at=AT,
        )
    assert reads.customer_map(shop) is before


def test_erasure__of_a_person__takes_what_is_only_theirs(shop, warehouse_home):
    say(
        shop,
        ("person", "u1", "visitor", "d1"),
        ("visitor", "d1", "email", "mine@example.com"),
        ("person", "u1", "visitor", "family"),
        ("person", "u2", "visitor", "family"),
        ("person", "u1", "phone", "13800138000"),
    )
    actions.merge(
        shop=shop,
        one_id=id_of(shop, "person", "u1"),
        other_id=id_of(shop, "person", "u2"),
        actor=WHO,
        at=LATER,
    )
    person = PersonRef(shop.id, ("u1",))
    told = export_person(person)["audience.identities"]
    assert {row["ref"] for row in told["identities"]} == {"u1", "d1", "mine@example.com", "+8613800138000"}
    erase_person(person=person, actor=WHO, at=LATER)
    with scope(shop=shop.id):
        assert sorted(Identity.objects.values_list("ref", flat=True)) == ["family", "u2"]
    u2 = id_of(shop, "person", "u2")
    assert reads.customer_map(shop).to_pylist() == [
        {"identity_id": id_of(shop, "visitor", "family"), "customer_id": u2}
    ]
    assert reads.find(shop, "13800138000") == ()
