"""`shuke segments list|count|why`: segments in a terminal, as a table or as JSON."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from shuke.project.commands import app
from shuke.project.commands.reports import AS_JSON
from shuke.project.commands.shops import SHOP

if TYPE_CHECKING:
    from shuke.conditions.reads import Node
    from shuke.shops.reads import ShopView

segments_app = typer.Typer(help="Customers chosen by a condition.", no_args_is_help=True)
app.add_typer(segments_app, name="segments")

SEGMENT = typer.Option("", "--segment", help="A segment's key, as `shuke segments list` shows it.")
WHERE = typer.Option("", "--where", help="A condition as JSON, instead of a segment.")
AT = typer.Option(
    "", "--at", help="As of this moment with its zone, e.g. 2026-06-01T12:00:00+08:00; without it: now."
)


@segments_app.command(name="list")
def list_them(shop: str = SHOP, as_json: bool = AS_JSON) -> None:
    """The segments that come with Shuke and the shop's own, each as it reads."""
    from shuke.audience.segments import reads
    from shuke.audience.segments.http import segment_told
    from shuke.kernel import clock
    from shuke.shops.reads import get_shop

    view = get_shop(shop)
    told = [segment_told(one, view) for one in reads.list_segments(view, at=clock.now())]
    if as_json:
        print(json.dumps(told, ensure_ascii=False, default=str))
        return
    table = Table("key", "name", "condition")
    for one in told:
        table.add_row(one["key"], escape(one["name"]), escape(one["sentence"]))
    Console().print(table)


@segments_app.command()
def count(
    shop: str = SHOP, segment: str = SEGMENT, where: str = WHERE, at: str = AT, as_json: bool = AS_JSON
) -> None:
    """How many customers a segment or a condition chooses."""
    from shuke.audience.segments import reads
    from shuke.audience.segments.http import count_told
    from shuke.shops.reads import get_shop

    view, moment = get_shop(shop), _moment(at)
    node = _condition(view, segment, where, moment)
    told = count_told(reads.chosen(view, node, at=moment, size=1), node, view, 0)
    if as_json:
        print(json.dumps(told, ensure_ascii=False, default=str))
        return
    console = Console()
    console.print(told["sentence"], markup=False)
    console.print(f"{told['count']:,} / {told['everyone']:,}")


@segments_app.command()
def why(
    customer: str = typer.Argument(..., help="The customer's id, or a name under which a source knows him."),
    shop: str = SHOP,
    segment: str = SEGMENT,
    where: str = WHERE,
    at: str = AT,
    as_json: bool = AS_JSON,
) -> None:
    """Why one customer is in or out, part by part."""
    from shuke.audience.segments import reads
    from shuke.audience.segments.http import why_told
    from shuke.shops.reads import get_shop

    view, moment = get_shop(shop), _moment(at)
    node = _condition(view, segment, where, moment)
    told = why_told(reads.why(view, node, _customer(view, customer), at=moment), node, view)
    if as_json:
        print(json.dumps(told, ensure_ascii=False, default=str))
        return
    console = Console()
    for part in told["parts"]:
        console.print(("+ " if part["code"] == "condition_met" else "- ") + part["words"], markup=False)


def _condition(shop: ShopView, segment: str, where: str, at: datetime) -> Node:
    from shuke.audience.segments import actions, reads
    from shuke.kernel.errors import Invalid

    if bool(segment) == bool(where):
        raise Invalid(field="--segment, --where", value=segment or "—")
    if segment:
        return reads.get_segment(shop, segment, at=at).condition
    return actions.read_condition(shop, where, at=at)


def _customer(shop: ShopView, text: str) -> int:
    from shuke.audience.identities import reads as identities

    if text.lstrip("-").isdecimal() and len(text) > 12:
        return int(text)
    found: Any = identities.named(shop, text)
    return identities.customer_of(shop, found.id)


def _moment(text: str) -> datetime:
    from shuke.kernel import clock
    from shuke.kernel.errors import Invalid

    if not text:
        return clock.now()
    from shuke.audience.segments.http import moment_asked

    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(field="--at", value=text) from None
    return moment_asked(found)
