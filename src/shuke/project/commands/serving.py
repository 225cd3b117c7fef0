"""`shuke serve` runs everything; `shuke run PART` runs one part, for machines where each has its own unit."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import typer

from shuke.project.commands import app

BLOCKING_THREADS = 8  # per web worker; 32 were measured to be slower


class Part(StrEnum):
    """What an installation consists of."""

    web = "web"
    committer = "committer"
    sealer = "sealer"
    cleaner = "cleaner"
    deliverer = "deliverer"
    worker = "worker"


def run_web(host: str, port: int, workers: int) -> None:
    """Pages, API and collection."""
    from granian import Granian
    from granian.constants import Interfaces
    from granian.log import LogLevels

    Granian(
        "shuke.project.web:application",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=BLOCKING_THREADS,
        respawn_failed_workers=True,
        websockets=False,
        backlog=2048,
        log_access=False,
        log_level=LogLevels.error,
        workers_kill_timeout=3,
    ).serve()


def run_committer() -> None:
    from shuke.intake.committer import run_committer as run_it

    run_it()


def run_sealer() -> None:
    from shuke.warehouse.processes import run_sealer as run_it

    run_it()


def run_cleaner() -> None:
    from shuke.warehouse.processes import run_cleaner as run_it

    run_it()


def run_deliverer() -> None:
    """The outbox, and jobs whose worker was lost."""
    from shuke.records.processes import run_deliverer as run_it

    run_it()


def run_worker() -> None:
    """Jobs' chunks. The cluster forks its workers, so nothing here may have opened DuckDB or Delta before."""
    from shuke.records import processes

    processes.run_worker()


PARTS: dict[Part, Callable[[], None]] = {
    Part.committer: run_committer,
    Part.sealer: run_sealer,
    Part.cleaner: run_cleaner,
    Part.deliverer: run_deliverer,
    Part.worker: run_worker,
}


@app.command()
def run(
    part: Part,
    host: str = typer.Option("127.0.0.1", help="Web only: address to listen on."),
    port: int = typer.Option(8000, help="Web only."),
    workers: int = typer.Option(2, help="Web only: processes."),
) -> None:
    """Run one part of the installation in the foreground."""
    from shuke.project import lifeline
    from shuke.project.in_use import taking_part

    lifeline.watch()
    with taking_part():
        if part is Part.web:
            run_web(host, port, workers)
        else:
            PARTS[part]()


@app.command()
def commit() -> None:
    """Run the committer alone (journal to open tier)."""
    from shuke.project.in_use import taking_part

    with taking_part():
        run_committer()


@app.command()
def serve(
    host: str = typer.Option("127.0.0.1", help="Address to listen on."),
    port: int = typer.Option(8000),
    workers: int = typer.Option(2, help="Web processes."),
) -> None:
    """Run everything: web, committer, sealer, cleaner, deliverer, worker. Ctrl-C ends all of it."""
    from shuke.project.home import set_up_home
    from shuke.project.in_use import alone
    from shuke.project.supervisor import Supervisor
    from shuke.records.backup import require_whole

    with alone():
        require_whole()
        set_up_home()
        typer.echo(f"Shuke: http://{host}:{port}/  (Ctrl-C ends it)")
        Supervisor(programs(host, port, workers)).run()


def programs(host: str, port: int, workers: int) -> list:
    """All parts as programs of a supervisor."""
    from shuke.project.supervisor import shuke

    web = ("run", "web", "--host", host, "--port", str(port), "--workers", str(workers))
    return [shuke("web", *web), *(shuke(part.value, "run", part.value) for part in PARTS)]
