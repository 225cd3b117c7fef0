"""One batch of rows under way, column by column: its cells, its places, and what was found wrong so far."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pyarrow as pa

from shuke.intake.files import cells
from shuke.intake.files.layout import Batch
from shuke.intake.files.origins import PLACEHOLDER, Origin
from shuke.intake.files.reasons import BadCell, bad
from shuke.warehouse import schemas

if TYPE_CHECKING:
    from shuke.intake.files.rows import Mapper

# Lone surrogates: bytes that the encoding does not know (delimited.py lets them through); U+FFFD where utf-16 broke.
_BROKEN = re.compile("[\ud800-\udfff\ufffd]")
SEPARATOR = "\x1f"
NO_ORIGIN = Origin()


def storable(text: str) -> str:
    """A text without lone surrogates: databases and Parquet hold none."""
    return _BROKEN.sub("\ufffd", text)


class Work:
    """One batch under way: its cells by column, its places, and what was found wrong so far."""

    def __init__(self, mapper: Mapper, batch: Batch) -> None:
        self.mapper = mapper
        self.lines = batch.lines
        self.given = batch.rows
        self.bad: dict[int, tuple[str, BadCell]] = dict(batch.refused)
        self.places: list[int | None] = []
        self.rows = self._even(batch.rows)
        in_order = mapper.in_order
        self.contents = [SEPARATOR.join(row if in_order is None else in_order(row)) for row in self.rows]
        self._refuse_broken()
        self._by_column = list(zip(*self.rows, strict=True))
        self.keys: list[str | None] = []
        self._found: dict[str, list[Any]] = {}

    def _even(self, rows: list[list[str]]) -> list[list[str]]:
        """Every row with as many cells as there are columns; blank cells beyond them are no mistake."""
        width = len(self.mapper.columns)
        if all(len(row) == width for row in rows):
            return rows
        even = []
        for i, row in enumerate(rows):
            if len(row) != width:
                if len(row) < width or any(cell.strip() for cell in row[width:]):
                    self.refuse(i, "", bad("row_cells", found=len(row), expected=width))
                row = (list(row) + [""] * width)[:width]
            even.append(row)
        return even

    def _refuse_broken(self) -> None:
        """Refuse rows with bytes that the encoding does not know, and go on with characters that can be stored."""
        for i, text in enumerate(self.contents):
            if not text.isascii() and _BROKEN.search(text):
                self.refuse(i, "", bad("row_encoding", encoding=self.mapper.encoding or "utf-8"))
                if self.rows is self.given:
                    self.rows = list(self.given)
                self.rows[i] = [storable(cell) for cell in self.rows[i]]

    def refuse(self, i: int, column: str, reason: BadCell) -> None:
        """Note what is wrong with a row; the first finding stays."""
        self.bad.setdefault(i, (column, reason))

    def raw(self, column: str) -> Sequence[str]:
        """The cells of a column as they stand; blanks when the file does not have it."""
        position = self.mapper._position.get(column)
        return ("",) * len(self.rows) if position is None else self._by_column[position]

    def column_of(self, *names: str) -> str:
        """The column to name in a message: that of the first of these fields that has one."""
        for name in names:
            origin = self.mapper.spec.columns.get(name)
            if origin is not None and origin.column:
                return origin.column
        cases = self.mapper.spec.cases
        return cases.column if cases is not None else ""

    def source(self, name: str) -> Sequence[str]:
        """The texts of a field before its shape: a column, a constant, a template; a case wins over all of them."""
        spec = self.mapper.spec
        origin = spec.columns.get(name, NO_ORIGIN)
        if origin.column:
            texts = self.raw(origin.column)
            if origin.fallback:
                blank = self.mapper.blanks
                other = self.raw(origin.fallback)
                texts = [
                    own
                    if own
                    and (own not in blank if own[0] not in _WRAPPED else cells.cleaned(own) not in blank)
                    else second
                    for own, second in zip(texts, other, strict=True)
                ]
        elif origin.template:
            texts = self._filled([origin.template] * len(self.rows))
        else:
            texts = (origin.constant,) * len(self.rows)
        cases = spec.cases
        if cases is None or not any(name in t for t in (*cases.when.values(), cases.otherwise)):
            return texts
        told = [cases.when.get(cells.cleaned(v), cases.otherwise).get(name) for v in self.raw(cases.column)]
        return self._filled([own if case is None else case for case, own in zip(told, texts, strict=True)])

    def _filled(self, templates: Sequence[str]) -> list[str]:
        """Templates with the row's own cells and place in them; a placeholder of no column stands as it is."""
        position = self.mapper._position
        filled = []
        for i, text in enumerate(templates):
            if "{" in text:
                row = self.rows[i]

                def cell(found: re.Match[str], i: int = i, row: Sequence[str] = row) -> str:
                    name = found[1]
                    if name == "line_no":
                        return str(self.places[i] if self.places else "")
                    return row[position[name]] if name in position else found[0]

                text = PLACEHOLDER.sub(cell, text)
            filled.append(text)
        return filled

    def shaped(self, name: str) -> list[str]:
        """The texts of a field after its shape, not yet read as what they are."""
        shape = self.mapper.shape(name)
        return ["" if type(text := shape[given]) is BadCell else text for given in self.source(name)]

    def column(self, name: str, convert: Any) -> list[Any]:
        """The values of a field; where a cell can not be read, None and a refused row."""
        if name not in self._found:
            self._found[name] = self.converted(self.source(name), self.mapper.reader(name, convert), name)
        return self._found[name]

    def converted(self, texts: Iterable[Any], reader: cells.Remembering, name: str) -> list[Any]:
        values = list(map(reader.__getitem__, texts))
        if reader.has_bad:
            for i, value in enumerate(values):
                if type(value) is BadCell:
                    self.refuse(i, self.column_of(name), value)
                    values[i] = None
        return values

    def texts(self, name: str) -> list[str | None]:
        return self.column(name, cells.to_text)

    def refs(self, name: str, *, required: bool = False) -> list[str | None]:
        values = self.column(name, cells.to_ref)
        if required and None in values:
            for i, value in enumerate(values):
                if value is None:
                    self.refuse(i, self.column_of(name), bad("row_blank"))
        return values

    def times(self) -> tuple[np.ndarray, np.ndarray]:
        """(microseconds since 1970, days since 1970); zero where the row is refused."""
        values = self.column("at", self.mapper.moments.__getitem__)
        at = np.fromiter((v[0] if v else 0 for v in values), dtype=np.int64, count=len(values))
        day = np.fromiter((v[1] if v else 0 for v in values), dtype=np.int32, count=len(values))
        return at, day

    def summed(self, name: str) -> list[Any]:
        """The amounts of a field: its column, more columns added and others taken off, in the row's currency."""
        origin = self.mapper.spec.columns[name]
        texts = [self.mapper.shape(name)[text] for text in self.source(name)]
        own = ["" if type(text) is BadCell else text for text in texts]
        others = [
            [cells.number_text(text, self.mapper.blanks) for text in self.raw(column)]
            for column in (*origin.plus, *origin.minus)
        ]
        rows = zip(self.mapper.currencies(self), own, *others, strict=True)
        return self.converted(rows, self.mapper.sums(name), name)

    def properties(
        self, named: Sequence[Any], told: Sequence[dict[str, Any]] | None = None
    ) -> list[str | None]:
        """The columns that the mapping does not name, as JSON; null when all of them are blank.

        `told`: what each row's properties hold besides.

        `named`: who each row is about. Of a row about nobody, personal columns stay only where they came encrypted:
        an erasure could not find the others.
        """
        unknown, personal = self.mapper.unknown, self.mapper.personal
        if not unknown and told is None:
            return [None] * len(self.rows)
        encode, blanks = msgspec.json.encode, self.mapper.blanks
        kept = []
        for i, row in enumerate(self.rows):
            held: dict[str, Any] = {}
            for position, name in unknown:
                cell = row[position]
                if cell:
                    if cell[0] in _WRAPPED or cell[-1] in _BLANK or cell in blanks:
                        cell = cells.id_text(cell)
                        if cell in blanks:
                            continue
                    held[name] = cell
            if personal and named[i] is None:
                for name in personal:
                    if name in held and not is_encrypted(held[name]):
                        del held[name]
            if told is not None:
                held |= told[i]
            # A row with broken bytes is refused already, and has no JSON.
            kept.append(encode(held).decode() if held and i not in self.bad else None)
        return kept


_BLANK = frozenset(" \t\r\n\u3000\xa0")
_WRAPPED = _BLANK | frozenset("='")
_CIPHERS = ("##", "$$", "~")


def is_encrypted(text: str) -> bool:
    """Whether a platform gave ciphertext in the place of a name, a phone or an address."""
    return len(text) > 2 and text.startswith(_CIPHERS)


def table_of(schema: pa.Schema, size: int, **values: Any) -> pa.Table:
    """A table in a kind's columns from lists, numpy arrays and constants; columns not given are null."""
    arrays = []
    for field in schema:
        value = values.get(field.name)
        if isinstance(value, np.ndarray):
            array = pa.array(value)
            if field.type == schemas.MOMENT or pa.types.is_date32(field.type):
                array = array.view(field.type)
        elif isinstance(value, list):
            array = pa.array(value, type=field.type)
        else:
            array = pa.repeat(pa.scalar(value, type=field.type), size)
        arrays.append(array)
    return pa.Table.from_arrays(arrays, schema=schema)
