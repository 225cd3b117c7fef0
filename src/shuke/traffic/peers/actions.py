"""Saying which channel a name of an industry table means in this shop; always on record."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _
from django_scopes import scope

from shuke.kernel.errors import Invalid
from shuke.kernel.periods import local_day
from shuke.records.actor import Actor
from shuke.records.audit import record_audit
from shuke.rulebook import reads as rulebook
from shuke.shops.access import require
from shuke.shops.reads import ShopView
from shuke.shops.roles import Deed
from shuke.traffic.peers.decisions import folded
from shuke.traffic.peers.models import ChannelName

LEFT_OUT = "-"
LONGEST = 200


class NoSuchChannel(Invalid):
    code = "no_such_channel"
    words = _("There is no channel “%(value)s”.")
    remedy = _(
        "Give a channel of the classification, “-” to leave the name out, or nothing for the rulebook's own."
    )


def assign_channel(*, shop: ShopView, name: str, channel: str, actor: Actor, at: datetime) -> None:
    """Let a name of industry tables mean a channel in this shop: "-" leaves it out, "" goes back to the rulebook.

    Saying what is said already changes nothing and is not recorded again. Raises NoSuchChannel, Invalid, NotAllowed.
    """
    require(actor=actor, shop_id=shop.id, deed=Deed.MANAGE_TRAFFIC)
    key = folded(name)
    if not key or len(key) > LONGEST or "\0" in key:
        raise Invalid(field="name", value=name)
    if channel not in ("", LEFT_OUT) and channel not in rulebook.channel_titles(
        local_day(at, shop.zone), shop
    ):
        raise NoSuchChannel(field="channel", value=channel)
    with scope(shop=shop.id), transaction.atomic():
        row = ChannelName.objects.select_for_update().filter(shop_id=shop.id, name=key).first()
        before = None if row is None else row.channel or LEFT_OUT
        after = channel or None
        if before == after:
            return
        if after is None and row is not None:
            row.delete()
        elif after is not None:
            ChannelName.objects.update_or_create(
                shop_id=shop.id,
                name=key,
                defaults={
                    "channel": "" if after == LEFT_OUT else after,
                    "made_by": actor.name,
                    "made_at": at,
                },
            )
        record_audit(
            shop_id=shop.id,
            actor=actor,
            deed="assign_channel",
            subject_kind="channel_name",
            subject_id=key,
            before={"channel": before},
            after={"channel": after},
            at=at,
        )
