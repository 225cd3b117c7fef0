"""Which items are seen, and which sell? All items, one of them, and those that sell but stall."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext, pgettext, pgettext_lazy
from django.views.decorators.http import require_safe

from shuke.console import items_view as view
from shuke.console import report_page, viewstate, words
from shuke.kernel import clock
from shuke.rulebook import reads as rulebook
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
MOST_PAGES = 5


def read_state(request: PageRequest, at: datetime) -> viewstate.ViewState:
    """The view of the address, with the one comparison that it names; without a range the last seven days."""
    shop = request.access.shop
    state = viewstate.read_view(request, shop, at.astimezone(shop.zone).date(), default="last7")
    return report_page.compared_once(request, state)


def _shell(request: PageRequest, name: str, state: viewstate.ViewState, **more: Any) -> dict[str, Any]:
    return {
        "state": state,
        "ranges": [(key, label) for key, label in viewstate.RANGES.items() if key != "custom"],
        "tabs": view.tabs(request, name, state),
        "query": request.GET.urlencode(),
        **more,
    }


def _answer(
    request: PageRequest, state: viewstate.ViewState, name: str, until: datetime | None
) -> dict[str, Any]:
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
    context = _shell(
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


def _one(request: PageRequest, state: viewstate.ViewState, at: datetime) -> reads.ItemReport:
    return reads.item(
        shop=request.access.shop,
        period=state.period,
        product_ref=_ref(request),
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
    context = _answer(request, state, "items", found.until) | {
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


# --- one item


@require_safe
@page(Deed.VIEW_TRAFFIC)
def item(request: PageRequest, shop: str) -> HttpResponseBase:
    """The shell of one item (`ref`); `?format=csv` is its days, with `table=sources` its sources."""
    at = clock.now()
    state = read_state(request, at)
    if wants_csv(request.GET):
        return _item_csv(request, state, at)
    source = reverse("console:item_answer", args=[shop])
    bar = viewstate.bar(state, request.access.shop)
    context = _shell(request, "item", state, source=source, ref=_ref(request), bar=bar)
    return render(request, "console/item.html", context)


def _ref(request: PageRequest) -> str:
    return request.GET.get("ref", "")[:500]


@require_safe
@page(Deed.VIEW_TRAFFIC)
def item_answer(request: PageRequest, shop: str) -> HttpResponse:
    """The fragment with an item's numbers, steps, sources and days."""
    at = clock.now()
    access = request.access
    state = read_state(request, at)
    found = _one(request, state, at)
    then = found.row.then
    if found.row.sums.is_nothing and (then is None or then.is_nothing):
        context = {"ref": _ref(request), "state": state, "items_url": reverse("console:items", args=[shop])}
        return render(request, "console/pieces/item_none.html", context)
    titles = rulebook.channel_titles(state.today, access.shop)
    sums = found.row.sums
    currency = access.shop.currency
    context = _answer(request, state, "item", found.until) | {
        "found": found,
        "name": view.name_of(found.row),
        "numbers": _numbers(request, found, currency, report_page.compared_words(state)),
        "parts": [
            (gettext("Paid traffic"), _part(found.row.paid)),
            (gettext("Free traffic"), _part(found.row.free)),
        ],
        "held": view.held(found.stall),
        "verdict": view.verdict_words(found.stall, currency),
        "is_stalling": found.stall.is_stalling,
        "far_units": view.units(found.stall.far_units) if found.stall.far_units is not None else "",
        "units": view.units(sums.units),
        "steps": view.step_rows(found.stall),
        "sources": [_source(one, titles) for one in found.sources],
        "picture": _picture(access, found),
        "days": [_day(one, currency) for one in reversed(found.days)],
        "pages": _pages(request, state),
        "notes": [note.text() for note in found.notes],
    }
    return render(request, "console/pieces/item_answer.html", context)


def _pages(request: PageRequest, state: viewstate.ViewState) -> list[tuple[str, str, str]]:
    """The pages on which the item was seen, each with the addresses of its own report and of its visits in the same days."""
    shop = request.access.shop
    found = reads.item_pages(shop=shop, period=state.period, product_ref=_ref(request))[:MOST_PAGES]
    days = [(key, request.GET[key]) for key in ("range", "from", "to") if key in request.GET]
    report = reverse("console:single_page", args=[shop.slug])
    # Both pages have a usual range of their own, so the days are always said.
    days = days or [("range", state.range)]
    visits = reverse("console:single_page_visits", args=[shop.slug])
    asked = [(path, urlencode([*days, ("path", path)])) for path in found]
    return [(path, f"{report}?{query}", f"{visits}?{query}") for path, query in asked]


def _item_csv(request: PageRequest, state: viewstate.ViewState, at: datetime) -> HttpResponseBase:
    shop = request.access.shop
    found = reads.item(shop=shop, period=state.period, product_ref=_ref(request), at=at)
    span = f"{state.period.start}-{state.period.last}"
    if request.GET.get("table") == "sources":
        header = ["channel", "is_paid", *_SUMS]
        rows = ([one.channel, one.is_paid, *_cells(one.sums, shop.currency)] for one in found.sources)
        return csv_response(request.access, f"item-sources-{span}", header, rows)
    days = ([one.day, *_cells(one.sums, shop.currency)] for one in found.days)
    return csv_response(request.access, f"item-days-{span}", ["day", *_SUMS], days)


_SUMS = ("views", "visitors", "added_to_cart", "buyers", "orders", "units", "amount")


def _cells(sums: reads.ItemSums, currency: str) -> list[Any]:
    amount = view.major(sums.amount_minor, currency)
    return [sums.views, sums.visitors, sums.cart_visitors, sums.buyers, sums.orders, sums.units, amount]


def _numbers(
    request: PageRequest, found: reads.ItemReport, currency: str, against: str
) -> list[dict[str, Any]]:
    sums = found.row.sums
    behind = view.behind_urls(request, found.row)
    changes = [view.change(found.row, key, against, currency) for key in _NUMBERS]
    return [
        one | {"change": change, "links": behind.get(key, ())}
        for key, one, change in zip(_NUMBERS, _plain_numbers(sums, currency), changes, strict=True)
    ]


_NUMBERS = ("visitors", "conversion", "amount", "bounce_page", "stay")


def _plain_numbers(sums: reads.ItemSums, currency: str) -> list[dict[str, Any]]:
    """The numbers of _NUMBERS in words."""
    stay = gettext("No view of it was followed by another one, so no stay could be measured.")
    return [
        {
            "name": pgettext("item number", "Visitors"),
            "text": words.count(sums.visitors),
            "sub": _views(sums),
        },
        {
            "name": pgettext("item number", "Conversion"),
            "text": view.share(sums.conversion) or words.UNKNOWN,
            "sub": gettext("%(bought)s of %(came)s bought it")
            % {"bought": words.count(sums.bought), "came": words.count(sums.came)},
        },
        {
            "name": pgettext("item number", "Amount"),
            "text": words.money(sums.amount_minor, currency, is_short=True),
            "sub": gettext("%(units)s units, %(orders)s orders, %(buyers)s buyers")
            % {
                "units": view.units(sums.units),
                "orders": words.count(sums.orders),
                "buyers": words.count(sums.buyers),
            },
        },
        {
            "name": gettext("Exit rate of its page"),
            "text": view.share(sums.bounce_page) or words.UNKNOWN,
            "sub": gettext("%(exits)s of %(views)s views were the last of their visit")
            % {"exits": words.count(sums.exits), "views": words.count(sums.views)},
        },
        {
            "name": gettext("Stay per view"),
            "text": words.seconds(view.ratio(sums.stay_per_view) or 0)
            if sums.measured_views
            else words.UNKNOWN,
            "sub": gettext("from %(views)s views that another one followed")
            % {"views": words.count(sums.measured_views)}
            if sums.measured_views
            else stay,
        },
    ]


def _views(sums: reads.ItemSums) -> str:
    return gettext("%(views)s views, %(favourites)s favoured it") % {
        "views": words.count(sums.views),
        "favourites": words.count(sums.favourite_visitors),
    }


def _part(sums: reads.ItemSums) -> dict[str, str]:
    return {
        "visitors": words.count(sums.visitors),
        "cart": words.count(sums.reached_cart),
        "checkout": words.count(sums.reached_checkout),
        "bought": words.count(sums.bought),
        "conversion": view.share(sums.conversion),
    }


def _source(one: reads.ItemSource, titles: Any) -> dict[str, str]:
    return {
        "name": view.channel_words(one, titles),
        "paid": "" if one.is_paid is None else gettext("paid") if one.is_paid else gettext("free"),
        "views": words.count(one.sums.views),
        "orders": words.count(one.sums.orders),
        **_part(one.sums),
    }


def _day(one: reads.ItemDay, currency: str) -> dict[str, Any]:
    sums = one.sums
    return {
        "day": one.day,
        "views": words.count(sums.views),
        "visitors": words.count(sums.visitors),
        "cart": words.count(sums.cart_visitors),
        "buyers": words.count(sums.buyers),
        "units": view.units(sums.units),
        "amount": words.money(sums.amount_minor, currency),
    }


def _picture(access: Any, found: reads.ItemReport) -> dict[str, Any] | None:
    """Visitors and buyers by day; today, which still runs, is left out of the line, since it is no fall."""
    if len(found.days) < 2:
        return None
    running = found.period.last if found.until is not None else None
    series = [
        (
            pgettext("item number", "Visitors"),
            [None if d.day == running else d.sums.visitors for d in found.days],
        ),
        (
            gettext("Added it to the cart"),
            [None if d.day == running else d.sums.cart_visitors for d in found.days],
        ),
        (gettext("Buyers"), [None if d.day == running else d.sums.buyers for d in found.days]),
    ]
    return {
        "kind": "line",
        "unit": "count",
        "language": "zh-CN" if words.locale().language == "zh" else "en",
        "currency": access.shop.currency,
        "digits": 0,
        "labels": [words.short_day(day.day) for day in found.days],
        "series": [{"name": name, "values": values} for name, values in series],
        "is_past": True,
        "edge": None,
        "edge_name": "",
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
        request, "console/items.html", _shell(request, "items_stalled", state, source=source, heading=heading)
    )


@require_safe
@page(Deed.VIEW_TRAFFIC)
def stalled_table(request: PageRequest, shop: str) -> HttpResponse:
    """The fragment with the items that stall, what holds each back, and by which thresholds."""
    at = clock.now()
    state = read_state(request, at)
    found = reads.stalled(shop=request.access.shop, period=state.period, at=at)
    far = next((one.far_units for one in found.rows if one.far_units is not None), None)
    context = _answer(request, state, "items_stalled", found.until) | {
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
