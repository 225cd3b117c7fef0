"""`shuke report route` and `shuke report pages`: planned against real, and all pages, in a terminal or as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import typer
from django.utils.translation import gettext as _
from rich.console import Console
from rich.table import Table

from shuke.project.commands.reports import AGAINST, AS_JSON, FROM, TO, _period, report_app
from shuke.project.commands.shops import SHOP

if TYPE_CHECKING:
    from shuke.shops.reads import ShopView
    from shuke.traffic.routes.reads import Route

ROUTE = typer.Option(..., "--route", help="The route's name or number.")
# What fits a terminal; --json tells all.
SHOWN = ("page_views", "page_visits", "page_visitors", "page_stay", "page_exit_share")
MOST = typer.Option(30, min=1, help="How many pages, the most viewed first.")


@report_app.command()
def route(
    shop: str = SHOP,
    route: str = ROUTE,
    first: str = FROM,
    last: str = TO,
    against: str = AGAINST,
    as_json: bool = AS_JSON,
) -> None:
    """A planned route against what visitors did: each step with its plan, its fact and where it leaks to."""
    from shuke.console import figures, route_view
    from shuke.kernel import clock
    from shuke.shops.reads import get_shop
    from shuke.traffic.routes import reads
    from shuke.traffic.routes.http import as_json as told

    view = get_shop(shop)
    found = named(view, route)
    report = reads.route_report(
        shop=view,
        steps=found.steps,
        period=_period(first, last),
        against=against or None,
        at=clock.now(),
    )
    if as_json:
        return _print(told(report))
    table = Table(title=f"{view.name} · {found.name} · {report.period.start} – {report.period.last}")
    table.add_column(_("Step"))
    for title in (_("Entered"), _("Planned"), _("Kept"), _("Interval, 95%")):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column(_("Against the plan"))
    table.add_column(_("Most went to"))
    for one in report.steps:
        leak = one.leaks[0] if one.leaks else None
        table.add_row(
            f"{one.number} {route_view.step_words(one.step)}",
            figures.with_change(one.entered, one.then[0] if one.then else None, view.currency),
            route_view.share(one.step.share) if one.step.share is not None else "",
            figures.with_change(one.kept, one.then[1] if one.then else None, view.currency),
            route_view.between(one.low, one.high),
            str(route_view.VERDICTS[one.verdict][0]),
            f"{route_view.page_words(leak.path)} ({leak.visits})" if leak else "",
        )
    Console().print(table)
    typer.echo(route_view.sentence(report))
    return None


@report_app.command()
def pages(
    shop: str = SHOP,
    first: str = FROM,
    last: str = TO,
    against: str = AGAINST,
    most: int = MOST,
    as_json: bool = AS_JSON,
) -> None:
    """All pages of a period with their numbers, and which are hot and cold."""
    from shuke.console import figures, route_view
    from shuke.console.pages.single_pages import HEATS
    from shuke.kernel import clock
    from shuke.shops.reads import get_shop
    from shuke.traffic.routes.reads import planned_paths
    from shuke.traffic.single_pages import reads
    from shuke.traffic.single_pages.http import list_as_json

    view = get_shop(shop)
    found = reads.page_list(
        shop=view,
        period=_period(first, last),
        planned=planned_paths(view),
        against=against or None,
        at=clock.now(),
    )
    if as_json:
        return _print(list_as_json(found))
    table = Table(title=f"{view.name} · {found.period.start} – {found.period.last}")
    table.add_column(_("Page"))
    table.add_column(_("Hot or cold"))
    shown = [place for place, metric in enumerate(reads.ROW_METRICS) if metric.id in SHOWN]
    for place in shown:
        table.add_column(figures.title(reads.ROW_METRICS[place]), justify="right", no_wrap=True)
    for row in found.rows[:most]:
        numbers = (
            figures.with_change(row.figures[place], row.then[place] if row.then else None, view.currency)
            for place in shown
        )
        heat = str(HEATS[row.heat][0]) if row.heat else ""
        table.add_row(route_view.page_words(row.path), heat, *numbers)
    Console().print(table)
    return None


def named(shop: ShopView, name: str) -> Route:
    """A route by its number, or by its name among those in use. Raises NotFound."""
    from shuke.kernel.errors import NotFound
    from shuke.traffic.routes import reads

    for one in reads.list_routes(shop):
        if one.name == name:
            return one
    if name.isascii() and name.isdigit() and len(name) < 19:
        return reads.get_route(shop, int(name))
    raise NotFound(field=_("planned route"), value=name)


def _print(answer: Any) -> None:
    typer.echo(json.dumps(answer, ensure_ascii=False, indent=1, default=str))
