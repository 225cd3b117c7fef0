"""Through which pages do customers come in? Each entrance with its bounce, its orders and what is advised, and why."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.http import HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext, pgettext, pgettext_lazy
from django.views.decorators.http import require_safe

from shuke.console import figures, report_page, viewstate, words
from shuke.console.pages.overview import definition_url, read_state
from shuke.kernel import clock
from shuke.rulebook import reads as rulebook
from shuke.shops import navigation
from shuke.shops.access import page
from shuke.shops.csv_out import csv_response, wants_csv
from shuke.shops.page_request import PageRequest
from shuke.shops.roles import Deed
from shuke.shops.tables import Column, build_table
from shuke.traffic import reads as traffic
from shuke.traffic.entrances import decisions as advising
from shuke.traffic.single_pages import reads as single_pages

navigation.register(
    navigation.NavigationEntry(
        "entrances",
        pgettext_lazy("sidebar", "Entrances"),
        "arrow-right",
        "console:entrances",
        Deed.VIEW_TRAFFIC,
        "traffic",
        30,
    )
)
BY: dict[str, str | Promise] = {
    "page": pgettext_lazy("entrances by", "Page"),
    "type": pgettext_lazy("entrances by", "Type of page"),
}
TONES = {"raise": "good", "mend": "warn", "lower": "bad"}
Row = traffic.Entrance


@require_safe
@page(Deed.VIEW_TRAFFIC)
def entrances(request: PageRequest, shop: str) -> HttpResponseBase:
    """The shell; `?format=csv` is the table as a file."""
    at = clock.now()
    state = _state(request, at)
    if wants_csv(request.GET):
        return _as_csv(request, state, _ask(request, state, at))
    context = {
        **report_page.shell(request, state),
        "by": _by(request),
        "tabs": tuple(BY.items()),
    }
    return render(request, "console/entrances.html", context)


def _by(request: PageRequest) -> str:
    asked = request.GET.get("by", "page")
    return asked if asked in BY else "page"


def _state(request: PageRequest, at: datetime) -> viewstate.ViewState:
    """The view, with the one comparison that is drawn: the first; other days of one's own choice are one too."""
    state = read_state(request, at)
    is_custom = state.against[:1] == ("custom",)
    return replace(state, against=state.against[:1], custom=state.custom if is_custom else None)


def _against(state: viewstate.ViewState) -> str | None:
    return state.against[0] if state.against else None


def _ask(request: PageRequest, state: viewstate.ViewState, at: datetime) -> traffic.Entrances:
    return traffic.entrances(
        shop=request.access.shop,
        period=state.period,
        by="type" if _by(request) == "type" else "page",
        against=_against(state),
        custom=state.custom,
        condition=state.condition,
        at=at,
    )


@require_safe
@page(Deed.VIEW_TRAFFIC)
def table(request: PageRequest, shop: str) -> HttpResponse:
    """The fragment with the numbers, the advice in words, and the table."""
    at = clock.now()
    access = request.access
    state = _state(request, at)
    report = _ask(request, state, at)
    built = build_table(
        request,
        "entrances",
        _columns(request, state, report),
        report.rows,
        total=report.total,
        default_sort="-visits",
    )
    against = _against(state)
    context = {
        "state": state,
        "report": report,
        "table": built,
        "by": report.by,
        "title": BY[report.by],
        "counts": _counts(report),
        "median": words.percent(Decimal(str(float(report.median))), 1) if report.median is not None else "",
        "few_rule": reverse("console:rule", args=[shop, advising.RULES + "least_visits"]),
        "least": words.count(report.limits.least_visits),
        "facts": [
            (figures.title(one.metric), one, definition_url(access, one.metric), _behind(request, None, one))
            for one in report.total.figures[:3]
        ],
        **report_page.table_frame(request, "console:entrances", report.until),
        "against": viewstate.against_words(state, against) if against else "",
    }
    return render(request, "console/pieces/entrances_table.html", context)


@require_safe
@page(Deed.VIEW_TRAFFIC)
def advice(request: PageRequest, shop: str) -> HttpResponse:
    """The drawer: why an entrance is advised to be raised, mended or lowered, by which rules."""
    at = clock.now()
    state = _state(request, at)
    report = _ask(request, state, at)
    wanted = (request.GET.get("of_type") or None, request.GET.get("of") or None)
    row = next((one for one in report.rows if (one.page_type, one.path) == wanted), None)
    name = "console/pieces/entrance_advice.html" if request.htmx else "console/entrance_advice.html"
    if row is None or row.advice is None:
        return render(request, name, {"path": wanted[1] or gettext("states no page"), "row": None})
    day = min(state.today, state.period.last)
    shown = [*row.figures, *_exits(request, state, row, at)]
    context = {
        "row": row,
        "path": _path_words(row),
        "type": _type_words(row.page_type),
        "words": str(advising.ADVICE_WORDS[row.advice.code]),
        "tone": TONES.get(row.advice.code, ""),
        "rules": [_rule(request, name, day) for name in row.advice.rules],
        "figures": [
            (figures.title(one.metric), one, definition_url(request.access, one.metric)) for one in shown
        ],
        "few": next((figures.few_words(one) for one in row.figures if figures.few_words(one)), ""),
        "period": state.range_words,
    }
    return render(request, name, context)


def _exits(
    request: PageRequest, state: viewstate.ViewState, row: Row, at: datetime
) -> Collection[traffic.Figure]:
    """How many views of the page were the last of their visit (A-154), of an item's page as the overview counts them; nothing
    where the filter has more events than are followed."""
    shop, path = request.access.shop, row.path
    if path is None:
        return ()
    if row.page_type != "item":
        return (
            single_pages.page_bounce(
                shop=shop, path=path, period=state.period, condition=state.condition, at=at
            ),
        )
    try:
        return traffic.item_exits(
            shop=shop, period=state.period, paths=[path], condition=state.condition
        ).values()
    except traffic.TooManyEvents:
        return ()


def _rule(request: PageRequest, name: str, day: Any) -> dict[str, Any]:
    value = rulebook.value_for(request.access.shop, name, day)
    rule = rulebook.rule(name)
    shown = "" if isinstance(value.value, bool) else str(value.value)
    return {
        "title": str(rule.title),
        "url": reverse("console:rule", args=[request.access.shop.slug, name]),
        "value": shown,
        "unit": value.unit if shown else "",
        "is_own": value.is_own,
        "sources": value.sources,
        "since": value.since,
    }


def _counts(report: traffic.Entrances) -> list[tuple[str, str, int]]:
    """How many entrances get each advice: words, tone and number, what needs a deed first."""
    found: dict[str, int] = {}
    for row in report.rows:
        if row.advice is not None:
            found[row.advice.code] = found.get(row.advice.code, 0) + 1
    return [
        (str(advising.ADVICE_WORDS[code]), TONES.get(code, ""), found[code])
        for code in advising.ADVICE
        if code in found
    ]


def _path_words(row: Row) -> str:
    return row.path if row.path is not None else gettext("states no page")


def _type_words(page_type: str | None) -> str:
    if page_type is None:
        return pgettext("page type", "not stated")
    return str(viewstate.PAGE_TYPES.get(page_type, page_type))


def _here(request: PageRequest, row: Row | None) -> QueryDict | None:
    """This view's address narrowed to an entrance; None where no filter tells it apart."""
    query = request.GET.copy()
    for gone in ("page", "sort", "q", "format", "by", "against", "of", "of_type"):
        query.pop(gone, None)
    if row is not None:
        if row.page_type is None or (row.path is None and _by(request) == "page"):
            return None
        query["entry_type"] = row.page_type
        if row.path is not None:
            query["entry_path"] = row.path
    return query


def _behind(request: PageRequest, row: Row | None, figure: traffic.Figure) -> str:
    """Where the visits behind a number of an entrance stand; empty where they have no page of their own, as those of all
    entrances together: of the overview's metrics visits without a view are a part, and orders that no visit completed."""
    query = None if row is None else _here(request, row)
    if query is None or figure.value is None or figure.metric is traffic.ORDER_RATE:
        return ""
    query["v"] = str(figure.metric.version)
    address = reverse("console:evidence", args=[request.access.shop.slug, figure.metric.id])
    return f"{address}?{query.urlencode()}"


def _columns(
    request: PageRequest, state: viewstate.ViewState, report: traffic.Entrances
) -> list[Column[Row]]:
    currency = request.access.shop.currency
    label = viewstate.against_words(state, _against(state) or "before")

    def number(place: int, metric: traffic.Metric) -> Column[Row]:
        def shown(row: Row) -> Any:
            figure = row.figures[place]
            change = (
                figures.change_between(figure, row.against[place], label, currency) if row.against else None
            )
            is_total = row is report.total
            sub = ""
            if metric.id == "bounce_entrance" and row.advice is not None and row.advice.low is not None:
                sub = _interval(row.advice)
            return {
                "figure": figure,
                "change": change,
                "url": _behind(request, None if is_total else row, figure),
                "sub": sub,
            }

        return Column(
            metric.id,
            figures.title(metric),
            lambda row: row.figures[place].value,
            "entrance_figure",
            is_number=True,
            shown=shown,
        )

    share: Column[Row] = Column(
        "share",
        gettext("Share"),
        lambda row: _share(row, report),
        "share",
        is_number=True,
        shown=lambda row: report_page.drawn_share(_share(row, report)),
    )
    numbers = [number(place, metric) for place, metric in enumerate(report.metrics)]
    type_column: Column[Row] = Column(
        "page_type",
        pgettext("column", "Type of page"),
        lambda row: _type_words(row.page_type) if row is not report.total else "",
        is_first=report.by == "type",
        is_searched=True,
    )
    if report.by == "type":
        return [type_column, numbers[0], share, *numbers[1:]]
    path_column: Column[Row] = Column(
        "path",
        pgettext("column", "Entrance"),
        lambda row: _path_words(row) if row is not report.total else "",
        "entrance_path",
        is_first=True,
        is_searched=True,
    )
    advised: Column[Row] = Column(
        "advice",
        pgettext("column", "Advice"),
        lambda row: advising.ADVICE.index(row.advice.code) if row.advice is not None else None,
        "entrance_advice",
        shown=lambda row: _drawn_advice(request, row),
    )
    return [path_column, type_column, numbers[0], share, numbers[1], advised, *numbers[2:]]


def _interval(found: advising.Advice) -> str:
    assert found.low is not None
    assert found.high is not None
    return f"{words.percent(found.low, 1)} – {words.percent(found.high, 1)}"


def _share(row: Row, report: traffic.Entrances) -> Decimal:
    whole = report.total.sums["viewed_visits"]
    return Decimal(row.sums["viewed_visits"]) / Decimal(whole) if whole else Decimal(0)


def _drawn_advice(request: PageRequest, row: Row) -> dict[str, str] | None:
    if row.advice is None:
        return None
    query = request.GET.copy()
    for gone in ("page", "sort", "q", "format"):
        query.pop(gone, None)
    query["of"], query["of_type"] = row.path or "", row.page_type or ""
    address = reverse("console:entrance_advice", args=[request.access.shop.slug])
    return {
        "text": str(advising.ADVICE_WORDS[row.advice.code]),
        "tone": TONES.get(row.advice.code, ""),
        "url": f"{address}?{query.urlencode()}",
    }


def _as_csv(request: PageRequest, state: viewstate.ViewState, report: traffic.Entrances) -> HttpResponseBase:
    currency = request.access.shop.currency
    has_before = report.against_period is not None
    header = ["entry_type", "entry_path", *report_page.file_heads(report.metrics, has_before=has_before)]
    if report.by == "page":
        header += ["advice", "bounce_low", "bounce_high", "median", "reason"]

    def lines() -> Iterator[list[Any]]:
        for row in report.rows:
            cells: list[Any] = [row.page_type, row.path]
            cells += report_page.file_cells(row.figures, row.against, currency, has_before=has_before)
            if row.advice is not None:
                cells += _advice_cells(row.advice)
            yield cells

    name = f"entrances-{state.period.start}-{state.period.last}"
    return csv_response(request.access, name, header, lines())


def _advice_cells(found: advising.Advice) -> list[Any]:
    numbers: Mapping[str, Any] = {"low": found.low, "high": found.high, "median": found.median}
    shown = [round(float(value), 6) if value is not None else None for value in numbers.values()]
    return [found.code, *shown, " ".join(reason.text() for reason in found.reasons)]
