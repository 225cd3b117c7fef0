"""The command line `shuke`. Each command is a thin face of a room's action or read.

A user's mistake is answered with the field, the value and the remedy, and exit code 2; never with a traceback.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.markup import escape

from shuke.project.commands import language as languages

if TYPE_CHECKING:
    from shuke.kernel.errors import ShukeError

app = typer.Typer(
    name="shuke",
    help="Shuke 熟客: run the users of an online shop.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
UNPREPARED = ("demo", "simulate", "messages")  # these choose their home first, or need none
TALKATIVE = ("serve", "run")  # processes that are watched by their log


@app.callback()
def prepare(
    context: typer.Context,
    language: str = typer.Option(
        "", help="Language of the answers: zh or en (default: that of the terminal)."
    ),
) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shuke.project.settings")
    if context.invoked_subcommand not in TALKATIVE:
        os.environ.setdefault("SHUKE_LOG", "WARNING")
    if context.invoked_subcommand not in UNPREPARED:
        import django

        django.setup()
        languages.choose(language)


def main() -> None:
    """Run the command line; ends the process."""
    from shuke.kernel.errors import ShukeError

    try:
        languages.speaking(app, sys.argv[1:])()
    except ShukeError as error:
        _say(error)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if not type(error).__module__.startswith("django.db"):
            raise
        from django.conf import settings

        from shuke.project.home import HomeNotReady, lacks_set_up

        if not lacks_set_up():
            raise
        _say(HomeNotReady(field="SHUKE_HOME", value=settings.HOME))
        sys.exit(2)


def _say(error: ShukeError) -> None:
    screen = Console(stderr=True, highlight=False, soft_wrap=True)
    # What people and files wrote is no markup: a column may be called [red].
    screen.print(f"[red]{error.code}[/red]", escape(error.message()), markup=True)
    if error.field:
        screen.print(f"  {error.field}: {error.value}", markup=False)
    if error.advice():
        screen.print(f"  → {error.advice()}", markup=False)


from shuke.project.commands import (  # noqa: E402, F401
    alerts,
    cohorts,
    consents,
    customers,
    data,
    demo,
    erasing,
    filling,
    flows,
    forecasts,
    funnels,
    identities,
    items,
    keeping,
    keywords,
    peers,
    quarantine,
    reports,
    segments,
    serving,
    setup,
    shop_front,
    shops,
    value,
    ways,
)
