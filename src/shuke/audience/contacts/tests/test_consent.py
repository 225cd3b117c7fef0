"""Consent: the law over any life of gives, withdrawals, merges and splits; evidence, double opt-in, a running export."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django_scopes import scope
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shuke.audience import timeline
from shuke.audience.contacts import actions, reads
from shuke.audience.contacts.actions import Evidence
from shuke.audience.contacts.decisions import Word, decide, standing
from shuke.audience.contacts.errors import (
    ConfirmationOver,
    InFuture,
    NoEvidence,
    NoSuchConfirmation,
    WrongPoint,
)
from shuke.audience.contacts.kinds import Channel, PointKind, Purpose, Said
from shuke.audience.contacts.models import Confirmation, ContactPoint, Statement
from shuke.audience.identities import actions as identities
from shuke.audience.identities import reads as known
from shuke.audience.identities.kinds import Kind
from shuke.audience.identities.names import name_of
from shuke.audience.identities.tests.furnished import say
from shuke.kernel.errors import NotAllowed
from shuke.records.actor import Actor
from shuke.records.models import AuditEntry
from shuke.records.personal import PersonRef, erase_person, export_person
from shuke.shops.roles import Role

pytestmark = pytest.mark.row("A8")
AT = datetime(2026, 6, 1, 4, tzinfo=UTC)
WHO = Actor.system("tests")
PROOF = Evidence("v3", "checkout", "203.0.113.7")
SMS, EMAIL, MARKETING = Channel.SMS, Channel.EMAIL, Purpose.MARKETING
PEOPLE, PHONES = 4, 3


def minute(number: int) -> datetime:
    return AT + timedelta(minutes=number)


# --- the law


class Plain:
    """The oracle: lists and loops. Who holds what, links as pairs, and every word in the order of its moment."""

    def __init__(self, holds: dict[int, set[int]]) -> None:
        self.holds = holds
        self.links: list[Any] = []
        self.words: list[Any] = []

    def members(self, one: int) -> set[int]:
        found, grew = {one}, True
        while grew:
            grew = False
            for left, right in [*self.links, *((p, q) for p, qs in self.holds.items() for q in qs)]:
                if (left in found) != (right in found):
                    found |= {left, right}
                    grew = True
        return found

    def last(self, one: int) -> str:
        said = [word for word in self.words if word[0] == one]
        newest = max((word[1] for word in said), default=None)
        of_then = [word[2] for word in said if word[1] == newest]
        return "" if not of_then else "withdrawn" if "withdrawn" in of_then else of_then[-1]

    def may(self, point: int, customer: int) -> bool:
        return self.last(point) == "given" and all(
            self.last(one) != "withdrawn" for one in self.members(customer)
        )


person = st.integers(0, PEOPLE - 1)
anyone = st.integers(0, PEOPLE + PHONES - 1)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("give"), anyone, st.integers(0, 30)),
        st.tuples(st.just("give"), st.integers(PEOPLE, PEOPLE + PHONES - 1), st.integers(10, 30)),
        st.tuples(st.just("withdraw"), anyone, st.integers(0, 30)),
        st.tuples(st.just("merge"), person, person),
        st.tuples(st.just("split"), st.integers(0, 5), st.just(0)),
    ),
    min_size=6,
    max_size=18,
)


def test_law__any_life__as_the_plain_oracle_and_never_widened_by_a_merge() -> None:
    """The pure rule over a thousand lives; what the database keeps is held to the same below."""
    seen: Counter[str] = Counter()

    @settings(max_examples=400, deadline=None)
    @given(steps, st.lists(person, min_size=PHONES, max_size=PHONES))
    def law(life: list[tuple[str, int, int]], owners: list[int]) -> None:
        holds: dict[int, set[int]] = {}
        for phone, owner in enumerate(owners):
            holds.setdefault(owner, set()).add(PEOPLE + phone)
        plain = Plain(holds)
        words: dict[Any, Any] = {}

        def verdicts() -> dict[tuple[int, int], bool]:
            stands = {one: s for one, said in words.items() if (s := standing(said)) is not None}
            return {
                (PEOPLE + phone, owner): decide(
                    PEOPLE + phone, plain.members(owner), stands, wants_confirmation=False
                ).is_permitted
                for phone, owner in enumerate(owners)
            }

        before_merge: list[dict[tuple[int, int], bool]] = []
        for number, (deed, one, more) in enumerate(life):
            before = verdicts()
            if deed in ("give", "withdraw"):
                said = Said.GIVEN if deed == "give" else Said.WITHDRAWN
                words.setdefault(one, []).append(Word.of(minute(more), said, number))
                plain.words.append((one, more, said.value))
                before_merge.clear()
            elif deed == "merge" and one != more and (one, more) not in plain.links:
                plain.links.append((one, more))
                before_merge.append(before)
                # A merge never permits what was not permitted.
                assert all(before[pair] or not now for pair, now in verdicts().items())
                seen["merge took something"] += before != verdicts()
            elif deed == "split" and plain.links:
                plain.links.pop()
                if before_merge:  # nothing was said since: as it was before that merge
                    assert verdicts() == before_merge.pop()
                    seen["split gave back"] += before != verdicts()
            told = verdicts()
            assert told == {pair: plain.may(*pair) for pair in told}
            seen[deed] += 1
            seen["permitted"] += any(told.values())
            seen["refused"] += not all(told.values())

    law()
    print(dict(seen))
    wanted = ("give", "withdraw", "merge", "split", "permitted", "refused")
    assert all(seen[name] >= 300 for name in wanted), seen
    assert seen["merge took something"] >= 10, seen
    assert seen["split gave back"] >= 1, seen


@pytest.mark.django_db
def test_law__the_same_in_the_database__by_actions(make_shop, warehouse_home) -> None:
    seen: Counter[str] = Counter()
    shops = iter(range(1000))

    @settings(max_examples=14, deadline=None, suppress_health_check=list(HealthCheck))
    @given(steps)
    def law(life: list[tuple[str, int, int]]) -> None:
        shop = make_shop(f"law{next(shops)}")
        names = [f"p{n}" for n in range(PEOPLE)]
        say(shop, *(("person", name, "phone", f"1380013800{n % PHONES + 1}") for n, name in enumerate(names[:PHONES])),
            ("person", names[3], "visitor", "device"))  # fmt: skip
        ids = [name_of(shop, Kind.PERSON, name).id for name in names]
        ids += [name_of(shop, Kind.PHONE, f"1380013800{n + 1}").id for n in range(PHONES)]
        plain = Plain({n: {PEOPLE + n} for n in range(PHONES)})
        made: list[tuple[tuple[int, int], int]] = []
        for deed, one, more in life:
            given_to = {"shop": shop, "actor": WHO, "at": minute(100)}
            if deed == "give":
                actions.record_consent(
                    **given_to, identity_id=ids[one], channel=SMS, purpose=MARKETING, evidence=PROOF, said_at=minute(more)
                )  # fmt: skip
                plain.words.append((one, more, "given"))
            elif deed == "withdraw":
                actions.withdraw_consent(
                    **given_to, identity_id=ids[one], channel=SMS, purpose=MARKETING, said_at=minute(more)
                )
                plain.words.append((one, more, "withdrawn"))
            elif deed == "merge" and more not in plain.members(one):
                link = identities.merge(**given_to, one_id=ids[one], other_id=ids[more])
                # A merge joins those who lead; a split parts these two.
                pair = (ids.index(link.one.id), ids.index(link.other.id))
                made.append((pair, link.id))
                plain.links.append(pair)
            elif deed == "split" and made:
                pair, link_id = made.pop(one % len(made))
                identities.split(**given_to, link_id=link_id)
                plain.links.remove(pair)
            seen[deed] += 1
        expected = {(PEOPLE + n, n): plain.may(PEOPLE + n, n) for n in range(PHONES)}
        for (point, owner), is_permitted in expected.items():
            found = reads.may_contact(shop, ids[owner], ids[point], SMS, MARKETING, minute(200))
            assert found.is_permitted == is_permitted, (life, point)
        listed = {row.point.id for row in reads.reachable(shop, SMS, MARKETING, minute(200))}
        assert listed == {ids[point] for (point, _o), may in expected.items() if may}
        seen["permitted"] += sum(expected.values())
        seen["refused"] += PHONES - sum(expected.values())

    law()
    print(dict(seen))
    assert all(seen[name] >= 3 for name in ("give", "withdraw", "merge", "permitted", "refused")), seen


@given(st.permutations([(0, Said.GIVEN), (5, Said.WITHDRAWN), (5, Said.CONFIRMED), (9, Said.GIVEN)]))
@settings(deadline=None)
def test_standing__in_any_order_of_arrival__the_same(said: list[tuple[int, Said]]) -> None:
    stands = standing(Word.of(minute(at), one, id) for id, (at, one) in enumerate(said))
    assert stands is not None
    assert (stands.said, stands.is_confirmed) == (
        Said.GIVEN,
        False,
    )  # the withdrawal took the confirmation too


# --- actions


@pytest.fixture
def ann(shop, warehouse_home) -> dict[str, Any]:
    say(shop, ("person", "ann", "phone", "13800138001"), ("person", "ann", "email", "ann@example.com"))
    say(shop, ("person", "bob", "phone", "13800138002"))
    return {
        "shop": shop,
        "ann": name_of(shop, Kind.PERSON, "ann").id,
        "bob": name_of(shop, Kind.PERSON, "bob").id,
        "phone": name_of(shop, Kind.PHONE, "13800138001").id,
        "other_phone": name_of(shop, Kind.PHONE, "13800138002").id,
        "email": name_of(shop, Kind.EMAIL, "ann@example.com").id,
    }


def _give(ann: dict[str, Any], who: str, number: int, channel: Channel = SMS, **more: Any) -> int:
    return actions.record_consent(
        shop=ann["shop"], identity_id=ann[who], channel=channel, purpose=MARKETING, evidence=PROOF, actor=WHO,
        at=minute(number), **more,
    )  # fmt: skip


def _may(
    ann: dict[str, Any], who: str, point: str, channel: Channel = SMS, purpose: Purpose = MARKETING
) -> str:
    return reads.may_contact(ann["shop"], ann[who], ann[point], channel, purpose, minute(1000)).reason


@pytest.mark.django_db
def test_consent__merge_act_split__each_side_keeps_its_own(ann) -> None:
    shop, common = ann["shop"], {"shop": ann["shop"], "actor": WHO}
    assert _may(ann, "ann", "phone") == "nothing_said"  # unknown is no
    _give(ann, "phone", 1)
    _give(ann, "other_phone", 2)
    assert _may(ann, "ann", "phone") == _may(ann, "bob", "other_phone") == "permitted"
    assert _may(ann, "ann", "phone", purpose=Purpose.SURVEY) == "nothing_said"
    assert _may(ann, "ann", "phone", Channel.CALL) == "nothing_said"
    link = identities.merge(**common, one_id=ann["ann"], other_id=ann["bob"], at=minute(3))
    # While they are one: Bob refuses under his own name, which holds for every point; a point is typed.
    actions.withdraw_consent(**common, identity_id=ann["bob"], channel=SMS, purpose=MARKETING, at=minute(4))
    typed = actions.add_point(
        **common, customer_id=ann["ann"], kind=PointKind.WEIBO, text="@Ann_W", at=minute(5)
    )
    assert _may(ann, "ann", "phone") == _may(ann, "ann", "other_phone") == "refused_elsewhere"
    assert list(reads.reachable(shop, SMS, MARKETING, minute(6))) == []
    identities.split(**common, link_id=link.id, at=minute(7))
    assert _may(ann, "ann", "phone") == "permitted"
    assert _may(ann, "bob", "other_phone") == "refused_elsewhere"
    for who in ("ann", "bob"):  # what was typed on both stays on both
        assert typed.id in {view.point.id for view in reads.consent_of(shop, ann[who], minute(8)).points}
    # The history says it all, on each side its own; nothing of it was changed.
    assert [one.said for one in reads.history_of(shop, ann["bob"])] == [Said.WITHDRAWN, Said.GIVEN]
    assert [one.said for one in reads.history_of(shop, ann["ann"])] == [Said.GIVEN]
    page = timeline.read(
        shop=shop, identity_ids=[ann["bob"], ann["other_phone"]], until=minute(9), only=["consent"], limit=1
    )
    assert [entry.words.code for entry in page.entries] == ["consent_withdrawn"]
    assert page.cursor is not None
    # Bob takes his refusal back under his name: his point is permitted by its own word again.
    _give(ann, "bob", 10)
    assert _may(ann, "bob", "other_phone") == "permitted"
    coverage = reads.reach(shop, SMS, MARKETING, minute(11))
    assert sorted(coverage.permitted.tolist()) == sorted([ann["ann"], ann["bob"]])


@pytest.mark.django_db
def test_consent__by_e_mail__wants_a_confirmation_that_works_once_and_in_time(ann) -> None:
    shop = ann["shop"]
    point = reads.point_named(shop, PointKind.EMAIL, " Ann@Example.com")
    assert point.id == ann["email"]

    def ask(number: int) -> str:
        return actions.ask_consent(
            shop=shop, point=point, channel=EMAIL, purpose=MARKETING, evidence=PROOF, actor=WHO, at=minute(number)
        ).token  # fmt: skip

    def confirm(token: str, number: int) -> None:
        actions.confirm_consent(shop=shop, token=token, ip="2001:db8::1", actor=WHO, at=minute(number))

    token = ask(0)
    assert _may(ann, "ann", "email", EMAIL) == "unconfirmed"
    with scope(shop=shop.id):
        assert token not in str(list(Confirmation.objects.values()))
    with pytest.raises(NoSuchConfirmation):
        confirm("guessed", 1)
    confirm(token, 1)
    assert _may(ann, "ann", "email", EMAIL) == "permitted"
    with pytest.raises(ConfirmationOver):  # once
        confirm(token, 2)
    late = ask(3)
    with pytest.raises(ConfirmationOver):  # 48 hours are over
        confirm(late, 3 + 48 * 60)
    assert _may(ann, "ann", "email", EMAIL) == "permitted"  # asked again, what was confirmed stands
    open_one = ask(10)
    actions.withdraw_consent(shop=shop, identity_id=ann["email"], actor=WHO, at=minute(11))
    with pytest.raises(ConfirmationOver):  # an old link does not undo a withdrawal
        confirm(open_one, 12)
    assert _may(ann, "ann", "email", EMAIL) == "refused"
    confirm(ask(13), 14)
    assert _may(ann, "ann", "email", EMAIL) == "permitted"
    with pytest.raises(WrongPoint):
        actions.ask_consent(
            shop=shop, point=point, channel=SMS, purpose=MARKETING, evidence=PROOF, actor=WHO, at=minute(1)
        )


@pytest.mark.django_db
def test_consent__withdrawn_while_an_export_runs__is_obeyed_from_that_row(ann, make_shop) -> None:
    shop = ann["shop"]
    _give(ann, "phone", 1)
    _give(ann, "other_phone", 1)
    rows = reads.reachable(shop, SMS, MARKETING, minute(2))
    first = next(rows)
    rest = ann["other_phone"] if first.point.id == ann["phone"] else ann["phone"]
    actions.withdraw_consent(
        shop=shop, identity_id=rest, channel=SMS, purpose=MARKETING, actor=WHO, at=minute(3)
    )
    assert list(rows) == []
    # A merge that brings a refusal is obeyed alike, and a consent given meanwhile waits for the next list.
    _give(ann, "phone" if rest == ann["phone"] else "other_phone", 4)
    rows = reads.reachable(shop, SMS, MARKETING, minute(5))
    next(rows)
    say(shop, ("person", "cy", "visitor", "cys-device"))
    cy = name_of(shop, Kind.PERSON, "cy").id
    actions.withdraw_consent(shop=shop, identity_id=cy, actor=WHO, at=minute(6))
    owners = {ann["phone"]: ann["ann"], ann["other_phone"]: ann["bob"]}
    identities.merge(shop=shop, one_id=owners[rest], other_id=cy, actor=WHO, at=minute(7))
    left = [row.point.id for row in rows]
    assert rest not in left or known.customer_of(shop, owners[rest]) != known.customer_of(shop, cy)


@pytest.mark.django_db
def test_consent__wrong_or_forbidden__refused_and_nothing_changed(ann, other_shop, member_of) -> None:
    shop = ann["shop"]
    analyst = Actor("member", member_of(shop, Role.ANALYST).pk, "Ana", Role.ANALYST.value)

    def counts() -> tuple[int, int, int]:
        with scope(shop=shop.id):
            said, held = Statement.objects.count(), ContactPoint.objects.count()
            return said, held, AuditEntry.objects.filter(deed="record_consent").count()

    before = counts()
    common = {"shop": shop, "identity_id": ann["phone"], "channel": SMS, "purpose": MARKETING}
    with pytest.raises(NotAllowed):
        actions.record_consent(**common, evidence=PROOF, actor=analyst, at=AT)
    with pytest.raises(NotAllowed):
        actions.withdraw_consent(**common, actor=analyst, at=AT)
    for proof in (Evidence("", "form"), Evidence("v1", " ")):
        with pytest.raises(NoEvidence):
            actions.record_consent(**common, evidence=proof, actor=WHO, at=AT)
    with pytest.raises(InFuture):
        actions.record_consent(**common, evidence=PROOF, said_at=AT + timedelta(days=1), actor=WHO, at=AT)
    with pytest.raises(Exception, match="ip"):
        actions.record_consent(**common, evidence=Evidence("v1", "form", "somewhere"), actor=WHO, at=AT)
    assert counts() == before
    actions.record_consent(**common, evidence=PROOF, actor=WHO, at=AT)
    assert counts() == (before[0] + 1, before[1], before[2] + 1)
    # The same phone in another shop is another identity, of which nobody said anything.
    twin = reads.point_named(other_shop, PointKind.PHONE, "13800138001")
    assert twin.id != ann["phone"]
    assert reads.may_contact(other_shop, twin.id, twin.id, SMS, MARKETING, AT).reason == "nothing_said"
    assert reads.statements(other_shop) == ()


@pytest.mark.django_db
def test_person__exported_and_erased__with_points_and_consent_of_all_his_names(ann) -> None:
    shop = ann["shop"]
    _give(ann, "phone", 1)
    _give(ann, "other_phone", 1)
    actions.add_point(
        shop=shop, customer_id=ann["ann"], kind=PointKind.EMAIL, text="second@example.com", actor=WHO, at=AT
    )
    person = PersonRef(shop.id, ("ann",), ())
    told = export_person(person)["audience.contacts"]
    assert [one["ref"] for one in told["points"]] == ["second@example.com"]
    assert [(one["channel"], one["text_version"], one["ip"]) for one in told["consent"]] == [
        ("sms", "v3", "203.0.113.7")
    ]
    gone = erase_person(person=person, actor=WHO, at=minute(2))
    assert gone["audience.contacts"] == 2
    with scope(shop=shop.id):
        assert set(Statement.objects.values_list("identity_id", flat=True)) == {ann["other_phone"]}
        assert not ContactPoint.objects.exists()


def test_words__pairs_of_one_moment__the_withdrawal_is_last() -> None:
    said = [Word.of(AT, one, n) for n, one in enumerate(Said)]
    assert [word.said for word in sorted(said)][-1] is Said.WITHDRAWN
    assert all(one < other for one, other in pairwise(sorted(said)))
