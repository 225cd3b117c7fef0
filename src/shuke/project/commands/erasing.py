"""`shuke erase`: everything that a shop holds about one person, gone."""

from __future__ import annotations

from typing import Any

import typer

from shuke.project.commands import app
from shuke.project.commands.shops import SHOP, command_line_actor

PERSON = typer.Option([], "--person", help="The person's reference; may be given several times.")
DEVICE = typer.Option([], "--device", help="A device's (anonymous) reference; also several.")


@app.command()
def erase(
    shop: str = SHOP,
    person: list[str] = PERSON,
    device: list[str] = DEVICE,
    yes: bool = typer.Option(False, "--yes", help="Do not ask."),
) -> None:
    """Erase a person from every store of a shop. It can not be undone, and a restore does not bring them back."""
    from django.utils.translation import gettext as _
    from django_scopes import scope

    from shuke.kernel import clock
    from shuke.shops import actions, reads

    view = reads.get_shop(shop)
    who: dict[str, Any] = {
        "shop": view,
        "person_refs": person,
        "anonymous_refs": device,
        "actor": command_line_actor(),
    }
    with scope(shop=view.id):
        typer.echo(_("This will be erased:"))
        for store in actions.what_lies(**who):
            typer.echo(f"  {store.title}\t{store.count}")
        if not yes:
            typer.confirm(_("Erase it for good?"), abort=True)
        gone = actions.erase_person(**who, at=clock.now())
    typer.echo(_("Erased:"))
    for store in gone:
        typer.echo(f"  {store.title}\t{store.count}")
