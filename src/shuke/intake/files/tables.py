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
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from pathlib import Path
from typing import IO, Any

from shuke.intake.files import problems, sniffing

HEAD_BYTES = 1 << 20
MAX_COLUMNS = 1_000
MAX_CELL = 1 << 20
WORKBOOK_BYTES = 256 << 20
AUTO = "auto"

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


class Table:
    """An open file. `columns` are the header's names (stripped), or "1", "2", … when it has none."""

    def __init__(
        self, name: str, detected: Detected, columns: Sequence[str], rows: Iterator[tuple[int, list[str]]]
    ):
        self.name = name
        self.detected = detected
        self.columns = tuple(columns)
        self._rows = rows

    def batches(self, size: int) -> Iterator[Batch]:
        """Batches of at most `size` rows, in the order of the file. Raises FileProblem where the file breaks off."""
        while True:
            taken = list(itertools.islice(self._rows, size))
            if not taken:
                return
            lines, rows = zip(*taken, strict=True)
            yield Batch(list(lines), list(rows))


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
        raise problems.TruncatedFile(field=name, bytes=size) from None
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
    if head.startswith(sniffing.ZIP) or head.startswith(sniffing.OLE2):
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
        raise problems.TruncatedFile(field=name, bytes=len(head)) from None
    except (gzip.BadGzipFile, zlib.error, OSError):
        raise problems.DamagedFile(field=name) from None
    if not head.strip():
        raise problems.EmptyFile(field=name)
    return head


# --- CSV ---


def _delimited(path: Path, name: str, layout: Layout, head: bytes, names: Sequence[str]) -> Table:
    kind = sniffing.binary_kind(head)
    if kind and not layout.encoding.startswith("utf-16"):
        raise problems.BinaryFile(field=name, value=kind)
    encoding = _encoding(name, layout, head)
    text = codecs.getincrementaldecoder(encoding)(
        "surrogateescape" if encoding != "utf-16" else "replace"
    ).decode(head)
    sample = "".join(text.splitlines(keepends=True)[layout.skip_lines :][:60])
    separator = layout.separator
    if separator == AUTO:
        separator = sniffing.separator_of(sample, layout.quote, names)
    has_header = layout.has_header
    if has_header is None:
        has_header = sniffing.has_header(_sample_rows(sample, separator, layout.quote))
    detected = Detected("csv", is_packed(path), encoding, separator, has_header)
    rows = _csv_rows(path, name, detected, layout)
    first = next(rows, None)
    if first is None:
        raise problems.EmptyFile(field=name)
    cells = first[1]
    if not has_header:
        return Table(name, detected, _numbered(cells), itertools.chain([first], rows))
    columns = [_column_name(cell) for cell in cells]
    _check_separator(name, layout, columns, sample, names)
    second = next(rows, None)
    if second is None:
        raise problems.EmptyFile(field=name)
    return Table(name, detected, columns, itertools.chain([second], rows))


def _encoding(name: str, layout: Layout, head: bytes) -> str:
    if layout.encoding == AUTO:
        return sniffing.encoding_of(head)
    try:
        encoding = codecs.lookup(layout.encoding).name
    except LookupError:
        raise problems.UnknownEncoding(field=name, value=layout.encoding) from None
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


def _csv_rows(path: Path, name: str, detected: Detected, layout: Layout) -> Iterator[tuple[int, list[str]]]:
    errors = "replace" if detected.encoding == "utf-16" else "surrogateescape"
    with io.TextIOWrapper(opened(path), encoding=detected.encoding, errors=errors, newline="") as text:
        for _ in range(layout.skip_lines):
            text.readline()
        before = layout.skip_lines
        options: dict[str, Any] = {"delimiter": detected.separator, "strict": False}
        if layout.quote:
            options["quotechar"] = layout.quote
        else:
            options["quoting"] = csv.QUOTE_NONE
        reader = csv.reader(text, **options)
        begins = before + 1
        try:
            for row in reader:
                if row:
                    yield begins, row
                begins = before + reader.line_num + 1
        except csv.Error:
            raise problems.UnclosedQuote(field=name, line=begins) from None
        except EOFError:
            raise problems.TruncatedFile(field=name, bytes="?") from None
        except (gzip.BadGzipFile, zlib.error):
            raise problems.DamagedFile(field=name) from None


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
        raise problems.BinaryFile(field=name, value="ZIP")
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
    return Table(name, detected, columns, itertools.chain(sample[1:] if has_header else sample, rows))


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
