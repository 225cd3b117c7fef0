"""What runs: the deliverer (outbox, lost jobs, what was kept long enough) and the worker (jobs' chunks, by django-q2).

django-q2's own schedules go by the minute; people wait for seconds. Any number of both may run at once.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime

from django.db import close_old_connections, connections

from shuke.kernel import clock
from shuke.records import idempotency, jobs, outbox, pulse

log = logging.getLogger("records.processes")

TEND_SECONDS = 1.0
TIDY_SECONDS = 600.0
STALL_SECONDS = 120.0  # messages wait and no chunk began for as long: a chunk lasts less than 10 s

Tending = Callable[[datetime], int]
_others: list[Tending] = []


def tended(look: Tending) -> Tending:
    """Register what a room looks after once a second: quick where nothing is to be done, some seconds at the most, and

    killable at any line. Returns how many things it did.
    """
    _others.append(look)
    return look


def tend() -> int:
    """Deliver what is due, send lost jobs on, look after the rooms' own; returns how many things were done."""
    at = clock.now()
    done = outbox.deliver_due(at) + jobs.sweep(at)
    for look in _others:
        try:
            done += look(at)
        except Exception:
            log.exception("deliverer.tended_failed %s", look.__module__)
    return done


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


def run_worker() -> None:
    """Run django-q2's cluster until SIGTERM or SIGINT. Exits with 1, all killed, when the cluster hangs.

    Whoever started it starts it again; what was begun goes on when its lease ends. The cluster forks its workers, so
    this process opens neither DuckDB nor deltalake.
    """
    from django_q.cluster import Cluster

    connections.close_all()  # nothing open may be inherited
    cluster = Cluster()  # takes the signals: they stop it, which ends the loop below
    pulse.beat()
    cluster.start()
    while not cluster.has_stopped:
        time.sleep(TEND_SECONDS)
        if _is_stalled():
            log.critical("worker.stalled: messages wait and no worker takes them; ending to be started again")
            pulse.kill_descendants()
            raise SystemExit(1)


def _is_stalled() -> bool:
    if time.monotonic() - pulse.last_beat() < STALL_SECONDS:
        return False
    from django_q.brokers import get_broker

    try:
        close_old_connections()
        return bool(get_broker().queue_size())
    except Exception:
        log.exception("worker.look_failed")
        return False
