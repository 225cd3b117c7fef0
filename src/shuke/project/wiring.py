"""Who listens to whom: the one place where a room's event meets another room's ear.

Called once per process, when all rooms are ready. `LISTENERS` is read by people and by a test: every name in it must be
one that a room announces.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

LISTENERS: dict[str, tuple[Callable[[Any], None], ...]] = {}


def connect() -> None:
    """Register every listener with the outbox."""
    from shuke.records.outbox import listen

    for name, functions in LISTENERS.items():
        for function in functions:
            listen(name, function)
