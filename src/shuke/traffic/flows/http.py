"""The API of entrances and flows: entrances with bounce and advice, ways between pages, the traffic map, and the visits
behind a way; the tables also as CSV. Days are the shop's; `end` is not included."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Literal

from ninja import Query, Router, Schema

from shuke.kernel import clock
from shuke.shops.access import ShopRequest, api
from shuke.shops.csv_out import csv_response
from shuke.shops.roles import Deed
from shuke.traffic import reads
from shuke.traffic.flows.reads import ComparedMap, FoldedPages, compared_map, folded_pages
from shuke.traffic.http_shapes import FigureOut, PeriodOut, ReasonOut, RowsOut
from shuke.traffic.http_shared import (
    CONDITION,
    PAGE,
    PAGE_SIZE,
    AgainstIn,
    Format,
    condition_asked,
    figure_told,
    lines_as_csv,
    period_asked,
    period_told,
    reason_told,
    rows_told,
)

router = Router()
UNKNOWN = "-"


class AdviceOut(Schema):
    """`code`: raise, mend, lower, keep, too_few. `low` and `high`: the interval of the bounce; `rules`: by which rules."""

    code: str
    reasons: list[ReasonOut]
    rules: list[str]
    low: float | None
    high: float | None


class EntranceOut(Schema):
    page_type: str | None
    path: str | None
    figures: list[FigureOut]
    against: list[FigureOut]
    advice: AdviceOut | None


class EntrancesOut(Schema):
    """`median`: of the bounces of the `judged` entrances that have enough visits. `count` rows in all, of which one page."""

    period: PeriodOut
    by: str
    until: datetime | None
    against_period: PeriodOut | None
    median: float | None
    judged: int
    least_visits: int
    count: int
    page: int
    size: int
    total: EntranceOut
    rows: list[EntranceOut]
    notes: list[ReasonOut]


class FlowOut(Schema):
    keys: dict[str, Any]
    moves: int
    ordered_moves: int
    stay_seconds: int


class FlowsOut(Schema):
    """`events_read`: 0 where sums answered, else how many events were followed for the condition."""

    period: PeriodOut
    by: list[str]
    count: int
    events_read: int
    rows: list[FlowOut]


class NodeOut(Schema):
    key: str
    kind: str
    step: int
    name: str | None
    page_type: str | None
    visits: int
    ordered_visits: int


class LinkBeforeOut(Schema):
    visits: int
    ordered_visits: int


class LinkOut(Schema):
    """`then`: in the other period; null where none is compared, or where other pages stand together there."""

    source: str
    target: str
    visits: int
    ordered_visits: int
    then: LinkBeforeOut | None


class MapOut(Schema):
    period: PeriodOut
    until: datetime | None
    steps: int
    visits: int
    ordered_visits: int
    pages_hidden: int
    events_read: int
    against_period: PeriodOut | None
    visits_then: int | None
    ordered_visits_then: int | None
    nodes: list[NodeOut]
    links: list[LinkOut]


class FoldedPageOut(Schema):
    path: str | None
    page_type: str | None
    visits: int
    ordered_visits: int


class FoldedPagesOut(Schema):
    """`step`: of the visit at which these pages are seen; `count` of them in all, `visits` of all of them together."""

    period: PeriodOut
    of: str
    step: int
    page_type: str | None
    count: int
    page: int
    size: int
    visits: int
    ordered_visits: int
    events_read: int
    rows: list[FoldedPageOut]


class FlowVisitsOut(RowsOut):
    events_read: int


@router.get("/shops/{shop}/traffic/entrances", response=EntrancesOut, operation_id="get_entrances")
@api(Deed.VIEW_TRAFFIC)
def get_entrances(
    request: ShopRequest,
    shop: str,
    compared: Query[AgainstIn],
    start: date,
    end: date,
    by: Literal["page", "type"] = "page",
    condition: str | None = CONDITION,
    page: int = PAGE,
    size: int = Query(100, ge=1, le=1000),
    format: Format = "json",
) -> Any:
    """Through which pages visits came in, with bounce (B-198), order rate and advice (A-155, A-156), most visits first."""
    found = reads.entrances(
        shop=request.access.shop,
        period=period_asked(start, end),
        by=by,
        **compared.told(),
        condition=condition_asked(condition),
        at=clock.now(),
    )
    if format == "csv":
        return csv_response(request.access, f"entrances-{start}-{end}", *_entrances_table(found))
    return entrances_told(found, found.rows[(page - 1) * size : page * size]) | {"page": page, "size": size}


def entrances_told(found: reads.Entrances, rows: Sequence[reads.Entrance]) -> dict[str, Any]:
    """Entrances in the API's form, with some of their rows."""
    return {
        "period": period_told(found.period),
        "by": found.by,
        "until": found.until,
        "against_period": period_told(found.against_period) if found.against_period else None,
        "median": float(found.median) if found.median is not None else None,
        "judged": found.judged,
        "least_visits": found.limits.least_visits,
        "count": len(found.rows),
        "total": _entrance(found.total),
        "rows": [_entrance(row) for row in rows],
        "notes": [reason_told(note) for note in found.notes],
    }


@router.get("/shops/{shop}/traffic/flows", response=FlowsOut, operation_id="get_flows")
@api(Deed.VIEW_TRAFFIC)
def get_flows(
    request: ShopRequest,
    shop: str,
    start: date,
    end: date,
    by: str = Query("kind,from_path,to_path", max_length=200),
    from_path: str | None = Query(None, max_length=2000),
    to_path: str | None = Query(None, max_length=2000),
    condition: str | None = CONDITION,
    limit: int = Query(100, ge=1, le=10_000),
    format: Format = "json",
) -> Any:
    """How often visits entered, went from page to page, left or ended in an order, most often first.

    `by`: some of local_day, kind, channel, step, from_type, from_path, to_type, to_path; channel and step only with types.
    """
    where = {
        name: value for name, value in (("from_path", from_path), ("to_path", to_path)) if value is not None
    }
    found = reads.flows(
        shop=request.access.shop,
        period=period_asked(start, end),
        by=tuple(part.strip() for part in by.split(",") if part.strip()),
        where=where,
        condition=condition_asked(condition),
        limit=limit,
    )
    if format == "csv":
        header = [*found.by, "moves", "ordered_moves", "stay_seconds"]
        lines = (
            [*flow.keys.values(), flow.moves, flow.ordered_moves, flow.stay_seconds] for flow in found.rows
        )
        return csv_response(request.access, f"flows-{start}-{end}", header, lines)
    return flows_told(found)


def flows_told(found: reads.Flows) -> dict[str, Any]:
    """Flows in the API's form."""
    return {
        "period": period_told(found.period),
        "by": list(found.by),
        "count": found.count,
        "events_read": found.events_read,
        "rows": [{**vars(flow), "keys": dict(flow.keys)} for flow in found.rows],
    }


@router.get("/shops/{shop}/traffic/map", response=MapOut, operation_id="get_traffic_map")
@api(Deed.VIEW_TRAFFIC)
def get_traffic_map(
    request: ShopRequest,
    shop: str,
    compared: Query[AgainstIn],
    start: date,
    end: date,
    steps: int = Query(4, ge=1, le=100),
    open_type: str | None = Query(None, max_length=40, description="a page type to open, - for none stated"),
    open_step: int = Query(1, ge=1, le=100),
    condition: str | None = CONDITION,
    format: Format = "json",
) -> Any:
    """From channel through pages, step by step, to an order or away; at every node as much comes in as goes out."""
    found = compared_map(
        shop=request.access.shop,
        period=period_asked(start, end),
        steps=steps,
        opened=_opened(open_type, open_step),
        condition=condition_asked(condition),
        **compared.told(),
        at=clock.now(),
    )
    if format == "csv":
        return csv_response(request.access, f"traffic-map-{start}-{end}", *map_table(found))
    return map_told(found)


@router.get("/shops/{shop}/traffic/map/folded", response=FoldedPagesOut, operation_id="list_folded_pages")
@api(Deed.VIEW_TRAFFIC)
def list_folded_pages(
    request: ShopRequest,
    shop: str,
    start: date,
    end: date,
    of: Literal["others", "more"],
    steps: int = Query(4, ge=1, le=100),
    open_type: str | None = Query(None, max_length=40, description="of `others`: the page type that is open"),
    open_step: int = Query(1, ge=1, le=100),
    condition: str | None = CONDITION,
    page: int = PAGE,
    size: int = PAGE_SIZE,
    format: Format = "json",
) -> Any:
    """What stands together in a place of the map: the smaller pages of an opened type, or the pages after the last step."""
    found = folded_pages(
        shop=request.access.shop,
        period=period_asked(start, end),
        of=of,
        steps=steps,
        opened=_opened(open_type, open_step),
        condition=condition_asked(condition),
    )
    if format == "csv":
        names = tuple(FoldedPageOut.model_fields)
        lines = ([getattr(one, name) for name in names] for one in found.rows)
        return csv_response(request.access, f"map-{of}-{start}-{end}", names, lines)
    return folded_told(found, page, size)


def folded_told(found: FoldedPages, page: int = 1, size: int | None = None) -> dict[str, Any]:
    """Pages of a folded place in the API's form: all of them, or one page."""
    size = size or max(len(found.rows), 1)
    names = ("of", "step", "page_type", "visits", "ordered_visits", "events_read")
    rows = found.rows[(page - 1) * size : page * size]
    return {name: getattr(found, name) for name in names} | {
        "period": period_told(found.period),
        "count": len(found.rows),
        "page": page,
        "size": size,
        "rows": [{name: getattr(one, name) for name in FoldedPageOut.model_fields} for one in rows],
    }


def _opened(open_type: str | None, open_step: int) -> tuple[str | None, int] | None:
    return None if open_type is None else (None if open_type == UNKNOWN else open_type, open_step)


def map_told(both: ComparedMap) -> dict[str, Any]:
    """The map in the API's form; ways that only the other period knows have no visit."""
    found, then = both.now, both.then
    links = [(link, both.before(link)) for link in found.links]
    links += [(replace(link, visits=0, ordered_visits=0), link) for link in both.gone]
    known = {node.key for node in found.nodes}
    ends = {key for link in both.gone for key in (link.source, link.target)} - known
    gone = (replace(both.nodes[key], visits=0, ordered_visits=0) for key in sorted(ends))
    return {
        "period": period_told(found.period),
        "until": found.until,
        "steps": found.steps,
        "visits": found.visits,
        "ordered_visits": found.ordered_visits,
        "pages_hidden": found.pages_hidden,
        "events_read": found.events_read,
        "against_period": period_told(then.period) if then is not None else None,
        "visits_then": then.visits if then is not None else None,
        "ordered_visits_then": then.ordered_visits if then is not None else None,
        "nodes": [vars(node) for node in (*found.nodes, *gone)],
        "links": [
            vars(link) | {"then": old and {"visits": old.visits, "ordered_visits": old.ordered_visits}}
            for link, old in links
        ],
    }


def map_table(both: ComparedMap) -> tuple[Sequence[str], Iterator[Sequence[Any]]]:
    """The links of the map as a table; a type and a page have a step."""
    nodes = both.nodes
    header = [f"{side}_{name}" for side in ("from", "to") for name in ("kind", "step", "type", "name")]

    def cells(key: str) -> list[Any]:
        node = nodes[key]
        step = node.step if node.kind in ("type", "page", "others") else None
        return [node.kind, step, node.page_type, node.name]

    header += ["visits", "ordered_visits"]
    header += ["visits before", "ordered_visits before"] if both.then is not None else []

    def before(old: reads.FlowLink | None) -> list[int | None]:
        if both.then is None:
            return []
        return [None, None] if old is None else [old.visits, old.ordered_visits]

    def lines() -> Iterator[list[Any]]:
        for link in both.now.links:
            ends = [*cells(link.source), *cells(link.target)]
            yield [*ends, link.visits, link.ordered_visits, *before(both.before(link))]
        for link in both.gone:
            yield [*cells(link.source), *cells(link.target), 0, 0, *before(link)]

    return header, lines()


@router.get("/shops/{shop}/traffic/map/visits", response=FlowVisitsOut, operation_id="get_flow_visits")
@api(Deed.VIEW_TRAFFIC)
def get_flow_visits(
    request: ShopRequest,
    shop: str,
    start: date,
    end: date,
    kind: Literal["entry", "move", "exit", "order"],
    step: int = Query(..., ge=0, le=100),
    channel: str | None = Query(None, max_length=200, description="as of all of these: - for not stated"),
    from_type: str | None = Query(None, max_length=200),
    from_path: str | None = Query(None, max_length=2000),
    to_type: str | None = Query(None, max_length=200),
    to_path: str | None = Query(None, max_length=2000),
    condition: str | None = CONDITION,
    page: int = PAGE,
    size: int = PAGE_SIZE,
    format: Format = "json",
) -> Any:
    """The visits behind a link of the map, newest first."""
    asked = {
        "channel": channel, "from_type": from_type, "from_path": from_path, "to_type": to_type, "to_path": to_path,
    }  # fmt: skip
    where = {name: None if value == UNKNOWN else value for name, value in asked.items() if value is not None}
    period, node = period_asked(start, end), condition_asked(condition)
    way = reads.Way(kind, step, where)
    if format == "csv":
        rows = reads.every_flow_visit(shop=request.access.shop, period=period, way=way, condition=node)
        return lines_as_csv(request.access, f"flow-visits-{start}-{end}", reads.SHOWN, rows)
    found = reads.flow_visits(
        shop=request.access.shop, period=period, way=way, condition=node, page=page, size=size
    )
    return rows_told(request.access, found) | {"events_read": found.events_read}


def _entrance(row: reads.Entrance) -> dict[str, Any]:
    advice = row.advice
    return {
        "page_type": row.page_type,
        "path": row.path,
        "figures": [figure_told(one) for one in row.figures],
        "against": [figure_told(one) for one in row.against],
        "advice": advice
        and {
            "code": advice.code,
            "reasons": [reason_told(one) for one in advice.reasons],
            "rules": list(advice.rules),
            "low": advice.low,
            "high": advice.high,
        },
    }


def _entrances_table(found: reads.Entrances) -> tuple[list[str], Iterator[list[Any]]]:
    names = [f"{one.id}.v{one.version}" for one in found.metrics]
    header = ["page_type", "path", *names, *(f"{name} before" for name in names if found.against_period)]
    header += ["advice", "bounce_low", "bounce_high"] if found.by == "page" else []

    def lines() -> Iterator[list[Any]]:
        for row in found.rows:
            cells = [row.page_type, row.path, *(figure.value for figure in (*row.figures, *row.against))]
            yield cells + ([row.advice.code, row.advice.low, row.advice.high] if row.advice else [])

    return header, lines()
