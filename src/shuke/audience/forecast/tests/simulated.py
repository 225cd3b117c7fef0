"""Shops that are played, customer by customer and order by order, in plain Python: nothing of the fit is used here.

Each customer buys at random with a rate of his own and may leave after any order; what comes in the quarter after the last
known day is known too, so that a forecast can be held against it.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

QUARTER = 91


@dataclass(frozen=True)
class Shop:
    """What a forecast may know (one entry a customer, in days), and what came in the quarter after: `orders`, `value`."""

    frequency: list[int]
    recency: list[int]
    age: list[int]
    paid_days: list[int]
    mean_paid: list[float]
    orders: int
    value: float
    truth: tuple[float, float, float, float]
    history: list[dict[int, float]]  # what each customer paid on which day of the known time


def play(buyers: int, seed: int) -> Shop:
    """A shop of so many buyers in the last one to two years. Its kind (how often they buy, how soon they leave) is drawn."""
    chance = random.Random(f"{buyers}:{seed}")
    known = chance.randint(300, 730)
    r = math.exp(chance.uniform(math.log(0.3), math.log(2.0)))
    per_quarter = math.exp(chance.uniform(math.log(0.15), math.log(1.5)))
    alpha = r * QUARTER / per_quarter
    leaves, both = chance.uniform(0.06, 0.45), math.exp(chance.uniform(math.log(1.0), math.log(6.0)))
    a, b = leaves * both, (1 - leaves) * both
    told: list[tuple[int, int, int, int, float]] = []
    orders, value = 0, 0.0
    history: list[dict[int, float]] = []
    for _buyer in range(buyers):
        rate, leave = chance.gammavariate(r, 1 / alpha), chance.betavariate(a, b)
        scale = chance.gammavariate(4.0, 1 / 9000.0)
        first = chance.randrange(known)
        days = {first: chance.gammavariate(3.0, 1 / scale)}
        ahead: dict[int, float] = {}
        now = first + chance.random()
        while rate > 0:
            now += chance.expovariate(rate)
            if now >= known + QUARTER:
                break
            # A shop counts the days with an order; two orders of a day are one.
            mine = days if now < known else ahead
            mine[int(now)] = mine.get(int(now), 0.0) + chance.gammavariate(3.0, 1 / scale)
            if chance.random() < leave:
                break
        history.append(days)
        repeat = [paid for day, paid in days.items() if day != first]
        told.append(
            (
                len(repeat),
                max(days) - first,
                known - 1 - first,
                len(repeat),
                sum(repeat) / len(repeat) if repeat else 0.0,
            )
        )
        orders += len(ahead)
        value += sum(ahead.values())
    return Shop(
        frequency=[one[0] for one in told],
        recency=[one[1] for one in told],
        age=[one[2] for one in told],
        paid_days=[one[3] for one in told],
        mean_paid=[one[4] for one in told],
        orders=orders,
        value=value,
        truth=(r, alpha, a, b),
        history=history,
    )
