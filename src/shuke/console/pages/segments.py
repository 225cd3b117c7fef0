"""Which customers are they? Segments: what each says, how many it has, who they are, and why one is in or out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language, gettext, ngettext, pgettext, pgettext_lazy
from django.views.decorators.http import require_safe

from shuke.audience.segments import reads
from shuke.audience.segments.http import COLUMNS, csv_rows, in_words_of, sentence_of
from shuke.conditions.reads import fields_of, get_field, get_series, value_words
from shuke.console import words
from shuke.console.customers_view import customer_url
from shuke.console.value_view import ValueView, read_value_view
from shuke.kernel import clock
from shuke.kernel.money import exponent
from shuke.shops import navigation
from shuke.shops.access import Access, page
from shuke.shops.csv_out import csv_response, wants_csv
from shuke.shops.page_request import PageRequest
from shuke.shops.roles import Deed
from shuke.shops.tables import Column, build_paged_table, build_table, page_number

navigation.register(
    navigation.NavigationEntry(
        "segments",
        pgettext_lazy("sidebar", "Segments"),
        "filter",
        "console:segments",
        Deed.VIEW_TRAFFIC,
        "customers",
        20,
    )
)
SIZE = 50
MOST_NAMED = 20


@require_safe
@page(Deed.VIEW_TRAFFIC)
def segments(request: PageRequest, shop: str) -> HttpResponseBase:
    """The shell; `?format=csv` is the list with its numbers."""
    state, access = read_value_view(request, clock.now()), request.access
    if wants_csv(request.GET):
        at = state.at
        found = reads.list_segments(access.shop, at=at)
        numbers, _everyone = reads.counts(access.shop, found, at=at)
        rows = (
            [one.key, _name(one), sentence_of(access.shop, one.condition), numbers[one.key]] for one in found
        )
        return csv_response(access, "segments", ["key", "name", "condition", "customers"], rows)
    return render(request, "console/segments.html", _shell(request, state))


def _shell(request: PageRequest, state: ValueView) -> dict[str, Any]:
    return {
        "view": state,
        "moment": words.moment(state.at, request.access.shop.zone),
        "typed": state.at.strftime("%Y-%m-%dT%H:%M"),
        "may_manage": request.access.may(Deed.MANAGE_CUSTOMERS),
        "query": request.GET.urlencode(),
    }


@require_safe
@page(Deed.VIEW_TRAFFIC)
def table(request: PageRequest, shop: str) -> HttpResponse:
    """The fragment with every segment, what it says and how many it has."""
    state, access = read_value_view(request, clock.now()), request.access
    at, kept = state.at, _kept(state)
    is_archived = request.GET.get("archived") == "1"
    found = reads.list_segments(access.shop, at=at, is_archived=is_archived)
    numbers, everyone = reads.counts(access.shop, found, at=at)

    def share(one: reads.SegmentView) -> str:
        return words.percent(Decimal(numbers[one.key]) / everyone, 1) if everyone else words.UNKNOWN

    columns: list[Column[reads.SegmentView]] = [
        Column(
            "name",
            pgettext("table", "Segment"),
            _name,
            "link",
            is_first=True,
            is_searched=True,
            shown=lambda one: {
                "text": _name(one),
                "url": reverse("console:segment", args=[shop, one.key]) + kept,
                "sub": sentence_of(access.shop, one.condition),
            },
        ),
        Column("customers", gettext("Customers"), lambda one: numbers[one.key], "count", is_number=True),
        Column(
            "share", gettext("Of all customers"), lambda one: numbers[one.key], is_number=True, shown=share
        ),
        Column(
            "origin",
            gettext("From"),
            lambda one: gettext("Comes with Shuke") if one.kept is None else one.kept.changed_by,
            is_searched=True,
        ),
    ]
    context = {
        "everyone": everyone,
        "is_archived": is_archived,
        "has_archived": not is_archived and bool(reads.list_segments(access.shop, at=at, is_archived=True)),
        "sentence": ngettext(
            "%(count)s customer is known by name.", "%(count)s customers are known by name.", everyone
        )
        % {"count": words.count(everyone)},
        "table": build_table(request, "segments", columns, found, default_sort="origin"),
        "table_source": request.path,
        "table_page": reverse("console:segments", args=[shop]),
        "is_exportable": access.may(Deed.EXPORT_TABLES),
    }
    return render(request, "console/pieces/segments_table.html", context)


def _kept(state: ValueView) -> str:
    """The moment, for links that keep it."""
    return f"?{urlencode({'at': state.query['at']})}" if "at" in state.query else ""


def _name(one: reads.SegmentView) -> str:
    return one.name(get_language() or "zh-hans")


@require_safe
@page(Deed.VIEW_TRAFFIC)
def segment(request: PageRequest, shop: str, key: str) -> HttpResponseBase:
    """The shell of one segment; `?format=csv` is its customers by their numbers, for who may see customers."""
    state, access = read_value_view(request, clock.now()), request.access
    at = state.at
    found = reads.get_segment(access.shop, key, at=at)
    if wants_csv(request.GET) and access.may(Deed.VIEW_CUSTOMERS):
        return csv_response(access, f"segment-{key}", COLUMNS, _as_csv(access, found, at))
    context = {
        "segment": found,
        "name": _name(found),
        "words": found.words.get("zh" if (get_language() or "zh").startswith("zh") else "en", ""),
        "sentence": sentence_of(access.shop, found.condition),
        **_shell(request, state),
    }
    return render(request, "console/segment.html", context)


def _as_csv(access: Access, found: reads.SegmentView, at: datetime) -> Iterator[Any]:
    return csv_rows(access.shop, found.condition, at)


@require_safe
@page(Deed.VIEW_TRAFFIC)
def answer(request: PageRequest, shop: str, key: str) -> HttpResponse:
    """The fragment: how many, of how many, and who they are for who may see customers."""
    state, access = read_value_view(request, clock.now()), request.access
    at = state.at
    found = reads.get_segment(access.shop, key, at=at)
    may_see = access.may(Deed.VIEW_CUSTOMERS)
    number = page_number(request)
    asked = reads.chosen(
        access.shop, found.condition, at=at, page=number, size=SIZE if may_see else 1, with_names=may_see
    )
    context: dict[str, Any] = {
        "count": asked.count,
        "everyone": asked.everyone,
        "may_see": may_see,
        "sentence": gettext("%(count)s of %(everyone)s customers (%(share)s) are in it.")
        % {
            "count": words.count(asked.count),
            "everyone": words.count(asked.everyone),
            "share": words.percent(Decimal(asked.count) / asked.everyone, 1) if asked.everyone else "—",
        },
    }
    if may_see:
        drawn = build_paged_table(
            request,
            "segment",
            _columns(access, key, _kept(state)),
            asked.rows,
            count=asked.count,
            page=number,
            size=SIZE,
        )
        context |= {
            "table": drawn,
            "table_source": request.path,
            "table_page": reverse("console:segment", args=[shop, key]),
            "is_exportable": access.may(Deed.EXPORT_TABLES),
        }
    return render(request, "console/pieces/segment_answer.html", context)


def _columns(access: Access, key: str, kept: str) -> list[Column[reads.MemberRow]]:
    currency, slug = access.shop.currency, access.shop.slug
    return [
        Column(
            "who",
            pgettext("customer column", "Customer"),
            lambda row: row.ref or str(row.customer_id),
            "link",
            is_first=True,
            shown=lambda row: {
                "text": row.ref or gettext("Customer %(number)s") % {"number": row.customer_id},
                "url": customer_url(access, row.customer_id),
            },
        ),
        Column(
            "last",
            pgettext("customer column", "Last seen"),
            lambda row: row.last_seen_on,
            shown=lambda row: words.day(row.last_seen_on),
        ),
        Column(
            "first",
            pgettext("customer column", "First seen"),
            lambda row: row.first_seen_on,
            shown=lambda row: words.day(row.first_seen_on),
        ),
        Column(
            "visits", pgettext("customer column", "Visits"), lambda row: row.visits, "count", is_number=True
        ),
        Column(
            "orders", pgettext("customer column", "Orders"), lambda row: row.orders, "count", is_number=True
        ),
        Column(
            "net",
            pgettext("customer column", "Net amount"),
            lambda row: Decimal(row.net_minor).scaleb(-exponent(currency)),
            is_number=True,
            shown=lambda row: words.money(row.net_minor, currency),
        ),
        Column(
            "why",
            pgettext("segment", "Why"),
            lambda row: "",
            "link",
            shown=lambda row: {
                "text": gettext("Why he is in"),
                "url": reverse("console:segment_why", args=[slug, key, row.customer_id]) + kept,
            },
        ),
    ]


@require_safe
@page(Deed.VIEW_CUSTOMERS)
def why(request: PageRequest, shop: str, key: str, customer_id: int) -> HttpResponse:
    """Why one customer is in or out: each part with its fact, what decides, and when it may change."""
    state, access = read_value_view(request, clock.now()), request.access
    at = state.at
    found = reads.get_segment(access.shop, key, at=at)
    told = reads.why(access.shop, found.condition, customer_id, at=at)
    zone = access.shop.zone
    with in_words_of(access.shop, found.condition):
        parts = [(one.code == "condition_met", one.text()) for one in told.verdict.reasons]
        decisive = [_fact(access, one) for one in told.decisive[:MOST_NAMED]]
    context = {
        "segment": found,
        "name": _name(found),
        "sentence": sentence_of(access.shop, found.condition),
        "is_in": told.verdict.is_allowed,
        "parts": parts,
        "decisive": decisive,
        "more": words.count(len(told.decisive) - MOST_NAMED) if len(told.decisive) > MOST_NAMED else "",
        "next_change": words.moment(told.next_change, zone) if told.next_change else "",
        "customer_url": customer_url(access, told.customer_id),
        "back_url": reverse("console:segment", args=[shop, key]) + _kept(state),
        **_shell(request, state),
    }
    return render(request, "console/segment_why.html", context)


def _fact(access: Access, one: Any) -> str:
    """A decisive fact as a line: of what, when, and what it says."""
    if one.removal.kind == "group":
        other = reads.get_segment(access.shop, one.removal.name, at=clock.now())
        return gettext("belongs to the segment %(key)s") % {"key": _name(other)}
    if one.removal.kind == "field":
        field = get_field(one.removal.name)
        return f"{field.label}: {value_words(field, one.told['value'])}"
    series = get_series(one.removal.name)
    fields = fields_of(series.subject)
    told = [
        f"{fields[name].label} {value_words(fields[name], value)}"
        for name, value in one.told.items()
        if value is not None
    ]
    parts = [str(series.label), words.moment(one.at, access.shop.zone), *told]
    return " · ".join(parts)
