"""A shop that is drawn, for asking the watch what it finds: its own arithmetic, nothing of the detector's.

Visits a day: `visits_a_day` at the start, growing 5 % a month, by weekday and by a wave over the month, with a variance of
1.5 times the mean; split over channels (each with the same scatter), entrances and terminals. Bounces and funnel steps are
drawn visit by visit (binomial). A trouble multiplies a step, a channel, or adds to an entrance's bounce, for some days.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

CHANNELS = {
    "platform": 0.30,
    "paid_search": 0.22,
    "direct": 0.18,
    "social": 0.14,
    "email": 0.10,
    "referral": 0.06,
}
ENTRANCES = {
    "/": (0.34, 0.35),
    "/sale": (0.2, 0.55),
    "/item/1": (0.15, 0.48),
    "/list": (0.12, 0.42),
    "/item/2": (0.1, 0.5),
    "/search": (0.09, 0.38),
}
TERMINALS = {"mobile": 0.62, "pc": 0.3, "tablet": 0.08}
STEPS = {"cart": 0.16, "checkout": 0.55, "payment": 0.8, "order": 0.82}
WEEKDAYS = (0.96, 0.94, 0.95, 0.98, 1.05, 1.1, 1.02)
MONTH_WAVE = 0.1
SCATTER = 1.5
ITEM_SHARE = 0.6


@dataclass(frozen=True)
class Trouble:
    """`kind`: step, channel or bounce; `which` by name; from day `start` (counted from the first) for `days`."""

    kind: str
    which: str
    start: int
    days: int

    @property
    def series(self) -> str:
        """What the watch would call it."""
        return {
            "step": f"step.{self.which}",
            "channel": f"visits|channel={self.which}",
            "bounce": f"bounce|entry_path={self.which}",
        }[self.kind]


def draw_shop(
    seed: int,
    days: int,
    *,
    visits_a_day: float = 3000,
    trouble: Trouble | None = None,
    first: date = date(2026, 1, 5),
) -> dict[date, dict[str, tuple[int, int | None]]]:
    """Counts per day in the form that the watch reads."""
    draw = np.random.default_rng(seed)
    phase = draw.uniform(0, 2 * np.pi)
    found = {}
    for number in range(days):
        day = first + timedelta(days=number)
        is_on = trouble is not None and trouble.start <= number < trouble.start + trouble.days
        growth = 1.05 ** (number / 30.44)
        wave = 1 + MONTH_WAVE * np.sin(2 * np.pi * day.day / 30.44 + phase)
        level = visits_a_day * growth * wave * WEEKDAYS[day.weekday()]
        cells: dict[str, tuple[int, int | None]] = {}
        total = 0
        for name, share in CHANNELS.items():
            mean = (
                level * share * (0.5 if is_on and trouble.kind == "channel" and trouble.which == name else 1)
            )
            # Gamma mixed Poisson: variance = mean * (1 + scale)
            came = int(draw.poisson(draw.gamma(mean / (SCATTER - 1), SCATTER - 1)))
            cells[f"visits|channel={name}"] = (came, None)
            total += came
        cells["visits"] = (total, None)
        at = draw.multinomial(total, [share for share, _b in ENTRANCES.values()])
        gone = 0
        for (path, (_share, bounce)), came in zip(ENTRANCES.items(), at, strict=True):
            more = 0.15 if is_on and trouble.kind == "bounce" and trouble.which == path else 0
            left = int(draw.binomial(came, bounce + more))
            cells[f"bounce|entry_path={path}"] = (left, int(came))
            gone += left
        cells["bounce"] = (gone, total)
        looked = draw.multinomial(int(draw.binomial(total, ITEM_SHARE)), list(TERMINALS.values()))
        orders = 0
        sums = {step: [0, 0] for step in STEPS}
        for terminal, there in zip(TERMINALS, looked, strict=True):
            reached = int(there)
            for step, share in STEPS.items():
                factor = 0.6 if is_on and trouble.kind == "step" and trouble.which == step else 1
                on = int(draw.binomial(reached, share * factor))
                cells[f"step.{step}|terminal={terminal}"] = (on, reached)
                sums[step][0] += on
                sums[step][1] += reached
                reached = on
            orders += reached
        for step, (on, of) in sums.items():
            cells[f"step.{step}"] = (on, of)
        cells["orders"] = (orders, None)
        cells["amount"] = (int(draw.lognormal(9.2, 0.6, orders).sum()), None)
        found[day] = cells
    return found
