"""Which parameters are plausible after what was seen: draws of the posterior, so that an interval knows what it does not.

At fifty customers the most likely parameters are often at an edge (nobody ever leaves, all buy alike), and their standard
errors do not exist; a bootstrap around them would be sure of itself for no reason. So parameters are drawn from the posterior
under a weak prior of ours, by importance sampling: draws of a wide Student distribution around its top, weighted by
likelihood times prior, in two rounds, the second one around what the first one found. Where customers are so many that the
prior and the tails no longer matter, draws of the normal distribution at the top do.

The prior (ours; logarithms, normal; written down here since a forecast of few customers leans on it): the shape r around 0.7
within a factor of e; orders in the mean time known around 1 within e^2; the mean chance to leave after an order around a
quarter, between 4 and 70 %; a + b around 3 within a factor of e^1.2. The published fits of CDNOW lie in its middle.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from shuke.audience.forecast import fitting, money_model, orders_model

Floats = NDArray[np.float64]
FREEDOM = 5.0  # of the Student distribution: tails wide enough to cover a skewed posterior
FARTHEST = 40.0  # a logarithm beyond it is no parameter of anything; its exponential is no number soon after
ROUNDS = (500, 1_000)  # draws looked at
MOST_NUMBERS = 20_000_000  # draws times groups: above, the normal distribution at the top will do


@dataclass(frozen=True)
class Draws:
    """Parameters as logarithms, one row a draw, equally likely. `effective`: how many independent draws they are worth."""

    logs: Floats
    effective: float


def _normal(value: Floats, middle: float, width: float) -> Floats:
    return -0.5 * ((value - middle) / width) ** 2


def prior_of_orders(logs: Floats) -> Floats:
    """The logarithm of the prior, up to a constant; alpha in units of the mean time known."""
    r, alpha, a, b = np.moveaxis(np.asarray(logs, float), -1, 0)
    return np.asarray(
        _normal(r, np.log(0.7), 1.0)
        + _normal(r - alpha, 0.0, 2.0)
        + _normal(a - b, -1.1, 1.0)
        + _normal(np.logaddexp(a, b), np.log(3.0), 1.2)
    )


def prior_of_money(logs: Floats) -> Floats:
    """The same for money: p around 3, q around 4 (below 1 the mean of all is infinite), the mean around the one seen."""
    p, q, gamma = np.moveaxis(np.asarray(logs, float), -1, 0)
    return np.asarray(
        _normal(p, np.log(3.0), 1.0) + _normal(q, np.log(4.0), 0.7) + _normal(p + gamma - q, 0.0, 1.0)
    )


def _at_the_top(fit: fitting.Fit | None, groups: int, draws: int, rng: np.random.Generator) -> Draws | None:
    """Of very many customers: draws around the most likely parameters, as wide as their standard errors. The prior weighs
    nothing any more, and a top that is found less exactly than it is narrow would move the interval away from it."""
    if fit is None or not fit.is_settled or fit.covariance is None or groups * ROUNDS[1] <= MOST_NUMBERS:
        return None
    return Draws(rng.multivariate_normal(fit.logs, fit.covariance, draws, method="cholesky"), float(draws))


def plausible_orders(
    buyers: orders_model.Buyers, draws: int, rng: np.random.Generator, fit: fitting.Fit | None = None
) -> Draws:
    """Parameters of the model of orders that these customers leave plausible. `fit`: the most likely ones."""
    found_at_top = _at_the_top(fit, len(buyers.count), draws, rng)
    if found_at_top is not None:
        return found_at_top
    unit = float(np.average(buyers.age, weights=buyers.count)) or 1.0
    scaled = orders_model.Buyers(buyers.frequency, buyers.recency / unit, buyers.age / unit, buyers.count)
    likelihood = orders_model.Likelihood(scaled)
    found = _drawn(
        lambda logs: likelihood(logs) + prior_of_orders(logs),
        fitting.starts_of(scaled)[1],
        draws,
        len(scaled.count),
        rng,
    )
    return Draws(found.logs + np.array([0.0, np.log(unit), 0.0, 0.0]), found.effective)


def plausible_money(
    orders: Floats,
    value: Floats,
    draws: int,
    rng: np.random.Generator,
    fit: fitting.Fit | None = None,
) -> Draws:
    """Parameters of the model of money that the orders of these customers leave plausible. `fit`: the most likely ones."""
    found_at_top = _at_the_top(fit, len(orders), draws, rng)
    if found_at_top is not None:
        return found_at_top
    unit = float(np.mean(value))
    likelihood = money_model.Likelihood(orders, np.asarray(value, float) / unit)

    def told(logs: Floats) -> Floats:
        many = np.asarray(logs, float)
        if many.ndim == 1:
            return np.asarray(likelihood(many)) + prior_of_money(many)
        return np.array([likelihood(one) for one in many]) + prior_of_money(many)

    found = _drawn(told, np.log([3.0, 4.0, 1.0]), draws, len(orders), rng)
    return Draws(found.logs + np.array([0.0, 0.0, np.log(unit)]), found.effective)


def _drawn(
    target: Callable[[Floats], Floats], start: Floats, draws: int, groups: int, rng: np.random.Generator
) -> Draws:
    """Draws of the distribution whose logarithm is `target`, up to a constant."""

    def cost(logs: Floats) -> float:
        told = -float(target(np.clip(logs, -FARTHEST, FARTHEST)))
        return told if np.isfinite(told) else 1e12

    top = optimize.minimize(
        cost, start, method="Nelder-Mead", options={"xatol": 1e-3, "fatol": 1e-5, "maxiter": 600}
    )
    middle = np.asarray(top.x, float)
    covariance = _spread(target, middle)
    if groups * ROUNDS[1] > MOST_NUMBERS:
        return Draws(rng.multivariate_normal(middle, covariance, draws, method="cholesky"), float(draws))
    looked, weights = np.empty((0, len(start))), np.empty(0)
    for count in ROUNDS:
        looked, density = _student(middle, covariance, count, rng)
        told = np.where((np.abs(looked) < FARTHEST).all(axis=1), target(looked), -np.inf)
        log_weights = np.where(np.isfinite(told), told, -np.inf) - density
        weights = np.exp(log_weights - log_weights.max())
        weights /= weights.sum()
        middle = weights @ looked
        away = looked - middle
        # A little wider than found: a proposal that is too narrow is never noticed by its own draws.
        covariance = 1.2 * ((weights[:, None] * away).T @ away) + 1e-8 * np.eye(len(start))
    chosen = rng.choice(len(looked), size=draws, p=weights)
    return Draws(looked[chosen], float(1 / (weights**2).sum()))


def _spread(target: Callable[[Floats], Floats], top: Floats) -> Floats:
    """The covariance that the curvature at the top implies; where it is no proper one, its directions are kept apart."""
    size, step = len(top), 1e-3
    hessian = np.empty((size, size))
    for i in range(size):
        for j in range(i, size):
            one, other = np.zeros(size), np.zeros(size)
            one[i], other[j] = step, step
            around = np.stack([top + one + other, top + one - other, top - one + other, top - one - other])
            pp, pm, mp, mm = target(around)
            hessian[i, j] = hessian[j, i] = (pp - pm - mp + mm) / (4 * step * step)
    values, vectors = np.linalg.eigh(-hessian)
    return np.asarray((vectors / np.clip(values, 0.05, None)) @ vectors.T)


def _student(
    middle: Floats, covariance: Floats, count: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Draws of a Student distribution and the logarithm of their density, up to a constant."""
    size = len(middle)
    root = np.linalg.cholesky(covariance)
    normal = rng.standard_normal((count, size))
    scale = np.sqrt(FREEDOM / rng.chisquare(FREEDOM, count))[:, None]
    density = -(FREEDOM + size) / 2 * np.log1p((normal * scale) ** 2 @ np.ones(size) / FREEDOM)
    return middle + (normal * scale) @ root.T, density
