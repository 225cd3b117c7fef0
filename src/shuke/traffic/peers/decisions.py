"""A shop's channels against its industry's: how they are classed, and what a channel is expected to bring. Pure functions.

High-traffic, high-conversion and not-yet-covered channels are the sources' (A-152); where each begins and the gain are ours,
with the rulebook's values. Every number that is expected comes with what it rests on.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from django.utils.translation import gettext_lazy as _

from shuke.kernel.verdicts import Reason
from shuke.traffic.decisions import wilson
from shuke.traffic.peers.gains import expected_gain
from shuke.traffic.peers.shapes import (
    CLASS_WORDS,
    CLASSES,
    CONVERSION_UNSTATED,
    HIGH_CONVERSION,
    HIGH_TRAFFIC,
    NOT_NAMED,
    ORDINARY,
    OWN_ONLY,
    UNCOVERED,
    UNKNOWN,
    Compared,
    Expected,
    Gain,
    Industry,
    Limits,
    Line,
    Own,
    Table,
)

__all__ = [
    "CLASSES",
    "CLASS_WORDS",
    "Compared",
    "Expected",
    "Gain",
    "Industry",
    "Limits",
    "Line",
    "Own",
    "Table",
    "channel_of",
    "compare",
    "folded",
    "table_of",
]


# The part of the visitors whose conversion has to be stated for that of them all to be told; more than this. Ours.
LEAST_CONVERTED = 0.5

# --- names


def folded(name: str) -> str:
    """A name as names are compared: half-width, without blanks, in small letters."""
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())


def channel_of(name: str, shipped: Mapping[str, str], own: Mapping[str, str]) -> str | None:
    """The channel that a name means: as the shop says (blank: left out), else as the rulebook does, else None."""
    key = folded(name)
    return own[key] if key in own else shipped.get(key)


# --- the table


def table_of(lines: Sequence[Line], sum_names: Iterable[str]) -> Table:
    """Rows of one table to channels. Sums of others, names that are left out and rows without a size are set aside.

    Sizes are visitors or shares, whichever more rows state (of as many: visitors); the rows that do not are set aside. A
    table whose shares add up to more than one (visitors who came by several channels) is brought back to one.
    """
    sums = {folded(name) for name in sum_names}
    parts = [line for line in lines if folded(line.name) not in sums]
    is_whole = not parts
    parts = list(lines) if is_whole else parts
    parts = [line for line in parts if line.channel != ""]
    stated = [sum(value is not None for value in told) for told in zip(*map(_sizes, parts), strict=True)]
    by_visitors = not stated or stated[0] >= stated[1]
    sized = [(line, line.visitors if by_visitors else line.share) for line in parts]
    unstated = tuple(line.name for line, size in sized if size is None)
    known = [(line, float(size)) for line, size in sized if size is not None]
    total = sum(size for _line, size in known)
    whole = total if by_visitors or total > 1 else 1.0
    notes = []
    if not by_visitors and total > 1.005:
        notes.append(Reason("shares_above_one", _SHARES_ABOVE, {"sum": f"{total * 100:.0f}"}))
    channels: dict[str, list[tuple[Line, float]]] = {}
    unmatched: dict[str, float] = {}
    for line, size in known:
        share = size / whole if whole else 0.0
        if line.channel is None:
            unmatched[line.name] = unmatched.get(line.name, 0.0) + share
        else:
            channels.setdefault(line.channel, []).append((line, share))
    for name in unstated:
        if next(line.channel for line in parts if line.name == name) is None:
            unmatched.setdefault(name, 0.0)
    every = [(line, size / whole if whole else 0.0) for line, size in known]

    def by_size(one: tuple[str, float]) -> tuple[float, str]:
        return -one[1], one[0]

    conversion, unconverted = _conversion(every)
    return Table(
        channels={name: _industry(rows) for name, rows in channels.items()},
        conversion=conversion,
        unmatched=tuple(sorted(unmatched.items(), key=by_size)),
        sums=tuple(dict.fromkeys(line.name for line in lines if folded(line.name) in sums and not is_whole)),
        unstated=tuple(dict.fromkeys(unstated)),
        unconverted=unconverted,
        weighed_by="visitors" if by_visitors else "share",
        notes=tuple(notes),
    )


_SHARES_ABOVE = _("The table's shares add up to %(sum)s%%; they are brought back to 100%%.")


def _sizes(line: Line) -> tuple[Decimal | None, Decimal | None]:
    return line.visitors, line.share


def _industry(rows: Sequence[tuple[Line, float]]) -> Industry:
    lines = [line for line, _share in rows]
    return Industry(
        names=tuple(dict.fromkeys(line.name for line in lines)),
        share=sum(share for _line, share in rows),
        conversion=_conversion(rows)[0],
        visitors=_added(line.visitors for line in lines),
        buyers=_added(line.buyers for line in lines),
    )


def _added(values: Iterable[Decimal | None]) -> Decimal | None:
    """The sum; None when any is not stated."""
    found = list(values)
    return sum((value for value in found if value is not None), Decimal(0)) if None not in found else None


def _conversion(rows: Sequence[tuple[Line, float]]) -> tuple[float | None, tuple[str, ...]]:
    """Of the rows that state one: buyers over visitors where all of them say both, else their conversions by size.

    None while they hold no more than half of the size. And the names of the rows that do not state one.
    """
    sized = [(line, share, _own_conversion(line)) for line, share in rows if share > 0]
    told = [(line, share, value) for line, share, value in sized if value is not None]
    untold = tuple(dict.fromkeys(line.name for line, _share, value in sized if value is None))
    size = sum(share for _line, share, _value in told)
    if not size or size <= sum(share for _line, share, _value in sized) * LEAST_CONVERTED:
        return None, untold
    visitors = _added(line.visitors for line, _share, _value in told)
    buyers = _added(line.buyers for line, _share, _value in told)
    if visitors and buyers is not None:
        return float(buyers / visitors), untold
    return sum(value * share for _line, share, value in told) / size, untold


def _own_conversion(line: Line) -> float | None:
    if line.conversion is not None:
        return float(line.conversion)
    return float(line.buyers / line.visitors) if line.buyers is not None and line.visitors else None


# --- classes


def compare(own: Mapping[str, Own], table: Table, limits: Limits) -> tuple[Compared, ...]:
    """Every channel of the shop or the table, each once: by class, then by its share of the industry."""
    total = sum(one.visitors for one in own.values())
    found = []
    for channel in sorted({*own, *table.channels}):
        mine = own.get(channel, Own(0, 0, 0))
        theirs = table.channels.get(channel)
        share = mine.visitors / total if total else None
        marks, why = _marks(mine, share, total, theirs, table, limits)
        kind = marks[0] if marks else ORDINARY
        found.append((channel, mine, share, theirs, kind, marks, why))
    uncovered = {one[0] for one in found if UNCOVERED in one[5]}
    compared = [
        Compared(
            channel,
            mine,
            share,
            theirs,
            kind,
            marks,
            why,
            expected_gain(channel, own, table, uncovered, limits),
        )
        for channel, mine, share, theirs, kind, marks, why in found
    ]
    return tuple(
        sorted(
            compared,
            key=lambda one: (
                CLASSES.index(one.kind),
                -(one.industry.share if one.industry else 0),
                -one.own.visitors,
                one.channel,
            ),
        )
    )


def _marks(
    own: Own, share: float | None, total: int, theirs: Industry | None, table: Table, limits: Limits
) -> tuple[tuple[str, ...], tuple[Reason, ...]]:
    """All classes that fit, the deciding one first, and why."""
    if theirs is None:
        return (OWN_ONLY,), (Reason("own_only", NOT_NAMED),)
    if share is None or total < limits.least_visitors:
        few = {"visitors": f"{total:,}", "least": f"{limits.least_visitors:,}"}
        return (UNKNOWN,), (Reason("few_visitors", _FEW_VISITORS, few),)
    marks, why = [], []
    percents = {"own": _percent(share), "industry": _percent(theirs.share)}
    if theirs.share >= limits.least_share and (
        own.visitors == 0 or share < limits.covered_part * theirs.share
    ):
        marks.append(UNCOVERED)
        words = _NONE_YET if own.visitors == 0 else _LITTLE_YET
        why.append(Reason("uncovered", words, {**percents, "part": _percent(limits.covered_part)}))
    if theirs.conversion is not None and table.conversion:
        reason = _high_conversion(theirs, table.conversion, limits)
        if reason is not None:
            marks.append(HIGH_CONVERSION)
            why.append(reason)
    if theirs.share >= limits.high_traffic_share:
        marks.append(HIGH_TRAFFIC)
        least = _percent(limits.high_traffic_share)
        why.append(Reason("high_traffic", _HIGH_TRAFFIC, {**percents, "least": least}))
    if theirs.conversion is None:
        why.append(Reason("conversion_unknown", CONVERSION_UNSTATED))
    if not marks:
        why.append(Reason("ordinary", _ORDINARY, percents))
    return tuple(marks), tuple(why)


def _high_conversion(theirs: Industry, overall: float, limits: Limits) -> Reason | None:
    conversion = theirs.conversion or 0.0
    if conversion < limits.high_conversion_times * overall:
        return None
    params = {
        "conversion": _percent(conversion, 2),
        "whole": _percent(overall, 2),
        "times": f"{conversion / overall:.1f}",
    }
    if theirs.visitors and theirs.buyers is not None:
        low, _high = wilson(float(theirs.buyers), float(theirs.visitors))
        return Reason("high_conversion", _HIGH_CONVERSION, params) if low > overall else None
    return Reason("high_conversion_unproven", _HIGH_UNPROVEN, params)


_FEW_VISITORS = _("The shop has %(visitors)s visitors in these days, fewer than %(least)s: too few to judge.")
_NONE_YET = _("It brings %(industry)s of the industry's visitors, and none to the shop.")
_LITTLE_YET = _(
    "It brings %(industry)s of the industry's visitors, %(own)s of the shop's: below %(part)s of the former."
)
_HIGH_CONVERSION = _(
    "The industry converts %(conversion)s here, %(times)s times its whole of %(whole)s; the interval lies above it."
)
_HIGH_UNPROVEN = _(
    "The industry converts %(conversion)s here, %(times)s times its whole of %(whole)s; heads are not stated, so how sure that is can not be said."
)
_HIGH_TRAFFIC = _("It brings %(industry)s of the industry's visitors, at least %(least)s.")
_ORDINARY = _("It brings %(industry)s of the industry's visitors and %(own)s of the shop's.")


def _percent(value: float, digits: int = 1) -> str:
    return f"{value * 100:.{digits}f}%"
