"""`shuke setup` and `shuke messages`: make the home, and the translations, ready."""

from __future__ import annotations

import typer

from shuke.project.commands import app


@app.command()
def setup() -> None:
    """Make the home ready: database, translations, static files. Safe to repeat."""
    from shuke.project.home import set_up_home

    set_up_home()


@app.command(hidden=True)
def messages() -> None:
    """Compile the translations."""
    from shuke.project.messages import compile_messages

    for path in compile_messages():
        typer.echo(path.parts[-5] + "/" + path.name)
