"""`shuke report funnel`: how far visitors got, in a terminal, as a table or as JSON."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import typer
from django.utils.translation import gettext as _
from rich.console import Console
from rich.table import Table

from shuke.project.commands.reports import AS_JSON, FROM, TO, _period, report_app
from shuke.project.commands.shops import SHOP

if TYPE_CHECKING:
    from shuke.shops.reads import ShopView
    from shuke.traffic.funnels.reads import Funnel, Step

SAVED = typer.Option("", "--saved", help="A saved funnel, by its name or number.")
STEP = typer.Option(
    [], "--step", help="A step: the name of an event, “view” or “view:item” (a type of page). Two at least."
)
DAYS = typer.Option(7, min=1, max=90, help="The window in days.")
SPLIT = typer.Option("", help="channel, source, medium, campaign, entry_type, terminal, page_type, …")


@report_app.command()
def funnel(
    shop: str = SHOP,
    saved: str = SAVED,
    step: list[str] = STEP,
    days: int = DAYS,
    split: str = SPLIT,
    first: str = FROM,
    last: str = TO,
    as_json: bool = AS_JSON,
) -> None:
    """How many of those who took the first step got how far within the window."""
    from shuke.console import figures
    from shuke.kernel import clock
    from shuke.shops.reads import get_shop
    from shuke.traffic.funnels import reads
    from shuke.traffic.funnels.http import as_json as told

    view = get_shop(shop)
    asked = named(view, saved) if saved else reads.Funnel(tuple(map(step_of, step)), timedelta(days=days))
    # Whoever is at the machine's own command line sees all that lies on it.
    found = reads.funnel(
        shop=view,
        funnel=asked,
        period=_period(first, last),
        split=split,
        with_customers=True,
        at=clock.now(),
    )
    if as_json:
        typer.echo(json.dumps(told(found), ensure_ascii=False, indent=1, default=str))
        return
    table = Table(title=f"{view.name} · {found.period.start} – {found.period.last}")
    table.add_column(_("Step"))
    for metric in reads.METRICS:
        table.add_column(figures.title(metric), justify="right", no_wrap=True)
    for one, how in zip(found.steps, asked.steps, strict=True):
        shares = [one.reached, one.of_previous, one.of_first]
        if one.from_previous is not None:
            shares.append(one.from_previous.figure(50))
        numbers = [figures.value_words(figure, view.currency) if figure else "" for figure in shares]
        table.add_row(f"{one.number} {how.name or how.type}", *numbers)
    for part in found.parts:
        name = f"+{part.others}" if part.others else part.value or "—"
        table.add_row(name, " → ".join(str(n) for n in part.reached), style="dim")
    Console().print(table)
    for note in found.notes:
        typer.echo(note.text())


def step_of(text: str) -> Step:
    """`Product Added`, `view` or `view:item`. Raises BadFunnel."""
    from shuke.conditions.reads import Compare, Op
    from shuke.traffic.funnels.reads import Step

    kind, colon, of = text.partition(":")
    if kind == "view":
        return Step("view", "", Compare("page_type", Op.EQ, of) if colon else None)
    return Step("track", text)


def named(shop: ShopView, text: str) -> Funnel:
    """A saved funnel by name or number. Raises NotFound."""
    from shuke.kernel.errors import NotFound
    from shuke.traffic.funnels import reads

    for one in reads.saved_funnels(shop, with_archived=True):
        if text in (one.name, str(one.id)):
            return one.funnel
    raise NotFound(field=_("funnel"), value=text)
