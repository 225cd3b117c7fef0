"""Which ways do customers take through the shop? From channel through pages, step by step, to an order or away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext, pgettext, pgettext_lazy
from django.views.decorators.http import require_safe

from shuke.console import figures, report_page, viewstate, words
from shuke.console import map_view as view
from shuke.console.pages import evidence
from shuke.console.pages.overview import definition_url, read_state
from shuke.kernel import clock
from shuke.kernel.errors import Invalid
from shuke.rulebook import reads as rulebook
from shuke.shops import navigation
from shuke.shops.access import Access, page
from shuke.shops.csv_out import csv_response, wants_csv
from shuke.shops.page_request import PageRequest
from shuke.shops.roles import Deed
from shuke.shops.tables import Column, build_paged_table, build_table, page_number
from shuke.traffic import reads as traffic
from shuke.traffic.flows import reads as flows

navigation.register(
    navigation.NavigationEntry(
        "traffic_map",
        pgettext_lazy("sidebar", "Traffic map"),
        "sitemap",
        "console:traffic_map",
        Deed.VIEW_TRAFFIC,
        "traffic",
        25,
    )
)
SIZE = 50
# Ways of fewer visits are left out of the picture, where there are many.
LEAST_DRAWN = Decimal("0.005")
MANY_LINKS = 60
MOST_RANKED = 30


@require_safe
@page(Deed.VIEW_TRAFFIC)
def traffic_map(request: PageRequest, shop: str) -> HttpResponseBase:
    """The shell; `?format=csv` is the table as a file."""
    at = clock.now()
    state = _state(request, at)
    if wants_csv(request.GET):
        return _as_csv(request, state, _ask(request, state, at))
    context = {
        **report_page.shell(request, state),
        "steps": view.steps_asked(request),
        "depths": range(traffic.FEWEST_STEPS, traffic.MOST_STEPS + 1),
    }
    return render(request, "console/traffic_map.html", context)


def _state(request: PageRequest, at: datetime) -> viewstate.ViewState:
    """The view, with the one comparison that the address names."""
    return report_page.compared_once(request, read_state(request, at))


def _ask(request: PageRequest, state: viewstate.ViewState, at: datetime) -> flows.ComparedMap:
    return flows.compared_map(
        shop=request.access.shop,
        period=state.period,
        steps=view.steps_asked(request),
        opened=view.opened_asked(request),
        condition=state.condition,
        against=report_page.against(state),
        custom=state.custom,
        at=at,
    )


@require_safe
@page(Deed.VIEW_TRAFFIC)
def answer(request: PageRequest, shop: str) -> HttpResponse:
    """The fragment with the numbers, the picture, the ranked list for a phone, and the table."""
    at = clock.now()
    access = request.access
    state = _state(request, at)
    both = _ask(request, state, at)
    found = both.now
    namer = view.Names(request, state, found)
    rows = _rows(both)
    drawn = _drawn(found, rows)
    context = {
        "state": state,
        "map": found,
        "facts": _facts(access, state, both),
        "against": report_page.compared_words(state),
        "picture": _picture(request, found, drawn, namer),
        "is_tall": len(found.nodes) > 28,
        "left_out": len(rows) - len(drawn),
        "least": words.percent(LEAST_DRAWN, 1),
        "ranks": [_rank(request, found, row, namer) for row in rows_ranked(rows)],
        "opens": namer.opens(),
        "opened": namer.opened_words(),
        "hidden": words.count(found.pages_hidden) if found.pages_hidden else "",
        "hidden_url": view.folded_url(request, "others"),
        "cost": words.count(found.events_read) if found.events_read else "",
        "table": build_table(
            request,
            "flows",
            _columns(request, state, namer),
            [*rows, *_gone(both)],
            default_sort="-visits",
        ),
        **report_page.table_frame(request, "console:traffic_map", found.until),
    }
    return render(request, "console/pieces/traffic_map_answer.html", context)


def figures_of(found: traffic.FlowMap) -> tuple[traffic.Figure, ...]:
    """Visits that viewed a page, and the share of them that ordered."""
    return (counted(found.visits), order_rate(found.ordered_visits, found.visits))


def _facts(access: Access, state: viewstate.ViewState, both: flows.ComparedMap) -> list[tuple[Any, ...]]:
    """The numbers of the whole map, each with its definition and its change."""
    then = figures_of(both.then) if both.then is not None else (None, None)
    return [
        (
            figures.title(one.metric),
            one,
            definition_url(access, one.metric),
            _change(one, old, report_page.compared_words(state), access.shop.currency),
        )
        for one, old in zip(figures_of(both.now), then, strict=True)
    ]


def _change(
    now: traffic.Figure, then: traffic.Figure | None, against: str, currency: str
) -> figures.Change | None:
    return figures.change_between(now, then, against, currency) if then is not None else None


def counted(visits: int) -> traffic.Figure:
    return traffic.Figure(traffic.metric("visits"), visits, None, visits, numerator=visits)


def order_rate(ordered: int, visits: int) -> traffic.Figure:
    value = (Decimal(ordered) / Decimal(visits)).quantize(Decimal("0.000001")) if visits else None
    return traffic.Figure(traffic.ORDER_RATE, value, None, visits, numerator=ordered, denominator=visits)


def _rows(both: flows.ComparedMap) -> list[view.Row]:
    nodes = {node.key: node for node in both.now.nodes}
    return [
        view.Row(link, nodes[link.source], nodes[link.target], both.before(link)) for link in both.now.links
    ]


def _gone(both: flows.ComparedMap) -> list[view.Row]:
    """Ways that were taken in the other period alone."""
    nodes = {node.key: node for node in both.now.nodes}
    rows = []
    for link in both.gone:
        ends = [
            nodes.get(key) or replace(both.nodes[key], visits=0, ordered_visits=0)
            for key in (link.source, link.target)
        ]
        rows.append(view.Row(replace(link, visits=0, ordered_visits=0), ends[0], ends[1], link))
    return rows


def rows_ranked(rows: Sequence[view.Row]) -> list[view.Row]:
    """The largest ways, for a phone."""
    return sorted(rows, key=lambda row: -row.link.visits)[:MOST_RANKED]


def _drawn(found: traffic.FlowMap, rows: Sequence[view.Row]) -> list[view.Row]:
    if len(rows) <= MANY_LINKS or not found.visits:
        return list(rows)
    opened = {"page", "others"}
    return [
        row
        for row in rows
        if Decimal(row.link.visits) / Decimal(found.visits) >= LEAST_DRAWN
        or (row.source.kind in opened and row.link.visits > 1)
        or row.target.kind in opened
    ]


def _picture(
    request: PageRequest, found: traffic.FlowMap, rows: Sequence[view.Row], namer: view.Names
) -> dict[str, Any]:
    used = {key for row in rows for key in (row.link.source, row.link.target)}
    last = found.steps + 1
    depth = {"channel": 0, "more": last, "order": last + 1, "exit": last + 1}
    return {
        "kind": "sankey",
        "unit": "count",
        "language": "zh-CN" if words.locale().language == "zh" else "en",
        "visits_word": pgettext("traffic map", "visits"),
        "nodes": [
            {
                "name": node.key,
                "label": namer.words(node),
                "kind": node.kind,
                "depth": depth.get(node.kind, node.step),
                "visits": node.visits,
                "ordered": words.percent(view.share_of(node.ordered_visits, node.visits), 1),
                "url": namer.url(node),
            }
            for node in found.nodes
            if node.key in used
        ],
        "links": [
            {
                "source": row.link.source,
                "target": row.link.target,
                "value": row.link.visits,
                "share": words.percent(row.share, 1),
            }
            for row in rows
        ],
        "ordered_word": gettext("ordered"),
    }


def _rank(request: PageRequest, found: traffic.FlowMap, row: view.Row, namer: view.Names) -> dict[str, Any]:
    return {
        "text": f"{namer.with_step(row.source)} → {namer.with_step(row.target)}",
        "figure": counted(row.link.visits),
        "share": words.percent(row.share, 1),
        "width": round(100 * row.link.visits / found.visits, 2) if found.visits else 0,
        "url": _visits_url(request, row),
    }


def _visits_url(request: PageRequest, row: view.Row) -> str:
    """Where the visits behind a link stand; empty for what is folded together, and for a way that nobody took."""
    way = view.way_of(row) if row.link.visits else None
    return view.visits_url(request, way) if way is not None else ""


def _columns(request: PageRequest, state: viewstate.ViewState, namer: view.Names) -> list[Column[view.Row]]:
    def node(key: str, title: str, side: str, *, is_first: bool) -> Column[view.Row]:
        def one(row: view.Row) -> traffic.FlowNode:
            return row.source if side == "source" else row.target

        def shown(row: view.Row) -> dict[str, str]:
            return {"text": namer.words(one(row)), "url": namer.url(one(row)), "sub": namer.step(one(row))}

        return Column(
            key, title, lambda row: namer.with_step(one(row)), "flow_node", is_first=is_first, is_searched=True,
            shown=shown,
        )  # fmt: skip

    label, currency = report_page.compared_words(state), request.access.shop.currency

    def visits(row: view.Row) -> dict[str, Any]:
        now, then = counted(row.link.visits), counted(row.then.visits) if row.then is not None else None
        return {
            "figure": now,
            "url": _visits_url(request, row),
            "change": _change(now, then, label, currency),
        }

    def rate(row: view.Row) -> dict[str, Any]:
        now = order_rate(row.link.ordered_visits, row.link.visits)
        then = order_rate(row.then.ordered_visits, row.then.visits) if row.then is not None else None
        return {"figure": now, "change": _change(now, then, label, currency)}

    return [
        node("source", pgettext("traffic map", "From"), "source", is_first=True),
        node("target", pgettext("traffic map", "To"), "target", is_first=False),
        Column(
            "visits",
            figures.title(traffic.metric("visits")),
            lambda row: row.link.visits,
            "entrance_figure",
            is_number=True,
            shown=visits,
        ),
        Column(
            "share",
            pgettext("traffic map", "Of those who came here"),
            lambda row: row.share,
            "share",
            is_number=True,
            shown=lambda row: report_page.drawn_share(row.share),
        ),
        Column(
            "order_rate",
            figures.title(traffic.ORDER_RATE),
            lambda row: view.share_of(row.link.ordered_visits, row.link.visits),
            "entrance_figure",
            is_number=True,
            shown=rate,
        ),
    ]


def _as_csv(request: PageRequest, state: viewstate.ViewState, both: flows.ComparedMap) -> HttpResponseBase:
    header = [
        "from_kind",
        "from_step",
        "from",
        "to_kind",
        "to_step",
        "to",
        "visits",
        "share",
        "ordered_visits",
    ]
    header += ["visits before", "ordered_visits before"] if both.then is not None else []

    def cells(node: traffic.FlowNode) -> list[Any]:
        has_step = node.kind in ("type", "page", "others")
        return [node.kind, node.step if has_step else None, node.name]

    lines = (
        [
            *cells(row.source),
            *cells(row.target),
            row.link.visits,
            round(row.share, 6),
            row.link.ordered_visits,
            *(_before(row) if both.then is not None else ()),
        ]
        for row in (*_rows(both), *_gone(both))
    )
    name = f"traffic-map-{state.period.start}-{state.period.last}"
    return csv_response(request.access, name, header, lines)


def _before(row: view.Row) -> list[int | None]:
    return [None, None] if row.then is None else [row.then.visits, row.then.ordered_visits]


# --- the visits behind a link


@require_safe
@page(Deed.VIEW_TRAFFIC)
def visits(request: PageRequest, shop: str) -> HttpResponseBase:
    """The visits that took one way of the map."""
    at = clock.now()
    access = request.access
    state = read_state(request, at)
    way = _way(request)

    asked: dict[str, Any] = {
        "shop": access.shop,
        "period": state.period,
        "way": way,
        "condition": state.condition,
    }
    if wants_csv(request.GET):
        name = f"traffic-map-visits-{state.period.start}-{state.period.last}"
        rows = traffic.every_flow_visit(**asked)
        return evidence.rows_as_csv(access, name, traffic.SHOWN, rows, at)
    number = page_number(request)
    found = traffic.flow_visits(**asked, page=number, size=SIZE)
    columns = evidence.page_columns(access, found.columns, at)
    titles = rulebook.channel_titles(state.today, access.shop)
    context = {
        "state": state,
        "way": view.way_words(way, titles),
        "figure": counted(found.count),
        "table": build_paged_table(
            request, "way-visits", columns, found.rows, count=found.count, page=number, size=SIZE
        ),
        "cost": words.count(found.events_read) if found.events_read else "",
        "is_exportable": access.may(Deed.EXPORT_TABLES),
        "back_url": view.map_url(request),
    }
    return render(request, "console/traffic_map_visits.html", context)


def _way(request: PageRequest) -> traffic.Way:
    step = request.GET.get("step", "")
    if not step.isascii() or not step.isdigit() or len(step) > 3:
        raise Invalid(field="step", value=step)
    where = {
        name: None if value == view.UNKNOWN else value
        for name in ("channel", "from_type", "from_path", "to_type", "to_path")
        if (value := request.GET.get(f"w_{name}")) is not None
    }
    return traffic.Way(request.GET.get("kind", ""), int(step), where)
