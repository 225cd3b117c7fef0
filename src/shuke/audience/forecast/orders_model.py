"""BG/NBD: how often people buy again and after which order they stay away, from three numbers a customer.

The model is of P. S. Fader, B. G. S. Hardie and K. L. Lee, "Counting Your Customers the Easy Way: An Alternative to the
Pareto/NBD Model", Marketing Science 24 (2005) 275-284; every formula below names its equation there. While he is a customer,
somebody buys at random with a rate of his own (a Gamma of shape `r` and rate `alpha` over customers); after each order he
may leave for good with a chance of his own (a Beta of `a` and `b` over customers). Of a customer it wants:

- `frequency` x: the days with an order after the first one;
- `recency` t_x: the days from the first to the last order; 0 where there was one only;
- `age` T: the days from the first order to the end of what is known.

Pure functions over numpy arrays; no database, no clock. Times have any unit, as long as it is one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh_tridiagonal
from scipy.special import betaln, digamma, gammaln

Floats = NDArray[np.float64]

# Parameters are sought between e^-9 and e^9 (0.0001 and 8,100): beyond them nothing that can be seen changes any more.
FARTHEST = 9.0
MANY = 20_000  # customers: above, those that are alike are computed once
NODES = 48  # of the quadrature over the chance to leave: 1e-10 of the closed form where that can be computed


@dataclass(frozen=True)
class Buyers:
    """Customers by (frequency, recency, age), with how many there are of each: all that the model asks of them.

    Four arrays of one length. Groups, since ten million customers are some hundred thousand of these.
    """

    frequency: Floats
    recency: Floats
    age: Floats
    count: Floats

    @property
    def total(self) -> float:
        return float(self.count.sum())

    @property
    def repeaters(self) -> float:
        """Customers with an order after their first day."""
        return float(self.count[self.frequency > 0].sum())


def grouped(frequency: Floats, recency: Floats, age: Floats, count: Floats | None = None) -> Buyers:
    """Customers, one each or counted already, as groups. Raises ValueError for times that can not be."""
    rows = np.column_stack([frequency, recency, age]).astype(float)
    if len(rows) and ((rows < 0).any() or (rows[:, 1] > rows[:, 2]).any() or not np.isfinite(rows).all()):
        raise ValueError("frequency, recency and age are at least 0, and a recency at most its age")
    weights = np.ones(len(rows)) if count is None else np.asarray(count, float)
    if not len(rows):
        empty = np.empty(0)
        return Buyers(empty, empty, empty, empty)
    sizes = rows.max(axis=0) + 1
    if (rows == np.floor(rows)).all() and sizes.prod() < 2**62:
        # Whole days: one integer a customer, since sorting ten million rows of three takes ten times as long.
        x, recency, whole = rows.astype(np.int64).T
        key = (x * int(sizes[1]) + recency) * int(sizes[2]) + whole
        _keys, first, place = np.unique(key, return_index=True, return_inverse=True)
        unique = rows[first]
    else:
        unique, place = np.unique(rows, axis=0, return_inverse=True)
    counts = np.bincount(place.ravel(), weights=weights, minlength=len(unique)).astype(float)
    return Buyers(unique[:, 0].copy(), unique[:, 1].copy(), unique[:, 2].copy(), counts)


def rounded(buyers: Buyers, step: float) -> Buyers:
    """The same with times rounded to `step`: fewer groups where there are too many to pass over quickly."""
    age = np.round(buyers.age / step) * step
    recency = np.minimum(np.round(buyers.recency / step) * step, age)
    # Who bought twice did not do it at once: a recency of 0 belongs to a frequency of 0.
    recency = np.where((buyers.frequency > 0) & (recency <= 0), np.minimum(step / 2, age), recency)
    return grouped(buyers.frequency, recency, age, buyers.count)


@dataclass(frozen=True)
class Parameters:
    """Of a shop: shape and rate of how often people buy, and the two of the chance to leave after an order."""

    r: float
    alpha: float
    a: float
    b: float

    @property
    def logs(self) -> Floats:
        return np.log([self.r, self.alpha, self.a, self.b])

    @staticmethod
    def of_logs(logs: Floats) -> Parameters:
        r, alpha, a, b = np.exp(np.asarray(logs, float))
        return Parameters(float(r), float(alpha), float(a), float(b))


class Likelihood:
    """The log likelihood of equation (6) over all customers, at one or many parameters at once.

    What depends on the frequency alone is computed once for each frequency, so that a pass costs two logarithms a group.
    """

    def __init__(self, buyers: Buyers) -> None:
        self._x, self._place = np.unique(buyers.frequency, return_inverse=True)
        self._place = self._place.ravel()
        self._n = np.bincount(self._place, weights=buyers.count, minlength=len(self._x))
        self._buyers = buyers
        self._bought_again = buyers.frequency > 0

    def __call__(self, logs: Floats) -> Floats:
        """`logs` of shape (..., 4), the logarithms of r, alpha, a, b; answers of shape (...)."""
        logs = np.asarray(logs, float)
        many = logs.reshape(-1, 4)
        told = np.empty(len(many))
        # Bounded memory: two million numbers at a time.
        step = max(1, 2_000_000 // max(len(self._place), 1))
        for start in range(0, len(many), step):
            told[start : start + step] = self._some(many[start : start + step])
        return told.reshape(logs.shape[:-1])

    def _some(self, logs: Floats) -> Floats:
        r, alpha, a, b = np.exp(logs).T[:, :, None]
        x = self._x[None, :]
        common = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + betaln(a, b + x) - betaln(a, b)
        left = np.log(a) - np.log(b + np.maximum(x, 1) - 1)
        of_x = (r + x)[:, self._place]
        stays = -of_x * np.log(alpha + self._buyers.age)
        leaves = left[:, self._place] - of_x * np.log(alpha + self._buyers.recency)
        each = np.where(self._bought_again, np.logaddexp(stays, leaves), stays)
        return np.asarray((common * self._n).sum(axis=1) + (each * self._buyers.count).sum(axis=1))

    def gradient(self, logs: Floats) -> Floats:
        """The derivatives by the four logarithms, exact."""
        r, alpha, a, b = np.exp(np.asarray(logs, float))
        x, n = self._x, self._n
        buyers, count = self._buyers, self._buyers.count
        of_x = r + buyers.frequency
        log_age, log_recency = np.log(alpha + buyers.age), np.log(alpha + buyers.recency)
        lower = b + np.maximum(buyers.frequency, 1) - 1
        stays = -of_x * log_age
        leaves = np.log(a) - np.log(lower) - of_x * log_recency
        # The share of the second term: the chance that somebody left after his last order.
        gone = np.where(self._bought_again, 1 / (1 + np.exp(np.clip(stays - leaves, -700, 700))), 0.0)
        here = 1 - gone
        by_r = (n * (digamma(r + x) - digamma(r) + np.log(alpha))).sum() - (
            count * (here * log_age + gone * log_recency)
        ).sum()
        by_alpha = (
            self._n.sum() * r / alpha
            - (count * of_x * (here / (alpha + buyers.age) + gone / (alpha + buyers.recency))).sum()
        )
        by_a = (n * (digamma(a + b) - digamma(a + b + x))).sum() + (count * gone).sum() / a
        by_b = (n * (digamma(b + x) - digamma(b) + digamma(a + b) - digamma(a + b + x))).sum() - (
            count * gone / lower
        ).sum()
        return np.array([by_r * r, by_alpha * alpha, by_a * a, by_b * b])


def chance_alive(of: Parameters, frequency: Floats, recency: Floats, age: Floats) -> Floats:
    """The chance that somebody has not left: 1 for who bought once, since one leaves after a later order only.

    Follows from equation (7) of the paper; computed by logarithms, so that no frequency overflows.
    """
    x, recency, age = np.asarray(frequency, float), np.asarray(recency, float), np.asarray(age, float)
    odds = (
        np.log(of.a)
        - np.log(of.b + np.maximum(x, 1) - 1)
        + (of.r + x) * (np.log(of.alpha + age) - np.log(of.alpha + recency))
    )
    return np.where(x > 0, 1 / (1 + np.exp(np.minimum(odds, 700))), 1.0)


@lru_cache(maxsize=4096)
def _nodes(a: float, b: float) -> tuple[Floats, Floats]:
    """Nodes and weights of a mean over a Beta(a, b): Gauss and Jacobi, by Golub and Welsch (1969).

    Not scipy's roots_sh_jacobi, whose weights overflow from a + b of some thousand on.
    """
    up, down = a - 1, b - 1  # the exponents of p and 1 - p
    both = up + down
    n = np.arange(1, NODES, dtype=float)
    twice = 2 * n + both
    middle = np.empty(NODES)
    middle[0] = (up - down) / (both + 2)
    middle[1:] = (up - down) * both / (twice * (twice + 2))
    beside = 4 * n * (n + up) * (n + down) / (twice**2 * (twice + 1))
    # (n + both) / (twice - 1) is 1 for the first one, whatever both is.
    beside[1:] *= (n[1:] + both) / (twice[1:] - 1)
    nodes, vectors = eigh_tridiagonal(middle, np.sqrt(beside))
    return np.clip((1 + nodes) / 2, 1e-300, 1.0), vectors[0] ** 2


def expected_if_alive(of: Parameters, frequency: Floats, age: Floats, ahead: float) -> Floats:
    """Orders in the next `ahead` of somebody who has not left.

    With a rate l and a chance p to leave at each order, (1 - exp(-l p t)) / p orders come in t (equation 3). Over what is
    known of l, a Gamma of r + x and alpha + T, that is (1 - (1 + p t / (alpha + T))^-(r + x)) / p; over p, a Beta of a and
    b + x, it is a sum at the nodes of a quadrature. Equal to the closed form with the hypergeometric function (equation
    10), which can not be computed at a = 1 and overflows for people who buy often.
    """
    x, age = np.asarray(frequency, float), np.asarray(age, float)
    if ahead <= 0:
        return np.zeros(np.broadcast(x, age).shape)
    x, age = np.broadcast_arrays(x, age)
    if x.size > MANY:
        # Most of very many customers are like another one: each frequency and age once.
        pairs, place = np.unique(x + 1j * age, return_inverse=True)
        return _if_alive(of, pairs.real, pairs.imag, ahead)[place.ravel()]
    return _if_alive(of, x, age, ahead)


def _if_alive(of: Parameters, x: Floats, age: Floats, ahead: float) -> Floats:
    told = np.empty(x.shape)
    for value in np.unique(x):
        mine = x == value
        p, weights = _nodes(of.a, of.b + float(value))
        scale = ahead / (of.alpha + age[mine])
        per_node = -np.expm1(-(of.r + value) * np.log1p(scale[:, None] * p[None, :])) / p[None, :]
        told[mine] = per_node @ weights
    return told


def expected_orders(of: Parameters, frequency: Floats, recency: Floats, age: Floats, ahead: float) -> Floats:
    """Orders to expect of each customer in the next `ahead`, after what he did (equation 10)."""
    return chance_alive(of, frequency, recency, age) * expected_if_alive(of, frequency, age, ahead)


def expected_of_new(of: Parameters, age: Floats | float) -> Floats:
    """Orders after the first one that somebody brings within `age` of it, before anything is known of him (equation 9)."""
    ages = np.atleast_1d(np.asarray(age, float))
    told = np.zeros(len(ages))
    p, weights = _nodes(of.a, of.b)
    some = ages > 0
    told[some] = (
        -np.expm1(-of.r * np.log1p(ages[some][:, None] / of.alpha * p[None, :])) / p[None, :] @ weights
    )
    return told


def wait_for_next(of: Parameters, frequency: Floats, age: Floats, share: float) -> Floats:
    """The time within which the next order comes with the chance `share`, of somebody who has not left.

    The wait is Lomax: no order within t with the chance ((alpha + T) / (alpha + T + t))^(r + x). At 0.5 it is the median.
    """
    x, age = np.asarray(frequency, float), np.asarray(age, float)
    with np.errstate(over="ignore"):  # of who hardly ever buys it is infinite
        return np.asarray((of.alpha + age) * np.expm1(-np.log1p(-share) / (of.r + x)))
