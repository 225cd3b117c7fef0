"""The present: the same life goes on in real time. Messages are sent in the second in which they happen."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from shuke_simulator.crowd import Crowd
from shuke_simulator.life import Life
from shuke_simulator.sender import Delivery
from shuke_simulator.story import LONGEST_RETURN_DAYS, Teller

LOOK_SECONDS = 1.0


def _told_day(life: Life | Crowd, teller: Teller, day: date, after: float) -> list[tuple[int, str]]:
    return [pair for pair in teller.tell(life.day(day)) if pair[0] > after]


def send_live(
    life: Life | Crowd,
    teller: Teller,
    sender: Delivery,
    *,
    zone: ZoneInfo,
    after: int,
    goes_on: Callable[[], bool] = lambda: True,
    on_sent: Callable[[int], None] | None = None,
) -> int:
    """Send what happens after the moment `after` (epoch seconds) as it happens, until `goes_on` is false.

    The teller must have no `until`. Returns the number of messages; `on_sent` hears the moment up to which all is sent.
    """
    day = datetime.fromtimestamp(after, zone).date()
    earliest = max(life.first, day - timedelta(days=LONGEST_RETURN_DAYS))
    waiting: list[tuple[int, str]] = []
    told_until = earliest
    sent = 0
    while goes_on():
        today = datetime.now(zone).date()
        while told_until <= today:
            waiting += _told_day(life, teller, told_until, after)
            heapq.heapify(waiting)
            told_until += timedelta(days=1)
        now = time.time()
        due = []
        while waiting and waiting[0][0] <= now:
            due.append(heapq.heappop(waiting)[1])
        if due:
            sent += sender.send(due, sent_at=datetime.now(UTC).isoformat(timespec="milliseconds"))
            sender.wait()
            if on_sent is not None:
                on_sent(int(now))
        time.sleep(LOOK_SECONDS)
    return sent
