"""The rulebook's own values, as no shop has changed them."""

from __future__ import annotations

from datetime import date

from shuke.rulebook import reads as rulebook
from shuke.traffic.alerts.shapes import Values


def shipped(day: date = date(2026, 11, 21)) -> Values:
    numbers = {
        name: rulebook.value(f"common.alerts.{name}", day).value for name in Values.__dataclass_fields__
    }
    return Values(**{n: tuple(map(int, v)) if n.endswith("windows") else v for n, v in numbers.items()})
