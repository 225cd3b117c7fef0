"""Where customers come from: by channel, paid against free, source, medium, campaign, each row leading deeper."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext, pgettext_lazy
from django.views.decorators.http import require_safe

from shuke.console import figures, report_page, viewstate, words
from shuke.console.pages.overview import read_state
from shuke.kernel import clock
from shuke.kernel.money import exponent
from shuke.rulebook import reads as rulebook
from shuke.shops import navigation
from shuke.shops.access import page
from shuke.shops.csv_out import csv_response, wants_csv
from shuke.shops.page_request import PageRequest
from shuke.shops.roles import Deed
from shuke.shops.tables import Column, build_table
from shuke.traffic import reads as traffic

navigation.register(
    navigation.NavigationEntry(
        "sources",
        pgettext_lazy("sidebar", "Sources"),
        "route",
        "console:sources",
        Deed.VIEW_TRAFFIC,
        "traffic",
        20,
    )
)

BY: dict[str, tuple[str | Promise, tuple[str, ...]]] = {
    "channel": (pgettext_lazy("sources by", "Channel"), ("channel", "is_paid")),
    "paid": (pgettext_lazy("sources by", "Paid or free"), ("is_paid",)),
    "source": (pgettext_lazy("sources by", "Source"), ("source", "medium")),
    "medium": (pgettext_lazy("sources by", "Medium"), ("medium",)),
    "campaign": (pgettext_lazy("sources by", "Campaign"), ("campaign", "source", "medium")),
}
MOST_BARS = 12
KEY_TITLES = {
    "channel": pgettext_lazy("column", "Channel"),
    "is_paid": pgettext_lazy("column", "Paid or free"),
    "source": pgettext_lazy("column", "Source"),
    "medium": pgettext_lazy("column", "Medium"),
    "campaign": pgettext_lazy("column", "Campaign"),
}


@require_safe
@page(Deed.VIEW_TRAFFIC)
def sources(request: PageRequest, shop: str) -> HttpResponseBase:
    """The shell; `?format=csv` is the table as a file."""
    at = clock.now()
    state = read_state(request, at)
    if wants_csv(request.GET):
        return _as_csv(request, state, _ask(request, state, at))
    by = _by(request)
    context = {
        **report_page.shell(request, state),
        "by": by,
        "tabs": [(key, title) for key, (title, _keys) in BY.items()],
    }
    return render(request, "console/sources.html", context)


def _by(request: PageRequest) -> str:
    asked = request.GET.get("by", "channel")
    return asked if asked in BY else "channel"


def _ask(request: PageRequest, state: viewstate.ViewState, at: Any) -> traffic.SourcesReport:
    return traffic.sources(
        shop=request.access.shop,
        period=state.period,
        by=BY[_by(request)][1],
        against=report_page.shifted(state),
        condition=state.condition,
        at=at,
    )


@require_safe
@page(Deed.VIEW_TRAFFIC)
def table(request: PageRequest, shop: str) -> HttpResponse:
    """The fragment with the sentence, the ranked bars and the table."""
    at = clock.now()
    access = request.access
    state = read_state(request, at)
    report = _ask(request, state, at)
    titles = rulebook.channel_titles(state.today, access.shop)
    against = report_page.shifted(state)
    shown = _shown(request, report)
    columns = _columns(request, state, report, titles, shown)
    context = {
        "state": state,
        "report": report,
        "table": build_table(
            request,
            "sources",
            columns,
            report.rows,
            total=report.total,
            default_sort=f"-{report.metrics[0].id}",
        ),
        "title": BY[_by(request)][0],
        "picture": _picture(access, report, titles),
        "metric": report.metrics[0],
        "paid": _paid_share(report),
        **report_page.table_frame(request, "console:sources", report.until),
        "against": viewstate.against_words(state, against) if against else "",
        "columns": [(metric.id, figures.title(metric), metric.id in shown) for metric in report.metrics[1:]],
    }
    return render(request, "console/pieces/sources_table.html", context)


DEFAULT_COLUMNS = ("uv_period", "bounce_entrance", "conversion", "orders", "amount_paid")


def _shown(request: PageRequest, report: traffic.SourcesReport) -> set[str]:
    """The columns that the address chooses (`cols`), else those that fit beside one another."""
    known = {metric.id for metric in report.metrics}
    return (set(request.GET.getlist("cols")) & known) or set(DEFAULT_COLUMNS)


def key_words(name: str, value: Any, titles: Any) -> str:
    """A key of a row in words; what a source did not say is said so."""
    if name == "is_paid":
        return gettext("paid") if value else gettext("free")
    if value in (None, ""):
        return {"campaign": gettext("without campaign"), "source": gettext("direct")}.get(
            name, gettext("not stated")
        )
    return str(titles.get(value, value)) if name == "channel" else str(value)


def _columns(
    request: PageRequest,
    state: viewstate.ViewState,
    report: traffic.SourcesReport,
    titles: Any,
    chosen: set[str],
) -> list[Column[traffic.SourceRow]]:
    access = request.access
    label = viewstate.against_words(state, report_page.shifted(state) or "before")

    def key(place: int, name: str) -> Column[traffic.SourceRow]:
        def shown(row: traffic.SourceRow) -> Any:
            text = key_words(name, row.keys.get(name), titles)
            return (
                {"text": text, "url": _deeper(request, name, row.keys.get(name))}
                if row.keys
                else {"text": ""}
            )

        return Column(
            name,
            KEY_TITLES[name],
            lambda row: key_words(name, row.keys.get(name), titles),
            "link",
            is_first=place == 0,
            is_searched=True,
            shown=shown,
        )

    def number(place: int, metric: Any) -> Column[traffic.SourceRow]:
        def shown(row: traffic.SourceRow) -> Any:
            then = row.against[place] if row.against else None
            change = (
                figures.change_between(row.figures[place], then, label, access.shop.currency)
                if then
                else None
            )
            return figures.FigureWithChange(row.figures[place], change)

        return Column(
            metric.id,
            figures.title(metric),
            lambda row: row.figures[place].value,
            "figure_change",
            is_number=True,
            shown=shown,
        )

    share: Column[traffic.SourceRow] = Column(
        "share",
        gettext("Share"),
        lambda row: _share(row, report),
        "share",
        is_number=True,
        shown=lambda row: report_page.drawn_share(_share(row, report)),
    )
    columns = [key(place, name) for place, name in enumerate(report.by)]
    numbers = [
        number(place, metric)
        for place, metric in enumerate(report.metrics)
        if place == 0 or metric.id in chosen
    ]
    return [*columns, numbers[0], share, *numbers[1:]]


def _share(row: traffic.SourceRow, report: traffic.SourcesReport) -> Decimal | None:
    whole, part = report.total.figures[0].value, row.figures[0].value
    return Decimal(part) / Decimal(whole) if whole and part is not None else None


def _deeper(request: PageRequest, name: str, value: Any) -> str:
    """One step deeper: the same view filtered to this row, by the next key."""
    query = request.GET.copy()
    for gone in ("page", "q", "sort", "format"):
        query.pop(gone, None)
    query[name] = (
        ("yes" if value else "no") if name == "is_paid" else "-" if value in (None, "") else str(value)
    )
    order = list(BY)
    here = _by(request)
    after = {"channel": "source", "paid": "channel", "source": "campaign", "medium": "source"}.get(here)
    if after in order:
        query["by"] = after
    return "?" + query.urlencode()


def _picture(access: Any, report: traffic.SourcesReport, titles: Any) -> dict[str, Any]:
    metric = report.metrics[0]
    ranked = sorted(report.rows, key=lambda row: -(row.figures[0].value or 0))[:MOST_BARS]
    digits = exponent(access.shop.currency)
    return {
        "kind": "ranked",
        "unit": metric.unit,
        "language": "zh-CN" if words.locale().language == "zh" else "en",
        "currency": access.shop.currency,
        "digits": digits,
        "labels": [
            " · ".join(key_words(n, row.keys.get(n), titles) for n in report.by[:1]) for row in ranked
        ],
        "values": [float(row.figures[0].value or 0) for row in ranked],
        "paid": [bool(row.keys.get("is_paid")) for row in ranked],
    }


def _paid_share(report: traffic.SourcesReport) -> str:
    """What part of the first metric was paid for, where the rows say it."""
    if "is_paid" not in report.by or not report.total.figures[0].value:
        return ""
    paid = sum(row.figures[0].value or 0 for row in report.rows if row.keys.get("is_paid"))
    return words.percent(Decimal(paid) / Decimal(report.total.figures[0].value), 1)


def _as_csv(
    request: PageRequest, state: viewstate.ViewState, report: traffic.SourcesReport
) -> HttpResponseBase:
    access = request.access
    titles = rulebook.channel_titles(state.today, access.shop)
    has_before = report_page.shifted(state) is not None
    header = [str(KEY_TITLES[name]) for name in report.by]
    header += report_page.file_heads(report.metrics, has_before=has_before)

    def line(row: traffic.SourceRow) -> Sequence[Any]:
        keys = [key_words(name, row.keys.get(name), titles) for name in report.by]
        return keys + report_page.file_cells(
            row.figures, row.against, access.shop.currency, has_before=has_before
        )

    return csv_response(
        access, f"sources-{state.period.start}-{state.period.last}", header, map(line, report.rows)
    )
