"""The API of planned routes: keep them, and ask planned against real; the steps and the visits also as CSV."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any

from ninja import Field, Query, Router, Schema

from shuke.kernel import clock
from shuke.shops.access import ShopRequest, api
from shuke.shops.csv_out import csv_response
from shuke.shops.roles import Deed
from shuke.traffic.http_shapes import FigureOut, KeptOut, PeriodOut, RowsOut
from shuke.traffic.http_shared import (
    CONDITION,
    PAGE,
    PAGE_SIZE,
    AgainstIn,
    Format,
    condition_asked,
    figure_told,
    kept_told,
    lines_as_csv,
    number_told,
    period_asked,
    period_told,
    rows_told,
)
from shuke.traffic.routes import actions, decisions, reads

router = Router()


class StepIn(Schema):
    """`kind`: page, pattern, type or order. `share`: from 0 to 1, of the step before; of all visits for the first."""

    kind: str = Field(max_length=20)
    value: str = Field("", max_length=600)
    share: float | None = None


class RouteIn(Schema):
    name: str = Field(max_length=200)
    steps: list[StepIn] = Field(max_length=50)


class RouteChange(RouteIn):
    """`version` is the one that was read: a change in between is refused (409)."""

    version: int


class StepOut(Schema):
    kind: str
    value: str
    share: float | None


class RouteOut(KeptOut):
    steps: list[StepOut]


class LeakOut(Schema):
    """`path` null: they viewed no other page, that is they left."""

    path: str | None
    type: str
    visits: int
    share: float


class StepReportOut(Schema):
    """`then`: `entered` and `kept` in the other period; empty where none is compared."""

    number: int
    step: StepOut
    entered: FigureOut
    kept: FigureOut
    low: float | None
    high: float | None
    verdict: str
    missing: int | None
    left: int | None
    leaks: list[LeakOut]
    leaks_to: int
    then: list[FigureOut]


class StepPageOut(Schema):
    step: int
    path: str
    type: str
    entered: int
    went_on: int
    kept: FigureOut
    low: float | None
    high: float | None
    verdict: str


class RouteReportOut(Schema):
    period: PeriodOut
    until: datetime | None
    visits: int
    through: FigureOut
    worst: int | None
    most_left: int | None
    few: int
    against_period: PeriodOut | None
    steps: list[StepReportOut]
    pages: list[StepPageOut]


@router.get("/shops/{shop}/traffic/routes", response=list[RouteOut], operation_id="list_routes")
@api(Deed.VIEW_TRAFFIC)
def list_routes(request: ShopRequest, shop: str, archived: bool = False) -> Any:
    """The planned routes in use, or those that are archived, by name."""
    return [_route(one) for one in reads.list_routes(request.access.shop, is_archived=archived)]


@router.post("/shops/{shop}/traffic/routes", response=RouteOut, operation_id="save_route")
@api(Deed.MANAGE_TRAFFIC)
def save_route(request: ShopRequest, shop: str, given: RouteIn) -> Any:
    """Write a route down."""
    return _route(request.access.do(actions.save_route, name=given.name, steps=_steps(given)))


@router.get("/shops/{shop}/traffic/routes/{route_id}", response=RouteOut, operation_id="get_route")
@api(Deed.VIEW_TRAFFIC)
def get_route(request: ShopRequest, shop: str, route_id: int) -> Any:
    return _route(reads.get_route(request.access.shop, route_id))


@router.put("/shops/{shop}/traffic/routes/{route_id}", response=RouteOut, operation_id="change_route")
@api(Deed.MANAGE_TRAFFIC)
def change_route(request: ShopRequest, shop: str, route_id: int, given: RouteChange) -> Any:
    """Change a route that is still at the version that was read."""
    return _route(
        request.access.do(
            actions.change_route,
            route_id=route_id,
            name=given.name,
            steps=_steps(given),
            version=given.version,
        )
    )


@router.post(
    "/shops/{shop}/traffic/routes/{route_id}/archive", response=RouteOut, operation_id="archive_route"
)
@api(Deed.MANAGE_TRAFFIC)
def archive_route(request: ShopRequest, shop: str, route_id: int) -> Any:
    """Take a route out of use."""
    return _route(request.access.do(actions.archive_route, route_id=route_id))


@router.post(
    "/shops/{shop}/traffic/routes/{route_id}/restore", response=RouteOut, operation_id="restore_route"
)
@api(Deed.MANAGE_TRAFFIC)
def restore_route(request: ShopRequest, shop: str, route_id: int) -> Any:
    """Use an archived route again."""
    return _route(request.access.do(actions.restore_route, route_id=route_id))


@router.get(
    "/shops/{shop}/traffic/routes/{route_id}/report",
    response=RouteReportOut,
    operation_id="get_route_report",
)
@api(Deed.VIEW_TRAFFIC)
def get_route_report(
    request: ShopRequest,
    shop: str,
    compared: Query[AgainstIn],
    route_id: int,
    start: date,
    end: date,
    condition: str | None = CONDITION,
    format: Format = "json",
) -> Any:
    """Planned against real of each step, with the leaks, and the pages at each step."""
    found = reads.get_route(request.access.shop, route_id)
    report = reads.route_report(
        shop=request.access.shop,
        steps=found.steps,
        period=period_asked(start, end),
        condition=condition_asked(condition),
        **compared.told(),
        at=clock.now(),
    )
    if format == "csv":
        return csv_response(request.access, f"route-{route_id}-{start}-{end}", *step_table(report))
    return as_json(report)


@router.get(
    "/shops/{shop}/traffic/routes/{route_id}/visits",
    response=RowsOut,
    operation_id="list_route_visits",
)
@api(Deed.VIEW_TRAFFIC)
def list_route_visits(
    request: ShopRequest,
    shop: str,
    route_id: int,
    start: date,
    end: date,
    step: int = Query(..., ge=1, le=12),
    left: bool = False,
    to: str | None = Query(
        None, max_length=600, description="with left: went there; empty: a page without a path"
    ),
    exit: bool = Query(False, description="with left: viewed no other page, that is left the shop"),
    condition: str | None = CONDITION,
    page: int = PAGE,
    size: int = PAGE_SIZE,
    format: Format = "json",
) -> Any:
    """The visits that entered a step, or entered it and not the next (`left`), newest first."""
    access = request.access
    found = reads.get_route(access.shop, route_id)
    period, node, at = period_asked(start, end), condition_asked(condition), clock.now()

    asked: dict[str, Any] = {
        "shop": access.shop,
        "steps": found.steps,
        "period": period,
        "step": step,
        "only_left": left,
        "to_path": to if left else None,
        "to_exit": left and exit,
        "condition": node,
        "at": at,
    }
    if format == "csv":
        rows = reads.every_route_visit(**asked)
        return lines_as_csv(access, f"route-{route_id}-visits", reads.COLUMNS, rows)
    return rows_told(access, reads.route_visits(**asked, page=page, size=size))


def _steps(given: RouteIn) -> list[dict[str, Any]]:
    return [one.model_dump() for one in given.steps]


def _step(one: reads.Step) -> dict[str, Any]:
    return {"kind": one.kind, "value": one.value, "share": number_told(one.share)}


def _route(one: reads.Route) -> dict[str, Any]:
    return kept_told(one) | {"steps": [_step(step) for step in one.steps]}


def as_json(report: reads.RouteReport) -> dict[str, Any]:
    """A report as the API and the command tell it."""
    return {
        "period": period_told(report.period),
        "until": report.until,
        "visits": report.visits,
        "through": figure_told(report.through),
        "worst": report.worst,
        "most_left": report.most_left,
        "few": report.few,
        "against_period": period_told(report.against_period) if report.against_period else None,
        "steps": [
            {
                "number": one.number,
                "step": _step(one.step),
                "entered": figure_told(one.entered),
                "kept": figure_told(one.kept),
                "low": number_told(one.low),
                "high": number_told(one.high),
                "verdict": one.verdict,
                "missing": one.missing,
                "left": one.left,
                "leaks": [
                    {"path": x.path, "type": x.type, "visits": x.visits, "share": number_told(x.share)}
                    for x in one.leaks
                ],
                "leaks_to": one.leaks_to,
                "then": list(map(figure_told, one.then or ())),
            }
            for one in report.steps
        ],
        "pages": [
            {
                "step": number,
                "path": one.path,
                "type": one.type,
                "entered": one.entered,
                "went_on": one.went_on,
                "kept": figure_told(one.kept),
                "low": number_told(one.low),
                "high": number_told(one.high),
                "verdict": one.verdict,
            }
            for number, found in report.pages.items()
            for one in found
        ],
    }


def step_table(report: reads.RouteReport) -> tuple[Sequence[str], Iterator[Sequence[Any]]]:
    """The steps as a table, a line per leak."""
    header = [
        "step",
        "kind",
        "value",
        "entered",
        "planned",
        "kept",
        "low",
        "high",
        "verdict",
        "missing",
        "left",
    ]
    header += ["entered before", "kept before"] if report.against_period else []
    header += ["leak_path", "leak_is_exit", "leak_visits"]

    def lines() -> Iterator[Sequence[Any]]:
        for one in report.steps:
            kept = decisions.kept([one.step])[0]
            told = [
                one.number,
                kept["kind"],
                kept["value"],
                one.entered.value,
                one.step.share,
                one.kept.value,
            ]
            told += [one.low, one.high, one.verdict, one.missing, one.left]
            told += [figure.value for figure in one.then or ()]
            for leak in one.leaks or (None,):
                yield [
                    *told,
                    *(["", "", ""] if leak is None else [leak.path, leak.path is None, leak.visits]),
                ]

    return header, lines()
