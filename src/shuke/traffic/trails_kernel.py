"""Trails without SQL: the same rows as `trails.trails`, as array operations over the events of one machine.

Why beside the expression: a day is sealed in pieces whose events lie in order already, and the expression's windows would
sort them four times more. The expression stays the meaning (and the way on a cluster); one law holds both to plain Python.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shuke.traffic.kernel import in_order
from shuke.traffic.sessions import ORDER_COMPLETED, VIEWS
from shuke.warehouse import schemas

# What a deed of somebody who came has at least one of.
SIGNS = ("anonymous_ref", "page_path", "session_ref")
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "events": (
        "shop_id", "event_id", "visitor_id", "type", "name", "at", "ord", "local_day", "page_path", "page_type",
        "order_id", "anonymous_ref", "session_ref",
    ),
    "visits": ("visit_id",),
}  # fmt: skip
_MICROSECONDS = 1_000_000


def trails(inputs: Mapping[str, pa.Table]) -> pa.Table:
    """The rows of schemas.TRAILS from one shop's events and visits (COLUMNS, whole days, any order)."""
    events, ids = in_order(inputs["events"]), inputs["visits"]["visit_id"].to_numpy()
    if not len(ids):
        return schemas.TRAILS.empty_table()
    of_event = events["event_id"].to_numpy()
    opens = np.flatnonzero(np.isin(of_event, ids))
    is_view = _mask(pc.is_in(events["type"].cast(pa.string()), value_set=pa.array(VIEWS)))
    is_kept = is_view | _first_told(events)
    rows = np.flatnonzero(is_kept)
    # The visit opened last at or before the row; what stands before the first of them is of nobody who came.
    place = np.searchsorted(opens, rows, side="right") - 1
    rows, place = rows[place >= 0], place[place >= 0]
    is_first = np.ones(len(rows), dtype=bool)
    is_first[1:] = place[1:] != place[:-1]
    number = np.arange(len(rows))
    position = number - np.maximum.accumulate(np.where(is_first, number, 0)) + 1
    seen = is_view[rows]
    views = np.flatnonzero(seen)
    # Of each view the row of the next one of its visit; -1: it is the last.
    after = np.full(len(rows), -1)
    goes_on = place[views[1:]] == place[views[:-1]]
    after[views[:-1][goes_on]] = rows[views[1:][goes_on]]
    second = events["at"].cast(pa.int64()).to_numpy() // _MICROSECONDS
    is_last = after < 0
    taken, followed = pa.array(rows), pa.array(np.where(is_last, 0, after), mask=is_last)
    path = _texts(events["page_path"])
    return pa.table(
        {
            "shop_id": events["shop_id"].take(taken),
            "local_day": events["local_day"].take(taken),
            "visitor_id": events["visitor_id"].take(taken),
            "visit_id": pa.array(of_event[opens[place]]),
            "position": pa.array(position),
            "is_view": pa.array(seen.astype(np.int64)),
            "page_path": path.take(taken),
            "page_type": _texts(events["page_type"]).take(taken),
            "next_path": path.take(followed),
            "to_next": pa.array(second[np.maximum(after, 0)] - second[rows], mask=is_last),
        },
        schema=schemas.TRAILS,
    )


def _first_told(events: pa.Table) -> np.ndarray:
    """The events that tell an order as its visitor's first of the day; those of a server that nobody came with are none."""
    came = pc.is_valid(events[SIGNS[0]])
    for sign in SIGNS[1:]:
        came = pc.or_(came, pc.is_valid(events[sign]))
    told = pc.and_(pc.equal(events["type"].cast(pa.string()), "track"), pc.is_valid(events["order_id"]))
    told = pc.and_(
        pc.and_(told, came), pc.fill_null(pc.equal(events["name"].cast(pa.string()), ORDER_COMPLETED), False)
    )
    rows = np.flatnonzero(_mask(told))
    days = events["local_day"].cast(pa.int32()).to_numpy()[rows]
    visitors, orders = (
        events["visitor_id"].to_numpy()[rows],
        events["order_id"].take(pa.array(rows)).to_numpy(),
    )
    known: set[tuple[int, int, int]] = set()
    found = np.zeros(events.num_rows, dtype=bool)
    for row, day, visitor, order in zip(
        rows.tolist(), days.tolist(), visitors.tolist(), orders.tolist(), strict=True
    ):
        if (day, visitor, order) not in known:
            known.add((day, visitor, order))
            found[row] = True
    return found


def _texts(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A text column with '' for none, of texts even where it came as codes."""
    return pc.fill_null(column.cast(pa.string()), "")


def _mask(column: pa.ChunkedArray) -> np.ndarray:
    return pc.fill_null(column, False).to_numpy()
