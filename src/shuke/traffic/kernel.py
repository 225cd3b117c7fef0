"""Visits without SQL: the same cut as `sessions.visits`, as array operations over the events of one machine.

Why beside the expression: a day of two million events takes the expression some ten seconds and a small day's translation
more than its answer; the kernel takes about one. The expression stays the meaning (and the way on a cluster); one set of
cases and one law hold the kernel to it and to the plain oracle. The steps follow the order of sessions.py.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shuke.traffic.channels import LANDING, channel_of
from shuke.traffic.sessions import (
    ACTIVITY,
    ENTRY_FIELDS,
    IDENTITY,
    KEY,
    ORDER_COMPLETED,
    PRODUCT_ADDED,
    VIEWS,
    VisitRules,
)
from shuke.warehouse import schemas

COLUMNS = (
    "shop_id",
    "event_id",
    "visitor_id",
    "person_id",
    "type",
    "name",
    "at",
    "ord",
    "local_day",
    "page_path",
    "page_type",
    *ENTRY_FIELDS,
    "order_id",
    "amount_minor",
    "anonymous_ref",
)
_MICROSECONDS = 1_000_000
_ORDER = ("local_day", "visitor_id", "at", "ord", "event_id")


def visits(events: pa.Table, eras: Sequence[VisitRules]) -> pa.Table:
    """The rows of schemas.VISITS from one shop's events (COLUMNS, whole days, any order)."""
    cut = cut_into_visits(events, eras)
    return schemas.VISITS.empty_table() if cut is None else pa.table(_columns(cut), schema=schemas.VISITS)


def cut_into_visits(events: pa.Table, eras: Sequence[VisitRules]) -> _Cut | None:
    """Which of the events belongs to which visit; None where nobody came. The events of the answer keep all their columns,
    in the order of day, visitor, time, line and id."""
    is_activity = pc.and_(
        pc.is_in(events["type"], value_set=pa.array(ACTIVITY)), pc.invert(is_told_by_server(events))
    )
    is_identity = pc.and_(
        pc.is_in(events["type"], value_set=pa.array(IDENTITY)), pc.is_valid(events["person_id"])
    )
    events = in_order(events.filter(pc.or_(is_activity, is_identity)))
    return _Cut(events, eras) if events.num_rows else None


def is_told_by_server(events: pa.Table) -> pa.ChunkedArray:
    """Of each event, whether it is a deed with neither device, page nor session: nobody came with it."""
    is_told = pc.equal(events["type"], "track")
    for sign in ("anonymous_ref", "page_path", "session_ref"):
        is_told = pc.and_(is_told, pc.is_null(events[sign]))
    return is_told


def in_order(events: pa.Table) -> pa.Table:
    """Sorted by day, visitor, time, line and id; what already is (a sealed day) is only looked through."""
    keys = [integers(events[name]) for name in _ORDER]
    undecided = np.ones(max(events.num_rows - 1, 0), dtype=bool)
    for key in keys:
        if bool(np.any(undecided & (key[1:] < key[:-1]))):
            return events.take(pa.array(np.lexsort(tuple(reversed(keys)))))
        undecided &= key[1:] == key[:-1]
    return events


def integers(column: pa.ChunkedArray) -> np.ndarray:
    """A column without nulls as int64: dates as days, moments as microseconds."""
    kind = column.type
    if pa.types.is_date32(kind):
        column = column.cast(pa.int32())
    elif pa.types.is_timestamp(kind):
        column = column.cast(pa.int64())
    return column.to_numpy().astype(np.int64, copy=False)


def _mask(column: pa.ChunkedArray) -> np.ndarray:
    return pc.fill_null(column, False).to_numpy()


class Codes:
    """A text column as codes: equal texts have equal codes; '' stands for null."""

    def __init__(self, column: pa.ChunkedArray) -> None:
        encoded = _encoded(column)
        texts = encoded.dictionary
        empty = pc.index(texts, "").as_py()
        if encoded.null_count and empty < 0:
            empty = len(texts)
            texts = pa.concat_arrays([texts, pa.array([""], texts.type)])
        self.codes: np.ndarray = pc.fill_null(encoded.indices.cast(pa.int64()), empty).to_numpy()
        self.texts: pa.Array = texts

    def code_of(self, text: str) -> int:
        """The code of a text, -1 when no row has it."""
        found: int = pc.index(self.texts, text).as_py()
        return found

    def at(self, rows: np.ndarray) -> pa.Array:
        """The texts of some rows (-1: none), null for ''."""
        codes = np.where(rows >= 0, self.codes[np.maximum(rows, 0)], self.code_of(""))
        taken = self.texts.take(pa.array(codes, mask=codes < 0))
        return pc.if_else(pc.equal(taken, ""), pa.scalar(None, pa.string()), taken)


_Codes = Codes


def _encoded(column: pa.ChunkedArray) -> pa.DictionaryArray:
    """A text column as one array of codes; one that came as codes keeps them."""
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    found = column.unify_dictionaries().combine_chunks()
    if isinstance(found, pa.ChunkedArray):
        found = found.chunk(0) if found.num_chunks else pa.array([], pa.string()).dictionary_encode()
    return found


class _Cut:
    """Which event belongs to which visit. Visits are numbered from 0 in the order of their first event."""

    def __init__(self, events: pa.Table, eras: Sequence[VisitRules]) -> None:
        self.events = events
        self.eras = eras
        rows = np.arange(events.num_rows)
        self.day = integers(events["local_day"])
        self.visitor = integers(events["visitor_id"])
        self.at = integers(events["at"])
        self.type = Codes(events["type"])
        self.entry = {name: Codes(events[name]) for name in ENTRY_FIELDS}
        self.is_activity = self._is_type(ACTIVITY)
        is_first = np.ones(len(rows), dtype=bool)
        is_first[1:] = (self.day[1:] != self.day[:-1]) | (self.visitor[1:] != self.visitor[:-1])
        group_start = np.maximum.accumulate(np.where(is_first, rows, 0))
        is_late = self._late(rows, group_start)
        self.opens = self.is_activity & (is_late | self._has_new_key(rows, is_late))
        start = np.maximum.accumulate(np.where(self.opens, rows, -1))
        self.inside = (start >= group_start) & (self.is_activity | ~is_late)
        self.visit = np.cumsum(self.opens) - 1
        self.first = np.flatnonzero(self.opens)

    @property
    def count(self) -> int:
        return len(self.first)

    def _is_type(self, names: Sequence[str]) -> np.ndarray:
        codes = [self.type.code_of(name) for name in names]
        return np.isin(self.type.codes, [c for c in codes if c >= 0])

    def _by_era(self, name: str) -> np.ndarray:
        """A rule's value on each event's day."""
        values = np.full(len(self.day), getattr(self.eras[0], name))
        for era in self.eras[1:]:
            since = np.datetime64(era.since, "D").astype(np.int64)
            values[self.day >= since] = getattr(era, name)
        return values

    def _late(self, rows: np.ndarray, group_start: np.ndarray) -> np.ndarray:
        """Idle minutes or more after the activity before it in the visitor's day, or before any."""
        before = np.empty_like(rows)
        before[0] = -1
        before[1:] = np.maximum.accumulate(np.where(self.is_activity, rows, -1))[:-1]
        idle = self._by_era("idle_minutes") * 60 * _MICROSECONDS
        return (before < group_start) | (self.at - self.at[np.maximum(before, 0)] >= idle)

    def _has_new_key(self, rows: np.ndarray, is_late: np.ndarray) -> np.ndarray:
        """Keyed, and the keyed activity before it in the gap session has another key or there is none."""
        key = np.zeros(len(rows), dtype=np.int64)
        is_empty = np.ones(len(rows), dtype=bool)
        for name in KEY:
            column = self.entry[name]
            key = key * (len(column.texts) + 1) + column.codes
            is_empty &= column.codes == column.code_of("")
        session = np.maximum.accumulate(np.where(self.is_activity & is_late, rows, -1))
        keyed = np.flatnonzero(self.is_activity & ~is_empty & self._by_era("new_campaign_starts_visit"))
        is_new = np.ones(len(keyed), dtype=bool)
        is_new[1:] = (session[keyed[1:]] != session[keyed[:-1]]) | (key[keyed[1:]] != key[keyed[:-1]])
        found = np.zeros(len(rows), dtype=bool)
        found[keyed] = is_new
        return found

    def counted(self, condition: np.ndarray) -> np.ndarray:
        """Per visit, how many of its events hold the condition."""
        return np.bincount(self.visit[self.inside & condition], minlength=self.count)

    def last(self, condition: np.ndarray) -> np.ndarray:
        """Per visit, the last row that holds the condition; -1 where none does."""
        found = np.full(self.count, -1)
        rows = np.flatnonzero(self.inside & condition)
        found[self.visit[rows]] = rows
        return found

    def earliest(self, condition: np.ndarray) -> np.ndarray:
        """Per visit, the first row that holds the condition; -1 where none does."""
        found = np.full(self.count, -1)
        rows = np.flatnonzero(self.inside & condition)[::-1]
        found[self.visit[rows]] = rows
        return found


def _columns(cut: _Cut) -> dict[str, pa.Array]:
    events, first = cut.events, cut.first
    is_view = cut._is_type(VIEWS)
    is_track = cut._is_type(("track",))
    page_type, page_path = Codes(events["page_type"]), Codes(events["page_path"])
    is_item = page_type.codes == page_type.code_of("item")
    entry, last_view = cut.earliest(is_view), cut.last(is_view)
    last_activity = cut.last(cut.is_activity)
    exit_type = page_type.at(last_view)
    views = cut.counted(is_view)
    has_person = pc.is_valid(events["person_id"]).to_numpy()
    person = cut.last(has_person)
    stay = cut.at[last_activity] // _MICROSECONDS - cut.at[first] // _MICROSECONDS
    orders, revenue = _orders(cut, is_track)
    channel, is_paid = channels(cut)
    return {
        "shop_id": events["shop_id"].take(pa.array(first)).combine_chunks(),
        "visit_id": events["event_id"].take(pa.array(first)).combine_chunks(),
        "visitor_id": pa.array(cut.visitor[first]),
        "person_id": events["person_id"].take(pa.array(person, mask=person < 0)).combine_chunks(),
        "local_day": events["local_day"].take(pa.array(first)).combine_chunks(),
        "started_at": pa.array(cut.at[first]).cast(schemas.MOMENT),
        "ended_at": pa.array(cut.at[last_activity]).cast(schemas.MOMENT),
        "events": pa.array(cut.counted(cut.is_activity)),
        "views": pa.array(views),
        "item_views": pa.array(cut.counted(is_view & is_item)),
        "item_exits": pc.fill_null(pc.equal(exit_type, "item"), False).cast(pa.int64()),
        "stay_seconds": pa.array(np.where(views >= 2, stay, 0)),
        "entry_path": page_path.at(entry),
        "entry_type": page_type.at(entry),
        "exit_path": page_path.at(last_view),
        "exit_type": exit_type,
        "channel": channel,
        "is_paid": is_paid,
        "source": pc.coalesce(_stated(cut, "utm_source"), _stated(cut, "referrer_host")),
        "medium": _stated(cut, "utm_medium"),
        "campaign": _stated(cut, "utm_campaign"),
        "terminal": _stated(cut, "terminal"),
        "carts": pa.array(cut.counted(is_track & _named(events, PRODUCT_ADDED))),
        "orders": pa.array(orders),
        "revenue_minor": pa.array(revenue),
        "session_ref": _stated(cut, "session_ref"),
    }


def _stated(cut: _Cut, name: str) -> pa.Array:
    """An entry field as the first event states it: a blank text stays one, as the expression has it."""
    return cut.events[name].take(pa.array(cut.first)).cast(pa.string()).combine_chunks()


def _named(events: pa.Table, name: str) -> np.ndarray:
    return _mask(pc.equal(events["name"], name))


def _orders(cut: _Cut, is_track: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Orders and revenue per visit. An order told twice in a visitor's day counts in the visit that told it first."""
    orders = np.zeros(cut.count, dtype=np.int64)
    revenue = np.zeros(cut.count, dtype=np.int64)
    has_order = pc.is_valid(cut.events["order_id"]).to_numpy()
    rows = np.flatnonzero(cut.inside & is_track & _named(cut.events, ORDER_COMPLETED) & has_order)
    ids = cut.events["order_id"].take(pa.array(rows)).to_pylist()
    amounts = cut.events["amount_minor"].take(pa.array(rows)).to_pylist()
    told: dict[tuple[int, int, int], tuple[int, int | None]] = {}
    for row, order, amount in zip(rows.tolist(), ids, amounts, strict=True):
        key = (int(cut.day[row]), int(cut.visitor[row]), order)
        visit, known = told.get(key, (int(cut.visit[row]), None))
        told[key] = (visit, amount if known is None else known if amount is None else max(known, amount))
    for visit, amount in told.values():
        orders[visit] += 1
        revenue[visit] += amount or 0
    return orders, revenue


def channels(cut: _Cut) -> tuple[pa.Array, pa.Array]:
    """Channel and whether it was paid for, asked once per different landing and era."""
    day = cut.day[cut.first]
    era = np.zeros(cut.count, dtype=np.int64)
    for number, rules in enumerate(cut.eras[1:], start=1):
        era[day >= np.datetime64(rules.since, "D").astype(np.int64)] = number
    combined = era
    for name in LANDING:
        column = cut.entry[name]
        # Folded to dense numbers at each step, so that many different texts can not overflow.
        _, combined = np.unique(
            combined * (len(column.texts) + 1) + column.codes[cut.first], return_inverse=True
        )
    _, examples, which = np.unique(combined, return_index=True, return_inverse=True)
    channels, paid = [], []
    texts = {name: cut.entry[name].at(cut.first[examples]).to_pylist() for name in LANDING}
    for n, example in enumerate(examples.tolist()):
        landing = {name: texts[name][n] for name in LANDING}
        channel, is_paid = channel_of(landing, cut.eras[int(era[example])].classification)
        channels.append(channel)
        paid.append(is_paid)
    return pa.array(channels, pa.string()).take(pa.array(which)), pa.array(paid, pa.bool_()).take(
        pa.array(which)
    )
