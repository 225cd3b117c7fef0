"""`shuke report entrances|flows`: through which pages visits came in, and which ways they took, as tables or as JSON."""

from __future__ import annotations

import json

import typer
from django.utils.translation import gettext as _
from rich.console import Console
from rich.table import Table

from shuke.project.commands.reports import AS_JSON, FROM, TO, report_app
from shuke.project.commands.shops import SHOP

LIMIT = typer.Option(20, min=1, max=10_000, help="At most so many rows.")
BY_ENTRANCE = typer.Option("page", help="page or type.")
BY_FLOW = typer.Option(
    "kind,from_path,to_path",
    help="Some of local_day, kind, channel, step, from_type, from_path, to_type, to_path.",
)


@report_app.command()
def entrances(
    shop: str = SHOP,
    first: str = FROM,
    last: str = TO,
    by: str = BY_ENTRANCE,
    limit: int = LIMIT,
    as_json: bool = AS_JSON,
) -> None:
    """Through which pages visits came in: bounce, orders, and what is advised."""
    from shuke.console import figures
    from shuke.kernel import clock
    from shuke.project.commands.reports import _period, _title
    from shuke.shops.reads import get_shop
    from shuke.traffic import reads
    from shuke.traffic.entrances.decisions import ADVICE_WORDS
    from shuke.traffic.flows.http import entrances_told

    view = get_shop(shop)
    found = reads.entrances(shop=view, period=_period(first, last), by=by, at=clock.now())
    if as_json:
        told = entrances_told(found, found.rows[:limit])
        typer.echo(json.dumps(told, ensure_ascii=False, indent=1, default=str))
        return
    table = Table(title=_title(view, found.period, found.until))
    table.add_column(_("Entrance"))
    for metric in found.metrics:
        table.add_column(figures.title(metric), justify="right")
    if found.by == "page":
        table.add_column(_("Advice"))
    for row in (*found.rows[:limit], found.total):
        is_total = row is found.total
        name = _("All") if is_total else (row.path if found.by == "page" else row.page_type) or "—"
        cells = [figures.value_words(figure, view.currency) for figure in row.figures]
        advice = [str(ADVICE_WORDS[row.advice.code])] if row.advice is not None else []
        table.add_row(name, *cells, *advice, style="bold" if is_total else "")
    Console().print(table)
    if found.median is not None:
        typer.echo(_("Median of the entrances") + f": {float(found.median):.1%}")


@report_app.command()
def flows(
    shop: str = SHOP,
    first: str = FROM,
    last: str = TO,
    by: str = BY_FLOW,
    limit: int = LIMIT,
    as_json: bool = AS_JSON,
) -> None:
    """How often visits entered, went from page to page, left or ended in an order."""
    from shuke.project.commands.reports import _period, _title
    from shuke.shops.reads import get_shop
    from shuke.traffic import reads
    from shuke.traffic.flows.http import flows_told

    view = get_shop(shop)
    keys = tuple(part.strip() for part in by.split(",") if part.strip())
    found = reads.flows(shop=view, period=_period(first, last), by=keys, limit=limit)
    if as_json:
        typer.echo(json.dumps(flows_told(found), ensure_ascii=False, indent=1, default=str))
        return
    table = Table(title=_title(view, found.period))
    for key in keys:
        table.add_column(key)
    for title in (_("Moves"), _("Of visits that ordered")):
        table.add_column(title, justify="right")
    for flow in found.rows:
        names = ["—" if value is None else str(value) for value in flow.keys.values()]
        table.add_row(*names, f"{flow.moves:,}", f"{flow.ordered_moves:,}")
    Console().print(table)
