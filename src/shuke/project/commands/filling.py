"""`shuke fill`: what is derived from facts computed again, here or on a cluster."""

from __future__ import annotations

import typer

from shuke.project.commands import app
from shuke.project.commands.shops import SHOP


@app.command()
def fill(
    shop: str = SHOP,
    first: str = typer.Option("", "--from", help="First day, such as 2026-11-01 (default: all sealed days)."),
    last: str = typer.Option("", "--to", help="Last day, included."),
    engine: str = typer.Option("", "--engine", help="duckdb or spark (default: WAREHOUSE_ENGINE)."),
) -> None:
    """Fill what sealed days derive from raw facts again: visits, visitor days, order facts, sums by day and channel."""
    from datetime import date

    from shuke.kernel.errors import Invalid
    from shuke.kernel.periods import Period
    from shuke.project.in_use import taking_part
    from shuke.shops.reads import get_shop
    from shuke.warehouse import actions, reads

    def day(field: str, text: str) -> date:
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise Invalid(field=field, value=text) from None

    if engine not in ("", "duckdb", "spark"):
        raise Invalid(field="engine", value=engine)
    with taking_part():
        view = get_shop(shop)
        days = None
        life = reads.whole_life(view.id)
        if life is not None and (first or last):
            begin = day("from", first) if first else life.start
            end = day("to", last) if last else life.last
            days = frozenset(Period.inclusive(begin, end).days())
        typer.echo(f"{view.slug}\t{actions.refill(view, days, by=engine or None)}")
