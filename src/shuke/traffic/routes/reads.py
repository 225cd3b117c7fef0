"""Planned routes as they are kept, and planned against real: per step, where visits leak to, and the visits behind it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any

import ibis
import pyarrow as pa
from django.utils.translation import gettext_lazy as _
from django_scopes import scope

from shuke.conditions.reads import Node
from shuke.kernel.errors import Invalid, NotFound
from shuke.kernel.periods import Period, local_day
from shuke.kernel.verdicts import Reason
from shuke.rulebook import reads as rulebook
from shuke.shops.reads import ShopView
from shuke.traffic.by_day import every_row
from shuke.traffic.decisions import compared, so_far
from shuke.traffic.figures import Figure
from shuke.traffic.reads.evidence import COLUMNS as EVIDENCE_COLUMNS
from shuke.traffic.reads.trails import TrailAsker, ask_trails
from shuke.traffic.routes import decisions, kernel, questions
from shuke.traffic.routes.models import PlannedRoute
from shuke.traffic.routes.shapes import (
    ENTERED,
    KEPT,
    METRICS,
    STEP_KINDS,
    Leak,
    Route,
    RouteReport,
    RouteVisits,
    Step,
    StepPage,
    StepReport,
)
from shuke.traffic.saved.shapes import kept

__all__ = [
    "ENTERED",
    "KEPT",
    "METRICS",
    "STEP_KINDS",
    "Leak",
    "Route",
    "RouteReport",
    "RouteVisits",
    "Step",
    "StepPage",
    "StepReport",
    "every_route_visit",
    "get_route",
    "list_routes",
    "planned_paths",
    "route_report",
    "route_visits",
    "view",
]

FEW = "common.routes.few_visits"
MOST_LEAKS = 10
MOST_PAGES = 200
LARGEST_PAGE = 1000
COLUMNS = EVIDENCE_COLUMNS["visit"]
NOBODY = Reason("nobody_before", _("No visit reached the step before."))
NO_VISITS = Reason("no_visits", _("There were no visits."))
_PLACES = Decimal("0.000001")
Rows = Sequence[Mapping[str, Any]]


def view(row: PlannedRoute) -> Route:
    """A route as others see it."""
    return Route(steps=decisions.of_kept(row.steps), **kept(row))


def list_routes(shop: ShopView, *, is_archived: bool = False) -> tuple[Route, ...]:
    """The routes of a shop by name; those in use, or those that are archived."""
    with scope(shop=shop.id):
        rows = PlannedRoute.objects.filter(archived_at__isnull=not is_archived).order_by("name", "pk")
        return tuple(view(row) for row in rows)


def planned_paths(shop: ShopView) -> tuple[str, ...]:
    """The pages that steps of the routes in use name, by path."""
    steps = (step for route in list_routes(shop) for step in route.steps)
    return tuple(sorted({step.value for step in steps if step.kind == "page"}))


def get_route(shop: ShopView, route_id: int) -> Route:
    """One route, archived or not. Raises NotFound."""
    with scope(shop=shop.id):
        row = PlannedRoute.objects.filter(pk=route_id).first()
    if row is None:
        raise NotFound(field=str(_("planned route")), value=route_id)
    return view(row)


def route_report(
    *,
    shop: ShopView,
    steps: Sequence[Step],
    period: Period,
    condition: Node | None = None,
    against: str | None = None,
    custom: Period | None = None,
    at: datetime,
) -> RouteReport:
    """Planned against real of a period's visits that meet a condition (questions.py says what each number means).

    `against`: before, yesterday, last_week, or custom with its own period; cut at the same time of the shop's clock where
    the period still runs. Raises Invalid for an unknown comparison."""
    until = so_far(shop, period, at)
    other = compared(shop, period, against, custom, at)
    steps, what = tuple(steps), tuple(one.what for one in steps)

    def question(ask: TrailAsker, *, has_pages: bool = True) -> tuple[Rows, Rows, int]:
        count = int(ask("visits", lambda tables: _counted(tables["visits"]), of=("visits",))[0]["visits"])
        rows = ask.columns(kernel.COLUMNS)
        if rows is not None:
            walked = kernel.Walked(rows, steps)
            return walked.leaks(), walked.pages() if has_pages else (), count
        leaks = ask(("leaks", what), lambda tables: questions.leaks(tables["trails"], steps))
        if not has_pages:
            return leaks, (), count
        return leaks, ask(("pages", what), lambda tables: questions.pages(tables["trails"], steps)), count

    leaks, pages, visits = ask_trails(shop, period, until, condition, question)
    few = few_visits(shop, at)
    report = _report(steps, leaks, _pages(steps, pages, few), visits, period, until, few)
    if other is None:
        return report
    old, _none, before = ask_trails(shop, *other, condition, partial(question, has_pages=False))
    then = _report(steps, old, {}, before, *other, few)
    both = zip(report.steps, then.steps, strict=True)
    told = tuple(replace(now, then=(old_step.entered, old_step.kept)) for now, old_step in both)
    return replace(report, steps=told, against_period=other[0])


def few_visits(shop: ShopView, at: datetime) -> int:
    """Fewer visits than this are not judged in this shop."""
    return int(rulebook.value_for(shop, FEW, local_day(at, shop.zone)).value)


def _counted(visits: ibis.Table) -> ibis.Table:
    return visits.aggregate(visits=visits.count())


def _report(
    steps: Sequence[Step],
    rows: Rows,
    pages: dict[int, tuple[StepPage, ...]],
    visits: int,
    period: Period,
    until: datetime | None,
    few: int,
) -> RouteReport:
    entered = [sum(row["visits"] for row in rows if row["depth"] >= n) for n in range(1, len(steps) + 1)]
    before = [visits, *entered]
    told = tuple(_step(n, steps, rows, entered, before[n - 1], few) for n in range(1, len(steps) + 1))
    below = [one for one in told if one.verdict == "below" and (one.missing or 0) > 0 and one.number > 1]
    leaving = [one for one in told if one.left]
    return RouteReport(
        steps=told,
        pages=pages,
        period=period,
        until=until,
        visits=visits,
        through=_kept(entered[-1], entered[0], NOBODY),
        worst=max(below, key=lambda one: (one.missing, -one.number)).number - 1 if below else None,
        most_left=max(leaving, key=lambda one: (one.left, -one.number)).number if leaving else None,
        few=few,
    )


def _step(
    number: int,
    steps: Sequence[Step],
    rows: Rows,
    entered: Sequence[int],
    before: int,
    few: int,
) -> StepReport:
    step, count = steps[number - 1], entered[number - 1]
    is_last = number == len(steps)
    left = None if is_last else count - entered[number]
    leaks = [] if is_last else [row for row in rows if row["depth"] == number]
    # Leaving first where as many left as went to some page; then by path, so that the order is always the same.
    leaks.sort(key=lambda row: (-row["visits"], row["to_path"] or ""))
    low, high = decisions.interval(count, before) or (None, None)
    return StepReport(
        number=number,
        step=step,
        entered=Figure(ENTERED, count, None, count, numerator=count),
        kept=_kept(count, before, NO_VISITS if number == 1 else NOBODY),
        low=low,
        high=high,
        verdict=decisions.judged(count, before, step.share, few),
        missing=decisions.missing(count, before, step.share),
        left=left,
        leaks=tuple(
            Leak(row["to_path"], row["to_type"] or "", row["visits"], _share(row["visits"], left or 1))
            for row in leaks[:MOST_LEAKS]
        ),
        leaks_to=len(leaks),
    )


def _share(part: int, whole: int) -> Decimal:
    return (Decimal(part) / Decimal(whole)).quantize(_PLACES)


def _kept(part: int, whole: int, reason: Reason) -> Figure:
    value = _share(part, whole) if whole else None
    return Figure(
        KEPT, value, None if whole else reason, whole, numerator=part, denominator=whole if whole else None
    )


def _pages(steps: Sequence[Step], rows: Rows, few: int) -> dict[int, tuple[StepPage, ...]]:
    found: dict[int, tuple[StepPage, ...]] = {}
    for number in range(1, len(steps)):
        own = [row for row in rows if row["step"] == number]
        own = sorted(own, key=lambda row: (-row["entered"], row["page_path"]))[:MOST_PAGES]
        share = steps[number].share
        pages = [_page(row, share, few) for row in own]
        found[number] = tuple(sorted(pages, key=lambda one: (-(_missing(one, share) or 0), one.path)))
    return found


def _missing(page: StepPage, share: Decimal | None) -> int | None:
    return decisions.missing(page.went_on, page.entered, share)


def _page(row: Mapping[str, Any], planned: Decimal | None, few: int) -> StepPage:
    low, high = decisions.interval(row["went_on"], row["entered"]) or (None, None)
    return StepPage(
        path=row["page_path"],
        type=row["page_type"],
        entered=row["entered"],
        went_on=row["went_on"],
        kept=_kept(row["went_on"], row["entered"], NOBODY),
        low=low,
        high=high,
        verdict=decisions.judged(row["went_on"], row["entered"], planned, few),
    )


def route_visits(
    *,
    shop: ShopView,
    steps: Sequence[Step],
    period: Period,
    step: int,
    only_left: bool = False,
    to_path: str | None = None,
    to_exit: bool = False,
    condition: Node | None = None,
    page: int = 1,
    size: int = 50,
    at: datetime,
) -> RouteVisits:
    """One page of the visits that entered a step, newest first; `only_left`: and not the next one, `to_path`: and went
    there instead ('': a page that states no path), `to_exit`: and left. Raises Invalid for a step that the route has not."""
    _check_step(steps, step)
    if page < 1:
        raise Invalid(field="page", value=page)
    if not 1 <= size <= LARGEST_PAGE:
        raise Invalid(field="size", value=size)
    where: dict[str, Any] = {"only_left": only_left, "to_path": to_path, "to_exit": to_exit}

    def question(ask: TrailAsker) -> RouteVisits:
        by, kinds, behind = _behind(ask, steps, step, where)

        def shown(tables: Mapping[str, ibis.Table]) -> ibis.Table:
            return _newest_first(behind(tables)).limit(size, offset=(page - 1) * size)

        count = ask(("behind", by), lambda tables: _counted(behind(tables)), of=kinds)
        found = ask(("shown", by, page, size), shown, of=kinds)
        told = tuple({k: _localised(v, shop) for k, v in row.items()} for row in found)
        return RouteVisits(COLUMNS, told, int(count[0]["visits"]), page, size)

    return ask_trails(shop, period, so_far(shop, period, at), condition, question)


def every_route_visit(
    *,
    shop: ShopView,
    steps: Sequence[Step],
    period: Period,
    step: int,
    only_left: bool = False,
    to_path: str | None = None,
    to_exit: bool = False,
    condition: Node | None = None,
    at: datetime,
) -> Iterator[Mapping[str, Any]]:
    """All of them, for a file: COLUMNS of each, newest first. Raises Invalid."""
    _check_step(steps, step)
    where: dict[str, Any] = {"only_left": only_left, "to_path": to_path, "to_exit": to_exit}

    def question(ask: TrailAsker) -> pa.Table:
        by, kinds, behind = _behind(ask, steps, step, where)
        return ask.table(("all", by), lambda tables: _newest_first(behind(tables)), of=kinds)

    def of_day(day: Period) -> pa.Table:
        return ask_trails(shop, day, so_far(shop, day, at), condition, question)

    return every_row(shop, period, of_day)


def _check_step(steps: Sequence[Step], step: int) -> None:
    if not 1 <= step <= len(steps):
        raise Invalid(field="step", value=step)


def _behind(
    ask: TrailAsker, steps: Sequence[Step], step: int, where: Mapping[str, Any]
) -> tuple[Hashable, tuple[str, ...], Callable[[Mapping[str, ibis.Table]], ibis.Table]]:
    """The visits behind a number as an expression, with what it depends on and the kinds that it reads."""
    steps = tuple(steps)
    rows = ask.columns(kernel.COLUMNS)
    if rows is None:

        def told(tables: Mapping[str, ibis.Table]) -> ibis.Table:
            ids = questions.behind(tables["trails"], steps, step, **where)
            return tables["visits"].semi_join(ids, questions.VISIT)

        key = (tuple(one.what for one in steps), step, *where.values())
        return key, ("trails", "visits"), told
    ids = kernel.Walked(rows, steps).behind(step, **where)
    held = ask.held("behind", pa.table({"visit_id": pa.array(ids, pa.int64())}))
    return "held", ("visits",), lambda tables: tables["visits"].semi_join(held, "visit_id")


def _newest_first(visits: ibis.Table) -> ibis.Table:
    return visits.order_by([ibis.desc("started_at"), ibis.desc("visit_id")]).select(*COLUMNS)


def _localised(value: Any, shop: ShopView) -> Any:
    """A moment on the shop's clock."""
    return value.replace(tzinfo=UTC).astimezone(shop.zone) if isinstance(value, datetime) else value
