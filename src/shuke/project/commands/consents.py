"""`shuke report consent`: how many customers can be reached, and how, in a terminal, as a table or as JSON."""

from __future__ import annotations

import json

import typer
from django.utils.translation import pgettext
from rich.console import Console
from rich.table import Table

from shuke.project.commands.reports import AS_JSON, report_app
from shuke.project.commands.shops import SHOP

PURPOSE = typer.Option("marketing", help="For what: marketing, service or survey.")


@report_app.command()
def consent(shop: str = SHOP, purpose: str = PURPOSE, as_json: bool = AS_JSON) -> None:
    """Customers who permit to be reached, of those with a contact point, by channel and group."""
    from shuke.audience.contacts import coverage, reads
    from shuke.audience.contacts.http import as_json as told
    from shuke.kernel import clock
    from shuke.kernel.errors import Invalid
    from shuke.shops.reads import get_shop

    view, at = get_shop(shop), clock.now()
    if purpose not in [one.value for one in reads.Purpose]:
        raise Invalid(field="purpose", value=purpose)
    aim = reads.Purpose(purpose)
    if as_json:
        typer.echo(json.dumps(told(view, aim, at), ensure_ascii=False, indent=1, default=str))
        return
    found = coverage.coverage(view, aim, at)
    shown = Table(title=f"{view.name} · {reads.PURPOSE_TITLES[aim]}")
    shown.add_column(pgettext("consent", "Group"))
    shown.add_column(pgettext("consent", "Customers"), justify="right")
    shown.add_column(pgettext("consent", "By any channel"), justify="right")
    for channel in reads.Channel:
        shown.add_column(str(reads.CHANNEL_TITLES[channel]), justify="right")
    for group in found.groups:
        cells = [group.any, *(group.by_channel[channel] for channel in reads.Channel)]
        numbers = [f"{cell.permitted:,} / {cell.with_point:,}" for cell in cells]
        shown.add_row(str(coverage.GROUP_TITLES[group.name]), f"{group.customers:,}", *numbers)
    Console().print(shown)
