"""The rulebook's values of contact as they hold in a shop on a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from shuke.audience.contacts.kinds import Channel
from shuke.kernel.periods import local_day
from shuke.rulebook import reads as rulebook
from shuke.shops.reads import ShopView

RULES = "common.audience_contacts."


@dataclass(frozen=True)
class Values:
    """`confirmed`: channels on which only a confirmed consent permits; `waits`: how long a confirmation may be used."""

    confirmed: frozenset[Channel]
    waits: timedelta


def values_of(shop: ShopView, at: datetime) -> Values:
    day = local_day(at, shop.zone)
    names = rulebook.value_for(shop, RULES + "double_opt_in_channels", day).value
    hours = rulebook.value_for(shop, RULES + "double_opt_in_hours", day).value
    return Values(frozenset(one for one in Channel if one.value in names), timedelta(hours=float(hours)))
