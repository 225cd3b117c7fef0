"""Making a forecast: purchases asked, models fitted, the time ahead told, and the same held out against what came."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime

import numpy as np

from shuke.audience import purchases
from shuke.audience.forecast import fitting, horizon, learning, orders_model, people, shapes
from shuke.audience.forecast.values import Values, values_of
from shuke.kernel.periods import ONE_DAY, day_start, local_day
from shuke.shops.reads import ShopView
from shuke.warehouse import reads as warehouse

EDGES = tuple(place / 10 for place in range(11))
HOLDOUT_DRAWS = 300
LEAST_KNOWN = 28  # days that a fit wants to look back on, as many again to hold it against
Step = Callable[[], None]


def last_known_day(shop: ShopView, at: datetime) -> date | None:
    """The last whole day that the shop's facts reach: yesterday, or earlier where they end earlier. None: no fact."""
    life = warehouse.whole_life(shop.id)
    if life is None:
        return None
    last = min(life.last, local_day(at, shop.zone) - ONE_DAY)
    return last if last >= life.start else None


def _seed(shop: ShopView, last: date) -> np.random.Generator:
    """The same forecast of the same facts, however often it is made."""
    return np.random.default_rng([shop.id, last.toordinal()])


def _ask_known(shop: ShopView, last: date) -> people.Known:
    """Customers as they are known at the end of a day."""
    found = purchases.ask(
        shop,
        day_start(last + ONE_DAY, shop.zone),
        lambda asked: asked.run(people.customer_rows(asked.orders, last), people.CUSTOMERS),
    )
    return people.known(people.CUSTOMERS.empty_table() if found is None else found, last)


def why_not(known: people.Known, values: Values) -> str:
    """Why nothing can be forecast; "" where it can."""
    if len(known.people) < values.least:
        return shapes.TOO_FEW
    if known.people.age.max() < LEAST_KNOWN:
        return shapes.TOO_SHORT
    return ""


def make_forecast(shop: ShopView, last: date, at: datetime, breathe: Step) -> shapes.Forecast:
    """The forecast as of the end of `last`, without its holdout. `breathe` is called between what takes long."""
    values = values_of(shop, last + ONE_DAY)
    known = _ask_known(shop, last)
    breathe()
    told = shapes.Forecast(
        id=0,
        made_at=at,
        first_day=known.first_day,
        last_day=last,
        days=values.days,
        share=values.share,
        currency=shop.currency,
        customers=len(known.people),
        repeaters=int((known.people.frequency > 0).sum()),
        order_days=known.order_days,
        new_customers=int((known.people.age < values.days).sum()),
        is_few=len(known.people) < values.few,
        why_not=why_not(known, values),
        orders=None,
        value=None,
        alive=None,
        of_orders=None,
        of_money=None,
        correlation=None,
        bands=(),
        holdout=None,
        is_whole=False,
    )
    if told.why_not:
        return told
    rng = _seed(shop, last)
    learnt = learning.learn(known.people, rng)
    breathe()
    ahead = horizon.ahead(known.people, learnt.learnt, float(values.days), values.share, rng)
    breathe()
    some = known.people
    of = learnt.learnt.orders
    alive = orders_model.chance_alive(of, some.frequency, some.recency, some.age)
    each = alive * orders_model.expected_if_alive(of, some.frequency, some.age, float(values.days))
    money = learnt.learnt.money
    return replace(
        told,
        orders=_expected(ahead.orders),
        value=_expected(ahead.value) if ahead.value else None,
        alive=float(alive.sum()),
        of_orders=_fitted(
            learnt.orders, (("r", of.r), ("alpha", of.alpha), ("a", of.a), ("b", of.b)), learnt.customers
        ),
        of_money=_fitted(
            learnt.money,
            (("p", money.p), ("q", money.q), ("gamma", money.gamma)),
            int(some.is_valued.sum()),
        )
        if learnt.money is not None and money is not None
        else None,
        correlation=learnt.correlation,
        bands=_bands(alive, each),
    )


def _expected(band: horizon.Band) -> shapes.Expected:
    return shapes.Expected(band.expected, band.low, band.high)


def _fitted(fit: fitting.Fit, used: tuple[tuple[str, float], ...], customers: int) -> shapes.Fitted:
    parameters = tuple(
        shapes.Parameter(name, value, error if fit.is_settled else None)
        for (name, value), error in zip(used, fit.errors, strict=True)
    )
    return shapes.Fitted(parameters, fit.log_likelihood, fit.is_settled, customers)


def _bands(alive: np.ndarray, expected: np.ndarray) -> tuple[shapes.AliveBand, ...]:
    place = band_of(alive)
    count = np.bincount(place, minlength=10)
    orders = np.bincount(place, weights=expected, minlength=10)
    return tuple(shapes.AliveBand(EDGES[i], EDGES[i + 1], int(count[i]), float(orders[i])) for i in range(10))


def band_of(alive: np.ndarray) -> np.ndarray:
    """In which tenth a chance lies, 0 to 9; 1 lies in the last one."""
    return np.minimum((alive * 10 + 1e-9).astype(int), 9)


def hold_out(shop: ShopView, forecast: shapes.Forecast, breathe: Step) -> shapes.Forecast:
    """The forecast with its holdout: made on the time before its last `days`, held against them. Of a short life the last
    third is held out; of one too short nothing is."""
    whole = replace(forecast, is_whole=True)
    if forecast.why_not or forecast.first_day is None:
        return whole
    known_days = (forecast.last_day - forecast.first_day).days + 1
    held = min(forecast.days, known_days // 3)
    if held < LEAST_KNOWN:
        return whole
    cut = forecast.last_day - held * ONE_DAY
    before = _ask_known(shop, cut)
    values = values_of(shop, forecast.last_day + ONE_DAY)
    if why_not(before, values):
        return whole
    breathe()
    rng = _seed(shop, cut)
    learnt = learning.learn(before.people, rng, HOLDOUT_DRAWS)
    breathe()
    came = purchases.ask(
        shop,
        day_start(forecast.last_day + ONE_DAY, shop.zone),
        lambda asked: asked.run(people.days_after(asked.orders, cut, forecast.last_day)),
    )
    by_day = (
        {}
        if came is None
        else dict(zip(came["local_day"].to_pylist(), came["customers"].to_pylist(), strict=True))
    )
    ends = sorted({*range(7, held + 1, 7), held})
    bands = horizon.course(before.people, learnt.learnt, np.array(ends, float), forecast.share, rng)
    weeks = []
    for end, band in zip(ends, bands, strict=True):
        day = cut + end * ONE_DAY
        expected = (
            band.expected
            if band is not None
            else float(
                orders_model.expected_orders(
                    learnt.learnt.orders,
                    before.people.frequency,
                    before.people.recency,
                    before.people.age,
                    float(end),
                ).sum()
            )
        )
        actual = sum(count for on, count in by_day.items() if on <= day)
        weeks.append(
            shapes.HeldWeek(day, expected, band.low if band else None, band.high if band else None, actual)
        )
    if bands[-1] is None:
        last = horizon.ahead(before.people, learnt.learnt, float(held), forecast.share, rng).orders
        weeks[-1] = replace(weeks[-1], low=last.low, high=last.high)
    return replace(
        whole,
        holdout=shapes.Holdout(cut, forecast.last_day, len(before.people), tuple(weeks)),
    )


def has_orders(shop: ShopView, last: date) -> bool:
    """Whether anybody known has ordered by the end of a day."""
    found = purchases.ask(
        shop,
        day_start(last + ONE_DAY, shop.zone),
        lambda asked: asked.run(people.customer_days(asked.orders, last).limit(1)).num_rows,
    )
    return bool(found)
