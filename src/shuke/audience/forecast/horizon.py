"""What customers will bring in a time ahead: orders and value together, with an interval that holds what is not known.

Two things are not known: the parameters (draws of `plausible`) and, with any parameters, what chance does. For each draw the
time ahead is played once for every customer; the interval is what lies between the tenth and the ninetieth hundredth of the
plays. It speaks of customers known today: who will come new is no part of it. Only as good as the model: the holdout report
stands beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shuke.audience.forecast import fitting, money_model, orders_model, plausible

Floats = NDArray[np.float64]
DRAWS = 500
MOST_PLAYED = 20_000  # customers played one by one; of more, a sample of as many carries the spread


@dataclass(frozen=True)
class People:
    """Customers one by one: frequency, recency, age as the model of orders wants them; `orders` with a value above 0 and
    their mean `value` for the model of money (0 orders: nothing known). Arrays of one length."""

    frequency: Floats
    recency: Floats
    age: Floats
    orders: Floats
    value: Floats

    def __len__(self) -> int:
        return len(self.frequency)

    def some(self, chosen: NDArray[np.intp]) -> People:
        return People(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))

    @property
    def is_valued(self) -> NDArray[np.bool_]:
        """Customers of whom the model of money learns."""
        return (self.orders > 0) & (self.value > 0)


@dataclass(frozen=True)
class Band:
    """A number to expect and between what it lies with the chance that was asked."""

    expected: float
    low: float
    high: float


@dataclass(frozen=True)
class Ahead:
    """Orders and value of a time ahead; `value` None where no order has a value or its mean is not finite."""

    orders: Band
    value: Band | None


@dataclass(frozen=True)
class Learnt:
    """What was learnt of a shop: the best parameters, and the plausible ones as logarithms, one row a draw."""

    orders: orders_model.Parameters
    money: money_model.Parameters | None
    plausible_orders: Floats
    plausible_money: Floats | None


def learn_plausible(
    people: People,
    buyers: orders_model.Buyers,
    rng: np.random.Generator,
    draws: int = DRAWS,
    fits: tuple[fitting.Fit | None, fitting.Fit | None] = (None, None),
) -> tuple[Floats, Floats | None]:
    """Draws of the parameters of both models, as logarithms; of money None without a customer of known value."""
    of_orders = plausible.plausible_orders(buyers, draws, rng, fits[0]).logs
    mine = people.is_valued
    if not mine.any():
        return of_orders, None
    return of_orders, plausible.plausible_money(
        people.orders[mine], people.value[mine], draws, rng, fits[1]
    ).logs


def ahead(people: People, learnt: Learnt, time: float, share: float, rng: np.random.Generator) -> Ahead:
    """Orders and value in `time` of these customers, with an interval that holds `share` of what may come."""
    orders_each = orders_model.expected_orders(
        learnt.orders, people.frequency, people.recency, people.age, time
    )
    expected = float(orders_each.sum())
    expected_value = None
    if learnt.money is not None:
        worth = money_model.expected_value(learnt.money, people.orders, people.value)
        if np.isfinite(worth).all():
            expected_value = float((orders_each * worth).sum())
    if len(people) <= MOST_PLAYED:
        plays = _played(people, learnt, time, rng)
    else:
        plays = _played_by_sample(people, learnt, time, rng, expected, expected_value)
    orders = Band(expected, *_between(plays[0], share, rng))
    if plays[1] is None:
        return Ahead(orders, None)
    low, high = np.quantile(plays[1], [(1 - share) / 2, (1 + share) / 2])
    middle = float(np.median(plays[1])) if expected_value is None else expected_value
    return Ahead(orders, Band(middle, float(low), float(high)))


def course(
    people: People, learnt: Learnt, ends: Floats, share: float, rng: np.random.Generator
) -> list[Band | None]:
    """Orders added up to each of the times `ends` (rising), with an interval; None each for very many customers.

    Each draw is played to the last of them: given how many orders would come, their moments are spread evenly.
    """
    if len(people) > MOST_PLAYED:
        return [None] * len(ends)
    plays = np.zeros((len(learnt.plausible_orders), len(ends)))
    for place, logs in enumerate(learnt.plausible_orders):
        came, leaves = _came(people, orders_model.Parameters.of_logs(logs), float(ends[-1]), rng)
        whose = np.repeat(np.arange(len(people)), came)
        moments = rng.random(len(whose)) * ends[-1]
        ordered = np.lexsort((moments, whose))
        firsts = np.repeat(np.cumsum(came) - came, came)
        is_made = np.arange(len(whose)) - firsts < leaves[whose]
        made = np.sort(moments[ordered][is_made])
        plays[place] = np.searchsorted(made, ends, side="right")
    told: list[Band | None] = []
    for place, end in enumerate(ends):
        each = orders_model.expected_orders(
            learnt.orders, people.frequency, people.recency, people.age, float(end)
        )
        told.append(Band(float(each.sum()), *_between(plays[:, place], share, rng)))
    return told


def _between(plays: Floats, share: float, rng: np.random.Generator) -> tuple[float, float]:
    """The two whole numbers between which `share` of the plays lie.

    Counts are whole: without spreading each over its unit the interval would hold more than it says, the more so the
    smaller the numbers.
    """
    smooth = np.sort(plays + rng.uniform(-0.5, 0.5, len(plays)))
    low, high = np.quantile(smooth, [(1 - share) / 2, (1 + share) / 2])
    return float(max(0.0, np.round(low))), float(max(0.0, np.round(high)))


def _play(
    people: People, of: orders_model.Parameters, time: float, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Orders of each customer in `time`, once played."""
    came, leaves = _came(people, of, time, rng)
    return np.minimum(came, leaves)


def _came(
    people: People, of: orders_model.Parameters, time: float, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Orders that would come of each customer in `time` if he never left, and after which of them he leaves: alive or not,
    his rate, his chance to leave, then chance. Orders come at random (Poisson) until one that is the last (geometric)."""
    alive = rng.random(len(people)) < orders_model.chance_alive(
        of, people.frequency, people.recency, people.age
    )
    x, age = people.frequency[alive], people.age[alive]
    mean = rng.gamma(of.r + x) / (of.alpha + age) * time
    came = np.zeros(len(people), np.int64)
    came[alive] = rng.poisson(np.minimum(mean, 1e9))
    leaves = np.zeros(len(people), np.int64)
    bought = came > 0
    chance = np.clip(rng.beta(of.a, of.b + people.frequency[bought]), 1e-12, 1.0)
    leaves[bought] = rng.geometric(chance)
    return came, leaves


def _pay(
    people: People, orders: NDArray[np.int64], of: money_model.Parameters, rng: np.random.Generator
) -> Floats:
    """What the played orders of each customer are worth together."""
    told = np.zeros(len(people))
    bought = orders > 0
    x, m = people.orders[bought], people.value[bought]
    rate = rng.gamma(of.p * x + of.q) / (of.gamma + x * m)
    told[bought] = rng.gamma(of.p * orders[bought]) / np.maximum(rate, 1e-300)
    return told


def _played(
    people: People, learnt: Learnt, time: float, rng: np.random.Generator
) -> tuple[Floats, Floats | None]:
    count = len(learnt.plausible_orders)
    orders, values = np.empty(count), np.empty(count)
    money = learnt.plausible_money
    for place in range(count):
        of = orders_model.Parameters.of_logs(learnt.plausible_orders[place])
        played = _play(people, of, time, rng)
        orders[place] = played.sum()
        if money is not None:
            paid = _pay(people, played, money_model.Parameters.of_logs(money[place]), rng)
            values[place] = paid.sum()
    return orders, values if money is not None else None


def _played_by_sample(
    people: People,
    learnt: Learnt,
    time: float,
    rng: np.random.Generator,
    expected: float,
    expected_value: float | None,
) -> tuple[Floats, Floats | None]:
    """Of very many customers: how the expectation moves with the parameters and how far chance goes, from a sample.

    The expectation itself is of all of them; the sample only says by what share of it each draw moves it (both are of the
    same customers, so that the sample's own chance falls out), and how wide chance is for one customer.
    """
    sample = people.some(rng.choice(len(people), MOST_PLAYED, replace=False))
    grow = len(people) / len(sample)

    def expectations(
        of: orders_model.Parameters, money: money_model.Parameters | None
    ) -> tuple[float, float]:
        each = orders_model.expected_orders(of, sample.frequency, sample.recency, sample.age, time)
        if money is None:
            return float(each.sum()), np.nan
        worth = money_model.expected_value(money, sample.orders, sample.value)
        return float(each.sum()), float((each * worth).sum())

    base = expectations(learnt.orders, learnt.money)
    plays, paid = [], []
    for _time in range(30):
        played = _play(sample, learnt.orders, time, rng)
        plays.append(played)
        if learnt.money is not None:
            paid.append(_pay(sample, played, learnt.money, rng))
    width = float(np.sqrt(np.var(np.array(plays), axis=0, ddof=1).sum() * grow))
    money = learnt.plausible_money
    draws = range(0, len(learnt.plausible_orders), 2)  # half of them: each costs a pass over the sample
    moved = np.array(
        [
            expectations(
                orders_model.Parameters.of_logs(learnt.plausible_orders[place]),
                None if money is None else money_model.Parameters.of_logs(money[place]),
            )
            for place in draws
        ]
    )
    orders = expected * moved[:, 0] / base[0] + rng.normal(0.0, width, len(moved))
    if learnt.money is None or money is None or expected_value is None:
        return np.maximum(np.round(orders), 0), None
    width_value = float(np.sqrt(np.var(np.array(paid), axis=0, ddof=1).sum() * grow))
    values = expected_value * moved[:, 1] / base[1] + rng.normal(0.0, width_value, len(moved))
    return np.maximum(np.round(orders), 0), np.maximum(values, 0)
