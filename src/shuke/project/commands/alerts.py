"""`shuke alerts`: what moved, in a terminal; a shop judged up to now, or a period judged again as of a day."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import typer
from django.utils.translation import gettext as _
from rich.console import Console
from rich.table import Table

from shuke.project.commands import app
from shuke.project.commands.shops import SHOP, command_line_actor

alerts_app = typer.Typer(help="What moved beyond what weekday and season explain.", no_args_is_help=True)
app.add_typer(alerts_app, name="alerts")

STATE = typer.Option("", help="open or ended; nothing: all.")
AS_JSON = typer.Option(False, "--json", help="As JSON, for programs.")
AGAIN_FROM = typer.Option(
    "", "--again-from", help="First day that is judged again; alerts since then are made anew."
)
AS_OF = typer.Option("", "--as-of", help="As if it were the end of this day; default: now.")


@alerts_app.command("list")
def list_command(shop: str = SHOP, state: str = STATE, as_json: bool = AS_JSON) -> None:
    """Alerts, the newest first."""
    from shuke.kernel.errors import Invalid
    from shuke.shops.reads import get_shop
    from shuke.traffic.alerts import reads
    from shuke.traffic.alerts.http import told

    if state not in ("", "open", "ended"):
        raise Invalid(field="state", value=state)
    view = get_shop(shop)
    found = reads.list_alerts(view, state=state)
    standing = reads.standing(view)
    if as_json:
        typer.echo(json.dumps([told(one, view) for one in found], ensure_ascii=False, indent=1, default=str))
        return
    table = Table(_("State"), _("Since"), _("Until"), _("What moved"))
    for one in found:
        table.add_row(
            str(reads.STATES[one.state]), str(one.since), str(one.last_day), reads.sentence(one, view)
        )
    if found:
        Console().print(table)
    else:
        typer.echo(_("Nothing moved."))
    if standing.judged_until:
        typer.echo(_("Judged until %(day)s.") % {"day": standing.judged_until})
    if standing.is_too_few:
        few, every = standing.count("too_few"), len(standing.series)
        typer.echo(_("Too few to judge within days: %(few)s of %(all)s series.") % {"few": few, "all": every})


@alerts_app.command("judge")
def judge_command(shop: str = SHOP, again_from: str = AGAIN_FROM, as_of: str = AS_OF) -> None:
    """Judge the days that are over and were not judged; with --again-from a period once more."""
    from shuke.kernel import clock
    from shuke.kernel.periods import ONE_DAY, day_start
    from shuke.shops.reads import get_shop
    from shuke.traffic.alerts import actions

    view = get_shop(shop)
    at = clock.now()
    if as_of:
        # Four hours into the day after: whatever a shop waits for late facts.
        at = day_start(_day("as_of", as_of) + ONE_DAY, view.zone).astimezone(UTC) + timedelta(hours=4)
    actor = command_line_actor()
    if again_from:
        days = actions.judge_again(shop=view, first=_day("again_from", again_from), actor=actor, at=_past(at))
    else:
        days = actions.judge_due(shop=view, actor=actor, at=_past(at))
    typer.echo(_("%(days)s days judged.") % {"days": days})


def _past(at: datetime) -> datetime:
    """Never later than now: what is to come can not be judged."""
    from shuke.kernel import clock

    return min(at, clock.now())


def _day(field: str, text: str) -> date:
    from shuke.kernel.errors import Invalid

    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid(field=field, value=text) from None
