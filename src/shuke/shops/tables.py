"""A table of rows in memory: sorted, searched and paged by the address; the same rows go to the CSV file.

A cell is a `Cell`: what is shown, what it sorts by, and what a file holds. Metrics enter as Figures and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from django.http import HttpRequest
from django.utils.functional import Promise

Row = TypeVar("Row")
PAGE_SIZE = 50


@dataclass(frozen=True)
class Column(Generic[Row]):
    """One column. `value` gives what it sorts and exports by; `text` what is searched (default: str of the value).

    `tag` names the template that draws the cell (console/cells/<tag>.html); `is_first` stays in view when scrolling.
    """

    key: str
    title: str | Promise
    value: Callable[[Row], Any]
    tag: str = "text"
    is_number: bool = False
    is_first: bool = False
    is_sortable: bool = True
    is_searched: bool = False
    shown: Callable[[Row], Any] | None = None
    note: str | Promise = ""

    @property
    def template(self) -> str:
        return f"console/cells/{self.tag}.html"


@dataclass(frozen=True)
class DrawnCell:
    column: Column[Any]
    value: Any


@dataclass(frozen=True)
class DrawnColumn:
    """A head: its sort state for aria-sort, and the parameter that a click sets."""

    column: Column[Any]
    sorted: str
    next_sort: str


@dataclass(frozen=True)
class DrawnRow:
    """A row; `group` is the heading that stands above it, where a new group begins."""

    cells: tuple[DrawnCell, ...]
    group: str = ""


@dataclass(frozen=True)
class Table:
    """One page of a table, ready to draw."""

    key: str
    heads: tuple[DrawnColumn, ...]
    rows: tuple[DrawnRow, ...]
    total: tuple[DrawnCell, ...] | None
    count: int
    count_all: int
    page: int
    pages: int
    first: int
    last: int
    search: str
    is_searchable: bool
    extra: dict[str, Any] = field(default_factory=dict)


def build_table(
    request: HttpRequest,
    key: str,
    columns: Sequence[Column[Row]],
    rows: Iterable[Row],
    *,
    total: Row | None = None,
    default_sort: str = "",
    size: int = PAGE_SIZE,
    group: Callable[[Row], str] | None = None,
) -> Table:
    """Sort, search and page rows as the address says (`sort=-column`, `q=`, `page=`); unknown names are ignored.

    `group` names the heading of neighbouring rows, as long as nothing else sorts them.
    """
    columns, everything = _told(columns), list(rows)
    search = request.GET.get("q", "").strip()[:80]
    searched = [column for column in columns if column.is_searched]
    found = [row for row in everything if _fits(row, searched, search)] if search and searched else everything
    sort = request.GET.get("sort", default_sort)
    found = _sorted(found, columns, sort)
    pages = max(1, -(-len(found) // size))
    page = min(page_number(request), pages)
    shown = found[(page - 1) * size : page * size]
    return Table(
        key=key,
        heads=tuple(_head(column, sort) for column in columns),
        rows=_grouped(columns, shown, group if not sort else None),
        total=_cells(columns, total) if total is not None else None,
        count=len(found),
        count_all=len(everything),
        page=page,
        pages=pages,
        first=(page - 1) * size + 1 if found else 0,
        last=(page - 1) * size + len(shown),
        search=search,
        is_searchable=bool(searched),
    )


def build_paged_table(
    request: HttpRequest,
    key: str,
    columns: Sequence[Column[Row]],
    rows: Iterable[Row],
    *,
    count: int,
    page: int,
    size: int,
) -> Table:
    """A table whose rows were already sorted and paged by whoever read them (very many rows)."""
    shown = list(rows)
    plain = [
        Column(c.key, str(c.title), c.value, c.tag, c.is_number, c.is_first, False, False, c.shown, c.note)
        for c in columns
    ]
    return Table(
        key=key,
        heads=tuple(_head(column, "") for column in plain),
        rows=_grouped(plain, shown, None),
        total=None,
        count=count,
        count_all=count,
        page=page,
        pages=max(1, -(-count // size)),
        first=(page - 1) * size + 1 if shown else 0,
        last=(page - 1) * size + len(shown),
        search="",
        is_searchable=False,
    )


def _told(columns: Sequence[Column[Row]]) -> list[Column[Row]]:
    """The columns with their titles in the reader's language: each cell says its title again."""
    return [replace(column, title=str(column.title)) for column in columns]


def csv_rows(columns: Sequence[Column[Row]], rows: Iterable[Row]) -> Iterable[list[Any]]:
    """The same columns as cells of a file."""
    return ([column.value(row) for column in columns] for row in rows)


def page_number(request: HttpRequest) -> int:
    """The page that the address asks for, from 1."""
    text = request.GET.get("page", "1")
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 9 else 1


def _cells(columns: Sequence[Column[Row]], row: Row) -> tuple[DrawnCell, ...]:
    return tuple(DrawnCell(column, (column.shown or column.value)(row)) for column in columns)


def _grouped(
    columns: Sequence[Column[Row]], rows: Sequence[Row], group: Callable[[Row], str] | None
) -> tuple[DrawnRow, ...]:
    drawn, before = [], ""
    for row in rows:
        title = group(row) if group is not None else ""
        drawn.append(DrawnRow(_cells(columns, row), title if title != before else ""))
        before = title
    return tuple(drawn)


def _fits(row: Row, columns: Sequence[Column[Row]], search: str) -> bool:
    wanted = search.casefold()
    return any(wanted in str(column.value(row) or "").casefold() for column in columns)


def _sorted(rows: list[Row], columns: Sequence[Column[Row]], sort: str) -> list[Row]:
    name, is_down = sort.removeprefix("-"), sort.startswith("-")
    column = next((c for c in columns if c.key == name and c.is_sortable), None)
    if column is None:
        return rows
    known = [row for row in rows if column.value(row) is not None]
    unknown = [row for row in rows if column.value(row) is None]
    return sorted(known, key=column.value, reverse=is_down) + unknown


def _head(column: Column[Any], sort: str) -> DrawnColumn:
    if sort.removeprefix("-") != column.key:
        return DrawnColumn(column, "", f"-{column.key}" if column.is_number else column.key)
    is_down = sort.startswith("-")
    return DrawnColumn(
        column, "descending" if is_down else "ascending", column.key if is_down else f"-{column.key}"
    )
