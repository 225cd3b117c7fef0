"""Members: invited, given another role, removed. Changes of one shop's members take turns, so one owner always stays.

A person without an account gets one without a password, and a link with which they set it once. The link is given only
while the account belongs to this shop alone: whoever holds it becomes that person.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext_lazy as _
from django_scopes import scope, scopes_disabled

from shuke.kernel.errors import Conflict, Invalid, NotAllowed, NotFound
from shuke.kernel.verdicts import Reason, Verdict
from shuke.records.actor import Actor
from shuke.records.audit import record_audit
from shuke.records.outbox import announce
from shuke.shops import access, events
from shuke.shops.actions.people import checked_email, make_user
from shuke.shops.decisions import LAST_OWNER, may_set_role
from shuke.shops.models import Member, Shop, User
from shuke.shops.reads import ShopNotFound, ShopView, find_user
from shuke.shops.roles import Deed, Role
from shuke.shops.sign_in import set_password_path


class RoleRefused(NotAllowed):
    """A rank rule said no; `reason` says why."""

    code = "role_refused"
    words = "%(why)s"  # type: ignore[assignment]
    remedy = ""  # type: ignore[assignment]

    def __init__(self, reason: Reason) -> None:
        self.reason = reason
        super().__init__(field="role", why=reason.words, reason=reason.code)


class LastOwner(Conflict):
    code = "last_owner"
    words = LAST_OWNER.words  # type: ignore[assignment]
    remedy = ""  # type: ignore[assignment]


class MemberNotFound(NotFound):
    words = _("There is no such member.")


class AlreadyMember(Conflict):
    code = "already_member"
    words = _("This person is a member of the shop already.")
    remedy = _("Change their role instead.")


class InvitationOpen(Conflict):
    code = "invitation_open"
    words = _("This person has not taken up an earlier invitation yet.")
    remedy = _("Add them once they have set their password.")


class HasJoined(Conflict):
    code = "has_joined"
    words = _("This person has set a password already.")
    remedy = _("They can change it themselves; no link is needed.")


@dataclass(frozen=True)
class Invitation:
    """`path` sets the password once, and lapses after three days; None when the person can sign in already."""

    user: User
    path: str | None


def invite_member(
    *, shop: ShopView, email: str, name: str, role: Role | str, actor: Actor, at: datetime
) -> Invitation:
    """Add a person by e-mail, making the account where there is none. Raises as `add_member`, and InvitationOpen."""
    _decide(shop, actor, before=None, after=_role(role))
    email = checked_email(email)
    with transaction.atomic():
        user = find_user(email)
        is_new = user is None
        if user is None:
            user = make_user(email=email, name=name, password=None, actor=actor, at=at)
        elif not user.has_usable_password():
            raise InvitationOpen(field="email", value=email)
        add_member(shop=shop, user=user, role=role, actor=actor, at=at)
    return Invitation(user, set_password_path(user) if is_new else None)


def renew_invitation(*, shop: ShopView, user_id: int, actor: Actor, at: datetime) -> Invitation:
    """A new link for someone who has not joined yet. Raises NotFound, HasJoined, RoleRefused, InvitationOpen."""
    member = _member(shop, user_id)
    _decide(shop, actor, before=Role(member.role), after=Role(member.role))
    if member.user.has_usable_password():
        raise HasJoined(field="member", value=user_id)
    with scopes_disabled():
        if Member.objects.filter(user_id=user_id).exclude(shop_id=shop.id).exists():
            raise InvitationOpen(field="member", value=user_id)
    with transaction.atomic():
        _record(shop, "renew_invitation", user_id, actor, at, {"role": member.role}, {"role": member.role})
    return Invitation(member.user, set_password_path(member.user))


def add_member(*, shop: ShopView, user: User, role: Role | str, actor: Actor, at: datetime) -> Member:
    """Make a person a member. Raises AlreadyMember, RoleRefused, NotAllowed."""
    wanted = _role(role)
    with transaction.atomic(), scope(shop=shop.id):
        _take_turn(shop)
        _decide(shop, actor, before=None, after=wanted)
        member, is_new = Member.objects.get_or_create(
            shop_id=shop.id, user=user, defaults={"role": wanted.value, "joined_at": at}
        )
        if not is_new:
            raise AlreadyMember(field="member", value=user.pk)
        _record(shop, "add_member", user.pk, actor, at, None, {"role": wanted.value})
        announce(
            shop_id=shop.id,
            name=events.MEMBER_ADDED,
            payload={"user": user.pk, "role": wanted.value},
            at=at,
        )
    return member


def change_role(*, shop: ShopView, user_id: int, role: Role | str, actor: Actor, at: datetime) -> Member:
    """Give a member another role. Raises NotFound, LastOwner, RoleRefused, NotAllowed."""
    wanted = _role(role)
    with transaction.atomic(), scope(shop=shop.id):
        _take_turn(shop)
        member = _member(shop, user_id)
        before = Role(member.role)
        _decide(shop, actor, before=before, after=wanted)
        if before is wanted:
            return member
        member.role = wanted.value
        member.save(update_fields=["role"])
        _record(shop, "change_role", user_id, actor, at, {"role": before.value}, {"role": wanted.value})
        announce(
            shop_id=shop.id,
            name=events.MEMBER_ROLE_CHANGED,
            payload={"user": user_id, "before": before.value, "after": wanted.value},
            at=at,
        )
    return member


def remove_member(*, shop: ShopView, user_id: int, actor: Actor, at: datetime) -> None:
    """Take a member out; their next request finds no shop. Raises NotFound, LastOwner, RoleRefused, NotAllowed."""
    with transaction.atomic(), scope(shop=shop.id):
        _take_turn(shop)
        member = _member(shop, user_id)
        _decide(shop, actor, before=Role(member.role), after=None)
        before = {"role": member.role}
        member.delete()
        _record(shop, "remove_member", user_id, actor, at, before, None)
        announce(shop_id=shop.id, name=events.MEMBER_REMOVED, payload={"user": user_id}, at=at)


def _take_turn(shop: ShopView) -> None:
    """The first write of each change of members. On PostgreSQL the row makes the next one wait for this commit."""
    if not Shop.objects.filter(id=shop.id).update(members_turn=F("members_turn") + 1):
        raise ShopNotFound(field="shop", value=shop.slug)


def _decide(shop: ShopView, actor: Actor, *, before: Role | None, after: Role | None) -> None:
    """Check the table and the ranks, as the database is now."""
    own = access.require(actor=actor, shop_id=shop.id, deed=Deed.MANAGE_MEMBERS)
    with scopes_disabled():
        owners = Member.objects.filter(shop_id=shop.id, role=Role.OWNER.value).count()
    verdict: Verdict = may_set_role(own=own, before=before, after=after, owners=owners)
    if verdict.is_allowed:
        return
    if verdict.reasons[0] is LAST_OWNER:
        raise LastOwner(field="role")
    raise RoleRefused(verdict.reasons[0])


def _member(shop: ShopView, user_id: int) -> Member:
    with scopes_disabled():
        found = Member.objects.filter(shop_id=shop.id, user_id=user_id).select_related("user").first()
    if found is None:
        raise MemberNotFound(field="member", value=user_id)
    return found


def _role(role: Role | str) -> Role:
    try:
        return Role(role)
    except ValueError:
        raise Invalid(field="role", value=role) from None


def _record(
    shop: ShopView,
    deed: str,
    user_id: int,
    actor: Actor,
    at: datetime,
    before: dict | None,
    after: dict | None,
) -> None:
    record_audit(
        shop_id=shop.id,
        actor=actor,
        deed=deed,
        subject_kind="member",
        subject_id=user_id,
        before=before,
        after=after,
        at=at,
    )
