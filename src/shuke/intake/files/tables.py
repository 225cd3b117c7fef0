"""A file as rows of text cells with exact line numbers, streamed: CSV and XLSX, either of them packed with gzip."""

from __future__ import annotations

import gzip
import itertools
import json
import re
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from shuke.intake.files import amazon_messages, amazon_reports, problems, sniffing
from shuke.intake.files.columnar import storable
from shuke.intake.files.delimited import delimited_table
from shuke.intake.files.layout import (
    AUTO,
    UNPACKED_BYTES,
    Batch,
    Detected,
    Layout,
    Table,
    is_packed,
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
REPORT_BYTES = 64 << 20
MAX_COLUMNS = 1_000
_JSON = re.compile(rb"^(?:\xef\xbb\xbf)?\s*(?:\{|\[\s*\{)")
_BLANKS = re.compile(r"[ \t\r\n]*")


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
    if _JSON.match(head):
        return _report(path, name)
    if head.startswith((sniffing.ZIP, sniffing.OLE2)):
        table = workbook_table(path, name, layout)
    else:
        table = delimited_table(path, name, layout, head, names)
    if len(table.columns) > MAX_COLUMNS:
        raise problems.TooManyColumns(field=name, count=len(table.columns), limit=MAX_COLUMNS)
    return table


def _report(path: Path, name: str) -> Table:
    """A platform's report, or its messages, in JSON as a table.

    Raises BinaryFile for JSON that is neither, BrokenJson, UnpacksTooLarge.
    """
    with opened(path) as file:
        content = file.read(REPORT_BYTES + 1)
    if len(content) > REPORT_BYTES:
        raise problems.UnpacksTooLarge(
            field=name, value=f"> {REPORT_BYTES >> 20} MB", limit=f"{REPORT_BYTES >> 20} MB"
        )
    lines, values = _values(content.decode("utf-8-sig", "replace"), name)
    columns = amazon_reports.COLUMNS
    if len(values) == 1 and amazon_reports.is_report(values[0]):
        rows = [list(row.values()) for row in amazon_reports.report_rows(values[0])]
        numbered = list(enumerate(rows, start=1))
    elif any(map(amazon_messages.is_message, values)):
        columns = amazon_messages.COLUMNS
        found = amazon_messages.message_rows(values)
        numbered = [(lines[place - 1], list(map(storable, row.values()))) for place, row in found]
    else:
        raise problems.BinaryFile(field=name, value="JSON", kind="JSON")
    if not numbered:
        raise problems.EmptyFile(field=name)
    left = iter(numbered)

    def take(size: int) -> Batch | None:
        taken = list(itertools.islice(left, size))
        return Batch([line for line, _ in taken], [row for _, row in taken]) if taken else None

    detected = Detected("report", is_packed(path), "utf-8", "", True)
    return Table(name, detected, columns, take)


def _values(text: str, name: str) -> tuple[list[int], list[Any]]:
    """(line or place in the list, JSON value) of a file: one value, a list of them, or one after another, as on lines."""
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        return _one_after_another(text, name)
    found = whole if isinstance(whole, list) else [whole]
    return list(range(1, len(found) + 1)), found


def _one_after_another(text: str, name: str) -> tuple[list[int], list[Any]]:
    """(line where it begins, JSON value): one on each line, or over several. Told by where each ends, since a text within
    one may hold what breaks a line elsewhere."""
    lines: list[int] = []
    values: list[Any] = []
    decoder, line, last = json.JSONDecoder(), 1, 0
    place = _after_blanks(text, 0)
    while place < len(text):
        line, last = line + text.count("\n", last, place), place
        try:
            value, end = decoder.raw_decode(text, place)
        except (ValueError, RecursionError) as error:
            is_ours = len(values) > 1 or any(map(amazon_messages.is_message, values))
            if is_ours or f'"{amazon_messages.TYPE}"' in text:
                raise problems.BrokenJson(field=name, line=getattr(error, "lineno", line)) from None
            raise problems.BinaryFile(field=name, value="JSON", kind="JSON") from None
        lines.append(line)
        values.append(value)
        place = _after_blanks(text, end)
    return lines, values


def _after_blanks(text: str, place: int) -> int:
    found = _BLANKS.match(text, place)
    return found.end() if found else place


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
