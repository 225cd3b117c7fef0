"""`shuke shop-front`: the demo shop's process. `shuke demo` starts it; it is not for people, and for no other installation."""

from __future__ import annotations

import typer

from shuke.project.commands import app


@app.command(hidden=True)
def shop_front(host: str = typer.Option("127.0.0.1"), port: int = typer.Option(8001)) -> None:
    """Serve the demo shop's own pages."""
    from django.conf import settings
    from granian import Granian
    from granian.constants import Interfaces
    from granian.log import LogLevels

    from shuke.project import lifeline
    from shuke.project.in_use import taking_part

    if not settings.IS_DEMO:
        raise typer.BadParameter("only a demo has a shop of its own: shuke demo")
    lifeline.watch()
    with taking_part():
        Granian(
            "shuke.project.shop_front:application",
            address=host,
            port=port,
            interface=Interfaces.WSGI,
            workers=1,
            blocking_threads=4,
            respawn_failed_workers=True,
            websockets=False,
            log_access=False,
            log_level=LogLevels.error,
            workers_kill_timeout=3,
        ).serve()
