"""A file as rows of text cells with exact line numbers, streamed: CSV and XLSX, either of them packed with gzip.

A CSV is never held whole; its undecodable bytes come through as lone surrogates, so that a row with broken bytes can be
quarantined and its neighbours loaded. A workbook is read by calamine, which holds one sheet (at most 1,048,576 rows by
the format itself), and is bounded by WORKBOOK_BYTES.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import itertools
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from pathlib import Path
from typing import IO, Any

from django.utils.translation import pgettext_lazy

from shuke.intake.files import problems, sniffing

HEAD_BYTES = 1 << 20
MAX_COLUMNS = 1_000
MAX_CELL = 1 << 20
MAX_ROW_LINES = 1_000
WORKBOOK_BYTES = 256 << 20
AUTO = "auto"

# Python's own, not those of any file; some do not even decode to text.
_NO_FILE_ENCODING = frozenset(
    ["idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape", "utf-7", "mbcs", "oem"]
)
_BINARY = pgettext_lazy("kind of file", "binary data")
_WIDE = ("utf-16", "utf-32")

# A cell may be long (an address list, a JSON), but one that never ends is an unclosed quote.
csv.field_size_limit(MAX_CELL)


@dataclass(frozen=True)
class Layout:
    """How a file is laid out. `separator`, `encoding` and `has_header` may be left to detection ("auto", None)."""

    separator: str = AUTO
    quote: str = '"'
    encoding: str = AUTO
    has_header: bool | None = True
    skip_lines: int = 0
    sheet: str = ""

    def with_choices(
        self, *, separator: str = "", encoding: str = "", has_header: bool | None = None
    ) -> Layout:
        """The layout with what a person chose for this file; a choice wins over the mapping."""
        return replace(
            self,
            separator=separator or self.separator,
            encoding=encoding or self.encoding,
            has_header=self.has_header if has_header is None else has_header,
        )


@dataclass(frozen=True)
class Detected:
    """What a file was found to be, or was said to be."""

    kind: str  # csv, workbook
    is_packed: bool
    encoding: str
    separator: str
    has_header: bool
    sheet: str = ""
    sheets: tuple[str, ...] = ()


@dataclass(frozen=True)
class Batch:
    """Neighbouring rows: the line on which each begins, and its cells."""

    lines: list[int]
    rows: list[list[str]]


Batches = Callable[[int], Batch | None]


def is_separator(text: str) -> bool:
    """Whether a text can separate cells: one character that neither ends a line nor quotes."""
    return len(text) == 1 and text != '"' and (text == "\t" or text.isprintable())


def known_encoding(name: str) -> str | None:
    """The usual name of an encoding in which files are written; None when there is none of this name."""
    try:
        found = codecs.lookup(name)
    except (LookupError, ValueError):
        return None
    return found.name if found._is_text_encoding and found.name not in _NO_FILE_ENCODING else None


class Table:
    """An open file. `columns` are the header's names (stripped), or "1", "2", … when it has none."""

    def __init__(self, name: str, detected: Detected, columns: Sequence[str], take: Batches) -> None:
        self.name = name
        self.detected = detected
        self.columns = tuple(columns)
        self._take = take

    def take(self, size: int) -> Batch | None:
        """The next rows, at most `size`; None at the end. Raises FileProblem where the file breaks off."""
        while (batch := self._take(size)) is not None:
            if batch.rows:
                return batch
        return None

    def batches(self, size: int) -> Iterator[Batch]:
        """All rows that are left, in the order of the file."""
        while (batch := self.take(size)) is not None:
            yield batch


def is_packed(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == sniffing.GZIP


def opened(path: Path) -> IO[bytes]:
    """The bytes of a file, unpacked when it is gzip."""
    return gzip.open(path, "rb") if is_packed(path) else path.open("rb")  # type: ignore[return-value]


def verify(path: Path, name: str) -> tuple[int, int]:
    """Read a file through once: (unpacked bytes, lines). Raises TruncatedFile, DamagedFile or EmptyFile.

    So a file that breaks off is refused before the first of its rows is loaded.
    """
    size = lines = 0
    last = b"\n"
    try:
        with opened(path) as file:
            while block := file.read(HEAD_BYTES):
                size += len(block)
                lines += block.count(b"\n")
                last = block[-1:]
    except EOFError:
        raise problems.TruncatedFile(field=name, bytes=_readable(path)) from None
    except (gzip.BadGzipFile, zlib.error, OSError):
        raise problems.DamagedFile(field=name) from None
    if not size:
        raise problems.EmptyFile(field=name)
    return size, lines + (last != b"\n")


def _readable(path: Path) -> int:
    """How many bytes of a packed file can be unpacked before it breaks off."""
    size = 0
    with gzip.open(path, "rb") as file:
        try:
            while block := file.read1(1 << 16):
                size += len(block)
        except EOFError:
            pass
    return size


def open_table(path: Path, name: str, layout: Layout, names: Sequence[str] = ()) -> Table:
    """Open a file as a table. `names` are the columns that a mapping reads; they help to tell the separator.

    Raises the FileProblem that says what is wrong with the file.
    """
    head = _head(path, name)
    if head.startswith((sniffing.ZIP, sniffing.OLE2)):
        table = _workbook(path, name, layout)
    else:
        table = _delimited(path, name, layout, head, names)
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
        raise problems.TruncatedFile(field=name, bytes=_readable(path)) from None
    except (gzip.BadGzipFile, zlib.error, OSError):
        raise problems.DamagedFile(field=name) from None
    if not head.strip():
        raise problems.EmptyFile(field=name)
    return head


# --- CSV ---


def _delimited(path: Path, name: str, layout: Layout, head: bytes, names: Sequence[str]) -> Table:
    kind = sniffing.binary_kind(head)
    if kind and not layout.encoding.lower().replace("_", "-").startswith(_WIDE):
        raise problems.BinaryFile(field=name, value=kind, kind=_BINARY if kind == sniffing.BINARY else kind)
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
        columns = [_column_name(cell) for cell in first]
        _check_separator(name, layout, columns, sample, names)
        rows.drop()
        first = rows.peek()
    elif first is not None:
        columns = _numbered(first)
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
            raise problems.TruncatedFile(field=self.name, bytes=_readable(self._path)) from None
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


def _column_name(cell: str) -> str:
    """A header cell as a mapping names it: exports write trailing blanks, byte-order marks, `="…"`."""
    cell = cell.strip().lstrip("\ufeff").strip()
    return cell[2:-1] if cell.startswith('="') and cell.endswith('"') else cell


def _numbered(cells: Sequence[str]) -> list[str]:
    return [str(i + 1) for i in range(len(cells))]


# --- XLSX ---


def _workbook(path: Path, name: str, layout: Layout) -> Table:
    import python_calamine  # only where a workbook is read: it is a compiled library of 5 MB

    packed = is_packed(path)
    with opened(path) as file:
        content = file.read(WORKBOOK_BYTES + 1)
    if len(content) > WORKBOOK_BYTES:
        raise problems.FileTooLarge(field=name, limit=f"{WORKBOOK_BYTES >> 20} MB")
    if content.startswith(sniffing.ZIP) and not _is_workbook(content):
        raise problems.BinaryFile(field=name, value="ZIP", kind="ZIP")
    try:
        book = python_calamine.load_workbook(io.BytesIO(content))
    except python_calamine.CalamineError:
        raise problems.DamagedFile(field=name) from None
    sheets = tuple(book.sheet_names)
    wanted = layout.sheet or (sheets[0] if sheets else "")
    if wanted not in sheets:
        raise problems.MissingSheet(field=name, value=wanted, found=", ".join(sheets))
    sheet = book.get_sheet_by_name(wanted)
    first_line = (sheet.start or (0, 0))[0] + 1
    rows = (
        (first_line + i, [cell_text(cell) for cell in row])
        for i, row in enumerate(sheet.iter_rows())
        if first_line + i > layout.skip_lines
    )
    rows = ((line, row) for line, row in rows if any(row))
    sample = list(itertools.islice(rows, 20))
    if not sample:
        raise problems.EmptyFile(field=name)
    has_header = layout.has_header
    if has_header is None:
        has_header = sniffing.has_header([row for _, row in sample])
    if has_header and len(sample) == 1:
        raise problems.EmptyFile(field=name)
    detected = Detected("workbook", packed, "", "", has_header, wanted, sheets)
    cells = sample[0][1]
    columns = [_column_name(cell) for cell in cells] if has_header else _numbered(cells)
    left = itertools.chain(sample[1:] if has_header else sample, rows)

    def take(size: int) -> Batch | None:
        taken = list(itertools.islice(left, size))
        return Batch([line for line, _ in taken], [row for _, row in taken]) if taken else None

    return Table(name, detected, columns, take)


def _is_workbook(content: bytes) -> bool:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return any(n.startswith(("xl/", "content.xml")) for n in archive.namelist())
    except zipfile.BadZipFile:
        return True  # calamine says that it is damaged


def cell_text(value: Any) -> str:
    """A workbook's cell as a CSV would write it: whole numbers without ".0", moments in ISO form."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value)
