"""Who listens to whom: the one place where a room's event meets another room's ear.

Called once per process, when all rooms are ready. `LISTENERS` is read by people and by a test: every name in it must be
one that a room announces.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def _lay_letters(event: Any) -> None:
    from shuke.traffic.alerts.mail import lay_letters

    lay_letters(event)


def _lay_end_letters(event: Any) -> None:
    from shuke.traffic.alerts.mail import lay_end_letters

    lay_end_letters(event)


def _keep_side(event: Any) -> None:
    from shuke.audience.customers.actions import keep_side

    keep_side(event)


LISTENERS: dict[str, tuple[Callable[[Any], None], ...]] = {
    # What was typed on a merged customer goes to the side that the operator names.
    "audience.customer_split.v1": (_keep_side,),
    # An alert is told to the members who want a letter about it.
    "traffic.alert_raised.v1": (_lay_letters,),
    # That it is over is told to those who got that letter.
    "traffic.alert_ended.v1": (_lay_end_letters,),
}


def connect() -> None:
    """Register every listener with the outbox."""
    from shuke.records.outbox import listen

    for name, functions in LISTENERS.items():
        for function in functions:
            listen(name, function)
