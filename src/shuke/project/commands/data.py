"""`shuke simulate` and `shuke seal`: facts in, and days sealed."""

from __future__ import annotations

import sys

import typer

from shuke.project.commands import app


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    add_help_option=False,
)
def simulate(context: typer.Context) -> None:
    """Send a simulated shop's history and life to a door: `shuke simulate --help`."""
    from shuke.project import lifeline
    from shuke_simulator.__main__ import main

    lifeline.watch()
    sys.exit(main(context.args))


@app.command()
def seal(
    shop: str = typer.Option("", "--shop", "-s", help="Only this shop (default: all)."),
) -> None:
    """Seal what is open now, instead of waiting for the sealer."""
    from shuke.shops.reads import get_shop, list_shops
    from shuke.warehouse import actions

    for view in [get_shop(shop)] if shop else list_shops():
        typer.echo(f"{view.slug}\t{actions.seal(view)}")
