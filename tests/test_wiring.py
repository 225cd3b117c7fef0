"""Who listens to whom: every name that is listened to is one that a room announces."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import shuke
from shuke.project import wiring


def announced() -> set[str]:
    rooms = [p.name for p in Path(shuke.__file__).parent.iterdir() if (p / "events.py").exists()]
    names: set[str] = set()
    for room in rooms:
        assert find_spec(f"shuke.{room}.events")
        names |= {
            value
            for value in vars(import_module(f"shuke.{room}.events")).values()
            if isinstance(value, str) and value.startswith(f"{room}.")
        }
    return names


def test_listeners__of_every_event__listen_to_something_that_is_announced() -> None:
    assert set(wiring.LISTENERS) <= announced()


def test_events__of_every_room__are_named_room_thing_version() -> None:
    for name in announced():
        room, thing, version = name.split(".")
        assert thing.islower()
        assert version[0] == "v"
        assert version[1:].isdigit()
        assert room
