"""Which items are seen, and which sell? All items, and those that sell but stall."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext, pgettext, pgettext_lazy
from django.views.decorators.http import require_safe

from shuke.console import items_view as view
from shuke.console import report_page, viewstate, words
from shuke.kernel import clock
from shuke.shops import navigation
from shuke.shops.access import page
from shuke.shops.csv_out import csv_response, wants_csv
from shuke.shops.page_request import PageRequest
from shuke.shops.roles import Deed
from shuke.shops.tables import Column, build_table, csv_rows
from shuke.traffic.items import reads

navigation.register(
    navigation.NavigationEntry(
        "items",
        pgettext_lazy("sidebar", "Items"),
        "package",
        "console:items",
        Deed.VIEW_TRAFFIC,
        "traffic",
        55,
    )
)


def read_state(request: PageRequest, at: datetime) -> viewstate.ViewState:
    """The view of the address, with the one comparison that it names; without a range the last seven days."""
    shop = request.access.shop
    state = viewstate.read_view(request, shop, at.astimezone(shop.zone).date(), default="last7")
    return report_page.compared_once(request, state)


def shell(request: PageRequest, name: str, state: viewstate.ViewState, **more: Any) -> dict[str, Any]:
    """What a page of items needs before its answer is there."""
    return {
        "state": state,
        "ranges": [(key, label) for key, label in viewstate.RANGES.items() if key != "custom"],
        "tabs": view.tabs(request, name, state),
        "query": request.GET.urlencode(),
        **more,
    }


def frame(
    request: PageRequest, state: viewstate.ViewState, name: str, until: datetime | None
) -> dict[str, Any]:
    """What stands around the tables of an answer on the page of that name; `until`: so far."""
    access = request.access
    return {
        "state": state,
        "table_source": request.path,
        "table_page": reverse(f"console:{name}", args=[access.shop.slug]),
        "is_exportable": access.may(Deed.EXPORT_TABLES),
        "until": words.clock_time(until, access.shop.zone) if until else "",
        "against": report_page.compared_words(state),
    }


@require_safe
@page(Deed.VIEW_TRAFFIC)
def items(request: PageRequest, shop: str) -> HttpResponseBase:
    """The shell of all items; `?format=csv` is the table as a file."""
    at = clock.now()
    state = read_state(request, at)
    if wants_csv(request.GET):
        found = _items(request, state, at)
        columns = view.columns(request)
        columns += view.columns_before(columns) if state.against else []
        name = f"items-{state.period.start}-{state.period.last}"
        header = [pgettext("column", "Item"), "product_ref", *(column.title for column in columns[1:])]
        rows = (
            [row.title or "", row.product_ref, *cells[1:]]
            for row, cells in zip(found.rows, csv_rows(columns, found.rows), strict=True)
        )
        return csv_response(request.access, name, header, rows)
    source = reverse("console:items_table", args=[shop])
    context = shell(
        request, "items", state, source=source, heading=gettext("Which items are seen, and which sell?")
    )
    context["bar"] = viewstate.bar(state, request.access.shop)
    return render(request, "console/items.html", context)


def _items(request: PageRequest, state: viewstate.ViewState, at: datetime) -> reads.ItemsReport:
    return reads.items(
        shop=request.access.shop,
        period=state.period,
        against=report_page.against(state),
        custom=state.custom,
        at=at,
    )


@require_safe
@page(Deed.VIEW_TRAFFIC)
def table(request: PageRequest, shop: str) -> HttpResponse:
    """The fragment with the sentence and the table of all items."""
    at = clock.now()
    state = read_state(request, at)
    found = _items(request, state, at)
    columns = view.columns(request, report_page.compared_words(state))
    known = {column.key for column in columns}
    shown = (set(request.GET.getlist("cols")) & known) or set(view.DEFAULT_COLUMNS)
    chosen = [column for column in columns if column.is_first or column.key in shown]
    context = frame(request, state, "items", found.until) | {
        "found": found,
        "sentence": _sentence(request, found),
        "table": build_table(request, "items", chosen, found.rows, default_sort="-views"),
        "columns": [(column.key, column.title, column.key in shown) for column in columns[1:]],
        "notes": [note.text() for note in found.notes],
    }
    return render(request, "console/pieces/items_table.html", context)


def _sentence(request: PageRequest, found: reads.ItemsReport) -> str:
    sold = sum(row.sums.orders > 0 for row in found.rows)
    return gettext(
        "%(visitors)s visitors looked at %(items)s items; %(sold)s of them sold, to %(buyers)s buyers for %(amount)s."
    ) % {
        "visitors": words.count(found.total.visitors),
        "items": words.count(sum(row.sums.views > 0 for row in found.rows)),
        "sold": words.count(sold),
        "buyers": words.count(found.total.buyers),
        "amount": words.money(found.total.amount_minor, request.access.shop.currency, is_short=True),
    }


# --- items that sell but stall


@require_safe
@page(Deed.VIEW_TRAFFIC)
def stalled(request: PageRequest, shop: str) -> HttpResponseBase:
    """The shell of items that sell but stall; `?format=csv` is the table as a file."""
    at = clock.now()
    state = read_state(request, at)
    if wants_csv(request.GET):
        found = reads.stalled(shop=request.access.shop, period=state.period, at=at)
        columns = _stall_columns(request)
        name = f"items-stalled-{state.period.start}-{state.period.last}"
        header = [pgettext("column", "Item"), "product_ref", *(column.title for column in columns[1:])]
        rows = (
            [one.row.title or "", one.row.product_ref, *cells[1:]]
            for one, cells in zip(found.rows, csv_rows(columns, found.rows), strict=True)
        )
        return csv_response(request.access, name, header, rows)
    source = reverse("console:items_stalled_table", args=[shop])
    heading = gettext("Which items sell, but stay far from a hit?")
    return render(
        request, "console/items.html", shell(request, "items_stalled", state, source=source, heading=heading)
    )


@require_safe
@page(Deed.VIEW_TRAFFIC)
def stalled_table(request: PageRequest, shop: str) -> HttpResponse:
    """The fragment with the items that stall, what holds each back, and by which thresholds."""
    at = clock.now()
    state = read_state(request, at)
    found = reads.stalled(shop=request.access.shop, period=state.period, at=at)
    far = next((one.far_units for one in found.rows if one.far_units is not None), None)
    context = frame(request, state, "items_stalled", found.until) | {
        "found": found,
        "reason": found.reason.text() if found.reason is not None else "",
        "far_units": view.units(far) if far is not None else "",
        "rules": found.rules,
        "rulebook_url": reverse("console:rulebook", args=[shop]) + "?q=common.items",
        "table": build_table(request, "items-stalled", _stall_columns(request), found.rows),
    }
    return render(request, "console/pieces/items_stalled_table.html", context)


def _stall_columns(request: PageRequest) -> list[Column[reads.Stall]]:
    currency = request.access.shop.currency

    def number(
        key: str, title: str, value: Any, shown: Any, sub: Any = None, why: str = ""
    ) -> Column[reads.Stall]:
        def cell(one: reads.Stall) -> dict[str, str]:
            found = value(one)
            text = "" if found is None else shown(found)
            return {
                "text": text,
                "why": why or gettext("Nobody saw it in these days."),
                "sub": sub(one) if sub else "",
            }

        return Column(key, title, value, "stated", is_number=True, shown=cell)

    def percent(value: Any) -> str:
        return words.percent(value, 2)

    return [
        Column(
            "item",
            pgettext("column", "Item"),
            lambda one: f"{view.name_of(one.row)} {one.row.product_ref}",
            "item",
            is_first=True,
            is_searched=True,
            shown=lambda one: view.item_cell(request, one.row),
        ),
        Column(
            "held_by",
            pgettext("column", "Held back by"),
            lambda one: str(view.HELD_WORDS[one.held_by]),
            "badge",
            is_searched=True,
            shown=view.held,
        ),
        Column(
            "why",
            pgettext("column", "Numbers and threshold"),
            lambda one: view.verdict_words(one, currency),
            "wide",
            is_sortable=False,
        ),
        number("units", pgettext("item number", "Units"), lambda one: one.row.sums.units, view.units),
        number(
            "visitors",
            pgettext("item number", "Visitors"),
            lambda one: one.row.sums.visitors,
            words.count,
            lambda one: (
                gettext("paid %(paid)s, free %(free)s")
                % {
                    "paid": words.count(one.row.paid.visitors),
                    "free": words.count(one.row.free.visitors),
                }
            ),
        ),
        number(
            "conversion",
            pgettext("item number", "Conversion"),
            lambda one: view.ratio(one.row.sums.conversion),
            percent,
            lambda one: (
                gettext("paid %(paid)s, free %(free)s")
                % {
                    "paid": view.share(one.row.paid.conversion) or words.UNKNOWN,
                    "free": view.share(one.row.free.conversion) or words.UNKNOWN,
                }
            ),
        ),
        number(
            "lost",
            pgettext("item number", "Buyers to win"),
            lambda one: round(one.lost, 1) if one.lost else None,
            lambda value: words.number(value, 1),
            why=gettext("No step is clearly below the shop's median, or too few visitors tell."),
        ),
    ]
