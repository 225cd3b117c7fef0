"""Both models learnt from a shop's customers at once: the best parameters, how sure they are, and the plausible ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shuke.audience.forecast import fitting, horizon, money_model, orders_model

Floats = NDArray[np.float64]
MOST_GROUPS = 200_000  # of customers that are alike; above, times are taken by the week
MOST_VALUED = 200_000  # customers whose money is fitted; of more, a sample of as many
WEEK = 7.0


@dataclass(frozen=True)
class Learning:
    """What was learnt. `correlation` of frequency and value, which the model of money takes to be none."""

    orders: fitting.Fit
    money: fitting.Fit | None
    learnt: horizon.Learnt
    correlation: float | None
    customers: int
    repeaters: int


def learn(people: horizon.People, rng: np.random.Generator, draws: int = horizon.DRAWS) -> Learning:
    """Fit both models. Raises ValueError where nobody has bought or nobody can have come back yet.

    Where the most likely parameters lie at an edge (few customers), the middle of the plausible ones stands for them.
    """
    buyers = orders_model.grouped(people.frequency, people.recency, people.age)
    if len(buyers.count) > MOST_GROUPS:
        buyers = orders_model.rounded(buyers, WEEK)
    of_orders = fitting.fit_orders(buyers)
    valued = np.flatnonzero(people.is_valued)
    together = money_model.correlation(people.orders[valued], people.value[valued])
    if len(valued) > MOST_VALUED:
        valued = rng.choice(valued, MOST_VALUED, replace=False)
    some = people.some(valued)
    of_money = fitting.fit_money(some.orders, some.value) if len(valued) else None
    plausible_orders, plausible_money = horizon.learn_plausible(
        some, buyers, rng, draws, (of_orders, of_money)
    )
    best = orders_model.Parameters.of_logs(
        of_orders.logs if of_orders.is_settled else plausible_orders.mean(axis=0)
    )
    worth = None
    if of_money is not None and plausible_money is not None:
        worth = money_model.Parameters.of_logs(
            of_money.logs if of_money.is_settled and of_money.logs[1] > 0 else plausible_money.mean(axis=0)
        )
    return Learning(
        of_orders,
        of_money,
        horizon.Learnt(best, worth, plausible_orders, plausible_money),
        together,
        len(people),
        int((people.frequency > 0).sum()),
    )
