"""DuckDB in the process, which answers unless told otherwise. One database per process, one cursor per thread, few view
names. Never use it before a fork: processes are spawned.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import duckdb
import ibis
import pyarrow as pa
import pyarrow.parquet as pq
from django.conf import settings
from ibis.backends.duckdb import Backend

from shuke.warehouse import lake
from shuke.warehouse.engines.base import FileGone

_TYPES = {
    pa.int64(): "BIGINT",
    pa.int32(): "INTEGER",
    pa.int8(): "TINYINT",
    pa.string(): "VARCHAR",
    pa.date32(): "DATE",
    pa.timestamp("us"): "TIMESTAMP",
    pa.bool_(): "BOOLEAN",
    pa.decimal128(18, 3): "DECIMAL(18,3)",
}
_MEMORY = "800MB"
_ATTEMPTS = 4
T = TypeVar("T")


@lru_cache(maxsize=1000)
def _columns_of(schema: pa.Schema) -> ibis.Schema:
    return ibis.Schema.from_pyarrow(schema)


@contextmanager
def _gone_told() -> Iterator[None]:
    """A file that is gone from an object store is told by Arrow, in words only."""
    try:
        yield
    except duckdb.InvalidInputException as error:
        if "does not exist" in str(error):
            raise FileGone(str(error)) from error
        raise


class DuckDBEngine:
    """DuckDB in this process. Thread-safe: each thread has its own cursor."""

    name = "duckdb"
    is_in_process = True

    def __init__(self) -> None:
        self._pid = os.getpid()
        scratch = Path(settings.HOME) / "scratch"
        self._database = duckdb.connect(
            ":memory:",
            config={
                "threads": str(max(1, min(8, os.cpu_count() or 2))),
                "memory_limit": os.environ.get("SHUKE_DUCKDB_MEMORY", _MEMORY),
                "temp_directory": str(scratch),
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                "preserve_insertion_order": "false",
            },
        )
        self._local = threading.local()

    def is_usable_here(self) -> bool:
        return self._pid == os.getpid()

    def backend(self) -> Backend:
        """This thread's Ibis backend."""
        backend: Backend | None = getattr(self._local, "backend", None)
        if backend is None:
            backend = ibis.duckdb.from_connection(self._database.cursor())
            self._local.backend = backend
            self._local.slots = set()
            self._local.views = {}
            self._local.held = {}
        return backend

    def take_slot(self) -> int:
        """A number for the views of one snapshot of this thread; few exist, since nested questions are few."""
        self.backend()
        slot = next(i for i in range(1_000_000) if i not in self._local.slots)
        self._local.slots.add(slot)
        return slot

    def free_slot(self, slot: int) -> None:
        self._local.slots.discard(slot)

    def table(self, name: str, schema: pa.Schema, files: Sequence[str]) -> ibis.Table:
        """A table of the given schema over a list of Parquet files; no files, no rows."""
        columns = ", ".join(f'"{f.name}"' for f in schema)
        if files and lake.is_remote(files[0]):
            self.backend().con.register(f"{name}_files", lake.dataset(files, schema))
            query = f'SELECT {columns} FROM "{name}_files"'  # noqa: S608
        elif files:
            listed = ", ".join("'" + f.replace("'", "''") + "'" for f in files)
            query = f"SELECT {columns} FROM read_parquet([{listed}], hive_partitioning=false)"  # noqa: S608
        else:
            nulls = ", ".join(f'NULL::{_TYPES[f.type]} AS "{f.name}"' for f in schema)
            query = f"SELECT {nulls} WHERE false"
        self._view(name, schema, query)
        return ibis.table(_columns_of(schema), name=name)

    def _view(self, name: str, schema: pa.Schema, query: str) -> None:
        """A view of this cursor. One that is there already with the same words is left alone, since making it costs about as
        much as a small answer; a view tells the columns of those that it reads, so where columns change all are made anew."""
        connection, views = self.backend().con, self._local.views
        known = views.get(name)
        if known is not None and known[0] != schema:
            views.clear()
        elif known is not None and known[1] == query:
            return
        views.pop(name, None)
        connection.execute(f'CREATE OR REPLACE TEMP VIEW "{name}" AS {query}')
        views[name] = schema, query

    def sql_of(self, expression: ibis.Table) -> str:
        """The question in the engine's language, for one that is asked again over other files."""
        return str(ibis.to_sql(expression, dialect="duckdb"))

    def define(self, name: str, schema: pa.Schema, question: ibis.Table | str) -> ibis.Table:
        """Give a question (an expression, or its translation) a name; it is computed whenever it is used."""
        sql = question if isinstance(question, str) else self.sql_of(question)
        self._view(name, schema, sql)
        return ibis.table(_columns_of(schema), name=name)

    def hold(self, name: str, answer: pa.Table) -> ibis.Table:
        """Give an answer that is at hand a name, so that further questions can be asked of it."""
        connection = self.backend().con
        held = f"{name}_held"
        if self._local.held.get(name) is not answer:
            self._local.held.pop(name, None)
            connection.register(held, answer)
            self._local.held[name] = answer
        self._view(name, answer.schema, f'SELECT * FROM "{held}"')  # noqa: S608
        return ibis.table(_columns_of(answer.schema), name=name)

    def columns_of_files(self, files: Sequence[str], columns: Sequence[str]) -> pa.Table:
        """Some columns of Parquet files, in the order in which they lie there."""
        return pa.concat_tables([pq.read_table(f, columns=list(columns), partitioning=None) for f in files])

    def columns(self, name: str, columns: Sequence[str]) -> pa.Table:
        """Some columns of a named question."""
        listed = ", ".join(f'"{c}"' for c in columns)
        return self.answer(f'SELECT {listed} FROM "{name}"')  # noqa: S608

    def answer(self, sql: str) -> pa.Table:
        """The whole answer to a question in the engine's language."""
        return self._asked(lambda: self.backend().con.execute(sql).to_arrow_table())

    def run(self, expression: ibis.Expr) -> pa.Table:
        """The whole answer as an Arrow table."""
        return self._asked(lambda: self.backend().to_pyarrow(expression.as_table()))

    def _asked(self, ask: Callable[[], T]) -> T:
        """The answer, asked once more without what DuckDB can not do with what is at hand.

        While it runs, a join may offer its keys to the scan on its other side; that of an Arrow table takes some forms of it,
        and refuses a Bloom filter with an error. Which form it offers depends on the rows, so nothing tells it beforehand. The
        setting is the whole database's: another thread's end of the same may come in between.
        """
        for _attempt in range(_ATTEMPTS):
            try:
                with _gone_told():
                    return ask()
            except duckdb.NotImplementedException as error:
                if "BLOOM_FILTER" not in str(error):
                    raise
            connection = self.backend().con
            connection.execute("SET disabled_optimizers = 'join_filter_pushdown'")
            try:
                with _gone_told():
                    return ask()
            except duckdb.NotImplementedException as error:
                if "BLOOM_FILTER" not in str(error):
                    raise
            finally:
                connection.execute("SET disabled_optimizers = ''")
        with _gone_told():
            return ask()

    def write_file(self, question: ibis.Table, path: Path) -> int:
        """Write the answer in its order to one synced Parquet file, on all cores; returns its rows.

        Version 2 pages hold times as differences (DELTA_BINARY_PACKED), which is smaller and quicker to read.
        """
        target = str(path).replace("'", "''")
        options = (
            "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 3, PARQUET_VERSION v2, ROW_GROUP_SIZE 262144"
        )
        copy = f"COPY ({self.sql_of(question)}) TO '{target}' ({options})"
        done = self._asked(lambda: self.backend().con.execute(copy).fetchone())
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return int(done[0]) if done else 0

    def batches(self, questions: Sequence[ibis.Table], size: int = 131_072) -> Iterator[pa.RecordBatch]:
        """The answers one after the other as a stream without empty batches, for what may not fit into memory.

        The stream may be drawn by another thread, so it holds on to this thread's cursor.
        """
        connection = self.backend().con
        translated = [self.sql_of(question) for question in questions]

        def drawn() -> Iterator[pa.RecordBatch]:
            for sql in translated:
                for batch in connection.execute(sql).to_arrow_reader(size):
                    if batch.num_rows:
                        yield batch

        return drawn()
