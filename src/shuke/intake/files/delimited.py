"""CSV, streamed: rows with the line on which each begins, never the whole file.

Undecodable bytes come through as lone surrogates, so that a row with broken bytes can be quarantined and its neighbours
loaded.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import itertools
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.utils.translation import pgettext_lazy

from shuke.intake.files import problems, sniffing
from shuke.intake.files.layout import (
    AUTO,
    Batch,
    Detected,
    Layout,
    Table,
    column_name,
    is_packed,
    known_encoding,
    numbered,
    opened,
    readable_bytes,
)

MAX_CELL = 1 << 20
MAX_ROW_LINES = 1_000
BINARY_WORDS = pgettext_lazy("kind of file", "binary data")
_WIDE = ("utf-16", "utf-32")

# A cell may be long (an address list, a JSON), but one that never ends is an unclosed quote.
csv.field_size_limit(MAX_CELL)


def delimited_table(path: Path, name: str, layout: Layout, head: bytes, names: Sequence[str]) -> Table:
    kind = sniffing.binary_kind(head)
    if kind and not layout.encoding.lower().replace("_", "-").startswith(_WIDE):
        raise problems.BinaryFile(
            field=name, value=kind, kind=BINARY_WORDS if kind == sniffing.BINARY else kind
        )
    encoding = _encoding(name, layout, head)
    text = codecs.getincrementaldecoder(encoding)(
        "replace" if encoding.startswith(_WIDE) else "surrogateescape"
    ).decode(head)
    sample = "".join(text.splitlines(keepends=True)[layout.skip_lines :][:60])
    separator = layout.separator
    if separator == AUTO:
        separator = sniffing.separator_of(sample, layout.quote, names)
    has_header = layout.has_header
    if has_header is None:
        has_header = sniffing.has_header(_sample_rows(sample, separator, layout.quote))
    detected = Detected("csv", is_packed(path), encoding, separator, has_header)
    rows = _CsvRows(path, name, detected, layout)
    first = rows.peek()
    if has_header and first is not None:
        columns = [column_name(cell) for cell in first]
        _check_separator(name, layout, columns, sample, names)
        rows.drop()
        first = rows.peek()
    elif first is not None:
        columns = numbered(first)
    if first is None:
        raise problems.EmptyFile(field=name)
    return Table(name, detected, columns, rows.take)


def _encoding(name: str, layout: Layout, head: bytes) -> str:
    if layout.encoding == AUTO:
        return sniffing.encoding_of(head)
    encoding = known_encoding(layout.encoding)
    if encoding is None:
        raise problems.UnknownEncoding(field=name, value=layout.encoding)
    if encoding in ("gbk", "gb2312"):
        encoding = "gb18030"  # the same bytes and more: exports that say GBK hold characters beyond it
    if encoding == "utf-8" and head.startswith(codecs.BOM_UTF8):
        encoding = "utf-8-sig"
    if not sniffing.is_decodable(head, encoding):
        guess = sniffing.encoding_of(head)
        # Some broken bytes in a file that is otherwise as it was said to be are rows to quarantine, not a wrong choice.
        if guess not in (encoding, "windows-1252") or _is_mostly_broken(head, encoding):
            line = sniffing.first_bad_line(head, encoding)
            raise problems.WrongEncoding(
                field=name, value=layout.encoding, encoding=layout.encoding, line=line, guess=guess
            )
    return encoding


def _is_mostly_broken(head: bytes, encoding: str) -> bool:
    lines = [line for line in head.splitlines()[:2000] if any(byte > 127 for byte in line)]
    broken = sum(not sniffing.is_decodable(line + b"\n", encoding) for line in lines)
    return broken * 2 > len(lines)


def _sample_rows(sample: str, separator: str, quote: str) -> list[list[str]]:
    try:
        return [
            row
            for row in csv.reader(sample.splitlines(), delimiter=separator, quotechar=quote or None)
            if row
        ]
    except csv.Error:
        return []


def _check_separator(
    name: str, layout: Layout, columns: Sequence[str], sample: str, names: Sequence[str]
) -> None:
    if len(columns) > 1 or layout.separator == AUTO or set(columns) >= set(names or ("",)):
        return
    guess = sniffing.separator_of(sample, layout.quote, names)
    if guess != layout.separator and guess in columns[0]:
        raise problems.WrongSeparator(
            field=name,
            value=layout.separator,
            separator=sniffing.separator_words(layout.separator),
            guess=sniffing.separator_words(guess),
        )


class _CsvRows:
    """Rows of a CSV with the line on which each begins, a batch at a time."""

    def __init__(self, path: Path, name: str, detected: Detected, layout: Layout) -> None:
        self.name = name
        self._path = path
        errors = "replace" if detected.encoding.startswith(_WIDE) else "surrogateescape"
        self._text = io.TextIOWrapper(opened(path), encoding=detected.encoding, errors=errors, newline="")
        self._text._CHUNK_SIZE = 1 << 18  # type: ignore[attr-defined]  # the default, 8 KB, costs a fifth of the time
        for _ in range(layout.skip_lines):
            self._text.readline()
        self._begins = layout.skip_lines + 1
        options: dict[str, Any] = {"delimiter": detected.separator}
        if layout.quote:
            options["quotechar"] = layout.quote
        else:
            options["quoting"] = csv.QUOTE_NONE
        self._reader = csv.reader(self._text, **options)
        self._seen = 0
        self._is_done = False
        self._ahead: Batch | None = None

    def peek(self) -> list[str] | None:
        """The next row that is not blank."""
        while self._ahead is None or not self._ahead.rows:
            self._ahead = self._read(1)
            if self._ahead is None:
                return None
        return self._ahead.rows[0]

    def drop(self) -> None:
        self._ahead = None

    def take(self, size: int) -> Batch | None:
        if self._ahead is not None:
            ahead, self._ahead = self._ahead, None
            if size <= len(ahead.rows) or (rest := self._read(size - 1)) is None:
                return ahead
            return Batch(ahead.lines + rest.lines, ahead.rows + rest.rows)
        return self._read(size)

    def _read(self, size: int) -> Batch | None:
        if self._is_done:
            return None
        rows: list[list[str]] = []
        try:
            rows.extend(itertools.islice(self._reader, size))
        except csv.Error:
            line = self._begins + sum(_lines_of(row) for row in rows)
            raise problems.UnclosedQuote(field=self.name, line=line) from None
        except EOFError:
            raise problems.TruncatedFile(field=self.name, bytes=readable_bytes(self._path)) from None
        except (gzip.BadGzipFile, zlib.error):
            raise problems.DamagedFile(field=self.name) from None
        if not rows:
            self._is_done = True
            self._text.close()
            return None
        read = self._reader.line_num - self._seen
        self._seen = self._reader.line_num
        if read == len(rows):
            lines = list(range(self._begins, self._begins + read))
        else:
            lines = []
            line = self._begins
            for row in rows:
                lines.append(line)
                height = _lines_of(row)
                if height > MAX_ROW_LINES:
                    raise problems.UnclosedQuote(field=self.name, line=line)
                line += height
        self._begins += read
        if not all(rows):
            kept = [i for i, row in enumerate(rows) if row]
            return Batch([lines[i] for i in kept], [rows[i] for i in kept])
        return Batch(lines, rows)


def _lines_of(row: Sequence[str]) -> int:
    """How many lines of the file a row fills: one more than the line ends inside its cells."""
    return 1 + sum(c.count("\n") + c.count("\r") - c.count("\r\n") for c in row if "\n" in c or "\r" in c)
