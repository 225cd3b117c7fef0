"""What a table of cells is, wherever it comes from: its layout, what was detected, its batches of rows."""

from __future__ import annotations

import codecs
import gzip
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

from shuke.intake.files import sniffing
from shuke.intake.files.reasons import BadCell

AUTO = "auto"
UNPACKED_BYTES = 16 << 30  # the largest upload (2 GB), eight times shrunk: less than a minute to unpack
# Python's own, not those of any file; some do not even decode to text.
_NO_FILE_ENCODING = frozenset(
    ["idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape", "utf-7", "mbcs", "oem"]
)


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
    """Neighbouring rows: the line on which each begins, and its cells.

    `part`: that part of a joined file in which alone these rows stand, each a whole order; "": rows of the main file.
    `refused`: which rows can not be read whatever they hold, by their number here: (column, why).
    """

    lines: list[int]
    rows: list[list[str]]
    part: str = ""
    refused: Mapping[int, tuple[str, BadCell]] = field(default_factory=dict)

    def with_rows(self, rows: list[list[str]]) -> Batch:
        """The same rows with other cells."""
        return replace(self, rows=rows)


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


def readable_bytes(path: Path) -> int:
    """How many bytes of a packed file can be unpacked before it breaks off; no more than UNPACKED_BYTES are tried."""
    size = 0
    with gzip.open(path, "rb") as file:
        try:
            while size < UNPACKED_BYTES and (block := file.read1(1 << 16)):
                size += len(block)
        except EOFError:
            pass
    return size


def column_name(cell: str) -> str:
    """A header cell as a mapping names it: exports write trailing blanks, byte-order marks, `="…"`."""
    cell = cell.strip().lstrip("\ufeff").strip()
    return cell[2:-1] if cell.startswith('="') and cell.endswith('"') else cell


def numbered(cells: Sequence[str]) -> list[str]:
    return [str(i + 1) for i in range(len(cells))]
