"""Deeds of people: merge, split, decide what is suggested. What facts say is written by following.py."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django_scopes import scope

from shuke.audience import events
from shuke.audience.identities import reads, storing
from shuke.audience.identities.errors import (
    BadSide,
    LinkUndone,
    NoSuchLink,
    NoSuchSuggestion,
    SameCustomer,
    SharedIdentity,
    SuggestionDecided,
)
from shuke.audience.identities.kinds import Kind, Origin
from shuke.audience.identities.models import Identity, Link, Suggestion
from shuke.audience.identities.refolding import refold
from shuke.audience.identities.shapes import IdentityView, LinkView, SplitView
from shuke.audience.identities.values import crowd_of
from shuke.records.actor import Actor
from shuke.records.audit import record_audit
from shuke.records.outbox import announce
from shuke.shops import access
from shuke.shops.reads import ShopView
from shuke.shops.roles import Deed

_SOURCE = "hand"


def merge(*, shop: ShopView, one_id: int, other_id: int, actor: Actor, at: datetime) -> LinkView:
    """Say that two customers (by any identity of theirs) are one. Nothing else is written: `split` undoes it wholly.

    Raises NotAllowed, NoSuchCustomer, SameCustomer, SharedIdentity.
    """
    access.require(actor=actor, shop_id=shop.id, deed=Deed.MANAGE_CUSTOMERS)
    ends = [_leading(shop, identity_id) for identity_id in (one_id, other_id)]
    with transaction.atomic(), scope(shop=shop.id):
        register = storing.register_of(shop.id)
        # Again under the register: somebody may have merged them meanwhile.
        homes = [reads.customer_of(shop, end.id) for end in ends]
        if homes[0] == homes[1]:
            raise SameCustomer(field="customer", value=other_id)
        if any(end.is_shared for end in ends) and all(end.kind is not Kind.PERSON for end in ends):
            raise SharedIdentity(field="customer", value=other_id)
        names = [reads.name_of_view(end) for end in ends]
        said = storing.Said(names[0], names[1], Origin.HAND, _SOURCE, at, at)
        met = [
            storing.Met(name, end.source or "facts", end.first_at or at, end.last_at or at)
            for name, end in zip(names, ends, strict=True)
        ]
        storing.write(register, [said], met, crowd_of(shop, at), made_by=actor.name[:200])
        row = Link.objects.get(
            pair_id=storing.pair_id(shop.id, said.pair), origin=Origin.HAND, undone_at=None
        )
        now = reads.customer_of(shop, ends[0].id)
        _audit(
            shop, actor, "merge_customers", row.pk, None, {"customers": sorted(homes), "customer": now}, at
        )
        announce(
            shop_id=shop.id,
            name=events.CUSTOMER_MERGED,
            payload={"link_id": row.pk, "customers": sorted(homes), "customer_id": now},
            at=at,
        )
    return reads.link_of(shop, row.pk)


def split(*, shop: ShopView, link_id: int, side: int | None = None, actor: Actor, at: datetime) -> SplitView:
    """Undo a link, of whatever origin: both sides are as if it had never been, with what came meanwhile on its own side.

    `side`: the identity (one of the link's two) to whose side goes what was typed on the merged customer; None: it stays on
    both. A link that facts say stays undone, however often they say it again. Raises NotAllowed, NoSuchLink, LinkUndone,
    BadSide.
    """
    access.require(actor=actor, shop_id=shop.id, deed=Deed.MANAGE_CUSTOMERS)
    with transaction.atomic(), scope(shop=shop.id):
        register = storing.register_of(shop.id)
        row = Link.objects.filter(pk=link_id).first()
        if row is None:
            raise NoSuchLink(field="link", value=link_id)
        if row.undone_at is not None:
            raise LinkUndone(field="link", value=link_id)
        if side is not None and side not in (row.one_id, row.other_id):
            raise BadSide(field="side", value=side)
        both = reads.sides_of(shop, link_id)
        before = reads.customer_of(shop, row.one_id)
        row.undone_at, row.undone_by = at, actor.name[:200]
        row.save(update_fields=["undone_at", "undone_by"])
        refold(register, [row.one_id, row.other_id], crowd_of(shop, at))
        after = (reads.customer_of(shop, row.one_id), reads.customer_of(shop, row.other_id))
        _audit(
            shop,
            actor,
            "split_customer",
            row.pk,
            {"customer": before},
            {"customers": list(after), "side": side},
            at,
        )
        announce(
            shop_id=shop.id,
            name=events.CUSTOMER_SPLIT,
            payload={
                "link_id": row.pk,
                "sides": [list(part) for part in both],
                "customers": list(after),
                "side": None if side is None else int(side == row.other_id),
            },
            at=at,
        )
    return SplitView(link_id, both, after)


def accept_suggestion(*, shop: ShopView, suggestion_id: int, actor: Actor, at: datetime) -> LinkView:
    """Merge the two people of a suggestion. Raises NotAllowed, NoSuchSuggestion, SuggestionDecided, SameCustomer."""
    access.require(actor=actor, shop_id=shop.id, deed=Deed.MANAGE_CUSTOMERS)
    with transaction.atomic(), scope(shop=shop.id):
        storing.register_of(shop.id)
        row = _waiting(suggestion_id)
        return merge(shop=shop, one_id=row.one_id, other_id=row.other_id, actor=actor, at=at)


def refuse_suggestion(*, shop: ShopView, suggestion_id: int, actor: Actor, at: datetime) -> None:
    """They are two: not suggested again for this reason. Raises NotAllowed, NoSuchSuggestion, SuggestionDecided."""
    access.require(actor=actor, shop_id=shop.id, deed=Deed.MANAGE_CUSTOMERS)
    with transaction.atomic(), scope(shop=shop.id):
        storing.register_of(shop.id)
        row = _waiting(suggestion_id)
        row.refused_at, row.refused_by = at, actor.name[:200]
        row.save(update_fields=["refused_at", "refused_by"])
        told = {"one": row.one_id, "other": row.other_id, "reason": row.reason}
        _audit(shop, actor, "refuse_merge", row.pk, told, told | {"is_refused": True}, at, kind="suggestion")


def _waiting(suggestion_id: int) -> Suggestion:
    row = Suggestion.objects.filter(pk=suggestion_id).first()
    if row is None or Identity.objects.filter(id__in=[row.one_id, row.other_id]).count() < 2:
        raise NoSuchSuggestion(field="suggestion", value=suggestion_id)
    if row.refused_at is not None:
        raise SuggestionDecided(field="suggestion", value=suggestion_id)
    return row


def _leading(shop: ShopView, identity_id: int) -> IdentityView:
    """The identity that leads the customer of this one."""
    home = reads.customer_of(shop, identity_id)
    return next(view for view in reads.identities_of(shop, home) if view.id == home)


def _audit(
    shop: ShopView,
    actor: Actor,
    deed: str,
    subject: int,
    before: dict | None,
    after: dict | None,
    at: datetime,
    *,
    kind: str = "identity_link",
) -> None:
    record_audit(
        shop_id=shop.id,
        actor=actor,
        deed=deed,
        subject_kind=kind,
        subject_id=subject,
        before=before,
        after=after,
        at=at,
    )
