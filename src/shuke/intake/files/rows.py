"""Rows to facts: a mapping bound to one file's columns and one shop. Works on columns of a batch, not cell by cell.

Promises. A row that can be read becomes one fact, a row that can not becomes one BadRow with the first cell that is
wrong; none is dropped. Its identity is its place in its source's key: the number of its appearance among the rows of its
order (or key), counted over the whole file (`Places`). Bad rows keep their place, so that mending one later gives the
fact the identity that it would have had.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pyarrow as pa

from shuke.intake.files import cells, problems
from shuke.intake.files.reasons import BadCell, bad
from shuke.intake.files.spec import PLACEHOLDER, MappingSpec, Origin
from shuke.intake.files.tables import Batch
from shuke.kernel.surrogates import surrogate, surrogates
from shuke.shops.reads import ShopView
from shuke.warehouse import schemas

# Lone surrogates: bytes that the encoding does not know (tables.py lets them through); U+FFFD where utf-16 broke.
_BROKEN = re.compile("[\ud800-\udfff\ufffd]")
_SEPARATOR = "\x1f"


class Places:
    """The number of rows seen of each key: `take` gives each row its place, from 1, in order of appearance."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}

    def take(self, keys: Iterable[str | None]) -> list[int | None]:
        seen = self._seen
        places: list[int | None] = []
        for key in keys:
            if key is None:
                places.append(None)
                continue
            place = seen.get(key, 0) + 1
            seen[key] = place
            places.append(place)
        return places

    def seen(self, key: str) -> int:
        return self._seen.get(key, 0)


@dataclass(frozen=True)
class BadRow:
    """A row that can not be loaded: where, why, and all that is needed to read it again once it is mended."""

    line: int
    column: str
    reason: BadCell
    cells: tuple[str, ...]
    key: str | None
    place: int | None


@dataclass(frozen=True)
class Mapped:
    """What a batch became: facts in the kind's columns, the place of each in the batch, and the bad rows."""

    facts: pa.Table
    bad: list[BadRow]
    rows: int


class Mapper:
    """Bind a mapping to a file's columns. Raises MissingColumns or DuplicateColumns."""

    def __init__(
        self,
        spec: MappingSpec,
        columns: Sequence[str],
        *,
        shop: ShopView,
        import_ref: str,
        file_name: str,
        encoding: str = "",
        now: datetime,
    ) -> None:
        self.spec = spec
        self.columns = tuple(columns)
        self.shop = shop
        self.import_ref = import_ref
        self.encoding = encoding
        self.currency = spec.currency or shop.currency
        self.now = now.astimezone(UTC).replace(tzinfo=None)
        self._position = self._positions(file_name)
        named = {self._position[c] for c in spec.named_columns() if c in self._position}
        self._unknown = [
            (i, name) for i, name in enumerate(self.columns) if spec.keep_unknown and i not in named and name
        ]
        zone = ZoneInfo(spec.zone) if spec.zone else shop.zone
        self._times = cells.Remembering(cells.TimeReader(spec.formats, zone, shop.zone, now))
        self._shapes: dict[str, cells.Remembering] = {}
        self._readers: dict[str, cells.Remembering] = {}
        self._amounts = cells.Remembering(cells.to_line_amount(self.currency))
        self._ids = {
            kind: cells.Remembering(partial(surrogate, shop.id, kind))
            for kind in ("order", "person", "visitor")
        }
        self._content = f"{shop.zone}{_SEPARATOR}{self.currency}{_SEPARATOR}{spec.meaning()}{_SEPARATOR}"
        self._content = f"{surrogate(shop.id, 'meaning', self._content)}{_SEPARATOR}"

    def _positions(self, file_name: str) -> dict[str, int]:
        positions: dict[str, int] = {}
        doubled = set()
        for i, name in enumerate(self.columns):
            if name in positions:
                doubled.add(name)
            positions.setdefault(name, i)
        for name in self.spec.named_columns():
            if name in doubled:
                raise problems.DuplicateColumns(field=file_name, value=name)
        missing = [name for name in self.spec.required_columns() if name not in positions]
        if missing:
            raise problems.MissingColumns(
                field=file_name,
                value=missing[0],
                count=len(missing),
                missing=", ".join(missing),
                found=_listed(self.columns),
            )
        return positions

    @property
    def unknown_columns(self) -> tuple[str, ...]:
        """Columns that the mapping does not name; they go to `properties`."""
        return tuple(name for _i, name in self._unknown)

    # --- a batch ---

    def map(self, batch: Batch, places: Places) -> Mapped:
        """Map a batch; `places` goes on counting from the batches before it."""
        work = _Work(self, batch)
        work.keys = self._keys(work)
        work.places = places.take(work.keys)
        return self._mapped(work)

    def map_row(self, line: int, row: Sequence[str], key: str | None, place: int | None) -> Mapped:
        """Map one mended row under the place that it was given; `key` must be the row's own."""
        work = _Work(self, Batch([line], [list(row)]))
        work.keys = self._keys(work)
        if work.keys[0] != key:
            raise ValueError("a place belongs to one key")
        work.places = [place]
        return self._mapped(work)

    def key_of(self, row: Sequence[str]) -> str | None:
        """The key of one row: its order, or the key columns of an event; None when blank or unreadable."""
        return self._keys(_Work(self, Batch([0], [list(row)])))[0]

    def keys(self, batch: Batch) -> list[str | None]:
        """The keys alone: what counting places needs when a file is read again."""
        return self._keys(_Work(self, batch))

    def _keys(self, work: _Work) -> list[str | None]:
        if self.spec.kind == "orders":
            return work.refs("order_ref", required=True)
        columns = [work.raw(name) for name in self.spec.key]
        keys: list[str | None] = []
        for i, parts in enumerate(zip(*columns, strict=True)):
            parts = tuple(cells.cleaned(p) for p in parts)
            if all(parts):
                keys.append(_SEPARATOR.join(parts))
            else:
                keys.append(None)
                work.refuse(i, self.spec.key[parts.index("")], bad("row_blank"))
        return keys

    def _mapped(self, work: _Work) -> Mapped:
        facts = self._orders(work) if self.spec.kind == "orders" else self._events(work)
        bad_rows = [
            BadRow(
                work.lines[i],
                column,
                reason,
                tuple(map(storable, work.given[i])),
                work.keys[i],
                work.places[i],
            )
            for i, (column, reason) in sorted(work.bad.items())
        ]
        if bad_rows:
            keep = np.ones(len(work.rows), dtype=bool)
            keep[list(work.bad)] = False
            facts = facts.filter(pa.array(keep))
        return Mapped(facts, bad_rows, len(work.rows))

    def _orders(self, work: _Work) -> pa.Table:
        size = len(work.rows)
        shop_id = self.shop.id
        orders = work.refs("order_ref", required=True)
        at, day = work.times()
        kinds = work.texts("kind") if "kind" in self.spec.columns else ["sale"] * size
        for i, kind in enumerate(kinds):
            if kind not in _ORDER_KINDS:
                work.refuse(i, work.column_of("kind"), bad("row_unknown_value", kind or ""))
        buyers = work.refs("buyer_ref")
        quantities = work.column("quantity", cells.to_quantity)
        prices = work.column("unit_price", cells.to_price_text)
        amounts = self._order_amounts(work, kinds, quantities, prices)
        ids = self._ids["order"]
        people = self._ids["person"]
        source = self.spec.source
        rows = [f"{source}{_SEPARATOR}{o}{_SEPARATOR}{n}" for o, n in zip(orders, work.places, strict=True)]
        return _table(
            schemas.ORDER_LINES,
            size,
            shop_id=shop_id,
            row_id=surrogates(shop_id, "row", rows),
            content_id=surrogates(shop_id, "content", [self._content + c for c in work.contents]),
            sign=1,
            order_id=[ids[o] if o is not None else None for o in orders],
            order_ref=orders,
            line_no=work.places,
            kind=kinds,
            at=at,
            local_day=day,
            received_at=self.now,
            buyer_id=[people[b] if b is not None else None for b in buyers],
            buyer_ref=buyers,
            product_ref=work.refs("product_ref"),
            title=work.texts("title"),
            quantity=quantities,
            unit_price=prices,
            amount_minor=amounts,
            currency=self._currencies(work),
            region=work.texts("region"),
            properties=work.properties(),
            source=source,
            import_ref=self.import_ref,
        )

    def _order_amounts(
        self, work: _Work, kinds: Sequence[str | None], quantities: list[Any], prices: list[Any]
    ) -> list[int | None]:
        """The amount as the source states it, else quantity x unit price rounded once. Only a cancellation or a refund
        may state none: it then means the whole order."""
        stated = (
            work.column("amount", cells.to_amount(self.currency)) if "amount" in self.spec.columns else None
        )
        if stated is None or None in stated:
            pairs = zip(work.shaped("quantity"), work.shaped("unit_price"), strict=True)
            counted = work.converted(pairs, self._amounts, "unit_price")
            amounts = (
                counted
                if stated is None
                else [c if s is None else s for s, c in zip(stated, counted, strict=True)]
            )
        else:
            amounts = stated
        if self.spec.amount_sign == "by_kind":
            amounts = [
                -abs(a) if a is not None and k in _WHOLE else a for a, k in zip(amounts, kinds, strict=True)
            ]
        if None in amounts:
            for i, amount in enumerate(amounts):
                if amount is None and kinds[i] not in _WHOLE:
                    work.refuse(i, work.column_of("amount", "unit_price"), bad("row_no_amount"))
        return amounts

    def _events(self, work: _Work) -> pa.Table:
        size = len(work.rows)
        shop_id = self.shop.id
        at, day = work.times()
        anonymous = work.refs("anonymous_ref")
        people = work.refs("person_ref")
        types = work.texts("type")
        for i, (who, person, kind) in enumerate(zip(anonymous, people, types, strict=True)):
            if who is None and person is None:
                work.refuse(i, work.column_of("anonymous_ref", "person_ref"), bad("row_no_visitor"))
            if kind not in _EVENT_TYPES:
                work.refuse(i, work.column_of("type"), bad("row_unknown_value", kind or ""))
        orders = work.refs("order_ref")
        visitor, person_id, order = self._ids["visitor"], self._ids["person"], self._ids["order"]
        source = self.spec.source
        keys = [
            f"{source}{_SEPARATOR}{key}{_SEPARATOR}{place}"
            for key, place in zip(work.keys, work.places, strict=True)
        ]
        return _table(
            schemas.EVENTS,
            size,
            shop_id=shop_id,
            event_id=surrogates(shop_id, "message", keys),
            visitor_id=[
                visitor[a if a is not None else p or ""] for a, p in zip(anonymous, people, strict=True)
            ],
            person_id=[person_id[p] if p is not None else None for p in people],
            type=types,
            name=work.texts("name"),
            at=at,
            ord=work.lines,
            local_day=day,
            received_at=self.now,
            page_path=work.texts("page_path"),
            page_type=work.texts("page_type"),
            referrer_host=work.column("referrer", cells.to_host),
            order_id=[order[o] if o is not None else None for o in orders],
            order_ref=orders,
            product_ref=work.refs("product_ref"),
            amount_minor=work.column("amount", cells.to_amount(self.currency)),
            currency=self._currencies(work),
            anonymous_ref=anonymous,
            person_ref=people,
            properties=work.properties(),
            source=f"import:{self.import_ref}",
            **{name: work.texts(name) for name in _PLAIN_EVENT_FIELDS},
        )

    def _currencies(self, work: _Work) -> list[str | None]:
        if "currency" not in self.spec.columns:
            return [self.currency] * len(work.rows)
        return [c.upper() if c else self.currency for c in work.texts("currency")]

    def shape(self, name: str) -> cells.Remembering:
        """What the mapping does to a field's text, remembered."""
        if name not in self._shapes:
            self._shapes[name] = cells.Remembering(cells.shaped(self.spec.columns.get(name, _NO_ORIGIN)))
        return self._shapes[name]

    def reader(self, name: str, convert: Any) -> cells.Remembering:
        """The remembering converter of a field: the mapping's shape, then the field's own type."""
        if name not in self._readers:
            shape = self.shape(name)

            def read(text: str) -> Any:
                shaped = shape[text]
                return shaped if type(shaped) is BadCell else convert(shaped)

            self._readers[name] = cells.Remembering(read)
        return self._readers[name]


_NO_ORIGIN = Origin()
_WHOLE = ("cancellation", "refund")
_ORDER_KINDS = frozenset(("sale", "cancellation", "adjustment", "refund"))
_EVENT_TYPES = frozenset(("track", "page", "screen", "identify", "group", "alias"))
_PLAIN_EVENT_FIELDS = [
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "utm_content",
    "utm_term",
    "click_id",
    "channel_given",
    "terminal",
    "session_ref",
]


class _Work:
    """One batch under way: its cells by column, its places, and what was found wrong so far."""

    def __init__(self, mapper: Mapper, batch: Batch) -> None:
        self.mapper = mapper
        self.lines = batch.lines
        self.given = batch.rows
        self.bad: dict[int, tuple[str, BadCell]] = {}
        self.places: list[int | None] = []
        self.rows = self._even(batch.rows)
        self.contents = [_SEPARATOR.join(row) for row in self.rows]
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
        origin = spec.columns.get(name, _NO_ORIGIN)
        if origin.column:
            texts = self.raw(origin.column)
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
        values = self.column("at", self.mapper._times.__getitem__)
        at = np.fromiter((v[0] if v else 0 for v in values), dtype=np.int64, count=len(values))
        day = np.fromiter((v[1] if v else 0 for v in values), dtype=np.int32, count=len(values))
        return at, day

    def properties(self) -> list[str | None]:
        """The columns that the mapping does not name, as JSON; null when all of them are blank."""
        unknown = self.mapper._unknown
        if not unknown:
            return [None] * len(self.rows)
        encode = msgspec.json.encode
        kept = []
        for i, row in enumerate(self.rows):
            held = {name: row[position] for position, name in unknown if row[position]}
            # A row with broken bytes is refused already, and has no JSON.
            kept.append(encode(held).decode() if held and i not in self.bad else None)
        return kept


def _table(schema: pa.Schema, size: int, **values: Any) -> pa.Table:
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


def storable(text: str) -> str:
    """A text without lone surrogates: databases and Parquet hold none."""
    return _BROKEN.sub("\ufffd", text)


def _listed(names: Sequence[str], limit: int = 12) -> str:
    shown = ", ".join(names[:limit])
    return shown if len(names) <= limit else f"{shown}, … ({len(names)})"
