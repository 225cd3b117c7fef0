"""Gamma-Gamma: what an order of a customer is worth on average, from what his orders were worth so far.

The model is of P. S. Fader and B. G. S. Hardie, "The Gamma-Gamma Model of Monetary Value" (note 025 of brucehardie.com, 2013).
The value of an order varies around a mean of the customer's own as a Gamma of shape `p`; the rate of that Gamma varies over
customers as a Gamma of shape `q` and rate `gamma`. Value and frequency are taken to be independent; `correlation` says how
far that holds. Of a customer it wants how many orders count and their mean, above 0. Pure functions over numpy arrays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, gammaln

Floats = NDArray[np.float64]
FARTHEST = 12.0  # of the logarithms, as in the model of orders; gamma has the unit of money


@dataclass(frozen=True)
class Parameters:
    """Of a shop: shape of a customer's orders, shape and rate of the customers; `gamma` in the unit of the values."""

    p: float
    q: float
    gamma: float

    @property
    def logs(self) -> Floats:
        return np.log([self.p, self.q, self.gamma])

    @staticmethod
    def of_logs(logs: Floats) -> Parameters:
        p, q, gamma = np.exp(np.asarray(logs, float))
        return Parameters(float(p), float(q), float(gamma))

    @property
    def mean(self) -> float | None:
        """What an order of anybody is worth: p gamma / (q - 1); None where q is 1 or less, since it is infinite then."""
        return self.p * self.gamma / (self.q - 1) if self.q > 1 else None


class Likelihood:
    """The log likelihood (equation 1a of the note) over customers with `orders` of the mean `value`, `count` of each."""

    def __init__(self, orders: Floats, value: Floats, count: Floats | None = None) -> None:
        self.orders = np.asarray(orders, float)
        self.value = np.asarray(value, float)
        self.count = np.ones(len(self.orders)) if count is None else np.asarray(count, float)
        if (self.orders <= 0).any() or (self.value <= 0).any():
            raise ValueError("orders and their mean value are above 0")
        self._log_value, self._log_orders = np.log(self.value), np.log(self.orders)

    def __call__(self, logs: Floats) -> float:
        """`logs` of shape (4,)[:3]: the logarithms of p, q, gamma."""
        p, q, gamma = np.exp(np.asarray(logs, float))
        x, m = self.orders, self.value
        each = (
            gammaln(p * x + q)
            - gammaln(p * x)
            - gammaln(q)
            + q * np.log(gamma)
            + (p * x - 1) * self._log_value
            + p * x * self._log_orders
            - (p * x + q) * np.log(gamma + x * m)
        )
        return float((each * self.count).sum())

    def gradient(self, logs: Floats) -> Floats:
        """The derivatives by the three logarithms, exact."""
        p, q, gamma = np.exp(np.asarray(logs, float))
        x, m, n = self.orders, self.value, self.count
        whole = np.log(gamma + x * m)
        sum_shape = digamma(p * x + q)
        by_p = (n * x * (sum_shape - digamma(p * x) + self._log_value + self._log_orders - whole)).sum()
        by_q = (n * (sum_shape - digamma(q) + np.log(gamma) - whole)).sum()
        by_gamma = (n * (q / gamma - (p * x + q) / (gamma + x * m))).sum()
        return np.array([by_p * p, by_q * q, by_gamma * gamma])


def expected_value(of: Parameters, orders: Floats, value: Floats) -> Floats:
    """What an order of each customer is worth on average (equation 5): between his own mean and everybody's.

    (gamma + m x) p / (p x + q - 1). Not a number where p x + q is 1 or less: nothing is known of him, and the mean of all is
    infinite.
    """
    x = np.asarray(orders, float)
    m = np.where(x > 0, np.asarray(value, float), 0.0)
    below = of.p * x + of.q - 1
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(below > 0, of.p * (of.gamma + m * x) / below, np.nan)


def correlation(orders: Floats, value: Floats, count: Floats | None = None) -> float | None:
    """Pearson's of frequency and value: the model takes them to be independent. None for fewer than three customers."""
    x, m = np.asarray(orders, float), np.asarray(value, float)
    n = np.ones(len(x)) if count is None else np.asarray(count, float)
    if n.sum() < 3:
        return None
    x, m = x - np.average(x, weights=n), m - np.average(m, weights=n)
    spread = np.sqrt((n * x * x).sum() * (n * m * m).sum())
    return float((n * x * m).sum() / spread) if spread > 0 else None
