"""`shuke report entrances|flows|map`: through which pages visits came in, and which ways they took, as tables or as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import typer
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from rich.console import Console
from rich.table import Table

from shuke.project.commands.reports import AGAINST, AS_JSON, FROM, TO, report_app
from shuke.project.commands.shops import SHOP

if TYPE_CHECKING:
    from shuke.shops.reads import ShopView
    from shuke.traffic.flows.reads import ComparedMap, FoldedPages

LIMIT = typer.Option(20, min=1, max=10_000, help="At most so many rows.")
BY_ENTRANCE = typer.Option("page", help="page or type.")
STEPS = typer.Option(4, help="How many pages of a visit are told one by one.")
OPEN = typer.Option(
    "", "--open", help="A page type at a step, told page by page: item.2; -.2 for none stated."
)
FOLDED = typer.Option("", help="Instead, what stands together in a place: others (with --open) or more.")
BY_FLOW = typer.Option(
    "kind,from_path,to_path",
    help="Some of local_day, kind, channel, step, from_type, from_path, to_type, to_path.",
)


@report_app.command()
def entrances(
    shop: str = SHOP,
    first: str = FROM,
    last: str = TO,
    by: str = BY_ENTRANCE,
    limit: int = LIMIT,
    as_json: bool = AS_JSON,
) -> None:
    """Through which pages visits came in: bounce, orders, and what is advised."""
    from shuke.console import figures
    from shuke.kernel import clock
    from shuke.project.commands.reports import _period, _title
    from shuke.shops.reads import get_shop
    from shuke.traffic import reads
    from shuke.traffic.entrances.decisions import ADVICE_WORDS
    from shuke.traffic.flows.http import entrances_told

    view = get_shop(shop)
    found = reads.entrances(shop=view, period=_period(first, last), by=by, at=clock.now())
    if as_json:
        told = entrances_told(found, found.rows[:limit])
        typer.echo(json.dumps(told, ensure_ascii=False, indent=1, default=str))
        return
    table = Table(title=_title(view, found.period, found.until))
    table.add_column(_("Entrance"))
    for metric in found.metrics:
        table.add_column(figures.title(metric), justify="right")
    if found.by == "page":
        table.add_column(_("Advice"))
    for row in (*found.rows[:limit], found.total):
        is_total = row is found.total
        name = _("All") if is_total else (row.path if found.by == "page" else row.page_type) or "—"
        cells = [figures.value_words(figure, view.currency) for figure in row.figures]
        advice = [str(ADVICE_WORDS[row.advice.code])] if row.advice is not None else []
        table.add_row(name, *cells, *advice, style="bold" if is_total else "")
    Console().print(table)
    if found.median is not None:
        typer.echo(_("Median of the entrances") + f": {float(found.median):.1%}")


@report_app.command()
def flows(
    shop: str = SHOP,
    first: str = FROM,
    last: str = TO,
    by: str = BY_FLOW,
    limit: int = LIMIT,
    as_json: bool = AS_JSON,
) -> None:
    """How often visits entered, went from page to page, left or ended in an order."""
    from shuke.project.commands.reports import _period, _title
    from shuke.shops.reads import get_shop
    from shuke.traffic import reads
    from shuke.traffic.flows.http import flows_told

    view = get_shop(shop)
    keys = tuple(part.strip() for part in by.split(",") if part.strip())
    found = reads.flows(shop=view, period=_period(first, last), by=keys, limit=limit)
    if as_json:
        typer.echo(json.dumps(flows_told(found), ensure_ascii=False, indent=1, default=str))
        return
    table = Table(title=_title(view, found.period))
    for key in keys:
        table.add_column(key)
    for title in (_("Moves"), _("Of visits that ordered")):
        table.add_column(title, justify="right")
    for flow in found.rows:
        names = ["—" if value is None else str(value) for value in flow.keys.values()]
        table.add_row(*names, f"{flow.moves:,}", f"{flow.ordered_moves:,}")
    Console().print(table)


@report_app.command("map")
def traffic_map(
    shop: str = SHOP,
    first: str = FROM,
    last: str = TO,
    steps: int = STEPS,
    opened: str = OPEN,
    folded: str = FOLDED,
    against: str = AGAINST,
    limit: int = LIMIT,
    as_json: bool = AS_JSON,
) -> None:
    """The traffic map as its table: from channel through pages, step by step, to an order or away."""
    from shuke.console import map_view
    from shuke.kernel import clock
    from shuke.project.commands.reports import _period
    from shuke.shops.reads import get_shop
    from shuke.traffic.flows import http, reads

    view, period, at = get_shop(shop), _period(first, last), clock.now()
    is_open = _opened(opened)
    if folded:
        pages = reads.folded_pages(shop=view, period=period, of=folded, steps=steps, opened=is_open)
        if as_json:
            return _print(http.folded_told(pages))
        rows = [
            (
                map_view.path_words(one.path),
                map_view.type_words(one.page_type),
                one.visits,
                one.ordered_visits,
            )
            for one in pages.rows[:limit]
        ]
        return _print_folded(view, pages, rows)
    both = reads.compared_map(
        shop=view, period=period, steps=steps, opened=is_open, against=against or None, at=at
    )
    if as_json:
        return _print(http.map_told(both))
    return _print_map(view, both, limit, at)


def _opened(text: str) -> tuple[str | None, int] | None:
    from shuke.kernel.errors import Invalid

    if not text:
        return None
    name, _dot, step = text.rpartition(".")
    if not name or not (step.isascii() and step.isdigit() and len(step) < 3):
        raise Invalid(field="open", value=text[:40])
    return (None if name == "-" else name), int(step)


def _print(told: Any) -> None:
    typer.echo(json.dumps(told, ensure_ascii=False, indent=1, default=str))


def _print_folded(view: ShopView, pages: FoldedPages, rows: Sequence[tuple[str, str, int, int]]) -> None:
    from shuke.project.commands.reports import _title

    table = Table(title=f"{_title(view, pages.period)} · {pages.visits:,}")
    for title in (_("Page"), _("Type of page")):
        table.add_column(title)
    for title in (_("Visits"), _("Of visits that ordered")):
        table.add_column(title, justify="right")
    for path, page_type, visits, ordered in rows:
        table.add_row(path, page_type, f"{visits:,}", f"{ordered:,}")
    Console().print(table)


def _print_map(view: ShopView, both: ComparedMap, limit: int, at: datetime) -> None:
    from shuke.console import figures, map_view
    from shuke.console.pages.traffic_map import counted
    from shuke.project.commands.reports import _title

    namer = map_view.NodeWords(view, at.astimezone(view.zone).date())
    table = Table(title=_title(view, both.now.period, both.now.until))
    for title in (pgettext("traffic map", "From"), pgettext("traffic map", "To")):
        table.add_column(title)
    for title in (_("Visits"), _("Of visits that ordered")):
        table.add_column(title, justify="right")
    for link in sorted(both.now.links, key=lambda link: -link.visits)[:limit]:
        old = both.before(link)
        table.add_row(
            *(namer.with_step(both.nodes[key]) for key in (link.source, link.target)),
            figures.with_change(counted(link.visits), counted(old.visits) if old else None, view.currency),
            f"{link.ordered_visits:,}",
        )
    Console().print(table)
