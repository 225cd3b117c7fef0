"""The rulebook's values of forecasts as they hold in a shop on a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from shuke.rulebook import reads as rulebook
from shuke.shops.reads import ShopView

RULES = "common.audience_forecast."


@dataclass(frozen=True)
class Values:
    """`days` ahead; `share` of what may come within the interval; `few` customers below which the page says how little is
    known; `least` customers to forecast at all; lifetime value over `months`, discounted by `discount` a month."""

    days: int
    share: float
    few: int
    least: int
    months: int
    discount: float


def values_of(shop: ShopView, day: date) -> Values:
    def value(name: str) -> float:
        return float(rulebook.value_for(shop, RULES + name, day).value)

    return Values(
        days=int(value("days_ahead")),
        share=value("interval_share"),
        few=int(value("few_customers")),
        least=int(value("least_customers")),
        months=int(value("lifetime_months")),
        discount=value("monthly_discount"),
    )
