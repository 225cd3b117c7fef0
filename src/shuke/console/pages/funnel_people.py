"""Who stands behind a number of a funnel: as many visitors as the number says, for those who may see customers."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import pgettext_lazy
from django.views.decorators.http import require_safe

from shuke.console import funnel_view, words
from shuke.kernel import clock
from shuke.kernel.errors import NotFound
from shuke.kernel.periods import local_day
from shuke.shops.access import page
from shuke.shops.csv_out import csv_response, wants_csv
from shuke.shops.page_request import PageRequest
from shuke.shops.roles import Deed
from shuke.shops.tables import Column, build_paged_table, page_number
from shuke.traffic.funnels import reads as traffic
from shuke.traffic.funnels.http import PEOPLE_COLUMNS, people_rows

SIZE = 50
PEOPLE = {
    "ref": pgettext_lazy("funnel people", "Visitor"),
    "started_at": pgettext_lazy("funnel people", "Started"),
    "reached_at": pgettext_lazy("funnel people", "Last step at"),
    "depth": pgettext_lazy("funnel people", "Got to step"),
    "subject_id": pgettext_lazy("funnel people", "Id"),
}


@require_safe
@page(Deed.VIEW_CUSTOMERS)
def people(request: PageRequest, shop: str) -> HttpResponseBase:
    """Who took a step (`step`), or (`only=1`) took it and none after it."""
    access, at = request.access, clock.now()
    try:
        view = funnel_view.read_page(request, access.shop, local_day(at, access.shop.zone))
    except NotFound as error:
        raise Http404(str(error)) from None
    back = request.GET.copy()
    for name in ("step", "only", "page", "format"):
        back.pop(name, None)
    back_url = reverse("console:funnels", args=[shop]) + "?" + back.urlencode()
    funnel = view.funnel
    if funnel is None:
        return redirect(back_url)  # which says what can not be read
    text = request.GET.get("step", "1")
    count = len(funnel.steps)
    step = min(max(int(text), 1), count) if text.isascii() and text.isdigit() and len(text) < 3 else 1
    is_exactly = request.GET.get("only") == "1"

    asked: dict[str, Any] = {
        "shop": access.shop,
        "funnel": funnel,
        "period": view.period,
        "step": step,
        "is_exactly": is_exactly,
        "at": at,
    }
    if wants_csv(request.GET):
        rows = people_rows(traffic.every_person(**asked))
        return csv_response(access, f"funnel-people-{step}", PEOPLE_COLUMNS, rows)
    number = page_number(request)
    found = traffic.funnel_people(**asked, page=number, size=SIZE)
    named = [line.words for line in view.lines if line.step is not None]
    table = build_paged_table(
        request, "funnel-people", _columns(), found.rows, count=found.count, page=number, size=SIZE
    )
    context: dict[str, Any] = {
        "view": view,
        "name": named[step - 1] if len(named) == count else step,
        "next": named[step] if is_exactly and step < count == len(named) else "",
        "is_exactly": is_exactly,
        "table": table,
        "table_page": request.path,
        "back_url": back_url,
        "is_exportable": access.may(Deed.EXPORT_TABLES),
    }
    return render(request, "console/funnel_people.html", context)


def _columns() -> list[Column[Any]]:
    def shown(name: str) -> Any:
        return lambda row: words.UNKNOWN if row[name] is None else row[name]

    tags = {"subject_id": "code", "depth": "count", "started_at": "moment", "reached_at": "moment"}
    return [
        Column(
            name,
            title,
            shown(name),
            tags.get(name, "text"),
            is_number=name == "depth",
            is_first=name == "ref",
        )
        for name, title in PEOPLE.items()
    ]
