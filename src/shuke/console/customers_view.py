"""What the pages of customers say: cells of the list, lines of the time line, values by their unit, in the reader's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext, pgettext_lazy

from shuke.audience import timeline
from shuke.audience.customers import http, reads
from shuke.console import words
from shuke.kernel.money import exponent
from shuke.rulebook import reads as rulebook
from shuke.shops.access import Access
from shuke.shops.page_request import PageRequest
from shuke.shops.roles import Deed
from shuke.shops.tables import Column, DrawnColumn, Table

TITLES: dict[str, str | Promise] = {
    "who": pgettext_lazy("customer column", "Customer"),
    "last_at": pgettext_lazy("customer column", "Last seen"),
    "first_at": pgettext_lazy("customer column", "First seen"),
    "visits": pgettext_lazy("customer column", "Visits"),
    "orders": pgettext_lazy("customer column", "Orders"),
    "net_minor": pgettext_lazy("customer column", "Net amount"),
    "gross_minor": pgettext_lazy("customer column", "Gross amount"),
    "first_channel": pgettext_lazy("customer column", "First channel"),
    "region": pgettext_lazy("customer column", "Region"),
    "tags": pgettext_lazy("customer column", "Tags"),
}
Row = reads.CustomerRow


def channel_titles(access: Access, at: datetime) -> Mapping[str, Any]:
    return rulebook.channel_titles(at.astimezone(access.shop.zone).date(), access.shop)


def name_of(row: Row) -> str:
    """What he is called here: the name that a source gave him, else the number under which he lies."""
    return row.ref or gettext("Customer %(number)s") % {"number": row.customer_id}


def customer_url(access: Access, customer_id: int) -> str:
    return reverse("console:customer", args=[access.shop.slug, customer_id])


def columns(access: Access, at: datetime, shown: Sequence[str]) -> list[Column[Row]]:
    """The chosen columns, the name first."""
    currency, zone = access.shop.currency, access.shop.zone
    channels = channel_titles(access, at)

    def moment(name: str) -> Any:
        return lambda row: {
            "text": "" if getattr(row, name) is None else words.moment(getattr(row, name), zone),
            "why": gettext("No fact says when."),
        }

    def amount(name: str) -> Any:
        return lambda row: {"text": words.money(getattr(row, name) or 0, currency)}

    def major(name: str) -> Any:
        return lambda row: Decimal(getattr(row, name) or 0).scaleb(-exponent(currency))

    def as_told(name: str) -> Any:
        return lambda row: getattr(row, name)

    def plain(name: str, text: Any = None) -> Any:
        return lambda row: {
            "text": (text or str)(getattr(row, name)) if getattr(row, name) else "",
            "why": gettext("No fact tells it."),
        }

    made: dict[str, Column[Row]] = {
        "who": Column(
            "who",
            TITLES["who"],
            lambda row: http.masked(row.ref),
            "customer",
            is_first=True,
            is_sortable=False,
            shown=lambda row: {
                "text": name_of(row),
                "url": customer_url(access, row.customer_id),
                "id": str(row.customer_id),
                "is_chosen": access.may(Deed.MANAGE_CUSTOMERS),
            },
        ),
        "first_channel": Column(
            "first_channel",
            TITLES["first_channel"],
            lambda row: row.first_channel,
            "stated",
            is_sortable=False,
            shown=plain("first_channel", lambda value: str(channels.get(value, value))),
        ),
        "region": Column(
            "region",
            TITLES["region"],
            lambda row: row.region,
            "stated",
            is_sortable=False,
            shown=plain("region"),
        ),
        "tags": Column(
            "tags",
            TITLES["tags"],
            lambda row: ", ".join(row.tags),
            "customer_tags",
            is_sortable=False,
            shown=lambda row: row.tags,
        ),
    }
    for name in ("last_at", "first_at"):
        made[name] = Column(name, TITLES[name], as_told(name), "stated", shown=moment(name))
    for name in ("visits", "orders"):
        made[name] = Column(name, TITLES[name], as_told(name), "count", is_number=True)
    for name in ("net_minor", "gross_minor"):
        made[name] = Column(name, TITLES[name], major(name), "stated", is_number=True, shown=amount(name))
    return [made[name] for name in reads.COLUMNS if name == "who" or name in shown]


def sortable(table: Table, sort: str) -> Table:
    """A table that its reader paged, with the heads by which it can sort it."""
    heads = []
    for head in table.heads:
        key = head.column.key
        if key in reads.SORTABLE:
            is_own = sort.removeprefix("-") == key
            is_down = is_own and sort.startswith("-")
            next_sort = key if is_down else f"-{key}"
            state = ("descending" if is_down else "ascending") if is_own else ""
            head = DrawnColumn(replace(head.column, is_sortable=True), state, next_sort)
        heads.append(head)
    return replace(table, heads=tuple(heads))


# --- the time line


@dataclass(frozen=True)
class Drawn:
    """A value as it is shown; `title` says what a short form means."""

    label: str
    text: str
    note: str = ""
    url: str = ""


@dataclass(frozen=True)
class DrawnEntry:
    """An entry: icon, words, when, and what is said of it. `day` stands where another day begins."""

    kind: str
    icon: str
    words: str
    at: datetime
    details: tuple[Drawn, ...]
    url: str
    day: str = ""
    time: str = ""


def value_words(access: Access, detail: timeline.Detail, channels: Mapping[str, Any]) -> str:
    """A value by its unit."""
    value = detail.value
    if value is None:
        return words.UNKNOWN
    if detail.unit == "money":
        return words.money(value, access.shop.currency)
    if detail.unit == "count":
        return words.count(value)
    if detail.unit == "seconds":
        return words.seconds(value)
    if detail.unit == "channel":
        return str(channels.get(value, value))
    if detail.unit == "moment" and isinstance(value, datetime):
        return words.moment(value, access.shop.zone)
    if detail.unit == "day" and isinstance(value, date):
        return words.day(value)
    return str(value)


def drawn_entries(
    request: PageRequest, page: timeline.TimelinePage, at: datetime, before: str = ""
) -> tuple[DrawnEntry, ...]:
    """The entries of a page; `before`: the day under which the page before it ended."""
    access = request.access
    channels = channel_titles(access, at)
    icons = {kind.name: kind.icon for kind in timeline.kinds()}
    made, last = [], before
    for entry in page.entries:
        day = entry.at.astimezone(access.shop.zone).date()
        details = tuple(Drawn(str(one.label), value_words(access, one, channels)) for one in entry.details)
        told = words.day(day) if day.isoformat() != last else ""
        made.append(
            DrawnEntry(
                entry.kind,
                icons[entry.kind],
                entry.words.text(),
                entry.at,
                details,
                entry.url,
                told,
                words.clock_time(entry.at, access.shop.zone),
            )
        )
        last = day.isoformat()
    return tuple(made)
