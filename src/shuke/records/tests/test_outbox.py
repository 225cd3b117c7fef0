"""Outbox: written with the change, delivered after it, at least once, with growing pauses, dead in sight in the end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from django_scopes import scopes_disabled

from shuke.records import outbox, reads
from shuke.records.machine import DELIVERY_DONE, DELIVERY_MAY_FOLLOW, DELIVERY_WAITING
from shuke.records.models import AuditEntry, Delivery, OutboxEvent

AT = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)
NAME = "tests.thing_done.v1"


@pytest.fixture
def listening(monkeypatch):
    """A registry of this test's own; returns the list of events that its listener saw."""
    monkeypatch.setattr(outbox, "_listeners", {})
    seen: list[outbox.Event] = []

    def see(event: outbox.Event) -> None:
        seen.append(event)

    outbox.listen(NAME, see)
    return seen


def _announce(number=1, shop_id=1):
    with transaction.atomic():
        outbox.announce(shop_id=shop_id, name=NAME, payload={"thing": number}, at=AT)


@pytest.mark.django_db
def test_deliver_due__announced_event__reaches_each_listener_once(listening):
    _announce()

    assert outbox.deliver_due(AT) == 1
    assert outbox.deliver_due(AT + timedelta(hours=2)) == 0
    (event,) = listening
    assert (event.shop_id, event.name, event.payload, event.at) == (1, NAME, {"thing": 1}, AT)


@pytest.mark.django_db(transaction=True)
def test_announce__outside_a_transaction__is_refused():
    with pytest.raises(RuntimeError):
        outbox.announce(shop_id=1, name=NAME, payload={}, at=AT)
    with scopes_disabled():
        assert OutboxEvent.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_announce__change_rolled_back__tells_nobody(listening):
    def change_that_fails():
        with transaction.atomic():
            outbox.announce(shop_id=1, name=NAME, payload={}, at=AT)
            raise ValueError

    with pytest.raises(ValueError):
        change_that_fails()
    assert outbox.deliver_due(AT) == 0
    assert listening == []


@pytest.mark.django_db
def test_deliver_due__two_listeners_one_fails__the_other_is_not_held_back(listening):
    def refuse(event):
        raise OSError("down")

    outbox.listen(NAME, refuse)
    _announce()

    assert outbox.deliver_due(AT) == 1
    assert len(listening) == 1
    with scopes_disabled():
        waiting = Delivery.objects.get(state=DELIVERY_WAITING)
    assert (waiting.attempts, waiting.due_at) == (1, AT + timedelta(seconds=2))
    assert waiting.last_error == "OSError: down"


@pytest.mark.django_db
def test_deliver_due__keeps_failing__pauses_grow_then_it_lies_dead_and_can_be_revived(listening):
    fails = True

    def refuse(event):
        if fails:
            raise OSError("down")

    outbox._listeners[NAME] = {}
    outbox.listen(NAME, refuse)
    _announce()

    at = AT
    for tried in range(1, outbox.MAX_ATTEMPTS + 1):
        assert outbox.deliver_due(at) == 0
        assert outbox.deliver_due(at) == 0  # not due again at the same moment
        at += outbox.pause_after(tried)
    (dead,) = reads.list_dead_deliveries(1)
    assert (dead.attempts, dead.event_name, dead.last_error) == (outbox.MAX_ATTEMPTS, NAME, "OSError: down")
    assert reads.list_dead_deliveries(2) == ()

    fails = False
    assert outbox.deliver_due(at + timedelta(days=1)) == 0
    assert not outbox.revive(shop_id=2, delivery_id=dead.id, at=at)
    assert outbox.revive(shop_id=1, delivery_id=dead.id, at=at)
    assert outbox.deliver_due(at) == 1
    assert reads.list_dead_deliveries(1) == ()


@pytest.mark.django_db(transaction=True)
def test_deliver_due__listener_fails_after_writing__its_writes_are_rolled_back(listening):
    def half(event):
        AuditEntry.objects.create(shop_id=1, at=AT, actor_kind="system", deed="x", subject_id="1")
        raise OSError("down")

    outbox._listeners[NAME] = {}
    outbox.listen(NAME, half)
    _announce()
    outbox.deliver_due(AT)
    with scopes_disabled():
        assert AuditEntry.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_deliver_due__deliverer_died_in_the_listener__another_delivers_after_the_lease(listening):
    class Killed(BaseException):
        """Stands for the process' death: no handler runs."""

    def die(event):
        raise Killed

    outbox._listeners[NAME] = {}
    outbox.listen(NAME, die)
    _announce()
    with pytest.raises(Killed):
        outbox.deliver_due(AT)
    name = f"{die.__module__}.{die.__qualname__}"
    outbox._listeners[NAME] = {name: listening.append}

    assert outbox.deliver_due(AT + timedelta(seconds=1)) == 0
    assert outbox.deliver_due(AT + outbox.LEASE) == 1
    assert len(listening) == 1


@pytest.mark.django_db(transaction=True)
def test_deliver_due__slow_deliverer_is_overtaken__its_effects_roll_back_and_count_once(listening):
    """The race of a lease that ran out: without the guard, both deliverers' effects stand."""

    def slow(event):
        AuditEntry.objects.create(
            shop_id=1, at=AT, actor_kind="system", deed="effect", subject_id=str(event.id)
        )
        if not overtaken:
            overtaken.append(True)
            with scopes_disabled():  # another deliverer took the lease meanwhile
                Delivery.objects.filter(event_id=event.id).update(lease="another")

    overtaken: list[bool] = []
    outbox._listeners[NAME] = {}
    outbox.listen(NAME, slow)
    _announce()

    assert outbox.deliver_due(AT) == 0
    with scopes_disabled():
        assert AuditEntry.objects.count() == 0
    assert outbox.deliver_due(AT + outbox.LEASE) == 1
    with scopes_disabled():
        assert AuditEntry.objects.count() == 1
        assert Delivery.objects.get().state == DELIVERY_DONE


@pytest.mark.django_db(transaction=True)
def test_deliver_due__mark_without_the_lease__shows_the_race_that_the_guard_prevents(listening):
    """The same story with the condition on the lease left out: two effects of one event."""
    _announce()
    with scopes_disabled():
        outbox._plan(AT, 10)
        delivery = Delivery.objects.select_related("event").get()
        row = delivery.event
        for deliverer in ("slow", "fast"):
            Delivery.objects.filter(id=delivery.id, state=DELIVERY_WAITING).update(lease=deliverer)
        for _deliverer in ("fast", "slow"):  # each calls the listener and marks, asking nobody
            listening.append(outbox.Event(row.id, row.shop_id, row.name, row.payload, row.at))
            Delivery.objects.filter(id=delivery.id).update(state=DELIVERY_DONE)
    assert len(listening) == 2


@pytest.mark.django_db
def test_forget_delivered__old_events__go_unless_something_is_left_to_do(listening):
    _announce(1)
    outbox.deliver_due(AT)
    late = AT + outbox.KEPT + timedelta(seconds=1)
    _announce(2)  # not planned yet

    assert outbox.forget_delivered(AT + outbox.KEPT) == 0
    assert outbox.forget_delivered(late) == 1
    with scopes_disabled():
        assert [event.payload for event in OutboxEvent.objects.all()] == [{"thing": 2}]


def test_delivery_states__every_state_that_follows__is_a_state():
    assert {after for follows in DELIVERY_MAY_FOLLOW.values() for after in follows} <= set(
        DELIVERY_MAY_FOLLOW
    )
