"""The overview: how the shop is doing. The shell comes at once; the answer and the picture load as fragments."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from shuke.console import choices, figures, report_page, viewstate
from shuke.console.pages.picture import draw_series
from shuke.console.sentences import cause_words, largest_cause, sentence
from shuke.console.split import drawn_split
from shuke.kernel import clock
from shuke.rulebook import reads as rulebook
from shuke.shops import navigation
from shuke.shops.access import Access, page
from shuke.shops.csv_out import csv_response, wants_csv
from shuke.shops.page_request import PageRequest
from shuke.shops.roles import Deed
from shuke.shops.tables import Column, build_table
from shuke.traffic import reads as traffic

navigation.register(
    navigation.NavigationEntry(
        "overview",
        pgettext_lazy("sidebar", "Overview"),
        "layout-dashboard",
        "console:overview",
        Deed.VIEW_TRAFFIC,
        "traffic",
        10,
    )
)

GROUPS: tuple[tuple[str | Promise, tuple[str, ...]], ...] = (
    (
        _("Visits"),
        (
            "pv",
            "uv_period",
            "uv_day",
            "visits",
            "bounce_visitor",
            "bounce_entrance",
            "bounce_page",
            "views_per_visitor",
            "stay_per_visitor",
            "stay_per_visit",
            "depth",
        ),
    ),
    (_("Towards the order"), ("carts", "cart_rate", "conversion")),
)
ORDERS = _("Orders and amounts")


@dataclass(frozen=True)
class MetricCell:
    """A metric's name in a table: opens its definition."""

    text: str
    url: str
    sub: str


def read_state(request: PageRequest, at: datetime) -> viewstate.ViewState:
    """The view that the address names, on the shop's day."""
    shop = request.access.shop
    return viewstate.read_view(request, shop, at.astimezone(shop.zone).date())


def evidence_url(access: Access, request: PageRequest, metric: Any, until: datetime | None) -> str:
    """Where the facts behind a number of this view stand, at the same moment."""
    query = request.GET.copy()
    for name in ("page", "sort", "q", "format", "against", "metric", "also", "until"):
        query.pop(name, None)
    query["v"] = str(metric.version)
    if until is not None:
        query["until"] = until.isoformat()
    return reverse("console:evidence", args=[access.shop.slug, metric.id]) + "?" + query.urlencode()


def definition_url(access: Access, metric: Any) -> str:
    path = reverse("console:definition", args=[access.shop.slug, metric.id])
    return path if metric.is_default else path + "?" + urlencode({"v": metric.version})


def _group_of(metric_id: str) -> str:
    return str(next((title for title, ids in GROUPS if metric_id in ids), ORDERS))


def _place(metric_id: str) -> int:
    """The order of reading: visits, the way to the order, orders; the sort keeps the rulebook's order inside."""
    return next((place for place, (_title, ids) in enumerate(GROUPS) if metric_id in ids), len(GROUPS))


@require_safe
@page(Deed.VIEW_TRAFFIC)
def overview(request: PageRequest, shop: str) -> HttpResponseBase:
    """The shell with its bar, and skeletons of the size of what comes; `?format=csv` is the table as a file."""
    at = clock.now()
    state = read_state(request, at)
    if wants_csv(request.GET):
        return _as_csv(request, state, at)
    picks = choices.picked_numbers(request.access)
    context = {
        **report_page.shell(request, state),
        "picks": picks,
        "all_metrics": _pickable(request.access, picks),
        "most": choices.MOST,
    }
    return render(request, "console/overview.html", context)


def _pickable(access: Access, picks: tuple[tuple[str, int], ...]) -> list[dict[str, Any]]:
    """Every metric for the picker, by group, with those that are picked."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for name, version in choices.metrics_of(access):
        definition = rulebook.metric_definition(name, version)
        metric = traffic.metric(name, version)
        one = {
            "value": f"{name}.{version}",
            "title": figures.title(metric),
            "is_picked": (name, version) in picks,
            "words": str(definition.definition),
        }
        groups.setdefault(_group_of(name), []).append(one)
    return [{"title": title, "metrics": metrics} for title, metrics in groups.items()]


def _ask(request: PageRequest, state: viewstate.ViewState, at: datetime) -> traffic.Overview:
    also = [pair for pair in map(choices.parse_pick, request.GET.getlist("also")[:8]) if pair]
    return traffic.overview(
        shop=request.access.shop,
        period=state.period,
        against=state.against,
        custom=state.custom,
        condition=state.condition,
        metrics=choices.metrics_of(request.access, also),
        at=at,
    )


@require_safe
@page(Deed.VIEW_TRAFFIC)
def answer(request: PageRequest, shop: str) -> HttpResponse:
    """The fragment with the sentence, the picked numbers, the split of the amount and the whole table."""
    at = clock.now()
    access = request.access
    state = read_state(request, at)
    found = _ask(request, state, at)
    rows = {(row.metric.id, row.metric.version): row for row in found.rows}
    by_id = {row.metric.id: row for row in found.rows if row.metric.is_default}
    cells = [
        _cell(request, state, rows[pair], found) for pair in choices.picked_numbers(access) if pair in rows
    ]
    first = viewstate.against_words(state, state.against[0]) if state.against else ""
    context = {
        "state": state,
        "overview": found,
        "sentence": sentence(
            amount=by_id.get("amount_paid"),
            visitors=by_id.get("uv_period"),
            against=first,
            split=found.split,
            currency=access.shop.currency,
        ),
        "cause_url": _cause_url(request, state, by_id.get("uv_period")),
        "few": figures.few_words(by_id["amount_paid"].now) if "amount_paid" in by_id else "",
        "cells": cells,
        "split": drawn_split(found.split, access.shop.currency) if found.split else None,
        "split_against": first,
        "table": _table(request, state, found),
        **report_page.table_frame(request, "console:overview", found.until),
        "is_empty": all(not row.now.value for row in found.rows),
        "imports_url": _imports_url(access),
        "may_keys": access.may(Deed.MANAGE_KEYS),
        "sources_url": reverse("console:sources", args=[shop]) + "?" + request.GET.urlencode(),
        "filter_help": viewstate.FILTER_HELP,
    }
    return render(request, "console/pieces/overview_answer.html", context)


def _imports_url(access: Access) -> str:
    """The first step of an empty shop, where another room offers it to this role."""
    entry = next((entry for entry in navigation.entries() if entry.key == "imports"), None)
    return reverse(entry.url_name, args=[access.shop.slug]) if entry and access.may(entry.deed) else ""


def _cell(
    request: PageRequest, state: viewstate.ViewState, row: traffic.FigureRow, found: traffic.Overview
) -> dict[str, Any]:
    access = request.access
    changes = [
        figures.change_words(row, one, viewstate.against_words(state, one.name), access.shop.currency)
        for one in row.against
    ]
    return {
        "row": row,
        "title": figures.title(row.metric),
        "changes": [change for change in changes if change],
        "few": figures.few_words(row.now),
        "is_past": not state.has_today,
        "reason": figures.reason_words(row.now),
        "evidence": evidence_url(access, request, row.metric, found.until),
        "definition": definition_url(access, row.metric),
    }


def _cause_url(request: PageRequest, state: viewstate.ViewState, visitors: traffic.FigureRow | None) -> str:
    """Where the source behind a change of visitors is asked for; empty when the change is no more than scatter."""
    then = visitors.against[0].figure if visitors is not None and visitors.against else None
    if visitors is None or then is None or state.against[0] == "custom":
        return ""
    if not figures.is_more_than_scatter(visitors.now, then):
        return ""
    return reverse("console:overview_cause", args=[request.access.shop.slug]) + "?" + request.GET.urlencode()


@require_safe
@page(Deed.VIEW_TRAFFIC)
def cause(request: PageRequest, shop: str) -> HttpResponse:
    """The fragment of the first line that names the channel whose visitors changed most; it comes after the numbers."""
    at = clock.now()
    state = read_state(request, at)
    against = report_page.shifted(state)
    found = None
    if against is not None:
        moved = traffic.visitors_by_channel(
            shop=request.access.shop,
            period=state.period,
            against=against,
            condition=state.condition,
            at=at,
        )
        titles = rulebook.channel_titles(state.today, request.access.shop)
        rows = [(str(titles.get(name, name)), now, then) for name, now, then in moved.by_channel]
        found = largest_cause(rows, moved.now - moved.then)
    return render(request, "console/pieces/overview_cause.html", {"cause": cause_words(found)})


def _columns(
    request: PageRequest, state: viewstate.ViewState, until: datetime | None
) -> list[Column[traffic.FigureRow]]:
    access = request.access
    currency = access.shop.currency

    def against(place: int, name: str) -> Column[traffic.FigureRow]:
        label = viewstate.against_words(state, name)

        def shown(row: traffic.FigureRow) -> figures.FigureWithChange:
            one = row.against[place]
            return figures.FigureWithChange(one.figure, figures.change_words(row, one, label, currency))

        return Column(
            f"vs_{name}",
            label[:1].upper() + label[1:],
            lambda row: row.against[place].change,
            "figure_change",
            is_number=True,
            shown=shown,
        )

    return [
        Column(
            "metric",
            gettext("Metric"),
            lambda row: figures.title(row.metric),
            "metric",
            is_first=True,
            is_searched=True,
            shown=lambda row: MetricCell(figures.title(row.metric), definition_url(access, row.metric), ""),
        ),
        Column(
            "now",
            state.range_words,
            lambda row: row.now.value,
            "figure_link",
            is_number=True,
            is_sortable=False,
            shown=lambda row: {"figure": row.now, "url": evidence_url(access, request, row.metric, until)},
        ),
        *(against(place, name) for place, name in enumerate(state.against)),
    ]


def _table(request: PageRequest, state: viewstate.ViewState, found: traffic.Overview) -> Any:
    rows = sorted(found.rows, key=lambda row: _place(row.metric.id))
    return build_table(
        request,
        "metrics",
        _columns(request, state, found.until),
        rows,
        size=100,
        group=lambda row: _group_of(row.metric.id),
    )


def _as_csv(request: PageRequest, state: viewstate.ViewState, at: datetime) -> HttpResponseBase:
    """The table as a file: plain numbers with their unit, metric id and version, and what they are against."""
    access = request.access
    currency = access.shop.currency
    found = _ask(request, state, at)
    header = [
        "metric",
        "version",
        gettext("Metric"),
        "unit",
        "from",
        "to",
        "until",
        gettext("Value"),
        gettext("Cases"),
    ]
    for name in state.against:
        label = viewstate.against_words(state, name)
        header += [label, gettext("Change against %(against)s") % {"against": label}]

    def line(row: traffic.FigureRow) -> list[Any]:
        unit = currency if row.metric.unit == "money" else row.metric.unit
        cells = [
            row.metric.id,
            row.metric.version,
            figures.title(row.metric),
            unit,
            found.period.start,
            found.period.last,
        ]
        cells += [found.until, figures.cell_value(row.now, currency), row.now.cases]
        for one in row.against:
            cells += [figures.cell_value(one.figure, currency), one.change]
        return cells

    return csv_response(
        access, f"overview-{state.period.start}-{state.period.last}", header, map(line, found.rows)
    )


@require_safe
@page(Deed.VIEW_TRAFFIC)
def picture(request: PageRequest, shop: str) -> HttpResponse:
    """The fragment with the course of one number over the hours of a day or the days of a range."""
    at = clock.now()
    access = request.access
    state = read_state(request, at)
    picks = choices.picked_numbers(access)
    asked = choices.parse_pick(request.GET.get("metric", ""))
    name, version = asked if asked in choices.metrics_of(access) else picks[0]
    drawn = draw_series(access, state, name, version, at)
    tabs = [
        {
            "value": f"{i}.{v}",
            "title": figures.title(traffic.metric(i, v)),
            "is_here": (i, v) == (name, version),
        }
        for i, v in dict.fromkeys([*picks, (name, version)])
    ]
    context = {
        "state": state,
        "picture": drawn,
        "tabs": tabs,
        "overview_url": reverse("console:overview", args=[shop]),
    }
    return render(request, "console/pieces/overview_picture.html", context)


@require_POST
@page(Deed.VIEW_TRAFFIC)
def pick(request: PageRequest, shop: str) -> HttpResponse:
    """Remember which numbers stand first, and come back to the same view."""
    chosen = [pair for pair in map(choices.parse_pick, request.POST.getlist("metric")) if pair]
    choices.pick_numbers(request.access, chosen)
    query = request.POST.get("query", "")
    url = reverse("console:overview", args=[shop])
    return redirect(f"{url}?{query}" if query else url)
