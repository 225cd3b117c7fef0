"""What a forecast says, as frozen values, and as the JSON in which it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import Any

from shuke.kernel.periods import ONE_DAY, Period

TOO_FEW, TOO_SHORT = "too_few", "too_short"


@dataclass(frozen=True)
class Expected:
    """What to expect, and between what it lies with the chance `share` of its forecast. Money in minor units."""

    expected: float
    low: float
    high: float


@dataclass(frozen=True)
class Parameter:
    """One parameter of a model: what is used, and its standard error (None: the data do not determine it)."""

    name: str
    value: float
    error: float | None


@dataclass(frozen=True)
class Fitted:
    """A model as it was fitted. `is_settled`: the search ended at a top; else the middle of what is plausible is used."""

    parameters: tuple[Parameter, ...]
    log_likelihood: float
    is_settled: bool
    customers: int

    def value(self, name: str) -> float:
        return next(one.value for one in self.parameters if one.name == name)


@dataclass(frozen=True)
class AliveBand:
    """Customers whose chance to come again lies from `low` to below `high` (1 included in the last one)."""

    low: float
    high: float
    customers: int
    expected_orders: float


@dataclass(frozen=True)
class HeldWeek:
    """Up to `day` after the cut, added up: what was to be expected (`low`, `high` None: not computed of so many customers),
    and what came."""

    day: date
    expected: float
    low: float | None
    high: float | None
    actual: int


@dataclass(frozen=True)
class Holdout:
    """The same forecast made on what was known at the end of `cut`, held against what came until `last_day`."""

    cut: date
    last_day: date
    customers: int
    weeks: tuple[HeldWeek, ...]

    @property
    def end(self) -> HeldWeek:
        return self.weeks[-1]

    @property
    def is_held(self) -> bool | None:
        """Whether what came lies within the interval; None where there is none."""
        end = self.end
        return None if end.low is None or end.high is None else end.low <= end.actual <= end.high

    @property
    def off(self) -> float | None:
        """How far what came was from what was expected, as a share of that; None where nothing was expected."""
        return self.end.actual / self.end.expected - 1 if self.end.expected > 0 else None


@dataclass(frozen=True)
class Forecast:
    """What was learnt of the customers known at the end of `last_day`, and what they will bring in the `days` after it.

    `why_not`: too_few customers or too_short a time; nothing else is told then. `orders` are order days of customers known
    today; `value` None: no order after a first one had a value. `alive`: customers to expect among those who come again.
    `new_customers`: who ordered first in as many days before `last_day` (their like are in no forecast).
    """

    id: int
    made_at: datetime
    first_day: date | None
    last_day: date
    days: int
    share: float
    currency: str
    customers: int
    repeaters: int
    order_days: int
    new_customers: int
    is_few: bool
    why_not: str
    orders: Expected | None
    value: Expected | None
    alive: float | None
    of_orders: Fitted | None
    of_money: Fitted | None
    correlation: float | None
    bands: tuple[AliveBand, ...]
    holdout: Holdout | None
    is_whole: bool

    @property
    def period(self) -> Period:
        """The days ahead."""
        start = self.last_day + ONE_DAY
        return Period(start, start + self.days * ONE_DAY)


def dump(forecast: Forecast) -> dict[str, Any]:
    """As JSON; what the row itself says (id, moment, last day) is not repeated."""
    told = asdict(replace(forecast, holdout=None))
    for name in ("id", "made_at", "last_day", "is_whole"):
        del told[name]
    told["first_day"] = forecast.first_day.isoformat() if forecast.first_day else None
    held = forecast.holdout
    if held is not None:
        told["holdout"] = {
            "cut": held.cut.isoformat(),
            "last_day": held.last_day.isoformat(),
            "customers": held.customers,
            "weeks": [
                [week.day.isoformat(), week.expected, week.low, week.high, week.actual] for week in held.weeks
            ],
        }
    return told


def parse(told: Mapping[str, Any], *, id: int, made_at: datetime, last_day: date, is_whole: bool) -> Forecast:
    """A forecast from its row."""
    held = told["holdout"]
    return Forecast(
        **{
            **told,
            "first_day": date.fromisoformat(told["first_day"]) if told["first_day"] else None,
            "orders": Expected(**told["orders"]) if told["orders"] else None,
            "value": Expected(**told["value"]) if told["value"] else None,
            "of_orders": _fitted(told["of_orders"]),
            "of_money": _fitted(told["of_money"]),
            "bands": tuple(AliveBand(**band) for band in told["bands"]),
            "holdout": None
            if held is None
            else Holdout(
                date.fromisoformat(held["cut"]),
                date.fromisoformat(held["last_day"]),
                held["customers"],
                tuple(HeldWeek(date.fromisoformat(day), *rest) for day, *rest in held["weeks"]),
            ),
        },
        id=id,
        made_at=made_at,
        last_day=last_day,
        is_whole=is_whole,
    )


def _fitted(told: Mapping[str, Any] | None) -> Fitted | None:
    if told is None:
        return None
    parameters = tuple(Parameter(**one) for one in told["parameters"])
    return Fitted(parameters, told["log_likelihood"], told["is_settled"], told["customers"])
