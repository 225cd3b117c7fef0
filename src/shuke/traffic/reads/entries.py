"""Rows of imported reports that stand: what a shop's files say of keywords and of its industry, as they say it.

A row stands while its signs add up above zero; a file that states it anew has taken the old statement back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import ibis
import msgspec

from shuke.kernel.periods import Period
from shuke.shops.reads import ShopView
from shuke.warehouse import reads as warehouse
from shuke.warehouse import schemas

_COLUMNS = (
    "row_id",
    "content_id",
    "line_no",
    "title",
    "entry_ref",
    "product_ref",
    "campaign_ref",
    "state",
    "at",
    "until",
    "local_day",
    "received_at",
    "amount_minor",
    "currency",
    "properties",
    "source",
)


@dataclass(frozen=True)
class Entry:
    """One row that stands. It tells of the shop's days `start` to `last`, both included.

    `numbers`: what it states, amounts (`…_minor`) as integers of minor units, the others as decimals; `others` are columns
    that nobody knows, as they were written.
    """

    row_id: int
    title: str
    entry_ref: str
    product_ref: str
    campaign_ref: str
    state: str
    start: date
    last: date
    received_at: datetime
    amount_minor: int | None
    currency: str
    source: str
    numbers: Mapping[str, int | Decimal] = field(default_factory=dict)
    others: Mapping[str, str] = field(default_factory=dict)

    def decimal(self, name: str) -> Decimal | None:
        """A number it states that is no amount; None where it states none."""
        value = self.numbers.get(name)
        return Decimal(value) if isinstance(value, int) else value


def standing(rows: ibis.Table, kind: str) -> ibis.Table:
    """Of the raw kind `entries` the rows of one kind that stand, oldest first; a row stated twice may come twice."""
    rows = rows.filter(rows.kind == kind)
    net = rows.group_by("row_id", "content_id").agg(net=rows.sign.sum())
    stated = rows.filter(rows.sign > 0).semi_join(net.filter(net.net > 0), ["row_id", "content_id"])
    return stated.select(*_COLUMNS).order_by(["local_day", "title", "row_id", "received_at"])


def entries(shop: ShopView, kind: str, period: Period) -> tuple[Entry, ...]:
    """What stands of one kind and begins within a period (shop's days), oldest first."""

    def question(snapshot: warehouse.Snapshot) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = snapshot.engine.run(standing(snapshot.raw("entries"), kind)).to_pylist()
        return found

    once = {
        (row["row_id"], row["content_id"]): row for row in reversed(warehouse.ask(shop, period, question))
    }
    return tuple(_entry(row, shop) for row in reversed(once.values()))


def entry_spans(shop: ShopView, kind: str) -> dict[tuple[date, date], int]:
    """The spans of days that reports of one kind tell of, (first, last), both included, in order of their last day; and how
    many rows do."""
    life = warehouse.whole_life(shop.id)
    if life is None:
        return {}

    def question(snapshot: warehouse.Snapshot) -> list[dict[str, Any]]:
        rows = snapshot.raw("entries")
        rows = rows.filter(rows.kind == kind)
        spans = rows.group_by("local_day", "until").agg(net=rows.sign.sum())
        found: list[dict[str, Any]] = snapshot.engine.run(spans.filter(spans.net > 0)).to_pylist()
        return found

    spans: Counter[tuple[date, date]] = Counter()
    for row in warehouse.ask(shop, life, question):
        spans[row["local_day"], _last(row["until"], row["local_day"], shop.zone)] += int(row["net"])
    return {span: spans[span] for span in sorted(spans, key=lambda span: (span[1], span[0]))}


# Days and numbers repeat from row to row, and reading them is most of the work.
@lru_cache(maxsize=5_000)
def _last(until: datetime | None, start: date, zone: ZoneInfo) -> date:
    """The last day; one before the first is a slip of the file and means the first."""
    return start if until is None else max(start, until.replace(tzinfo=UTC).astimezone(zone).date())


_number = lru_cache(maxsize=50_000)(Decimal)


def _entry(row: dict[str, Any], shop: ShopView) -> Entry:
    told = msgspec.json.decode(row["properties"] or "{}")
    numbers = told.pop(schemas.ENTRY_NUMBERS, {})
    return Entry(
        row_id=row["row_id"],
        title=row["title"] or "",
        entry_ref=row["entry_ref"] or "",
        product_ref=row["product_ref"] or "",
        campaign_ref=row["campaign_ref"] or "",
        state=row["state"] or "",
        start=row["local_day"],
        last=_last(row["until"], row["local_day"], shop.zone),
        received_at=row["received_at"],
        amount_minor=row["amount_minor"],
        currency=row["currency"] or "",
        source=row["source"] or "",
        numbers={
            name: value if isinstance(value, int) else _number(value) for name, value in numbers.items()
        },
        others=told,
    )
