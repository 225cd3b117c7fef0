"""An erased person in collection: what still lies in the journal neither stays there nor becomes a fact.

Records that are committed are wiped from the files that can not go yet. Events that came before an erasure and are
committed after it are left out, whoever reads them: the list of erasures says whose they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from shuke.intake.journal import list_series, wipe
from shuke.intake.models import JournalPosition
from shuke.intake.moments import microseconds
from shuke.intake.set_aside import SetAside
from shuke.kernel.surrogates import surrogate
from shuke.records import erasures
from shuke.records.personal import PersonalStore, PersonRef

SETTING_ASIDE = (
    "setting-aside"  # held from the look at the list until what is set aside stands, and by its erasure
)


class ErasedMeanwhile(RuntimeError):
    """Someone was erased while a batch was being made; nothing of it was stored."""


class Erasures:
    """The list of erasures as whoever adds facts asks it; read anew when it has changed."""

    def __init__(self) -> None:
        self._seen: tuple[int, int] | None = None
        self._list: tuple[tuple[erasures.Erasure, int], ...] = ()

    def load(self) -> None:
        """Call before a batch."""
        now = self._state()
        if now != self._seen:
            self._seen = now
            self._list = tuple(
                (one, microseconds(datetime.fromisoformat(one.at))) for one in erasures.list_erasures()
            )

    def require_unchanged(self) -> None:
        """Call where facts are listed, under the warehouse's lock. Raises ErasedMeanwhile: the batch is to be done anew.

        An erasure is noted before the facts are searched, and that takes the same lock. So whoever is erased is either on
        the list by now, or their rows of this batch are found there.
        """
        if self._state() != self._seen:
            raise ErasedMeanwhile

    @staticmethod
    def _state() -> tuple[int, int] | None:
        try:
            now = erasures.list_file().stat()
        except FileNotFoundError:
            return None
        return now.st_mtime_ns, now.st_size

    def without(self, table: pa.Table, set_aside: list[SetAside]) -> tuple[pa.Table, list[SetAside]]:
        """Rows of `events` and what was set aside, without what an erased person sent before the erasure."""
        if not self._list or not (table.num_rows or set_aside):
            return table, set_aside
        received = table["received_at"].cast(pa.int64()).to_numpy()
        oldest = min(
            [*(one.received_us for one in set_aside), *([int(received.min())] if len(received) else [])]
        )
        pending = [(one, at_us) for one, at_us in self._list if at_us >= oldest]
        if not pending:
            return table, set_aside
        shop, visitor = table["shop_id"].to_numpy(), table["visitor_id"].to_numpy()
        person = table["person_id"].fill_null(0).to_numpy()
        gone = np.zeros(table.num_rows, bool)
        for one, at_us in pending:
            named = np.isin(visitor, one.visitor_ids) | np.isin(person, one.person_ids)
            gone |= (shop == one.shop) & (received <= at_us) & named
        kept = [one for one in set_aside if not any(_is_of(one, erasure, at) for erasure, at in pending)]
        return (table.filter(pa.array(~gone)) if gone.any() else table), kept


def _is_of(one: SetAside, erasure: erasures.Erasure, at_us: int) -> bool:
    if one.shop_id != erasure.shop or one.received_us > at_us:
        return False
    values = values_of(one.payload)
    # Not to be read, so nobody can say whose it is: it goes, as the promise is to the person.
    return values is None or names(erasure, values)


def values_of(payload: str) -> set[str] | None:
    """Every name and value of a JSON text, however deep, numbers as they are written; None when it is no JSON."""
    try:
        waiting = [
            json.loads(
                payload,
                object_pairs_hook=lambda pairs: [one for pair in pairs for one in pair],
                parse_int=str,
                parse_float=str,
                parse_constant=str,
            )
        ]
    except (ValueError, RecursionError):
        return None
    values = set()
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting += one
        elif isinstance(one, str):
            values.add(one)
    return values


def names(erasure: erasures.Erasure, refs: Iterable[str]) -> bool:
    """Whether one of the references of the erasure's shop is of the person that it erased."""
    return any(
        surrogate(erasure.shop, "person", ref) in erasure.person_ids
        or surrogate(erasure.shop, "visitor", ref) in erasure.visitor_ids
        for ref in refs
    )


def _export(shop_id: int, person: PersonRef) -> dict[str, Any]:
    """Nothing of its own: what lies here is a fact within a second, or stands in quarantine."""
    return {}


def _erase(shop_id: int, person: PersonRef) -> int:
    """Wipe what is committed, of whomever: it is spent. Returns the records wiped."""
    wiped = 0
    positions = {row.writer: row for row in JournalPosition.objects.all()}
    for series in list_series(Path(settings.JOURNAL)):
        position = positions.get(series.writer)
        if position is not None and position.number in series.numbers:
            wiped += wipe(series.path(position.number), position.offset)
    return wiped


STORE = PersonalStore("intake.journal", _("The journal of collection"), _export, _erase)
