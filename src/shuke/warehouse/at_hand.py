"""Rows of small sealed files at hand. A day of a small shop is a few rows in a file, and opening the file takes ten times as
long as reading them; a page of some weeks opens hundreds.

Sealed files never change, so what was read of one is right as long as anybody names it. Bounded by bytes, the longest unasked
go first; every process has its own.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock

import pyarrow as pa
import pyarrow.parquet as pq

MOST_BYTES = 64 << 20
# What a table of few rows takes besides them.
_BYTES_A_COLUMN = 300

_tables: OrderedDict[tuple[str, tuple[str, ...]], pa.Table] = OrderedDict()
_bytes = 0
_lock = Lock()


def rows_of(files: Sequence[str], schema: pa.Schema) -> pa.Table:
    """The columns of a schema from files on this machine, in the order of the files. Raises FileNotFoundError."""
    names = tuple(schema.names)
    tables = [_rows_of(file, names, schema) for file in files]
    return pa.concat_tables(tables).combine_chunks() if tables else schema.empty_table()


def forget() -> None:
    """Nothing is at hand any more."""
    global _bytes
    with _lock:
        _tables.clear()
        _bytes = 0


def _rows_of(file: str, names: tuple[str, ...], schema: pa.Schema) -> pa.Table:
    global _bytes
    key = file, names
    with _lock:
        if key in _tables:
            _tables.move_to_end(key)
            return _tables[key]
    with pq.ParquetFile(file) as opened:
        table = opened.read(columns=list(names), use_threads=False).select(list(names)).cast(schema)
    size = _size(table)
    if size > MOST_BYTES // 8:
        return table
    with _lock:
        if key not in _tables:
            _tables[key] = table
            _bytes += size
            while _bytes > MOST_BYTES:
                _key, gone = _tables.popitem(last=False)
                _bytes -= _size(gone)
    return table


def _size(table: pa.Table) -> int:
    return int(table.nbytes) + _BYTES_A_COLUMN * table.num_columns
