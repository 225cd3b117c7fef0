"""Who comes back? People by the week or month in which they began, as a heat map that is a table, and who they are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from babel.dates import format_skeleton
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext, ngettext, pgettext_lazy
from django.views.decorators.http import require_safe

from shuke.console import figures, words
from shuke.console.cohort_view import (
    GRAIN_WORDS,
    RANGES,
    RETURNS,
    STARTS,
    WHO_WORDS,
    CohortView,
    field_choices,
    op_choices,
    read_cohort_view,
)
from shuke.console.pages.overview import definition_url
from shuke.kernel import clock
from shuke.kernel.periods import Period
from shuke.kernel.verdicts import Reason
from shuke.shops import navigation
from shuke.shops.access import Access, page
from shuke.shops.csv_out import csv_response, wants_csv
from shuke.shops.page_request import PageRequest
from shuke.shops.roles import Deed
from shuke.traffic import reads as traffic

navigation.register(
    navigation.NavigationEntry(
        "cohorts",
        pgettext_lazy("sidebar", "Retention"),
        "users-group",
        "console:cohorts",
        Deed.VIEW_TRAFFIC,
        "traffic",
        60,
    )
)

MOST_ROWS = 60
FEW = 30
# Shares above each bound are one step darker; fixed, so that two views can be compared.
STEPS = tuple(Decimal(bound) / 100 for bound in (0, 2, 5, 10, 15, 20, 25, 30, 40))


@dataclass(frozen=True)
class HeatCell:
    """One cell: what stands in it, how dark it is (0 to 9), and in words what it says."""

    text: str
    level: int
    hint: str
    url: str
    is_unfinished: bool
    metric: str


@dataclass(frozen=True)
class HeatRow:
    """One cohort: its name, its size, its cells, and how many columns stay empty because their time has not come."""

    name: str
    sub: str
    size: str
    size_url: str
    is_unfinished: bool
    cells: tuple[HeatCell, ...]
    blanks: range


@require_safe
@page(Deed.VIEW_TRAFFIC)
def cohorts(request: PageRequest, shop: str) -> HttpResponseBase:
    """The shell; `?format=csv` is the table as a file."""
    view = read_cohort_view(request, request.access.shop)
    if wants_csv(request.GET):
        found = _asked(request, view)
        return _as_csv(request.access, found)
    context = {
        "view": view,
        "query": request.GET.urlencode(),
        "starts": STARTS.items(),
        "returns": RETURNS.items(),
        "who_words": WHO_WORDS[view.who],
        "who_choices": WHO_WORDS.items(),
        "grains": GRAIN_WORDS.items(),
        "ranges": [(key, title) for key, title in RANGES.items() if key != "custom"],
        "fields": field_choices(),
        "ops": op_choices(),
        "currency": request.access.shop.currency,
    }
    return render(request, "console/cohorts.html", context)


def _asked(request: PageRequest, view: CohortView, **more: Any) -> traffic.Cohorts:
    return traffic.cohorts(
        shop=request.access.shop,
        **view.question,
        period=view.period,
        with_customers=request.access.may(Deed.VIEW_CUSTOMERS),
        at=clock.now(),
        **more,
    )


@require_safe
@page(Deed.VIEW_TRAFFIC)
def table(request: PageRequest, shop: str) -> HttpResponse:
    """The fragment with the sentence and the heat map."""
    access = request.access
    view = read_cohort_view(request, access.shop)
    context: dict[str, Any] = {"view": view, "table_page": reverse("console:cohorts", args=[shop])}
    try:
        found = _asked(request, view, most=MOST_ROWS)
    except traffic.TooManyCohorts as error:
        context |= {"too_many": error.value, "most": MOST_ROWS}
        return render(request, "console/pieces/cohorts_table.html", context)
    first = 1 if view.is_same else 0
    size, retention = found.metrics
    context |= {
        "found": found,
        "rows": [_row(request, view, row, found, first) for row in found.rows],
        "averages": _averages(view, found, first),
        "offsets": [(f"+{n}", offset_words(n, found.grain)) for n in range(first, found.offsets)],
        "columns": found.offsets - first + 2,
        "total": words.count(found.size),
        "sentence": _sentence(found, first),
        "notes": _notes(found, view),
        "until": words.day(found.complete_until) if found.complete_until else "",
        "size_definition": definition_url(access, size),
        "size_title": figures.title(size),
        "retention_definition": definition_url(access, retention),
        "retention_title": figures.title(retention),
        "is_exportable": access.may(Deed.EXPORT_TABLES),
        "levels": range(len(STEPS) + 1),
        "has_unfinished": any(
            row.is_unfinished or any(c.is_unfinished for c in row.cells) for row in found.rows
        ),
    }
    return render(request, "console/pieces/cohorts_table.html", context)


@require_safe
@page(Deed.VIEW_TRAFFIC)
def names(request: PageRequest, shop: str) -> HttpResponse:
    """The names of events that came lately, as options of the form."""
    found = traffic.event_names(shop=request.access.shop, at=clock.now())
    return render(request, "console/pieces/cohorts_names.html", {"names": found})


# --- words


def period_name(period: Period, grain: str) -> str:
    """A month by its name, a week by its Monday."""
    if grain == "month":
        return str(format_skeleton("yMMM", period.start, locale=words.locale()))
    return words.short_day(period.start)


def period_words(period: Period, grain: str) -> str:
    """A period as it stands in a sentence."""
    name = period_name(period, grain)
    return name if grain == "month" else gettext("the week of %(day)s") % {"day": name}


def _period_sub(period: Period, grain: str) -> str:
    if grain == "month":
        return ""
    year, week, _day = period.start.isocalendar()
    return gettext("%(year)s week %(week)s") % {"year": year, "week": week}


def offset_words(offset: int, grain: str) -> str:
    """How much later a column is."""
    if offset == 0:
        return gettext("in the same week") if grain == "week" else gettext("in the same month")
    if grain == "week":
        return ngettext("%(count)s week later", "%(count)s weeks later", offset) % {"count": offset}
    return ngettext("%(count)s month later", "%(count)s months later", offset) % {"count": offset}


def _level(share: Decimal | int | None) -> int:
    return sum(Decimal(share) > bound for bound in STEPS) if share is not None else 0


def _row(
    request: PageRequest, view: CohortView, row: traffic.CohortRow, found: traffic.Cohorts, first: int
) -> HeatRow:
    is_open = request.access.may(Deed.VIEW_CUSTOMERS)
    name = period_name(row.period, found.grain)

    def url(offset: int | None, people: Any) -> str:
        return _people_url(request, row.period.start, offset) if is_open and people else ""

    cells = tuple(
        HeatCell(
            text=_text(view, cell.figure),
            level=_level(cell.figure.value),
            hint=_hint(cell, found.grain),
            url=url(cell.offset, cell.figure.numerator),
            is_unfinished=cell.is_unfinished,
            metric=f"{cell.figure.metric.id} v{cell.figure.metric.version}",
        )
        for cell in row.cells[first:]
    )
    return HeatRow(
        name,
        _period_sub(row.period, found.grain),
        words.count(row.size.value or 0),
        url(None, row.size.value),
        row.is_unfinished,
        cells,
        range(found.offsets - first - len(cells)),
    )


def _text(view: CohortView, figure: traffic.Figure) -> str:
    if figure.value is None:
        return words.UNKNOWN
    if view.show == "people":
        return words.count(figure.numerator or 0)
    return words.percent(figure.value, 1)


def _hint(cell: traffic.CohortCell, grain: str) -> str:
    if cell.figure.value is None:
        said = figures.reason_words(cell.figure)
    else:
        said = gettext("%(people)s of %(all)s people (%(share)s) in %(period)s") % {
            "people": words.count(cell.figure.numerator or 0),
            "all": words.count(cell.figure.cases),
            "share": words.percent(cell.figure.value, 1),
            "period": period_words(cell.period, grain),
        }
    return said + (" · " + gettext("not finished, may still rise") if cell.is_unfinished else "")


def _averages(view: CohortView, found: traffic.Cohorts, first: int) -> list[dict[str, Any]]:
    return [
        {
            "text": _text(view, one.figure),
            "level": _level(one.figure.value),
            "hint": ngettext(
                "from %(count)s cohort that is finished there",
                "from %(count)s cohorts that are finished there",
                one.cohorts,
            )
            % {"count": words.count(one.cohorts)},
        }
        for one in found.averages[first:]
    ]


def _sentence(found: traffic.Cohorts, first: int) -> str:
    """What the table says: how many come back at the first column, and which cohorts do most and least."""
    told = [average for average in found.averages[first:] if average.cohorts]
    # Of the period of the start itself it says least: there most of them were anyway.
    one = next((average for average in told if average.offset > 0), told[0] if told else None)
    if one is None or one.figure.value is None:
        return (
            gettext("No period after the start is finished yet, so nothing can be compared.")
            if found.rows
            else ""
        )
    said = gettext("%(share)s come back %(when)s.") % {
        "share": words.percent(one.figure.value, 1),
        "when": offset_words(one.offset, found.grain),
    }
    judged = [
        (row.cells[one.offset].figure.value or Decimal(0), row)
        for row in found.rows
        if len(row.cells) > one.offset
        and not row.cells[one.offset].is_unfinished
        and row.cells[one.offset].figure.cases >= FEW
    ]
    if len(judged) < 2:
        return said
    (most, best), (least, worst) = max(judged, key=lambda p: p[0]), min(judged, key=lambda p: p[0])
    if most == least:
        return said
    more = gettext("Most of those who began in %(best)s (%(most)s), fewest of %(worst)s (%(least)s).") % {
        "best": period_words(best.period, found.grain),
        "most": words.percent(most, 1),
        "worst": period_words(worst.period, found.grain),
        "least": words.percent(least, 1),
    }
    return said + ("" if words.locale().language == "zh" else " ") + more


def _in_words(note: Reason) -> Reason:
    """A note whose day is written as the reader writes days."""
    day = note.params.get("day")
    return replace(note, params={**note.params, "day": words.day(date.fromisoformat(day))}) if day else note


def _notes(found: traffic.Cohorts, view: CohortView) -> list[str]:
    notes = [_in_words(note).text() for note in found.notes]
    if found.unnamed:
        said = gettext("%(unnamed)s of %(all)s starting facts are of nobody known and make no one a member.")
        notes.append(
            said % {"unnamed": words.count(found.unnamed), "all": words.count(found.unnamed + found.named)}
        )
    if any(FEW > (row.size.value or 0) > 0 for row in found.rows):
        notes.append(gettext("Shares of cohorts with fewer than %(few)s people say little.") % {"few": FEW})
    return notes


# --- the table as a file


def _as_csv(access: Access, found: traffic.Cohorts) -> HttpResponseBase:
    size, retention = found.metrics
    header: list[Any] = [
        gettext("Cohort from"),
        gettext("to"),
        f"{figures.title(size)} ({size.id} v{size.version})",
        gettext("Finished periods"),
    ]
    header += [f"{gettext('People')} +{n}" for n in range(found.offsets)]
    header += [
        f"{figures.title(retention)} +{n} ({retention.id} v{retention.version})" for n in range(found.offsets)
    ]

    def line(row: traffic.CohortRow) -> list[Any]:
        empty = [""] * (found.offsets - len(row.cells))
        return [
            row.period.start,
            row.period.last,
            row.size.value,
            sum(not cell.is_unfinished for cell in row.cells),
            *(cell.figure.numerator for cell in row.cells),
            *empty,
            *(cell.figure.value for cell in row.cells),
            *empty,
        ]

    first, last = (found.rows[0].period.start, found.rows[-1].period.last) if found.rows else ("", "")
    return csv_response(access, f"cohorts-{first}-{last}", header, map(line, found.rows))


# --- the way to the people behind a number


def _people_url(request: PageRequest, cohort: date, offset: int | None) -> str:
    query = request.GET.copy()
    for name in ("page", "show", "format", "sort", "q", "range", "from", "to"):
        query.pop(name, None)
    query["cohort"] = cohort.isoformat()
    if offset is not None:
        query["offset"] = str(offset)
    return reverse("console:cohort_people", args=[request.access.shop.slug]) + "?" + query.urlencode()
