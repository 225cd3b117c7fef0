"""Both versions of value side by side, number by number: the rows of the page's table, its columns, and who is behind each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext, pgettext

from shuke.audience.value import reads
from shuke.audience.value.wording import VERSION_TITLES
from shuke.console import value_view as view
from shuke.console import words
from shuke.kernel.money import Money
from shuke.shops.access import Access
from shuke.shops.tables import Column


@dataclass(frozen=True)
class Line:
    """One number of both versions. `which` names the customers behind it; `told` gives (sort value, words, words below)."""

    title: str
    which: str
    told: Any
    definition: str = ""


def list_url(access: Access, state: view.ValueView, which: str, version: str = "") -> str:
    query = state.query | ({"version": version} if version else {})
    return view.who_url(access, "console:value_customers", which=which, **query)


def lines_of(found: reads.ValueReport) -> list[Line]:
    """Both versions, number by number."""
    currency = found.currency

    def count(name: str) -> Any:
        return lambda one: (getattr(one, name), words.count(getattr(one, name)), "")

    def number(name: str, digits: int) -> Any:
        def told(one: reads.Value) -> tuple[Any, str, str]:
            mean = getattr(one, name)
            if mean is None:
                return None, "", ""
            return round(float(mean), 6), words.number(view.decimal(mean), digits), ""

        return told

    def money(minor: Any) -> tuple[Any, str, str]:
        if minor is None:
            return None, "", ""
        return Money(round(minor), currency).amount, words.money(round(minor), currency), ""

    def top(name: str) -> Any:
        def told(one: reads.Value) -> tuple[Any, str, str]:
            best = getattr(one, name)
            if best is None:
                return None, "", ""
            sub = gettext("%(part)s of the customers, %(income)s of the income") % {
                "part": view.percent(best.share_of_customers),
                "income": view.percent(best.share_of_income),
            }
            return best.customers, words.count(best.customers), sub

        return told

    def by_hand(name: str) -> Any:
        sub = gettext("as members of the shop said; of all others nobody knows")
        return lambda one: (getattr(one, name), words.count(getattr(one, name)), sub)

    titles = view.WHICH_TITLES
    return [
        Line(str(titles["all"]), "all", count("customers")),
        Line(str(titles["buyers"]), "buyers", count("buyers")),
        Line(gettext("Orders"), "", count("orders")),
        Line(gettext("Income"), "", lambda one: money(one.amount_minor)),
        Line(gettext("Money per customer"), "", lambda one: money(one.money_minor)),
        Line(gettext("Orders per customer"), "", number("frequency", 3)),
        Line(gettext("Whole days since the last order"), "", number("recency_days", 2)),
        Line(gettext("Days since the last order, exact"), "", number("recency_exact", 2)),
        Line(str(titles["one_time"]), "one_time", count("one_time")),
        Line(str(titles["half_year"]), "half_year", count("half_year_buyers")),
        Line(str(titles["regular"]), "regular", count("regulars")),
        Line(str(titles["super"]), "super", top("super_users")),
        Line(str(titles["best"]), "best", top("best")),
        Line(str(titles["negative"]), "negative", count("negative")),
        Line(str(titles["zero"]), "zero", count("zero")),
        Line(str(titles["leader"]), "leader", by_hand("leaders")),
        Line(str(titles["ordinary"]), "ordinary", by_hand("ordinary")),
    ]


def columns_of(access: Access, state: view.ValueView, found: reads.ValueReport) -> list[Column[Line]]:
    def of(one: reads.Value) -> Column[Line]:
        def shown(line: Line) -> dict[str, str]:
            value, text, sub = line.told(one)
            return {
                "text": text,
                "sub": sub,
                "url": list_url(access, state, line.which, one.version) if line.which and value else "",
                "why": gettext("Nobody has an order that counts."),
            }

        return Column(
            one.version,
            VERSION_TITLES[one.version],
            lambda line: line.told(one)[0],
            "stated",
            is_number=True,
            is_sortable=False,
            shown=shown,
        )

    name: Column[Line] = Column(
        "name",
        pgettext("value", "Number"),
        lambda line: line.title,
        is_first=True,
        is_sortable=False,
        is_searched=True,
    )
    return [name, *(of(one) for one in found.versions)]
