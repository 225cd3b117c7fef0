"""`shuke import`, `shuke simulate` and `shuke seal`: facts in, and days sealed."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from django.utils.translation import gettext as _
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from shuke.project.commands import app
from shuke.project.commands.shops import SHOP, command_line_actor

if TYPE_CHECKING:
    from shuke.intake.files.reads import ImportView
    from shuke.intake.files.recognising import Told
    from shuke.shops.reads import ShopView


FILES = typer.Argument(..., help="Files, one after another: CSV, XLSX, each also gzipped.")
MAPPING = typer.Option(
    "",
    "--mapping",
    "-m",
    help="Name of a mapping (default: each file's format is recognised by the names of its columns).",
)
PARTS = typer.Option([], "--part", help="A file to join, as PART=FILE.")


@app.command("import")
def import_files(
    files: list[str] = FILES,
    shop: str = SHOP,
    mapping: str = MAPPING,
    parts: list[str] = PARTS,
    separator: str = typer.Option("", help="Instead of the mapping's."),
    encoding: str = typer.Option("", help="Instead of the mapping's."),
    has_report: bool = typer.Option(
        True, "--report/--no-report", help="Print the overview of the days loaded."
    ),
    look: bool = typer.Option(
        False,
        "--look",
        help="Only show how the first rows would be read, and what kept rules change in them.",
    ),
) -> None:
    """Load files of orders, events or reports, and print the overview of their days."""
    from shuke.kernel.periods import Period
    from shuke.project.commands.reports import print_overview
    from shuke.project.in_use import taking_part
    from shuke.shops.reads import get_shop

    choices = {k: v for k, v in {"separator": separator, "encoding": encoding}.items() if v}
    days = []
    with taking_part():
        view = get_shop(shop)
        for one in _told(view, [_checked_path(file) for file in files], _parts(parts), mapping, choices):
            if look:
                _look(view, one.files, one.mapping, choices)
                continue
            loaded = _load(view, one.files, one.mapping, choices)
            _tell(loaded)
            days += [day for day in (loaded.first_day, loaded.last_day) if day is not None]
        if has_report and days:
            print_overview(view, Period.inclusive(min(days), max(days)))


def _checked_path(text: str) -> Path:
    from shuke.kernel.errors import NotFound

    path = Path(text)
    if not path.is_file():
        raise NotFound(field="file", value=text)
    return path


def _parts(given: list[str]) -> dict[str, Path]:
    from shuke.kernel.errors import Invalid

    found = {}
    for text in given:
        part, _equals, file = text.partition("=")
        if not part or not file:
            raise Invalid(field="part", value=text)
        found[part] = _checked_path(file)
    return found


def _told(
    shop: ShopView, files: list[Path], parts: dict[str, Path], mapping: str, choices: dict[str, Any]
) -> Sequence[Told]:
    """What is loaded together, and through which mapping: the one that was named, else the one of its format.

    Every file is told before the first one is loaded.
    """
    from shuke.intake.files.recognising import Told, told_apart

    if mapping:
        return [Told(mapping, {"": file, **parts}) for file in files]
    found = told_apart(shop, files, parts=parts, **choices)
    screen = Console(highlight=False, soft_wrap=True)
    for one in found:
        names = " + ".join(path.name for path in one.files.values())
        words = _("%(files)s: recognised, read as %(mapping)s")
        screen.print(words % {"files": names, "mapping": one.mapping}, markup=False)
    return found


def _asked(
    shop: ShopView, files: Mapping[str, Path], mapping: str, choices: dict[str, Any]
) -> dict[str, Any]:
    """What a preview and a load are asked for; the files are kept."""
    from shuke.intake.files import actions
    from shuke.kernel import clock

    actor = command_line_actor()
    kept = {
        part: actions.upload_path(shop=shop, path=path, actor=actor, at=clock.now()).sha256
        for part, path in files.items()
    }
    return {"shop": shop, "files": kept, "mapping": mapping, "choices": choices, "actor": actor}


def _look(shop: ShopView, files: Mapping[str, Path], mapping: str, choices: dict[str, Any]) -> None:
    """How the first rows would be read: what is wrong, and which kept rule changes which cell. Nothing is loaded.

    Raises what keeps the file from being read through the mapping.
    """
    from shuke.intake.files import actions
    from shuke.kernel import clock

    seen = actions.preview(**_asked(shop, files, mapping, choices), at=clock.now())
    if seen.refusal is not None:
        raise seen.refusal
    screen, name = Console(highlight=False, soft_wrap=True), files[""].name
    for notice in seen.notices:
        screen.print(f"{name}: {notice.text()}", markup=False)
    words = _("of the first %(rows)s rows %(bad)s would wait, %(mended)s would be mended by kept rules")
    counts = {"rows": seen.rows_looked_at, "bad": seen.rows_bad, "mended": seen.rows_mended}
    screen.print(f"{name}: " + words % {key: f"{count:,}" for key, count in counts.items()}, markup=False)
    for bad in seen.problems:
        screen.print(f"  {_('line %(line)s') % {'line': bad.line}}: {bad.words} {bad.remedy}", markup=False)
    for row in seen.mended:
        for cell in row.cells:
            change = _("%(column)s: “%(before)s” → “%(after)s” (%(rules)s)") % {
                "column": cell.column,
                "before": cell.before,
                "after": cell.after,
                "rules": cell.rules,
            }
            screen.print(f"  {_('line %(line)s') % {'line': row.line}}: {change}", markup=False)


def _load(shop: ShopView, files: Mapping[str, Path], mapping: str, choices: dict[str, Any]) -> ImportView:
    """Run one import to its end in this process. `files`: part ("" is the main file) -> where it lies."""
    from shuke.intake.files import actions, reads
    from shuke.kernel import clock
    from shuke.records import jobs

    file = files[""]
    asked = _asked(shop, files, mapping, choices)
    seen = actions.preview(**asked, at=clock.now())
    started = actions.start_import(**asked, at=clock.now())
    screen = Console(highlight=False, soft_wrap=True)
    for notice in seen.notices:
        screen.print(f"{file.name}: {notice.text()}", markup=False)
    assert started.job_id is not None
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(file.name, total=None)
        jobs.run_to_end(
            started.job_id, watch=lambda job: progress.update(task, completed=job.done, total=job.total)
        )
    return reads.get_import(shop, started.id)


def _tell(loaded: ImportView) -> None:
    """What became of the rows; ends with exit code 2 when the import failed."""
    screen = Console(highlight=False, soft_wrap=True)
    if loaded.error:
        Console(stderr=True, highlight=False, soft_wrap=True).print(
            f"{loaded.file_name}: {loaded.error}", markup=False
        )
        sys.exit(2)
    counts = {
        _("rows read"): loaded.rows_read,
        _("new"): loaded.rows_new,
        _("changed"): loaded.rows_changed,
        _("known before"): loaded.rows_known,
        _("in quarantine"): loaded.rows_bad,
    }
    words = ", ".join(f"{name} {count:,}" for name, count in counts.items())
    screen.print(f"{loaded.file_name}: {words}", markup=False)


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    add_help_option=False,
)
def simulate(context: typer.Context) -> None:
    """Send a simulated shop's history and life to a door: `shuke simulate --help`."""
    from shuke.project import lifeline
    from shuke.project.commands.simulating import simulate_inside
    from shuke_simulator.__main__ import main

    if any(word.split("=")[0] == "--inside" for word in context.args):
        sys.exit(simulate_inside(context.args))
    lifeline.watch()
    sys.exit(main(context.args))


@app.command()
def seal(
    shop: str = typer.Option("", "--shop", "-s", help="Only this shop (default: all)."),
) -> None:
    """Seal what is open now, instead of waiting for the sealer."""
    from shuke.project.in_use import taking_part
    from shuke.shops.reads import get_shop, list_shops
    from shuke.warehouse import actions

    with taking_part():
        for view in [get_shop(shop)] if shop else list_shops():
            typer.echo(f"{view.slug}\t{actions.seal(view)}")
