"""How a shop's day, week and year look: shares by hour, factors by weekday, season and sale day. All ours, for a demo."""

from __future__ import annotations

from datetime import date

import numpy as np

# Share of visits by hour of the shop's day: quiet before dawn, lunch, and the evening peak on the sofa.
HOURS = np.array(
    [22, 13, 9, 8, 8, 10, 18, 28, 38, 47, 54, 54, 60, 56, 50, 50, 50, 50, 52, 62, 76, 84, 70, 42], dtype=float
)
HOURS /= HOURS.sum()
WEEKDAYS = (0.94, 0.93, 0.95, 0.97, 1.0, 1.11, 1.10)  # Monday first
MONTHS = (0.80, 0.78, 0.95, 1.05, 1.15, 1.22, 1.18, 1.08, 1.0, 0.95, 1.05, 0.88)  # linen sells in summer
SALE_DAYS = {(6, 18): 1.7, (11, 11): 2.1, (12, 12): 1.5}
DAY_NOISE = 0.06


def day_factor(day: date) -> float:
    """Visitors of this day relative to an ordinary one."""
    return WEEKDAYS[day.weekday()] * MONTHS[day.month - 1] * SALE_DAYS.get((day.month, day.day), 1.0)


def buying_factor(day: date) -> float:
    """How much likelier a visit is to end in an order than on an ordinary day."""
    return 1.35 if (day.month, day.day) in SALE_DAYS else 1.0 + 0.05 * (day.weekday() >= 5)


def start_seconds(draw: np.random.Generator, count: int) -> np.ndarray:
    """Seconds since the shop's midnight at which `count` visits begin; none in the last 45 minutes."""
    hours = draw.choice(24, size=count, p=HOURS)
    return np.minimum(hours * 3600 + draw.integers(0, 3600, size=count), 23 * 3600 + 15 * 60 - 1)
