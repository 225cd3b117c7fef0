"""Do visitors take the way that was planned? Planned routes, and planned against real with the leak of each step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext, ngettext, pgettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from shuke.console import figures, report_page, route_view, viewstate, words
from shuke.console.pages import evidence
from shuke.console.pages.overview import definition_url
from shuke.console.route_form import RouteForm
from shuke.kernel import clock
from shuke.kernel.errors import ShukeError
from shuke.shops import navigation
from shuke.shops.access import Access, page
from shuke.shops.csv_out import csv_response, wants_csv
from shuke.shops.page_request import PageRequest
from shuke.shops.roles import Deed
from shuke.shops.tables import Column, build_paged_table, build_table, page_number
from shuke.traffic.routes import actions
from shuke.traffic.routes import reads as traffic

navigation.register(
    navigation.NavigationEntry(
        "routes",
        pgettext_lazy("sidebar", "Planned routes"),
        "hierarchy",
        "console:routes",
        Deed.VIEW_TRAFFIC,
        "traffic",
        42,
    )
)
SIZE = 50
_OWN = ("page", "sort", "q", "format", "table", "step", "left", "where", "exit")


def read_state(request: PageRequest, at: datetime) -> viewstate.ViewState:
    """The view that the address names; without a range the last thirty days, since a route needs many visits."""
    shop = request.access.shop
    return viewstate.read_view(request, shop, at.astimezone(shop.zone).date(), default="last30")


@require_safe
@page(Deed.VIEW_TRAFFIC)
def routes(request: PageRequest, shop: str) -> HttpResponseBase:
    """The routes that are in use, and (`archived=1`) those that are not."""
    access = request.access
    is_archived = request.GET.get("archived") == "1"
    found = traffic.list_routes(access.shop, is_archived=is_archived)
    if wants_csv(request.GET):
        header = ["id", "name", "steps", "version", "changed_by", "changed_at"]
        rows = ([one.id, one.name, _way(one), one.version, one.changed_by, one.changed_at] for one in found)
        return csv_response(access, "routes", header, rows)
    columns: list[Column[traffic.Route]] = [
        Column(
            "name",
            gettext("Route"),
            lambda one: one.name,
            "link",
            is_first=True,
            is_searched=True,
            shown=lambda one: {
                "text": one.name,
                "url": reverse("console:route", args=[shop, one.id]),
                "sub": _way(one),
            },
        ),
        Column("steps", gettext("Steps"), lambda one: len(one.steps), "count", is_number=True),
        Column("changed_by", gettext("Changed by"), lambda one: one.changed_by, is_searched=True),
        Column("changed_at", gettext("Changed"), lambda one: one.changed_at, "moment"),
    ]
    context = {
        "table": build_table(request, "routes", columns, found, default_sort="name"),
        "is_archived": is_archived,
        "has_archived": not is_archived and bool(traffic.list_routes(access.shop, is_archived=True)),
        "has_routes": bool(found),
        "may_manage": access.may(Deed.MANAGE_TRAFFIC),
        "is_exportable": access.may(Deed.EXPORT_TABLES),
    }
    return render(request, "console/routes.html", context)


def _way(one: traffic.Route) -> str:
    return " → ".join(route_view.step_words(step) for step in one.steps)


@require_safe
@page(Deed.VIEW_TRAFFIC)
def route(request: PageRequest, shop: str, route_id: int) -> HttpResponseBase:
    """The shell of one route; `?format=csv` is the steps, with `table=pages` the pages at each step."""
    at = clock.now()
    access = request.access
    found = traffic.get_route(access.shop, route_id)
    state = _compared_state(request, at)
    if wants_csv(request.GET):
        return _as_csv(request, found, state, at)
    context = {
        "route": found,
        **report_page.shell(request, state),
        "may_manage": access.may(Deed.MANAGE_TRAFFIC),
    }
    return render(request, "console/route.html", context)


def _compared_state(request: PageRequest, at: datetime) -> viewstate.ViewState:
    """The view of a route, with the one comparison that the address names."""
    return report_page.compared_once(request, read_state(request, at))


def _report(
    request: PageRequest, found: traffic.Route, state: viewstate.ViewState, at: datetime
) -> traffic.RouteReport:
    return traffic.route_report(
        shop=request.access.shop,
        steps=found.steps,
        period=state.period,
        condition=state.condition,
        against=report_page.against(state),
        custom=state.custom,
        at=at,
    )


def _changes(one: traffic.StepReport, state: viewstate.ViewState, currency: str) -> dict[str, Any]:
    """How what entered a step and what it kept changed."""
    label = report_page.compared_words(state)
    then = one.then or (None, None)
    pairs = zip(("entered_change", "kept_change"), (one.entered, one.kept), then, strict=True)
    return {
        name: figures.change_between(now, old, label, currency) if old is not None else None
        for name, now, old in pairs
    }


@require_safe
@page(Deed.VIEW_TRAFFIC)
def answer(request: PageRequest, shop: str, route_id: int) -> HttpResponse:
    """The fragment: the sentence, each step planned against real with its leaks, the pages at each step."""
    at = clock.now()
    access = request.access
    found = traffic.get_route(access.shop, route_id)
    state = _compared_state(request, at)
    report = _report(request, found, state, at)
    base = reverse("console:route", args=[shop, route_id])
    entered, kept = traffic.METRICS
    context = {
        "route": found,
        "report": report,
        "sentence": route_view.sentence(report),
        "rows": [
            _row(request, one, base, report) | _changes(one, state, access.shop.currency)
            for one in report.steps
        ],
        "against": report_page.compared_words(state),
        "table": _pages_table(request, report),
        **report_page.table_frame(request, "console:route", report.until, route_id),
        "pages_url": reverse("console:single_pages", args=[shop]) + "?" + _view_query(request),
        "visits": words.count(report.visits),
        "kept_definition": definition_url(access, kept),
        "kept_title": figures.title(kept, is_short=False),
        "entered_definition": definition_url(access, entered),
        "entered_title": figures.title(entered, is_short=False),
    }
    return render(request, "console/pieces/route_answer.html", context)


def _row(
    request: PageRequest, one: traffic.StepReport, base: str, report: traffic.RouteReport
) -> dict[str, Any]:
    title, tone = route_view.VERDICTS[one.verdict]
    query = _view_query(request)
    few = ""
    if one.verdict == "few" and one.kept.cases:
        few = ngettext("only %(count)s visit", "only %(count)s visits", one.kept.cases) % {
            "count": words.count(one.kept.cases)
        }
    return {
        "number": one.number,
        "name": route_view.step_words(one.step),
        "kind": one.step.kind,
        "entered": one.entered,
        "url": _visits_url(base, query, one.number),
        "kept": one.kept,
        "planned": route_view.share(one.step.share) if one.step.share is not None else "",
        "interval": route_view.between(one.low, one.high),
        "verdict": title,
        "tone": tone,
        "few": few,
        "missing": words.count(one.missing) if one.missing and one.missing > 0 else "",
        "bar": _bar(one),
        "left": one.left,
        "left_url": _visits_url(base, query, one.number, left=1),
        "is_worst": one.number == report.worst,
        "leaks": [_leak(request, base, query, one.number, leak) for leak in one.leaks],
        "more": one.leaks_to - len(one.leaks),
    }


def _bar(one: traffic.StepReport) -> dict[str, Any]:
    """Where the bar of a step ends, its interval and its plan lie, in hundredths of the drawing."""
    return {
        "kept": float(one.kept.value or 0) * 100,
        "low": float(one.low or 0) * 100,
        "width": float((one.high or 0) - (one.low or 0)) * 100,
        "planned": None if one.step.share is None else float(one.step.share) * 100,
    }


def _leak(request: PageRequest, base: str, query: str, step: int, leak: traffic.Leak) -> dict[str, Any]:
    return {
        "name": route_view.page_words(leak.path),
        "type": str(viewstate.PAGE_TYPES.get(leak.type, "")),
        "page_url": page_url(request, leak.path) if leak.path else "",
        "is_exit": leak.path is None,
        "visits": words.count(leak.visits),
        "share": words.percent(leak.share, 1),
        "width": float(leak.share) * 100,
        "url": _visits_url(
            base, query, step, left=1, **({"exit": 1} if leak.path is None else {"where": leak.path})
        ),
    }


def page_url(request: PageRequest, path: str) -> str:
    """Where a single page is looked at, in the same view."""
    query = request.GET.copy()
    for name in _OWN:
        query.pop(name, None)
    query["path"] = path
    return reverse("console:single_page", args=[request.access.shop.slug]) + "?" + query.urlencode()


def _view_query(request: PageRequest) -> str:
    query = request.GET.copy()
    for name in _OWN:
        query.pop(name, None)
    return query.urlencode()


def _visits_url(base: str, query: str, step: int, **more: Any) -> str:
    return f"{base}visits/?" + "&".join(part for part in (query, urlencode({"step": step, **more})) if part)


StepRow = tuple[int, str, traffic.StepPage]


def _pages_table(request: PageRequest, report: traffic.RouteReport) -> Any:
    rows: list[StepRow] = [
        (number, route_view.step_words(report.steps[number - 1].step), one)
        for number, found in report.pages.items()
        for one in found
    ]
    columns: list[Column[StepRow]] = [
        Column(
            "path",
            gettext("Page"),
            lambda row: row[2].path,
            "link",
            is_first=True,
            is_searched=True,
            shown=lambda row: {
                "text": route_view.page_words(row[2].path),
                "url": page_url(request, row[2].path) if row[2].path else "",
            },
        ),
        Column("step", gettext("Step"), lambda row: row[0], shown=lambda row: f"{row[0]} · {row[1]}"),
        Column("entered", gettext("Entered here"), lambda row: row[2].entered, "count", is_number=True),
        Column("went_on", gettext("Went on"), lambda row: row[2].went_on, "count", is_number=True),
        Column(
            "kept",
            gettext("Kept"),
            lambda row: row[2].kept.value,
            "figure",
            is_number=True,
            shown=lambda row: row[2].kept,
        ),
        Column(
            "interval",
            gettext("Interval, 95%"),
            lambda row: row[2].low,
            "nowrap",
            is_number=True,
            shown=lambda row: route_view.between(row[2].low, row[2].high),
        ),
        Column(
            "planned",
            gettext("Planned"),
            lambda row: report.steps[row[0]].step.share,
            "nowrap",
            is_number=True,
            shown=lambda row: route_view.share(report.steps[row[0]].step.share),
        ),
        Column(
            "verdict",
            gettext("Against the plan"),
            lambda row: row[2].verdict,
            "badge",
            shown=lambda row: _badge(row[2].verdict),
        ),
    ]
    return build_table(request, "route-pages", columns, rows)


def _badge(verdict: str) -> dict[str, Any]:
    title, tone = route_view.VERDICTS[verdict]
    return {"text": str(title), "tone": tone}


def _as_csv(
    request: PageRequest, found: traffic.Route, state: viewstate.ViewState, at: datetime
) -> HttpResponseBase:
    access = request.access
    name = f"route-{found.id}-{state.period.start}-{state.period.last}"
    report = _report(request, found, state, at)
    if request.GET.get("table") == "pages":
        header: list[Any] = ["step", "page", "type", "entered", "went_on", "kept", "low", "high", "verdict"]
        rows: Iterator[Sequence[Any]] = (
            [number, p.path, p.type, p.entered, p.went_on, p.kept.value, p.low, p.high, p.verdict]
            for number, of_step in report.pages.items()
            for p in of_step
        )
        return csv_response(access, f"{name}-pages", header, rows)
    header = ["step", "name", "entered", "planned", "kept", "low", "high", "verdict", "missing", "left"]
    header += ["entered before", "kept before"] if report.against_period else []
    header += ["leak", "leak_visits"]

    def lines() -> Iterator[Sequence[Any]]:
        for one in report.steps:
            told = [one.number, route_view.step_words(one.step), one.entered.value, one.step.share]
            told += [one.kept.value, one.low, one.high, one.verdict, one.missing, one.left]
            told += [figure.value for figure in one.then or ()]
            for leak in one.leaks or (None,):
                yield [
                    *told,
                    *(["", ""] if leak is None else [route_view.page_words(leak.path), leak.visits]),
                ]

    return csv_response(access, name, header, lines())


@require_safe
@page(Deed.VIEW_TRAFFIC)
def visits(request: PageRequest, shop: str, route_id: int) -> HttpResponseBase:
    """The visits behind a number: that entered a step (`step`), that left there (`left=1`), and where to (`where`, or `exit=1`)."""
    at = clock.now()
    access = request.access
    found = traffic.get_route(access.shop, route_id)
    state = read_state(request, at)
    text = request.GET.get("step", "1")
    step = int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 1
    step = min(max(step, 1), len(found.steps))
    only_left = request.GET.get("left") == "1"

    asked: dict[str, Any] = {
        "shop": access.shop,
        "steps": found.steps,
        "period": state.period,
        "step": step,
        "only_left": only_left,
        "to_path": request.GET.get("where") if only_left else None,
        "to_exit": only_left and request.GET.get("exit") == "1",
        "condition": state.condition,
        "at": at,
    }
    if wants_csv(request.GET):
        rows = traffic.every_route_visit(**asked)
        return evidence.rows_as_csv(access, f"route-{found.id}-visits", traffic.COLUMNS, rows, at)
    number = page_number(request)
    told = traffic.route_visits(**asked, page=number, size=SIZE)
    back = reverse("console:route", args=[shop, route_id])
    context = {
        "route": found,
        "state": state,
        "step": route_view.step_words(found.steps[step - 1]),
        "only_left": only_left,
        "to": _where_words(request),
        "table": build_paged_table(
            request,
            "route-visits",
            evidence.page_columns(access, traffic.COLUMNS, at),
            told.rows,
            count=told.count,
            page=number,
            size=SIZE,
        ),
        "back_url": f"{back}?{_view_query(request)}",
        "is_exportable": access.may(Deed.EXPORT_TABLES),
    }
    return render(request, "console/route_visits.html", context)


def _where_words(request: PageRequest) -> str:
    if request.GET.get("exit") == "1":
        return route_view.page_words(None)
    return route_view.page_words(request.GET["where"]) if "where" in request.GET else ""


# --- writing them down


@require_http_methods(["GET", "HEAD", "POST"])
@page(Deed.MANAGE_TRAFFIC)
def new(request: PageRequest, shop: str) -> HttpResponse:
    """Write a route down."""
    form = RouteForm.of_post(request.POST) if request.method == "POST" else RouteForm.empty(request.GET)
    return _kept(request, form, None)


@require_http_methods(["GET", "HEAD", "POST"])
@page(Deed.MANAGE_TRAFFIC)
def edit(request: PageRequest, shop: str, route_id: int) -> HttpResponse:
    """Change a route."""
    found = traffic.get_route(request.access.shop, route_id)
    form = RouteForm.of_post(request.POST) if request.method == "POST" else RouteForm.of_route(found)
    return _kept(request, form, found)


def _kept(request: PageRequest, form: RouteForm, found: traffic.Route | None) -> HttpResponse:
    access = request.access
    problem = ""
    if request.method == "POST":
        try:
            made = _save(access, form, found)
        except ShukeError as error:
            problem = form.problem(error)
        else:
            messages.success(request, gettext("The route is saved."))
            return redirect("console:route", access.shop.slug, made.id)
    context = {"form": form, "route": found, "problem": problem}
    return render(request, "console/route_form.html", context, status=422 if problem else 200)


def _save(access: Access, form: RouteForm, found: traffic.Route | None) -> traffic.Route:
    if found is None:
        return access.do(actions.save_route, name=form.name, steps=form.steps())
    return access.do(
        actions.change_route, route_id=found.id, name=form.name, steps=form.steps(), version=form.version
    )


@require_POST
@page(Deed.MANAGE_TRAFFIC)
def archive(request: PageRequest, shop: str, route_id: int) -> HttpResponse:
    """Take a route out of use; it can be taken back."""
    request.access.do(actions.archive_route, route_id=route_id)
    messages.success(request, gettext("The route is archived. It can be used again at any time."))
    return redirect("console:route", shop, route_id)


@require_POST
@page(Deed.MANAGE_TRAFFIC)
def restore(request: PageRequest, shop: str, route_id: int) -> HttpResponse:
    """Use an archived route again."""
    try:
        request.access.do(actions.restore_route, route_id=route_id)
    except (actions.NameTaken, actions.TooManyRoutes) as error:
        messages.error(request, str(error))
    else:
        messages.success(request, gettext("The route is in use again."))
    return redirect("console:route", shop, route_id)
