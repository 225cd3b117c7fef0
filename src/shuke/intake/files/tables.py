"""A file as rows of text cells with exact line numbers, streamed: CSV and XLSX, either of them packed with gzip."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Sequence
from pathlib import Path

from shuke.intake.files import json_files, problems, sniffing
from shuke.intake.files.delimited import delimited_table
from shuke.intake.files.layout import (
    AUTO,
    UNPACKED_BYTES,
    Batch,
    Detected,
    Layout,
    Table,
    is_separator,
    known_encoding,
    opened,
    readable_bytes,
)
from shuke.intake.files.workbooks import workbook_table

__all__ = [
    "AUTO",
    "Batch",
    "Detected",
    "Layout",
    "Table",
    "is_separator",
    "known_encoding",
    "open_table",
    "opened",
    "verify",
]

HEAD_BYTES = 1 << 20
MAX_COLUMNS = 1_000


def verify(path: Path, name: str, *, limit: int = UNPACKED_BYTES) -> tuple[int, int]:
    """Read a file through once: (unpacked bytes, lines).

    So a file that breaks off is refused before the first of its rows is loaded. Raises TruncatedFile, DamagedFile,
    EmptyFile, or UnpacksTooLarge as soon as more than `limit` bytes came out of it.
    """
    size = lines = 0
    last = b"\n"
    try:
        with opened(path) as file:
            while block := file.read(HEAD_BYTES):
                size += len(block)
                if size > limit:
                    raise problems.UnpacksTooLarge(
                        field=name, value=f"> {limit >> 20} MB", limit=f"{limit >> 20} MB"
                    )
                lines += block.count(b"\n")
                last = block[-1:]
    except EOFError:
        raise problems.TruncatedFile(field=name, bytes=readable_bytes(path)) from None
    except (gzip.BadGzipFile, zlib.error, OSError):
        raise problems.DamagedFile(field=name) from None
    if not size:
        raise problems.EmptyFile(field=name)
    return size, lines + (last != b"\n")


def open_table(path: Path, name: str, layout: Layout, names: Sequence[str] = ()) -> Table:
    """Open a file as a table. `names` are the columns that a mapping reads; they help to tell the separator.

    Raises the FileProblem that says what is wrong with the file.
    """
    head = _head(path, name)
    if encoding := json_files.encoding_of(head):
        return json_files.json_table(path, name, encoding)
    if head.startswith((sniffing.ZIP, sniffing.OLE2)):
        table = workbook_table(path, name, layout)
    else:
        table = delimited_table(path, name, layout, head, names)
    if len(table.columns) > MAX_COLUMNS:
        raise problems.TooManyColumns(field=name, count=len(table.columns), limit=MAX_COLUMNS)
    return table


def _head(path: Path, name: str) -> bytes:
    head = b""
    try:
        with opened(path) as file:
            while len(head) < HEAD_BYTES and (block := file.read(1 << 16)):
                head += block
    except EOFError:
        raise problems.TruncatedFile(field=name, bytes=readable_bytes(path)) from None
    except (gzip.BadGzipFile, zlib.error, OSError):
        raise problems.DamagedFile(field=name) from None
    if not head.strip():
        raise problems.EmptyFile(field=name)
    return head
