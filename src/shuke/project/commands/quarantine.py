"""`shuke quarantine`: what waits, in groups; a group mended by rules, in this process, with its progress.

A rule is its name and its fields: `--rule "zone column=at zone=Asia/Shanghai"`, or its JSON.
"""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer
from django.utils.translation import gettext as _
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from shuke.project.commands import app
from shuke.project.commands.shops import SHOP, command_line_actor

if TYPE_CHECKING:
    from shuke.intake.reads import Group, GroupView, MendView
    from shuke.shops.reads import ShopView

quarantine_app = typer.Typer(help="What could not be counted: look (--shop alone), and mend.")
app.add_typer(quarantine_app, name="quarantine")

OF_SHOP = typer.Option("", "--shop", "-s", help="The shop's short name (slug).")
REASON = typer.Option(..., "--reason", help="The group's reason, as `shuke quarantine --shop` shows it.")
COLUMN = typer.Option("", "--column", help="Its column; needed where the reason alone names several groups.")
MAPPING = typer.Option("", "--mapping", "-m", help="Its mapping; likewise.")
RULE = typer.Option(
    [], "--rule", help="A rule, such as 'zone column=at zone=Asia/Shanghai'; may be given several times."
)
LOOK = typer.Option(False, "--look", help="Only show what would become of the first entries.")
KEEP = typer.Option(
    False, "--keep", help="Keep the rules for later loads of the mapping, or for later events."
)
REMOVE = typer.Option(0, "--remove", help="Keep the rules of this number no longer.")
AS_JSON = typer.Option(False, "--json", help="As JSON, for programs.")


@quarantine_app.callback(invoke_without_command=True)
def list_groups(context: typer.Context, shop: str = OF_SHOP, as_json: bool = AS_JSON) -> None:
    """What could not be counted: look (--shop alone), and mend."""
    if context.invoked_subcommand is not None:
        return
    from shuke.intake import reads
    from shuke.kernel.errors import Invalid
    from shuke.shops.reads import get_shop

    if not shop:
        raise Invalid(field="shop", value="")
    found = reads.waiting_groups(get_shop(shop))
    if as_json:
        told = [
            {
                **one.group.as_json(),
                "count": one.count,
                "since": one.since.isoformat(),
                "example": one.example,
            }
            for one in found
        ]
        typer.echo(json.dumps(told, ensure_ascii=False, indent=1))
        return
    if not found:
        typer.echo(_("Nothing waits."))
        return
    table = Table()
    for title in (_("Entries"), _("Reason"), _("Column"), _("Mapping"), _("Since"), _("Newest case")):
        table.add_column(title, justify="right" if title == _("Entries") else "left")
    for one in found:
        group = one.group
        since = one.since.strftime("%Y-%m-%d %H:%M")
        table.add_row(
            f"{one.count:,}", group.reason, group.column, group.mapping or "API", since, one.example
        )
    Console().print(table)


@quarantine_app.command()
def mend(
    shop: str = SHOP,
    reason: str = REASON,
    column: str = COLUMN,
    mapping: str = MAPPING,
    rule: list[str] = RULE,
    look: bool = LOOK,
    keep: bool = KEEP,
) -> None:
    """Mend all of a group by rules. It can not be undone: what is sent again is a fact."""
    from shuke.intake import actions
    from shuke.kernel import clock
    from shuke.project.in_use import taking_part
    from shuke.shops.reads import get_shop

    with taking_part():
        view = get_shop(shop)
        group = _group(view, reason, column, mapping)
        asked: dict[str, Any] = {
            "shop": view,
            "group": group,
            "rules": [_rule(one) for one in rule],
            "actor": command_line_actor(),
        }
        if look:
            _show(actions.preview_mend(**asked, at=clock.now()))
            return
        started = actions.start_mend(**asked, is_kept=keep, at=clock.now())
        _run(view, started.pk, started.job_id)


@quarantine_app.command("kept")
def list_kept(shop: str = SHOP, remove: int = REMOVE, as_json: bool = AS_JSON) -> None:
    """The rules that are kept for later loads and events, and how much each has mended."""
    from shuke.intake import actions, reads
    from shuke.kernel import clock
    from shuke.shops.reads import get_shop

    view = get_shop(shop)
    if remove:
        actions.remove_kept(shop=view, kept_id=remove, actor=command_line_actor(), at=clock.now())
    found = reads.list_kept(view)
    if as_json:
        told = [{**asdict(one), "created_at": one.created_at.isoformat()} for one in found]
        typer.echo(json.dumps(told, ensure_ascii=False, indent=1))
        return
    if not found:
        typer.echo(_("No rule is kept."))
        return
    table = Table()
    for title in (_("Number"), _("Rules"), _("Reason"), _("Column"), _("Mapping"), _("Mended so far")):
        table.add_column(title)
    for one in found:
        place = (one.reason, one.column, one.mapping or "API")
        table.add_row(str(one.id), one.words, *place, f"{one.rows:,}")
    Console().print(table)


def _group(shop: ShopView, reason: str, column: str, mapping: str) -> Group:
    """The one group that is meant. Raises Invalid when there is none, or several."""
    from shuke.intake import reads
    from shuke.kernel.errors import Invalid, NotFound

    def fits(one: GroupView) -> bool:
        group = one.group
        wanted = ((reason, group.reason), (column, group.column), (mapping, group.mapping))
        return all(not given or given == found for given, found in wanted)

    found = [one.group for one in reads.waiting_groups(shop) if fits(one)]
    if not found:
        raise NotFound(field="reason", value=reason)
    if len(found) > 1:
        several = ", ".join(f"{one.column or '-'} ({one.mapping or 'API'})" for one in found[:5])
        raise Invalid(field="column", value=several)
    return found[0]


def _rule(text: str) -> Any:
    """A rule from its JSON, or from its name and fields. What is wrong with it is said by the action."""
    if text.lstrip().startswith("{"):
        try:
            return json.loads(text)
        except ValueError:
            return text
    try:
        name, *parts = shlex.split(text)
    except ValueError:
        return text
    fields: dict[str, Any] = {"rule": name}
    for part in parts:
        key, _equals, value = part.partition("=")
        is_flag = key in ("ignores_offset", "is_part")
        fields[key] = value.lower() in ("", "true", "yes", "1") if is_flag else value
    return fields


def _show(preview: Any) -> None:
    table = Table()
    for title in (_("Entry"), _("Before → after"), _("Result")):
        table.add_column(title)
    for row in preview.rows:
        changes = "\n".join(f"{c['column']}: {c['before'] or ''} → {c['after'] or ''}" for c in row.changes)
        table.add_row(str(row.line or row.id), changes, _("would load") if row.would_load else row.why)
    screen = Console()
    screen.print(table)
    counts = {"looked": preview.looked, "total": preview.total, "load": preview.would_load}
    words = _(
        "Of the first %(looked)s of %(total)s: %(load)s would load, %(still)s still wait, %(drop)s dropped."
    )
    screen.print(words % {**counts, "still": preview.still_refused, "drop": preview.would_drop}, markup=False)


def _run(shop: ShopView, mend_id: int, job_id: int | None) -> None:
    """Run the mend to its end in this process; exit code 2 when it failed."""
    from shuke.intake import reads
    from shuke.records import jobs

    assert job_id is not None
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(_("Mending"), total=None)
        jobs.run_to_end(job_id, watch=lambda job: progress.update(task, completed=job.done, total=job.total))
    _tell(reads.get_mend(shop, mend_id))


def _tell(done: MendView) -> None:
    if done.error:
        Console(stderr=True, highlight=False, soft_wrap=True).print(done.error, markup=False)
        sys.exit(2)
    counts = {
        _("looked at"): done.looked,
        _("sent again"): done.replayed,
        _("of them mended"): done.mended,
        _("dropped"): done.dropped,
        _("still refused"): done.refused,
    }
    screen = Console(highlight=False, soft_wrap=True)
    screen.print(", ".join(f"{name} {count:,}" for name, count in counts.items()), markup=False)
    for why in done.refusals:
        screen.print(f"  {why.count:,} × {why.words or why.code}", markup=False)
