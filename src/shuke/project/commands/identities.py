"""`shuke customers find|merge|split|suggestions|accept|refuse|names`: who is one customer, in a terminal."""

from __future__ import annotations

import json

import typer
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from rich.console import Console
from rich.table import Table

from shuke.project.commands.customers import customers_app
from shuke.project.commands.shops import SHOP, command_line_actor

AS_JSON = typer.Option(False, "--json", help="As JSON, for programs.")
NAME = typer.Argument(help="A buyer's id, a phone in any spelling, an e-mail, a device: whole.")
OTHER = typer.Argument(help="A name of the other customer, whole.")
LINK = typer.Argument(help="The link's number, as `names` tells it.")
SIDE = typer.Option(
    "", help="The name of the side to which goes what was typed on both; nothing: it stays on both."
)
SUGGESTION = typer.Argument(help="The suggestion's number.")
STATE = typer.Option("waiting", help="waiting or refused.")


@customers_app.command("find")
def find_command(text: str = NAME, shop: str = SHOP, as_json: bool = AS_JSON) -> None:
    """Whoever is known by exactly this name."""
    from shuke.audience.identities import http, reads
    from shuke.shops.reads import get_shop

    found = reads.find(get_shop(shop), text)
    if as_json:
        typer.echo(json.dumps([http.told(one) for one in found], ensure_ascii=False, indent=1, default=str))
        return
    table = Table(pgettext("identities", "Kind"), pgettext("identities", "Name"), _("Customer"))
    for one in found:
        table.add_row(str(reads.KIND_TITLES[one.kind]), one.masked, str(one.customer_id))
    if found:
        Console().print(table)
    else:
        typer.echo(_("Nobody is known by this name."))


@customers_app.command("names")
def names_command(text: str = NAME, shop: str = SHOP, as_json: bool = AS_JSON) -> None:
    """The names of a customer, and the links that join them."""
    from shuke.audience.identities import http, reads
    from shuke.shops.reads import get_shop

    view = get_shop(shop)
    home = reads.named(view, text).customer_id
    found, links = reads.identities_of(view, home), reads.links_of(view, home)
    if as_json:
        told = {
            "identities": [http.told(one) for one in found],
            "links": [http.told_link(one) for one in links],
        }
        typer.echo(json.dumps(told, ensure_ascii=False, indent=1, default=str))
        return
    names = Table(pgettext("identities", "Kind"), pgettext("identities", "Name"), _("First seen"))
    for one in found:
        names.add_row(
            str(reads.KIND_TITLES[one.kind]), one.masked, str(one.first_at.date()) if one.first_at else "—"
        )
    Console().print(names)
    joined = Table(_("Link"), _("One"), _("The other"), _("Who said so"), _("State"))
    for link in links:
        state = _("holds") if link.holds else _("undone")
        joined.add_row(
            str(link.id), link.one.masked, link.other.masked, str(reads.ORIGIN_TITLES[link.origin]), state
        )
    if links:
        Console().print(joined)


@customers_app.command("merge")
def merge_command(one: str = NAME, other: str = OTHER, shop: str = SHOP) -> None:
    """Say that two customers are one; `split` undoes it."""
    from shuke.audience.identities import actions, reads
    from shuke.kernel import clock
    from shuke.shops.reads import get_shop

    view = get_shop(shop)
    ids = [reads.named(view, text).id for text in (one, other)]
    link = actions.merge(
        shop=view, one_id=ids[0], other_id=ids[1], actor=command_line_actor(), at=clock.now()
    )
    typer.echo(_("They are one customer now. To undo it: shuke customers split %(link)s") % {"link": link.id})


@customers_app.command("split")
def split_command(link: int = LINK, side: str = SIDE, shop: str = SHOP) -> None:
    """Undo a link: both sides are as if it had never been."""
    from shuke.audience.identities import actions, reads
    from shuke.kernel import clock
    from shuke.shops.reads import get_shop

    view = get_shop(shop)
    named = reads.named(view, side).id if side else None
    done = actions.split(shop=view, link_id=link, side=named, actor=command_line_actor(), at=clock.now())
    typer.echo(
        _("The link is undone, but something else still joins them.")
        if done.is_still_one
        else _("They are two customers again.")
    )


@customers_app.command("suggestions")
def suggestions_command(shop: str = SHOP, state: str = STATE, as_json: bool = AS_JSON) -> None:
    """Merges that wait for somebody to decide."""
    from shuke.audience.identities import http, reads
    from shuke.kernel.errors import Invalid
    from shuke.shops.reads import get_shop

    if state not in ("waiting", "refused"):
        raise Invalid(field="state", value=state)
    view = get_shop(shop)
    found = reads.suggestions(view, state=state, limit=500)
    if as_json:
        told = [http.told_suggestion(one) for one in found]
        typer.echo(json.dumps(told, ensure_ascii=False, indent=1, default=str))
        return
    table = Table(_("Number"), _("One"), _("The other"), _("Why"))
    for one in found:
        table.add_row(str(one.id), one.one.masked, one.other.masked, str(reads.REASON_TITLES[one.reason]))
    if found:
        Console().print(table)
    else:
        typer.echo(_("Nothing waits to be decided."))


@customers_app.command("accept")
def accept_command(suggestion: int = SUGGESTION, shop: str = SHOP) -> None:
    """Merge the two people of a suggestion."""
    from shuke.audience.identities import actions
    from shuke.kernel import clock
    from shuke.shops.reads import get_shop

    link = actions.accept_suggestion(
        shop=get_shop(shop), suggestion_id=suggestion, actor=command_line_actor(), at=clock.now()
    )
    typer.echo(_("They are one customer now. To undo it: shuke customers split %(link)s") % {"link": link.id})


@customers_app.command("refuse")
def refuse_command(suggestion: int = SUGGESTION, shop: str = SHOP) -> None:
    """They are two: not suggested again for this reason."""
    from shuke.audience.identities import actions
    from shuke.kernel import clock
    from shuke.shops.reads import get_shop

    actions.refuse_suggestion(
        shop=get_shop(shop), suggestion_id=suggestion, actor=command_line_actor(), at=clock.now()
    )
    typer.echo(_("Refused. They are not suggested again for this reason."))
