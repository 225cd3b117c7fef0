"""How does one item sell, and what holds it back? Its numbers, steps, sources, days, and what stands behind them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext, pgettext
from django.views.decorators.http import require_safe

from shuke.console import items_view as view
from shuke.console import report_page, viewstate, words
from shuke.console.pages import items
from shuke.kernel import clock
from shuke.rulebook import reads as rulebook
from shuke.shops.access import page
from shuke.shops.csv_out import csv_response, wants_csv
from shuke.shops.page_request import PageRequest
from shuke.shops.roles import Deed
from shuke.traffic.items import reads

MOST_PAGES = 5


@require_safe
@page(Deed.VIEW_TRAFFIC)
def item(request: PageRequest, shop: str) -> HttpResponseBase:
    """The shell of one item (`ref`); `?format=csv` is its days, with `table=sources` its sources."""
    at = clock.now()
    state = items.read_state(request, at)
    if wants_csv(request.GET):
        return _item_csv(request, state, at)
    source = reverse("console:item_answer", args=[shop])
    bar = viewstate.bar(state, request.access.shop)
    context = items.shell(request, "item", state, source=source, ref=_ref(request), bar=bar)
    return render(request, "console/item.html", context)


def _one(request: PageRequest, state: viewstate.ViewState, at: datetime) -> reads.ItemReport:
    return reads.item(
        shop=request.access.shop,
        period=state.period,
        product_ref=_ref(request),
        against=report_page.against(state),
        custom=state.custom,
        at=at,
    )


def _ref(request: PageRequest) -> str:
    return request.GET.get("ref", "")[:500]


@require_safe
@page(Deed.VIEW_TRAFFIC)
def answer(request: PageRequest, shop: str) -> HttpResponse:
    """The fragment with an item's numbers, steps, sources and days."""
    at = clock.now()
    access = request.access
    state = items.read_state(request, at)
    found = _one(request, state, at)
    then = found.row.then
    if found.row.sums.is_nothing and (then is None or then.is_nothing):
        context = {"ref": _ref(request), "state": state, "items_url": reverse("console:items", args=[shop])}
        return render(request, "console/pieces/item_none.html", context)
    titles = rulebook.channel_titles(state.today, access.shop)
    sums = found.row.sums
    currency = access.shop.currency
    context = items.frame(request, state, "item", found.until) | {
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
    behind = view.behind_links(request, found.row)
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
