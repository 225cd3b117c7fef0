"""What will customers bring next quarter? Orders and value with their interval, how an older forecast fared, and the fit."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext, ngettext, pgettext, pgettext_lazy
from django.views.decorators.http import require_POST, require_safe

from shuke.audience.forecast import actions, reads
from shuke.audience.forecast.words import holdout_words, why_not_words
from shuke.console import forecast_picture, words
from shuke.kernel import clock
from shuke.kernel.errors import ShukeError
from shuke.shops import navigation
from shuke.shops.access import Access, page
from shuke.shops.csv_out import csv_response, wants_csv
from shuke.shops.page_request import PageRequest
from shuke.shops.roles import Deed
from shuke.shops.tables import Column, build_table, csv_rows

navigation.register(
    navigation.NavigationEntry(
        "forecast",
        pgettext_lazy("sidebar", "Forecast"),
        "chart-line",
        "console:forecast",
        Deed.VIEW_TRAFFIC,
        "customers",
        50,
    )
)
# What a parameter says, in the order in which the models name them.
PARAMETERS = {
    "r": pgettext_lazy("parameter", "how alike customers are in how often they buy (shape)"),
    "alpha": pgettext_lazy("parameter", "days; with r: how often they buy (rate)"),
    "a": pgettext_lazy("parameter", "with b: the chance to leave after an order"),
    "b": pgettext_lazy("parameter", "with a: the chance to leave after an order"),
    "p": pgettext_lazy("parameter", "how far a customer's orders scatter (shape)"),
    "q": pgettext_lazy("parameter", "how far customers differ in value (shape)"),
    "gamma": pgettext_lazy("parameter", "with p and q: what an order day is worth"),
}


@require_safe
@page(Deed.VIEW_TRAFFIC)
def forecast(request: PageRequest, shop: str) -> HttpResponseBase:
    """The page; `?format=csv` is the table of chances, `&table=holdout` the weeks of the holdout."""
    access = request.access
    made = reads.forecast(access.shop)
    columns = _columns(access, made.customers if made else 0)
    if wants_csv(request.GET) and made is not None:
        if request.GET.get("table") == "holdout" and made.holdout is not None:
            return _holdout_csv(access, made.holdout)
        header = [column.title for column in columns]
        return csv_response(
            access, f"forecast-{made.last_day}", header, csv_rows(columns, list(reversed(made.bands)))
        )
    job = reads.running_job(access.shop)
    context: dict[str, Any] = {
        "made": made,
        "is_running": job is not None,
        "may_make": access.may(Deed.MANAGE_CUSTOMERS),
        "may_import": access.may(Deed.IMPORT_FILES),
        "may_see_people": access.may(Deed.VIEW_CUSTOMERS),
        "is_exportable": access.may(Deed.EXPORT_TABLES),
        "definitions": {
            name: reverse("console:definition", args=[shop, name])
            for name in ("chance_alive", "expected_orders", "expected_value", "lifetime_value")
        },
    }
    if made is not None:
        context |= {"as_of": words.day(made.last_day), "why_not": why_not_words(made) if made.why_not else ""}
    if made is not None and made.orders is not None:
        context |= {
            "sentence": _sentence(access, made),
            "notes": _notes(made),
            "cells": _cells(access, made),
            "picture": forecast_picture.draw(made.holdout) if made.holdout else None,
            "held_words": holdout_words(made.holdout) if made.holdout else "",
            "held_tone": "warn" if made.holdout and made.holdout.is_held is False else "",
            "table": build_table(request, "alive", columns, list(reversed(made.bands)), size=10),
            "fits": _fits(made),
        }
    return render(request, "console/forecast.html", context)


@require_POST
@page(Deed.MANAGE_CUSTOMERS)
def make(request: PageRequest, shop: str) -> HttpResponse:
    """Start a forecast now."""
    access = request.access
    try:
        actions.start_forecast(shop=access.shop, actor=access.actor, at=clock.now())
        messages.success(request, gettext("The forecast is being made; this page shows it when it is done."))
    except ShukeError as error:
        messages.error(request, str(error))
    return redirect("console:forecast", shop=shop)


def _holdout_csv(access: Access, held: reads.Holdout) -> HttpResponseBase:
    header = [
        pgettext("column", "Until"),
        gettext("Expected"),
        gettext("Interval from"),
        gettext("Interval to"),
        gettext("Came"),
    ]
    rows = ([week.day, round(week.expected, 2), week.low, week.high, week.actual] for week in held.weeks)
    return csv_response(access, f"forecast-holdout-{held.cut}", header, rows)


def _span(low: str, high: str) -> str:
    return gettext("%(low)s to %(high)s") % {"low": low, "high": high}


def _sentence(access: Access, made: reads.Forecast) -> str:
    """Orders and value of the days ahead, with the interval."""
    assert made.orders is not None
    said = gettext(
        "The %(customers)s customers known today are expected to order %(orders)s times in the next %(days)s days (%(share)s interval: %(span)s)."
    ) % {
        "customers": words.count(made.customers),
        "orders": words.count(round(made.orders.expected)),
        "days": made.days,
        "share": words.percent(made.share, 0),
        "span": _span(words.count(round(made.orders.low)), words.count(round(made.orders.high))),
    }
    if made.value is None:
        return said
    money = [
        words.money(round(minor), access.shop.currency, is_short=True)
        for minor in (made.value.expected, made.value.low, made.value.high)
    ]
    more = gettext("Worth %(value)s (%(span)s).") % {"value": money[0], "span": _span(money[1], money[2])}
    return f"{said}{'' if words.locale().language == 'zh' else ' '}{more}"


def _notes(made: reads.Forecast) -> list[str]:
    assert made.orders is not None
    told = []
    if made.is_few:
        wide = (made.orders.high - made.orders.low) / max(made.orders.expected, 1)
        told.append(
            ngettext(
                "Of %(customers)s customer little can be known: the interval is %(wide)s of the number itself. Decide nothing by the number alone.",
                "Of %(customers)s customers little can be known: the interval is %(wide)s of the number itself. Decide nothing by the number alone.",
                made.customers,
            )
            % {"customers": words.count(made.customers), "wide": words.percent(wide, 0)}
        )
    if made.of_orders is not None and not made.of_orders.is_settled:
        told.append(
            gettext(
                "The data do not determine how often customers leave or how they differ; the middle of what is plausible is used."
            )
        )
    if made.correlation is not None and abs(made.correlation) > 0.3:
        told.append(
            gettext(
                "Who buys often spends differently here (correlation %(r)s), and the model of money takes the two to be independent: doubt the value."
            )
            % {"r": words.number(made.correlation)}
        )
    return told


def _cells(access: Access, made: reads.Forecast) -> list[dict[str, str]]:
    """The numbers of the page."""
    assert made.orders is not None
    currency = access.shop.currency
    share = words.percent(made.share, 0)

    def within(span: str) -> str:
        return gettext("%(share)s interval: %(span)s") % {"share": share, "span": span}

    cells = [
        {
            "name": gettext("Order days to expect"),
            "text": words.count(round(made.orders.expected)),
            "sub": within(_span(words.count(round(made.orders.low)), words.count(round(made.orders.high)))),
            "definition": "expected_orders",
        },
        {
            "name": gettext("Value to expect"),
            "text": words.money(round(made.value.expected), currency, is_short=True)
            if made.value
            else words.UNKNOWN,
            "sub": within(
                _span(
                    words.money(round(made.value.low), currency, is_short=True),
                    words.money(round(made.value.high), currency, is_short=True),
                )
            )
            if made.value
            else gettext("No order after a first one has a value."),
            "definition": "expected_value",
        },
        {
            "name": gettext("Customers to expect again"),
            "text": words.count(round(made.alive or 0)),
            "sub": gettext("of %(customers)s known; %(repeaters)s have come again already")
            % {"customers": words.count(made.customers), "repeaters": words.count(made.repeaters)},
            "definition": "chance_alive",
        },
        {
            "name": gettext("New in the days before"),
            "text": words.count(made.new_customers),
            "sub": gettext("ordered first in the last %(days)s days; such are in no forecast")
            % {"days": made.days},
            "definition": "",
        },
    ]
    return cells


def _columns(access: Access, all_customers: int) -> list[Column[reads.AliveBand]]:
    link = access.may(Deed.VIEW_CUSTOMERS)

    def band(row: reads.AliveBand) -> dict[str, str]:
        url = reverse("console:forecast_people", args=[access.shop.slug]) + f"?band={round(row.low * 10)}"
        return {"text": band_words(round(row.low * 10)), "url": url if link and row.customers else ""}

    return [
        Column("band", pgettext("forecast", "Chance to come again"), lambda r: r.low, "link", is_first=True, shown=band),
        Column(
            "customers",
            pgettext("forecast", "Customers"),
            lambda r: r.customers,
            "share",
            is_number=True,
            shown=lambda r: {"value": f"{r.customers / max(all_customers, 1):.4f}", "text": words.count(r.customers)},
        ),
        Column(
            "expected_orders",
            gettext("Order days to expect"),
            lambda r: round(r.expected_orders, 2),
            "stated",
            is_number=True,
            shown=lambda r: {"text": words.number(r.expected_orders, 1), "why": ""},
        ),
    ]  # fmt: skip


def band_words(band: int) -> str:
    """A tenth of chances."""
    return f"{band * 10}–{band * 10 + 10}%"


def _fits(made: reads.Forecast) -> list[dict[str, Any]]:
    """Both models with their parameters and what is to be said of the fit."""
    found = []
    for title, paper, fit in (
        (
            gettext("How often (BG/NBD)"),
            gettext(
                "While somebody is a customer, orders come at random with a rate of his own; after each one he may leave for good with a chance of his own."
            ),
            made.of_orders,
        ),
        (
            gettext("How much (Gamma-Gamma)"),
            gettext(
                "The value of an order day varies around a mean of the customer's own; value and frequency are taken to be independent."
            ),
            made.of_money,
        ),
    ):
        if fit is None:
            continue
        found.append(
            {
                "title": title,
                "paper": paper,
                "rows": [
                    {
                        "name": one.name,
                        "what": PARAMETERS[one.name],
                        "value": _plain(one.value),
                        "error": words.UNKNOWN if one.error is None else f"± {_plain(one.error)}",
                    }
                    for one in fit.parameters
                ],
                "said": gettext("Fitted to %(customers)s customers; log likelihood %(likelihood)s.")
                % {
                    "customers": words.count(fit.customers),
                    "likelihood": words.number(fit.log_likelihood, 1),
                },
                "is_settled": fit.is_settled,
            }
        )
    return found


def _plain(value: float) -> str:
    """Four digits that say something, and no powers of ten."""
    return words.number(value, max(0, 3 - len(str(int(abs(value)))) + (abs(value) < 1) * 2))
