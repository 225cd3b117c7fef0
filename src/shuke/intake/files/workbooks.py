"""XLSX and its kin, read by calamine, which holds one sheet (at most 1,048,576 rows by the format itself)."""

from __future__ import annotations

import io
import itertools
import zipfile
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from shuke.intake.files import problems, sniffing
from shuke.intake.files.layout import Batch, Detected, Layout, Table, column_name, is_packed, numbered, opened

WORKBOOK_BYTES = 256 << 20


def workbook_table(path: Path, name: str, layout: Layout) -> Table:
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
    columns = [column_name(cell) for cell in cells] if has_header else numbered(cells)
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
