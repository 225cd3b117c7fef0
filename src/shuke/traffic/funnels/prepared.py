"""Sealed days prepared for the kernel: who, when, and what kind of event, as plain columns that are mapped into memory.

A sealed file of events lies in order of visitor and time, but packed, among thirty columns of texts; unpacking three of them
takes longer than the answer. So a file is unpacked once, at the first question, into a file of its own beside the
installation's state (`prepared` in its home): visitor_id, at, the place in order, and a code for what an event is (type,
name, type of page, terminal), whose meanings stand in the file's own metadata. Views lie apart from deeds: they are the most
by far, and most funnels ask for deeds alone. Sealed files never change, so a prepared one is right as long as its source
exists; when the source is gone (a day was sealed again, a person erased), it is removed with it. It holds visitors'
surrogates and moments: the register of personal data knows it (personal.py).
"""

from __future__ import annotations

import json
import math
import os
import shutil
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from django.conf import settings

from shuke.traffic.sessions import VIEWS

# What an event is, as far as a code tells it: all texts of few values.
TOLD = ("type", "name", "page_type", "terminal")
_MEANINGS = b"meanings"
_FORM = b"form"
# How such a file is laid out. One of another form is made anew.
_OF_NOW = b"2"
FOLDER = "prepared"
SUFFIX = ".arrow"
_MOST_BY_COUNTING = 1 << 20
_SELDOM = 3600.0  # seconds: being asked is noted no oftener
# Row groups are taken together up to here: opening a day costs what its groups are, preparing it holds one of them.
_GROUP_ROWS = 1 << 20


@dataclass(frozen=True)
class Part:
    """Rows of one group that are views, or that are none, in order of (visitor_id, at, ord, event_id)."""

    visitor: np.ndarray  # int64
    at: np.ndarray  # int64 microseconds
    code: np.ndarray  # uint16 or int32
    place: np.ndarray  # int32: its place among all rows of the day in this order


@dataclass(frozen=True)
class Prepared:
    """One sealed file. `groups`: neighbouring rows, as (views, deeds). `meanings`: code → the texts of TOLD (None: not
    stated). `rows`: place → row in the sealed file; None: they are the same."""

    source: str
    groups: tuple[tuple[Part, Part], ...]
    meanings: tuple[tuple[str | None, ...], ...]
    rows: np.ndarray | None = None

    def is_view(self, code: int) -> bool:
        return self.meanings[code][0] in VIEWS


def folder_of(shop_id: int) -> Path:
    return Path(settings.HOME) / FOLDER / str(shop_id)


def path_of(shop_id: int, day: str, source: str) -> Path:
    """Where a sealed file of a day is kept prepared."""
    return folder_of(shop_id) / day / (Path(source).stem + SUFFIX)


def forget(shop_id: int) -> int:
    """Remove all that is prepared of a shop; returns how many files went."""
    folder = folder_of(shop_id)
    count = sum(1 for _ in folder.glob(f"*/*{SUFFIX}"))
    shutil.rmtree(folder, ignore_errors=True)
    return count


def prepared(shop_id: int, day: str, source: str) -> Prepared:
    """A sealed file of events, prepared now if it was not before. Raises FileNotFoundError when the source is gone."""
    path = path_of(shop_id, day, source)
    try:
        found = _opened(path, source)
        if time.time() - path.stat().st_mtime > _SELDOM:
            os.utime(path)  # what was not asked for longest goes first (tending.py)
        return found
    except (FileNotFoundError, pa.ArrowInvalid):
        pass
    _prepare(source, path)
    for old in path.parent.glob(f"*{SUFFIX}"):
        if old != path and not Path(source).with_name(old.stem + ".parquet").exists():
            old.unlink(missing_ok=True)
    return _opened(path, source)


def prepared_before(shop_id: int, day: str, source: str) -> bool:
    """Whether a sealed file is prepared already."""
    return path_of(shop_id, day, source).exists()


def _opened(path: Path, source: str) -> Prepared:
    with pa.memory_map(str(path)) as mapped:
        reader = pa.ipc.open_file(mapped)
        told = reader.schema.metadata or {}
        if told.get(_FORM) != _OF_NOW:
            raise FileNotFoundError(path)
        meanings = json.loads(told[_MEANINGS])
        parts, moved = [], []
        for n in range(reader.num_record_batches):
            columns = {name: values.to_numpy() for name, values in _columns(reader.get_batch(n))}
            if "row" in columns:
                moved.append((columns["place"], columns.pop("row")))
            parts.append(Part(columns["visitor_id"], columns["at"], columns["code"], columns["place"]))
    groups = tuple(zip(parts[::2], parts[1::2], strict=True))
    return Prepared(source, groups, tuple(tuple(one) for one in meanings), _rows(moved))


def _columns(batch: pa.RecordBatch) -> Iterator[tuple[str, pa.Array]]:
    return zip(batch.schema.names, batch.columns, strict=True)


def _rows(moved: Sequence[tuple[np.ndarray, np.ndarray]]) -> np.ndarray | None:
    if not moved:
        return None
    rows = np.empty(sum(len(place) for place, _row in moved), np.int32)
    for place, row in moved:
        rows[place] = row
    return rows


def _prepare(source: str, path: Path) -> None:
    batches, meanings = _unpacked(source)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    schema = batches[0].schema.with_metadata({_MEANINGS: json.dumps(meanings).encode(), _FORM: _OF_NOW})
    try:
        with pa.OSFile(str(part), "wb") as file, pa.ipc.new_file(file, schema) as writer:
            for batch in batches:
                writer.write_batch(batch.replace_schema_metadata(schema.metadata))
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    if not Path(source).exists():
        # An erasure came meanwhile: what was read before it must not stay.
        path.unlink(missing_ok=True)
        raise FileNotFoundError(source)


def _unpacked(source: str) -> tuple[list[pa.RecordBatch], list[tuple[str | None, ...]]]:
    """The columns in order, and what the codes mean."""
    known: dict[tuple[str | None, ...], int] = {}
    groups = []
    for _first, table in groups_of(source, ("visitor_id", "at", *TOLD), TOLD):
        groups.append((_numbers(table["visitor_id"]), _numbers(table["at"]), _codes(table, known)))
    meanings = list(known)
    kind = np.uint16 if len(meanings) < 65_536 else np.int32
    if not groups:
        groups = [(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int64))]
    is_view = np.array([meaning[0] in VIEWS for meaning in meanings], bool)
    if _is_in_order(groups):
        batches, first = [], 0
        for visitor, at, code in _together(groups):
            place = np.arange(first, first + len(visitor), dtype=np.int32)
            first += len(visitor)
            batches += _batches(visitor, at, code, kind, is_view, place)
        return batches, meanings
    # A small day is written by several threads at once, whose pieces may have changed places.
    visitor, at, code = (np.concatenate([group[n] for group in groups]) for n in range(3))
    order = in_order(source, visitor, at)
    place = np.arange(len(order), dtype=np.int32)
    return _batches(visitor[order], at[order], code[order], kind, is_view, place, order), meanings


def _together(
    groups: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]],
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    begun, rows = 0, 0
    for n, group in enumerate(groups):
        rows += len(group[0])
        if rows >= _GROUP_ROWS or n == len(groups) - 1:
            taken = groups[begun : n + 1]
            visitor, at, code = (np.concatenate([one[part] for one in taken]) for part in range(3))
            yield visitor, at, code
            begun, rows = n + 1, 0


def _batches(
    visitor: np.ndarray,
    at: np.ndarray,
    code: np.ndarray,
    kind: type,
    is_view: np.ndarray,
    place: np.ndarray,
    row: np.ndarray | None = None,
) -> list[pa.RecordBatch]:
    """The views and the others of a group."""
    columns = {"visitor_id": visitor, "at": at, "code": code.astype(kind), "place": place}
    if row is not None:
        columns["row"] = row.astype(np.int32)
    seen = is_view[code] if len(is_view) else np.empty(0, bool)
    return [
        pa.RecordBatch.from_pydict({name: pa.array(values[chosen]) for name, values in columns.items()})
        for chosen in (seen, ~seen)
    ]


def in_order(source: str, visitor: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The rows of a sealed file by (visitor_id, at, ord, event_id)."""
    table = pq.read_table(source, columns=["ord", "event_id"], partitioning=None)
    return np.lexsort((_numbers(table["event_id"]), _numbers(table["ord"]), at, visitor))


def _is_in_order(groups: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> bool:
    last: tuple[int, int] | None = None
    for visitor, at, _code in groups:
        if not len(visitor):
            continue
        if last is not None and (int(visitor[0]), int(at[0])) < last:
            return False
        falls = (visitor[1:] < visitor[:-1]) | ((visitor[1:] == visitor[:-1]) & (at[1:] < at[:-1]))
        if bool(falls.any()):
            return False
        last = int(visitor[-1]), int(at[-1])
    return True


def _numbers(column: pa.ChunkedArray) -> np.ndarray:
    found: np.ndarray = column.cast(pa.int64()).to_numpy()
    return found


def groups_of(
    source: str, columns: Sequence[str], texts: Sequence[str], within: np.ndarray | None = None
) -> Iterator[tuple[int, pa.Table]]:
    """The row groups of a sealed file one after the other, each with the number of its first row; `texts` come as codes where
    the file holds them so. `within`: rows in order; groups that hold none of them are left out."""
    with pq.ParquetFile(source, read_dictionary=list(texts)) as file:
        wanted, is_coded = _wanted(file, within), True
        try:
            first = [
                (row, file.read_row_group(n, columns=list(columns), use_threads=False))
                for n, row in wanted[:1]
            ]
        except OSError as error:
            if "DictAccumulator" not in str(error):  # a page encoding whose texts are not read as codes
                raise
            is_coded = False
        if is_coded:
            yield from first
            for n, row in wanted[1:]:
                yield row, file.read_row_group(n, columns=list(columns), use_threads=False)
    if not is_coded:
        with pq.ParquetFile(source) as file:
            for n, row in wanted:
                yield row, file.read_row_group(n, columns=list(columns), use_threads=False)


def _wanted(file: pq.ParquetFile, within: np.ndarray | None) -> list[tuple[int, int]]:
    """The row groups that hold any of these rows, and the first row of each."""
    found, first = [], 0
    for n in range(file.num_row_groups):
        count = file.metadata.row_group(n).num_rows
        low, high = (0, 1) if within is None else np.searchsorted(within, (first, first + count))
        if high > low:
            found.append((n, first))
        first += count
    return found


def _codes(table: pa.Table, known: dict[tuple[str | None, ...], int]) -> np.ndarray:
    """What each row is, as a code; new meanings are added to `known`."""
    combined = np.zeros(table.num_rows, np.int64)
    texts: list[list[Any]] = []
    for name in TOLD:
        codes, values = coded(table[name])
        combined = combined * len(values) + codes
        texts.append(values)
    room = math.prod(len(values) for values in texts)
    if room <= _MOST_BY_COUNTING:
        # Few combinations are found by counting them, several times as fast as by sorting the rows.
        found = np.flatnonzero(np.bincount(combined, minlength=room))
        place_of = np.zeros(room, np.int64)
        place_of[found] = np.arange(len(found))
        which = place_of[combined]
    else:
        found, which = np.unique(combined, return_inverse=True)
    numbers = np.empty(len(found), np.int64)
    for place, one in enumerate(found.tolist()):
        meaning = []
        for values in reversed(texts):
            one, digit = divmod(one, len(values))
            meaning.append(values[digit])
        numbers[place] = known.setdefault(tuple(reversed(meaning)), len(known))
    return numbers[which]


def coded(column: pa.ChunkedArray) -> tuple[np.ndarray, list[Any]]:
    """A column as codes and the values that they stand for; the last value is None, for rows that state nothing."""
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    whole = column.unify_dictionaries().combine_chunks()
    if isinstance(whole, pa.ChunkedArray):
        whole = whole.chunk(0) if whole.num_chunks else pa.array([], column.type)
    values = [*whole.dictionary.to_pylist(), None]
    codes = pc.fill_null(whole.indices.cast(pa.int64()), len(values) - 1).to_numpy(zero_copy_only=False)
    return codes, values
