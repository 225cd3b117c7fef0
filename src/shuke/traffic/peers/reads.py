"""Questions about peers: the industry tables that were imported, and the shop's channels against one of them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime

from django.utils.translation import gettext_lazy as _
from django_scopes import scope

from shuke.kernel.errors import NotFound
from shuke.kernel.periods import Period, local_day
from shuke.kernel.verdicts import Reason
from shuke.rulebook import reads as rulebook
from shuke.shops.reads import ShopView
from shuke.traffic import reads as traffic
from shuke.traffic.peers import decisions
from shuke.traffic.peers.decisions import (
    CLASS_WORDS,
    CLASSES,
    Compared,
    Expected,
    Gain,
    Industry,
    Limits,
    Line,
    Own,
    Table,
    folded,
)
from shuke.traffic.peers.models import ChannelName
from shuke.traffic.reads.entries import Entry, entries
from shuke.warehouse import reads as warehouse
from shuke.warehouse.schemas import INDUSTRY_CHANNEL

__all__ = [
    "CLASSES",
    "CLASS_WORDS",
    "Compared",
    "Expected",
    "Gain",
    "Industry",
    "Limits",
    "NamedChannel",
    "Own",
    "Peers",
    "Table",
    "TableKey",
    "limits_of",
    "list_tables",
    "peers",
]

RULES = "common.peers."
SEPARATOR = "|"


@dataclass(frozen=True, order=True)
class TableKey:
    """One industry table: its days (both included), the industry, whose numbers they are, the mapping that loaded it."""

    last: date
    start: date
    industry: str
    scope: str
    source: str

    @property
    def key(self) -> str:
        """The table's name in an address."""
        return SEPARATOR.join(
            (self.start.isoformat(), self.last.isoformat(), self.industry, self.scope, self.source)
        )

    @property
    def period(self) -> Period:
        return Period.inclusive(self.start, self.last)


@dataclass(frozen=True)
class NamedChannel:
    """A name of the table and what it means: `by` shop, rulebook or nobody; `channel` "" is left out, None unknown.

    `is_sum`: its row is the sum of others and counts nowhere.
    """

    name: str
    channel: str | None
    by: str
    is_sum: bool


@dataclass(frozen=True)
class Peers:
    """The shop's channels against one industry table, each channel once. `table` None: none was ever imported."""

    tables: tuple[TableKey, ...]
    table: TableKey | None
    rows: tuple[Compared, ...]
    names: tuple[NamedChannel, ...]
    unmatched: tuple[tuple[str, float], ...]
    own_conversion: float | None
    industry_conversion: float | None
    limits: Limits
    notes: tuple[Reason, ...]

    @property
    def counts(self) -> dict[str, int]:
        """Channels by class."""
        found = dict.fromkeys(CLASSES, 0)
        for row in self.rows:
            found[row.kind] += 1
        return found


def limits_of(shop: ShopView, at: date) -> Limits:
    """The rulebook's values that hold in a shop on its day."""

    def value(name: str) -> float:
        return float(rulebook.value_for(shop, RULES + name, at).value)

    return Limits(
        high_traffic_share=value("high_traffic_share"),
        high_conversion_times=value("high_conversion_times"),
        least_share=value("least_share"),
        covered_part=value("covered_part"),
        least_visitors=int(value("least_visitors")),
        least_buyers=int(value("least_buyers")),
    )


def list_tables(shop: ShopView) -> tuple[TableKey, ...]:
    """The industry tables that were imported, the newest first."""
    return tuple(sorted(_tables(shop), reverse=True))


def peers(*, shop: ShopView, table: str = "", at: datetime) -> Peers:
    """The shop's channels against a table (`TableKey.key`; none: the newest), over the table's days.

    What the shop's channels brought are its visits, as the page of sources counts them. Raises NotFound.
    """
    today = local_day(at, shop.zone)
    limits = limits_of(shop, today)
    found = _tables(shop)
    tables = tuple(sorted(found, reverse=True))
    if not tables and not table:
        return Peers((), None, (), (), (), None, None, limits, ())
    chosen = tables[0] if not table else next((one for one in tables if one.key == table), None)
    if chosen is None:
        raise NotFound(field="table", value=table)
    shipped = _shipped_names(shop, today)
    own_names = _own_names(shop)
    sums = rulebook.value_for(shop, f"{RULES}sum_names", today).value
    lines = [_line(one, shipped, own_names) for one in found[chosen]]
    made = decisions.table_of(lines, sums)
    own = _own(shop, chosen.period, at)
    visitors = sum(one.visitors for one in own.values())
    return Peers(
        tables=tables,
        table=chosen,
        rows=decisions.compare(own, made, limits),
        names=_names(lines, own_names, set(made.sums)),
        unmatched=made.unmatched,
        own_conversion=sum(one.buyers for one in own.values()) / visitors if visitors else None,
        industry_conversion=made.conversion,
        limits=limits,
        notes=_notes(made, visitors),
    )


def _tables(shop: ShopView) -> dict[TableKey, list[Entry]]:
    life = warehouse.whole_life(shop.id)
    found: dict[TableKey, list[Entry]] = defaultdict(list)
    for one in entries(shop, INDUSTRY_CHANNEL, life) if life else ():
        found[TableKey(one.last, one.start, one.entry_ref, one.state, one.source)].append(one)
    return found


def _line(one: Entry, shipped: dict[str, str], own: dict[str, str]) -> Line:
    return Line(
        name=one.title,
        channel=decisions.channel_of(one.title, shipped, own),
        visitors=one.decimal("visitors"),
        share=one.decimal("visitor_share"),
        buyers=one.decimal("buyers"),
        conversion=one.decimal("conversion"),
    )


def _shipped_names(shop: ShopView, today: date) -> dict[str, str]:
    lists = rulebook.value_for(shop, f"{RULES}channel_names", today).value
    return {folded(name): channel for channel, names in lists.items() for name in names}


def _own_names(shop: ShopView) -> dict[str, str]:
    with scope(shop=shop.id):
        return dict(ChannelName.objects.filter(shop_id=shop.id).values_list("name", "channel"))


def _names(lines: list[Line], own: dict[str, str], sums: set[str]) -> tuple[NamedChannel, ...]:
    found = {}
    for line in lines:
        by = "shop" if folded(line.name) in own else "rulebook" if line.channel is not None else "nobody"
        found[line.name] = NamedChannel(line.name, line.channel, by, line.name in sums)
    return tuple(sorted(found.values(), key=lambda one: (one.by != "nobody", one.is_sum, one.name)))


def _own(shop: ShopView, period: Period, at: datetime) -> dict[str, Own]:
    """What each channel brought the shop, as the page of sources counts it."""
    report = traffic.sources(shop=shop, period=period, by=("channel",), at=at)
    places = {metric.id: place for place, metric in enumerate(report.metrics)}

    def value(row: traffic.SourceRow, metric: str) -> int:
        return int(row.figures[places[metric]].value or 0)

    return {
        row.keys["channel"]: Own(value(row, "uv_period"), value(row, "buyers"), value(row, "amount_paid"))
        for row in report.rows
        if row.keys.get("channel") and value(row, "uv_period")
    }


def _notes(made: Table, visitors: int) -> tuple[Reason, ...]:
    found = list(made.notes)
    if not visitors:
        found.append(Reason("no_visits", _NO_VISITS))
    if made.sums:
        found.append(Reason("sums_left_out", _SUMS, {"names": ", ".join(made.sums[:8])}))
    if made.unstated:
        words = _UNSTATED_VISITORS if made.weighed_by == "visitors" else _UNSTATED_SHARE
        found.append(
            Reason("unstated", words if made.channels else _UNSTATED, {"names": ", ".join(made.unstated[:8])})
        )
    if made.unconverted and made.conversion is not None:
        found.append(Reason("unconverted", _UNCONVERTED, {"names": ", ".join(made.unconverted[:8])}))
    return tuple(found)


_NO_VISITS = _("The shop has no visits in the days of this table.")
_SUMS = _("Left out as sums of other rows: %(names)s.")
_UNSTATED_VISITORS = _("Left out, since their rows do not state visitors, as most rows do: %(names)s.")
_UNSTATED_SHARE = _("Left out, since their rows do not state a share, as most rows do: %(names)s.")
_UNCONVERTED = _(
    "Their conversion is not stated, so the industry's conversion is that of the others: %(names)s."
)
_UNSTATED = _("Left out, since neither visitors nor a share stand in their rows: %(names)s.")
