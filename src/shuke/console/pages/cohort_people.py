"""Who stands behind a number of the cohorts: as many people as the number says, for those who may see customers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

from django.http import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import pgettext_lazy
from django.views.decorators.http import require_safe

from shuke.console import words
from shuke.console.cohort_view import read_cohort_view
from shuke.console.pages.cohorts import offset_words, period_words
from shuke.kernel import clock
from shuke.shops.access import Access, page
from shuke.shops.csv_out import csv_response, wants_csv
from shuke.shops.page_request import PageRequest
from shuke.shops.roles import Deed
from shuke.shops.tables import Column, build_paged_table, page_number
from shuke.traffic import reads as traffic
from shuke.traffic.reads.cohort_shapes import MOST_OFFSETS

SIZE = 50
CSV_CHUNK = 1_000
PEOPLE = {
    "ref": pgettext_lazy("cohort people", "Who"),
    "first_day": pgettext_lazy("cohort people", "Began"),
    "times": pgettext_lazy("cohort people", "Times"),
    "last_day": pgettext_lazy("cohort people", "Last"),
    "subject_id": pgettext_lazy("cohort people", "Id"),
}


@require_safe
@page(Deed.VIEW_CUSTOMERS)
def people(request: PageRequest, shop: str) -> HttpResponseBase:
    """Who is in a cohort, or came back in one of its periods: as many as the number from which one came."""
    access, at = request.access, clock.now()
    view = read_cohort_view(request, access.shop)
    cohort, offset = _cohort(request, at.astimezone(access.shop.zone).date())

    def ask(number: int, size: int) -> traffic.CohortPeople:
        return traffic.cohort_people(
            shop=access.shop, **view.question, cohort=cohort, offset=offset, page=number, size=size, at=at
        )

    names = ["ref", "first_day", *(["times", "last_day"] if offset is not None else []), "subject_id"]
    columns = [_column(name) for name in names]
    if wants_csv(request.GET):
        return _people_csv(access, columns, ask, cohort, offset)
    number = page_number(request)
    found = ask(number, SIZE)
    context = {
        "view": view,
        "found": found,
        "name": period_words(found.period, view.grain),
        "returned": period_words(found.returned_in, view.grain) if found.returned_in else "",
        "later": offset_words(offset, view.grain) if offset is not None else "",
        "table": build_paged_table(
            request, "cohort-people", columns, found.rows, count=found.count, page=number, size=SIZE
        ),
        "back_url": reverse("console:cohorts", args=[shop]) + "?" + _view_query(request),
        "is_exportable": access.may(Deed.EXPORT_TABLES),
    }
    return render(request, "console/cohort_people.html", context)


def _cohort(request: PageRequest, today: date) -> tuple[date, int | None]:
    try:
        cohort = date.fromisoformat(request.GET.get("cohort", ""))
        if not 1990 <= cohort.year < 2200:
            cohort = today
    except ValueError:
        cohort = today
    text = request.GET.get("offset", "")
    is_number = text.isascii() and text.isdigit() and len(text) < 4 and int(text) < MOST_OFFSETS
    return cohort, int(text) if is_number else None


def _view_query(request: PageRequest) -> str:
    query = request.GET.copy()
    for name in ("page", "cohort", "offset", "format"):
        query.pop(name, None)
    return query.urlencode()


def _column(name: str) -> Column[Any]:
    def shown(row: Any) -> Any:
        value = row.get(name)
        if value is None:
            return words.UNKNOWN
        return (
            words.day(value) if isinstance(value, date) else words.count(value) if name == "times" else value
        )

    return Column(
        name,
        PEOPLE[name],
        lambda row: row.get(name),
        "code" if name == "subject_id" else "text",
        is_number=name == "times",
        is_first=name == "ref",
        shown=shown,
    )


def _people_csv(
    access: Access,
    columns: list[Column[Any]],
    ask: Callable[[int, int], traffic.CohortPeople],
    cohort: date,
    offset: int | None,
) -> HttpResponseBase:
    def rows() -> Iterator[list[Any]]:
        number = 1
        while True:
            found = ask(number, CSV_CHUNK)
            yield from ([column.value(row) for column in columns] for row in found.rows)
            if number * CSV_CHUNK >= found.count:
                return
            number += 1

    name = f"cohort-{cohort}" + ("" if offset is None else f"-{offset}")
    return csv_response(access, name, [str(column.title) for column in columns], rows())
