"""How many customers can be reached, and how: by channel, over groups of customers whom their purchases tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy

from shuke.audience import purchases
from shuke.audience.contacts import reads
from shuke.audience.contacts.kinds import Channel, Purpose
from shuke.kernel.periods import Period, local_day
from shuke.rulebook import reads as rulebook
from shuke.shops.reads import ShopView

GROUP_TITLES: Mapping[str, str | Promise] = {
    "regulars": pgettext_lazy("group of customers", "Regulars"),
    "half_year_buyers": pgettext_lazy("group of customers", "Half-year buyers"),
    "buyers": pgettext_lazy("group of customers", "All buyers"),
    "with_point": pgettext_lazy("group of customers", "Everybody with a contact point"),
}


@dataclass(frozen=True)
class Cell:
    """Of a group and channel: customers with a point, of them those who permit the purpose, and those who refuse."""

    with_point: int
    permitted: int
    refused: int


@dataclass(frozen=True)
class Group:
    """Customers and how they can be reached; `any`: by any channel at all."""

    name: str
    customers: int
    by_channel: Mapping[Channel, Cell]
    any: Cell


@dataclass(frozen=True)
class Coverage:
    """`half_year`: the days in which half-year buyers bought (order days; rules of common.audience_value)."""

    purpose: Purpose
    half_year: Period
    regular_days: int
    groups: tuple[Group, ...]
    waiting: int


def months_back(day: date, months: int) -> date:
    """The same day so many calendar months earlier, or that month's last."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    for last in range(day.day, 27, -1):
        try:
            return date(year, month + 1, last)
        except ValueError:
            continue
    return date(year, month + 1, day.day)


def coverage(shop: ShopView, purpose: Purpose, at: datetime) -> Coverage:
    """Every group by every channel, as of a moment."""
    day = local_day(at, shop.zone)
    months = int(rulebook.value_for(shop, "common.audience_value.half_year_months", day).value)
    least = int(rulebook.value_for(shop, "common.audience_value.regular_days", day).value)
    half_year = Period(months_back(day, months), day)
    reached = {channel: reads.reach(shop, channel, purpose, at) for channel in Channel}
    groups = _bought(shop, half_year, least, at) | {
        "with_point": np.unique(np.concatenate([one.with_point for one in reached.values()]))
    }
    told = []
    for name in GROUP_TITLES:
        mine = groups[name]
        cells = {channel: _cell(mine, one) for channel, one in reached.items()}
        told.append(Group(name, len(mine), cells, _any(mine, reached)))
    return Coverage(purpose, half_year, least, tuple(told), reads.count_waiting(shop, at))


def _bought(shop: ShopView, half_year: Period, least: int, at: datetime) -> dict[str, np.ndarray]:
    def question(asked: purchases.Purchases) -> dict[str, np.ndarray]:
        everybody = asked.run(asked.customers(), purchases.CUSTOMERS)
        lately = asked.run(asked.customers(within=half_year), purchases.CUSTOMERS)
        ids, days = lately["customer_id"].to_numpy(), lately["days"].to_numpy()
        return {
            "buyers": everybody["customer_id"].to_numpy()[everybody["orders"].to_numpy() > 0],
            "half_year_buyers": ids[days >= 1],
            "regulars": ids[days >= least],
        }

    nobody = np.empty(0, np.int64)
    return purchases.ask(shop, at, question) or dict.fromkeys(
        ("buyers", "half_year_buyers", "regulars"), nobody
    )


def _cell(mine: np.ndarray, one: reads.Reach) -> Cell:
    with_point = np.isin(one.with_point, mine)
    return Cell(
        int(with_point.sum()),
        int(np.isin(one.permitted, mine).sum()),
        int(np.isin(one.refused, one.with_point[with_point]).sum()),
    )


def _any(mine: np.ndarray, reached: Mapping[Channel, reads.Reach]) -> Cell:
    def together(name: str) -> np.ndarray:
        found = np.unique(np.concatenate([getattr(one, name) for one in reached.values()]))
        return np.intersect1d(found, mine)

    with_point, permitted = together("with_point"), together("permitted")
    refused = np.setdiff1d(np.intersect1d(together("refused"), with_point), permitted)
    return Cell(len(with_point), len(permitted), len(refused))
