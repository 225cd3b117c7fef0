"""The API of peers: the industry tables, the shop's channels against one of them, and what a name of a table means."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from ninja import Query, Router, Schema

from shuke.kernel import clock
from shuke.shops.access import ShopRequest, api
from shuke.shops.csv_out import csv_response
from shuke.shops.roles import Deed
from shuke.traffic.http_shapes import ReasonOut
from shuke.traffic.http_shared import Format, reason_told
from shuke.traffic.peers import actions, reads

router = Router()


class TableOut(Schema):
    """An industry table: `key` names it in a question; `start` and `last` are its days, both included."""

    key: str
    start: date
    last: date
    industry: str
    scope: str
    source: str


class ExpectedOut(Schema):
    """A number that is expected (ours), with its range; null with the reason, or without a range."""

    value: float | None
    low: float | None
    high: float | None
    reason: ReasonOut | None


class ChannelOut(Schema):
    """One channel. `kind` is its one class; `marks` all classes that fit. Shares and conversions from 0 to 1.

    `gain_visitors` and `gain_amount` (minor units) are besides what it brings now; `assumptions` are what they rest on.
    """

    channel: str
    kind: str
    marks: list[str]
    why: list[ReasonOut]
    names: list[str]
    visitors: int
    buyers: int
    amount_minor: int
    share: float | None
    conversion: float | None
    industry_share: float | None
    industry_conversion: float | None
    gain_visitors: ExpectedOut
    gain_amount: ExpectedOut
    assumptions: list[ReasonOut]


class NameOut(Schema):
    """A name of the table: `channel` "" is left out, null unknown; `by` is shop, rulebook or nobody."""

    name: str
    channel: str | None
    by: str
    is_sum: bool


class PeersOut(Schema):
    tables: list[TableOut]
    table: TableOut | None
    currency: str
    own_conversion: float | None
    industry_conversion: float | None
    counts: dict[str, int]
    channels: list[ChannelOut]
    names: list[NameOut]
    notes: list[ReasonOut]


class AssignIn(Schema):
    """`channel`: one of the classification, "-" to leave the name out, "" for what the rulebook says."""

    name: str
    channel: str


class AssignedOut(Schema):
    name: str
    channel: str


@router.get("/shops/{shop}/traffic/peers", response=PeersOut, operation_id="get_peers")
@api(Deed.VIEW_TRAFFIC)
def get_peers(
    request: ShopRequest,
    shop: str,
    table: str = Query("", max_length=600, description="a table's key; none: the newest"),
    format: Format = "json",
) -> Any:
    """The shop's channels against an industry table: classes, and the gain to expect with what it rests on."""
    found = reads.peers(shop=request.access.shop, table=table, at=clock.now())
    if format == "csv":
        return csv_response(request.access, "peers", *peers_table(found))
    return as_json(found, request.access.shop.currency)


@router.put("/shops/{shop}/traffic/peers/names", response=AssignedOut, operation_id="assign_channel")
@api(Deed.MANAGE_TRAFFIC)
def assign_channel(request: ShopRequest, shop: str, given: AssignIn) -> Any:
    """Say which channel a name of industry tables means in this shop."""
    access = request.access
    actions.assign_channel(
        shop=access.shop, name=given.name, channel=given.channel, actor=access.actor, at=clock.now()
    )
    return {"name": given.name, "channel": given.channel}


# --- what goes out


def as_json(found: reads.Peers, currency: str) -> dict[str, Any]:
    """The answer as JSON values but for its days; the command gives the same."""
    return {
        "tables": [_table(one) for one in found.tables],
        "table": _table(found.table) if found.table else None,
        "currency": currency,
        "own_conversion": found.own_conversion,
        "industry_conversion": found.industry_conversion,
        "counts": found.counts,
        "channels": [_channel(one) for one in found.rows],
        "names": [
            {"name": one.name, "channel": one.channel, "by": one.by, "is_sum": one.is_sum}
            for one in found.names
        ],
        "notes": [reason_told(one) for one in found.notes],
    }


def _table(one: reads.TableKey) -> dict[str, Any]:
    return {
        "key": one.key,
        "start": one.start,
        "last": one.last,
        "industry": one.industry,
        "scope": one.scope,
        "source": one.source,
    }


def _expected(one: reads.Expected) -> dict[str, Any]:
    return {
        "value": one.value,
        "low": one.low,
        "high": one.high,
        "reason": reason_told(one.reason) if one.reason else None,
    }


def _channel(one: reads.Compared) -> dict[str, Any]:
    theirs = one.industry
    return {
        "channel": one.channel,
        "kind": one.kind,
        "marks": list(one.marks),
        "why": [reason_told(reason) for reason in one.why],
        "names": list(theirs.names) if theirs else [],
        "visitors": one.own.visitors,
        "buyers": one.own.buyers,
        "amount_minor": one.own.amount_minor,
        "share": one.own_share,
        "conversion": one.own.buyers / one.own.visitors if one.own.visitors else None,
        "industry_share": theirs.share if theirs else None,
        "industry_conversion": theirs.conversion if theirs else None,
        "gain_visitors": _expected(one.gain.visitors),
        "gain_amount": _expected(one.gain.amount_minor),
        "assumptions": [reason_told(reason) for reason in one.gain.assumptions],
    }


TABLE = (
    "channel",
    "kind",
    "visitors",
    "share",
    "industry_share",
    "conversion",
    "industry_conversion",
    "buyers",
    "amount_minor",
)
GAINS = ("gain_visitors", "gain_amount")


def peers_table(found: reads.Peers) -> tuple[Sequence[str], Iterator[Sequence[Any]]]:
    """Header and rows of the file; amounts in minor units."""
    header = [
        *TABLE,
        *(f"{name}{part}" for name in GAINS for part in ("", "_low", "_high")),
        "why",
        "assumptions",
    ]

    def rows() -> Iterator[Sequence[Any]]:
        for one in found.rows:
            told = _channel(one)
            yield [
                *(told[name] for name in TABLE),
                *(told[name][part] for name in GAINS for part in ("value", "low", "high")),
                " ".join(reason["words"] for reason in told["why"]),
                " ".join(reason["words"] for reason in told["assumptions"]),
            ]

    return header, rows()
