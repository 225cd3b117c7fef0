"""Finding the parameters that fit best, and how sure they are; for the model of orders and the one of money."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from shuke.audience.forecast import money_model, orders_model

Floats = NDArray[np.float64]
NEAR_BOUND = 0.05  # of a logarithm: nearer to its bound a parameter is not determined from that side


class _Likelihood(Protocol):
    def __call__(self, logs: Floats) -> object: ...

    def gradient(self, logs: Floats) -> Floats: ...


@dataclass(frozen=True)
class Fit:
    """The best parameters as logarithms, and what is to be said of them.

    `errors` are standard errors of the parameters themselves (not of their logarithms), None where the data do not
    determine them; `covariance` is of the logarithms. `is_settled`: the search ended at a top inside the bounds.
    """

    logs: Floats
    log_likelihood: float
    errors: tuple[float | None, ...]
    covariance: Floats | None
    is_settled: bool
    steps: int


def _best(
    likelihood: _Likelihood, starts: Sequence[Floats], bounds: Sequence[tuple[float, float]], scale: float
) -> Fit:
    """The best of several searches, each from its own start. `scale` keeps the function near 1 (a mean a customer)."""
    found = None
    steps = 0
    for start in starts:
        low, high = np.array(bounds).T
        one = optimize.minimize(
            lambda logs: -float(np.asarray(likelihood(logs))) / scale,
            np.clip(start, low, high),
            jac=lambda logs: -likelihood.gradient(logs) / scale,
            method="SLSQP",
            bounds=bounds,
            options={"maxiter": 500, "ftol": 1e-13},
        )
        steps += int(one.nit)
        if np.isfinite(one.fun) and (found is None or one.fun < found.fun - 1e-12):
            found = one
    if found is None:
        raise ValueError("the likelihood is not finite at any start")
    logs = np.asarray(found.x, float)
    inside = all(
        low + NEAR_BOUND < value < high - NEAR_BOUND for value, (low, high) in zip(logs, bounds, strict=True)
    )
    covariance = inverse_of_curvature(likelihood.gradient, logs) if inside else None
    errors: tuple[float | None, ...] = (None,) * len(logs)
    if covariance is not None:
        errors = tuple(float(v) for v in np.exp(logs) * np.sqrt(np.diag(covariance)))
    flat = float(np.abs(likelihood.gradient(logs)).max()) / scale < 1e-4
    return Fit(
        logs, -float(found.fun) * scale, errors, covariance, inside and flat and covariance is not None, steps
    )


def inverse_of_curvature(gradient: Callable[[Floats], Floats], logs: Floats) -> Floats | None:
    """The covariance that the curvature at the top implies; None where it is no top in some direction."""
    size, step = len(logs), 1e-4
    hessian = np.empty((size, size))
    for place in range(size):
        away = np.zeros(size)
        away[place] = step
        hessian[place] = (gradient(logs + away) - gradient(logs - away)) / (2 * step)
    hessian = -(hessian + hessian.T) / 2
    values, vectors = np.linalg.eigh(hessian)
    if not np.isfinite(values).all() or values.min() <= 1e-8 * max(values.max(), 1.0):
        return None
    return np.asarray((vectors / values) @ vectors.T)


def starts_of(buyers: orders_model.Buyers) -> list[Floats]:
    """Where to begin: the time scale of the data, with few and with many who leave.

    The rate of orders a customer and day sets alpha for a shape r, so that no start is a world away.
    """
    exposure = float((buyers.count * np.maximum(buyers.age, 1e-9)).sum())
    rate = max(float((buyers.count * buyers.frequency).sum()), 0.5) / exposure
    return [
        np.log([r, r / rate * shrink, a, b])
        for r, a, b, shrink in ((0.5, 0.8, 2.5, 0.6), (1.0, 1.0, 1.0, 0.3), (1.5, 0.1, 3.0, 0.9))
    ]


def fit_orders(buyers: orders_model.Buyers) -> Fit:
    """The most likely parameters of the model of orders. Raises ValueError without a customer or without any time."""
    if buyers.total < 1 or not (buyers.age > 0).any():
        raise ValueError("no customer with any time to look back on")
    # Times in units of their own mean age, so that the bounds mean the same for days and for weeks.
    unit = float(np.average(buyers.age, weights=buyers.count))
    scaled = orders_model.Buyers(buyers.frequency, buyers.recency / unit, buyers.age / unit, buyers.count)
    bound = orders_model.FARTHEST
    fit = _best(orders_model.Likelihood(scaled), starts_of(scaled), [(-bound, bound)] * 4, buyers.total)
    return in_unit(fit, unit, float((buyers.count * buyers.frequency).sum()))


def in_unit(fit: Fit, unit: float, orders: float) -> Fit:
    """The fit of scaled times as one of the times themselves: alpha is a time, and each order is a density of it."""
    logs = fit.logs + np.array([0.0, np.log(unit), 0.0, 0.0])
    errors = fit.errors
    if errors[1] is not None:
        errors = (errors[0], errors[1] * unit, errors[2], errors[3])
    return Fit(
        logs,
        fit.log_likelihood - orders * float(np.log(unit)),
        errors,
        fit.covariance,
        fit.is_settled,
        fit.steps,
    )


def fit_money(orders: Floats, value: Floats, count: Floats | None = None) -> Fit:
    """The most likely parameters of the model of money. Raises ValueError without a customer."""
    if not len(orders):
        raise ValueError("no customer whose orders have a value")
    n = np.ones(len(orders)) if count is None else np.asarray(count, float)
    unit = float(np.average(value, weights=n))
    likelihood = money_model.Likelihood(orders, np.asarray(value, float) / unit, n)
    bound = money_model.FARTHEST
    starts = [np.log(start) for start in ((2.0, 3.0, 1.0), (6.0, 4.0, 0.5), (1.0, 2.0, 1.0))]
    fit = _best(likelihood, starts, [(-bound, bound)] * 3, float(n.sum()))
    logs = fit.logs + np.array([0.0, 0.0, np.log(unit)])
    errors = fit.errors
    if errors[2] is not None:
        errors = (errors[0], errors[1], errors[2] * unit)
    told = fit.log_likelihood - float(n.sum()) * float(np.log(unit))
    return Fit(logs, told, errors, fit.covariance, fit.is_settled, fit.steps)
