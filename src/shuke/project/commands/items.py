"""`shuke report items|hot`: items of a period, and hot items at a moment, in a terminal, as a table or as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import typer
from django.utils.translation import pgettext
from rich.console import Console
from rich.table import Table

from shuke.project.commands.reports import AGAINST, AS_JSON, FROM, TO, report_app
from shuke.project.commands.shops import SHOP

STALLED = typer.Option(False, "--stalled", help="Only items that sell but stall, with what holds each back.")
MOMENT = typer.Option(
    "", "--at", help="Until this moment, by the shop's clock: 2026-11-22T14:05. Default: now."
)
WINDOW = typer.Option("24h", help="15m, 1h, 24h or 7d.")
BY = typer.Option("views", help="views, visitors, carts, buyers, units or amount_minor.")
MOST = typer.Option(40, min=1, max=500, help="At most so many rows.")


@report_app.command()
def items(
    shop: str = SHOP,
    first: str = FROM,
    last: str = TO,
    stalled: bool = STALLED,
    against: str = AGAINST,
    most: int = MOST,
    as_json: bool = AS_JSON,
) -> None:
    """Every item of a period: from views to buyers, most views first."""
    from shuke.kernel import clock
    from shuke.project.commands.reports import _period, _print_json, as_api
    from shuke.shops.reads import get_shop
    from shuke.traffic.items import http, reads

    view, period, at = get_shop(shop), _period(first, last), clock.now()
    if stalled:
        found = reads.stalled(shop=view, period=period, at=at)
        if as_json:
            return _print_json(as_api(http.told_stalled(found, view.currency)))
        return _print_stalled(found, view.currency, most)
    everything = reads.items(shop=view, period=period, against=against or None, at=at)
    if as_json:
        return _print_json(as_api(http.told_items(everything, view.currency)))
    table = _table("Views", "Visitors", "Added it to the cart", "Buyers", "Units", "Amount", "Conversion")
    for row in everything.rows[:most]:
        sums = row.sums
        cells = [
            *(_count(n) for n in (sums.views, sums.visitors, sums.cart_visitors, sums.buyers)),
            *(_units(sums.units), _money(sums.amount_minor, view.currency), _share(sums.conversion)),
        ]
        changes = [_change(row, key, view.currency) for key in _SHOWN]
        table.add_row(_name(row), *(f"{a} {b}" if b else a for a, b in zip(cells, changes, strict=True)))
    Console().print(table)
    for note in everything.notes:
        typer.echo(note.text())
    return None


@report_app.command()
def hot(
    shop: str = SHOP,
    moment: str = MOMENT,
    window: str = WINDOW,
    by: str = BY,
    most: int = MOST,
    as_json: bool = AS_JSON,
) -> None:
    """The items of a window that ends at a moment, ranked; late events count as known now."""
    from shuke.kernel import clock
    from shuke.kernel.errors import Invalid
    from shuke.project.commands.reports import _print_json, as_api
    from shuke.shops.reads import get_shop
    from shuke.traffic.items import http, reads

    view, at = get_shop(shop), clock.now()
    asked = at
    if moment:
        try:
            asked = datetime.fromisoformat(moment)
        except ValueError:
            raise Invalid(field="at", value=moment[:40]) from None
        asked = asked if asked.tzinfo else asked.replace(tzinfo=view.zone)
    found = reads.hot(shop=view, moment=asked, window=window, by=by, most=most, at=at)
    if as_json:
        return _print_json(as_api(http.told_hot(found, view.currency)))
    table = _table("Views", "Visitors", "Added it to the cart", "Buyers", "Units", "Amount")
    for row in found.rows:
        counts = (row.views, row.visitors, row.carts, row.buyers)
        table.add_row(
            f"{row.rank}. {_name(row)}",
            *(_count(n) for n in counts),
            _units(row.units),
            _money(row.amount_minor, view.currency),
        )
    Console().print(table)
    for note in found.notes:
        typer.echo(note.text())
    return None


def _print_stalled(found: Any, currency: str, most: int) -> None:
    from shuke.console import items_view

    table = Table()
    for title in (
        pgettext("column", "Item"),
        pgettext("column", "Held back by"),
        pgettext("column", "Numbers and threshold"),
    ):
        table.add_column(title)
    for one in found.rows[:most]:
        table.add_row(_name(one.row), items_view.held(one)["text"], items_view.verdict_words(one, currency))
    Console().print(table)
    if found.reason is not None:
        typer.echo(found.reason.text())


def _table(*titles: str) -> Table:
    table = Table()
    table.add_column(pgettext("column", "Item"))
    for title in titles:
        table.add_column(pgettext("item number", title), justify="right")
    return table


_SHOWN = ("views", "visitors", "carts", "bought", "units", "amount", "conversion")


def _change(row: Any, key: str, currency: str) -> str:
    from shuke.console import figures, items_view

    return figures.arrow_words(items_view.change(row, key, "", currency))


def _name(row: Any) -> str:
    return f"{row.title} ({row.product_ref})" if row.title else str(row.product_ref)


def _count(value: int) -> str:
    from shuke.console import words

    return words.count(value)


def _units(value: Any) -> str:
    from shuke.console import items_view

    return items_view.units(value)


def _money(minor: int, currency: str) -> str:
    from shuke.console import words

    return words.money(minor, currency)


def _share(value: Any) -> str:
    from shuke.console import items_view, words

    return items_view.share(value) or words.UNKNOWN
