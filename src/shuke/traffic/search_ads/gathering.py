"""Rows of reports to keywords: sums over rows that do not tell of the same clicks twice. Pure functions.

A keyword may be reported by day and by week, by item and for all items, in two formats. Rows of one report, of the same
days and the same keyword, item and campaign, are all counted (equal rows too). Of reports that overlap, those that say
more (item, campaign) and of shorter spans count first, of equal ones the newer; what overlaps them is left out. Ours.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from shuke.traffic.reads.entries import Entry
from shuke.traffic.search_ads.decisions import Stated

# Stated anew by each report: the newest statement holds. The others are added up.
LATEST = ("bid_minor", "quality", "rank", "next_bid_minor", "next_quality")
ADDED = ("impressions", "clicks", "cost_minor", "orders")


class Name(NamedTuple):
    """What a keyword is told by; blank: the report does not say it."""

    keyword: str
    item: str
    campaign: str


@dataclass(frozen=True)
class Gathered:
    """One keyword over the period: what is stated of it, the days and rows behind it, and rows that were left out."""

    name: Name
    stated: Stated
    first: date
    last: date
    rows: int
    left_out: int


class _Span(NamedTuple):
    """Rows of one report for one keyword and the same days."""

    name: Name
    source: str
    first: date
    last: date


def gather(entries: Iterable[Entry], currency: str) -> tuple[Gathered, ...]:
    """Keywords in the order of their names. Amounts in another currency are not known."""
    spans: dict[_Span, list[Entry]] = defaultdict(list)
    for one in entries:
        name = Name(one.title, one.product_ref, one.campaign_ref)
        spans[_Span(name, one.source, one.start, one.last)].append(one)
    by_keyword: dict[str, list[_Span]] = defaultdict(list)
    for span in spans:
        by_keyword[span.name.keyword].append(span)
    found = []
    for keyword in sorted(by_keyword):
        counted = _not_twice(by_keyword[keyword], spans)
        by_name: dict[Name, list[_Span]] = defaultdict(list)
        for span in by_keyword[keyword]:
            by_name[span.name].append(span)
        for name in sorted(by_name):
            mine = [span for span in by_name[name] if span in counted]
            if mine:
                told = [one for span in by_name[name] for one in spans[span]]
                found.append(_gathered(name, mine, [one for s in mine for one in spans[s]], told, currency))
    return tuple(found)


def _not_twice(spans: Sequence[_Span], rows: dict[_Span, list[Entry]]) -> set[_Span]:
    """The spans that are counted: none overlaps another that may tell of the same clicks."""
    taken: dict[Name, set[int]] = defaultdict(set)
    counted = set()

    def order(span: _Span) -> tuple[Any, ...]:
        newest = max(one.received_at for one in rows[span])
        return (
            -bool(span.name.item) - bool(span.name.campaign),
            span.last.toordinal() - span.first.toordinal(),
            -newest.timestamp(),
            span,
        )

    for span in sorted(spans, key=order):
        days = range(span.first.toordinal(), span.last.toordinal() + 1)
        if not any(_may_be_same(name, span.name) and not had.isdisjoint(days) for name, had in taken.items()):
            counted.add(span)
            taken[span.name].update(days)
    return counted


def _may_be_same(one: Name, other: Name) -> bool:
    return all(not a or not b or a == b for a, b in zip(one, other, strict=True))


def _gathered(
    name: Name, spans: Sequence[_Span], counted: Sequence[Entry], told: Sequence[Entry], currency: str
) -> Gathered:
    newest = sorted(told, key=lambda one: (one.last, one.start, one.received_at, one.row_id), reverse=True)
    values: dict[str, Any] = {}
    for field in LATEST:
        values[field] = next((one.numbers[field] for one in newest if _is_known(one, field, currency)), None)
    for field in ADDED:
        known = [one.numbers[field] for one in counted if _is_known(one, field, currency)]
        values[field] = sum(known) if known else None
    amounts = [
        one.amount_minor for one in counted if one.amount_minor is not None and one.currency == currency
    ]
    values["amount_minor"] = sum(amounts) if amounts else None
    for field in ("quality", "rank", "impressions", "clicks", "orders", "next_quality"):
        values[field] = None if values[field] is None else Decimal(values[field])
    return Gathered(
        name=name,
        stated=Stated(**values),
        first=min(span.first for span in spans),
        last=max(span.last for span in spans),
        rows=len(counted),
        left_out=len(told) - len(counted),
    )


def _is_known(one: Entry, field: str, currency: str) -> bool:
    return field in one.numbers and (not field.endswith("_minor") or one.currency == currency)
