"""What a funnel can be split by: a field of the start itself, or of the visit in which it happened.

A visit's field is that of the visitor's last visit of that day that had begun by the start. A property may hold anything,
an address or a name too: its values are for those who may see customers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date

import ibis
import numpy as np
import pyarrow as pa
from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy

from shuke.kernel.errors import Invalid, NotAllowed
from shuke.kernel.periods import Period
from shuke.shops.roles import DEED_TITLES, Deed
from shuke.traffic.funnels.asking import Ways
from shuke.traffic.funnels.picking import values_of
from shuke.traffic.funnels.prepared import coded
from shuke.traffic.reads.properties import PROPERTY, pattern, property_field, property_value
from shuke.warehouse import reads as warehouse

VISIT_FIELDS: Mapping[str, str | Promise] = {
    "channel": pgettext_lazy("visit", "channel"),
    "source": pgettext_lazy("visit", "source"),
    "medium": pgettext_lazy("visit", "medium"),
    "campaign": pgettext_lazy("visit", "campaign"),
    "entry_type": pgettext_lazy("visit", "type of the entrance page"),
    "entry_path": pgettext_lazy("visit", "entrance page"),
}
EVENT_FIELDS: Mapping[str, str | Promise] = {
    "terminal": pgettext_lazy("visit", "device"),
    "page_type": pgettext_lazy("event", "type of page"),
    "page_path": pgettext_lazy("event", "page"),
    "product_ref": pgettext_lazy("event", "product"),
}
FIELDS = {**VISIT_FIELDS, **EVENT_FIELDS}


def check(split: str, *, with_customers: bool) -> str:
    """The split as given ('' is none). `with_customers`: the asker may see customers.

    Raises Invalid for one that there is not, NotAllowed for a property without them.
    """
    is_property = split.startswith(PROPERTY) and property_field(split) is not None
    if split and split not in FIELDS and not is_property:
        raise Invalid(field="split", value=split)
    if is_property and not with_customers:
        raise NotAllowed(field=str(DEED_TITLES[Deed.VIEW_CUSTOMERS]), value=split)
    return split


def title(split: str) -> str:
    """What it is called."""
    field = property_field(split) if split.startswith(PROPERTY) else None
    return str(field.label) if field is not None else str(FIELDS.get(split, split))


def values(
    snapshot: warehouse.Snapshot, found: Ways, period: Period, split: str
) -> tuple[np.ndarray, list[str | None]]:
    """Per way a code, and what the codes stand for (None: it states nothing)."""
    if split in VISIT_FIELDS:
        return _of_visits(snapshot, found, period, split)
    return _of_starts(snapshot, found, split)


def refs(snapshot: warehouse.Snapshot, found: Ways) -> tuple[np.ndarray, list[str | None]]:
    """Per way the visitor's name as the source wrote it at the start, in the form of `values`."""
    return _of_starts(snapshot, found, "anonymous_ref")


class _Known:
    """Texts of several sources under common codes."""

    def __init__(self) -> None:
        self.numbers: dict[str | None, int] = {None: 0}

    def taken(self, codes: np.ndarray, texts: Sequence[str | None]) -> np.ndarray:
        table = [self.numbers.setdefault(text or None, len(self.numbers)) for text in texts]
        found: np.ndarray = np.array(table, np.int64)[codes]
        return found

    @property
    def texts(self) -> list[str | None]:
        return list(self.numbers)


def _of_starts(snapshot: warehouse.Snapshot, found: Ways, split: str) -> tuple[np.ndarray, list[str | None]]:
    """Of the start itself: looked up in the rows that the starts are, or asked of the engine by their ids."""
    known, codes = _Known(), np.zeros(len(found), np.int64)
    if found.found is None:
        column = "properties" if split.startswith(PROPERTY) else split
        texts = _asked(snapshot, found.event, column)
        given = [texts.get(int(one)) for one in found.event]
        if split.startswith(PROPERTY):
            given = _properties(given, split)
        return known.taken(np.arange(len(given)), given) if given else codes, known.texts
    order = np.argsort(found.found.run, kind="stable")
    edges = np.searchsorted(found.found.run[order], np.arange(len(found.runs) + 1))
    for number, one in enumerate(found.runs):
        ways = order[edges[number] : edges[number + 1]]
        if not len(ways):
            continue
        rows = one.rows(found.found.row[ways])
        if one.source is not None:
            told, texts_ = values_of(one.source, [split], rows)[split]
        else:
            assert one.table is not None
            column = "properties" if split.startswith(PROPERTY) else split
            told, texts_ = coded(one.table[column].take(pa.array(rows)))
            if split.startswith(PROPERTY):
                texts_ = _properties(texts_, split)
        codes[ways] = known.taken(told, texts_)
    return codes, known.texts


def _properties(texts: Sequence[str | None], split: str) -> list[str | None]:
    """A property of texts at hand."""
    wanted = re.compile(pattern(split.removeprefix(PROPERTY)))
    found = (wanted.search(text or "") for text in texts)
    return [property_value(one[1]) if one else None for one in found]


def _asked(snapshot: warehouse.Snapshot, events: np.ndarray, column: str) -> dict[int, str | None]:
    """A column of some events by their ids."""
    facts = snapshot.raw("events")
    wanted = snapshot.holding("funnel_starts", pa.table({"event_id": pa.array(events, pa.int64())}))
    rows = snapshot.engine.run(facts.semi_join(wanted, "event_id").select("event_id", told=facts[column]))
    return dict(zip(rows["event_id"].to_pylist(), rows["told"].to_pylist(), strict=True))


def _of_visits(
    snapshot: warehouse.Snapshot, found: Ways, period: Period, split: str
) -> tuple[np.ndarray, list[str | None]]:
    """By day: visits and starts meet by visitor and time."""
    codes = np.zeros(len(found), np.int64)
    visits = snapshot.derived("visits")
    visits = visits.filter(
        visits.local_day >= ibis.date(period.start), visits.local_day < ibis.date(period.end)
    )
    table = snapshot.engine.run(
        visits.select("local_day", "visitor_id", "started_at", "visit_id", told=visits[split])
    )
    known = _Known()
    told, texts = coded(table["told"])
    value = known.taken(told, texts)
    day = table["local_day"].cast(pa.int32()).to_numpy() - (period.start - date(1970, 1, 1)).days
    visitor, started = table["visitor_id"].to_numpy(), table["started_at"].cast(pa.int64()).to_numpy()
    order = np.lexsort((table["visit_id"].to_numpy(), started, visitor, day))
    day, visitor, started, value = day[order], visitor[order], started[order], value[order]
    edges = np.searchsorted(day, np.arange(period.length + 1))
    starts = np.argsort(found.day, kind="stable")
    cuts = np.searchsorted(found.day[starts], np.arange(period.length + 1))
    for number in range(period.length):
        ways = starts[cuts[number] : cuts[number + 1]]
        rows = slice(int(edges[number]), int(edges[number + 1]))
        if len(ways) and rows.stop > rows.start:
            place = _last_before(visitor[rows], started[rows], found.visitor[ways], found.times[0][ways])
            codes[ways] = np.where(place >= 0, value[rows][np.maximum(place, 0)], 0)
    return codes, known.texts


def _last_before(visitor: np.ndarray, started: np.ndarray, who: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Per start the last row of its visitor (rows in order) that began by then; -1: none."""
    place = np.searchsorted(visitor, who, side="right") - 1
    while True:
        seen = np.maximum(place, 0)
        is_late = (place >= 0) & (visitor[seen] == who) & (started[seen] > at)
        if not is_late.any():
            return np.where((place >= 0) & (visitor[seen] == who), place, -1)
        place = place - is_late
