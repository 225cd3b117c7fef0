"""Several files joined on a key: the main file streams, each other file is looked up.

The looked-up rows lie in a temporary SQLite file, so a side file larger than memory is no matter. A key that stands
several times in the side file gives its first row; a main row without partner gets blanks, and is refused only if a
field that it needs was to come from there.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

import msgspec

from shuke.intake.files import problems
from shuke.intake.files.cells import id_text
from shuke.intake.files.tables import Batch, Table

_SEPARATOR = "\x1f"
_BATCH = 20_000
_VARIABLES = 10_000


class Side:
    """The rows of one side file by key."""

    def __init__(self, part: str, table: Table, key: Sequence[str]) -> None:
        self.columns = tuple(f"{part}.{column}" for column in table.columns)
        missing = [name for name in key if name not in table.columns]
        if missing:
            raise problems.MissingColumns(
                field=table.name,
                value=missing[0],
                count=len(missing),
                missing=", ".join(missing),
                found=", ".join(table.columns),
            )
        positions = [table.columns.index(name) for name in key]
        # An empty name is a temporary file that SQLite removes when the connection closes, also when the process dies.
        self._rows = sqlite3.connect("", check_same_thread=False)
        self._rows.execute("PRAGMA temp_store=FILE")
        self._rows.execute("CREATE TABLE side (key TEXT PRIMARY KEY, cells BLOB) WITHOUT ROWID")
        width = len(table.columns)
        for batch in table.batches(_BATCH):
            self._rows.executemany(
                "INSERT OR IGNORE INTO side VALUES (?, ?)",
                (
                    (key_text(row, positions), msgspec.json.encode(_storable((row + [""] * width)[:width])))
                    for row in batch.rows
                ),
            )
        self._rows.commit()

    def find(self, keys: Sequence[str]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        wanted = list(set(keys))
        for start in range(0, len(wanted), _VARIABLES):
            part = wanted[start : start + _VARIABLES]
            marks = ",".join("?" * len(part))
            for key, cells in self._rows.execute(f"SELECT key, cells FROM side WHERE key IN ({marks})", part):  # noqa: S608
                found[key] = msgspec.json.decode(cells)
        return found


def _storable(row: list[str]) -> list[str]:
    return [cell.encode("utf-8", "replace").decode() if not cell.isascii() else cell for cell in row]


def key_text(row: Sequence[str], positions: Sequence[int]) -> str:
    return (
        _SEPARATOR.join(id_text(row[i]) if i < len(row) else "" for i in positions)
        .encode("utf-8", "replace")
        .decode()
    )


def joined(main: Table, sides: Sequence[tuple[Side, Mapping[str, str]]]) -> Table:
    """The main table with the columns of its sides behind its own, named `part.column`.

    Each side comes with its `match`: main column -> side column, in the order in which the side was keyed.
    """
    if not sides:
        return main
    width = len(main.columns)
    plans = []
    for side, match in sides:
        missing = [name for name in match if name not in main.columns]
        if missing:
            raise problems.MissingColumns(
                field=main.name,
                value=missing[0],
                count=len(missing),
                missing=", ".join(missing),
                found=", ".join(main.columns),
            )
        plans.append((side, [main.columns.index(name) for name in match], [""] * len(side.columns)))

    def take(size: int) -> Batch | None:
        batch = main.take(size)
        if batch is None:
            return None
        # A row of the wrong width would push the joined cells out of place: it stays as it is, to be refused.
        rows = [list(row) for row in batch.rows]
        for side, positions, blanks in plans:
            keys = [key_text(row, positions) for row in batch.rows]
            found = side.find(keys)
            for row, given, key in zip(rows, batch.rows, keys, strict=True):
                if len(given) == width:
                    row.extend(found.get(key, blanks))
        return Batch(batch.lines, rows)

    columns = (*main.columns, *(column for side, _, _ in plans for column in side.columns))
    return Table(main.name, main.detected, columns, take)
