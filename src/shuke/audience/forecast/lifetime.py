"""What a customer is still worth: the orders to expect in each month ahead, times what his orders are worth, discounted.

The sum over months k of (orders to expect by the end of k, less those by the end of k - 1) times the mean value, over
(1 + d)^k, with a discount of d a month; P. S. Fader, B. G. S. Hardie and K. L. Lee, "RFM and CLV: Using Iso-Value Curves for
Customer Base Analysis", Journal of Marketing Research 42 (2005), with a finite horizon. Value is what was paid, not profit:
cost is not known here. Pure functions.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shuke.audience.forecast import money_model, orders_model
from shuke.audience.forecast.horizon import People

Floats = NDArray[np.float64]


def lifetime_value(
    people: People,
    orders: orders_model.Parameters,
    money: money_model.Parameters,
    *,
    months: int,
    month: float,
    discount: float,
) -> Floats:
    """Value of each customer in the next `months`, each of `month` units of time, discounted by `discount` a month.

    In the unit of the values. Not a number where the mean value of a customer is not finite (`expected_value`).
    """
    alive = orders_model.chance_alive(orders, people.frequency, people.recency, people.age)
    told = np.zeros(len(people))
    before = np.zeros(len(people))
    for k in range(1, months + 1):
        until = orders_model.expected_if_alive(orders, people.frequency, people.age, k * month)
        told += (until - before) / (1 + discount) ** k
        before = until
    return told * alive * money_model.expected_value(money, people.orders, people.value)
