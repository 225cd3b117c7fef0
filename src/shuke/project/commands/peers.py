"""`shuke report peers`: the shop's channels against its industry's, in a terminal, as a table or as JSON."""

from __future__ import annotations

import json

import typer
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from rich.console import Console
from rich.table import Table

from shuke.project.commands.reports import AS_JSON, report_app
from shuke.project.commands.shops import SHOP

TABLE = typer.Option("", help="The table's key as --json tells it; default: the newest.")


@report_app.command()
def peers(shop: str = SHOP, table: str = TABLE, as_json: bool = AS_JSON) -> None:
    """Channels against the industry: high traffic, high conversion, not covered yet, and the gain to expect."""
    from shuke.console import words
    from shuke.kernel import clock
    from shuke.kernel.periods import local_day
    from shuke.rulebook.reads import channel_titles
    from shuke.shops.reads import get_shop
    from shuke.traffic.peers import reads

    view, at = get_shop(shop), clock.now()
    found = reads.peers(shop=view, table=table, at=at)
    if as_json:
        from shuke.traffic.peers.http import as_json as told

        typer.echo(json.dumps(told(found, view.currency), ensure_ascii=False, indent=1, default=str))
        return
    if found.table is None:
        typer.echo(_("No industry table was imported yet: shuke import FILE"))
        return
    titles = channel_titles(local_day(at, view.zone), view)

    def share(value: float | None) -> str:
        return words.UNKNOWN if value is None else words.percent(value, 1)

    shown = Table(
        title=f"{view.name} · {found.table.start} – {found.table.last} {found.table.industry}".strip()
    )
    shown.add_column(pgettext("peers", "Channel"))
    shown.add_column(pgettext("peers", "Class"))
    for title in (
        pgettext("peers", "Own share"),
        pgettext("peers", "Industry's share"),
        pgettext("peers", "Industry's conversion"),
        pgettext("peers", "Visitors to gain"),
        pgettext("peers", "Amount to gain"),
    ):
        shown.add_column(title, justify="right")
    for row in found.rows:
        heads, amount = row.gain.visitors.value, row.gain.amount_minor.value
        shown.add_row(
            str(titles.get(row.channel, row.channel)),
            str(reads.CLASS_WORDS[row.kind]),
            share(row.own_share),
            share(row.industry.share if row.industry else None),
            share(row.industry.conversion if row.industry else None),
            words.UNKNOWN if heads is None else words.count(round(heads)),
            words.UNKNOWN if amount is None else words.money(round(amount), view.currency, is_short=True),
        )
    Console().print(shown)
    for name, _size in found.unmatched:
        typer.echo(_("Nobody knows which channel “%(name)s” is.") % {"name": name})
    for note in found.notes:
        typer.echo(note.text())
