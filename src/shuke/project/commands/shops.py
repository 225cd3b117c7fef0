"""`shuke shop`, `shuke member`, `shuke key`: whose it is, from the command line."""

from __future__ import annotations

import secrets
from enum import StrEnum
from typing import TYPE_CHECKING

import typer

from shuke.project.commands import app

if TYPE_CHECKING:
    from shuke.records.actor import Actor

shop_app = typer.Typer(help="Shops.", no_args_is_help=True)
member_app = typer.Typer(help="Members of a shop.", no_args_is_help=True)
key_app = typer.Typer(help="Keys of a shop.", no_args_is_help=True)
app.add_typer(shop_app, name="shop")
app.add_typer(member_app, name="member")
app.add_typer(key_app, name="key")

SHOP = typer.Option(..., "--shop", "-s", help="The shop's short name (slug).")


class RoleName(StrEnum):
    """Roles as the command line takes them."""

    owner = "owner"
    manager = "manager"
    operator = "operator"
    analyst = "analyst"
    support = "support"
    read_only = "read_only"


ROLE = typer.Option(RoleName.read_only, help="What it may do.")


def command_line_actor() -> Actor:
    """Who does what is done from the command line: the system itself, which whoever may log in there runs."""
    from shuke.records.actor import Actor

    return Actor.system("command line")


@shop_app.command("create")
def create(
    slug: str,
    name: str = typer.Option(..., help="Name as people read it."),
    platforms: str = typer.Option("", help="Platforms it sells on, comma-separated."),
    category: str = typer.Option("", help="What it sells."),
    currency: str = typer.Option("CNY", help="ISO 4217 code."),
    zone: str = typer.Option("Asia/Shanghai", help="Time zone of its days."),
) -> None:
    """Create a shop."""
    from shuke.kernel import clock
    from shuke.shops import actions

    actions.create_shop(
        slug=slug,
        name=name,
        platforms=[p.strip() for p in platforms.split(",") if p.strip()],
        category=category,
        currency=currency,
        zone=zone,
        actor=command_line_actor(),
        at=clock.now(),
    )
    typer.echo(slug)


@shop_app.command("list")
def list_them() -> None:
    """List the shops."""
    from shuke.shops.reads import list_shops

    for shop in list_shops():
        typer.echo(f"{shop.slug}\t{shop.name}\t{shop.currency}\t{shop.zone.key}")


@member_app.command("add")
def add(
    email: str,
    shop: str = SHOP,
    role: RoleName = ROLE,
    name: str = typer.Option("", help="Name of a new user; default: the e-mail address."),
) -> None:
    """Make someone a member. A new user gets a one-time password, which is printed."""
    from django.contrib.auth import get_user_model
    from django.utils.translation import gettext as _
    from django_scopes import scope

    from shuke.kernel import clock
    from shuke.shops import actions, reads
    from shuke.shops.roles import ROLE_TITLES, Role

    view = reads.get_shop(shop)
    user = get_user_model().objects.filter(email__iexact=email).first()
    password = None
    if user is None:
        password = secrets.token_urlsafe(12)
        user = actions.create_user(
            email=email, name=name or email, password=password, actor=command_line_actor(), at=clock.now()
        )
    with scope(shop=view.id):
        actions.add_member(shop=view, user=user, role=role.value, actor=command_line_actor(), at=clock.now())
    told = f"{email} {ROLE_TITLES[Role(role.value)]}"
    if password:
        told += " " + _("password: %(password)s") % {"password": password}
    typer.echo(told)


@key_app.command("write")
def write_key(shop: str = SHOP, name: str = typer.Option("command line")) -> None:
    """Create a write key: it may send events, and is public."""
    from django_scopes import scope

    from shuke.kernel import clock
    from shuke.shops import actions, reads

    view = reads.get_shop(shop)
    with scope(shop=view.id):
        key = actions.create_write_key(shop=view, name=name, actor=command_line_actor(), at=clock.now())
    typer.echo(key.key)


@key_app.command("api")
def api_key(
    shop: str = SHOP,
    role: RoleName = ROLE,
    name: str = typer.Option("command line"),
) -> None:
    """Create an API key with a role. Its secret is printed once and kept nowhere."""
    from django_scopes import scope

    from shuke.kernel import clock
    from shuke.shops import actions, reads

    view = reads.get_shop(shop)
    with scope(shop=view.id):
        _key, secret = actions.create_api_key(
            shop=view, name=name, role=role.value, actor=command_line_actor(), at=clock.now()
        )
    typer.echo(secret)
