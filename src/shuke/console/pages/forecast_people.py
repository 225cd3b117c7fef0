"""Who is likely to come again, when, and worth what? Customers one by one, with the forecast's numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.http import HttpResponseBase
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext, pgettext
from django.views.decorators.http import require_safe

from shuke.audience.forecast import http, reads
from shuke.console import words
from shuke.console.pages.forecast import band_words
from shuke.kernel.money import exponent
from shuke.shops.access import Access, page
from shuke.shops.csv_out import csv_response, wants_csv
from shuke.shops.page_request import PageRequest
from shuke.shops.roles import Deed
from shuke.shops.tables import Column, DrawnColumn, build_paged_table, page_number

SIZE = 50
UNSORTED = frozenset({"customer"})


@require_safe
@page(Deed.VIEW_CUSTOMERS)
def people(request: PageRequest, shop: str) -> HttpResponseBase:
    """A page of customers; `band` one tenth of the chance, `sort`, `q` and `page` as in every table; `?format=csv` all."""
    access = request.access
    band, sort, search = _asked(request)
    if wants_csv(request.GET):
        rows = reads.every_customer(access.shop, band=band, sort=sort, search=search)
        header = ["customer_id", *_header(access)]
        return csv_response(access, "forecast-people", header, (_line(access, row) for row in rows))
    number = page_number(request)
    found = reads.of_customers(access.shop, band=band, sort=sort, search=search, page=number, size=SIZE)
    pages = 1 if found is None else max(1, -(-found.count // SIZE))
    if found is not None and number > pages:
        number = pages
        found = reads.of_customers(access.shop, band=band, sort=sort, search=search, page=number, size=SIZE)
    context: dict[str, Any] = {
        "found": found,
        "band": band,
        "band_words": "" if band is None else band_words(band),
        "bands": [(place, band_words(place)) for place in range(9, -1, -1)],
        "is_exportable": access.may(Deed.EXPORT_TABLES),
    }
    if found is not None:
        refs = http.refs_of(access.shop, found.rows)
        columns = _columns(access, refs)
        table = build_paged_table(
            request, "forecast-people", columns, found.rows, count=found.count, page=number, size=SIZE
        )
        heads = tuple(_head(column, sort) for column in columns)
        context |= {
            "as_of": words.day(found.forecast.last_day),
            "days": found.forecast.days,
            "months": found.values.months,
            "discount": words.percent(found.values.discount, 1),
            "table": replace(table, heads=heads, is_searchable=True, search=search, count_all=found.all),
        }
    return render(request, "console/forecast_people.html", context)


def _asked(request: PageRequest) -> tuple[int | None, str, str]:
    """What can not be read of the address is left out."""
    asked = request.GET.get("band", "")
    band = int(asked) if len(asked) == 1 and asked in "0123456789" else None
    sort = request.GET.get("sort", "")
    sort = sort if sort.removeprefix("-") in reads.SORTS else "-expected_orders"
    return band, sort, request.GET.get("q", "").strip()[:200]


def _head(column: Column[Any], sort: str) -> DrawnColumn:
    """A head that sorts everybody, not only this page; numbers fall first."""
    if column.key not in reads.SORTS:
        return DrawnColumn(replace(column, is_sortable=False), "", "")
    state = {column.key: "ascending", f"-{column.key}": "descending"}.get(sort, "")
    return DrawnColumn(column, state, column.key if state == "descending" else f"-{column.key}")


def _money(access: Access, minor: float | None) -> dict[str, str]:
    if minor is None:
        return {"text": "", "why": gettext("No order day after the first one has a value.")}
    return {"text": words.money(round(minor), access.shop.currency, is_short=True), "why": ""}


def _columns(access: Access, refs: dict[int, str]) -> list[Column[reads.CustomerForecast]]:
    def name(row: reads.CustomerForecast) -> dict[str, str]:
        return {
            "text": refs.get(row.customer_id) or str(row.customer_id),
            "url": customer_url(access, row.customer_id),
        }

    def next_day(row: reads.CustomerForecast) -> dict[str, str]:
        if row.next_day is None:
            return {"text": "", "why": gettext("Not within ten years.")}
        late = gettext("90%%: by %(day)s") % {"day": words.day(row.next_late)} if row.next_late else ""
        return {"text": words.day(row.next_day), "sub": late}

    return [
        Column("customer", pgettext("forecast", "Customer"), lambda r: r.customer_id, "link", is_first=True, is_searched=True, shown=name),
        Column("days", pgettext("forecast", "Orders"), lambda r: r.days, "count", is_number=True),
        Column("last_day", pgettext("forecast", "Last order"), lambda r: r.last_day, "stated", shown=lambda r: {"text": words.day(r.last_day)}),
        Column("alive", pgettext("forecast", "Chance"), lambda r: r.alive, "share", is_number=True,
               shown=lambda r: {"value": f"{r.alive:.4f}", "text": words.percent(r.alive, 0)}),
        Column("expected_orders", pgettext("forecast", "To expect"), lambda r: r.expected_orders, "stated", is_number=True,
               shown=lambda r: {"text": words.number(r.expected_orders)}),
        Column("next_day", pgettext("forecast", "Next order"), lambda r: r.next_day, "stated", shown=next_day),
        Column("order_value", pgettext("forecast", "Order value"), lambda r: r.order_value, "stated", is_number=True,
               shown=lambda r: _money(access, r.order_value)),
        Column("lifetime_value", pgettext("forecast", "Lifetime value"), lambda r: r.lifetime_value, "stated", is_number=True,
               shown=lambda r: _money(access, r.lifetime_value)),
    ]  # fmt: skip


def customer_url(access: Access, customer_id: int) -> str:
    """The customer's own page; "" where there is none."""
    try:
        return reverse("console:customer", args=[access.shop.slug, customer_id])
    except NoReverseMatch:
        return ""


def _header(access: Access) -> list[str]:
    return [str(column.title) for column in _columns(access, {})[1:]]


def _line(access: Access, row: reads.CustomerForecast) -> list[Any]:
    """A customer in a file: his id and numbers, no name; money in the major unit."""
    digits = exponent(access.shop.currency)

    def major(minor: float | None) -> float | None:
        return None if minor is None else round(minor / 10**digits, digits)

    return [
        str(row.customer_id), row.days, row.last_day, round(row.alive, 4), round(row.expected_orders, 4), row.next_day,
        major(row.order_value), major(row.lifetime_value),
    ]  # fmt: skip
