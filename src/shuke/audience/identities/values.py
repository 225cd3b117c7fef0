"""The rulebook's values of identities, as they hold in a shop on a day."""

from __future__ import annotations

from datetime import datetime

from shuke.audience.identities.decisions import Crowd
from shuke.kernel.periods import local_day
from shuke.rulebook import reads as rulebook
from shuke.shops.reads import ShopView

AREA = "common.audience_identities."


def crowd_of(shop: ShopView, at: datetime) -> Crowd:
    """From how many names on one says nothing, on the shop's day of a moment."""
    day = local_day(at, shop.zone)
    return Crowd(
        of_person=int(rulebook.value_for(shop, AREA + "crowd_of_person", day).value),
        of_other=int(rulebook.value_for(shop, AREA + "crowd_of_other", day).value),
        suggests=int(rulebook.value_for(shop, AREA + "suggests", day).value),
    )
