"""Which items are hot? The ranking of a window that ends at any moment."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext, pgettext
from django.views.decorators.http import require_safe

from shuke.console import items_view as view
from shuke.console import words
from shuke.kernel import clock
from shuke.shops.access import page
from shuke.shops.csv_out import csv_response, wants_csv
from shuke.shops.page_request import PageRequest
from shuke.shops.roles import Deed
from shuke.shops.tables import Column, build_table, csv_rows
from shuke.traffic.items import reads

MOST_HOT = 100


@require_safe
@page(Deed.VIEW_TRAFFIC)
def hot(request: PageRequest, shop: str) -> HttpResponseBase:
    """The shell of hot items; `?format=csv` is the list as a file."""
    at = clock.now()
    moment, problems = _moment(request, at)
    if wants_csv(request.GET):
        found = _ask_hot(request, moment, at, reads_most=500)
        columns = _hot_columns(request, found)
        name = f"hot-items-{found.window}-{moment:%Y%m%dT%H%M}"
        header = [pgettext("column", "Item"), "product_ref", *(column.title for column in columns[1:])]
        rows = (
            [row.title or "", row.product_ref, *cells[1:]]
            for row, cells in zip(found.rows, csv_rows(columns, found.rows), strict=True)
        )
        return csv_response(request.access, name, header, rows)
    zone = request.access.shop.zone
    context = {
        "tabs": view.tabs(request, "items_hot", None),
        "query": request.GET.urlencode(),
        "source": reverse("console:items_hot_table", args=[shop]),
        "windows": list(view.WINDOW_WORDS.items()),
        "window": _window(request),
        "rankings": list(view.HOT_WORDS.items()),
        "by": _by(request),
        "by_words": view.HOT_WORDS[_by(request)],
        "moment_words": words.moment(moment, zone) if "at" in request.GET else gettext("now"),
        "moment_value": f"{moment.astimezone(zone):%Y-%m-%dT%H:%M}",
        "is_now": "at" not in request.GET,
        "problems": problems,
    }
    return render(request, "console/items_hot.html", context)


def _window(request: PageRequest) -> str:
    asked = request.GET.get("window", "24h")
    return asked if asked in reads.WINDOWS else "24h"


def _by(request: PageRequest) -> str:
    asked = request.GET.get("by", "views")
    return asked if asked in reads.HOT_BY else "views"


def _moment(request: PageRequest, at: datetime) -> tuple[datetime, list[str]]:
    """The moment that the address names on the shop's clock, else now by whole minutes; what can not be read is said."""
    zone = request.access.shop.zone
    now = at.replace(second=0, microsecond=0)
    text = request.GET.get("at", "")
    if not text:
        return now, []
    try:
        asked = datetime.fromisoformat(text)
        asked = asked.replace(tzinfo=zone) if asked.tzinfo is None else asked
        if not 1990 <= asked.year <= 2199:
            raise ValueError
    except (ValueError, OverflowError):
        return now, [gettext("“%(value)s” is no moment; this is now.") % {"value": text[:40]}]
    if asked > at:
        return now, [gettext("That moment has not come yet; this is now.")]
    return asked, []


def _ask_hot(
    request: PageRequest, moment: datetime, at: datetime, reads_most: int = MOST_HOT
) -> reads.HotReport:
    return reads.hot(
        shop=request.access.shop,
        moment=moment,
        window=_window(request),
        by=_by(request),
        most=reads_most,
        at=at,
    )


@require_safe
@page(Deed.VIEW_TRAFFIC)
def hot_table(request: PageRequest, shop: str) -> HttpResponse:
    """The fragment with the ranked list."""
    at = clock.now()
    access = request.access
    moment, _problems = _moment(request, at)
    found = _ask_hot(request, moment, at)
    context = {
        "found": found,
        "sentence": gettext(
            "Ranked by %(by)s in the %(window)s before %(end)s; where these are equal, by %(then)s, then by item id."
        )
        % {
            "window": view.WINDOW_WORDS[found.window],
            "end": words.moment(found.moment, access.shop.zone),
            "by": str(view.HOT_WORDS[found.by]).lower(),
            "then": str(view.HOT_WORDS[found.then]).lower(),
        },
        "notes": [note.text() for note in found.notes],
        "table": build_table(request, "items-hot", _hot_columns(request, found), found.rows, size=MOST_HOT),
        "table_source": request.path,
        "table_page": reverse("console:items_hot", args=[shop]),
        "is_exportable": access.may(Deed.EXPORT_TABLES),
        "most": MOST_HOT,
    }
    return render(request, "console/pieces/items_hot_table.html", context)


def _hot_columns(request: PageRequest, found: reads.HotReport) -> list[Column[reads.HotRow]]:
    currency = request.access.shop.currency

    def text(value: str) -> dict[str, str]:
        return {"text": value, "why": ""}

    def count(name: str) -> Column[reads.HotRow]:
        return Column(
            name, str(view.HOT_WORDS[name]), lambda row: getattr(row, name), "count", is_number=True
        )

    counts = [count(name) for name in ("views", "visitors", "carts", "buyers")]
    numbers: list[Column[reads.HotRow]] = [
        *counts,
        Column(
            "units",
            str(view.HOT_WORDS["units"]),
            lambda row: row.units,
            "stated",
            is_number=True,
            shown=lambda row: text(view.units(row.units)),
        ),
        Column(
            "amount_minor",
            str(view.HOT_WORDS["amount_minor"]),
            lambda row: view.major(row.amount_minor, currency),
            "stated",
            is_number=True,
            shown=lambda row: text(words.money(row.amount_minor, currency)),
        ),
    ]
    numbers.sort(key=lambda column: column.key != found.by)
    return [
        Column(
            "item",
            pgettext("column", "Item"),
            lambda row: f"{view.name_of(row)} {row.product_ref}",
            "item",
            is_first=True,
            is_searched=True,
            shown=lambda row: view.item_cell(request, row),
        ),
        Column("rank", pgettext("column", "Rank"), lambda row: row.rank, "count", is_number=True),
        *numbers,
    ]
