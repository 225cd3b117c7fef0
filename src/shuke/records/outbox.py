"""Speaking upwards and sideways: an event is written with the change that it tells of, and delivered after the commit.

Promise: every listener of an event's name gets it at least once, in any order, in a transaction of its own with its
shop's scope; what the listener writes to the database and the mark "delivered" are one commit, so such effects happen
exactly once. A listener that fails is tried again after a growing pause, `MAX_ATTEMPTS` times, then lies dead in sight.
A listener is short (on SQLite it holds the one write lock); for long work it starts a job.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django_scopes import scope, scopes_disabled

from shuke.kernel import clock
from shuke.kernel.errors import shortened
from shuke.records.machine import DELIVERY_DEAD, DELIVERY_DONE, DELIVERY_WAITING
from shuke.records.models import Delivery, OutboxEvent

log = logging.getLogger("records.outbox")

MAX_ATTEMPTS = 8
LEASE = timedelta(seconds=60)  # a deliverer that died within it is tried again after it
KEPT = timedelta(days=14)  # delivered events are kept for this long, to be looked at


@dataclass(frozen=True)
class Event:
    """What a listener gets. `id` is stable over repeated deliveries: use it as the key of effects elsewhere."""

    id: int
    shop_id: int | None
    name: str
    payload: dict[str, Any]
    at: datetime


Listener = Callable[[Event], None]
_listeners: dict[str, dict[str, Listener]] = {}


class _LeaseLost(Exception):
    """Another deliverer took over; roll back what was done."""


def pause_after(attempts: int) -> timedelta:
    """The pause after the n-th failure: 2 s, 4 s, 8 s ... at most an hour."""
    return timedelta(seconds=min(3600, 2**attempts))


def announce(*, shop_id: int | None, name: str, payload: dict[str, Any], at: datetime) -> None:
    """Write an event (`room.thing_done.v1`, ids only). Must be called inside the transaction of the change."""
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("announce() belongs into the transaction of the change that it tells of")
    OutboxEvent.objects.create(shop_id=shop_id, name=name, payload=payload, at=at)


def listen(name: str, function: Listener) -> None:
    """Deliver events called `name` to `function`; its dotted name identifies it, so registering again replaces it."""
    _listeners.setdefault(name, {})[f"{function.__module__}.{function.__qualname__}"] = function


def listeners() -> dict[str, tuple[str, ...]]:
    """Event name -> dotted names of its listeners."""
    return {name: tuple(found) for name, found in _listeners.items()}


def deliver_due(at: datetime | None = None, *, limit: int = 200) -> int:
    """Plan new events, deliver what is due; returns the number delivered. Any number of processes may call it."""
    at = at or clock.now()
    with scopes_disabled():
        _plan(at, limit)
        due = list(
            Delivery.objects.filter(state=DELIVERY_WAITING, due_at__lte=at)
            .order_by("due_at", "id")
            .values_list("id", flat=True)[:limit]
        )
    return sum(_deliver(delivery_id, at) for delivery_id in due)


def _plan(at: datetime, limit: int) -> None:
    """Turn new events into one delivery per listener. Unique keys make a second planner harmless."""
    for event in OutboxEvent.objects.filter(is_planned=False).order_by("id")[:limit]:
        with transaction.atomic():
            if not OutboxEvent.objects.filter(id=event.id, is_planned=False).update(is_planned=True):
                continue
            Delivery.objects.bulk_create(
                [
                    Delivery(event=event, shop_id=event.shop_id, listener=listener, due_at=at)
                    for listener in _listeners.get(event.name, {})
                ],
                ignore_conflicts=True,
            )


def _deliver(delivery_id: int, at: datetime) -> bool:
    """Claim, call, mark. The mark is conditional on the claim, in one transaction with the listener's effects."""
    lease = secrets.token_hex(8)
    with scopes_disabled():
        rows = Delivery.objects.filter(id=delivery_id, state=DELIVERY_WAITING, due_at__lte=at)
        if not rows.update(lease=lease, due_at=at + LEASE):
            return False
        delivery = Delivery.objects.select_related("event").get(id=delivery_id)
    row = delivery.event
    event = Event(row.id, row.shop_id, row.name, row.payload, row.at)
    listener = _listeners.get(row.name, {}).get(delivery.listener)
    try:
        if listener is None:
            raise LookupError(f"no listener {delivery.listener} in this process")
        with transaction.atomic():
            with scope(shop=event.shop_id):
                listener(event)
            with scopes_disabled():
                marked = Delivery.objects.filter(id=delivery_id, lease=lease, state=DELIVERY_WAITING).update(
                    state=DELIVERY_DONE, delivered_at=at, attempts=delivery.attempts + 1, last_error=""
                )
            if not marked:
                raise _LeaseLost
    except _LeaseLost:
        return False
    except Exception as error:
        _note_failure(delivery, lease, at, error)
        return False
    return True


def _note_failure(delivery: Delivery, lease: str, at: datetime, error: Exception) -> None:
    attempts = delivery.attempts + 1
    is_dead = attempts >= MAX_ATTEMPTS
    log.exception(
        "delivery.failed event=%s listener=%s attempt=%s", delivery.event_id, delivery.listener, attempts
    )
    with scopes_disabled():
        Delivery.objects.filter(id=delivery.id, lease=lease, state=DELIVERY_WAITING).update(
            state=DELIVERY_DEAD if is_dead else DELIVERY_WAITING,
            attempts=attempts,
            due_at=at + pause_after(attempts),
            last_error=shortened(f"{type(error).__name__}: {error}", 300),
        )


def revive(*, shop_id: int | None, delivery_id: int, at: datetime) -> bool:
    """Try a dead delivery again from the start; False when it is not dead (any more)."""
    with scopes_disabled():
        return bool(
            Delivery.objects.filter(id=delivery_id, shop_id=shop_id, state=DELIVERY_DEAD).update(
                state=DELIVERY_WAITING, attempts=0, due_at=at, lease=""
            )
        )


def forget_delivered(at: datetime, *, limit: int = 1000) -> int:
    """Remove events older than `KEPT` that have no delivery left to do. Dead ones stay until someone decides."""
    with scopes_disabled():
        open_events = Delivery.objects.exclude(state=DELIVERY_DONE).values("event_id")
        old = list(
            OutboxEvent.objects.filter(is_planned=True, at__lt=at - KEPT)
            .exclude(id__in=open_events)
            .values_list("id", flat=True)[:limit]
        )
        with transaction.atomic():
            OutboxEvent.objects.filter(id__in=old).delete()
        return len(old)
