"""Saying that a customer is an opinion leader, or is not, or taking it back; always on record."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django_scopes import scope

from shuke.audience.identities import reads as identities
from shuke.audience.value import leaders
from shuke.audience.value.models import SaidLeader
from shuke.records.actor import Actor
from shuke.records.audit import record_audit
from shuke.shops.access import require
from shuke.shops.reads import ShopView
from shuke.shops.roles import Deed


def say_opinion_leader(
    *, shop: ShopView, customer_id: int, is_leader: bool | None, actor: Actor, at: datetime
) -> leaders.Standing:
    """Say it of a customer on every side of him, or (None) that nobody knows. Saying what is said changes nothing and is not
    recorded again. Raises NotAllowed, NoSuchCustomer."""
    require(actor=actor, shop_id=shop.id, deed=Deed.MANAGE_CUSTOMERS)
    customer_id = identities.customer_of(shop, customer_id)
    identities.identities_of(shop, customer_id)
    with transaction.atomic(), scope(shop=shop.id):
        before = leaders.standing_of(shop, customer_id)
        after: leaders.Standing = "unknown" if is_leader is None else "leader" if is_leader else "ordinary"
        if before == after:
            return after
        if is_leader is None:
            said = list(SaidLeader.objects.all())
            mine = [row.pk for row in said if identities.customer_of(shop, row.identity_id) == customer_id]
            SaidLeader.objects.filter(pk__in=mine).delete()
        else:
            for identity_id in {customer_id, *identities.anchors_of(shop, customer_id)}:
                SaidLeader.objects.update_or_create(
                    shop_id=shop.id,
                    identity_id=identity_id,
                    defaults={"is_leader": is_leader, "made_by": actor.name[:200], "made_at": at},
                )
        record_audit(
            shop_id=shop.id,
            actor=actor,
            deed="say_opinion_leader",
            subject_kind="customer",
            subject_id=str(customer_id),
            before={"standing": before},
            after={"standing": after},
            at=at,
        )
    return after
