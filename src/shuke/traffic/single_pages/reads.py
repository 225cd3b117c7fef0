"""Pages with their numbers, one page with its ways, where it was clicked, and the visits behind."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.compute as pc

from shuke.conditions.reads import Node
from shuke.kernel.errors import Invalid
from shuke.kernel.periods import ONE_DAY, Period, local_day
from shuke.rulebook import reads as rulebook
from shuke.shops.reads import ShopView
from shuke.traffic.by_day import days_shown, every_row
from shuke.traffic.decisions import compared, so_far
from shuke.traffic.figures import Figure
from shuke.traffic.reads.evidence import COLUMNS as EVIDENCE_COLUMNS
from shuke.traffic.reads.trails import TrailAsker, ask_trails
from shuke.traffic.single_pages import decisions, questions, whole
from shuke.traffic.single_pages.shapes import (
    BOUNCE,
    CLICKS,
    METRICS,
    ROW_METRICS,
    Clicked,
    ClickHeat,
    PageDay,
    PageList,
    PageReport,
    PageRow,
    PageVisits,
    Way,
)
from shuke.traffic.tracked import GRID_COLUMNS, GRID_ROWS
from shuke.warehouse import reads as warehouse
from shuke.warehouse.reads import LaidOut, Stretch

__all__ = [
    "GRID_COLUMNS",
    "GRID_ROWS",
    "METRICS",
    "ROW_METRICS",
    "ClickHeat",
    "Clicked",
    "PageDay",
    "PageList",
    "PageReport",
    "PageRow",
    "PageVisits",
    "Way",
    "click_heat",
    "every_page_visit",
    "page_bounce",
    "page_list",
    "page_report",
    "page_visits",
]
RULES = "common.single_pages."
MOST_WAYS = 50
LARGEST_PAGE = 1000
LONGEST_PATH = 2000
COLUMNS = EVIDENCE_COLUMNS["visit"]


def page_list(
    *,
    shop: ShopView,
    period: Period,
    condition: Node | None = None,
    planned: Iterable[str] = (),
    against: str | None = None,
    custom: Period | None = None,
    at: datetime,
) -> PageList:
    """All pages of a period by the visits that meet a condition, most viewed first, and which are hot and cold.

    `against`: before, yesterday, last_week, or custom with its own period; cut at the same time of the shop's clock where
    the period still runs. A page that only the other period knows is there too, without a view. Raises Invalid.

    Known pages without a view come last: `planned` ones, and those that any visit viewed in the days before the period
    (rule known_days). Under a condition there are neither, and nothing is called hot or cold: what some visits did not view
    others may have.
    """
    until = so_far(shop, period, at)
    hot, cold, days, few = (
        _rule(shop, name, at) for name in ("hot_share", "cold_share", "known_days", "few_views")
    )
    other = compared(shop, period, against, custom, at)
    rows, entries = _summed(shop, period, until, condition)
    sums: dict[str, dict[str, Any]] = {row["page_path"]: row for row in rows}
    if condition is None:
        before = _known(shop, Period(period.start - ONE_DAY * days, period.start)) if days else {}
        for path, kind in [*before.items(), *((path, "") for path in planned)]:
            sums.setdefault(path, {"page_path": path, "page_type": kind})
    told = [(path, int(one.get("views", 0))) for path, one in sums.items()]
    heats = decisions.heats(told, hot, cold, few) if condition is None else {}
    views = sum(count for _path, count in told)
    then: dict[str, dict[str, Any]] = {}
    if other is not None:
        old, entered = _summed(shop, *other, condition)
        then = {row["page_path"]: row | {"entries": entered.get(row["page_path"], 0)} for row in old}
        for path, one in then.items():
            sums.setdefault(path, {"page_path": path, "page_type": one["page_type"]})
    found = (
        PageRow(
            path,
            one["page_type"],
            decisions.figures({**one, "entries": entries.get(path, 0)}),
            heats.get(path, ""),
            decisions.figures(then.get(path, {})) if other is not None else (),
        )
        for path, one in sums.items()
    )
    ordered = sorted(found, key=lambda row: (-(row.figures[0].numerator or 0), row.path))
    is_part = condition is not None
    is_judged = views >= few and not is_part
    against_period = other[0] if other is not None else None
    return PageList(
        tuple(ordered), period, until, views, is_judged, few, hot, cold, days, is_part, against_period
    )


def _rule(shop: ShopView, name: str, at: datetime) -> int:
    return int(rulebook.value_for(shop, RULES + name, local_day(at, shop.zone)).value)


def _summed(
    shop: ShopView, period: Period, until: datetime | None, condition: Node | None
) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """The sums of each page of the visits that meet a condition, and its entries."""
    found = None
    if condition is None:
        found = warehouse.ask(shop, period, lambda snapshot: _whole_pages(snapshot, until))
    return found or ask_trails(shop, period, until, condition, _page_sums)


def _whole_pages(
    snapshot: warehouse.Snapshot, until: datetime | None
) -> tuple[list[dict[str, Any]], dict[str, int]] | None:
    """The sums of pages of all visits; None where not all days are added up."""
    laid = LaidOut(snapshot, [Stretch(snapshot.period, until)])
    return whole.pages(laid, snapshot.period.length) if whole.is_summed(laid) else None


def _page_sums(ask: TrailAsker) -> tuple[list[dict[str, Any]], dict[str, int]]:
    rows = ask("pages", lambda tables: questions.pages(questions.views_of(tables["trails"])))
    entries = ask("entries", lambda tables: questions.entries(tables["visits"]), of=("visits",))
    return rows, {row["page_path"]: row["entries"] for row in entries}


def _known(shop: ShopView, period: Period) -> dict[str, str]:
    """Pages that were viewed in a period, with their type."""

    def question(snapshot: warehouse.Snapshot) -> list[dict[str, Any]]:
        laid = LaidOut(snapshot, [Stretch(period)])
        if whole.is_summed(laid):
            return whole.known(laid)
        ask = TrailAsker(snapshot, None)
        return ask("known", lambda tables: questions.known(tables["page_flows"]), of=("page_flows",))

    return {row["page_path"]: row["page_type"] for row in warehouse.ask(shop, period, question)}


def page_report(
    *,
    shop: ShopView,
    path: str,
    period: Period,
    condition: Node | None = None,
    against: str | None = None,
    custom: Period | None = None,
    at: datetime,
) -> PageReport:
    """One page of a period: its numbers, by day, from where and where to. A page that nobody viewed has zeros. `against` as
    of `page_list`, of its numbers.

    Raises Invalid for a path that is too long, and for an unknown comparison."""
    _check(path)
    until = so_far(shop, period, at)

    found = None
    if condition is None:
        found = warehouse.ask(shop, period, lambda snapshot: _whole_page(snapshot, until, path))
    if found is None:
        found = ask_trails(shop, period, until, condition, lambda ask: _page_of_trails(ask, path))
    other = compared(shop, period, against, custom, at)
    then = _sums_of_one(shop, *other, path, condition) if other is not None else None
    entries = sum(found.entries.values())
    sums: dict[str, Any] = found.sums or dict.fromkeys((*questions.SUMS_OF_DAYS, "page_type"))
    views = int(sums["views"] or 0)
    came = [
        Way(row["page_path"], row["page_type"], row["views"], _of(row["views"], views))
        for row in found.came_from
    ]
    came += [Way(None, "", entries, _of(entries, views))] if entries else []
    went = [Way(row["next_path"], "", row["views"], _of(row["views"], views)) for row in found.went_to]
    channels = [Way(name, "", count, _of(count, entries)) for name, count in found.channels.items()]
    came, went, channels = (sorted(ways, key=_most_first) for ways in (came, went, channels))
    return PageReport(
        row=PageRow(
            path,
            sums["page_type"] or "",
            decisions.figures({**sums, "entries": entries}),
            "",
            decisions.figures(then) if then is not None else (),
        ),
        period=period,
        until=until,
        days=_days(found.days, found.entries, period, until, shop),
        came_from=tuple(came[:MOST_WAYS]),
        went_to=tuple(went[:MOST_WAYS]),
        channels=tuple(channels),
        more_from=max(0, len(came) - MOST_WAYS),
        more_to=max(0, len(went) - MOST_WAYS),
    )


def _sums_of_one(
    shop: ShopView, period: Period, until: datetime | None, path: str, condition: Node | None
) -> dict[str, Any]:
    """The sums of one page and its entries, of the visits that meet a condition."""

    def of_sums(snapshot: warehouse.Snapshot) -> dict[str, Any] | None:
        laid = LaidOut(snapshot, [Stretch(snapshot.period, until)])
        return whole.summed_of(laid, snapshot.period.length, path) if whole.is_summed(laid) else None

    def of_trails(ask: TrailAsker) -> dict[str, Any]:
        sums = ask(
            ("whole", path), lambda tables: questions.pages(questions.views_of(tables["trails"], path), None)
        )
        entered = ask(
            ("entries of", path),
            lambda tables: questions.entries(tables["visits"], "page_path", path),
            of=("visits",),
        )
        return sums[0] | {"entries": sum(row["entries"] for row in entered)}

    found = warehouse.ask(shop, period, of_sums) if condition is None else None
    return ask_trails(shop, period, until, condition, of_trails) if found is None else found


def page_bounce(
    *, shop: ShopView, path: str, period: Period, condition: Node | None = None, at: datetime
) -> Figure:
    """Of the views of one page, the share after which no other page was opened (B-199, A-154). Raises Invalid."""
    _check(path)
    return decisions.figure(BOUNCE, _sums_of_one(shop, period, so_far(shop, period, at), path, condition))


def _whole_page(snapshot: warehouse.Snapshot, until: datetime | None, path: str) -> whole.OnePage | None:
    """One page of all visits; None where not all days are added up."""
    laid = LaidOut(snapshot, [Stretch(snapshot.period, until)])
    return whole.one_page(laid, snapshot.period.length, path) if whole.is_summed(laid) else None


def _page_of_trails(ask: TrailAsker, path: str) -> whole.OnePage:
    """One page of the visits that meet the condition."""

    def views(tables: Mapping[str, ibis.Table]) -> ibis.Table:
        return questions.views_of(tables["trails"], path)

    def entries(by: str) -> dict[Any, int]:
        rows = ask(
            ("entries by", by, path),
            lambda tables: questions.entries(tables["visits"], by, path),
            of=("visits",),
        )
        return {row[by]: row["entries"] for row in rows}

    return whole.OnePage(
        ask(("whole", path), lambda tables: questions.pages(views(tables), None))[0],
        ask(("days", path), lambda tables: questions.pages(views(tables), "local_day")),
        ask(("to", path), lambda tables: questions.went_to(tables["trails"], path)),
        ask(("from", path), lambda tables: questions.came_from(tables["trails"], path)),
        entries("local_day"),
        entries("channel"),
    )


def _of(part: int, whole: int) -> Any:
    return decisions.share(part, whole)


def _most_first(way: Way) -> tuple[int, str]:
    return -way.count, way.path or ""


def _days(
    rows: Sequence[Mapping[str, Any]],
    entries: Mapping[date, int],
    period: Period,
    until: datetime | None,
    shop: ShopView,
) -> tuple[PageDay, ...]:
    """Every day of the period that has begun, those without a view too."""
    known = {row["local_day"]: row for row in rows}
    last = period.last if until is None else local_day(until, shop.zone)
    days = [day for day in period.days() if day <= last]
    return tuple(
        PageDay(day, decisions.figures({**known.get(day, {}), "entries": entries.get(day, 0)}))
        for day in days
    )


def _check(path: str) -> None:
    if len(path) > LONGEST_PATH or "\x00" in path:
        raise Invalid(field="path", value=path)


def page_visits(
    *,
    shop: ShopView,
    path: str,
    period: Period,
    condition: Node | None = None,
    page: int = 1,
    size: int = 50,
    at: datetime,
) -> PageVisits:
    """One page of the visits in which a page was viewed, newest first. Raises Invalid."""
    _check(path)
    if page < 1:
        raise Invalid(field="page", value=page)
    if not 1 <= size <= LARGEST_PAGE:
        raise Invalid(field="size", value=size)

    def behind(tables: Mapping[str, ibis.Table]) -> ibis.Table:
        return tables["visits"].semi_join(questions.seen_in(tables["trails"], path), ["shop_id", "visit_id"])

    def counted(tables: Mapping[str, ibis.Table]) -> ibis.Table:
        rows = behind(tables)
        return rows.aggregate(visits=rows.count())

    def of_trails(ask: TrailAsker) -> tuple[int, list[dict[str, Any]]]:
        both = ("trails", "visits")
        count = ask(("seen", path), counted, of=both)[0]["visits"]
        first = (page - 1) * size
        rows = ask(("seen rows", path, page, size), lambda t: _newest(behind(t), size, first), of=both)
        return int(count), rows

    until = so_far(shop, period, at)
    found = None
    if condition is None:
        found = warehouse.ask(shop, period, lambda snapshot: _seen_by_days(snapshot, until, path, page, size))
    count, rows = found or ask_trails(shop, period, until, condition, of_trails)
    told = tuple({name: _localised(value, shop) for name, value in row.items()} for row in rows)
    return PageVisits(COLUMNS, told, count, page, size)


def _newest(visits: ibis.Table, size: int, first: int) -> ibis.Table:
    rows = visits.order_by([ibis.desc("started_at"), ibis.desc("visit_id")])
    return rows.limit(size, offset=first).select(*COLUMNS)


def _seen_by_days(
    snapshot: warehouse.Snapshot, until: datetime | None, path: str, page: int, size: int
) -> tuple[int, list[dict[str, Any]]] | None:
    """How many of all visits viewed a page, and those that one page shows; None where not all days are added up.

    Sums of days tell how many there are on each, and no visit crosses a midnight: few days hold those that are wanted."""
    laid = LaidOut(snapshot, [Stretch(snapshot.period, until)])
    if not whole.is_summed(laid):
        return None
    by_day = whole.visits_by_day(laid, path)
    count = sum(by_day.values())
    days, first = days_shown(by_day, (page - 1) * size, size)
    if not days:
        return count, []
    own = LaidOut(snapshot, [Stretch(Period.inclusive(days[-1], days[0]), until)])
    rows = own.answer(
        {"visits": None, "trails": None},
        ("page visits", size, first),
        lambda t: _newest(questions.visits_on(t["visits"], t["trails"], t["one"]), size, first),
        is_kept=False,
        given={"one": whole.wanted(path)},
    )
    return count, rows.to_pylist()


def every_page_visit(
    *, shop: ShopView, path: str, period: Period, condition: Node | None = None, at: datetime
) -> Iterator[Mapping[str, Any]]:
    """All of them, for a file: COLUMNS of each, newest first. Raises Invalid."""
    _check(path)

    def behind(tables: Mapping[str, ibis.Table]) -> ibis.Table:
        rows = tables["visits"].semi_join(questions.seen_in(tables["trails"], path), ["shop_id", "visit_id"])
        return rows.order_by([ibis.desc("started_at"), ibis.desc("visit_id")]).select(*COLUMNS)

    def of_day(day: Period) -> pa.Table:
        until = so_far(shop, day, at)
        both = ("trails", "visits")
        return ask_trails(
            shop, day, until, condition, lambda ask: ask.table(("every seen", path), behind, of=both)
        )

    return every_row(shop, period, of_day)


def _localised(value: Any, shop: ShopView) -> Any:
    return value.replace(tzinfo=UTC).astimezone(shop.zone) if isinstance(value, datetime) else value


def click_heat(
    *, shop: ShopView, path: str, period: Period, terminal: str | None = None, at: datetime
) -> ClickHeat:
    """Where a page was clicked in a period, and what, on all devices or one kind of them. Raises Invalid."""
    _check(path)
    until = so_far(shop, period, at)

    def question(snapshot: warehouse.Snapshot) -> tuple[list[dict[str, Any]], int]:
        events = (snapshot if until is None else snapshot.cut(until)).raw("events")
        told = snapshot.engine.run(questions.clicks(events, path, terminal))
        sums = ("clicks", "width", "height", "sized")
        rows = told.group_by(["kind", "label", "href", "x", "y"]).aggregate([(name, "sum") for name in sums])
        named = [name.removesuffix("_sum") for name in rows.column_names]
        return rows.rename_columns(named).to_pylist(), pc.count_distinct(told["visitor_id"], "all").as_py()

    rows, visitors = warehouse.ask(shop, period, question)
    cells: Counter[tuple[int, int]] = Counter()
    elements: Counter[tuple[str, str, str]] = Counter()
    for row in rows:
        cells[row["x"], row["y"]] += row["clicks"]
        elements[row["kind"], _plain(row["label"]), _plain(row["href"])] += row["clicks"]
    whole, sized = sum(cells.values()), sum(row["sized"] for row in rows)
    ordered = sorted(elements.items(), key=lambda one: (-one[1], one[0]))
    return ClickHeat(
        path=path,
        period=period,
        until=until,
        clicks=decisions.figure(CLICKS, {"clicks": whole}),
        visitors=visitors,
        cells=dict(sorted(cells.items())),
        elements=tuple(Clicked(*what, count, decisions.share(count, whole)) for what, count in ordered),
        width=round(sum(row["width"] for row in rows) / sized) if sized else None,
        height=round(sum(row["height"] for row in rows) / sized) if sized else None,
    )


def _plain(written: str) -> str:
    """A text as JSON writes it, read."""
    try:
        return str(json.loads(f'"{written}"'))
    except ValueError:
        return written
