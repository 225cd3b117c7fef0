"""Saving, changing, archiving and bringing back a funnel: checked, on record, one name once."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _
from django_scopes import scope

from shuke.kernel.errors import Conflict, Invalid, NotFound
from shuke.records.actor import Actor
from shuke.records.audit import record_audit
from shuke.shops import access
from shuke.shops.reads import ShopView
from shuke.shops.roles import Deed
from shuke.traffic.funnels.models import SavedFunnel
from shuke.traffic.funnels.saved import FunnelView, view_of
from shuke.traffic.funnels.shapes import Funnel, dump_funnel

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


def save_funnel(*, shop: ShopView, name: str, funnel: Funnel, actor: Actor, at: datetime) -> FunnelView:
    """Keep a new funnel. Raises NotAllowed, Invalid (its name), NameTaken, TooManyFunnels."""
    access.require(actor=actor, shop_id=shop.id, deed=Deed.MANAGE_TRAFFIC)
    name = _name(name)
    with scope(shop=shop.id):
        count = SavedFunnel.objects.filter(archived_at=None).count()
        if count >= MOST_SAVED:
            raise TooManyFunnels(field="funnel", value=count)
        try:
            with transaction.atomic():
                row = SavedFunnel.objects.create(
                    shop_id=shop.id,
                    name=name,
                    definition=dump_funnel(funnel),
                    made_by=actor.name[:200],
                    made_at=at,
                    changed_by=actor.name[:200],
                    changed_at=at,
                )
                _record(row, actor, None, at)
        except IntegrityError:
            raise NameTaken(field="name", value=name) from None
        return view_of(row)


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
        row = _found(funnel_id)
        if version is not None and row.version != version:
            raise ChangedMeanwhile(field="version", value=row.name)
        values = {
            "name": name,
            "definition": dump_funnel(funnel),
            "changed_by": actor.name[:200],
            "changed_at": at,
        }
        return _change(row, values, actor, at)


def archive_funnel(*, shop: ShopView, funnel_id: int, actor: Actor, at: datetime) -> FunnelView:
    """Take a funnel from the list; links to it hold. Repeatable. Raises NotFound, NotAllowed."""
    access.require(actor=actor, shop_id=shop.id, deed=Deed.MANAGE_TRAFFIC)
    with scope(shop=shop.id):
        row = _found(funnel_id)
        if row.archived_at is not None:
            return view_of(row)
        return _change(row, {"archived_at": at}, actor, at)


def restore_funnel(*, shop: ShopView, funnel_id: int, actor: Actor, at: datetime) -> FunnelView:
    """Put an archived funnel back. Repeatable. Raises NotFound, NotAllowed, NameTaken."""
    access.require(actor=actor, shop_id=shop.id, deed=Deed.MANAGE_TRAFFIC)
    with scope(shop=shop.id):
        row = _found(funnel_id)
        if row.archived_at is None:
            return view_of(row)
        return _change(row, {"archived_at": None}, actor, at)


def _name(name: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or any(ord(c) < 32 or 0xD800 <= ord(c) <= 0xDFFF for c in name):
        raise Invalid(field="name", value=name)
    return name


def _found(funnel_id: int) -> SavedFunnel:
    row = SavedFunnel.objects.filter(pk=funnel_id).first()
    if row is None:
        raise NotFound(field=str(_("funnel")), value=funnel_id)
    return row


def _change(row: SavedFunnel, values: dict[str, Any], actor: Actor, at: datetime) -> FunnelView:
    """Only from the version that was read: of two changes at once the second is refused."""
    before = _told(row)
    try:
        with transaction.atomic():
            same = SavedFunnel.objects.filter(pk=row.pk, version=row.version)
            if not same.update(**values, version=row.version + 1):
                raise ChangedMeanwhile(field="version", value=row.name)
            row.refresh_from_db()
            _record(row, actor, before, at)
    except IntegrityError:
        raise NameTaken(field="name", value=values.get("name", row.name)) from None
    return view_of(row)


def _told(row: SavedFunnel) -> dict[str, Any]:
    return {"name": row.name, "definition": row.definition, "is_archived": row.archived_at is not None}


def _record(row: SavedFunnel, actor: Actor, before: dict[str, Any] | None, at: datetime) -> None:
    record_audit(
        shop_id=row.shop_id,
        actor=actor,
        deed=Deed.MANAGE_TRAFFIC.value,
        subject_kind="funnel",
        subject_id=row.pk,
        before=before,
        after=_told(row),
        at=at,
    )
