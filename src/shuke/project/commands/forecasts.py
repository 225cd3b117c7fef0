"""`shuke report forecast`: what customers will bring, in a terminal, as a table or as JSON."""

from __future__ import annotations

import json

import typer
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from rich.console import Console
from rich.table import Table

from shuke.project.commands.reports import AS_JSON, report_app
from shuke.project.commands.shops import SHOP

NOW = typer.Option(False, "--now", help="Make the forecast first, instead of showing the newest one.")


@report_app.command()
def forecast(shop: str = SHOP, now: bool = NOW, as_json: bool = AS_JSON) -> None:
    """Orders and value that the customers known today will bring, with their interval, and how the last forecast fared."""
    from shuke.audience.forecast import actions, reads
    from shuke.audience.forecast.http import as_json as told
    from shuke.audience.forecast.words import holdout_words, why_not_words
    from shuke.console import words
    from shuke.kernel import clock
    from shuke.records import jobs
    from shuke.records.actor import Actor
    from shuke.shops.reads import get_shop

    view = get_shop(shop)
    if now:
        jobs.run_to_end(actions.start_forecast(shop=view, actor=Actor.system("command line"), at=clock.now()))
    if as_json:
        typer.echo(json.dumps(told(view), ensure_ascii=False, indent=1, default=str))
        return
    made = reads.forecast(view)
    if made is None:
        typer.echo(_("No forecast was made yet: shuke report forecast --now"))
        return
    if made.why_not:
        typer.echo(why_not_words(made))
        return
    shown = Table(title=f"{view.name} · {made.period.start} – {made.period.last}")
    for title in (
        _("Number"),
        _("Expected"),
        _("Interval, %(share)s") % {"share": words.percent(made.share, 0)},
    ):
        shown.add_column(title, justify="right" if shown.columns else "left")
    if made.orders is not None:
        one = made.orders
        shown.add_row(
            pgettext("forecast", "Order days"),
            words.count(round(one.expected)),
            f"{words.count(round(one.low))} – {words.count(round(one.high))}",
        )
    if made.value is not None:
        low, high, middle = (
            words.money(round(minor), view.currency, is_short=True)
            for minor in (made.value.low, made.value.high, made.value.expected)
        )
        shown.add_row(pgettext("forecast", "Value"), middle, f"{low} – {high}")
    if made.alive is not None:
        shown.add_row(
            pgettext("forecast", "Customers who come again"),
            f"{words.count(round(made.alive))} / {words.count(made.customers)}",
            words.UNKNOWN,
        )
    Console().print(shown)
    if made.holdout is not None:
        typer.echo(holdout_words(made.holdout))
