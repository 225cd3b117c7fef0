"""`shuke backup` and `shuke restore`: the installation as one file."""

from __future__ import annotations

from pathlib import Path

import typer
from rich.console import Console

from shuke.project.commands import app


@app.command()
def backup(
    dest: str = typer.Argument(..., help="The file to write; it must not lie inside the home."),
) -> None:
    """Write everything to one file, while all goes on."""
    from shuke.kernel import clock
    from shuke.project.in_use import taking_part
    from shuke.records.backup import write_backup

    with taking_part():
        report = write_backup(Path(dest).resolve(), at=clock.now())
    rows = sum(report.rows.values())
    Console(highlight=False).print(
        f"{report.path}: {rows:,} rows, {report.files:,} files, {report.size / 1e6:,.1f} MB", markup=False
    )


@app.command()
def restore(
    source: str = typer.Argument(..., help="A file that `shuke backup` wrote."),
    replaces: bool = typer.Option(False, "--replace", help="Replace what this home holds."),
) -> None:
    """Bring a backup back into this home. Stop `shuke serve` before. Who was erased stays erased."""
    from shuke.project.home import set_up_home
    from shuke.project.in_use import emptied
    from shuke.records.backup import restore_backup

    with emptied():
        set_up_home()
        report = restore_backup(Path(source).resolve(), replaces=replaces)
    erased = sum(report.erased_again.values())
    Console(highlight=False).print(
        f"{report.at}: {sum(report.rows.values()):,} rows, {report.files:,} files, {erased:,} erased again",
        markup=False,
    )
