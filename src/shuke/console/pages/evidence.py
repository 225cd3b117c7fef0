"""What stands behind a number: the visits, visitors, orders or buyers whose count is the number."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext, pgettext_lazy
from django.views.decorators.http import require_safe

from shuke.console import choices, figures, viewstate, words
from shuke.console.pages.overview import definition_url, read_state
from shuke.kernel import clock
from shuke.kernel.errors import NotFound
from shuke.rulebook import reads as rulebook
from shuke.shops.access import Access, page
from shuke.shops.csv_out import PIECE, csv_response, every_row, wants_csv
from shuke.shops.page_request import PageRequest
from shuke.shops.roles import Deed
from shuke.shops.tables import Column, build_paged_table, csv_rows, page_number
from shuke.traffic import reads as traffic

SIZE = 50
MASK = "•••"

KINDS: dict[str, str | Promise] = {
    "visits": pgettext_lazy("evidence", "Visits"),
    "visitors": pgettext_lazy("evidence", "Visitors"),
    "orders": pgettext_lazy("evidence", "Orders"),
    "buyers": pgettext_lazy("evidence", "Buyers"),
}
COLUMNS: dict[str, str | Promise] = {
    "visit_id": pgettext_lazy("column", "Visit"),
    "visitor_id": pgettext_lazy("column", "Visitor"),
    "person_id": pgettext_lazy("column", "Person"),
    "buyer_id": pgettext_lazy("column", "Buyer"),
    "buyer_ref": pgettext_lazy("column", "Buyer"),
    "order_id": pgettext_lazy("column", "Order id"),
    "order_ref": pgettext_lazy("column", "Order"),
    "local_day": pgettext_lazy("column", "Day"),
    "first_day": pgettext_lazy("column", "First day"),
    "last_day": pgettext_lazy("column", "Last day"),
    "days": pgettext_lazy("column", "Days"),
    "started_at": pgettext_lazy("column", "Began"),
    "ended_at": pgettext_lazy("column", "Ended"),
    "at": pgettext_lazy("column", "When"),
    "kind": pgettext_lazy("column", "Kind"),
    "events": pgettext_lazy("column", "Events"),
    "visits": pgettext_lazy("column", "Visits"),
    "views": pgettext_lazy("column", "Page views"),
    "item_views": pgettext_lazy("column", "Item views"),
    "item_exits": pgettext_lazy("column", "Left from an item"),
    "stay_seconds": pgettext_lazy("column", "Stay"),
    "measured_visits": pgettext_lazy("column", "Visits with a stay"),
    "entry_path": pgettext_lazy("column", "Entrance"),
    "entry_type": pgettext_lazy("column", "Type of entrance"),
    "exit_path": pgettext_lazy("column", "Exit"),
    "exit_type": pgettext_lazy("column", "Type of exit"),
    "channel": pgettext_lazy("column", "Channel"),
    "is_paid": pgettext_lazy("column", "Paid traffic"),
    "source": pgettext_lazy("column", "Source"),
    "medium": pgettext_lazy("column", "Medium"),
    "campaign": pgettext_lazy("column", "Campaign"),
    "terminal": pgettext_lazy("column", "Device"),
    "carts": pgettext_lazy("column", "Cart adds"),
    "favourites": pgettext_lazy("column", "Favoured it"),
    "checkouts": pgettext_lazy("column", "Checkouts"),
    "is_file": pgettext_lazy("column", "Told by a file"),
    "orders": pgettext_lazy("column", "Orders"),
    "lines": pgettext_lazy("column", "Lines"),
    "quantity": pgettext_lazy("column", "Pieces"),
    "revenue_minor": pgettext_lazy("column", "Amount"),
    "paid_minor": pgettext_lazy("column", "Paid"),
    "amount_minor": pgettext_lazy("column", "Amount"),
    "net_minor": pgettext_lazy("column", "Net"),
    "paid_before": pgettext_lazy("column", "Paid before"),
    "first_seen": pgettext_lazy("column", "First seen"),
    "first_at": pgettext_lazy("column", "First order"),
    "sales": pgettext_lazy("column", "Sales"),
    "cancellations": pgettext_lazy("column", "Cancellations"),
    "currency": pgettext_lazy("column", "Currency"),
    "counts": pgettext_lazy("column", "Counts as"),
    "session_ref": pgettext_lazy("column", "Session of the source"),
}
ORDER_KINDS: dict[str, str | Promise] = {
    "sale": pgettext_lazy("order kind", "Sale"),
    "cancellation": pgettext_lazy("order kind", "Cancellation"),
    "adjustment": pgettext_lazy("order kind", "Adjustment"),
    "refund": pgettext_lazy("order kind", "Refund"),
}
ONE_LINE = frozenset({"started_at", "ended_at", "at", "first_at", "channel", "terminal"})
NUMBERS = frozenset(
    {
        "days",
        "events",
        "visits",
        "views",
        "item_views",
        "item_exits",
        "stay_seconds",
        "measured_visits",
        "carts",
        "favourites",
        "checkouts",
        "orders",
        "lines",
        "quantity",
        "revenue_minor",
        "paid_minor",
        "amount_minor",
        "net_minor",
        "counts",
        "sales",
        "cancellations",
    }
)


@require_safe
@page(Deed.VIEW_TRAFFIC)
def evidence(request: PageRequest, shop: str, metric_id: str) -> HttpResponseBase:
    """The facts behind one number of one view, until the moment at which the number was read."""
    at = clock.now()
    access = request.access
    state = read_state(request, at)
    asked = choices.parse_pick(f"{metric_id}.{request.GET.get('v', '')}")
    try:
        definition = rulebook.metric_definition(metric_id, asked[1] if asked else None)
    except rulebook.NoSuchRule:
        raise NotFound(field=gettext("metric"), value=metric_id) from None
    ask = _question(access, state, definition, _until(request), at)
    if wants_csv(request.GET):
        return _as_csv(access, state, metric_id, ask, at)
    number = page_number(request)
    found = ask(number, SIZE)
    columns = page_columns(access, found.columns, at, counts_money=_is_money(found))
    table = build_paged_table(
        request, "evidence", columns, found.rows, count=found.count, page=number, size=SIZE
    )
    context = {
        "state": state,
        "found": found,
        "kind": KINDS.get(found.kind, found.kind),
        "definition": definition,
        "definition_url": definition_url(access, found.figure.metric),
        "title": figures.title(found.figure.metric, is_short=False),
        "table": table,
        "is_exportable": access.may(Deed.EXPORT_TABLES),
        "overview_url": reverse("console:overview", args=[shop]) + "?" + _view_query(request),
        "until": _until(request),
    }
    return render(request, "console/evidence.html", context)


def _until(request: PageRequest) -> datetime | None:
    try:
        moment = datetime.fromisoformat(request.GET.get("until", ""))
    except ValueError:
        return None
    # At the ends of the calendar a moment has no day in every zone.
    return moment if moment.tzinfo is not None and 1990 <= moment.year <= 2199 else None


def _view_query(request: PageRequest) -> str:
    query = request.GET.copy()
    for name in ("page", "v", "until", "format", "sort", "q"):
        query.pop(name, None)
    return query.urlencode()


def _question(
    access: Access, state: viewstate.ViewState, definition: Any, until: datetime | None, at: datetime
) -> Callable[[int, int], traffic.Evidence]:
    def ask(number: int, size: int) -> traffic.Evidence:
        return traffic.evidence(
            shop=access.shop,
            period=state.period,
            metric_id=definition.id,
            version=definition.version,
            condition=state.condition,
            until=until,
            page=number,
            size=size,
            at=at,
        )

    return ask


def _is_money(found: traffic.Evidence) -> bool:
    """Whether what each row counts as is an amount: then the figure's numerator is one."""
    return found.figure.metric.unit == "money"


def page_columns(
    access: Access, names: Iterable[str], at: datetime, *, counts_money: bool = False
) -> list[Column[Mapping[str, Any]]]:
    """The columns of facts on a page: the surrogates, which say nothing to a person, come last. A file keeps its order."""
    ordered = sorted(names, key=lambda name: name.endswith("_id"))
    return [_column(access, name, at, counts_money) for name in ordered]


def file_columns(access: Access, names: Iterable[str], at: datetime) -> list[Column[Mapping[str, Any]]]:
    """The same as cells of a file, in their own order."""
    return [_column(access, name, at, False) for name in names]


def _column(access: Access, name: str, at: datetime, counts_money: bool) -> Column[Mapping[str, Any]]:
    today = at.astimezone(access.shop.zone).date()
    titles = rulebook.channel_titles(today, access.shop) if name == "channel" else {}
    is_masked = name in traffic.PERSONAL_COLUMNS and not access.may(Deed.VIEW_CUSTOMERS)

    def shown(row: Mapping[str, Any]) -> Any:
        value = row.get(name)
        if value is None:
            return words.UNKNOWN
        if is_masked:
            return MASK
        if name == "counts" and counts_money:
            return words.money(value, access.shop.currency)
        return _shown(access, name, value, titles)

    return Column(
        name,
        COLUMNS.get(name, name),
        lambda row: MASK if is_masked and row.get(name) is not None else row.get(name),
        "code" if name.endswith("_id") else "nowrap" if name in ONE_LINE else "text",
        is_number=name in NUMBERS,
        shown=shown,
    )


def _shown(access: Access, name: str, value: Any, titles: Any) -> str:
    if name == "channel":
        return str(titles.get(value, value))
    if name in ("entry_type", "exit_type"):
        return str(viewstate.PAGE_TYPES.get(value, value))
    if name == "terminal":
        return str(viewstate.TERMINALS.get(value, value))
    if name == "kind":
        return str(ORDER_KINDS.get(value, value))
    if name.endswith("_minor"):
        return words.money(value, access.shop.currency)
    if name == "stay_seconds":
        return words.seconds(value)
    if isinstance(value, bool):
        return gettext("Yes") if value else gettext("No")
    if isinstance(value, datetime):
        return words.moment(value if value.tzinfo else value.replace(tzinfo=UTC), access.shop.zone)
    if isinstance(value, date):
        return words.day(value)
    if name in NUMBERS:
        return words.count(value) if value == int(value) else words.number(value, 3)
    return str(value)


def _as_csv(
    access: Access,
    state: viewstate.ViewState,
    metric_id: str,
    ask: Callable[[int, int], traffic.Evidence],
    at: datetime,
) -> HttpResponse | HttpResponseBase:
    first = ask(1, PIECE)
    columns = [_column(access, name, at, _is_money(first)) for name in first.columns]
    name = f"{metric_id}-{state.period.start}-{state.period.last}"
    return csv_response(access, name, first.columns, csv_rows(columns, every_row(ask, first)))


def rows_as_csv(
    access: Access, name: str, names: Sequence[str], rows: Iterable[Mapping[str, Any]], at: datetime
) -> HttpResponseBase:
    """The rows behind a number of another page (with these columns) as the file of that name."""
    return csv_response(access, name, names, csv_rows(file_columns(access, names, at), rows))
