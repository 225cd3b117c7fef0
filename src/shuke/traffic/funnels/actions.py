"""Saving, changing, archiving and bringing back a funnel: checked, on record, one name once."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _
from django_scopes import scope

from shuke.kernel.errors import Conflict, Invalid
from shuke.records.actor import Actor
from shuke.shops import access
from shuke.shops.reads import ShopView
from shuke.shops.roles import Deed
from shuke.traffic.funnels.models import SavedFunnel
from shuke.traffic.funnels.saved import FunnelView, view_of
from shuke.traffic.funnels.shapes import Funnel, dump_funnel
from shuke.traffic.saved.shelf import Shelf, signed

LONGEST_NAME = 120
MOST_SAVED = 500


class NameTaken(Conflict):
    code = "funnel_name_taken"
    words = _("There is a funnel called “%(value)s” already.")
    remedy = _("Choose another name, or change the one that there is.")


class ChangedMeanwhile(Conflict):
    code = "funnel_changed"
    words = _("The funnel “%(value)s” has been changed meanwhile.")
    remedy = _("Load it again and repeat the change.")


class TooManyFunnels(Invalid):
    code = "too_many_funnels"
    words = _("The shop has %(value)s saved funnels, and can have no more.")
    remedy = _("Archive those that nobody needs.")


def _told(row: SavedFunnel) -> dict[str, Any]:
    return {"name": row.name, "definition": row.definition, "is_archived": row.archived_at is not None}


_FUNNELS = Shelf(
    model=SavedFunnel,
    noun=_("funnel"),
    subject_kind="funnel",
    told=_told,
    name_taken=lambda name: NameTaken(field="name", value=name),
    changed_meanwhile=lambda row: ChangedMeanwhile(field="version", value=row.name),
    too_many=lambda count: TooManyFunnels(field="funnel", value=count),
)


def save_funnel(*, shop: ShopView, name: str, funnel: Funnel, actor: Actor, at: datetime) -> FunnelView:
    """Keep a new funnel. Raises NotAllowed, Invalid (its name), NameTaken, TooManyFunnels."""
    access.require(actor=actor, shop_id=shop.id, deed=Deed.MANAGE_TRAFFIC)
    name = _name(name)
    with scope(shop=shop.id):
        _FUNNELS.require_room(MOST_SAVED)
        values = {"definition": dump_funnel(funnel)}
        return view_of(_FUNNELS.add(shop_id=shop.id, name=name, values=values, actor=actor, at=at))


def change_funnel(
    *,
    shop: ShopView,
    funnel_id: int,
    name: str,
    funnel: Funnel,
    version: int | None = None,
    actor: Actor,
    at: datetime,
) -> FunnelView:
    """Give a funnel another name or definition; `version`: the one that was looked at. Raises NotFound, NameTaken,
    ChangedMeanwhile, NotAllowed, Invalid."""
    access.require(actor=actor, shop_id=shop.id, deed=Deed.MANAGE_TRAFFIC)
    name = _name(name)
    with scope(shop=shop.id):
        row = _FUNNELS.get(funnel_id)
        if version is not None and row.version != version:
            raise ChangedMeanwhile(field="version", value=row.name)
        values = {"name": name, "definition": dump_funnel(funnel), **signed(actor, at)}
        return _changed(row, values, actor, at)


def archive_funnel(*, shop: ShopView, funnel_id: int, actor: Actor, at: datetime) -> FunnelView:
    """Take a funnel from the list; links to it hold. Repeatable. Raises NotFound, NotAllowed."""
    access.require(actor=actor, shop_id=shop.id, deed=Deed.MANAGE_TRAFFIC)
    with scope(shop=shop.id):
        row = _FUNNELS.get(funnel_id)
        if row.archived_at is not None:
            return view_of(row)
        return _changed(row, {"archived_at": at}, actor, at)


def restore_funnel(*, shop: ShopView, funnel_id: int, actor: Actor, at: datetime) -> FunnelView:
    """Put an archived funnel back. Repeatable. Raises NotFound, NotAllowed, NameTaken, TooManyFunnels."""
    access.require(actor=actor, shop_id=shop.id, deed=Deed.MANAGE_TRAFFIC)
    with scope(shop=shop.id):
        row = _FUNNELS.get(funnel_id)
        if row.archived_at is None:
            return view_of(row)
        _FUNNELS.require_room(MOST_SAVED)
        return _changed(row, {"archived_at": None}, actor, at)


def _name(name: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or any(ord(c) < 32 or 0xD800 <= ord(c) <= 0xDFFF for c in name):
        raise Invalid(field="name", value=name)
    return name


def _changed(row: SavedFunnel, values: dict[str, Any], actor: Actor, at: datetime) -> FunnelView:
    _FUNNELS.write(row, {**values, "version": row.version + 1}, actor=actor, at=at)
    return view_of(row)
