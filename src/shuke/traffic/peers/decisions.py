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

    Sizes are visitors where every row states them, else shares; a table whose shares add up to more than one (visitors who
    came by several channels) is brought back to one.
    """
    sums = {folded(name) for name in sum_names}
    parts = [line for line in lines if folded(line.name) not in sums]
    is_whole = not parts
    parts = list(lines) if is_whole else parts
    parts = [line for line in parts if line.channel != ""]
    by_visitors = all(line.visitors is not None for line in parts)
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

    return Table(
        channels={name: _industry(rows) for name, rows in channels.items()},
        conversion=_conversion(every),
        unmatched=tuple(sorted(unmatched.items(), key=by_size)),
        sums=tuple(dict.fromkeys(line.name for line in lines if folded(line.name) in sums and not is_whole)),
        unstated=tuple(dict.fromkeys(unstated)),
        weighed_by="visitors" if by_visitors else "share",
        notes=tuple(notes),
    )


_SHARES_ABOVE = _("The table's shares add up to %(sum)s %%; they are brought back to 100 %%.")


def _industry(rows: Sequence[tuple[Line, float]]) -> Industry:
    lines = [line for line, _share in rows]
    return Industry(
        names=tuple(dict.fromkeys(line.name for line in lines)),
        share=sum(share for _line, share in rows),
        conversion=_conversion(rows),
        visitors=_added(line.visitors for line in lines),
        buyers=_added(line.buyers for line in lines),
    )


def _added(values: Iterable[Decimal | None]) -> Decimal | None:
    """The sum; None when any is not stated."""
    found = list(values)
    return sum((value for value in found if value is not None), Decimal(0)) if None not in found else None


def _conversion(rows: Sequence[tuple[Line, float]]) -> float | None:
    """Buyers over visitors where all state them, else the conversions by size; None where a sized row states neither."""
    rows = [(line, share) for line, share in rows if share > 0]
    visitors, buyers = _added(line.visitors for line, _s in rows), _added(line.buyers for line, _s in rows)
    if visitors and buyers is not None:
        return float(buyers / visitors)
    told = [(_own_conversion(line), share) for line, share in rows]
    size = sum(share for _c, share in told)
    if not size or any(value is None for value, _share in told):
        return None
    return sum((value or 0.0) * share for value, share in told) / size


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
    return f"{value * 100:.{digits}f} %"
