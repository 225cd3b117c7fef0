"""Several files joined on a key: the main file streams, each other file is looked up.

The looked-up rows lie in a temporary SQLite file, so a side file larger than memory is no matter. A key that stands
several times in the side file gives its first row; a main row without partner gets blanks, and is refused only if a
field that it needs was to come from there.

Rows of a side that no main row asked for are orders without lines, where the mapping says so (`alone`): they come behind
the main rows, each as a main row with the cells that the side says of it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from shuke.intake.files import problems
from shuke.intake.files.cells import id_text
from shuke.intake.files.tables import Batch, Table

_SEPARATOR = "\x1f"
_BATCH = 20_000
_VARIABLES = 10_000


class Side:
    """The rows of one side file by key. `alone`: main column -> the column here that says it of a row that no main row
    asked for; None: such rows are left out."""

    def __init__(
        self, part: str, table: Table, key: Sequence[str], *, alone: Mapping[str, str] | None = None
    ) -> None:
        self.part, self.key, self.alone = part, tuple(key), alone
        self._names = tuple(table.columns)
        self.columns = tuple(f"{part}.{column}" for column in table.columns)
        _require(table, key)
        positions = [table.columns.index(name) for name in key]
        # An empty name is a temporary file that SQLite removes when the connection closes, also when the process dies.
        self._rows = sqlite3.connect("", check_same_thread=False)
        self._rows.execute("PRAGMA temp_store=FILE")
        self._rows.execute(
            "CREATE TABLE side (key TEXT PRIMARY KEY, cells BLOB, line INTEGER, asked INTEGER DEFAULT 0) WITHOUT ROWID"
        )
        for batch in table.batches(_BATCH):
            self._rows.executemany(
                "INSERT OR IGNORE INTO side (key, cells, line) VALUES (?, ?, ?)",
                (
                    (key_text(row, positions), msgspec.json.encode(_storable(row)), line)
                    for line, row in zip(batch.lines, batch.rows, strict=True)
                ),
            )
        self._rows.commit()

    def find(self, keys: Sequence[str]) -> dict[str, list[str]]:
        """The cells of the rows of these keys, as many as there are columns."""
        found: dict[str, list[str]] = {}
        width = len(self.columns)
        for part, marks in _in_parts(keys):
            for key, cells in self._rows.execute(f"SELECT key, cells FROM side WHERE key IN ({marks})", part):  # noqa: S608
                row = msgspec.json.decode(cells)
                found[key] = row if len(row) == width else (row + [""] * width)[:width]
        return found

    def asked(self, keys: Sequence[str]) -> None:
        """Note that main rows have these keys."""
        if self.alone is not None:
            for part, marks in _in_parts(keys):
                self._rows.execute(f"UPDATE side SET asked = 1 WHERE key IN ({marks}) AND asked = 0", part)  # noqa: S608
            self._rows.commit()

    def left(self, after: str | None, size: int) -> list[tuple[str, int, list[str]]]:
        """(key, line, cells as the file has them) of rows that nobody asked for, by key, behind the key `after`."""
        if self.alone is None:
            return []
        behind, given = ("", ()) if after is None else ("AND key > ?", (after,))
        rows = self._rows.execute(
            f"SELECT key, line, cells FROM side WHERE asked = 0 {behind} ORDER BY key LIMIT ?",  # noqa: S608
            (*given, size),
        )
        return [(key, line, msgspec.json.decode(cells)) for key, line, cells in rows]

    def as_main(self, row: Sequence[str], main: Sequence[str], match: Mapping[str, str]) -> list[str]:
        """A row of this side as a row of the main file, whose columns are `main`."""
        told = {**(self.alone or {}), **match}
        cells = dict(zip(self._names, row, strict=False))
        return [cells.get(told[name], "") if name in told else "" for name in main]


def _require(table: Table, names: Sequence[str]) -> None:
    missing = [name for name in names if name not in table.columns]
    if missing:
        raise problems.MissingColumns(
            field=table.name,
            value=missing[0],
            count=len(missing),
            missing=", ".join(missing),
            found=", ".join(table.columns),
        )


def _in_parts(keys: Sequence[str]) -> Iterator[tuple[list[str], str]]:
    """Keys, each once, in parts that one statement takes, with its marks."""
    wanted = list(set(keys))
    for start in range(0, len(wanted), _VARIABLES):
        part = wanted[start : start + _VARIABLES]
        yield part, ",".join("?" * len(part))


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

    Each side comes with its `match`: main column -> side column, in the order in which the side was keyed. Behind the main
    rows come those that stand in a side alone, in batches of their own, which name the part.
    """
    if not sides:
        return main
    width = len(main.columns)
    plans = []
    for side, match in sides:
        _require(main, list(match))
        plans.append((side, [main.columns.index(name) for name in match], [""] * len(side.columns)))

    def with_sides(batch: Batch) -> Batch:
        # A row of the wrong width would push the joined cells out of place: it stays as it is, to be refused.
        rows = [list(row) for row in batch.rows]
        for side, positions, blanks in plans:
            keys = [key_text(row, positions) for row in batch.rows]
            found = side.find(keys)
            if (
                side.part != batch.part
            ):  # its own rows alone must be found by the next pass through the file too
                side.asked(keys)
            for row, given, key in zip(rows, batch.rows, keys, strict=True):
                if len(given) == width:
                    row.extend(found.get(key, blanks))
        return batch.with_rows(rows)

    left = list(sides)  # whose rows alone are still to come
    behind: str | None = None  # the last key that came of the first of them

    def take_alone(size: int) -> Batch | None:
        nonlocal behind
        while left:
            side, match = left[0]
            rows = side.left(behind, size)
            if rows:
                behind = rows[-1][0]
                own = [side.as_main(row, main.columns, match) for _key, _line, row in rows]
                batch = Batch([line for _key, line, _row in rows], own, side.part)
                return _as_wide_as_given(with_sides(batch), [row for _key, _line, row in rows], side)
            left.pop(0)
            behind = None
        return None

    def take(size: int) -> Batch | None:
        batch = main.take(size)
        return with_sides(batch) if batch is not None else take_alone(size)

    columns = (*main.columns, *(column for side, _, _ in plans for column in side.columns))
    return Table(main.name, main.detected, columns, take)


def _as_wide_as_given(batch: Batch, given: Sequence[Sequence[str]], side: Side) -> Batch:
    """A row of another width than its own header is refused, as it would be in its own file."""
    width = len(side.columns)
    rows = [
        [*row, *own[width:]] if len(own) > width else row[: len(own) - width or None]
        for row, own in zip(batch.rows, given, strict=True)
    ]
    return batch.with_rows(rows)
