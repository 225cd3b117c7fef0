"""Rows of reports to keywords: sums over rows that do not tell of the same clicks twice. Pure functions.

A keyword may be reported by day and by week, by item and for all items, in two formats. Rows of one report, of the same
days and the same keyword, item and campaign, are all counted (equal rows too). Of reports that overlap, those count that
together tell of most days; of as many days those that say more (item, campaign), then shorter spans, then the newer. What
overlaps them is left out. Ours.
"""

from __future__ import annotations

from bisect import bisect_left
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
    """One keyword over the period: what is stated of it, the days and rows behind it, and rows that were left out (those of
    names that do not stand at all are counted with the keyword's first that does)."""

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
        missing = sum(
            len(spans[span]) for name, own in by_name.items() if counted.isdisjoint(own) for span in own
        )
        for name in sorted(by_name):
            mine = [span for span in by_name[name] if span in counted]
            if mine:
                told = [one for span in by_name[name] for one in spans[span]]
                rows = [one for span in mine for one in spans[span]]
                found.append(_gathered(name, mine, rows, told, missing, currency))
                missing = 0
    return tuple(found)


def _not_twice(spans: Sequence[_Span], rows: dict[_Span, list[Entry]]) -> set[_Span]:
    """The spans that are counted: none overlaps another that may tell of the same clicks."""
    return {span for stretch in _stretches(spans) for span in _of_stretch(stretch, rows)}


def _of_stretch(spans: Sequence[_Span], rows: dict[_Span, list[Entry]]) -> Sequence[_Span]:
    """Spans that say equally much (item, campaign) are taken together: first those that tell of most days, then what the
    others still add."""
    if len(spans) == 1:
        return spans  # most, of reports by day
    newest = {span: max(one.received_at for one in rows[span]).timestamp() for span in spans}
    groups: dict[tuple[bool, bool], list[_Span]] = defaultdict(list)
    for span in spans:
        groups[bool(span.name.item), bool(span.name.campaign)].append(span)

    def order(kind: tuple[bool, bool]) -> tuple[Any, ...]:
        told = {day for span in _most_days(groups[kind], newest) for day in _days(span)}
        return -len(told), -sum(kind), kind

    counted: list[_Span] = []
    for kind in sorted(groups, key=order):
        # Of one kind only spans of equal names may tell of the same, and of these no two days are taken twice.
        free = [span for span in groups[kind] if not any(_overlap(span, other) for other in counted)]
        counted += _most_days(free, newest)
    return counted


def _overlap(one: _Span, other: _Span) -> bool:
    return one.first <= other.last and other.first <= one.last and _may_be_same(one.name, other.name)


def _days(span: _Span) -> range:
    return range(span.first.toordinal(), span.last.toordinal() + 1)


def _stretches(spans: Sequence[_Span]) -> list[list[_Span]]:
    """Spans in runs that hang together by days."""
    found: list[list[_Span]] = []
    until: date | None = None
    for span in sorted(spans, key=lambda one: (one.first, one.last)):
        if until is None or span.first > until:
            found.append([])
        found[-1].append(span)
        until = max(until or span.last, span.last)
    return found


def _most_days(spans: Sequence[_Span], newest: dict[_Span, float]) -> list[_Span]:
    """Per name the spans that do not overlap and tell of most days; of as many the more (shorter) ones, then the newer."""
    by_name: dict[Name, list[_Span]] = defaultdict(list)
    for span in spans:
        by_name[span.name].append(span)
    found = []
    for own in by_name.values():
        own.sort(key=lambda one: (one.last, one.first, newest[one], one.source))
        ends = [one.last for one in own]
        # Per number of spans looked at, the best of them: days, spans, age, and the last that was taken with those before it.
        best: list[tuple[tuple[float, ...], Any]] = [((0, 0, 0.0), None)]
        for place, span in enumerate(own):
            (days, count, age), chain = best[bisect_left(ends, span.first)]
            taken = (days + len(_days(span)), count + 1, age + newest[span]), (span, chain)
            best.append(max(best[place], taken, key=lambda one: one[0]))
        chain = best[-1][1]
        while chain is not None:
            span, chain = chain
            found.append(span)
    return found


def _may_be_same(one: Name, other: Name) -> bool:
    return all(not a or not b or a == b for a, b in zip(one, other, strict=True))


def _gathered(
    name: Name,
    spans: Sequence[_Span],
    counted: Sequence[Entry],
    told: Sequence[Entry],
    missing: int,
    currency: str,
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
        left_out=len(told) - len(counted) + missing,
    )


def _is_known(one: Entry, field: str, currency: str) -> bool:
    return field in one.numbers and (not field.endswith("_minor") or one.currency == currency)
