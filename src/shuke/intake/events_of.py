"""From journal records to the columns of `events`: decoded, checked, the clock corrected. No database.

A batch is decoded at once. When that fails it is decoded event by event, so a malformed event is set aside with a
reason and its neighbours become facts. Work per event is kept to a few look-ups; everything else is done by column.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pyarrow as pa
from msgspec import Raw

from shuke.intake.ecommerce import (
    PAGE_STAYED,
    STAY_TYPE,
    CommerceColumns,
    canonical_name,
    commerce_columns,
    has_commerce,
)
from shuke.intake.event_columns import moments_of_sending, order_columns, raw_texts, runs
from shuke.intake.moments import LocalDays, corrected, moment_of, read_moments
from shuke.intake.places import PLACE_COLUMNS, TERMINALS, Places, Terminals
from shuke.intake.reasons import Refusal
from shuke.intake.segment_spec import NO_RAW, TYPES, Batch, Event, Kind, decoder
from shuke.intake.set_aside import Sent, SetAside, decoded_event, set_aside, text_of, texts_of
from shuke.kernel.surrogates import surrogates_of_shops
from shuke.rulebook.reads import PagePattern
from shuke.warehouse.schemas import EVENTS

EARLIEST = date(
    2000, 1, 1
)  # before there were such shops: a clock that lost its battery, or seconds taken for ms
_EARLIEST_US = (EARLIEST - date(1970, 1, 1)).days * 86_400_000_000
_NAMED = frozenset({"track", "page", "screen"})
_NAMES_HELD = 20_000
_BATCH, _EVENT = decoder(Batch), decoder(Event)
_TYPE_NAMES = frozenset(TYPES.values())


@dataclass(frozen=True, slots=True)
class ShopFacts:
    """What of a shop its events need. `page_types` None: as the rulebook has them, without values of the shop's own."""

    id: int
    zone: ZoneInfo
    currency: str
    page_types: tuple[PagePattern, ...] | None = None


@dataclass
class Decoded:
    """Rows of `events` in the order in which they came, and what was set aside."""

    table: pa.Table
    set_aside: list[SetAside] = field(default_factory=list)


@contextlib.contextmanager
def _without_collecting() -> Iterator[None]:
    """The collector of cycles would walk every tuple read so far, again and again: a third of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class _Rows:
    """What was read of the accepted events: a tuple each while reading, then turned into columns at once."""

    def __init__(self) -> None:
        self.read: list[tuple] = []
        self.own_sent: dict[int, str] = {}
        self.commerce: dict[int, CommerceColumns] = {}
        self.starts: list[int] = []  # first row of each record
        self.places_in_batch: dict[
            int, list[int]
        ] = {}  # record -> event number of each of its rows, if any was skipped

    def turn(self) -> None:
        """From tuples to columns, in the order in which `_read_event` writes them."""
        columns = zip(*self.read, strict=True) if self.read else ((),) * 10
        self.message: Sequence[str]
        self.visitor: Sequence[str]
        self.anonymous: Sequence[str | None]
        self.person: Sequence[str | None]
        self.type: Sequence[str]
        self.name: Sequence[str | None]
        self.stated: Sequence[str | None]
        self.place: Sequence[int]
        self.terminal: Sequence[int]
        (
            self.message,
            self.visitor,
            self.anonymous,
            self.person,
            self.type,
            self.name,
            self.stated,
            self.place,
            self.terminal,
            properties,
        ) = columns
        self.properties: list[Raw | bytes] = list(properties)
        self.read = []


class Reader:
    """Reads records into `events`. Holds what repeats between batches, bounded; one per process."""

    def __init__(self) -> None:
        self._places = Places()
        self._terminals = Terminals()
        self._days = LocalDays()
        self._names: dict[str, str] = {}

    def read(
        self,
        records: Sequence[Sent],
        shops: dict[int, ShopFacts],
        *,
        day: date,
        future_tolerance_minutes: int,
    ) -> Decoded:
        """Events of `records` (each of a shop in `shops`), by the rules of `day`. Never raises for what was sent."""
        self._places.begin(day)
        if len(self._names) > _NAMES_HELD:
            self._names = {}
        records = sorted(records, key=lambda record: record.shop_id)  # stable: order of arrival within a shop
        rows = _Rows()
        aside: list[SetAside] = []
        sent: list[str | None] = []
        with _without_collecting():
            for number, record in enumerate(records):
                rows.starts.append(len(rows.read))
                sent.append(self._read_record(number, record, shops[record.shop_id], rows, aside))
            rows.turn()
        return self._table(records, sent, shops, rows, aside, future_tolerance_minutes)

    def check(self, shop: ShopFacts, payload: bytes, received_us: int, *, day: date, tolerance: int) -> None:
        """Raises Refusal when `payload`, one event, would be set aside."""
        record = Sent(shop.id, received_us, Kind.BATCH, b'{"batch":[' + payload + b"]}", "check")
        decoded = self.read([record], {shop.id: shop}, day=day, future_tolerance_minutes=tolerance)
        if decoded.set_aside:
            first = decoded.set_aside[0]
            raise Refusal(first.reason, first.column, **first.params)
        if decoded.table.num_rows != 1:
            raise Refusal("not_an_object", value=payload[:40].decode("utf-8", "replace"))

    # One record

    def _read_record(
        self, number: int, record: Sent, shop: ShopFacts, rows: _Rows, aside: list[SetAside]
    ) -> str | None:
        """Read one record's events into `rows`; returns the batch's sentAt."""
        self._places.use(shop.page_types)
        try:
            if record.kind == Kind.BATCH:
                batch = _BATCH.decode(record.body)
                events, sent_at = batch.batch, batch.sentAt
            else:
                event = _EVENT.decode(record.body)
                event.type = TYPES[Kind(record.kind)]
                events, sent_at = [event], event.sentAt
        except (ValueError, RecursionError):
            return self._read_one_by_one(number, record, shop, rows, aside)
        skipped: list[int] = []
        for index, event in enumerate(events):
            try:
                self._read_event(event, record, index, shop, rows)
            except (Refusal, ValueError, RecursionError) as error:
                skipped.append(index)
                aside.append(set_aside(record, index, error, *text_of(record, index)))
        if skipped:
            gone = set(skipped)
            rows.places_in_batch[number] = [i for i in range(len(events)) if i not in gone]
        return sent_at

    def _read_one_by_one(
        self, number: int, record: Sent, shop: ShopFacts, rows: _Rows, aside: list[SetAside]
    ) -> str | None:
        texts, sent_at = texts_of(record)
        kept: list[int] = []
        for index, text in enumerate(texts):
            try:
                event = decoded_event(text)
                if record.kind != Kind.BATCH:
                    event.type = TYPES[Kind(record.kind)]
                self._read_event(event, record, index, shop, rows)
                kept.append(index)
            except (Refusal, ValueError, RecursionError) as error:
                aside.append(set_aside(record, index, error, text, sent_at))
        rows.places_in_batch[number] = kept
        return sent_at

    def _read_event(self, event: Event, record: Sent, index: int, shop: ShopFacts, rows: _Rows) -> None:
        """Append one event to `rows`, wholly or (raising) not at all."""
        kind = event.type
        anonymous, person = event.anonymousId, event.userId
        if anonymous.__class__ is not str:
            anonymous = None if anonymous is None else str(anonymous)
        if person.__class__ is not str:
            person = None if person is None else str(person)
        name: str | None = None
        properties: Raw | bytes = event.properties
        context = event.context
        commerce: CommerceColumns | None = None
        page_properties = NO_RAW
        if kind == "track":
            given = event.event
            if not given:
                raise Refusal("missing_field", "event", type="track")
            name = self._names.get(given)
            if name is None:
                name = self._names[given] = canonical_name(given)
            if has_commerce(name):
                commerce = _commerce(name, bytes(event.properties), shop.currency)
            elif name == PAGE_STAYED:
                kind = STAY_TYPE
        elif kind == "page" or kind == "screen":
            name = event.name or event.event
            page_properties = event.properties
        else:
            anonymous, name, properties = _of_other(event, anonymous, person)
        visitor = anonymous or person
        if not visitor:
            raise Refusal("no_identity")
        place = self._places.number(context, page_properties)
        terminal = self._terminals.number(context)
        if kind == "screen":
            terminal = 4
        message = event.messageId
        if not message:
            message = f"journal:{record.place}/{index}" if message != 0 else "0"
        elif message.__class__ is not str:
            message = str(message)
        rows.read.append(
            (
                message,
                visitor,
                anonymous or None,
                person or None,
                kind,
                name,
                event.originalTimestamp or event.timestamp or None,
                place,
                terminal,
                properties,
            )
        )
        if event.sentAt:
            rows.own_sent[len(rows.read) - 1] = event.sentAt
        if commerce is not None:
            rows.commerce[len(rows.read) - 1] = commerce

    # All records, by column

    def _table(
        self,
        records: Sequence[Sent],
        batch_sent: list[str | None],
        shops: dict[int, ShopFacts],
        rows: _Rows,
        aside: list[SetAside],
        tolerance: int,
    ) -> Decoded:
        count = len(rows.message)
        starts = np.array([*rows.starts, count], np.int64)
        record_of = np.repeat(np.arange(len(records)), np.diff(starts))
        received = np.array([record.received_us for record in records], np.int64)[record_of]
        stated, bad = read_moments(rows.stated)
        refused: dict[int, Refusal] = {
            row: Refusal("bad_timestamp", "timestamp", value=rows.stated[row]) for row in bad
        }
        sent = moments_of_sending(batch_sent, rows.own_sent, record_of)
        at = corrected(received, sent, stated)
        late_by = at - received
        for row in np.flatnonzero(late_by > tolerance * 60_000_000).tolist():
            minutes = int(late_by[row] // 60_000_000)
            refused.setdefault(row, Refusal("far_future", "timestamp", minutes=minutes, limit=tolerance))
        for row in np.flatnonzero(at < _EARLIEST_US).tolist():
            refused.setdefault(
                row,
                Refusal("far_past", "timestamp", value=_day_text(int(at[row])), limit=EARLIEST.isoformat()),
            )
        properties, not_utf8 = raw_texts(rows.properties)
        for row in not_utf8:
            refused.setdefault(row, Refusal("not_utf8", "properties"))
        for row, refusal in refused.items():
            number = int(record_of[row])
            within = row - rows.starts[number]
            index = rows.places_in_batch[number][within] if number in rows.places_in_batch else within
            text, sent_at = text_of(records[number], index)
            aside.append(set_aside(records[number], index, refusal, text, sent_at, rows.message[row]))
        columns = self._columns(records, shops, rows, record_of, received, at)
        columns["properties"] = properties
        table = pa.table([columns[name] for name in EVENTS.names], schema=EVENTS)
        if refused:
            keep = np.ones(count, bool)
            keep[list(refused)] = False
            table = table.filter(pa.array(keep))
        return Decoded(table, aside)

    def _columns(
        self,
        records: Sequence[Sent],
        shops: dict[int, ShopFacts],
        rows: _Rows,
        record_of: np.ndarray,
        received: np.ndarray,
        at: np.ndarray,
    ) -> dict[str, pa.Array]:
        count = len(rows.message)
        shop_of = np.array([record.shop_id for record in records], np.int64)[record_of]
        stretches = list(runs(shop_of))
        event_id = surrogates_of_shops(stretches, "message", rows.message)
        visitor_id = surrogates_of_shops(stretches, "visitor", rows.visitor)
        is_known = np.fromiter((ref is not None for ref in rows.person), bool, count)
        person_id = np.zeros(count, np.int64)
        person_id[is_known] = surrogates_of_shops(
            runs(shop_of[is_known]), "person", [ref for ref in rows.person if ref is not None]
        )
        local_day = self._local_days(records, shops, record_of, at)
        moment = pa.timestamp("us")
        columns: dict[str, pa.Array] = {
            "shop_id": pa.array(shop_of),
            "event_id": pa.array(event_id),
            "visitor_id": pa.array(visitor_id),
            "person_id": pa.array(person_id, mask=~is_known),
            "type": pa.array(rows.type, pa.string()),
            "name": pa.array(rows.name, pa.string()),
            "at": pa.array(at).cast(moment),
            "ord": pa.array(np.zeros(count, np.int32)),
            "local_day": pa.array(local_day).cast(pa.date32()),
            "received_at": pa.array(received).cast(moment),
            "terminal": pa.array(TERMINALS, pa.string()).take(pa.array(rows.terminal, pa.int8())),
            "anonymous_ref": pa.array(rows.anonymous, pa.string()),
            "person_ref": pa.array(rows.person, pa.string()),
            "source": pa.repeat(pa.scalar("api"), count),
            "channel_given": pa.nulls(count, pa.string()),
            "session_ref": pa.nulls(count, pa.string()),
        }
        columns |= self._place_columns(rows.place)
        columns |= order_columns(rows.commerce, shop_of)
        return columns

    def _local_days(
        self, records: Sequence[Sent], shops: dict[int, ShopFacts], record_of: np.ndarray, at: np.ndarray
    ) -> np.ndarray:
        """The shop's day of each moment, zone by zone: shops share few of them."""
        zones = [shops[record.shop_id].zone for record in records]
        distinct = list(dict.fromkeys(zones))
        if len(distinct) == 1:
            return self._days.of(at, distinct[0])
        number = {zone: i for i, zone in enumerate(distinct)}
        zone_of = np.array([number[zone] for zone in zones], np.int64)[record_of]
        days = np.empty(len(at), np.int32)
        for i, zone in enumerate(distinct):
            mine = zone_of == i
            days[mine] = self._days.of(at[mine], zone)
        return days

    def _place_columns(self, numbers: Sequence[int]) -> dict[str, pa.Array]:
        used, position = np.unique(np.array(numbers, np.int64), return_inverse=True)
        places = [self._places.columns[number] for number in used.tolist()]
        index = pa.array(position.astype(np.int32))
        return {
            name: pa.array([place[i] for place in places], pa.string()).take(index)
            for i, name in enumerate(PLACE_COLUMNS)
        }


def _of_other(
    event: Event, anonymous: str | None, person: str | None
) -> tuple[str | None, str | None, Raw | bytes]:
    """(anonymous ref, name, properties) of identify, group and alias. Raises Refusal for every other type."""
    kind = event.type
    if kind not in _TYPE_NAMES:
        if kind is None or kind == "":
            raise Refusal("missing_field", "type", type="batched")
        raise Refusal("unknown_type", "type", value=kind)
    traits = event.traits or (event.context.traits if event.context else NO_RAW)
    if kind == "alias":
        # The earlier name stands as the anonymous one, so that both names meet as in an identify.
        previous = event.previousId
        if previous is None or previous == "":
            raise Refusal("missing_field", "previousId", type="alias")
        if not person:
            raise Refusal("missing_field", "userId", type="alias")
        return str(previous), None, event.properties
    if kind == "group":
        group = event.groupId
        if group is None or group == "":
            raise Refusal("missing_field", "groupId", type="group")
        own = b'{"groupId":' + msgspec.json.encode(str(group))
        rest = bytes(traits).strip()
        body = rest[1:].strip() if rest[:1] == b"{" else b"}"
        return anonymous, None, own + (b"" if body == b"}" else b",") + body
    return anonymous, None, traits


def _commerce(name: str, properties: bytes, currency: str) -> CommerceColumns:
    try:
        return commerce_columns(name, properties, currency)
    except msgspec.ValidationError as error:
        raise msgspec.ValidationError(str(error).replace("`$", "`$.properties")) from None


def _day_text(us: int) -> str:
    try:
        return moment_of(us).date().isoformat()
    except OverflowError:
        return str(us)
