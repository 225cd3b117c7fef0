"""`shuke report customers` and `shuke customers show`: who they are, in a terminal, names masked."""

from __future__ import annotations

from datetime import datetime

import typer
from django.utils.translation import gettext as _
from rich.console import Console
from rich.table import Table

from shuke.project.commands import app
from shuke.project.commands.reports import AS_JSON, report_app
from shuke.project.commands.shops import SHOP

customers_app = typer.Typer(help="Single customers.", no_args_is_help=True)
app.add_typer(customers_app, name="customers")

SORT = typer.Option(
    "-last_at", help="last_at, first_at, visits, orders, net_minor, gross_minor; - before it: down."
)
SEARCH = typer.Option("", help="A name under which a source knows somebody, whole.")
MOST = typer.Option(40, min=1, max=500, help="At most so many rows.")
WHO = typer.Argument(help="A customer's id, or a name under which a source knows him, whole.")


@report_app.command()
def customers(
    shop: str = SHOP, sort: str = SORT, search: str = SEARCH, most: int = MOST, as_json: bool = AS_JSON
) -> None:
    """Known people who visited or bought."""
    from shuke.audience.customers import http, reads
    from shuke.console.words import count, money
    from shuke.kernel import clock
    from shuke.project.commands.reports import _print_json, as_api
    from shuke.shops.reads import get_shop

    view = get_shop(shop)
    found = reads.list_customers(
        view, sort=sort, search=search, size=most, columns=reads.COLUMNS, at=clock.now()
    )
    if as_json:
        return _print_json(as_api(http.told_page(found)))
    titles = (_("Last seen"), _("First seen"), _("Visits"), _("Orders"), _("Net"), _("Gross"))
    table = Table(title=f"{view.name} · {count(found.count)}")
    table.add_column(_("Customer"), no_wrap=True)
    for place, title in enumerate(titles):
        table.add_column(title, justify="left" if place < 2 else "right", no_wrap=True)
    for row in found.rows:
        table.add_row(
            f"{http.masked(row.ref) or '—'} {row.customer_id}",
            _moment(row.last_at),
            _moment(row.first_at),
            count(row.visits),
            count(row.orders),
            money(row.net_minor or 0, view.currency),
            money(row.gross_minor or 0, view.currency),
        )
    Console().print(table)
    if found.unnamed:
        typer.echo(_("Paid orders that name nobody: %(count)s") % {"count": count(found.unnamed)})
    return None


@customers_app.command()
def show(who: str = WHO, shop: str = SHOP, most: int = MOST, as_json: bool = AS_JSON) -> None:
    """One customer and his time line."""
    from django_scopes import scope

    from shuke.audience.customers import http, reads
    from shuke.kernel import clock
    from shuke.kernel.errors import NotFound
    from shuke.project.commands.reports import _print_json, as_api
    from shuke.shops.reads import get_shop

    view, at = get_shop(shop), clock.now()
    with scope(shop=view.id):
        for customer_id in reads.resolve(view, who):
            try:
                found = reads.customer(view, customer_id, at=at)
                break
            except NotFound:
                continue
        else:
            raise NotFound(field="customer", value=who)
        happened = reads.timeline_of(view, found.customer_id, at=at, limit=min(most, 200))
        told = http.told_one(found) | {"timeline": http.told_timeline(happened)}
    if as_json:
        return _print_json(as_api(told))
    for name, value in told.items():
        if name not in ("identities", "terminals", "timeline"):
            typer.echo(f"{name}\t{'—' if value in (None, []) else value}")
    table = Table(title=_("What happened, newest first"))
    for title in (_("When"), _("What"), ""):
        table.add_column(title)
    for entry in told["timeline"]["entries"]:
        details = " · ".join(f"{one['label']} {one['value']}" for one in entry["details"])
        table.add_row(_moment(entry["at"]), entry["words"], details)
    Console().print(table)
    return None


def _moment(moment: datetime | None) -> str:
    return "—" if moment is None else moment.strftime("%Y-%m-%d %H:%M")
