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
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from shuke.intake.files import cells, problems
from shuke.intake.files.columnar import NO_ORIGIN, SEPARATOR, Work, storable, table_of
from shuke.intake.files.kinds import LISTS, ORDER_KINDS
from shuke.intake.files.lists import listed
from shuke.intake.files.naming import normal
from shuke.intake.files.origins import FILE_NAME, SHARE
from shuke.intake.files.reasons import BadCell, bad
from shuke.intake.files.reversals import money_states, reversals_of, whole_key
from shuke.intake.files.spec import MappingSpec
from shuke.intake.files.tables import Batch
from shuke.kernel.surrogates import surrogate, surrogates
from shuke.shops.reads import ShopView
from shuke.warehouse import schemas

WHOLE = 0  # the place of an order that stands without lines: the whole of it


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
        self.unknown = [
            (i, name)
            for i, name in enumerate(self.columns)
            if spec.keep_unknown and i not in named and name and name not in (FILE_NAME, SHARE)
        ]
        self.personal = tuple(name for name in spec.personal if name in self.columns)
        self.blanks = frozenset(("", *spec.blank))
        self.has_identity = spec.kind in LISTS and bool(LISTS[spec.kind].identity)
        # A content is the same however the columns of its file are ordered.
        order = sorted(range(len(self.columns)), key=lambda i: (self.columns[i], i))
        self.in_order = itemgetter(*order) if len(order) > 1 and order != sorted(order) else None
        zone = ZoneInfo(spec.zone) if spec.zone else shop.zone
        self.moments = cells.Remembering(cells.TimeReader(spec.formats, zone, shop.zone, now))
        self._shapes: dict[str, cells.Remembering] = {}
        self._readers: dict[str, cells.Remembering] = {}
        self._amounts = cells.Remembering(self._line_amount)
        self._stated = cells.Remembering(lambda pair: cells.to_amount(pair[0])(pair[1]))
        self._sums: dict[str, cells.Remembering] = {}
        self.ids = {
            kind: cells.Remembering(partial(surrogate, shop.id, kind))
            for kind in ("order", "person", "visitor")
        }
        self.content = f"{shop.zone}{SEPARATOR}{self.currency}{SEPARATOR}{spec.meaning()}{SEPARATOR}"
        self.content = f"{surrogate(shop.id, 'meaning', self.content)}{SEPARATOR}"

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
        """Columns that neither the mapping nor the format's header names; they go to `properties`."""
        known = {normal(name) for name in (*self.spec.header, *self.spec.personal, *self.spec.carry)}
        return tuple(name for _i, name in self.unknown if normal(name) not in known)

    # --- a batch ---

    def map(self, batch: Batch, places: Places) -> Mapped:
        """Map a batch; `places` goes on counting from the batches before it."""
        work = Work(self, batch)
        work.keys = self._keys(work)
        if batch.part:
            work.places = [None if key is None else WHOLE for key in work.keys]
        else:
            work.places = places.take(work.keys)
        return self._mapped(work, batch.part)

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
            parts = tuple(cells.id_text(p) for p in parts)
            if self.spec.is_exact:
                parts = tuple(cells.whole_number(p) for p in parts)
            if any(cells.has_lost_digits(p) for p in parts):
                column, text = next(
                    (c, p) for c, p in zip(self.spec.key, parts, strict=True) if cells.has_lost_digits(p)
                )
                keys.append(None)
                work.refuse(i, column, bad("row_lost_digits", text))
            elif all(p not in self.blanks for p in parts):
                keys.append(SEPARATOR.join(parts))
            elif self.has_identity and any(p not in self.blanks for p in parts):
                # A row without an item is a row of its own; what it may not lack is asked for by its fields.
                keys.append(SEPARATOR.join("" if p in self.blanks else p for p in parts))
            else:
                keys.append(None)
                blank = next(c for c, p in zip(self.spec.key, parts, strict=True) if p in self.blanks)
                work.refuse(i, blank, bad("row_blank"))
        return keys

    def _mapped(self, work: Work, part: str = "") -> Mapped:
        if self.spec.kind == "orders":
            facts, reversals = self._orders(work)
        else:
            facts = self._events(work) if self.spec.kind == "events" else listed(self, work)
            reversals = None
        bad_rows = [
            BadRow(
                work.lines[i],
                column,
                _without_lines(reason, part),
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
        if reversals is not None:
            from_rows, taken_back = reversals
            if bad_rows:
                taken_back = taken_back.filter(pa.array(keep[from_rows]))
            facts = pa.concat_tables([facts, taken_back])
        return Mapped(facts, bad_rows, len(work.rows))

    def _orders(self, work: Work) -> tuple[pa.Table, Any]:
        size = len(work.rows)
        shop_id = self.shop.id
        orders = work.refs("order_ref", required=True)
        at, day = work.times()
        backs: list[str | None] | None = None
        if "state" in self.spec.columns or "refunded" in self.spec.columns:
            kinds, backs = money_states(self, work)
        else:
            kinds = list(work.texts("kind")) if "kind" in self.spec.columns else ["sale"] * size
        for i, kind in enumerate(kinds):
            if kind not in _ORDER_KINDS:
                work.refuse(i, work.column_of("kind", "state"), bad("row_unknown_value", kind or ""))
        buyers = work.refs("buyer_ref")
        quantities = work.column("quantity", cells.to_quantity)
        prices = work.column("unit_price", cells.to_price_text)
        amounts = self._order_amounts(work, kinds, quantities, prices)
        ids = self.ids["order"]
        people = self.ids["person"]
        source = self.spec.source
        places = (
            [(n, n if n != WHOLE else whole_key(1)) for n in work.places]
            if self.spec.grain == "line"
            else [(0, whole_key(n)) for n in work.places]
        )
        rows = [
            f"{source}{SEPARATOR}{o}{SEPARATOR}{key}" for o, (_n, key) in zip(orders, places, strict=True)
        ]
        facts = table_of(
            schemas.ORDER_LINES,
            size,
            shop_id=shop_id,
            row_id=surrogates(shop_id, "row", rows),
            content_id=surrogates(shop_id, "content", [self.content + c for c in work.contents]),
            sign=1,
            order_id=[ids[o] if o is not None else None for o in orders],
            order_ref=orders,
            line_no=[n for n, _key in places],
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
            currency=self.currencies(work),
            region=work.texts("region"),
            properties=work.properties(buyers),
            source=source,
            import_ref=self.import_ref,
        )
        return facts, reversals_of(self, work, facts, backs) if backs is not None else None

    def _order_amounts(
        self, work: Work, kinds: Sequence[str | None], quantities: list[Any], prices: list[Any]
    ) -> list[int | None]:
        """The amount as the source states it, else quantity x unit price rounded once. Only a cancellation or a refund
        may state none: it then means the whole order."""
        stated: list[Any] | None = None
        if "order_amount" in self.spec.columns:
            stated = self._shares(work)
        elif "amount" in self.spec.columns:
            stated = self.amounts(work, "amount")
        if stated is None or None in stated:
            texts = zip(
                self.currencies(work), work.shaped("quantity"), work.shaped("unit_price"), strict=True
            )
            counted = work.converted(texts, self._amounts, "unit_price")
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
                if amount is None and kinds[i] not in _WITHOUT_AMOUNT:
                    work.refuse(
                        i, work.column_of("amount", "order_amount", "unit_price"), bad("row_no_amount")
                    )
        return amounts

    def _shares(self, work: Work) -> list[Any]:
        """Each row's part of its order's amount, where the order states one. An amount that can not be read is refused,

        not counted from the lines; so is one that was mended, since the other lines of its order are not here.
        """
        wholes = self.amounts(work, "order_amount")
        stated = self._in_currency(work, work.raw(SHARE), "order_amount")
        for i, (whole, own, place) in enumerate(zip(wholes, stated, work.places, strict=True)):
            if own is None and whole is not None and work.keys[i] is not None:
                if place == WHOLE:
                    stated[i] = whole
                else:
                    work.refuse(i, work.column_of("order_amount"), bad("row_not_shared_out"))
        return stated

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
        visitor, person_id, order = self.ids["visitor"], self.ids["person"], self.ids["order"]
        source = self.spec.source
        keys = [
            f"{source}{SEPARATOR}{key}{SEPARATOR}{place}"
            for key, place in zip(work.keys, work.places, strict=True)
        ]
        return table_of(
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
            amount_minor=self.amounts(work, "amount"),
            currency=self.currencies(work),
            quantity=work.column("quantity", cells.to_quantity),
            anonymous_ref=anonymous,
            person_ref=people,
            properties=work.properties([a or p for a, p in zip(anonymous, people, strict=True)]),
            source=f"import:{self.import_ref}",
            **{name: work.texts(name) for name in _PLAIN_EVENT_FIELDS},
        )

    def currencies(self, work: Work) -> list[str]:
        """The currency of each row: its own, else the mapping's, else the shop's."""
        if "currency" not in self.spec.columns:
            return [self.currency] * len(work.rows)
        return [c.upper() if c else self.currency for c in work.texts("currency")]

    def amounts(self, work: Work, name: str) -> list[Any]:
        """Minor units of a field, each in its row's currency."""
        origin = self.spec.columns.get(name)
        if origin is None:
            return [None] * len(work.rows)
        if origin.plus or origin.minus:
            return work.summed(name)
        if "currency" not in self.spec.columns:
            return work.column(name, cells.to_amount(self.currency))
        shape = self.shape(name)
        texts = [shape[text] for text in work.source(name)]
        return self._in_currency(work, ["" if type(t) is BadCell else t for t in texts], name)

    def _in_currency(self, work: Work, texts: Sequence[str], name: str) -> list[Any]:
        return work.converted(zip(self.currencies(work), texts, strict=True), self._stated, name)

    def sums(self, name: str) -> cells.Remembering:
        """The remembering reader of an amount that is summed from several columns."""
        if name not in self._sums:
            self._sums[name] = cells.Remembering(cells.to_summed_amount(len(self.spec.columns[name].plus)))
        return self._sums[name]

    def _line_amount(self, texts: tuple[str, str, str]) -> Any:
        return cells.to_line_amount(texts[0])(texts[1:])

    def shape(self, name: str) -> cells.Remembering:
        """What the mapping does to a field's text, remembered."""
        if name not in self._shapes:
            self._shapes[name] = cells.Remembering(
                cells.shaped(
                    self.spec.columns.get(name, NO_ORIGIN), self.spec.blank, is_exact=self.spec.is_exact
                )
            )
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


def _without_lines(reason: BadCell, part: str) -> BadCell:
    """Why an order that stands in one part alone can not be read: that part does not say what its lines would."""
    if part and reason.code in _NOT_SAID:
        return BadCell("row_without_lines", {**reason.params, "part": part})
    return reason


_NOT_SAID = ("row_blank", "row_no_amount")
_WHOLE = ("cancellation", "refund")
_WITHOUT_AMOUNT = (*_WHOLE, "unpaid")
_ORDER_KINDS = frozenset(ORDER_KINDS)
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


def _listed(names: Sequence[str], limit: int = 12) -> str:
    shown = ", ".join(names[:limit])
    return shown if len(names) <= limit else f"{shown}, … ({len(names)})"
