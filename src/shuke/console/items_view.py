"""What the pages of items say: an item's name, its numbers as cells, what holds it back, all in the reader's words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.translation import gettext, pgettext, pgettext_lazy

from shuke.console import figures, viewstate, words
from shuke.kernel.money import exponent
from shuke.shops.page_request import PageRequest
from shuke.shops.tables import Column
from shuke.traffic.items import reads
from shuke.traffic.metrics import Metric, Unit
from shuke.traffic.reads import Figure

VIEWS: tuple[tuple[str, str | Promise], ...] = (
    ("items", pgettext_lazy("items", "All items")),
    ("items_hot", pgettext_lazy("items", "Hot now")),
    ("items_stalled", pgettext_lazy("items", "Sell but stall")),
)
STEP_WORDS: dict[str, str | Promise] = {
    "came": pgettext_lazy("item step", "Saw it"),
    "cart": pgettext_lazy("item step", "Added it to the cart"),
    "checkout": pgettext_lazy("item step", "Began the checkout"),
    "pay": pgettext_lazy("item step", "Bought it"),
}
HELD_WORDS: dict[str, str | Promise] = {
    "cart": pgettext_lazy("held back by", "View → cart"),
    "checkout": pgettext_lazy("held back by", "Cart → checkout"),
    "pay": pgettext_lazy("held back by", "Checkout → payment"),
    "traffic": pgettext_lazy("held back by", "Too little traffic"),
    "nothing": pgettext_lazy("held back by", "No step stands out"),
    "too_few": pgettext_lazy("held back by", "Too few to judge"),
}
TONES = {"cart": "bad", "checkout": "bad", "pay": "bad", "traffic": "warn"}
HOT_WORDS: dict[str, str | Promise] = {
    "views": pgettext_lazy("item number", "Views"),
    "visitors": pgettext_lazy("item number", "Visitors"),
    "carts": pgettext_lazy("item number", "Added it to the cart"),
    "buyers": pgettext_lazy("item number", "Buyers"),
    "units": pgettext_lazy("item number", "Units"),
    "amount_minor": pgettext_lazy("item number", "Amount"),
}
WINDOW_WORDS: dict[str, str | Promise] = {
    "15m": pgettext_lazy("hot window", "15 minutes"),
    "1h": pgettext_lazy("hot window", "1 hour"),
    "24h": pgettext_lazy("hot window", "24 hours"),
    "7d": pgettext_lazy("hot window", "7 days"),
}
# What of the address the pages of an item share.
VIEW = ("range", "from", "to", "against", "vs_from", "vs_to")
DEFAULT_COLUMNS = ("views", "visitors", "carts", "bought", "units", "amount", "conversion", "bounce_page")


def tabs(request: PageRequest, here: str, state: viewstate.ViewState | None) -> list[tuple[str, Any, bool]]:
    """The three views of items, with the days that were chosen."""
    query = {}
    if state is not None and "range" in request.GET:
        query = {name: request.GET[name] for name in ("range", "from", "to") if name in request.GET}
    slug = request.access.shop.slug
    found = []
    for name, title in VIEWS:
        url = reverse(f"console:{name}", args=[slug])
        found.append(
            (f"{url}?{urlencode(query)}" if query and name != "items_hot" else url, title, name == here)
        )
    return found


def item_url(request: PageRequest, product_ref: str) -> str:
    """An item's page, of the same days."""
    query = {"ref": product_ref}
    query |= {name: request.GET[name] for name in VIEW if name in request.GET}
    return reverse("console:item", args=[request.access.shop.slug]) + "?" + urlencode(query)


# The numbers whose rows can be seen, and what these are.
BEHIND = {"visitors": "visitors", "bought": "buyers", "orders": "orders"}


def behind_url(request: PageRequest, row: reads.ItemRow, of: str) -> str:
    """Where the orders, visitors or buyers of an item stand; empty where it has none."""
    if not getattr(row.sums, of):
        return ""
    query = {"ref": row.product_ref, "of": of}
    query |= {name: request.GET[name] for name in VIEW if name in request.GET}
    return reverse("console:item_behind", args=[request.access.shop.slug]) + "?" + urlencode(query)


def behind_links(request: PageRequest, row: reads.ItemRow) -> dict[str, list[tuple[str, str]]]:
    """By number of an item's page: words and address of the rows that it is made of."""
    words_of = {
        "visitors": gettext("These visitors"),
        "orders": gettext("These orders"),
        "buyers": gettext("These buyers"),
    }
    found = {of: behind_url(request, row, of) for of in words_of}
    links = {of: [(words_of[of], url)] if url else [] for of, url in found.items()}
    return {"visitors": links["visitors"], "amount": links["orders"] + links["buyers"]}


def name_of(row: Any) -> str:
    """An item's title, else what events call it."""
    return row.title or row.product_ref


def item_cell(request: PageRequest, row: Any) -> dict[str, str]:
    sub = row.product_ref if row.title else ""
    return {"text": name_of(row), "url": item_url(request, row.product_ref), "sub": sub}


def units(value: Decimal) -> str:
    """Pieces: whole where they are, else without zeros at the end."""
    value = Decimal(value)
    if value == value.to_integral_value():
        return words.count(value)
    return words.number(value, max(0, -int(value.normalize().as_tuple().exponent)))


def share(value: Fraction | float | None, digits: int = 2) -> str:
    return "" if value is None else words.percent(Decimal(float(value)), digits)


def ratio(value: Fraction | None) -> Decimal | None:
    """A share as a file holds it: six places."""
    return None if value is None else round(Decimal(value.numerator) / value.denominator, 6)


def major(minor: int, currency: str) -> Decimal:
    return round(Decimal(minor).scaleb(-exponent(currency)), exponent(currency))


@dataclass(frozen=True)
class _Compared:
    """A number of an item that a change is told of: its unit, the better direction, the value, and on how many cases it
    rests."""

    unit: Unit
    better: Literal["up", "down"]
    value: Callable[[reads.ItemSums], Any]
    cases: Callable[[reads.ItemSums], int]

    def figure(self, key: str, sums: reads.ItemSums) -> Figure:
        metric = Metric(f"item_{key}", 1, self.unit, "item", self.better, key)
        return Figure(metric, self.value(sums), None, self.cases(sums))


def _counted(name: str) -> _Compared:
    return _Compared("count", "up", lambda sums: getattr(sums, name), lambda sums: getattr(sums, name))


COMPARED: dict[str, _Compared] = {
    "views": _counted("views"),
    "visitors": _counted("visitors"),
    "favourites": _counted("favourite_visitors"),
    "carts": _counted("cart_visitors"),
    "checkouts": _counted("checkout_visitors"),
    "bought": _counted("buyers"),
    "orders": _counted("orders"),
    "units": _Compared("number", "up", lambda sums: sums.units, lambda sums: sums.orders),
    "amount": _Compared("money", "up", lambda sums: sums.amount_minor, lambda sums: sums.orders),
    "conversion": _Compared("ratio", "up", lambda sums: ratio(sums.conversion), lambda sums: sums.came),
    "bounce_page": _Compared("ratio", "down", lambda sums: ratio(sums.bounce_page), lambda sums: sums.views),
    "stay": _Compared(
        "seconds", "up", lambda sums: ratio(sums.stay_per_view), lambda sums: sums.measured_views
    ),
}


def change(row: reads.ItemRow, key: str, against: str, currency: str) -> figures.Change | None:
    """How a number of an item changed against the other period; None where none is compared or it can not be said."""
    if row.then is None or key not in COMPARED:
        return None
    one = COMPARED[key]
    return figures.change_between(one.figure(key, row.sums), one.figure(key, row.then), against, currency)


def columns(request: PageRequest, against: str = "") -> list[Column[reads.ItemRow]]:
    """Every number of an item; which of them stand on the page the address says (`cols`). `against`: what is compared
    with, in words."""
    currency = request.access.shop.currency
    no_visitor = gettext("Nobody saw it in these days.")

    def number(
        key: str, title: str, value: Callable[[reads.ItemRow], Any], shown: Any, why: str = ""
    ) -> Column[reads.ItemRow]:
        def cell(row: reads.ItemRow) -> dict[str, Any]:
            found = value(row)
            told = change(row, key, against, currency)
            url = behind_url(request, row, BEHIND[key]) if key in BEHIND else ""
            return {"text": "" if found is None else shown(found), "why": why, "change": told, "url": url}

        return Column(key, title, value, "stated", is_number=True, shown=cell)

    def count(key: str, title: str, value: Callable[[reads.ItemRow], int]) -> Column[reads.ItemRow]:
        return number(key, title, value, words.count)

    percent = lambda value: words.percent(value, 2)  # noqa: E731
    return [
        Column(
            "item",
            pgettext("column", "Item"),
            lambda row: f"{name_of(row)} {row.product_ref}",
            "item",
            is_first=True,
            is_searched=True,
            shown=lambda row: item_cell(request, row),
        ),
        count("views", pgettext("item number", "Views"), lambda row: row.sums.views),
        count("visitors", pgettext("item number", "Visitors"), lambda row: row.sums.visitors),
        count("favourites", pgettext("item number", "Favoured it"), lambda row: row.sums.favourite_visitors),
        count("carts", pgettext("item number", "Added it to the cart"), lambda row: row.sums.cart_visitors),
        count(
            "checkouts", pgettext("item number", "Began the checkout"), lambda row: row.sums.checkout_visitors
        ),
        count("bought", pgettext("item number", "Buyers"), lambda row: row.sums.buyers),
        count("orders", pgettext("item number", "Orders"), lambda row: row.sums.orders),
        number("units", pgettext("item number", "Units"), lambda row: row.sums.units, units),
        number(
            "amount",
            pgettext("item number", "Amount"),
            lambda row: major(row.sums.amount_minor, currency),
            lambda value: words.money(int(value.scaleb(exponent(currency))), currency),
        ),
        number(
            "conversion",
            pgettext("item number", "Conversion"),
            lambda row: ratio(row.sums.conversion),
            percent,
            no_visitor,
        ),
        number(
            "bounce_page",
            pgettext("item number", "Exit rate"),
            lambda row: ratio(row.sums.bounce_page),
            percent,
            gettext("Its page was not viewed."),
        ),
        number(
            "stay",
            pgettext("item number", "Stay per view"),
            lambda row: ratio(row.sums.stay_per_view),
            words.seconds,
            gettext("No view of it was followed by another one, so no stay could be measured."),
        ),
        count("paid_visitors", pgettext("item number", "Visitors, paid"), lambda row: row.paid.visitors),
        count("free_visitors", pgettext("item number", "Visitors, free"), lambda row: row.free.visitors),
        number(
            "paid_conversion",
            pgettext("item number", "Conversion, paid"),
            lambda row: ratio(row.paid.conversion),
            percent,
            gettext("Nobody saw it through paid traffic."),
        ),
        number(
            "free_conversion",
            pgettext("item number", "Conversion, free"),
            lambda row: ratio(row.free.conversion),
            percent,
            gettext("Nobody saw it through free traffic."),
        ),
    ]


def columns_before(columns: Sequence[Column[reads.ItemRow]]) -> list[Column[reads.ItemRow]]:
    """Columns of a file with the other period's values of those that are compared."""

    def before(column: Column[reads.ItemRow]) -> Column[reads.ItemRow]:
        def value(row: reads.ItemRow) -> Any:
            return column.value(replace(row, sums=row.then or reads.ItemSums()))

        title = gettext("%(name)s before") % {"name": column.title}
        return Column(f"{column.key}_before", title, value)

    return [before(column) for column in columns if column.key in COMPARED]


def interval(check: reads.StepCheck) -> str:
    """A step's rate between the ends of its interval."""
    if check.low is None or check.high is None:
        return ""
    return gettext("%(low)s to %(high)s") % {"low": share(check.low, 1), "high": share(check.high, 1)}


def verdict_words(stall: reads.Stall, currency: str) -> str:
    """What holds an item back, with its numbers and threshold."""
    if stall.held_by in ("cart", "checkout", "pay"):
        check = next(one for one in stall.steps if one.step == stall.held_by)
        return gettext(
            "%(reached)s of %(base)s went on (%(rate)s; allowing for chance, %(interval)s), the shop's median is %(median)s: "
            "about %(lost)s buyers fewer. %(advice)s"
        ) % {
            "reached": words.count(check.reached),
            "base": words.count(check.base),
            "rate": share(check.rate, 1),
            "interval": interval(check),
            "median": share(check.median, 1),
            "lost": words.number(check.lost, 1),
            "advice": stall.reason.text(),
        }
    if stall.held_by == "traffic" and stall.visitors_median is not None:
        return gettext(
            "%(visitors)s visitors, the median of items that sell is %(median)s: about %(lost)s buyers fewer. %(advice)s"
        ) % {
            "visitors": words.count(stall.row.sums.visitors),
            "median": words.count(round(Decimal(float(stall.visitors_median)))),
            "lost": words.number(stall.lost, 1),
            "advice": stall.reason.text(),
        }
    return stall.reason.text()


def held(stall: reads.Stall) -> dict[str, str]:
    """The step that holds an item back, as a badge."""
    return {"text": str(HELD_WORDS[stall.held_by]), "tone": TONES.get(stall.held_by, "")}


def channel_words(source: reads.ItemSource, titles: Mapping[str, Any]) -> str:
    if source.channel is None:
        return gettext("no visit: told by a server or a file")
    return str(titles.get(source.channel, source.channel))


def step_rows(stall: reads.Stall) -> Sequence[dict[str, Any]]:
    """The steps of an item as rows of its table."""
    rows: list[dict[str, Any]] = [
        {"name": STEP_WORDS["came"], "reached": words.count(stall.row.sums.came), "is_first": True}
    ]
    for check in stall.steps:
        rows.append(
            {
                "name": STEP_WORDS[check.step],
                "reached": words.count(check.reached),
                "rate": share(check.rate, 1),
                "interval": interval(check),
                "median": share(check.median, 1),
                "why": check.reason.text() if check.reason is not None else "",
                "is_below": check.is_below,
                "is_named": check.step == stall.held_by,
                "lost": words.number(check.lost, 1) if check.is_below else "",
            }
        )
    return rows
