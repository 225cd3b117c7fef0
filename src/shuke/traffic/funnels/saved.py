"""Saved funnels as others see them."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _
from django_scopes import scope

from shuke.kernel.errors import NotFound
from shuke.shops.reads import ShopView
from shuke.traffic.funnels.models import SavedFunnel
from shuke.traffic.funnels.shapes import Funnel, parse_funnel
from shuke.traffic.saved.shapes import Kept, kept


@dataclass(frozen=True, kw_only=True)
class FunnelView(Kept):
    """One saved funnel."""

    funnel: Funnel


def view_of(row: SavedFunnel) -> FunnelView:
    return FunnelView(funnel=parse_funnel(row.definition), **kept(row))


def saved_funnels(shop: ShopView, *, with_archived: bool = False) -> tuple[FunnelView, ...]:
    """The shop's funnels by name; archived ones after the others, if at all."""
    with scope(shop=shop.id):
        rows = SavedFunnel.objects.order_by("name", "id")
        if not with_archived:
            rows = rows.filter(archived_at=None)
        found = [view_of(row) for row in rows]
    return tuple(sorted(found, key=lambda one: one.is_archived))


def saved_funnel(shop: ShopView, funnel_id: int) -> FunnelView:
    """One of them, archived or not. Raises NotFound."""
    with scope(shop=shop.id):
        row = SavedFunnel.objects.filter(pk=funnel_id).first()
    if row is None:
        raise NotFound(field=str(_("funnel")), value=funnel_id)
    return view_of(row)
