"""`shuke report keywords`: keywords of search ads with what is advised, in a terminal, as a table or as JSON."""

from __future__ import annotations

import json

import typer
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from rich.console import Console
from rich.table import Table

from shuke.project.commands.reports import AS_JSON, report_app
from shuke.project.commands.shops import SHOP

FROM = typer.Option("", "--from", help="First day; with --to. Default: the newest report, and 30 days.")
TO = typer.Option("", "--to", help="Last day, included.")
ADVICE = typer.Option("", help="Only these: drop, look_at_rank, lower_or_mend, keep, too_few, unknown.")


@report_app.command()
def keywords(
    shop: str = SHOP,
    first: str = FROM,
    last: str = TO,
    advice: str = ADVICE,
    as_json: bool = AS_JSON,
) -> None:
    """Keywords of search ads: what is advised for each, and why."""
    from shuke.console import words
    from shuke.kernel import clock
    from shuke.project.commands.reports import _period
    from shuke.shops.reads import get_shop
    from shuke.traffic.search_ads import reads

    view = get_shop(shop)
    found = reads.keywords(
        shop=view, period=_period(first, last) if first or last else None, advice=advice, at=clock.now()
    )
    if as_json:
        from shuke.traffic.search_ads.http import as_json as told

        typer.echo(json.dumps(told(found, view.currency), ensure_ascii=False, indent=1, default=str))
        return
    if found.latest is None:
        typer.echo(_("No report of keywords was imported yet: shuke import FILE"))
        return
    table = Table(title=f"{view.name} · {found.period.start} – {found.period.last}")
    table.add_column(pgettext("search ads", "Keyword"))
    table.add_column(pgettext("search ads", "Advice"))
    for title in (
        pgettext("search ads", "Quality score"),
        pgettext("search ads", "Clicks"),
        pgettext("search ads", "Cost"),
        pgettext("search ads", "Return"),
    ):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column(pgettext("search ads", "Why"))
    for row in found.rows:
        stated = row.stated
        table.add_row(
            " · ".join(part for part in (row.keyword, row.item) if part),
            str(reads.ADVICE_WORDS[row.advice.code]),
            words.UNKNOWN if stated.quality is None else f"{stated.quality:f}",
            words.UNKNOWN if stated.clicks is None else words.count(stated.clicks),
            words.UNKNOWN if stated.cost_minor is None else words.money(stated.cost_minor, view.currency),
            words.UNKNOWN if row.returned is None else words.number(float(row.returned)),
            row.advice.reasons[0].text(),
        )
    Console().print(table)
    for note in found.notes:
        typer.echo(note.text())
