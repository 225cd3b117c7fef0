"""What pages of reports have in common: the shell with its bar, the frame of their table, and columns of figures, each
against the period that is compared, in the file too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext

from shuke.console import figures, viewstate, words
from shuke.shops.page_request import PageRequest
from shuke.shops.roles import Deed
from shuke.traffic import reads as traffic


def shell(request: PageRequest, state: viewstate.ViewState) -> dict[str, Any]:
    """What the page needs before its answer is there."""
    return {
        "state": state,
        "bar": viewstate.bar(state, request.access.shop),
        "query": request.GET.urlencode(),
    }


def table_frame(request: PageRequest, page: str, until: datetime | None, *more: Any) -> dict[str, Any]:
    """What stands around the table of an answer on the page of that address (with `more` in it); `until`: so far."""
    access = request.access
    return {
        "table_source": request.path,
        "table_page": reverse(page, args=[access.shop.slug, *more]),
        "is_exportable": access.may(Deed.EXPORT_TABLES),
        "until": words.clock_time(until, access.shop.zone) if until else "",
    }


def shifted(state: viewstate.ViewState) -> str | None:
    """The first comparison that shifts by days; other days of one's own choice are the overview's."""
    return next((name for name in state.against if name != "custom"), None)


def compared_once(request: PageRequest, state: viewstate.ViewState) -> viewstate.ViewState:
    """The view with the one comparison that the address names; without one nothing is compared."""
    asked = state.against[:1] if "against" in request.GET else ()
    return replace(state, against=asked, custom=state.custom if asked == ("custom",) else None)


def against(state: viewstate.ViewState) -> str | None:
    """The comparison of `compared_once`."""
    return state.against[0] if state.against else None


def compared_words(state: viewstate.ViewState) -> str:
    """What is compared with, in words; empty for nothing."""
    return viewstate.against_words(state, state.against[0]) if state.against else ""


def drawn_share(share: Decimal | None) -> dict[str, str] | None:
    """A share as the cell of that name draws it: its bar's length, and its words."""
    return None if share is None else {"value": f"{share:.4f}", "text": words.percent(share, 1)}


def file_heads(metrics: Iterable[traffic.Metric], *, has_before: bool) -> list[str]:
    """Heads of the metrics' columns in a file."""
    heads = []
    for metric in metrics:
        heads.append(f"{figures.title(metric)} ({metric.id} v{metric.version})")
        if has_before:
            heads.append(gettext("%(name)s before") % {"name": figures.title(metric)})
    return heads


def file_cells(
    now: Sequence[traffic.Figure], before: Sequence[traffic.Figure], currency: str, *, has_before: bool
) -> list[Any]:
    """A row's cells under `file_heads`; empty where nothing is compared."""
    cells: list[Any] = []
    for place, figure in enumerate(now):
        cells.append(figures.cell_value(figure, currency))
        if has_before:
            cells.append(figures.cell_value(before[place], currency) if before else "")
    return cells
