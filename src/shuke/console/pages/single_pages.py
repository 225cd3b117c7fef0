"""Which pages are seen, and what happens on them? All pages, one page with its ways, and where it was clicked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext, pgettext_lazy
from django.views.decorators.http import require_safe

from shuke.console import click_picture, figures, report_page, route_view, viewstate, words
from shuke.console.pages import evidence, routes
from shuke.console.pages.overview import definition_url
from shuke.kernel import clock
from shuke.rulebook import reads as rulebook
from shuke.shops import navigation
from shuke.shops.access import page
from shuke.shops.csv_out import csv_response, wants_csv
from shuke.shops.page_request import PageRequest
from shuke.shops.roles import Deed
from shuke.shops.tables import Column, build_paged_table, build_table, page_number
from shuke.traffic import reads as visits_of
from shuke.traffic.routes import reads as planned
from shuke.traffic.single_pages import reads as traffic

navigation.register(
    navigation.NavigationEntry(
        "single_pages",
        pgettext_lazy("sidebar", "Pages"),
        "eye",
        "console:single_pages",
        Deed.VIEW_TRAFFIC,
        "traffic",
        44,
    )
)
SIZE = 50
HEATS: dict[str, tuple[str | Promise, str]] = {
    "hot": (pgettext_lazy("page", "hot"), "now"),
    "cold": (pgettext_lazy("page", "cold"), "warn"),
}
CLICK_KINDS: dict[str, str | Promise] = {
    "marked": pgettext_lazy("click", "marked element"),
    "outbound": pgettext_lazy("click", "link that leads out"),
}
# What belongs to a table or to one page, not to the view.
OWN = ("page", "sort", "q", "format", "table", "path", "heat")


def read_state(request: PageRequest, at: datetime) -> viewstate.ViewState:
    """The view of planned routes, with the one comparison that the address names."""
    return report_page.compared_once(request, routes.read_state(request, at))


@require_safe
@page(Deed.VIEW_TRAFFIC)
def single_pages(request: PageRequest, shop: str) -> HttpResponseBase:
    """The shell of all pages; `?format=csv` is the table as a file."""
    at = clock.now()
    access = request.access
    state = read_state(request, at)
    if wants_csv(request.GET):
        found = _ask(request, state, at)
        has_before = found.against_period is not None
        header = [
            gettext("Page"),
            gettext("Type of page"),
            gettext("Hot or cold"),
            *report_page.file_heads(traffic.ROW_METRICS, has_before=has_before),
        ]
        rows = (
            [
                row.path,
                row.type,
                row.heat,
                *report_page.file_cells(row.figures, row.then, access.shop.currency, has_before=has_before),
            ]
            for row in _kept(request, found)
        )
        return csv_response(access, f"pages-{state.period.start}-{state.period.last}", header, rows)
    context = {
        **report_page.shell(request, state),
        "heat": _heat(request),
    }
    return render(request, "console/single_pages.html", context)


def _head(metric: Any) -> str:
    return f"{figures.title(metric)} ({metric.id} v{metric.version})"


def _heat(request: PageRequest) -> str:
    asked = request.GET.get("heat", "")
    return asked if asked in HEATS else ""


def _ask(request: PageRequest, state: viewstate.ViewState, at: Any) -> traffic.PageList:
    shop = request.access.shop
    paths = planned.planned_paths(shop)
    return traffic.page_list(
        shop=shop,
        period=state.period,
        condition=state.condition,
        planned=paths,
        against=report_page.against(state),
        custom=state.custom,
        at=at,
    )


def _kept(request: PageRequest, found: traffic.PageList) -> list[traffic.PageRow]:
    heat = _heat(request)
    return [row for row in found.rows if not heat or row.heat == heat]


@require_safe
@page(Deed.VIEW_TRAFFIC)
def table(request: PageRequest, shop: str) -> HttpResponse:
    """The fragment: what is hot and cold, and the table of all pages."""
    at = clock.now()
    state = read_state(request, at)
    found = _ask(request, state, at)
    heat = _heat(request)
    context = {
        "found": found,
        "heat": heat,
        "sentence": _sentence(found),
        "counts": {name: sum(row.heat == name for row in found.rows) for name in HEATS},
        "table": build_table(
            request, "pages", _columns(request, state), _kept(request, found), default_sort="-page_views"
        ),
        "against": report_page.compared_words(state),
        **report_page.table_frame(request, "console:single_pages", found.until),
        "few": words.count(found.few),
    }
    return render(request, "console/pieces/single_pages_table.html", context)


def _sentence(found: traffic.PageList) -> str:
    if not found.rows or not found.views:
        return ""
    if found.is_part:
        return gettext("Hot and cold are told of all visits: take the filter away to see them.")
    if not found.is_judged:
        return gettext("%(views)s views are too few to call pages hot or cold.") % {
            "views": words.count(found.views)
        }
    hot = [row for row in found.rows if row.heat == "hot"]
    cold = [row for row in found.rows if row.heat == "cold"]
    unseen = sum(not row.figures[0].value for row in cold)
    said = ngettext(
        "%(count)s page, “%(first)s”, holds %(share)s%% of the views.",
        "%(count)s pages hold %(share)s%% of the views, “%(first)s” the most.",
        len(hot),
    ) % {
        "count": words.count(len(hot)),
        "share": found.hot_share,
        "first": route_view.page_words(hot[0].path if hot else ""),
    }
    more = ngettext("%(count)s page is cold", "%(count)s pages are cold", len(cold)) % {
        "count": words.count(len(cold))
    }
    if unseen:
        more += gettext(", %(count)s of them without any view") % {"count": words.count(unseen)}
    is_chinese = words.locale().language == "zh"
    return f"{said}{more}。" if is_chinese else f"{said} {more}."


def _columns(request: PageRequest, state: viewstate.ViewState) -> list[Column[traffic.PageRow]]:
    label, currency = report_page.compared_words(state), request.access.shop.currency

    def number(place: int, metric: Any) -> Column[traffic.PageRow]:
        return Column(
            metric.id,
            figures.title(metric),
            lambda row: row.figures[place].value,
            "figure_change",
            is_number=True,
            shown=lambda row: figures.FigureWithChange(
                row.figures[place], _change(row, place, label, currency)
            ),
        )

    first: list[Column[traffic.PageRow]] = [
        Column(
            "path",
            gettext("Page"),
            lambda row: row.path,
            "link",
            is_first=True,
            is_searched=True,
            shown=lambda row: {
                "text": route_view.page_words(row.path),
                "url": _url(request, row.path),
                "sub": str(viewstate.PAGE_TYPES.get(row.type, row.type)),
            },
        ),
        Column(
            "heat", gettext("Hot or cold"), lambda row: row.heat, "badge", shown=lambda row: _badge(row.heat)
        ),
    ]
    return first + [number(place, metric) for place, metric in enumerate(traffic.ROW_METRICS)]


def _change(row: traffic.PageRow, place: int, against: str, currency: str) -> figures.Change | None:
    if not row.then:
        return None
    return figures.change_between(row.figures[place], row.then[place], against, currency)


def _badge(heat: str) -> dict[str, Any]:
    title, tone = HEATS.get(heat, ("", ""))
    return {"text": str(title), "tone": tone}


def _query(request: PageRequest, **own: str) -> str:
    query = request.GET.copy()
    for name in OWN:
        query.pop(name, None)
    for name, value in own.items():
        query[name] = value
    return query.urlencode()


def _url(request: PageRequest, path: str) -> str:
    return reverse("console:single_page", args=[request.access.shop.slug]) + "?" + _query(request, path=path)


# --- one page


@require_safe
@page(Deed.VIEW_TRAFFIC)
def single_page(request: PageRequest, shop: str) -> HttpResponseBase:
    """The shell of one page (`path`); `?format=csv` is its days, with `table=ways` its ways, with `clicks` its cells."""
    at = clock.now()
    access = request.access
    state = read_state(request, at)
    path = request.GET.get("path", "/")
    if wants_csv(request.GET):
        return _page_csv(request, state, path, at)
    context = {
        **report_page.shell(request, state),
        "path": path,
        "name": route_view.page_words(path),
        "back_url": reverse("console:single_pages", args=[shop]) + "?" + _query(request),
        "route_url": reverse("console:new_route", args=[shop]),
        "may_manage": access.may(Deed.MANAGE_TRAFFIC) and path.startswith("/"),
    }
    return render(request, "console/single_page.html", context)


def _report(request: PageRequest, state: viewstate.ViewState, path: str, at: Any) -> traffic.PageReport:
    return traffic.page_report(
        shop=request.access.shop,
        path=path,
        period=state.period,
        condition=state.condition,
        against=report_page.against(state),
        custom=state.custom,
        at=at,
    )


@require_safe
@page(Deed.VIEW_TRAFFIC)
def answer(request: PageRequest, shop: str) -> HttpResponse:
    """The fragment of one page: its numbers, its course by day, from where and where to."""
    at = clock.now()
    access = request.access
    state = read_state(request, at)
    path = request.GET.get("path", "/")
    found = _report(request, state, path, at)
    titles = rulebook.channel_titles(state.today, access.shop)
    visits_url = reverse("console:single_page_visits", args=[shop]) + "?" + _query(request, path=path)
    context = {
        "found": found,
        "path": path,
        "type": str(viewstate.PAGE_TYPES.get(found.row.type, "")),
        "until": words.clock_time(found.until, access.shop.zone) if found.until else "",
        "numbers": [
            {
                "figure": one,
                "title": figures.title(one.metric),
                "definition": definition_url(access, one.metric),
                "few": figures.few_words(one),
                "change": _change(found.row, place, report_page.compared_words(state), access.shop.currency),
                "url": visits_url if one.metric.id == "page_visits" and one.value else "",
            }
            for place, one in enumerate(found.row.figures)
        ],
        "against": report_page.compared_words(state),
        "picture": _picture(request, found),
        "days": [(words.short_day(one.day), one.figures) for one in found.days],
        "heads": [figures.title(metric) for metric in traffic.ROW_METRICS],
        "came_from": [_way(request, way, path, gettext("the visit began here")) for way in found.came_from],
        "went_to": [_way(request, way, path, gettext("the visit ended here")) for way in found.went_to],
        "channels": [
            {
                "name": str(titles.get(way.path or "", way.path or "")),
                "count": words.count(way.count),
                **_drawn(way),
            }
            for way in found.channels
        ],
        "table_page": reverse("console:single_page", args=[shop]),
        "is_exportable": access.may(Deed.EXPORT_TABLES),
    }
    return render(request, "console/pieces/single_page_answer.html", context)


def _way(request: PageRequest, way: traffic.Way, path: str, nowhere: str) -> dict[str, Any]:
    if way.path is None:
        name = nowhere
    elif way.path == path:
        name = gettext("%(page)s again (reload)") % {"page": route_view.page_words(path)}
    else:
        name = route_view.page_words(way.path)
    is_page = way.path is not None and way.path != path
    return {
        "name": name,
        "url": _url(request, way.path) if is_page and way.path is not None else "",
        "is_exit": way.path is None,
        "count": words.count(way.count),
        **_drawn(way),
    }


def _drawn(way: traffic.Way) -> dict[str, Any]:
    return {"share": words.percent(way.share, 1), "width": float(way.share) * 100}


def _picture(request: PageRequest, found: traffic.PageReport) -> dict[str, Any]:
    names = (0, 1)
    return {
        "kind": "line",
        "unit": "count",
        "language": "zh-CN" if words.locale().language == "zh" else "en",
        "currency": request.access.shop.currency,
        "digits": 0,
        "labels": [words.short_day(one.day) for one in found.days],
        "series": [
            {
                "name": figures.title(traffic.ROW_METRICS[place]),
                "values": [int(one.figures[place].value or 0) for one in found.days],
            }
            for place in names
        ],
        "is_past": found.until is None,
        "edge": None,
        "edge_name": "",
    }


def _page_csv(request: PageRequest, state: viewstate.ViewState, path: str, at: Any) -> HttpResponseBase:
    access = request.access
    asked = request.GET.get("table", "")
    span = f"{state.period.start}-{state.period.last}"
    if asked == "clicks":
        heat = _clicks(request, state, path, at)
        rows: Iterator[Sequence[Any]] = ([x, y, clicks] for (x, y), clicks in heat.cells.items())
        return csv_response(access, f"page-clicks-{span}", ["x", "y", "clicks"], rows)
    if asked == "elements":
        heat = _clicks(request, state, path, at)
        rows = ([one.kind, one.label, one.href, one.clicks, one.share] for one in heat.elements)
        return csv_response(
            access, f"page-elements-{span}", ["kind", "label", "href", "clicks", "share"], rows
        )
    found = _report(request, state, path, at)
    if asked == "ways":
        ways = [("from", way) for way in found.came_from] + [("to", way) for way in found.went_to]
        rows = ([side, way.path, way.path is None, way.count, way.share] for side, way in ways)
        return csv_response(access, f"page-ways-{span}", ["side", "page", "is_end", "views", "share"], rows)
    rows = ([one.day, *(figure.value for figure in one.figures)] for one in found.days)
    return csv_response(access, f"page-{span}", [gettext("Day"), *map(_head, traffic.ROW_METRICS)], rows)


# --- where it was clicked


def _terminal(state: viewstate.ViewState) -> str | None:
    return next((one.value for one in state.filters if one.name == "terminal" and one.value != "-"), None)


def _clicks(request: PageRequest, state: viewstate.ViewState, path: str, at: Any) -> traffic.ClickHeat:
    return traffic.click_heat(
        shop=request.access.shop, path=path, period=state.period, terminal=_terminal(state), at=at
    )


def _stay(request: PageRequest, state: viewstate.ViewState, path: str) -> dict[str, str] | None:
    """How long the page could be seen by what the page tracker told; None where it told nothing."""
    told = visits_of.page_stays(shop=request.access.shop, period=state.period, page_path=path)
    if not told:
        return None
    return {
        "text": words.seconds(Decimal(told[0].milliseconds) / 1000 / told[0].views),
        "views": words.count(told[0].views),
        "visitors": words.count(told[0].visitors),
    }


@require_safe
@page(Deed.VIEW_TRAFFIC)
def clicks(request: PageRequest, shop: str) -> HttpResponse:
    """The fragment of one page's clicks: the heat over its outline, the cells and the elements."""
    at = clock.now()
    access = request.access
    state = read_state(request, at)
    path = request.GET.get("path", "/")
    found = _clicks(request, state, path, at)
    elements: list[Column[Any]] = [
        Column(
            "label", gettext("Element"), lambda one: one.label or one.href, is_first=True, is_searched=True
        ),
        Column("kind", gettext("Kind"), lambda one: str(CLICK_KINDS.get(one.kind, one.kind))),
        Column("href", gettext("Leads to"), lambda one: one.href, "wide", is_searched=True),
        Column("clicks", gettext("Clicks"), lambda one: one.clicks, "count", is_number=True),
        Column(
            "share",
            gettext("Share"),
            lambda one: one.share,
            "share",
            is_number=True,
            shown=lambda one: report_page.drawn_share(one.share),
        ),
    ]
    metric = found.clicks.metric
    context = {
        "found": found,
        "stay": _stay(request, state, path),
        "state": state,
        "picture": click_picture.draw(found),
        "other_filters": any(one.name != "terminal" for one in state.filters),
        "terminal": str(viewstate.TERMINALS.get(_terminal(state) or "", "")),
        "visitors": words.count(found.visitors),
        "table": build_table(request, "page-elements", elements, found.elements, default_sort="-clicks"),
        "table_page": reverse("console:single_page", args=[shop]),
        "table_source": request.path,
        "is_exportable": access.may(Deed.EXPORT_TABLES),
        "definition": definition_url(access, metric),
        "title": figures.title(metric),
        "keys_url": reverse("console:keys", args=[shop]) if access.may(Deed.MANAGE_KEYS) else "",
    }
    return render(request, "console/pieces/single_page_clicks.html", context)


@require_safe
@page(Deed.VIEW_TRAFFIC)
def visits(request: PageRequest, shop: str) -> HttpResponseBase:
    """The visits in which the page was viewed: as many as the number says."""
    at = clock.now()
    access = request.access
    state = read_state(request, at)
    path = request.GET.get("path", "/")

    asked: dict[str, Any] = {
        "shop": access.shop,
        "path": path,
        "period": state.period,
        "condition": state.condition,
        "at": at,
    }
    if wants_csv(request.GET):
        rows = traffic.every_page_visit(**asked)
        return evidence.rows_as_csv(access, "page-visits", traffic.COLUMNS, rows, at)
    number = page_number(request)
    told = traffic.page_visits(**asked, page=number, size=SIZE)
    context = {
        "state": state,
        "name": route_view.page_words(path),
        "table": build_paged_table(
            request,
            "page-visits",
            evidence.page_columns(access, traffic.COLUMNS, at),
            told.rows,
            count=told.count,
            page=number,
            size=SIZE,
        ),
        "back_url": _url(request, path),
        "is_exportable": access.may(Deed.EXPORT_TABLES),
    }
    return render(request, "console/single_page_visits.html", context)
