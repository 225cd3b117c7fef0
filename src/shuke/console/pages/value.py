"""What are customers worth? Super users, bands, the RFM grid, netted against gross, what does not count, and who is behind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext, pgettext_lazy
from django.views.decorators.http import require_POST, require_safe

from shuke.audience.value import actions, reads
from shuke.audience.value.decisions import RULES, SCORES
from shuke.audience.value.wording import REASONS, STANDING_TITLES, VERSION_TITLES, masked
from shuke.console import value_view as view
from shuke.console import words
from shuke.console.value_table import columns_of, lines_of, list_url
from shuke.kernel import clock
from shuke.kernel.errors import Invalid, NotFound
from shuke.kernel.money import Money
from shuke.rulebook import reads as rulebook
from shuke.shops import navigation
from shuke.shops.access import Access, page
from shuke.shops.csv_out import PIECE, csv_response, wants_csv
from shuke.shops.page_request import PageRequest
from shuke.shops.roles import Deed
from shuke.shops.tables import Column, build_paged_table, build_table, csv_rows, page_number

navigation.register(
    navigation.NavigationEntry(
        "value",
        pgettext_lazy("sidebar", "Value"),
        "target",
        "console:value",
        Deed.VIEW_TRAFFIC,
        "customers",
        40,
    )
)
SIZE = 50
FEW = 30


@require_safe
@page(Deed.VIEW_TRAFFIC)
def value(request: PageRequest, shop: str) -> HttpResponseBase:
    """The shell; `?format=csv` is the table of both versions as a file."""
    access, now = request.access, clock.now()
    state = view.read_value_view(request, now)
    if wants_csv(request.GET):
        found = reads.value(access.shop, at=state.at)
        columns = columns_of(access, state, found)
        header = [str(column.title) for column in columns]
        return csv_response(access, f"value-{found.day}", header, csv_rows(columns, lines_of(found)))
    context = {
        "view": state,
        "moment": words.moment(state.at, access.shop.zone),
        "typed": state.at.strftime("%Y-%m-%dT%H:%M"),
        "versions": VERSION_TITLES.items(),
        "query": request.GET.urlencode(),
    }
    return render(request, "console/value.html", context)


@require_safe
@page(Deed.VIEW_TRAFFIC)
def answer(request: PageRequest, shop: str) -> HttpResponse:
    """The fragment with the sentence, the numbers, the grid, the bands, both versions and what does not count."""
    access, now = request.access, clock.now()
    state = view.read_value_view(request, now)
    found = reads.value(access.shop, at=state.at)
    one = found.version(state.version)
    context: dict[str, Any] = {"view": state, "found": found, "one": one}
    if one is not None and one.customers:
        context |= {
            "sentence": _sentence(found, one),
            "few": gettext("Only %(count)s customers: shares and scores say little.")
            % {"count": words.count(one.customers)}
            if one.customers < FEW
            else "",
            "numbers": _numbers(access, state, found, one),
            "grid": _grid(access, state, found, one),
            "scores": range(1, SCORES + 1),
            "levels": range(10),
            "money_scores": _money_scores(found, one),
            "formula": _formula(found),
            "bands": _bands(access, state, found, one),
            "left_out": [
                (REASONS[x.reason], words.count(x.orders), words.money(x.amount_minor, x.currency))
                for x in one.left_out
            ],
            "definition": _definition_url(access, state.version),
            "definition_title": gettext("Money per customer"),
            "table": build_table(request, "value", columns_of(access, state, found), lines_of(found)),
            "table_source": request.path,
            "table_page": reverse("console:value", args=[shop]),
            "is_exportable": access.may(Deed.EXPORT_TABLES),
            "rules_url": reverse("console:rulebook", args=[shop]),
        }
    return render(request, "console/pieces/value_answer.html", context)


def _sentence(found: reads.ValueReport, one: reads.Value) -> str:
    if one.super_users is None or one.best is None:
        return gettext("There is no income to share among %(count)s customers.") % {
            "count": words.count(one.customers)
        }
    return gettext(
        "%(count)s super users, %(part)s of the customers, bring %(income)s of the income; the best %(best)s bring %(share)s."
    ) % {
        "count": words.count(one.super_users.customers),
        "part": view.percent(one.super_users.share_of_customers),
        "income": view.percent(one.super_users.share_of_income),
        "best": words.percent(found.rules.best_share / 100, 0),
        "share": view.percent(one.best.share_of_income),
    }


def _definition_url(access: Access, version: str) -> str:
    metric, number = reads.METRIC_OF[version].split(".v")
    return reverse("console:definition", args=[access.shop.slug, metric]) + f"?v={number}"


def _numbers(
    access: Access, state: view.ValueView, found: reads.ValueReport, one: reads.Value
) -> list[dict[str, Any]]:
    def definition(metric: str) -> str:
        return reverse("console:definition", args=[access.shop.slug, metric])

    def number(which: str, count: int, metric: str = "", sub: str = "") -> dict[str, Any]:
        return {
            "title": view.WHICH_TITLES[which],
            "text": words.count(count),
            "sub": sub,
            "url": list_url(access, state, which),
            "definition": definition(metric) if metric else "",
        }

    half = f"{words.short_day(found.half_year.start)} – {words.short_day(found.half_year.last)}"
    tied = one.super_users
    ties = ""
    if tied is not None and tied.tied > tied.tied_inside:
        ties = gettext("%(inside)s of %(tied)s with the same last amount") % {
            "inside": words.count(tied.tied_inside),
            "tied": words.count(tied.tied),
        }
    return [
        number("all", one.customers, sub=words.money(one.amount_minor, found.currency, is_short=True)),
        {
            "title": gettext("Money per customer"),
            "text": words.UNKNOWN
            if one.money_minor is None
            else words.money(round(one.money_minor), found.currency),
            "sub": VERSION_TITLES[one.version],
            "url": "",
            "definition": _definition_url(access, one.version),
        },
        number("super", tied.customers if tied else 0, "super_users", sub=ties),
        number("half_year", one.half_year_buyers, "half_year_buyers", sub=half),
        number("regular", one.regulars, "regulars", sub=half),
    ]


def _grid(
    access: Access, state: view.ValueView, found: reads.ValueReport, one: reads.Value
) -> list[dict[str, Any]]:
    rows = []
    for recency in range(SCORES, 0, -1):
        cells = []
        for cell in one.grid:
            if cell.recency != recency:
                continue
            amount = words.money(cell.amount_minor, found.currency, is_short=True)
            cells.append(
                {
                    "text": words.count(cell.customers),
                    "level": view.level(cell.customers, one.buyers),
                    "url": list_url(access, state, f"rfm_{recency}{cell.frequency}")
                    if cell.customers
                    else "",
                    "hint": gettext("R %(recency)s, F %(frequency)s: %(share)s of the buyers, %(amount)s")
                    % {
                        "recency": recency,
                        "frequency": cell.frequency,
                        "share": view.percent(view.share(cell.customers, one.buyers)),
                        "amount": amount,
                    },
                }
            )
        rows.append({"score": recency, "cells": cells})
    return rows


def _money_scores(found: reads.ValueReport, one: reads.Value) -> str:
    told = " · ".join(f"M {score}: {words.count(count)}" for score, count in one.money_scores)
    return gettext("By money: %(scores)s.") % {"scores": told}


def _formula(found: reads.ValueReport) -> str:
    if not found.rules.is_fixed:
        return gettext(
            "Each score is 5 − ⌊5 × (how many buyers are better) ÷ (how many there are)⌋, a formula of ours: R by whole days "
            "since the last order, F by orders, M by money. Equal values score the same, so that a score may stay empty."
        )
    return gettext(
        "Scored by the fixed edges of the rulebook: R below %(r)s days, F from %(f)s orders on."
    ) % {
        "r": ", ".join(map(words.count, found.rules.recency_edges)),
        "f": ", ".join(map(words.count, found.rules.order_edges)),
    }


def _bands(
    access: Access, state: view.ValueView, found: reads.ValueReport, one: reads.Value
) -> list[dict[str, Any]]:
    half = f"{words.day(found.half_year.start)} – {words.day(found.half_year.last)}"
    kinds: tuple[tuple[str, str, str, str, tuple[reads.BandRow, ...]], ...] = (
        ("frequency", gettext("By orders of the half-year"), half, "order_frequency_edges", one.frequency_bands),
        ("amount", gettext("By average order"), gettext("all orders until then"), "order_amount_edges", one.amount_bands),
    )  # fmt: skip
    return [
        {
            "key": name,
            "title": title,
            "sub": sub,
            "rule": rulebook.rule(RULES + rule).title,
            "rule_url": reverse("console:rule", args=[access.shop.slug, RULES + rule]),
            "rows": [
                {
                    "title": view.band_title(name, row, found.currency),
                    "count": words.count(row.customers),
                    "url": list_url(access, state, row.key) if row.customers else "",
                    "share": view.drawn_share(view.share(row.customers, one.customers)),
                    "amount": words.money(row.amount_minor, found.currency, is_short=True),
                    "part": view.percent(view.share(row.amount_minor, one.amount_minor)),
                }
                for row in rows
            ],
        }
        for name, title, sub, rule, rows in kinds
    ]


# --- the customers behind a number


TITLES: dict[str, str | Promise] = {
    "ref": pgettext_lazy("valued customer", "Customer"),
    "amount": pgettext_lazy("valued customer", "Money"),
    "orders": pgettext_lazy("valued customer", "Orders"),
    "average": pgettext_lazy("valued customer", "Average order"),
    "days": pgettext_lazy("valued customer", "Purchase days"),
    "last_day": pgettext_lazy("valued customer", "Last order"),
    "half_year": pgettext_lazy("valued customer", "Orders of the half-year"),
    "scores": pgettext_lazy("valued customer", "R F M"),
    "standing": pgettext_lazy("valued customer", "Opinion leader"),
    "customer_id": pgettext_lazy("valued customer", "Id"),
}


@require_safe
@page(Deed.VIEW_CUSTOMERS)
def customers(request: PageRequest, shop: str) -> HttpResponseBase:
    """As many customers as the number says, the highest amounts first; `?format=csv` all of them, names masked."""
    access, now = request.access, clock.now()
    state, which = view.read_value_view(request, now), request.GET.get("which", "all")

    def ask(number: int, size: int) -> reads.ValuedCustomers:
        try:
            return reads.value_customers(
                access.shop, which=which, version=state.version, at=state.at, page=number, size=size
            )
        except Invalid as error:
            raise NotFound(field=gettext("list of customers"), value=error.value) from None

    columns = customer_columns(access)
    if wants_csv(request.GET):
        return _as_csv(access, columns, ask, f"customers-{which}")
    columns = [column for column in columns if column.key != "customer_id"]  # in the file alone: it is long
    number = page_number(request)
    found = ask(number, SIZE)
    report = reads.value(access.shop, at=state.at, versions=(state.version,))
    context = {
        "view": state,
        "title": view.which_title(which, report, state.version),
        "version_title": VERSION_TITLES[state.version],
        "moment": words.moment(state.at, access.shop.zone),
        "amount": words.money(found.amount_minor, access.shop.currency),
        "count": found.count,
        "table": build_paged_table(
            request, "valued-customers", columns, found.rows, count=found.count, page=number, size=SIZE
        ),
        "back_url": reverse("console:value", args=[shop]) + _query(state),
        "is_exportable": access.may(Deed.EXPORT_TABLES),
    }
    return render(request, "console/value_customers.html", context)


def standing(access: Access, row: reads.ValuedCustomer) -> dict[str, Any]:
    """What is said of a customer, and for who may manage customers the deed that says another thing."""
    return {
        "text": STANDING_TITLES[row.standing],
        "is_leader": row.standing == "leader",
        "customer_id": row.customer_id,
        "name": row.ref or str(row.customer_id),
        "url": reverse("console:value_leader", args=[access.shop.slug])
        if access.may(Deed.MANAGE_CUSTOMERS)
        else "",
    }


@require_POST
@page(Deed.MANAGE_CUSTOMERS)
def leader(request: PageRequest, shop: str) -> HttpResponse:
    """Say that a customer is an opinion leader, or take it back; then the list from which it was said."""
    text = request.POST.get("customer_id", "")
    if not re.fullmatch(r"-?\d{1,18}|-?[1-8]\d{18}", text, re.ASCII):
        raise NotFound(field=gettext("customer"), value=text)
    said = actions.say_opinion_leader(
        shop=request.access.shop,
        customer_id=int(text),
        is_leader=True if request.POST.get("is_leader") == "yes" else None,
        actor=request.access.actor,
        at=clock.now(),
    )
    messages.success(request, gettext("Kept: %(standing)s.") % {"standing": STANDING_TITLES[said]})
    query = request.POST.get("view", "")[:500]
    return redirect(reverse("console:value_customers", args=[shop]) + (f"?{query}" if query else ""))


def _query(state: view.ValueView) -> str:
    query = "&".join(f"{name}={value}" for name, value in state.query.items())
    return f"?{query}" if query else ""


def customer_columns(access: Access) -> list[Column[reads.ValuedCustomer]]:
    currency = access.shop.currency

    def amount(key: str, minor: Any) -> Column[reads.ValuedCustomer]:
        def shown(row: reads.ValuedCustomer) -> dict[str, str]:
            found = minor(row)
            text = "" if found is None else words.money(found, currency)
            return {"text": text, "why": gettext("No order that counts.")}

        def value(row: reads.ValuedCustomer) -> Any:
            return None if minor(row) is None else Money(minor(row), currency).amount

        return Column(key, TITLES[key], value, "stated", is_number=True, shown=shown)

    def last(row: reads.ValuedCustomer) -> dict[str, str]:
        if row.last_day is None:
            return {"text": "", "why": gettext("No order that counts.")}
        days = row.recency_days or 0
        ago = ngettext("%(days)s day ago", "%(days)s days ago", days) % {"days": words.count(days)}
        return {"text": words.day(row.last_day), "sub": ago}

    return [
        Column("ref", TITLES["ref"], lambda r: r.ref or "", "link", is_first=True, shown=lambda r: view.customer_cell(access, r)),
        amount("amount", lambda r: r.amount_minor),
        Column("orders", TITLES["orders"], lambda r: r.orders, "count", is_number=True),
        amount("average", lambda r: r.average_minor),
        Column("days", TITLES["days"], lambda r: r.days, "count", is_number=True),
        Column("last_day", TITLES["last_day"], lambda r: r.last_day, "stated", shown=last),
        Column("half_year", TITLES["half_year"], lambda r: r.half_year_orders, "count", is_number=True),
        Column("scores", TITLES["scores"], lambda r: " ".join(map(str, r.scores or ())), "nowrap"),
        Column("standing", TITLES["standing"], lambda r: str(STANDING_TITLES[r.standing]), "leader", shown=lambda r: standing(access, r)),
        Column("customer_id", TITLES["customer_id"], lambda r: str(r.customer_id), "code"),
    ]  # fmt: skip


def _as_csv(access: Access, columns: list[Column[Any]], ask: Any, name: str) -> HttpResponseBase:
    def rows() -> Iterator[list[Any]]:
        number = 1
        while (found := ask(number, PIECE)).rows:
            for row in found.rows:
                yield [masked(row.ref), *(column.value(row) for column in columns[1:])]
            if number * PIECE >= found.count:
                return
            number += 1

    return csv_response(access, name, [str(column.title) for column in columns], rows())
