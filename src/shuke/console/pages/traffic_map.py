"""Which ways do customers take through the shop? From channel through pages, step by step, to an order or away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext, pgettext, pgettext_lazy
from django.views.decorators.http import require_safe

from shuke.console import figures, report_page, viewstate, words
from shuke.console.pages import evidence
from shuke.console.pages.overview import definition_url, read_state
from shuke.kernel import clock
from shuke.kernel.errors import Invalid
from shuke.rulebook import reads as rulebook
from shuke.shops import navigation
from shuke.shops.access import page
from shuke.shops.csv_out import csv_response, wants_csv
from shuke.shops.page_request import PageRequest
from shuke.shops.roles import Deed
from shuke.shops.tables import Column, build_paged_table, build_table, page_number
from shuke.traffic import reads as traffic

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
UNKNOWN = "-"


@dataclass(frozen=True)
class Row:
    """A link of the map with its nodes; `left` is how many visits came to the node that it leaves."""

    link: traffic.FlowLink
    source: traffic.FlowNode
    target: traffic.FlowNode

    @property
    def share(self) -> Decimal:
        return Decimal(self.link.visits) / Decimal(self.source.visits)


@require_safe
@page(Deed.VIEW_TRAFFIC)
def traffic_map(request: PageRequest, shop: str) -> HttpResponseBase:
    """The shell; `?format=csv` is the table as a file."""
    at = clock.now()
    state = read_state(request, at)
    if wants_csv(request.GET):
        return _as_csv(request, state, _ask(request, state, at))
    context = {
        **report_page.shell(request, state),
        "steps": _steps(request),
        "depths": range(traffic.FEWEST_STEPS, traffic.MOST_STEPS + 1),
    }
    return render(request, "console/traffic_map.html", context)


def _steps(request: PageRequest) -> int:
    text = request.GET.get("steps", "")
    known = range(traffic.FEWEST_STEPS, traffic.MOST_STEPS + 1)
    return int(text) if text.isascii() and text.isdigit() and int(text[:3]) in known else 4


def _opened(request: PageRequest) -> tuple[str | None, int] | None:
    """`open=item.2`: item pages at the second step stand open."""
    name, _dot, step = request.GET.get("open", "").rpartition(".")
    if not name or not (step.isascii() and step.isdigit()) or not 1 <= int(step[:3]) <= _steps(request):
        return None
    return (None if name == UNKNOWN else name[:40]), int(step)


def _ask(request: PageRequest, state: viewstate.ViewState, at: datetime) -> traffic.FlowMap:
    return traffic.flow_map(
        shop=request.access.shop,
        period=state.period,
        steps=_steps(request),
        opened=_opened(request),
        condition=state.condition,
        at=at,
    )


@require_safe
@page(Deed.VIEW_TRAFFIC)
def answer(request: PageRequest, shop: str) -> HttpResponse:
    """The fragment with the numbers, the picture, the ranked list for a phone, and the table."""
    at = clock.now()
    access = request.access
    state = read_state(request, at)
    found = _ask(request, state, at)
    namer = _Names(request, state, found)
    rows = _rows(found)
    order_rate = figures_of(found)
    drawn = _drawn(found, rows)
    context = {
        "state": state,
        "map": found,
        "facts": [(figures.title(one.metric), one, definition_url(access, one.metric)) for one in order_rate],
        "picture": _picture(request, found, drawn, namer),
        "is_tall": len(found.nodes) > 28,
        "left_out": len(rows) - len(drawn),
        "least": words.percent(LEAST_DRAWN, 1),
        "ranks": [_rank(request, found, row, namer) for row in rows_ranked(rows)],
        "opens": namer.opens(),
        "opened": namer.opened_words(),
        "hidden": words.count(found.pages_hidden) if found.pages_hidden else "",
        "cost": words.count(found.events_read) if found.events_read else "",
        "table": build_table(request, "flows", _columns(request, found, namer), rows, default_sort="-visits"),
        **report_page.table_frame(request, "console:traffic_map", found.until),
    }
    return render(request, "console/pieces/traffic_map_answer.html", context)


def figures_of(found: traffic.FlowMap) -> tuple[traffic.Figure, ...]:
    """Visits that viewed a page, and the share of them that ordered."""
    return (_count(found.visits), _rate(found.ordered_visits, found.visits))


def _count(visits: int) -> traffic.Figure:
    return traffic.Figure(traffic.metric("visits"), visits, None, visits, numerator=visits)


def _rate(ordered: int, visits: int) -> traffic.Figure:
    value = (Decimal(ordered) / Decimal(visits)).quantize(Decimal("0.000001")) if visits else None
    return traffic.Figure(traffic.ORDER_RATE, value, None, visits, numerator=ordered, denominator=visits)


def _rows(found: traffic.FlowMap) -> list[Row]:
    nodes = {node.key: node for node in found.nodes}
    return [Row(link, nodes[link.source], nodes[link.target]) for link in found.links]


def rows_ranked(rows: Sequence[Row]) -> list[Row]:
    """The largest ways, for a phone."""
    return sorted(rows, key=lambda row: -row.link.visits)[:MOST_RANKED]


def _drawn(found: traffic.FlowMap, rows: Sequence[Row]) -> list[Row]:
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


class _Names:
    """Nodes in words, and the address that opens or folds one."""

    def __init__(self, request: PageRequest, state: viewstate.ViewState, found: traffic.FlowMap) -> None:
        self._request = request
        self._found = found
        self._channels = rulebook.channel_titles(state.today, request.access.shop)

    def words(self, node: traffic.FlowNode) -> str:
        if node.kind == "channel":
            return str(self._channels.get(node.name or "", node.name or gettext("not stated")))
        if node.kind == "page":
            return node.name if node.name is not None else gettext("states no page")
        if node.kind in ("type", "others"):
            name = self.type_words(node.page_type)
            return (
                name if node.kind == "type" else pgettext("traffic map", "%(type)s: others") % {"type": name}
            )
        return {
            "more": pgettext("traffic map", "Further pages"),
            "order": pgettext("traffic map", "Order"),
            "exit": pgettext("traffic map", "Left"),
        }[node.kind]

    def type_words(self, page_type: str | None) -> str:
        if page_type is None:
            return pgettext("page type", "not stated")
        return str(viewstate.PAGE_TYPES.get(page_type, page_type))

    def with_step(self, node: traffic.FlowNode) -> str:
        """The node's name with its step, where it has one."""
        if node.kind in ("type", "page", "others"):
            return f"{self.words(node)} · {self.step_words(node.step)}"
        return self.words(node)

    def step_words(self, step: int) -> str:
        return pgettext("traffic map", "page %(step)s") % {"step": step}

    def url(self, node: traffic.FlowNode) -> str:
        """Opens a type at its step, folds its pages again; empty for what neither opens nor folds."""
        if node.kind not in ("type", "page", "others"):
            return ""
        query = self._request.GET.copy()
        for gone in ("page", "q", "sort", "format", "open"):
            query.pop(gone, None)
        if node.kind == "type":
            query["open"] = f"{node.page_type if node.page_type is not None else UNKNOWN}.{node.step}"
        return self._page() + "?" + query.urlencode()

    def _page(self) -> str:
        return reverse("console:traffic_map", args=[self._request.access.shop.slug])

    def opens(self) -> list[tuple[str, str]]:
        """The largest types that can be opened, for the keyboard and for a phone."""
        types = [node for node in self._found.nodes if node.kind == "type"]
        types.sort(key=lambda node: (-node.visits, node.key))
        return [(self.with_step(node), self.url(node)) for node in types[:8]]

    def opened_words(self) -> tuple[str, str] | None:
        """What stands open and the address that folds it."""
        if self._found.opened is None:
            return None
        page_type, step = self._found.opened
        query = self._request.GET.copy()
        for gone in ("page", "q", "sort", "format", "open"):
            query.pop(gone, None)
        name = f"{self.type_words(page_type)} · {self.step_words(step)}"
        return name, self._page() + "?" + query.urlencode()


def _picture(
    request: PageRequest, found: traffic.FlowMap, rows: Sequence[Row], namer: _Names
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
                "ordered": words.percent(_share_of(node.ordered_visits, node.visits), 1),
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


def _share_of(part: int, whole: int) -> Decimal:
    return Decimal(part) / Decimal(whole) if whole else Decimal(0)


def _rank(request: PageRequest, found: traffic.FlowMap, row: Row, namer: _Names) -> dict[str, Any]:
    return {
        "text": f"{namer.with_step(row.source)} → {namer.with_step(row.target)}",
        "figure": _count(row.link.visits),
        "share": words.percent(row.share, 1),
        "width": round(100 * row.link.visits / found.visits, 2) if found.visits else 0,
        "url": _visits_url(request, row),
    }


def _visits_url(request: PageRequest, row: Row) -> str:
    """Where the visits behind a link stand; empty for what is folded together."""
    way = way_of(row)
    if way is None:
        return ""
    query = [(k, v) for k, values in request.GET.lists() if k in _KEPT for v in values]
    query += [("kind", way.kind), ("step", str(way.step))]
    query += [(f"w_{name}", UNKNOWN if value is None else str(value)) for name, value in way.where.items()]
    return reverse("console:traffic_map_visits", args=[request.access.shop.slug]) + "?" + urlencode(query)


_KEPT = {"range", "from", "to", "steps", "open", *viewstate.FILTERS}


def way_of(row: Row) -> traffic.Way | None:
    """Which moves a link stands for; None where several pages or steps are folded into one node."""
    if "others" in (row.source.kind, row.target.kind) or "more" in (row.source.kind, row.target.kind):
        return None
    where: dict[str, Any] = {}
    if row.source.kind == "channel":
        where["channel"] = row.source.name
    else:
        where["from_type"] = row.source.page_type
        if row.source.kind == "page":
            where["from_path"] = row.source.name
    if row.target.kind in ("type", "page"):
        where["to_type"] = row.target.page_type
        if row.target.kind == "page":
            where["to_path"] = row.target.name
    kind = {"order": "order", "exit": "exit"}.get(row.target.kind, "move")
    return traffic.Way("entry" if row.source.kind == "channel" else kind, row.source.step, where)


def _columns(request: PageRequest, found: traffic.FlowMap, namer: _Names) -> list[Column[Row]]:
    def node(key: str, title: str, side: str, *, is_first: bool) -> Column[Row]:
        def one(row: Row) -> traffic.FlowNode:
            return row.source if side == "source" else row.target

        def shown(row: Row) -> dict[str, str]:
            return {"text": namer.words(one(row)), "url": namer.url(one(row)), "sub": _step(one(row))}

        def _step(node: traffic.FlowNode) -> str:
            return namer.step_words(node.step) if node.kind in ("type", "page", "others") else ""

        return Column(
            key, title, lambda row: namer.with_step(one(row)), "flow_node", is_first=is_first, is_searched=True,
            shown=shown,
        )  # fmt: skip

    return [
        node("source", pgettext("traffic map", "From"), "source", is_first=True),
        node("target", pgettext("traffic map", "To"), "target", is_first=False),
        Column(
            "visits",
            figures.title(traffic.metric("visits")),
            lambda row: row.link.visits,
            "entrance_figure",
            is_number=True,
            shown=lambda row: {"figure": _count(row.link.visits), "url": _visits_url(request, row)},
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
            lambda row: _share_of(row.link.ordered_visits, row.link.visits),
            "entrance_figure",
            is_number=True,
            shown=lambda row: {"figure": _rate(row.link.ordered_visits, row.link.visits)},
        ),
    ]


def _as_csv(request: PageRequest, state: viewstate.ViewState, found: traffic.FlowMap) -> HttpResponseBase:
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
        ]
        for row in _rows(found)
    )
    name = f"traffic-map-{state.period.start}-{state.period.last}"
    return csv_response(request.access, name, header, lines)


# --- the visits behind a link


@require_safe
@page(Deed.VIEW_TRAFFIC)
def visits(request: PageRequest, shop: str) -> HttpResponseBase:
    """The visits that took one way of the map."""
    at = clock.now()
    access = request.access
    state = read_state(request, at)
    way = _way(request)

    def ask(number: int, size: int) -> traffic.FlowVisits:
        return traffic.flow_visits(
            shop=access.shop, period=state.period, way=way, condition=state.condition, page=number, size=size
        )

    if wants_csv(request.GET):
        name = f"traffic-map-visits-{state.period.start}-{state.period.last}"
        return evidence.visits_as_csv(access, name, ask, at)
    number = page_number(request)
    found = ask(number, SIZE)
    columns = evidence.page_columns(access, found.columns, at)
    titles = rulebook.channel_titles(state.today, access.shop)
    back = [(k, v) for k, values in request.GET.lists() if k in _KEPT for v in values]
    context = {
        "state": state,
        "way": _way_words(way, titles),
        "figure": _count(found.count),
        "table": build_paged_table(
            request, "way-visits", columns, found.rows, count=found.count, page=number, size=SIZE
        ),
        "cost": words.count(found.events_read) if found.events_read else "",
        "is_exportable": access.may(Deed.EXPORT_TABLES),
        "back_url": reverse("console:traffic_map", args=[shop]) + "?" + urlencode(back),
    }
    return render(request, "console/traffic_map_visits.html", context)


def _way(request: PageRequest) -> traffic.Way:
    step = request.GET.get("step", "")
    if not step.isascii() or not step.isdigit() or len(step) > 3:
        raise Invalid(field="step", value=step)
    where = {
        name: None if value == UNKNOWN else value
        for name in ("channel", "from_type", "from_path", "to_type", "to_path")
        if (value := request.GET.get(f"w_{name}")) is not None
    }
    return traffic.Way(request.GET.get("kind", ""), int(step), where)


def _way_words(way: traffic.Way, channels: Any) -> str:
    def place(side: str) -> str:
        path, page_type = way.where.get(f"{side}_path"), way.where.get(f"{side}_type")
        if path is not None:
            return str(path)
        if page_type is None:
            return pgettext("page type", "not stated")
        return str(viewstate.PAGE_TYPES.get(page_type, page_type))

    if way.kind == "entry":
        channel = way.where.get("channel")
        left = str(channels.get(channel, channel or gettext("not stated")))
    else:
        left = place("from")
    ends = {"order": pgettext("traffic map", "Order"), "exit": pgettext("traffic map", "Left")}
    return f"{left} → {ends.get(way.kind) or place('to')}"
