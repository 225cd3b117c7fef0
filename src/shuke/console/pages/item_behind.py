"""What stands behind a number of an item? Its orders, who viewed it, who bought it: as many rows as the number says."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponseBase
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy
from django.views.decorators.http import require_safe

from shuke.console import items_view as view
from shuke.console.pages import evidence
from shuke.console.pages.items import read_state
from shuke.kernel import clock
from shuke.kernel.errors import Invalid
from shuke.shops.access import page
from shuke.shops.csv_out import wants_csv
from shuke.shops.page_request import PageRequest
from shuke.shops.roles import Deed
from shuke.shops.tables import build_paged_table, page_number
from shuke.traffic.items import reads

SIZE = 50
QUESTIONS: dict[str, str | Promise] = {
    "orders": pgettext_lazy("behind an item", "Which orders hold it?"),
    "visitors": pgettext_lazy("behind an item", "Who viewed it?"),
    "buyers": pgettext_lazy("behind an item", "Who bought it?"),
}


@require_safe
@page(Deed.VIEW_TRAFFIC)
def behind(request: PageRequest, shop: str) -> HttpResponseBase:
    """The orders, visitors or buyers (`of`) of an item (`ref`) in a view; `?format=csv` is all of them as a file."""
    at = clock.now()
    access = request.access
    state = read_state(request, at)
    of = request.GET.get("of", "orders")
    if of not in QUESTIONS:
        raise Invalid(field="of", value=of[:40])
    ref = request.GET.get("ref", "")[:500]
    asked: dict[str, Any] = {"shop": access.shop, "period": state.period, "product_ref": ref, "of": of}
    columns = evidence.page_columns(access, reads.COLUMNS[of], at)
    if wants_csv(request.GET):
        name = f"item-{of}-{state.period.start}-{state.period.last}"
        rows = reads.every_item_behind(**asked)
        return evidence.rows_as_csv(access, name, reads.COLUMNS[of], rows, at)
    number = page_number(request)
    found = reads.item_behind(**asked, page=number, size=SIZE)
    table = build_paged_table(
        request, f"item-{of}", columns, found.rows, count=found.count, page=number, size=SIZE
    )
    context = {
        "state": state,
        "ref": ref,
        "question": QUESTIONS[of],
        "kind": evidence.KINDS[of],
        "table": table,
        "back_url": view.item_url(request, ref),
        "is_exportable": access.may(Deed.EXPORT_TABLES),
    }
    return render(request, "console/item_behind.html", context)
