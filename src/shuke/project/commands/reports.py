"""`shuke report overview|sources`: the console's answers in a terminal, as a table or as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import typer
from django.utils.translation import gettext as _
from rich.console import Console
from rich.table import Table

from shuke.project.commands import app
from shuke.project.commands.shops import SHOP

if TYPE_CHECKING:
    from shuke.kernel.periods import Period
    from shuke.shops.reads import ShopView

report_app = typer.Typer(help="What happened, as on the pages.", no_args_is_help=True)
app.add_typer(report_app, name="report")

FROM = typer.Option(..., "--from", help="First day, e.g. 2026-11-01.")
TO = typer.Option(..., "--to", help="Last day, included.")
AGAINST = typer.Option("", help="Compare with: before, yesterday or last_week.")
AS_JSON = typer.Option(False, "--json", help="As JSON, for programs.")
BY = typer.Option("channel", help="Comma-separated: channel, is_paid, source, medium, campaign.")

SHOWN = (
    "visits",
    "uv_period",
    "bounce_entrance",
    "buyers",
    "conversion",
    "amount_paid",
)  # what fits a terminal


def _period(first: str, last: str) -> Period:
    from shuke.kernel.errors import Invalid
    from shuke.kernel.periods import Period

    days = []
    for name, text in (("from", first), ("to", last)):
        try:
            days.append(date.fromisoformat(text))
        except ValueError:
            raise Invalid(field=name, value=text) from None
    if days[1] < days[0]:
        raise Invalid(field="to", value=last)
    return Period.inclusive(*days)


@report_app.command()
def overview(shop: str = SHOP, first: str = FROM, last: str = TO, as_json: bool = AS_JSON) -> None:
    """Every metric of the overview, against the period before."""
    from shuke.shops.reads import get_shop

    print_overview(get_shop(shop), _period(first, last), as_json=as_json)


@report_app.command()
def sources(
    shop: str = SHOP, first: str = FROM, last: str = TO, by: str = BY, as_json: bool = AS_JSON
) -> None:
    """Where visits came from, and what they brought."""
    from shuke.console import figures
    from shuke.kernel import clock
    from shuke.shops.reads import get_shop
    from shuke.traffic import reads

    view = get_shop(shop)
    keys = tuple(part.strip() for part in by.split(",") if part.strip())
    found = reads.sources(shop=view, period=_period(first, last), by=keys, at=clock.now())
    if as_json:
        return _print_json(as_api(found))
    table = Table(title=_title(view, found.period))
    for key in keys:
        table.add_column(key, no_wrap=True)
    shown = [i for i, metric in enumerate(found.metrics) if metric.id in SHOWN]
    for i in shown:
        table.add_column(figures.title(found.metrics[i]), justify="right")
    for row in (*found.rows, found.total):
        is_total = row is found.total
        names = [
            _("All") if is_total and i == 0 else _key_words(row.keys.get(key)) for i, key in enumerate(keys)
        ]
        if is_total and len(names) > 1:
            names[1:] = [""] * (len(names) - 1)
        numbers = [figures.value_words(figure, view.currency) for figure in (row.figures[i] for i in shown)]
        table.add_row(*names, *numbers, style="bold" if is_total else "")
    Console().print(table)
    return None


def print_overview(shop: ShopView, period: Period, *, as_json: bool = False) -> None:
    """The overview of a period, as a table or as JSON."""
    from shuke.console import figures
    from shuke.kernel import clock
    from shuke.traffic import reads

    found = reads.overview(shop=shop, period=period, against=("before",), at=clock.now())
    if as_json:
        return _print_json(as_api(found) | {"currency": shop.currency})
    table = Table(title=_title(shop, period, found.until))
    table.add_column(_("Metric"))
    table.add_column(_("Value"), justify="right")
    table.add_column(_("Before"), justify="right")
    table.add_column(_("Change"), justify="right")
    table.add_column("id")
    for row in found.rows:
        now = row.now
        before = row.against[0] if row.against else None
        change = before.change if before is not None else None
        why = f"{figures.value_words(now, shop.currency)} {figures.reason_words(now)}".strip()
        table.add_row(
            figures.title(row.metric, is_short=False),
            why,
            figures.value_words(before.figure, shop.currency) if before is not None else "",
            f"{change:+.1%}" if change is not None else "",
            f"{row.metric.id}.v{row.metric.version}",
        )
    Console().print(table)
    return None


def _title(shop: ShopView, period: Period, until: datetime | None = None) -> str:
    words = f"{shop.name} · {period.start} – {period.last}"
    if until is not None:
        words += " · " + _("until %(moment)s") % {"moment": until.astimezone(shop.zone).strftime("%H:%M")}
    return words


def _key_words(value: Any) -> str:
    if value is None:
        return "—"
    if isinstance(value, bool):
        return _("paid") if value else _("free")
    return str(value)


def _print_json(answer: Any) -> None:
    typer.echo(json.dumps(answer, ensure_ascii=False, indent=1))


def as_api(value: Any) -> Any:
    """A read's answer as JSON values, in the form that the API gives it; a test holds the two equal."""
    from shuke.kernel.periods import Period
    from shuke.kernel.verdicts import Reason
    from shuke.traffic import reads

    if isinstance(value, Period):
        return {"start": value.start.isoformat(), "end": value.end.isoformat()}
    if isinstance(value, Reason):
        return {"code": value.code, "words": value.text()}
    if isinstance(value, reads.Figure):
        metric = {"metric": value.metric.id, "version": value.metric.version, "unit": str(value.metric.unit)}
        return metric | _fields(value, leaving=("metric",))
    if isinstance(value, reads.FigureRow):
        return _fields(value, leaving=("metric",))
    if isinstance(value, reads.Overview):
        plain = _fields(value, leaving=("shop_id", "split_against"))
        if value.split is not None and value.split_against is not None:
            plain["split"] = {"against": value.split_against, **plain["split"]}
        return plain
    if isinstance(value, reads.SourcesReport):
        return _fields(value, leaving=("metrics",))
    return _plain(value)


def _fields(value: Any, leaving: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        field.name: as_api(getattr(value, field.name)) for field in fields(value) if field.name not in leaving
    }


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return _fields(value)
    if isinstance(value, Mapping):
        return {str(key): as_api(one) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [as_api(one) for one in value]
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value
