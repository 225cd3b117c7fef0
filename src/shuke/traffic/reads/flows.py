"""Ways of visits: how often visitors came in by which page, went from page to page, left, or ended in an order.

Without a filter the answer comes from `page_flows`, added up when a day was sealed. Under a condition on visits the ways
of the visits that meet it are followed anew through the period's events, day by day, which costs as much as the events
are many; the answer says how many were read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.compute as pc
from django.utils.translation import gettext_lazy as _

from shuke.conditions.reads import Node, to_ibis
from shuke.kernel.errors import Invalid, ShukeError
from shuke.kernel.periods import Period
from shuke.shops.reads import ShopView
from shuke.traffic.flows import adding, kernel, ways
from shuke.traffic.reads.asking import Ask, Tables, asker
from shuke.warehouse import lake, schemas
from shuke.warehouse import reads as warehouse

KEYS = ("local_day", "kind", *ways.DIMENSIONS)
# From the level with the fewest rows on.
_BY_SIZE = ("type", "into", "out", "page")
# A question under a condition that would read more is refused.
MOST_EVENTS = 100_000_000


class TooManyEvents(ShukeError):
    code = "too_many_events"
    words = _("Under this filter %(value)s events would have to be read, more than can be read for one page.")
    remedy = _("Choose fewer days, or take the filter away.")


@dataclass(frozen=True)
class Flow:
    """Moves that share `keys` (of KEYS; a page that states no path or type: None).

    `moves`: how many; `ordered_moves`: of these, of visits that completed an order; `stay_seconds`: of moves from page to
    page, how long the page that was left had been seen, in all.
    """

    keys: Mapping[str, Any]
    moves: int
    ordered_moves: int
    stay_seconds: int


@dataclass(frozen=True)
class Flows:
    """`rows` most moves first, at most as many as asked for; `count` how many there are.

    `events_read`: 0 when sums answered; else how many events were followed for it.
    """

    period: Period
    by: tuple[str, ...]
    rows: tuple[Flow, ...]
    count: int
    events_read: int


def flows(
    *,
    shop: ShopView,
    period: Period,
    by: Sequence[str],
    where: Mapping[str, Any] | None = None,
    condition: Node | None = None,
    until: datetime | None = None,
    limit: int | None = None,
) -> Flows:
    """Moves grouped by some of KEYS, of those whose keys have the values of `where` (None: states none).

    `kind` is `entry` (into the first page), `move` (from page to page), `exit` or `order` (from the last page on). By
    channel or step only types of pages are told, and by step only one side's path: a grouping that no level of
    `page_flows` tells raises Invalid. `until`: as the facts stood before that moment.
    """
    level = level_of((*by, *(where or ())))
    if level is None or not set(by) <= set(KEYS) or len(set(by)) != len(by):
        raise Invalid(field="by", value=",".join(by))

    def question(asking: FlowAsker) -> Flows:
        rows, count = asking.rows(level, tuple(by), where or {}, limit)
        return Flows(period, tuple(by), rows, count, asking.events_read)

    return ask_flows(shop, period, question, condition=condition, until=until, levels=(level,))


def level_of(names: Sequence[str]) -> str | None:
    """The smallest level that tells all of these keys."""
    wanted = {name for name in names if name in ways.DIMENSIONS}
    return next((level for level in _BY_SIZE if wanted <= set(ways.LEVELS[level])), None)


def ask_flows(
    shop: ShopView,
    period: Period,
    question: Any,
    *,
    condition: Node | None = None,
    until: datetime | None = None,
    levels: Sequence[str] = tuple(ways.LEVELS),
) -> Any:
    """Answer a question that gets a FlowAsker, from one snapshot. Raises TooManyEvents."""

    def asked(snapshot: warehouse.Snapshot) -> Any:
        return question(FlowAsker(snapshot, condition, levels, until))

    return warehouse.ask(shop, period, asked)


class FlowAsker:
    """Asks about the flows of one snapshot, of all visits or of those that meet a condition."""

    def __init__(
        self,
        snapshot: warehouse.Snapshot,
        condition: Node | None,
        levels: Sequence[str],
        until: datetime | None = None,
    ) -> None:
        """`until`: as the facts stood before that moment; the snapshot itself is whole."""
        self.events_read = 0
        self._laid_out: warehouse.LaidOut | None = None
        if condition is None:
            laid_out = warehouse.LaidOut(snapshot, [warehouse.Stretch(snapshot.period, until)])
            if laid_out.has_columns and not laid_out.lacks("page_flows"):
                self._laid_out = laid_out
            self._ask: Ask = lambda key, build: laid_out.answer(
                {"page_flows": None}, key, build, is_kept=True
            )
            return
        self.events_read = rows_of(snapshot, "events")
        if self.events_read > MOST_EVENTS:
            raise TooManyEvents(field="filter", value=f"{self.events_read:,}")
        scoped = snapshot if until is None else snapshot.cut(until)
        self._ask = asker(snapshot, {"page_flows": _under(scoped, condition, levels)}, ())

    @property
    def is_summed(self) -> bool:
        """Whether the sums of days are there, in files that this process reads."""
        return self._laid_out is not None

    def rows(
        self, level: str, by: tuple[str, ...], where: Mapping[str, Any], limit: int | None = None
    ) -> tuple[tuple[Flow, ...], int]:
        """Flows of a level, most moves first, and how many there are in all."""
        told = tuple(sorted(where.items()))
        key = ("flows", level, by, told, limit)

        def grouped(tables: Tables) -> ibis.Table:
            return _grouped(tables["page_flows"], level, by, told)

        def shown(tables: Tables) -> ibis.Table:
            rows = grouped(tables)
            # How many there are stands in each row, so that they are added up once.
            rows = rows.mutate(rows_in_all=rows.count().over(ibis.window()))
            rows = rows.order_by([ibis.desc("moves"), *(ibis.asc(name, nulls_first=True) for name in by)])
            return rows if limit is None else rows.limit(limit)

        laid_out = self._laid_out
        if laid_out is not None and adding.is_told(by, where, laid_out.sealed_rows("page_flows")):
            pieces = laid_out.pieces("page_flows", 0, adding.columns(by, where))
            table = laid_out.kept("page_flows", key, lambda: adding.added(pieces, level, by, where, limit))
        else:
            table = self._ask(key, shown)
        found = table.to_pylist()
        return tuple(_flow(row, by) for row in found), int(found[0]["rows_in_all"]) if found else 0


def _grouped(
    table: ibis.Table, level: str, by: Sequence[str], where: Sequence[tuple[str, Any]]
) -> ibis.Table:
    rows = table.filter(table.level == level)
    for name, value in where:
        column = rows[name]
        if isinstance(value, (tuple, frozenset)):
            rows = rows.filter(column.isin(sorted(value)))
        else:
            rows = rows.filter(column.isnull() if value is None else column == value)
    sums = {name: rows[name].sum().coalesce(0) for name in ways.SUMS}
    return rows.group_by(list(by)).aggregate(**sums) if by else rows.aggregate(**sums)


def _flow(row: Mapping[str, Any], by: Sequence[str]) -> Flow:
    return Flow({name: row[name] for name in by}, *(int(row[name]) for name in ways.SUMS))


def rows_of(snapshot: warehouse.Snapshot, kind: str) -> int:
    """At most so many rows of a raw kind lie in the snapshot's days."""
    still_open = sum(
        span.rows
        for file in snapshot.plan.open_files.get(kind, ())
        for day, span in file.spans[snapshot.shop.id].items()
        if snapshot.plan.holds(day) and span.last > snapshot.plan.through.get(day, 0)
    )
    return still_open + sum(
        rows.get(kind, 0) for day, rows in snapshot.plan.rows.items() if snapshot.plan.holds(day)
    )


# --- under a condition


def _under(snapshot: warehouse.Snapshot, condition: Node, levels: Sequence[str]) -> ibis.Table:
    """Rows of `page_flows` of the visits that meet a condition only."""
    if not snapshot.engine.is_in_process:
        return ways.added_up(wanted_moves(snapshot, condition), levels)
    parts = [schemas.PAGE_FLOWS.empty_table()]
    for day in days_of(snapshot):
        narrow = snapshot.narrowed([day], "fl") if not snapshot.is_cut else snapshot.of_days([day])
        parts.append(kernel.added_up(moves_of_day(narrow, condition), levels))
    return snapshot.engine.hold(f"s{snapshot.slot}_flows_under", pa.concat_tables(parts))


def days_of(snapshot: warehouse.Snapshot) -> list[date]:
    """The days of the period of which there are facts."""
    known = {*snapshot.plan.through, *snapshot.plan.open_days(("events",))}
    return sorted(day for day in known if snapshot.plan.holds(day))


def wanted_moves(snapshot: warehouse.Snapshot, condition: Node) -> ibis.Table:
    """The moves of the visits that meet a condition, as one expression: for an engine that is elsewhere."""
    visits = snapshot.derived("visits")
    wanted = visits.filter(holds(condition, visits)).select("shop_id", "visit_id")
    return ways.moves(snapshot.raw("events"), visits).semi_join(wanted, ["shop_id", "visit_id"])


def holds(condition: Node, visits: ibis.Table) -> ibis.BooleanValue:
    """Whether a visit meets a condition."""
    return to_ibis(condition, visits, {"is_one_page": visits.views == 1})


def moves_of_day(
    narrow: warehouse.Snapshot, condition: Node | None, *, with_visits: bool = False
) -> pa.Table:
    """The moves of one day's visits that meet a condition (kernel.moves); all visits are needed to tell them apart.

    `with_visits`: each with its visit_id.
    """
    visits = narrow.derived("visits")
    wanted = holds(condition, visits).fill_null(False) if condition is not None else ibis.literal(True)
    told = narrow.engine.run(visits.select(*kernel.COLUMNS["visits"], is_wanted=wanted))
    tables = {"events": _events(narrow), "visits": told}
    return kernel.moves(tables, is_wanted=pc.cast(told["is_wanted"], "bool"), with_visits=with_visits)


def _events(narrow: warehouse.Snapshot) -> pa.Table:
    """What the kernel reads of one day's events: from the files as they lie in order, where the day is whole."""
    columns = kernel.COLUMNS["events"]
    if not narrow.is_cut and not narrow.plan.open_days(("events",)) and not lake.is_remote():
        files = narrow.sealed_files("events", narrow.plan.through)
        if files:
            return narrow.engine.columns_of_files(files, columns)
    schema = pa.schema([schemas.EVENTS.field(name) for name in columns])
    return narrow.engine.run(narrow.raw("events").select(*columns)).cast(schema)
