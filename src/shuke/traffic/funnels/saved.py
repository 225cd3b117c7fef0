"""Saved funnels as others see them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext_lazy as _
from django_scopes import scope

from shuke.kernel.errors import NotFound
from shuke.shops.reads import ShopView
from shuke.traffic.funnels.models import SavedFunnel
from shuke.traffic.funnels.shapes import Funnel, parse_funnel


@dataclass(frozen=True)
class FunnelView:
    """One saved funnel; `version` counts its changes."""

    id: int
    name: str
    funnel: Funnel
    version: int
    made_by: str
    made_at: datetime
    changed_by: str
    changed_at: datetime
    archived_at: datetime | None


def view_of(row: SavedFunnel) -> FunnelView:
    return FunnelView(
        row.pk,
        row.name,
        parse_funnel(row.definition),
        row.version,
        row.made_by,
        row.made_at,
        row.changed_by,
        row.changed_at,
        row.archived_at,
    )


def saved_funnels(shop: ShopView, *, with_archived: bool = False) -> tuple[FunnelView, ...]:
    """The shop's funnels by name; archived ones after the others, if at all."""
    with scope(shop=shop.id):
        rows = SavedFunnel.objects.order_by("name", "id")
        if not with_archived:
            rows = rows.filter(archived_at=None)
        found = [view_of(row) for row in rows]
    return tuple(sorted(found, key=lambda one: one.archived_at is not None))


def saved_funnel(shop: ShopView, funnel_id: int) -> FunnelView:
    """One of them, archived or not. Raises NotFound."""
    with scope(shop=shop.id):
        row = SavedFunnel.objects.filter(pk=funnel_id).first()
    if row is None:
        raise NotFound(field=str(_("funnel")), value=funnel_id)
    return view_of(row)
