"""`shuke report cohorts`: who began together and who of them came back, in a terminal, as a table or as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer
from django.utils.translation import gettext as _
from rich.console import Console
from rich.table import Table

from shuke.project.commands.reports import AS_JSON, report_app
from shuke.project.commands.shops import SHOP

if TYPE_CHECKING:
    from shuke.traffic.reads import Behaviour, CohortCell, Cohorts

STARTING = typer.Option(
    "order", help="What starts: order, movement (cancellations too), visit, sign_up, or event:NAME."
)
RETURNING = typer.Option("", help="What counts as coming back; nothing: the same.")
STARTING_IF = typer.Option(
    "", help='Condition on it as JSON, e.g. {"v":1,"field":"paid","op":"ge","value":10000}.'
)
RETURNING_IF = typer.Option("", help="Condition on what counts as coming back.")
WHO = typer.Option("person", help="person (buyers and known people) or visitor.")
BY = typer.Option("month", help="week or month.")
FROM = typer.Option("", "--from", help="First day; with --to. Default: the last thirteen cohorts.")
TO = typer.Option("", "--to", help="Last day, included.")


@report_app.command()
def cohorts(
    shop: str = SHOP,
    starting: str = STARTING,
    returning: str = RETURNING,
    starting_if: str = STARTING_IF,
    returning_if: str = RETURNING_IF,
    who: str = WHO,
    by: str = BY,
    first: str = FROM,
    last: str = TO,
    as_json: bool = AS_JSON,
) -> None:
    """Who began together, and how many of them came back week by week or month by month."""
    from shuke.kernel import clock
    from shuke.project.commands.reports import _period
    from shuke.shops.reads import get_shop
    from shuke.traffic import reads

    found = reads.cohorts(
        shop=get_shop(shop),
        starting=behaviour(starting, starting_if),
        returning=behaviour(returning, returning_if) if returning else None,
        who=who,  # type: ignore[arg-type]  # the read refuses other words
        grain=by,  # type: ignore[arg-type]
        period=_period(first, last) if first or last else None,
        with_customers=True,
        at=clock.now(),
    )
    if as_json:
        from shuke.traffic.http_cohorts import as_json as told

        typer.echo(json.dumps(told(found), ensure_ascii=False, indent=1, default=str))
        return
    screen = Console()
    screen.print(_table(found, screen.width))
    for note in found.notes:
        typer.echo(note.text())


def behaviour(text: str, condition: str) -> Behaviour:
    """`order`, `visit`, … or `event:Product Added`, with a condition as JSON. Raises Invalid and what conditions raise."""
    from shuke.conditions.reads import parse
    from shuke.kernel.errors import Invalid
    from shuke.traffic import reads
    from shuke.traffic.reads.cohort_shapes import SUBJECTS

    kind, _colon, name = text.partition(":")
    if kind not in SUBJECTS:
        raise Invalid(field="starting/returning", value=text)
    return reads.Behaviour(kind, name, parse(condition, SUBJECTS[kind]) if condition else None)


def _table(found: Cohorts, width: int) -> Table:
    """Sizes first, then as many periods as fit side by side."""
    from shuke.console.words import percent

    # Of the same behaviour everybody is back in the period of the start.
    first = 1 if found.starting == found.returning and found.offsets > 1 else 0
    fitting = min(found.offsets, first + max(1, (width - 26) // 8))
    table = Table(title=_("Retention"))
    table.add_column(_("From"), no_wrap=True)
    table.add_column(_("People"), justify="right", no_wrap=True)
    for offset in range(first, fitting):
        table.add_column(f"+{offset}", justify="right", no_wrap=True)

    def cell(one: CohortCell) -> str:
        share = "—" if one.figure.value is None else percent(one.figure.value, 0)
        return share + ("…" if one.is_unfinished else "")

    for row in found.rows:
        size = f"{row.size.value}{'…' if row.is_unfinished else ''}"
        table.add_row(row.period.start.isoformat(), size, *(cell(one) for one in row.cells[first:fitting]))
    table.caption = _("… not finished: the number may still rise")
    if fitting < found.offsets:
        table.caption += " · " + _("a wider terminal or --json shows the other periods")
    return table
