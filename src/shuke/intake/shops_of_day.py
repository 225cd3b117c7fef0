"""What collection needs of its shops, with each shop's own page types, asked of the database once per shop and day."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from shuke.intake.events_of import ShopFacts
from shuke.kernel.periods import local_day
from shuke.rulebook import reads as rulebook
from shuke.shops.reads import ShopView, list_shops


def facts_of_shop(shop: ShopView, day: date) -> ShopFacts:
    """A shop by the rules that hold in it on its day `day`."""
    return ShopFacts(shop.id, shop.zone, shop.currency, rulebook.page_types(day, shop))


class ShopsOfDay:
    """Shops by id. A shop sets its own rules from a coming day on, so what was read for a day stands until its end."""

    def __init__(self) -> None:
        self._views: dict[int, ShopView] = {}
        self._facts: dict[int, tuple[date, ShopFacts]] = {}

    def of(self, shop_ids: Iterable[int], at: datetime) -> dict[int, ShopFacts]:
        """The facts of these shops at `at`; an id that no shop has is left out."""
        wanted = set(shop_ids)
        if not wanted <= self._views.keys():
            self._views = {shop.id: shop for shop in list_shops()}
        return {shop_id: self._one(self._views[shop_id], at) for shop_id in wanted & self._views.keys()}

    def _one(self, shop: ShopView, at: datetime) -> ShopFacts:
        day = local_day(at, shop.zone)
        held = self._facts.get(shop.id)
        if held is None or held[0] != day:
            held = self._facts[shop.id] = (day, facts_of_shop(shop, day))
        return held[1]
