"""A large day of a raw kind, sorted and written in memory on all cores, with what kernels derive from it on the way.

Why beside the engine's own sorting: it carries every column of a row through the sort. Here only the keys are sorted;
texts that repeat stay codes from the open files to the sealed ones. Two million events take a third of the time.

The day is cut into pieces by the high bits of its first sort key, a hash, so that pieces are of one size and in order.
Each thread writes its pieces, one after the other, as row groups of its own file; all of a visitor lies in one piece,
so a derivation by visitor may be run on each.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from shuke.warehouse import schemas

# Rows of a piece, which is also a row group: small enough that two threads' pieces do not add much to the memory.
PIECE_ROWS = 125_000
# A text column of more different values is written as texts: each row group would carry all of them.
_MOST_VALUES = 20_000
# Texts that name one visitor or order, or differ anyway.
_DIFFER = frozenset(
    {"properties", "anonymous_ref", "person_ref", "session_ref", "order_ref", "buyer_ref", "title"}
)
_SEGMENT = "segment"


@dataclass(frozen=True)
class Source:
    """A Parquet file and which of its segments count: after `after`, up to `last`; a sealed file has none."""

    path: str
    after: int | None = None
    last: int | None = None


@dataclass(frozen=True)
class Written:
    """A file of the sealed tier that no table names yet."""

    path: Path
    rows: int


def can_cut(kind: str) -> bool:
    """Whether a kind's first sort key is a hash, by which its days can be cut into pieces of one size."""
    return pa.types.is_int64(schemas.ALL[kind].field(schemas.SORT[kind][0]).type)


def write(
    sources: Sequence[Source],
    *,
    shop_id: int,
    kind: str,
    day: date,
    target: Callable[[], Path],
    each: Callable[[int, pa.Table], object] | None = None,
) -> list[Written]:
    """Write the shop's rows of the day from `sources`, sorted, to files named by `target`; synced.

    `each` is called with the number of every piece and its rows in order (texts may be dictionaries), from any thread.
    """
    threads = max(1, min(4, os.cpu_count() or 1))
    with ThreadPoolExecutor(threads) as pool:
        parts = list(pool.map(lambda source: _read(source, shop_id, kind, day), sources))
        rows = _together([part for part in parts if part.num_rows], kind)
        del parts
        if rows is None:
            return []
        pieces = threads * max(1, round(rows.num_rows / PIECE_ROWS / threads))
        cut = _Cut(rows, schemas.SORT[kind], pieces)
        share = pieces // threads

        def work(thread: int) -> Written | None:
            return _write_pieces(cut, range(thread * share, (thread + 1) * share), target, each)

        written = list(pool.map(work, range(threads)))
    return [one for one in written if one is not None]


def _read(source: Source, shop_id: int, kind: str, day: date) -> pa.Table:
    """The rows of one file that count."""
    wanted = list(schemas.ALL[kind].names)
    if source.after is not None:
        wanted.append(_SEGMENT)
    coded = [f.name for f in schemas.ALL[kind] if pa.types.is_string(f.type) and f.name not in _DIFFER]
    try:
        with pq.ParquetFile(source.path, read_dictionary=coded) as file:
            table = file.read(wanted, use_threads=False)
    except OSError as error:
        if "DictAccumulator" not in str(error):  # a page encoding whose texts are not read as codes
            raise
        with pq.ParquetFile(source.path) as file:
            table = file.read(wanted, use_threads=False)
        for name in coded:
            place = table.column_names.index(name)
            table = table.set_column(place, name, table[name].dictionary_encode())
    keep = pc.and_(
        pc.equal(table["shop_id"], shop_id), pc.equal(table["local_day"], pa.scalar(day, pa.date32()))
    )
    if source.after is not None:
        keep = pc.and_(keep, pc.greater(table[_SEGMENT], source.after))
        if source.last is not None:
            keep = pc.and_(keep, pc.less_equal(table[_SEGMENT], source.last))
        table = table.drop_columns(_SEGMENT)
    return table if pc.all(keep).as_py() else table.filter(keep)


def _together(parts: Sequence[pa.Table], kind: str) -> pa.Table | None:
    """One table whose texts share their codes; null when there are no rows."""
    if not parts:
        return None
    table = pa.concat_tables(parts).unify_dictionaries()
    for place, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type) and len(table.column(place).chunk(0).dictionary) > _MOST_VALUES:
            table = table.set_column(place, field.name, table.column(place).cast(pa.string()))
    return table


class _Cut:
    """Which rows belong to which piece."""

    def __init__(self, rows: pa.Table, keys: Sequence[str], pieces: int) -> None:
        self.schema = rows.schema
        self.keys = keys
        # Batch by batch: taking rows of a table of many chunks would first lay all of them together.
        self._batches = rows.to_batches()
        self._pieces = []
        for batch in self._batches:
            first = pc.fill_null(batch.column(keys[0]), 0).to_numpy(zero_copy_only=False)
            # The high half of the key as a number from 0, scaled: monotonous in the key.
            self._pieces.append((((first >> 32) + (1 << 31)) * pieces >> 32).astype(np.int16))

    def piece(self, number: int) -> pa.Table:
        """The rows of a piece in order."""
        found = [
            batch.take(pa.array(np.flatnonzero(piece_of == number)))
            for batch, piece_of in zip(self._batches, self._pieces, strict=True)
        ]
        return sorted_by(pa.Table.from_batches(found, self.schema).combine_chunks(), self.keys)


def sorted_by(rows: pa.Table, names: Sequence[str]) -> pa.Table:
    """Rows in the order of some columns, null first."""
    keys = [integers(rows[name]) for name in names]
    return rows.take(pa.array(np.lexsort(tuple(reversed(keys)))))


def integers(column: pa.ChunkedArray) -> np.ndarray:
    """A column as int64: dates as days, moments as microseconds, texts by their rank; null as 0."""
    kind = column.type
    if pa.types.is_dictionary(kind) or pa.types.is_string(kind):
        column = pc.rank(column.cast(pa.string()), tiebreaker="dense")
    elif pa.types.is_date32(kind):
        column = column.cast(pa.int32())
    elif pa.types.is_timestamp(kind):
        column = column.cast(pa.int64())
    return pc.fill_null(column, 0).to_numpy(zero_copy_only=False).astype(np.int64, copy=False)


def _write_pieces(
    cut: _Cut,
    numbers: Sequence[int],
    target: Callable[[], Path],
    each: Callable[[int, pa.Table], object] | None,
) -> Written | None:
    file = Pieces(target)
    try:
        for number in numbers:
            rows = cut.piece(number)
            if not rows.num_rows:
                continue
            file.write(rows)
            if each is not None:
                each(number, rows)
    finally:
        file.close()
    return file.written()


class Pieces:
    """A file of the sealed tier that is written a piece after the other, each a row group; begun with the first."""

    def __init__(self, target: Callable[[], Path], *, repeats: Collection[str] = ()) -> None:
        """`repeats`: columns besides texts whose values stand in several rows."""
        self._target = target
        self._repeats = repeats
        self._path: Path | None = None
        self._writer: pq.ParquetWriter | None = None
        self._count = 0

    def write(self, rows: pa.Table) -> None:
        if not rows.num_rows:
            return
        if self._writer is None:
            self._path = self._target()
            self._writer = _writer(self._path, rows.schema, self._repeats)
        self._writer.write_table(rows, row_group_size=rows.num_rows)
        self._count += rows.num_rows

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()

    def written(self) -> Written | None:
        """The closed file, synced; None when there were no rows."""
        if self._path is None:
            return None
        descriptor = os.open(self._path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return Written(self._path, self._count)


def _writer(path: Path, schema: pa.Schema, repeats: Collection[str]) -> pq.ParquetWriter:
    # zstd 3 with DELTA_BINARY_PACKED for time is smaller and a fifth faster to read (docs/architecture.md).
    texts = [f.name for f in schema if pa.types.is_string(f.type) or pa.types.is_dictionary(f.type)]
    moments = {f.name: "DELTA_BINARY_PACKED" for f in schema if pa.types.is_timestamp(f.type)}
    return pq.ParquetWriter(
        path,
        schema,
        compression="zstd",
        compression_level=3,
        use_dictionary=[*texts, *repeats],
        column_encoding=moments,
        data_page_version="2.0",
        store_schema=False,  # codes are our way of writing; whoever reads, reads texts
        write_statistics=["shop_id", "local_day", "at"] if "at" in schema.names else ["shop_id", "local_day"],
    )
