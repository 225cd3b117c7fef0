"""`shuke backup` and `shuke restore`: the installation as one file."""

from __future__ import annotations

from pathlib import Path

import typer
from django.utils.translation import gettext as _
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
    from shuke.records.backup.tiers import has_remote_lake

    with taking_part():
        report = write_backup(Path(dest).resolve(), at=clock.now())
    rows = sum(report.rows.values())
    screen = Console(highlight=False, soft_wrap=True)
    screen.print(
        _("%(path)s: %(rows)s rows, %(files)s files, %(size)s MB")
        % {
            "path": report.path,
            "rows": f"{rows:,}",
            "files": f"{report.files:,}",
            "size": f"{report.size / 1e6:,.1f}",
        },
        markup=False,
    )
    if has_remote_lake():
        screen.print(_("Sealed facts lie in an object store and are not in this file: copy them there."))


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
        _("%(at)s: %(rows)s rows, %(files)s files, %(erased)s erased again")
        % {
            "at": report.at,
            "rows": f"{sum(report.rows.values()):,}",
            "files": f"{report.files:,}",
            "erased": f"{erased:,}",
        },
        markup=False,
    )
