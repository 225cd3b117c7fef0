"""Who are they? The customers of the shop: known people who visited or bought, sorted and searched by the warehouse."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext, pgettext_lazy
from django.views.decorators.http import require_safe

from shuke.audience.customers import reads
from shuke.console import customers_view as view
from shuke.console import words
from shuke.kernel import clock
from shuke.shops import navigation
from shuke.shops.access import page
from shuke.shops.csv_out import PIECE, csv_response, wants_csv
from shuke.shops.page_request import PageRequest
from shuke.shops.roles import Deed
from shuke.shops.tables import build_paged_table, csv_rows, page_number

SIZE = 50
KEPT_COLUMNS = "shuke_customer_columns"  # a cookie: which columns this reader chose last

navigation.register(
    navigation.NavigationEntry(
        "customers",
        pgettext_lazy("sidebar", "Customer list"),
        "users",
        "console:customers",
        Deed.VIEW_CUSTOMERS,
        "customers",
        10,
    )
)


@require_safe
@page(Deed.VIEW_CUSTOMERS)
def customers(request: PageRequest, shop: str) -> HttpResponseBase:
    """The shell; `?format=csv` is the whole list as a file, names masked."""
    if wants_csv(request.GET):
        return _as_csv(request)
    return render(request, "console/customers.html", {"query": request.GET.urlencode()})


@require_safe
@page(Deed.VIEW_CUSTOMERS)
def table(request: PageRequest, shop: str) -> HttpResponse:
    """The fragment with the sentence, the numbers and the table."""
    at = clock.now()
    access = request.access
    shown = _shown(request)
    sort = _sort(request)
    number = page_number(request)
    found = reads.list_customers(
        access.shop, sort=sort, page=number, size=SIZE, search=_search(request), columns=shown, at=at
    )
    columns = view.columns(access, at, shown)
    drawn = build_paged_table(
        request, "customers", columns, found.rows, count=found.count, page=number, size=SIZE
    )
    drawn = replace(view.sortable(drawn, sort), search=_search(request), is_searchable=True)
    drawn = replace(drawn, count_all=max(found.everyone, 9))
    context = {
        "found": found,
        "table": drawn,
        "table_source": request.path,
        "table_page": reverse("console:customers", args=[shop]),
        "columns": [(key, view.TITLES[key], key in shown) for key in reads.COLUMNS[1:]],
        "sentence": _sentence(found),
        "unnamed": words.count(found.unnamed),
        "is_exportable": access.may(Deed.EXPORT_TABLES),
        "may_manage": access.may(Deed.MANAGE_CUSTOMERS),
    }
    answer = render(request, "console/pieces/customers_table.html", context)
    if "cols" in request.GET:
        answer.set_cookie(KEPT_COLUMNS, ".".join(shown), max_age=31_536_000, samesite="Lax", httponly=True)
    return answer


def _search(request: PageRequest) -> str:
    return request.GET.get("q", "").strip()[: reads.LONGEST_SEARCH]


def _sort(request: PageRequest) -> str:
    sort = request.GET.get("sort", "")
    return sort if sort.removeprefix("-") in reads.SORTABLE else "-last_at"


def _shown(request: PageRequest) -> tuple[str, ...]:
    """The columns of the address, else those that the reader chose last, else the usual ones."""
    asked = request.GET.getlist("cols") or request.COOKIES.get(KEPT_COLUMNS, "").split(".")
    known = tuple(name for name in reads.COLUMNS[1:] if name in asked)
    return known or reads.DEFAULT_COLUMNS


def _sentence(found: reads.CustomerPage) -> str:
    return gettext("%(customers)s customers are known by name; %(buyers)s of them bought.") % {
        "customers": words.count(found.everyone),
        "buyers": words.count(found.buyers),
    }


def _as_csv(request: PageRequest) -> HttpResponseBase:
    at: datetime = clock.now()
    access, shown = request.access, _shown(request)
    columns = view.columns(access, at, shown)
    header: list[Any] = ["customer_id", *(str(column.title) for column in columns)]

    def rows() -> Iterator[list[Any]]:
        number = 1
        while True:
            found = reads.list_customers(
                access.shop,
                sort=_sort(request),
                page=number,
                size=PIECE,
                search=_search(request),
                columns=shown,
                at=at,
            )
            for row, cells in zip(found.rows, csv_rows(columns, found.rows), strict=True):
                yield [str(row.customer_id), *cells]
            if number * PIECE >= found.count:
                return
            number += 1

    return csv_response(access, "customers", header, rows())
