"""What every engine offers: named tables over lists of files, named questions, answers as Arrow tables.

A question is an Ibis expression over unbound tables with known schemas (`schemas.py`); the engine gives each a name and
translates the expression into its own language. Names begin with a slot, the number of one snapshot, so that questions
that run at once never meet.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import ibis
import pyarrow as pa


class FileGone(FileNotFoundError):
    """A file that a snapshot names is no longer there (an erasure, a grace that ran out): plan once more."""


class Engine(Protocol):
    """One engine in this process, usable by all its threads.

    `is_in_process`: rows are at hand here, so a kernel (array operations) may stand in the place of an expression.
    """

    name: str
    is_in_process: bool

    def is_usable_here(self) -> bool:
        """False in a forked child of the process that made it."""

    def take_slot(self) -> int:
        """A number for the names of one snapshot; free it when the question is answered."""

    def free_slot(self, slot: int) -> None: ...

    def table(self, name: str, schema: pa.Schema, files: Sequence[str]) -> ibis.Table:
        """A table of the given schema over a list of Parquet files; no files, no rows."""

    def sql_of(self, expression: ibis.Table) -> str:
        """The question in the engine's language, for one that is asked again over other files."""

    def define(self, name: str, schema: pa.Schema, question: ibis.Table | str) -> ibis.Table:
        """Give a question (an expression, or its translation) a name; it is computed whenever it is used."""

    def hold(self, name: str, answer: pa.Table) -> ibis.Table:
        """Give an answer that is at hand a name, so that further questions can be asked of it."""

    def columns_of_files(self, files: Sequence[str], columns: Sequence[str]) -> pa.Table:
        """Some columns of Parquet files, in the order in which they lie there."""

    def columns(self, name: str, columns: Sequence[str]) -> pa.Table:
        """Some columns of a named question."""

    def answer(self, sql: str) -> pa.Table:
        """The whole answer to a question in the engine's language. Raises FileGone."""

    def run(self, expression: ibis.Expr) -> pa.Table:
        """The whole answer to an expression. Raises FileGone."""

    def write_file(self, question: ibis.Table, path: Path) -> int:
        """Write the answer in its order to one synced Parquet file; returns its rows."""

    def batches(self, questions: Sequence[ibis.Table], size: int = 131_072) -> Iterator[pa.RecordBatch]:
        """The answers one after the other as a stream without empty batches."""
