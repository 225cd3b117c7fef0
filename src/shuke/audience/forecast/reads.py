"""What customers will bring: the newest forecast of a shop, its course, and its customers one by one.

A customer's own numbers are computed when they are asked for, from the forecast's parameters and what is known of him at the
end of the forecast's day; nothing about a person is kept here (docs/decisions/0006).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
from django_scopes import scope

from shuke.audience import purchases
from shuke.audience.forecast import (
    lifetime,
    making,
    money_model,
    orders_model,
    people,
    storing,
)
from shuke.audience.forecast.shapes import (
    TOO_FEW,
    TOO_SHORT,
    AliveBand,
    Expected,
    Fitted,
    Forecast,
    HeldWeek,
    Holdout,
    Parameter,
)
from shuke.audience.forecast.tending import KIND, running
from shuke.audience.forecast.values import RULES, Values, values_of
from shuke.audience.identities import reads as identities
from shuke.kernel.errors import Invalid
from shuke.kernel.periods import ONE_DAY, day_start
from shuke.shops.reads import ShopView

__all__ = [
    "KIND",
    "MONTH",
    "RULES",
    "SORTS",
    "TOO_FEW",
    "TOO_SHORT",
    "AliveBand",
    "CustomerForecast",
    "Expected",
    "Fitted",
    "Forecast",
    "HeldWeek",
    "Holdout",
    "Parameter",
    "PeopleForecast",
    "Values",
    "every_customer",
    "forecast",
    "of_customer",
    "of_customers",
    "running_job",
    "values_of",
]

MONTH = 365.25 / 12  # days
SORTS = ("alive", "expected_orders", "order_value", "lifetime_value", "days", "last_day", "next_day")
LARGEST_PAGE = 1000


@dataclass(frozen=True)
class CustomerForecast:
    """One customer as of the forecast's day. Money in minor units, not rounded; None where it can not be computed.

    `alive`: the chance that he will come again. `expected_orders`: order days of the days ahead. `next_day`: by when his
    next order is as likely as not to have come, if he comes again (None: not within ten years); `next_late`: by when with the
    chance nine in ten. `order_value`: what his order day is worth; `lifetime_value`: discounted, over the rule's months.
    `days`: on which he has ordered, from `first_day` to `last_day`.
    """

    customer_id: int
    days: int
    first_day: date
    last_day: date
    alive: float
    expected_orders: float
    next_day: date | None
    next_late: date | None
    order_value: float | None
    lifetime_value: float | None


@dataclass(frozen=True)
class PeopleForecast:
    """A page of customers; `count` fit the question, of `all` known."""

    forecast: Forecast
    values: Values
    rows: tuple[CustomerForecast, ...]
    count: int
    all: int


def forecast(shop: ShopView) -> Forecast | None:
    """The newest forecast; None: none was made yet."""
    with scope(shop=shop.id):
        return storing.newest(shop.id)


def running_job(shop: ShopView) -> int | None:
    """The job that makes a forecast of this shop now; None: none does."""
    return running(shop)


def of_customers(
    shop: ShopView,
    *,
    band: int | None = None,
    sort: str = "-expected_orders",
    page: int = 1,
    size: int = 50,
    search: str = "",
) -> PeopleForecast | None:
    """A page of customers with their forecast, best first. None: there is no forecast.

    `band`: only those whose chance to come again lies in this tenth (0 to 9). `search`: a name under which a source knows
    somebody, whole. Raises Invalid for a band, sort, page or size that there is not.
    """
    if not 1 <= page <= 1_000_000:
        raise Invalid(field="page", value=page)
    if not 1 <= size <= LARGEST_PAGE:
        raise Invalid(field="size", value=size)
    found = _ordered(shop, band, sort, search)
    if found is None:
        return None
    made, told, order = found
    shown = told.rows(order[(page - 1) * size : page * size])
    return PeopleForecast(made, told.values, shown, len(order), len(told.ids))


def every_customer(
    shop: ShopView, *, band: int | None = None, sort: str = "-expected_orders", search: str = ""
) -> Iterator[CustomerForecast]:
    """All customers of the same question, computed once; for files. Raises Invalid like of_customers, at the first row."""
    found = _ordered(shop, band, sort, search)
    if found is not None:
        _made, told, order = found
        for start in range(0, len(order), LARGEST_PAGE):
            yield from told.rows(order[start : start + LARGEST_PAGE])


def _ordered(
    shop: ShopView, band: int | None, sort: str, search: str
) -> tuple[Forecast, _Told, np.ndarray] | None:
    """The newest forecast, everybody's numbers, and the places of those who are asked for, in order."""
    if band is not None and not 0 <= band <= 9:
        raise Invalid(field="band", value=band)
    key = sort.removeprefix("-")
    if key not in SORTS:
        raise Invalid(field="sort", value=sort)
    made = forecast(shop)
    if made is None or made.of_orders is None:
        return None
    told = _told(shop, made)
    chosen = np.ones(len(told.ids), bool)
    if band is not None:
        chosen &= making.band_of(told.alive) == band
    if search.strip():
        meant = [one.customer_id for one in identities.find(shop, search.strip())]
        chosen &= np.isin(told.ids, np.array(meant, np.int64))
    places = np.flatnonzero(chosen)
    by = told.sorted_by(key)[places]
    by = np.where(np.isnan(by), np.inf, -by if sort.startswith("-") else by)  # the unknown last either way
    return made, told, places[np.lexsort((told.ids[places], by))]


def of_customer(shop: ShopView, customer_id: int) -> tuple[Forecast, CustomerForecast] | None:
    """One customer's forecast; None: there is no forecast, or he had no order by its day."""
    made = forecast(shop)
    if made is None or made.of_orders is None:
        return None
    told = _told(shop, made, customer_id)
    return (made, told.rows(np.array([0]))[0]) if len(told.ids) else None


@dataclass(frozen=True)
class _Told:
    """Every customer's numbers as arrays."""

    values: Values
    known: people.Known
    alive: np.ndarray
    expected: np.ndarray
    wait: np.ndarray
    late: np.ndarray
    worth: np.ndarray
    life: Callable[[np.ndarray], np.ndarray]  # of the customers at these places: it is the dearest to compute

    @property
    def ids(self) -> np.ndarray:
        return self.known.customer_id

    def sorted_by(self, name: str) -> np.ndarray:
        return {
            "alive": self.alive,
            "expected_orders": self.expected,
            "order_value": self.worth,
            "lifetime_value": self.life(np.arange(len(self.ids))) if name == "lifetime_value" else self.worth,
            "days": self.known.people.frequency,
            "last_day": self.known.latest.astype(float),
            "next_day": self.wait,
        }[name]

    def rows(self, places: np.ndarray) -> tuple[CustomerForecast, ...]:
        return tuple(self._row(int(i), life) for i, life in zip(places, self.life(places), strict=True))

    def _row(self, i: int, life: float) -> CustomerForecast:
        return CustomerForecast(
            customer_id=int(self.ids[i]),
            days=int(self.known.people.frequency[i]) + 1,
            first_day=_day(self.known.first[i]),
            last_day=_day(self.known.latest[i]),
            alive=float(self.alive[i]),
            expected_orders=float(self.expected[i]),
            next_day=_after(self.known.last, self.wait[i]),
            next_late=_after(self.known.last, self.late[i]),
            order_value=_number(self.worth[i]),
            lifetime_value=_number(life),
        )


def _day(number: int) -> date:
    return date(1970, 1, 1) + int(number) * ONE_DAY


def _after(last: date, wait: float) -> date | None:
    return last + ONE_DAY * max(1, int(np.ceil(wait))) if wait < 3653 else None


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _told(shop: ShopView, made: Forecast, customer_id: int | None = None) -> _Told:
    """The customers known at the end of the forecast's day, all or one."""

    def question(asked: purchases.Purchases) -> object:
        orders = asked.orders
        if customer_id is not None:
            orders = orders.filter(orders.customer_id == customer_id)
        return asked.run(people.customer_rows(orders, made.last_day), people.CUSTOMERS)

    found = purchases.ask(shop, day_start(made.last_day + ONE_DAY, shop.zone), question)
    known = people.known(people.CUSTOMERS.empty_table() if found is None else found, made.last_day)
    some, of, money = known.people, _orders_of(made), _money_of(made)
    values = values_of(shop, made.last_day + ONE_DAY)
    alive = orders_model.chance_alive(of, some.frequency, some.recency, some.age)
    if_alive = orders_model.expected_if_alive(of, some.frequency, some.age, float(made.days))
    worth = (
        np.full(len(some), np.nan)
        if money is None
        else money_model.expected_value(money, some.orders, some.value)
    )

    def life(places: np.ndarray) -> np.ndarray:
        if money is None:
            return np.full(len(places), np.nan)
        return lifetime.lifetime_value(
            some.some(places), of, money, months=values.months, month=MONTH, discount=values.discount
        )

    return _Told(
        values,
        known,
        alive,
        alive * if_alive,
        orders_model.wait_for_next(of, some.frequency, some.age, 0.5),
        orders_model.wait_for_next(of, some.frequency, some.age, 0.9),
        worth,
        life,
    )


def _orders_of(made: Forecast) -> orders_model.Parameters:
    fit = made.of_orders
    assert fit is not None
    return orders_model.Parameters(*(fit.value(name) for name in ("r", "alpha", "a", "b")))


def _money_of(made: Forecast) -> money_model.Parameters | None:
    fit = made.of_money
    return None if fit is None else money_model.Parameters(*(fit.value(name) for name in ("p", "q", "gamma")))
