"""The visits behind a link of the traffic map: those that came in, went on, left or ordered between two of its nodes.

Where a visit itself says it (its channel and entrance, its last page and how many pages it saw) `visits` are asked; what
happened between two steps in the middle is followed through the events of the days that hold the visits shown, under a
filter through those of all days.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.compute as pc

from shuke.conditions.reads import Node
from shuke.kernel.errors import Invalid
from shuke.kernel.periods import Period
from shuke.shops.reads import ShopView
from shuke.traffic.by_day import days_shown, every_row
from shuke.traffic.flows import kernel, ways
from shuke.traffic.reads.asking import Ask, asker
from shuke.traffic.reads.evidence import COLUMNS, LARGEST_PAGE
from shuke.traffic.reads.flows import (
    MOST_EVENTS,
    FlowAsker,
    TooManyEvents,
    days_of,
    holds,
    level_of,
    moves_of_day,
    rows_of,
)
from shuke.warehouse import reads as warehouse

SHOWN = COLUMNS["visit"]


@dataclass(frozen=True)
class Way:
    """Moves of one `kind` (entry, move, exit, order) at one `step` (0 for an entry), narrowed by `where`: channel, from_type,
    from_path, to_type, to_path (None: not stated)."""

    kind: str
    step: int
    where: Mapping[str, Any]


@dataclass(frozen=True)
class FlowVisits:
    """One page of the visits that took a way, newest first; `count` of them in all. `events_read`: 0, or how many events
    were followed for it."""

    columns: tuple[str, ...]
    rows: tuple[Mapping[str, Any], ...]
    count: int
    page: int
    size: int
    events_read: int


def flow_visits(
    *,
    shop: ShopView,
    period: Period,
    way: Way,
    condition: Node | None = None,
    page: int = 1,
    size: int = 50,
) -> FlowVisits:
    """The visits whose moves are these. Raises Invalid, TooManyEvents."""
    _check(way)
    if page < 1:
        raise Invalid(field="page", value=page)
    if not 1 <= size <= LARGEST_PAGE:
        raise Invalid(field="size", value=size)

    def question(snapshot: warehouse.Snapshot) -> FlowVisits:
        key, first = ("way visits",), (page - 1) * size
        by_day = _by_day(snapshot, way) if condition is None else None
        if by_day is None:
            asked, read = _taken(snapshot, way, condition)
            counted = asked(key, lambda tables: tables["way_visits"].aggregate(n=ibis._.count()))
            count = counted["n"][0].as_py()
        else:
            count = sum(by_day.values())
            days, first = days_shown(by_day, first, size)
            if not days:
                return FlowVisits(SHOWN, (), count, page, size, 0)
            asked, read = _taken(snapshot, way, condition, days)

        def shown(tables: Mapping[str, ibis.Table]) -> ibis.Table:
            return _newest_first(tables).limit(size, offset=first).select(*SHOWN)

        found = asked((*key, first, size), shown).to_pylist()
        rows = tuple(
            {
                name: value.replace(tzinfo=UTC).astimezone(shop.zone)
                if isinstance(value, datetime)
                else value
                for name, value in row.items()
            }
            for row in found
        )
        return FlowVisits(SHOWN, rows, count, page, size, read)

    return warehouse.ask(shop, period, question)


def every_flow_visit(
    *, shop: ShopView, period: Period, way: Way, condition: Node | None = None
) -> Iterator[Mapping[str, Any]]:
    """All of them, for a file: SHOWN of each, newest first. Raises Invalid, and TooManyEvents for a day that has too many."""
    _check(way)

    def question(snapshot: warehouse.Snapshot) -> pa.Table:
        asked, _read = _taken(snapshot, way, condition)
        return asked(("way visits", "all"), lambda tables: _newest_first(tables).select(*SHOWN))

    return every_row(shop, period, lambda day: warehouse.ask(shop, day, question))


def _check(way: Way) -> None:
    if way.kind not in kernel.KINDS:
        raise Invalid(field="kind", value=way.kind)
    if not 0 <= way.step < ways.LAST_STEP or (way.step == 0) != (way.kind == "entry"):
        raise Invalid(field="step", value=way.step)
    if not set(way.where) <= set(ways.DIMENSIONS) - {"step"}:
        raise Invalid(field="where", value=",".join(way.where))


def _by_day(snapshot: warehouse.Snapshot, way: Way) -> dict[date, int] | None:
    """How many of all visits made a move in the middle on each day, where sums of days tell it: then only the days are
    followed that hold those that are shown. A visit makes one move at a step."""
    level = level_of(("local_day", "kind", "step", *way.where))
    if way.kind != "move" or level is None:
        return None
    asking = FlowAsker(snapshot, None, (level,))
    if not asking.is_summed:
        return None
    where = {"kind": way.kind, "step": way.step, **way.where}
    rows, _count = asking.rows(level, ("local_day",), where)
    return {row.keys["local_day"]: row.moves for row in rows if row.moves}


def _taken(
    snapshot: warehouse.Snapshot, way: Way, condition: Node | None, days: Sequence[date] | None = None
) -> tuple[Ask, int]:
    """Asks of `way_visits`, the visits that took the way (on these days), and how many events were followed to know them."""
    wanted, read = snapshot.derived("visits"), 0
    if days is not None:
        snapshot = snapshot.narrowed(days, "fd")
        wanted = wanted.filter(wanted.local_day.isin([ibis.date(day) for day in days]))
    if condition is not None:
        wanted = wanted.filter(holds(condition, wanted))
    if way.kind == "move":
        read = rows_of(snapshot, "events")
        if read > MOST_EVENTS:
            raise TooManyEvents(field="filter", value=f"{read:,}")
        wanted = wanted.semi_join(_movers(snapshot, way), ["shop_id", "visit_id"])
    else:
        wanted = wanted.filter(_says(wanted, way))
    return asker(snapshot, {"way_visits": wanted}, ()), read


def _newest_first(tables: Mapping[str, ibis.Table]) -> ibis.Table:
    return tables["way_visits"].order_by([ibis.desc("started_at"), ibis.desc("visit_id")])


def _says(visits: ibis.Table, way: Way) -> ibis.BooleanValue:
    """Entries and ends stand in the visit itself."""
    if way.kind == "entry":
        columns = {"channel": "channel", "to_type": "entry_type", "to_path": "entry_path"}
        found = visits.views >= 1
    else:
        columns = {"channel": "channel", "from_type": "exit_type", "from_path": "exit_path"}
        found = (visits.views == way.step) & (
            (visits.orders > 0) if way.kind == "order" else (visits.orders == 0)
        )
    for name, value in way.where.items():
        if name not in columns:
            raise Invalid(field="where", value=name)
        column = visits[columns[name]]
        found &= column.isnull() if value is None else column == value
    return found


def _movers(snapshot: warehouse.Snapshot, way: Way) -> ibis.Table:
    """The visits (shop_id, visit_id) that made such a move."""
    if not snapshot.engine.is_in_process:
        moves = ways.moves(snapshot.raw("events"), snapshot.derived("visits"))
        rows = moves.filter(moves.kind == way.kind, moves.step == way.step)
        for name, value in way.where.items():
            rows = rows.filter(rows[name].isnull() if value is None else rows[name] == value)
        return rows.select("shop_id", "visit_id").distinct()
    parts = []
    for day in days_of(snapshot):
        moved = moves_of_day(snapshot.narrowed([day], "fv"), None, with_visits=True)
        keep = pc.and_(
            pc.equal(moved["kind"], kernel.KINDS.index(way.kind)), pc.equal(moved["step"], way.step)
        )
        for name, value in way.where.items():
            keep = pc.and_(keep, pc.equal(moved[name].cast(pa.string()), value or ""))
        parts.append(moved.filter(keep).select(["shop_id", "visit_id"]))
    schema = pa.schema([("shop_id", pa.int64()), ("visit_id", pa.int64())])
    found = pa.concat_tables(parts).cast(schema) if parts else schema.empty_table()
    return snapshot.engine.hold(f"s{snapshot.slot}_movers", found)
