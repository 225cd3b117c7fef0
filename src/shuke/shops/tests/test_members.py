"""Members: invited, promoted, removed; one owner always stays; a link never gives away someone else's account."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest
from django.db import connection
from django_scopes import scope, scopes_disabled

from shuke.kernel.errors import Invalid, NotAllowed, NotFound
from shuke.records import reads as records
from shuke.records.actor import Actor
from shuke.records.models import OutboxEvent
from shuke.shops import actions, events, reads
from shuke.shops.actions import members
from shuke.shops.models import Member, User
from shuke.shops.roles import Role

pytestmark = pytest.mark.row("E3")

AT = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)
SYSTEM = Actor.system("tests")


def _actor(user, role):
    return Actor("member", user.pk, user.name, Role(role).value)


def _state(shop):
    """What a refused deed must not have changed."""
    with scopes_disabled():
        return (
            sorted(Member.objects.values_list("shop_id", "user_id", "role")),
            sorted(User.objects.values_list("email", flat=True)),
            OutboxEvent.objects.count(),
            records.list_audit(shop.id).count,
        )


def _roles(shop):
    return {member.user_id: member.role for member in reads.list_members(shop)}


@pytest.mark.django_db
def test_add_change_remove__each__is_audited_with_before_and_after_and_announced(shop, member_of):
    owner = member_of(shop, "owner")
    user = actions.create_user(email="Li@Example.com", name="Li", password=None, actor=SYSTEM, at=AT)
    actor = _actor(owner, "owner")
    actions.add_member(shop=shop, user=user, role="analyst", actor=actor, at=AT)
    actions.change_role(shop=shop, user_id=user.pk, role="operator", actor=actor, at=AT)
    actions.change_role(
        shop=shop, user_id=user.pk, role="operator", actor=actor, at=AT
    )  # no change, no entry
    actions.remove_member(shop=shop, user_id=user.pk, actor=actor, at=AT)

    entries = records.list_audit(shop.id, subject_kind="member", subject_id=str(user.pk)).rows
    assert [(e.deed, e.before, e.after, e.actor_id) for e in reversed(entries)] == [
        ("add_member", None, {"role": "analyst"}, owner.pk),
        ("change_role", {"role": "analyst"}, {"role": "operator"}, owner.pk),
        ("remove_member", {"role": "operator"}, None, owner.pk),
    ]
    with scope(shop=shop.id):
        names = list(
            OutboxEvent.objects.filter(payload__user=user.pk).order_by("id").values_list("name", flat=True)
        )
    assert names == [events.MEMBER_ADDED, events.MEMBER_ROLE_CHANGED, events.MEMBER_REMOVED]
    assert user.email == "li@example.com"


@pytest.mark.django_db
@pytest.mark.parametrize("role", [r for r in Role if r not in (Role.OWNER, Role.MANAGER)])
def test_members__role_without_the_deed__changes_nothing(shop, member_of, role):
    owner, other = member_of(shop, "owner"), member_of(shop, role)
    actor = _actor(other, role)
    before = _state(shop)
    for deed in (
        lambda: actions.invite_member(
            shop=shop, email="x@example.com", name="X", role="support", actor=actor, at=AT
        ),
        lambda: actions.change_role(shop=shop, user_id=other.pk, role="owner", actor=actor, at=AT),
        lambda: actions.remove_member(shop=shop, user_id=owner.pk, actor=actor, at=AT),
    ):
        with pytest.raises(NotAllowed):
            deed()
    assert _state(shop) == before


@pytest.mark.django_db
def test_members__manager_reaches_above__is_refused_with_the_reason(shop, member_of):
    owner, manager = member_of(shop, "owner"), member_of(shop, "manager")
    actor = _actor(manager, "manager")
    before = _state(shop)
    for deed in (
        lambda: actions.invite_member(
            shop=shop, email="x@example.com", name="X", role="owner", actor=actor, at=AT
        ),
        lambda: actions.change_role(shop=shop, user_id=manager.pk, role="owner", actor=actor, at=AT),
        lambda: actions.change_role(shop=shop, user_id=owner.pk, role="support", actor=actor, at=AT),
        lambda: actions.remove_member(shop=shop, user_id=owner.pk, actor=actor, at=AT),
    ):
        with pytest.raises(members.RoleRefused) as refused:
            deed()
        assert refused.value.reason.code == "role_above_yours"
    assert _state(shop) == before


@pytest.mark.django_db
def test_members__of_another_shop__are_out_of_reach(shop, other_shop, member_of):
    owner, theirs = member_of(shop, "owner"), member_of(other_shop, "support")
    actor = _actor(owner, "owner")
    before = _state(other_shop)
    with pytest.raises(NotFound):
        actions.change_role(shop=other_shop, user_id=theirs.pk, role="owner", actor=actor, at=AT)
    with pytest.raises(NotFound):
        actions.remove_member(shop=shop, user_id=theirs.pk, actor=actor, at=AT)
    assert _state(other_shop) == before


@pytest.mark.django_db
def test_last_owner__leaves_or_steps_down__is_refused(shop, member_of):
    owner = member_of(shop, "owner")
    member_of(shop, "manager")
    before = _state(shop)
    for actor in (_actor(owner, "owner"), SYSTEM):
        with pytest.raises(members.LastOwner):
            actions.remove_member(shop=shop, user_id=owner.pk, actor=actor, at=AT)
        with pytest.raises(members.LastOwner):
            actions.change_role(shop=shop, user_id=owner.pk, role="manager", actor=actor, at=AT)
    assert _state(shop) == before


def _two_owners_leave(shop, users, monkeypatch):
    """Both decide before either writes, where nothing keeps them apart; returns the errors."""
    both_decided = threading.Barrier(2, timeout=1)
    decide = members._decide
    errors = []

    def deciding(*args, **kwargs):
        decide(*args, **kwargs)
        try:
            both_decided.wait()
        except threading.BrokenBarrierError:
            return  # the other waits for its turn

    monkeypatch.setattr(members, "_decide", deciding)

    def leave(user):
        try:
            actions.remove_member(shop=shop, user_id=user.pk, actor=SYSTEM, at=AT)
        except members.LastOwner as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=leave, args=(user,)) for user in users]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return errors


@pytest.fixture
def two_owners(db, shop, member_of):
    second = actions.create_user(
        email="second@example.com", name="Second", password=None, actor=SYSTEM, at=AT
    )
    first = member_of(shop, "owner")
    actions.add_member(shop=shop, user=second, role="owner", actor=SYSTEM, at=AT)
    return first, second


@pytest.mark.django_db(transaction=True)
def test_two_owners_leave_at_once__guard_off__the_race(shop, two_owners, monkeypatch):
    """Without taking turns PostgreSQL lets both go; SQLite's writers take turns by themselves."""
    monkeypatch.setattr(members, "_take_turn", lambda shop: None)
    _two_owners_leave(shop, two_owners, monkeypatch)
    assert len(_roles(shop)) == (0 if connection.vendor == "postgresql" else 1)


@pytest.mark.django_db(transaction=True)
def test_two_owners_leave_at_once__guard_on__one_stays(shop, two_owners, monkeypatch):
    errors = _two_owners_leave(shop, two_owners, monkeypatch)
    assert len(errors) == 1
    assert list(_roles(shop).values()) == [Role.OWNER]


@pytest.mark.django_db
def test_add_member__twice__is_refused(shop, member_of):
    user = member_of(shop, "analyst")
    before = _state(shop)
    with pytest.raises(members.AlreadyMember):
        actions.add_member(shop=shop, user=user, role="owner", actor=SYSTEM, at=AT)
    with pytest.raises(Invalid):
        actions.add_member(shop=shop, user=user, role="root", actor=SYSTEM, at=AT)
    assert _state(shop) == before


@pytest.mark.django_db
def test_invite_member__new_person__gets_an_account_without_password_and_a_link(site, shop, member_of):
    owner = member_of(shop, "owner")
    invitation = actions.invite_member(
        shop=shop, email=" New@Example.com", name="New", role="support", actor=_actor(owner, "owner"), at=AT
    )
    assert (invitation.user.email, invitation.user.has_usable_password()) == ("new@example.com", False)
    assert invitation.path.startswith("/accounts/password/reset/key/")
    view = next(m for m in reads.list_members(shop) if m.user_id == invitation.user.pk)
    assert (view.role, view.has_joined, view.has_second_factor) == (Role.SUPPORT, False, False)


@pytest.mark.django_db
def test_invite_member__person_with_an_account__is_added_and_no_link_is_given(shop, other_shop, member_of):
    known = member_of(other_shop, "owner")
    invitation = actions.invite_member(
        shop=shop, email=known.email.upper(), name="Other name", role="analyst", actor=SYSTEM, at=AT
    )
    assert (invitation.user.pk, invitation.path) == (known.pk, None)
    assert User.objects.get(pk=known.pk).name == known.name


@pytest.mark.django_db
def test_invite_member__open_invitation_of_another_shop__is_refused(site, shop, other_shop):
    """Else whoever runs the second shop would get a link to the account that the first shop trusts."""
    actions.invite_member(shop=shop, email="new@example.com", name="New", role="owner", actor=SYSTEM, at=AT)
    before = _state(other_shop)
    with pytest.raises(members.InvitationOpen):
        actions.invite_member(
            shop=other_shop, email="new@example.com", name="X", role="owner", actor=SYSTEM, at=AT
        )
    assert _state(other_shop) == before


@pytest.mark.django_db
def test_renew_invitation__not_joined_yet__gives_a_link_else_none(site, shop, other_shop, member_of):
    user = actions.invite_member(
        shop=shop, email="new@example.com", name="New", role="support", actor=SYSTEM, at=AT
    ).user
    assert actions.renew_invitation(shop=shop, user_id=user.pk, actor=SYSTEM, at=AT).path
    actions.add_member(shop=other_shop, user=user, role="support", actor=SYSTEM, at=AT)
    with pytest.raises(members.InvitationOpen):
        actions.renew_invitation(shop=shop, user_id=user.pk, actor=SYSTEM, at=AT)
    joined = member_of(shop, "analyst")
    with pytest.raises(members.HasJoined):
        actions.renew_invitation(shop=shop, user_id=joined.pk, actor=SYSTEM, at=AT)


@pytest.mark.django_db
@pytest.mark.parametrize("email", ["", "nobody", "a@b", "x" * 300 + "@example.com", "a\x00@example.com"])
def test_invite_member__bad_address__is_refused(shop, email):
    before = _state(shop)
    with pytest.raises(Invalid):
        actions.invite_member(shop=shop, email=email, name="X", role="support", actor=SYSTEM, at=AT)
    assert _state(shop) == before
