"""Which pages stand together in a folded place of the traffic map? Each with its visits and how many of them ordered."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext, pgettext
from django.views.decorators.http import require_safe

from shuke.console import figures, report_page, words
from shuke.console import map_view as view
from shuke.console.pages.overview import read_state
from shuke.console.pages.traffic_map import counted, order_rate
from shuke.kernel import clock
from shuke.shops.access import page
from shuke.shops.csv_out import csv_response, wants_csv
from shuke.shops.page_request import PageRequest
from shuke.shops.roles import Deed
from shuke.shops.tables import Column, build_table
from shuke.traffic import reads as traffic
from shuke.traffic.flows import reads as flows


@require_safe
@page(Deed.VIEW_TRAFFIC)
def folded(request: PageRequest, shop: str) -> HttpResponseBase:
    """The pages of one folded place (`of`: others or more); `?format=csv` is the table as a file."""
    at = clock.now()
    access = request.access
    state = read_state(request, at)
    found = flows.folded_pages(
        shop=access.shop,
        period=state.period,
        of=request.GET.get("of", "more"),
        steps=view.steps_asked(request),
        opened=view.opened_asked(request),
        condition=state.condition,
    )
    if wants_csv(request.GET):
        header = ["page", "type", "step", "visits", "share", "ordered_visits"]
        rows = (
            [
                one.path,
                one.page_type,
                found.step,
                one.visits,
                round(view.share_of(one.visits, found.visits), 6),
                one.ordered_visits,
            ]
            for one in found.rows
        )
        name = f"traffic-map-{found.of}-{state.period.start}-{state.period.last}"
        return csv_response(access, name, header, rows)
    name = pgettext("traffic map", "Further pages")
    if found.of == "others":
        name = pgettext("traffic map", "%(type)s: others") % {"type": view.type_words(found.page_type)}
    context = {
        "state": state,
        "found": found,
        "place": f"{name} · {view.step_words(found.step)}",
        "visits": counted(found.visits),
        "order_rate": order_rate(found.ordered_visits, found.visits),
        "table": build_table(request, "folded", _columns(request, found), found.rows, default_sort="-visits"),
        "cost": words.count(found.events_read) if found.events_read else "",
        "back_url": view.map_url(request),
        **report_page.table_frame(request, "console:traffic_map_folded", None),
    }
    return render(request, "console/traffic_map_folded.html", context)


def _columns(request: PageRequest, found: flows.FoldedPages) -> list[Column[flows.FoldedPage]]:
    days = [(name, value) for name, value in view.kept(request) if name not in ("steps", "open")]
    # Both pages have a usual range of their own, so the days are always said.
    days = days if "range" in dict(days) else [("range", "today"), *days]
    report = reverse("console:single_page", args=[request.access.shop.slug])

    def of_page(one: flows.FoldedPage) -> dict[str, Any]:
        return {
            "text": view.path_words(one.path),
            "url": f"{report}?{urlencode([*days, ('path', one.path or '')])}",
            "sub": view.type_words(one.page_type),
        }

    return [
        Column(
            "page",
            gettext("Page"),
            lambda one: f"{view.path_words(one.path)} {view.type_words(one.page_type)}",
            "flow_node",
            is_first=True,
            is_searched=True,
            shown=of_page,
        ),
        Column(
            "visits",
            figures.title(traffic.metric("visits")),
            lambda one: one.visits,
            "entrance_figure",
            is_number=True,
            shown=lambda one: {"figure": counted(one.visits), "url": view.visits_url(request, one.way)},
        ),
        Column(
            "share",
            gettext("Share"),
            lambda one: view.share_of(one.visits, found.visits),
            "share",
            is_number=True,
            shown=lambda one: report_page.drawn_share(view.share_of(one.visits, found.visits)),
        ),
        Column(
            "order_rate",
            figures.title(traffic.ORDER_RATE),
            lambda one: view.share_of(one.ordered_visits, one.visits),
            "entrance_figure",
            is_number=True,
            shown=lambda one: {"figure": order_rate(one.ordered_visits, one.visits)},
        ),
    ]
