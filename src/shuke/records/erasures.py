"""The list of erasures of an installation: surrogates, shop and moment, one JSON line each, in HOME/erasures.jsonl.

It lies beside the database, not in it: a restore keeps the list of the installation that it restores into, and applies
every line of it again, so that a person who was erased stays erased when an older backup comes back.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings

from shuke.kernel.durable import FileLock, sync_folder
from shuke.kernel.surrogates import surrogate


@dataclass(frozen=True)
class Erasure:
    """Who was erased, as surrogates of kind `person` and `visitor` (kernel.surrogates), and when (ISO, UTC)."""

    shop: int
    person_ids: tuple[int, ...]
    visitor_ids: tuple[int, ...]
    at: str


def of_person(
    shop_id: int, *, person_refs: Iterable[str], anonymous_refs: Iterable[str], at: datetime
) -> Erasure:
    """An erasure from references. A visitor is known by the anonymous reference, or by the person's where none came."""
    persons, strangers = tuple(person_refs), tuple(anonymous_refs)
    return Erasure(
        shop=shop_id,
        person_ids=tuple(sorted(surrogate(shop_id, "person", ref) for ref in persons)),
        visitor_ids=tuple(sorted(surrogate(shop_id, "visitor", ref) for ref in {*persons, *strangers})),
        at=at.isoformat(),
    )


Again = Callable[[Erasure], int]
_again: dict[str, Again] = {}


def on_restore(name: str, erase_again: Again) -> None:
    """Call `erase_again(erasure) -> how many went` for each listed erasure after a restore. It must be repeatable."""
    _again[name] = erase_again


def list_file() -> Path:
    return Path(settings.HOME) / "erasures.jsonl"


def note(erasure: Erasure) -> None:
    """Append one line and sync it. A line cut by a crash is closed first, so that the next one stands alone."""
    path = list_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        is_new = not path.exists()
        with open(path, "ab+") as file:
            if file.tell() and (file.seek(-1, os.SEEK_END), file.read(1))[1] != b"\n":
                file.write(b"\n")
            file.write(json.dumps(asdict(erasure), sort_keys=True).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        if is_new:
            sync_folder(path.parent)


def list_erasures(path: Path | None = None) -> tuple[Erasure, ...]:
    """Every erasure that was noted, oldest first. A line cut by a crash was never answered, and is left out."""
    path = path or list_file()
    return parsed(path.read_text()) if path.exists() else ()


def parsed(text: str) -> tuple[Erasure, ...]:
    """The erasures of a list's text."""
    found = []
    for line in text.splitlines():
        try:
            row = json.loads(line)
            found.append(Erasure(row["shop"], tuple(row["person_ids"]), tuple(row["visitor_ids"]), row["at"]))
        except (ValueError, KeyError, TypeError):
            continue
    return tuple(found)


def apply_again() -> dict[str, int]:
    """Erase everyone on the list once more, in every registered store; how many things went, by store."""
    gone = dict.fromkeys(_again, 0)
    for erasure in list_erasures():
        for name, erase_again in _again.items():
            gone[name] += erase_again(erasure)
    return gone
