"""The past, delivered newest day first, so that the days that people look at are there first.

A small share of messages is repeated with the same messageId, and a small share comes late, with a later delivery: both
happen to every shop, and neither may change a number.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from shuke_simulator.crowd import Crowd
from shuke_simulator.life import Life
from shuke_simulator.sender import Delivery
from shuke_simulator.story import LONGEST_RETURN_DAYS, Teller

REPEATED = 0.004
LATE = 0.004


@dataclass
class Delivered:
    """What was sent: `messages` different ones; `repeats` of them twice; `late` of them after their day."""

    messages: int = 0
    repeats: int = 0
    late: int = 0


def send_history(
    life: Life | Crowd,
    teller: Teller,
    sender: Delivery,
    *,
    first: date,
    last: date,
    after: int = 0,
    on_day: Callable[[date, Delivered], None] | None = None,
) -> Delivered:
    """Send the days from `last` back to `first`; only messages after the moment `after` (epoch seconds).

    With `after`, days before `first` are told again as far back as their refunds may reach into what is sent.
    """
    done = Delivered()
    draw = random.Random(f"{life.seed}:delivery")
    kept: list[str] = []
    days = [last - timedelta(days=i) for i in range((last - first).days + 1)]
    if after:
        reach = [first - timedelta(days=i) for i in range(1, LONGEST_RETURN_DAYS + 1)]
        days += [day for day in reach if day >= life.first]
    for day in days:
        held, kept = kept, []
        for part in teller.tell_parts(life.day(day)):
            now: list[str] = []
            for moment, text in part:
                if moment <= after:
                    continue
                done.messages += 1
                chance = draw.random()
                if chance < LATE:
                    kept.append(text)
                    done.late += 1
                    continue
                if chance > 1 - REPEATED:
                    kept.append(text)
                    done.repeats += 1
                now.append(text)
            sender.send(now + held)
            held = []
        if on_day is not None:
            on_day(day, done)
    sender.send(kept)
    return done
