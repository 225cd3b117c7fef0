"""`shuke report value|rfm|lifecycle`: what customers are worth and where they stand, in a terminal or as JSON."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import typer
from django.utils.translation import gettext as _
from rich.console import Console
from rich.table import Table

from shuke.project.commands.reports import AS_JSON, report_app
from shuke.project.commands.shops import SHOP

if TYPE_CHECKING:
    from shuke.shops.reads import ShopView

AT = typer.Option("", help="As of this moment on the shop's clock, e.g. 2026-06-01T12:00. Default: now.")
GROSS = typer.Option(False, "--gross", help="What came back is not deducted.")
DAY = typer.Option("", help="The shop's day, at its end. Default: today.")
SINCE = typer.Option("", help="The day to compare with. Default: 28 days before.")


@report_app.command()
def value(shop: str = SHOP, at: str = AT, as_json: bool = AS_JSON) -> None:
    """What customers are worth, netted and gross: money, super users, regulars, and what does not count."""
    from shuke.audience.value import reads
    from shuke.audience.value.http import value_told
    from shuke.audience.value.wording import REASONS
    from shuke.console import words
    from shuke.shops.reads import get_shop

    view = get_shop(shop)
    found = reads.value(view, at=_moment(view, at))
    if as_json:
        typer.echo(json.dumps(value_told(found), ensure_ascii=False, indent=1, default=str))
        return
    table = Table(title=f"{view.name} · {found.day}")
    table.add_column("")
    for one in found.versions:
        table.add_column(_("Netted") if one.version == "netted" else _("Gross"), justify="right")

    def row(title: str, told: Any) -> None:
        table.add_row(title, *(told(one) for one in found.versions))

    def top(name: str) -> Any:
        def told(one: reads.Value) -> str:
            found = getattr(one, name)
            if found is None:
                return "—"
            part, income = (
                "—" if share is None else words.percent(Decimal(share.numerator) / share.denominator, 1)
                for share in (found.share_of_customers, found.share_of_income)
            )
            return f"{words.count(found.customers)} ({part}) → {income}"

        return told

    def money(minor: Any) -> str:
        return "—" if minor is None else words.money(round(minor), view.currency)

    row(_("Customers"), lambda one: words.count(one.customers))
    row(_("Orders"), lambda one: words.count(one.orders))
    row(_("Income"), lambda one: money(one.amount_minor))
    row(_("Money per customer"), lambda one: money(one.money_minor))
    row(_("Orders per customer"), lambda one: _plain(one.frequency, 3))
    row(_("Days since the last order"), lambda one: _plain(one.recency_days, 2))
    row(_("One-time buyers"), lambda one: words.count(one.one_time))
    row(_("Half-year buyers"), lambda one: words.count(one.half_year_buyers))
    row(_("Regulars"), lambda one: words.count(one.regulars))
    row(_("Super users"), top("super_users"))
    row(_("The best part"), top("best"))
    Console().print(table)
    for one in found.versions:
        for left in one.left_out:
            amount = words.money(left.amount_minor, left.currency)
            typer.echo(f"{one.version}: {REASONS[left.reason]} {words.count(left.orders)} · {amount}")


def _plain(value: Any, digits: int) -> str:
    return "—" if value is None else f"{float(value):.{digits}f}"


@report_app.command()
def rfm(shop: str = SHOP, at: str = AT, gross: bool = GROSS, as_json: bool = AS_JSON) -> None:
    """Customers by the scores of recency (rows, 5 is most recent) and frequency (columns)."""
    from shuke.audience.value import reads
    from shuke.audience.value.http import grid_told
    from shuke.console import words
    from shuke.shops.reads import get_shop

    view = get_shop(shop)
    version: reads.Version = "gross" if gross else "netted"
    found = reads.value(view, at=_moment(view, at), versions=(version,))
    if as_json:
        typer.echo(json.dumps(grid_told(found, version), ensure_ascii=False, indent=1, default=str))
        return
    table = Table(title=f"{view.name} · {found.day} · R × F")
    table.add_column("R")
    for score in range(1, 6):
        table.add_column(f"F{score}", justify="right")
    one = found.version(version)
    for recency in range(5, 0, -1):
        cells = [c.customers for c in (one.grid if one else ()) if c.recency == recency]
        table.add_row(str(recency), *(words.count(count) for count in cells))
    Console().print(table)


@report_app.command()
def lifecycle(shop: str = SHOP, day: str = DAY, since: str = SINCE, as_json: bool = AS_JSON) -> None:
    """The states of customers at the end of a day, and from which states of an earlier day they came."""
    from shuke.audience.value import reads
    from shuke.audience.value.http import lifecycle_told
    from shuke.audience.value.wording import STATE_TITLES, state_title
    from shuke.console import words
    from shuke.kernel import clock
    from shuke.kernel.periods import local_day
    from shuke.shops.reads import get_shop

    view, at = get_shop(shop), clock.now()
    last = _day("day", day) or local_day(at, view.zone)
    first = _day("since", since) or last - timedelta(days=28)
    found = reads.lifecycle(view, day=last, since=first, at=at)
    if as_json:
        typer.echo(json.dumps(lifecycle_told(found), ensure_ascii=False, indent=1, default=str))
        return
    table = Table(title=f"{view.name} · {found.since} → {found.day}")
    table.add_column(str(found.since))
    for state, _count in found.states:
        table.add_column(str(STATE_TITLES[state]), justify="right")
    known = {(flow.was, flow.is_now): flow.customers for flow in found.flows}
    for was in (None, *reads.STATES):
        counts = (known.get((was, state), 0) for state in reads.STATES)
        table.add_row(state_title(was), *(words.count(count) for count in counts))
    table.add_row(_("All"), *(words.count(count) for _state, count in found.states), style="bold")
    Console().print(table)
    for note in found.notes:
        typer.echo(note.text())


def _moment(shop: ShopView, text: str) -> datetime:
    from shuke.kernel import clock
    from shuke.kernel.errors import Invalid

    if not text:
        return clock.now()
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(field="at", value=text) from None
    return at if at.tzinfo else at.replace(tzinfo=shop.zone)


def _day(name: str, text: str) -> date | None:
    from shuke.kernel.errors import Invalid

    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise Invalid(field=name, value=text) from None
