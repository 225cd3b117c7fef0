"""A table as a file: UTF-8 with a mark that spreadsheets read, and no cell that a spreadsheet would run as a formula."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol

from django.http import StreamingHttpResponse

from shuke.kernel.errors import NotAllowed
from shuke.shops.access import Access
from shuke.shops.roles import DEED_TITLES, Deed

PIECE = 1_000  # rows that are asked at once
# What makes a spreadsheet compute, after any blanks before it; a tab or return could smuggle one of them in.
_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "|", "%")


def safe_cell(value: Any) -> str | int | Decimal | float:
    """A value as a cell: numbers as they are, text with a quote before it when it would start a formula."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, (int, Decimal, float)):
        return value
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    text = str(value)
    return f"'{text}" if text.lstrip(" \u3000\xa0\ufeff").startswith(_STARTS_A_FORMULA) else text


class Rows(Protocol):
    """One page of rows, and how many there are in all."""

    @property
    def rows(self) -> Sequence[Mapping[str, Any]]: ...
    @property
    def count(self) -> int: ...


class ColumnRows(Rows, Protocol):
    """The same with its columns."""

    @property
    def columns(self) -> tuple[str, ...]: ...


def every_row(ask: Callable[[int, int], Rows], first: Rows | None = None) -> Iterator[Mapping[str, Any]]:
    """All rows, asked in pieces: `ask(page, size)`. `first`: the first piece of PIECE rows, where it is known."""
    found, number = first or ask(1, PIECE), 1
    while found.rows:
        yield from found.rows
        if number * PIECE >= found.count:
            return
        number += 1
        found = ask(number, PIECE)


class _Line:
    """A file object that hands back what was written to it."""

    def write(self, line: str) -> str:
        return line


def csv_response(
    access: Access, name: str, header: Sequence[Any], rows: Iterable[Sequence[Any]]
) -> StreamingHttpResponse:
    """The file `name`.csv, streamed. Raises NotAllowed for a role without the deed export_tables."""
    if not access.may(Deed.EXPORT_TABLES):
        raise NotAllowed(field=str(DEED_TITLES[Deed.EXPORT_TABLES]), value=Deed.EXPORT_TABLES.value)
    writer = csv.writer(_Line())

    def lines() -> Iterator[str]:
        yield "\ufeff"
        yield writer.writerow([safe_cell(title) for title in header])
        for row in rows:
            yield writer.writerow([safe_cell(cell) for cell in row])

    response = StreamingHttpResponse(lines(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{access.shop.slug}-{name}.csv"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


def wants_csv(query: Any) -> bool:
    """Whether the address asks for the table as a file."""
    return bool(query.get("format") == "csv")
