"""What a day was to be expected to bring, from the days before it: pure array functions, many series at once.

Counts: the logarithm as level, weekday and place in the month, fitted by least squares that forget (half-life), with
outliers drawn in and days of incidents left out; the trend is fitted and then held at its last day, so that growth that
stops is no fall. The scatter is what the days themselves show (variance = factor x mean; ours, after quasi-Poisson
regression). Rates: the share of the last weeks, forgetting alike, with a weekday factor as far as the data bear one
out (empirical Bayes), and a scatter factor over the binomial. Why so: README.
"""

from __future__ import annotations

import calendar
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

_ROUNDS = 5
_DRAWN_IN = 2.5  # robust standard deviations beyond which a day does not pull the fit any further
_RIDGE_TREND, _RIDGE_WEEKDAY, _RIDGE_MONTH = 1.0, 1.0, 3.0  # in days that say "no effect"
MONTH_FROM = 56  # days of history from which the place in the month is fitted


@dataclass(frozen=True)
class CountForecast:
    """`mean` [series, days ahead], `factor` [series] (variance over mean), `leverage` [days, days] of the fit's own error."""

    mean: np.ndarray
    factor: np.ndarray
    leverage: np.ndarray
    level: np.ndarray


@dataclass(frozen=True)
class RateForecast:
    """`share` [series, days ahead], `factor` [series] over the binomial, `cases` [series]: on how many the share rests,
    `daily` [series]: cases a day."""

    share: np.ndarray
    factor: np.ndarray
    cases: np.ndarray
    daily: np.ndarray


def _design(days: Sequence[date], origin: date, *, with_month: bool, last: date) -> np.ndarray:
    """A row per day: 1, trend in 28 days (held from `last` on), weekdays, and two waves over the month."""
    rows = []
    for day in days:
        row = [1.0, (min(day, last) - origin).days / 28]
        row += [float(day.weekday() == number) for number in range(7)]
        if with_month:
            turn = 2 * np.pi * (day.day - 1) / calendar.monthrange(day.year, day.month)[1]
            row += [np.sin(turn), np.cos(turn), np.sin(2 * turn), np.cos(2 * turn)]
        rows.append(row)
    return np.array(rows)


def forget(length: int, half_life: int) -> np.ndarray:
    """Weights of days, oldest first; the newest has 1."""
    return 0.5 ** (np.arange(length - 1, -1, -1) / half_life)


def forecast_counts(
    values: np.ndarray, usable: np.ndarray, days: Sequence[date], ahead: Sequence[date], half_life: int
) -> CountForecast:
    """`values`, `usable` [series, days]: what was counted, and whether the day may teach."""
    last = days[-1]
    with_month = len(days) >= MONTH_FROM
    design = _design(days, last, with_month=with_month, last=last)
    future = _design(ahead, last, with_month=with_month, last=last)
    weight = forget(len(days), half_life)
    ridge = np.array([0.0, _RIDGE_TREND] + [_RIDGE_WEEKDAY] * 7 + ([_RIDGE_MONTH] * 4 if with_month else []))
    inverse = np.linalg.inv((design * weight[:, None]).T @ design + np.diag(ridge))
    solve = inverse @ (design * weight[:, None]).T
    logs = np.log(values + 0.5)
    pull = np.where(usable, logs, np.nan)
    with np.errstate(all="ignore"):
        middle = np.nan_to_num(np.nanmedian(np.where(usable.any(1, keepdims=True), pull, 0.0), axis=1))
    pull = np.where(usable, logs, middle[:, None])
    for _round in range(_ROUNDS):
        fitted = pull @ solve.T @ design.T
        off = np.where(usable, logs - fitted, 0.0)
        spread = 1.4826 * _median_of_usable(np.abs(off), usable)[:, None]
        pull = fitted + np.clip(off, -_DRAWN_IN * spread, _DRAWN_IN * spread)
    coefficients = pull @ solve.T
    half_variance = np.minimum(spread**2 / 2, 0.1)
    fitted = np.exp(coefficients @ design.T + half_variance)
    mean = np.exp(coefficients @ future.T + half_variance)
    used = weight * usable
    pearson = (values - fitted) / np.sqrt(np.maximum(fitted, 1e-9))
    bound = 3 * 1.4826 * _median_of_usable(np.abs(pearson), usable)[:, None]
    squares = np.clip(pearson, -bound, bound) ** 2
    total = np.maximum(used.sum(1), 1e-9)
    effective = total**2 / np.maximum((used**2).sum(1), 1e-9)
    free = np.trace(solve @ design)
    factor = (squares * used).sum(1) / total * effective / np.maximum(effective - free, 1.0)
    covariance = future @ solve @ solve.T @ future.T
    return CountForecast(mean, np.maximum(factor, 1.0), covariance, (values * used).sum(1) / total)


def _median_of_usable(values: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """Per series, of the usable days; 0 without any."""
    with np.errstate(all="ignore"):
        held = np.where(usable.any(1, keepdims=True), np.where(usable, values, np.nan), 0.0)
        return np.nanmedian(held, axis=1)


def forecast_rates(
    parts: np.ndarray,
    wholes: np.ndarray,
    usable: np.ndarray,
    days: Sequence[date],
    ahead: Sequence[date],
    half_life: int,
) -> RateForecast:
    """`parts` of `wholes` [series, days]."""
    weight = forget(len(days), half_life) * usable
    cases = (weight * wholes).sum(1)
    share = (weight * parts).sum(1) / np.maximum(cases, 1e-9)
    weekday = np.array([day.weekday() for day in days])
    factors = np.ones((len(parts), 7))
    binomial = np.maximum(share * (1 - share), 1e-9)
    by_cases = np.stack([(weight * wholes)[:, weekday == number].sum(1) for number in range(7)], axis=1)
    by_parts = np.stack([(weight * parts)[:, weekday == number].sum(1) for number in range(7)], axis=1)
    own = by_parts / np.maximum(by_cases, 1e-9)
    noise = binomial[:, None] / np.maximum(by_cases, 1e-9)
    between = np.maximum(((own - share[:, None]) ** 2 - noise).mean(1), 0.0)
    trust = between[:, None] / (between[:, None] + noise)
    factors = 1 + (own / np.maximum(share, 1e-9)[:, None] - 1) * trust * (by_cases > 0)
    expected = np.clip(share[:, None] * factors[:, weekday], 1e-6, 1 - 1e-6)
    squares = (parts - wholes * expected) ** 2 / np.maximum(wholes * expected * (1 - expected), 1e-9)
    known = usable & (wholes > 0)
    used = weight * known
    factor = (np.minimum(squares, 9.0) * used).sum(1) / np.maximum(used.sum(1), 1e-9)
    effective = used.sum(1) ** 2 / np.maximum((used**2).sum(1), 1e-9)
    factor = factor * effective / np.maximum(effective - 1 - trust.sum(1), 1.0)
    rests_on = cases**2 / np.maximum((weight**2 * wholes).sum(1), 1e-9)
    known_days = np.maximum(weight.sum(1), 1e-9)
    turn = np.array([day.weekday() for day in ahead])
    return RateForecast(
        np.clip(share[:, None] * factors[:, turn], 1e-6, 1 - 1e-6),
        np.maximum(factor, 1.0),
        rests_on,
        cases / known_days,
    )


def score_of_share(part: float, whole: float, share: float, rests_on: float, factor: float) -> float:
    """Standard deviations by which `part` of `whole` lies above (below: negative) a share known from `rests_on` cases.

    The signed root of the two-sample likelihood ratio, over the root of the scatter factor: holds for small numbers too.
    """
    if whole <= 0 or rests_on <= 0:
        return 0.0
    pooled = (part + share * rests_on) / (whole + rests_on)
    ratio = 0.0
    for made, of in ((part, whole), (share * rests_on, rests_on)):
        ratio += _term(made, of * pooled) + _term(of - made, of * (1 - pooled))
    root = math.sqrt(max(2 * ratio, 0.0) / factor)
    return root if part / whole > share else -root


def score_of_count(made: float, days: float, before: float, days_before: float, factor: float) -> float:
    """As `score_of_share`, of a small count in `days` against `before` in `days_before` (Poisson, scatter over it)."""
    pooled = (made + before) / (days + days_before)
    ratio = _term(made, days * pooled) + _term(before, days_before * pooled)
    root = math.sqrt(max(2 * ratio, 0.0) / factor)
    return root if made / days > before / days_before else -root


def _term(made: float, expected: float) -> float:
    return made * math.log(made / expected) if made > 0 and expected > 0 else 0.0
