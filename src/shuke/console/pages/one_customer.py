"""Who is this? One customer: what he is known by, what he did and bought, and his one time line."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from shuke.audience import timeline
from shuke.audience.customers import birthdays, panels, reads, wording
from shuke.audience.identities import reads as identities
from shuke.console import customers_view as view
from shuke.console import viewstate, words
from shuke.kernel import clock
from shuke.kernel.errors import Invalid, NotFound
from shuke.shops.access import page
from shuke.shops.page_request import PageRequest
from shuke.shops.roles import Deed

SIZE = 30


@require_safe
@page(Deed.VIEW_CUSTOMERS)
def customer(request: PageRequest, shop: str, customer_id: int) -> HttpResponseBase:
    """The shell of one customer."""
    context = {
        "customer_id": customer_id,
        "query": request.GET.urlencode(),
        "list_url": reverse("console:customers", args=[shop]),
    }
    return render(request, "console/customer.html", context)


@require_safe
@page(Deed.VIEW_CUSTOMERS)
def answer(request: PageRequest, shop: str, customer_id: int) -> HttpResponse:
    """The fragment with everything but the time line's later pages."""
    at, access = clock.now(), request.access
    try:
        found = reads.customer(access.shop, customer_id, at=at)
    except NotFound:
        return render(
            request,
            "console/pieces/customer_none.html",
            {"list_url": reverse("console:customers", args=[shop])},
        )
    context = _timeline(request, found.customer_id, at) | {
        "found": found,
        "name": view.name_of(found.row),
        "sentence": _sentence(request, found),
        "numbers": _numbers(request, found, at),
        "identities": [
            view.Drawn(str(identities.KIND_TITLES[one.kind]), one.ref or words.UNKNOWN)
            for one in found.identities
        ],
        "terminals": _terminals(found),
        "tags": found.row.tags,
        "attributes": _attributes(request, found.customer_id, at),
        "offered": reads.attributes_offered(access.shop),
        "tag_names": reads.tag_names(access.shop, at),
        "may_manage": access.may(Deed.MANAGE_CUSTOMERS),
        "panels": _panels(request, found.customer_id, at),
    }
    return render(request, "console/pieces/customer_answer.html", context)


@require_safe
@page(Deed.VIEW_CUSTOMERS)
def entries(request: PageRequest, shop: str, customer_id: int) -> HttpResponse:
    """The next page of the time line (`cursor`), below the `day` under which the one before ended."""
    context = _timeline(request, customer_id, clock.now())
    return render(request, "console/pieces/customer_entries.html", context)


def _timeline(request: PageRequest, customer_id: int, at: datetime) -> dict[str, Any]:
    access = request.access
    known = {kind.name for kind in timeline.kinds()}
    only = tuple(name for name in request.GET.getlist("kinds") if name in known)
    try:
        found = reads.timeline_of(
            access.shop,
            customer_id,
            at=at,
            cursor=request.GET.get("cursor") or None,
            limit=SIZE,
            only=only,
            may=access.may,
        )
    except Invalid:
        found = reads.timeline_of(access.shop, customer_id, at=at, limit=SIZE, only=only, may=access.may)
    drawn = view.drawn_entries(request, found, at, before=request.GET.get("day", ""))
    more = ""
    if found.cursor is not None:
        last = found.entries[-1].at.astimezone(access.shop.zone).date().isoformat()
        query = {"cursor": found.cursor, "day": last, "kinds": list(only)}
        more = reverse("console:customer_entries", args=[access.shop.slug, customer_id])
        more += "?" + urlencode(query, doseq=True)
    titles = {kind.name: kind.title for kind in timeline.kinds()}
    return {
        "entries": drawn,
        "more": more,
        "kinds": [
            (kind.name, kind.title, kind.name in only) for kind in timeline.kinds() if access.may(kind.deed)
        ],
        "is_everything": not only,
        "hidden": [titles[name] for name in found.hidden],
        "page_url": view.customer_url(access, customer_id),
    }


def _sentence(request: PageRequest, found: reads.Customer) -> str:
    row, zone = found.row, request.access.shop.zone
    if row.last_at is None or row.first_at is None:
        return ""
    told = {
        "first": words.day(row.first_at.astimezone(zone).date()),
        "last": words.day(row.last_at.astimezone(zone).date()),
        "amount": words.money(row.net_minor or 0, request.access.shop.currency),
        "orders": words.count(row.orders),
    }
    if row.orders:
        return (
            gettext("Known since %(first)s, last seen on %(last)s; %(orders)s orders for %(amount)s net.")
            % told
        )
    return gettext("Known since %(first)s, last seen on %(last)s; no order that stands.") % told


def _numbers(request: PageRequest, found: reads.Customer, at: datetime) -> list[dict[str, str]]:
    row, access = found.row, request.access
    channels = view.channel_titles(access, at)
    currency = access.shop.currency
    return [
        {
            "name": str(view.TITLES["orders"]),
            "text": words.count(row.orders),
            "sub": gettext("that stand, of all time"),
        },
        {
            "name": str(view.TITLES["net_minor"]),
            "text": words.money(row.net_minor or 0, currency),
            "sub": gettext("gross %(amount)s") % {"amount": words.money(row.gross_minor or 0, currency)},
        },
        {"name": str(view.TITLES["visits"]), "text": words.count(row.visits), "sub": gettext("of all time")},
        {
            "name": str(view.TITLES["first_channel"]),
            "text": str(channels.get(row.first_channel, row.first_channel))
            if row.first_channel
            else words.UNKNOWN,
            "sub": "" if row.first_channel else gettext("No visit of his is known."),
        },
        {
            "name": str(view.TITLES["region"]),
            "text": row.region or words.UNKNOWN,
            "sub": "" if row.region else gettext("No order states one."),
        },
    ]


def _attributes(request: PageRequest, customer_id: int, at: datetime) -> list[dict[str, Any]]:
    """Attributes that are known, with who said so and when, and what was said before."""
    shop = request.access.shop
    made = []
    for one in reads.attributes_of(shop, customer_id, at=at):
        if not one.history:
            continue

        def said(statement: Any, one: Any = one) -> dict[str, str]:
            by = str(wording.ORIGINS[statement.source])
            return {
                "value": wording.value_words(one.definition, statement.value, shop.currency),
                "by": f"{by} · {statement.made_by}" if statement.made_by else by,
                "day": words.day(statement.at.astimezone(shop.zone).date()),
            }

        lines = [said(statement) for statement in one.history]
        made.append(
            {
                "title": one.definition.title,
                "note": _birthday(one, at.astimezone(shop.zone).date()),
                "now": lines[0],
                "before": lines[1:6],
            }
        )
    return made


def _birthday(one: reads.Known, today: date) -> str:
    if one.definition.type != "birthday" or one.value is None:
        return ""
    after = birthdays.next_on(birthdays.of_plain(one.value), today)
    return gettext("next on %(day)s, in %(days)s days") % {
        "day": words.day(after),
        "days": words.count((after - today).days),
    }


def _terminals(found: reads.Customer) -> str:
    return ", ".join(
        f"{viewstate.TERMINALS.get(name, name)} {words.count(visits)}" for name, visits in found.terminals
    )


def _panels(request: PageRequest, customer_id: int, at: datetime) -> list[dict[str, Any]]:
    access = request.access
    channels = view.channel_titles(access, at)
    made = []
    for panel in panels.panels():
        lines = panel.lines(access.shop, customer_id, at) if access.may(panel.deed) else ()
        if lines:
            drawn = [
                view.Drawn(
                    str(line.label),
                    view.value_words(access, line, channels),
                    str(line.why if line.value is None else line.note),
                )
                for line in lines
            ]
            made.append({"name": panel.name, "title": panel.title, "lines": drawn})
    return made
