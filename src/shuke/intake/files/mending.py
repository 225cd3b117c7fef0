"""Refused rows of a file, mended: read again under the identity that they would have had, and loaded.

A row whose key was readable kept its place among the rows of its order. One whose key was not takes the place behind the
last row of its order in the file: a later load of the whole mended file states the same contents on the same places.
For that the file is read once, however many of its rows are mended.

Nobody else may mend rows of the shop meanwhile: the callers hold `mend-<shop>`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pyarrow as pa
from django.db import connection
from django.db.models import Count, Max

from shuke.intake.files import json_files, known, load, uploads
from shuke.intake.files.layout import Batch
from shuke.intake.files.reasons import BadCell
from shuke.intake.files.row_text import NotARow, read_payload
from shuke.intake.files.rows import Mapper, Places
from shuke.intake.files.spec import MappingSpec, parse
from shuke.intake.models.imports import Import
from shuke.intake.models.quarantine import Quarantined
from shuke.intake.reasons import Refusal
from shuke.kernel.errors import ShukeError
from shuke.kernel.surrogates import surrogate
from shuke.shops.reads import ShopView, get_shop_by_id
from shuke.warehouse import actions as warehouse

__all__ = ["NotARow", "ReadAgain", "read_again", "read_payload", "store"]

HELD = 2  # files whose keys stay counted in this process
_counted: dict[tuple[object, ...], Places] = {}


@dataclass
class ReadAgain:
    """What mended rows of one import became: facts under their own identities, and why some can still not be read.

    `good` are the ids of the entries in the facts, in the same order (one may stand there several times); `placed` those that took a new place, with the
    surrogate of their key.
    """

    held: Import
    shop: ShopView
    spec: MappingSpec
    facts: pa.Table
    good: list[int]
    refused: dict[int, Refusal | ShukeError] = field(default_factory=dict)
    placed: dict[int, tuple[int, int]] = field(default_factory=dict)


class _Given(Places):
    """Places that are known already."""

    def __init__(self, places: Iterable[int | None]) -> None:
        super().__init__()
        self._places = list(places)

    def take(self, keys: Iterable[str | None]) -> list[int | None]:
        return self._places


def read_again(
    held: Import, rows: Sequence[tuple[Quarantined, str]], *, at: datetime, is_trial: bool = False
) -> ReadAgain:
    """Read entries of one import with their mended texts. Changes nothing.

    A trial only says what could be read: it gives new places out of thin air, and so never needs the file.
    """
    shop, spec = get_shop_by_id(held.shop_id), parse(held.spec)
    found = ReadAgain(held, shop, spec, pa.table({}), [])
    tables = []
    for columns, alike in _by_columns(rows, found.refused).items():
        try:
            mapper = Mapper(
                spec, columns, shop=shop, import_ref=str(held.pk), file_name=held.files[""]["name"], now=at
            )
            table, good = _read_alike(found, mapper, alike, at, is_trial)
        except ShukeError as error:
            found.refused |= {row.pk: error for row, _cells in alike}
            continue
        tables.append(table)
        found.good += good
    if tables:
        found.facts = pa.concat_tables(tables)
    return found


def _by_columns(
    rows: Sequence[tuple[Quarantined, str]], refused: dict[int, Refusal | ShukeError]
) -> dict[tuple[str, ...], list[tuple[Quarantined, list[str]]]]:
    """Rows by the columns that their texts have: nearly always one kind. Cells beyond the header stay at the end."""
    alike: dict[tuple[str, ...], list[tuple[Quarantined, list[str]]]] = {}
    for row, payload in rows:
        try:
            texts = read_payload(payload)
        except NotARow as error:
            refused[row.pk] = error
            continue
        line = json_files.rows_of_line(texts)
        if isinstance(line, BadCell):
            refused[row.pk] = Refusal(line.code, json_files.TEXT, **line.params)
            continue
        for told in [texts] if line is None else line:
            columns = tuple(column for column in told if not column.startswith("+"))
            beyond = [text for column, text in told.items() if column.startswith("+")]
            alike.setdefault(columns, []).append((row, [*(told[column] for column in columns), *beyond]))
    return alike


def _read_alike(
    found: ReadAgain,
    mapper: Mapper,
    rows: list[tuple[Quarantined, list[str]]],
    at: datetime,
    is_trial: bool,
) -> tuple[pa.Table, list[int]]:
    """Two passes: the first says which rows can be read, the second reads them under their places."""
    batch = Batch(list(range(len(rows))), [cells for _row, cells in rows])
    keys = mapper.keys(batch)
    kept = [_kept_place(row, key) for (row, _cells), key in zip(rows, keys, strict=True)]
    first = mapper.map(batch, _Given(1 if place is None else place for place in kept))
    bad = {one.line: one for one in first.bad}
    for i, one in bad.items():
        found.refused[rows[i][0].pk] = Refusal(one.reason.code, one.column, **one.reason.params)
    whole = {row.pk for row, _cells in rows} - {rows[i][0].pk for i in bad}
    good = [i for i in range(len(rows)) if rows[i][0].pk in whole]
    if is_trial or not good:
        return first.facts, [rows[i][0].pk for i in good]
    moved = [(i, keys[i]) for i in good if kept[i] is None and keys[i] is not None]
    for (i, key), place in zip(
        moved, _next_places(found.held, [k or "" for _i, k in moved], at), strict=True
    ):
        kept[i] = place
        found.placed[rows[i][0].pk] = (_mended_key(found.held, key or ""), place)
    second = mapper.map(
        Batch([rows[i][0].line or 0 for i in good], [rows[i][1] for i in good]),
        _Given(kept[i] for i in good),
    )
    if second.bad:
        raise AssertionError("a row that could be read can not be read under its place")
    return second.facts, [rows[i][0].pk for i in good]


def _kept_place(row: Quarantined, key: str | None) -> int | None:
    """The place that an entry has of its own; None: it takes the next one. A message counts once, however often it came."""
    if row.reason in (json_files.NOT_JSON, json_files.NOT_A_MESSAGE):
        return 1
    place: int | None = row.params.get("row_place")
    return place if key is not None and key == row.params.get("row_key") else None


def store(found: ReadAgain, *, at: datetime, within: Callable[[], None] | None = None) -> int:
    """Load what was read; returns how many facts it made: 0 when all rows are known already.

    The import's counts, the rows' new places and `within` (which settles the entries) move in the transaction of the
    facts.
    """
    facts, counts = known.against_known(found.shop, found.spec, found.facts, at=at)
    first, last = load.days_of(facts)

    def settle() -> None:
        held = Import.objects.select_for_update().get(id=found.held.pk)
        held.rows_bad -= len(set(found.good))
        held.rows_read += len(found.good) - len(set(found.good))  # one line may have been several rows
        for name, count in counts.items():
            setattr(held, f"rows_{name}", getattr(held, f"rows_{name}") + count)
        held.first_day = min(filter(None, (held.first_day, first)), default=None)
        held.last_day = max(filter(None, (held.last_day, last)), default=None)
        held.save()
        _note_places(found.placed)
        if within is not None:
            within()

    warehouse.append(facts={known.KIND_OF[found.spec.kind]: facts}, within=settle)
    return int(facts.num_rows)


def _note_places(placed: dict[int, tuple[int, int]]) -> None:
    if placed:
        table = connection.ops.quote_name(Quarantined._meta.db_table)
        with connection.cursor() as cursor:
            cursor.executemany(
                f"UPDATE {table} SET mended_key = %s, mended_place = %s WHERE id = %s",  # noqa: S608
                [(key, place, pk) for pk, (key, place) in placed.items()],
            )


def _next_places(held: Import, keys: list[str], at: datetime) -> list[int]:
    """The places behind the last row of each key in the import's file, and behind rows mended before."""
    if not keys:
        return []
    seen = _places_of_file(held, at).seen
    wanted = {key: _mended_key(held, key) for key in keys}
    hashes = np.unique(np.fromiter(wanted.values(), np.int64)).tolist()
    taken: dict[int, tuple[int, int]] = {}
    for start in range(0, len(hashes), 500):
        rows = Quarantined.objects.filter(mended_key__in=hashes[start : start + 500])
        for one in rows.values("mended_key").annotate(count=Count("id"), last=Max("mended_place")):
            taken[one["mended_key"] or 0] = (one["count"], one["last"])
    places: list[int] = []
    last: dict[str, int] = {}
    for key in keys:
        if key not in last:
            count, mended = taken.get(wanted[key], (0, 0))
            last[key] = max(seen(key) + count, mended)
        last[key] += 1
        places.append(last[key])
    return places


def _mended_key(held: Import, key: str) -> int:
    return surrogate(held.shop_id, "mended", f"{held.pk}\x1f{key}")


def _places_of_file(held: Import, at: datetime) -> Places:
    """The rows of each key in an import's file, counted once in this process. Raises FileGone, FileProblem."""
    hashes = [uploads.find(held.shop_id, given["sha256"]).sha256 for given in held.files.values()]
    name = (held.shop_id, held.pk, held.created_at, *hashes)
    places = _counted.pop(name, None)
    if places is None:
        places = load.opened_at(held, load.TO_THE_END, now=at).places
    _counted[name] = places
    while len(_counted) > HELD:
        _counted.pop(next(iter(_counted)), None)
    return places
