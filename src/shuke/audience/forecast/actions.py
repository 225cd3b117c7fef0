"""Asking for a forecast now; always on record."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _
from django_scopes import scope

from shuke.audience.forecast import making, tending
from shuke.kernel.errors import Conflict
from shuke.records.actor import Actor
from shuke.shops.access import require
from shuke.shops.reads import ShopView
from shuke.shops.roles import Deed


class NothingToForecast(Conflict):
    code = "nothing_to_forecast"
    words = _("There is no whole day of facts yet, so that nothing can be forecast.")
    remedy = _("Import orders, or wait until tomorrow.")


def start_forecast(*, shop: ShopView, actor: Actor, at: datetime) -> int:
    """Start a forecast as of the last whole day that is known; returns its job's id; the one
    that runs already, where one does.

    Raises NothingToForecast, NotAllowed.
    """
    require(actor=actor, shop_id=shop.id, deed=Deed.MANAGE_CUSTOMERS)
    with scope(shop=shop.id), transaction.atomic():
        last = making.last_known_day(shop, at)
        if last is None:
            raise NothingToForecast()
        running = tending.running(shop)
        return tending.start(shop, last, actor, at, key=None) if running is None else running
