"""XLSX and its kin, read by calamine, which holds one sheet (at most 1,048,576 rows by the format itself)."""

from __future__ import annotations

import io
import itertools
import re
import zipfile
import zlib
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from shuke.intake.files import problems, sniffing
from shuke.intake.files.layout import Batch, Detected, Layout, Table, column_name, is_packed, numbered, opened

WORKBOOK_BYTES = 256 << 20
UNPACKED_BYTES = 512 << 20
# Real sheets shrink to a tenth, very repetitive ones to a fiftieth; small ones may shrink as they like.
UNPACKED_RATIO = 100
ANY_RATIO_BYTES = 32 << 20
# A sheet is held as the whole rectangle around its cells, at 32 bytes each; two cells far apart are enough for any.
SHEET_CELLS = 24 << 20
_BLOCK = 1 << 20
_PLACE = re.compile(rb"""\sr=["']([A-Z]{1,3})([0-9]{1,7})["']""")
_LONGEST_PLACE = 16


def workbook_table(path: Path, name: str, layout: Layout) -> Table:
    import python_calamine  # only where a workbook is read: it is a compiled library of 5 MB

    packed = is_packed(path)
    with opened(path) as file:
        content = file.read(WORKBOOK_BYTES + 1)
    if len(content) > WORKBOOK_BYTES:
        raise problems.FileTooLarge(field=name, limit=f"{WORKBOOK_BYTES >> 20} MB")
    if content.startswith(sniffing.ZIP):
        _require_modest_workbook(content, name)
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
    columns = [column_name(cell) for cell in cells] if has_header else numbered(cells)
    left = itertools.chain(sample[1:] if has_header else sample, rows)

    def take(size: int) -> Batch | None:
        taken = list(itertools.islice(left, size))
        return Batch([line for line, _ in taken], [row for _, row in taken]) if taken else None

    return Table(name, detected, columns, take)


def _require_modest_workbook(content: bytes, name: str) -> None:
    """Refuse a ZIP that is no workbook, or that grows beyond measure, before anything holds it unpacked.

    The sizes that an archive states are believed only when they are too large; then its members are unpacked and
    counted, since nothing keeps an archive from stating less than it holds. Raises BinaryFile, UnpacksTooLarge,
    DamagedFile.
    """
    limit = min(UNPACKED_BYTES, max(ANY_RATIO_BYTES, UNPACKED_RATIO * len(content)))
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            if not any(member.filename.startswith(("xl/", "content.xml")) for member in members):
                raise problems.BinaryFile(field=name, value="ZIP", kind="ZIP")
            _require_below(limit, sum(member.file_size for member in members), name)
            size = 0
            for member in members:
                member.file_size = limit + 2 * _BLOCK  # or reading would end where the archive says
                is_sheet = member.filename.startswith("xl/worksheets/")
                columns, height, before = 0, 0, b""
                with archive.open(member) as file:
                    while block := file.read(_BLOCK):
                        size += len(block)
                        _require_below(limit, size, name)
                        if is_sheet:
                            places = _PLACE.findall(before + block)
                            columns = max(columns, *map(_column, {letters for letters, _ in places}), 0)
                            height = max(height, *map(int, {row for _, row in places}), 0)
                            _require_held(columns, height, name)
                            before = block[-_LONGEST_PLACE:]
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError):
        raise problems.DamagedFile(field=name) from None


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _require_held(columns: int, height: int, name: str) -> None:
    if columns * height > SHEET_CELLS:
        raise problems.UnpacksTooLarge(
            field=name, value=f"{height:,} × {columns:,}", limit=f"{SHEET_CELLS:,}"
        )


def _require_below(limit: int, size: int, name: str) -> None:
    if size > limit:
        raise problems.UnpacksTooLarge(field=name, value=f"≥ {size >> 20} MB", limit=f"{limit >> 20} MB")


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
