"""The rulebook's values of the watch, as they hold in a shop on a day."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from shuke.rulebook import reads as rulebook
from shuke.shops.reads import ShopView
from shuke.traffic.alerts.shapes import EVERY_STEP, STEPS, Values

AREA = "common.alerts."


def values_of(shop: ShopView, day: date) -> Values:
    """Every value in force."""
    got = rulebook.values_for(shop, day)

    numbers = {
        name: _value(got, name, day)
        for name in Values.__dataclass_fields__
        if name not in ("windows", "slow_windows")
    }
    return Values(
        windows=_days(_value(got, "windows", day)),
        slow_windows=_days(_value(got, "slow_windows", day)),
        **numbers,
    )


def _value(got: Mapping[str, rulebook.RuleValue | None], name: str, day: date) -> Any:
    """Of the type that the rule says."""
    found = got[AREA + name]
    if found is None:
        raise ValueError(f"{AREA}{name} has no value on {day}")
    return found.value


def _days(texts: list[str]) -> tuple[int, ...]:
    """Runs of days as numbers; what is no number from 1 to 28 is passed over, and one day is always among them."""
    found = {int(text) for text in texts if text.isascii() and text.isdigit() and 1 <= int(text) <= 28}
    return tuple(sorted(found)) or (7,)


def settling_hours(shop: ShopView, day: date) -> int:
    return int(rulebook.value_for(shop, AREA + "settling_hours", day).value)


def told_share(shop: ShopView, day: date) -> float:
    """The part of the orders that visits have to tell, for orders to be known with the visits."""
    return float(rulebook.value_for(shop, AREA + "told_share", day).value)


def defined(steps: Mapping[str, Sequence[str]]) -> str:
    """A short mark of what shows the steps, and which series come of them: another one when a text was added, taken away or
    moved to another step."""
    return hashlib.sha256(json.dumps([EVERY_STEP, list(steps.items())]).encode()).hexdigest()[:16]


def steps_of(shop: ShopView, day: date) -> dict[str, tuple[str, ...]]:
    """Step → what shows it: names of events, `page:<type>`, paths with a star at their ends."""
    got = rulebook.values_for(shop, day)
    return {step: tuple(_value(got, f"step_{step}", day)) for step in STEPS}
