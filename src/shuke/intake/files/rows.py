"""Rows to facts: a mapping bound to one file's columns and one shop. Works on columns of a batch, not cell by cell.

Promises. A row that can be read becomes one fact, a row that can not becomes one BadRow with the first cell that is
wrong; none is dropped. Its identity is its place in its source's key: the number of its appearance among the rows of its
order (or key), counted over the whole file (`Places`). Bad rows keep their place, so that mending one later gives the
fact the identity that it would have had.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from shuke.intake.files import cells, problems
from shuke.intake.files.columnar import NO_ORIGIN, SEPARATOR, Work, storable
from shuke.intake.files.reasons import BadCell, bad
from shuke.intake.files.spec import MappingSpec
from shuke.intake.files.tables import Batch
from shuke.kernel.surrogates import surrogate, surrogates
from shuke.shops.reads import ShopView
from shuke.warehouse import schemas


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
        self._content = f"{shop.zone}{SEPARATOR}{self.currency}{SEPARATOR}{spec.meaning()}{SEPARATOR}"
        self._content = f"{surrogate(shop.id, 'meaning', self._content)}{SEPARATOR}"

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
        work = Work(self, batch)
        work.keys = self._keys(work)
        work.places = places.take(work.keys)
        return self._mapped(work)

    def map_row(self, line: int, row: Sequence[str], key: str | None, place: int | None) -> Mapped:
        """Map one mended row under the place that it was given; `key` must be the row's own."""
        work = Work(self, Batch([line], [list(row)]))
        work.keys = self._keys(work)
        if work.keys[0] != key:
            raise ValueError("a place belongs to one key")
        work.places = [place]
        return self._mapped(work)

    def key_of(self, row: Sequence[str]) -> str | None:
        """The key of one row: its order, or the key columns of an event; None when blank or unreadable."""
        return self._keys(Work(self, Batch([0], [list(row)])))[0]

    def keys(self, batch: Batch) -> list[str | None]:
        """The keys alone: what counting places needs when a file is read again."""
        return self._keys(Work(self, batch))

    def _keys(self, work: Work) -> list[str | None]:
        if self.spec.kind == "orders":
            return work.refs("order_ref", required=True)
        columns = [work.raw(name) for name in self.spec.key]
        keys: list[str | None] = []
        for i, parts in enumerate(zip(*columns, strict=True)):
            parts = tuple(cells.cleaned(p) for p in parts)
            if all(parts):
                keys.append(SEPARATOR.join(parts))
            else:
                keys.append(None)
                work.refuse(i, self.spec.key[parts.index("")], bad("row_blank"))
        return keys

    def _mapped(self, work: Work) -> Mapped:
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

    def _orders(self, work: Work) -> pa.Table:
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
        rows = [f"{source}{SEPARATOR}{o}{SEPARATOR}{n}" for o, n in zip(orders, work.places, strict=True)]
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
        self, work: Work, kinds: Sequence[str | None], quantities: list[Any], prices: list[Any]
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

    def _events(self, work: Work) -> pa.Table:
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
            f"{source}{SEPARATOR}{key}{SEPARATOR}{place}"
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
            quantity=work.column("quantity", cells.to_quantity),
            anonymous_ref=anonymous,
            person_ref=people,
            properties=work.properties(),
            source=f"import:{self.import_ref}",
            **{name: work.texts(name) for name in _PLAIN_EVENT_FIELDS},
        )

    def _currencies(self, work: Work) -> list[str | None]:
        if "currency" not in self.spec.columns:
            return [self.currency] * len(work.rows)
        return [c.upper() if c else self.currency for c in work.texts("currency")]

    def shape(self, name: str) -> cells.Remembering:
        """What the mapping does to a field's text, remembered."""
        if name not in self._shapes:
            self._shapes[name] = cells.Remembering(cells.shaped(self.spec.columns.get(name, NO_ORIGIN)))
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


def _listed(names: Sequence[str], limit: int = 12) -> str:
    shown = ", ".join(names[:limit])
    return shown if len(names) <= limit else f"{shown}, … ({len(names)})"
