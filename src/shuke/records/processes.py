"""What runs beside the workers: a loop that delivers the outbox, sends lost jobs on, and forgets what was kept enough.

django-q2's own schedules go by the minute; people wait for seconds. Any number of these loops may run at once.
"""

from __future__ import annotations

import logging
import threading
import time

from django.db import close_old_connections

from shuke.kernel import clock
from shuke.records import idempotency, jobs, outbox

log = logging.getLogger("records.processes")

TEND_SECONDS = 1.0
TIDY_SECONDS = 600.0


def tend() -> int:
    """Deliver what is due and send lost jobs on; returns how many things were done."""
    at = clock.now()
    return outbox.deliver_due(at) + jobs.sweep(at)


def tidy() -> int:
    """Forget delivered events and idempotency keys that were kept long enough; returns how many."""
    at = clock.now()
    return outbox.forget_delivered(at) + idempotency.forget_old(at)


def run_deliverer(stop: threading.Event | None = None) -> None:
    """Tend once a second until `stop` is set. May be killed at any line."""
    stop = stop or threading.Event()
    next_tidy = time.monotonic()
    while not stop.is_set():
        try:
            close_old_connections()
            tend()
            if time.monotonic() >= next_tidy:
                tidy()
                next_tidy = time.monotonic() + TIDY_SECONDS
        except Exception:
            log.exception("deliverer.turn_failed")
        stop.wait(TEND_SECONDS)
