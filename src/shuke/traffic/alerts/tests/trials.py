"""The promise asked of simulated shops: one trouble each, found in time and named; and ninety quiet days."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, timedelta

from shuke.traffic.alerts.incidents import Incident
from shuke.traffic.alerts.shapes import Values
from shuke.traffic.alerts.tests.simulated import CHANNELS, ENTRANCES, STEPS, Trouble, draw_shop
from shuke.traffic.alerts.watching import Memory, next_day, replay

FIRST = date(2026, 1, 5)
TAUGHT, JUDGED, QUIET = (
    126,
    22,
    90,
)  # days that only teach, days judged before a trouble, days judged without one
WITHIN = 3
KINDS = {"step": (STEPS, 5), "channel": (CHANNELS, 3), "bounce": (ENTRANCES, 5)}


@dataclass(frozen=True)
class Found:
    """Of one shop with a trouble: was it found within three days, was its segment first, what else was raised."""

    trouble: Trouble
    is_found: bool
    is_first: bool
    others: tuple[Incident, ...]


def with_trouble(seed: int, kind: str, values: Values, *, visits_a_day: float = 3000) -> Found:
    """One shop, one trouble of a kind, at a place and day that the seed draws."""
    choose = random.Random(f"{kind} {seed}")
    names, days = KINDS[kind]
    start = TAUGHT + JUDGED + choose.randrange(28)
    trouble = Trouble(kind, choose.choice(list(names)), start, days)
    history = draw_shop(seed, start + WITHIN, visits_a_day=visits_a_day, trouble=trouble, first=FIRST)
    began = FIRST + timedelta(days=start)
    raised = replay(history, values, start=began - timedelta(days=JUDGED)).incidents
    mine = [one for one in raised if one.raised_on >= began]
    is_first = bool(mine) and mine[0].lead == trouble.series
    return Found(trouble, bool(mine), is_first, tuple(one for one in raised if one.lead != trouble.series))


def quiet(seed: int, values: Values, *, days: int = QUIET, visits_a_day: float = 3000) -> list[Incident]:
    """What is raised in a shop to which nothing happens: false alerts."""
    history = draw_shop(seed, TAUGHT + days, visits_a_day=visits_a_day, first=FIRST)
    return replay(history, values, start=FIRST + timedelta(days=TAUGHT)).incidents


def last_day(seed: int, values: Values, *, visits_a_day: float) -> dict[str, str]:
    """Series → verdict of the last day of a shop to which nothing happens."""
    history = draw_shop(seed, TAUGHT + 1, visits_a_day=visits_a_day, first=FIRST)
    days = sorted(history)
    memory = Memory({day: history[day] for day in days[:-1]})
    _memory, judged = next_day(memory, days[-1], history[days[-1]], values)
    return {name: one.verdict for name, one in judged.items()}
