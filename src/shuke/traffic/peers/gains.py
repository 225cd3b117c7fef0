"""What a channel is expected to bring besides what it brings now, and what that rests on. Pure functions; all of it ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import sqrt
from statistics import quantiles

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from shuke.kernel.verdicts import Reason
from shuke.traffic.peers.shapes import (
    CONVERSION_UNSTATED,
    NOT_NAMED,
    Expected,
    Gain,
    Industry,
    Limits,
    Own,
    Table,
)

Z = 1.96  # of a 95 % interval
LEAST_RATIOS = 3  # fewer have no quartiles worth the name


def expected_gain(
    channel: str, own: Mapping[str, Own], table: Table, uncovered: Iterable[str], limits: Limits
) -> Gain:
    """What the channel would bring besides, were the shop in it as it is in its other covered channels. Ours."""
    theirs = table.channels.get(channel)
    if theirs is None:
        missing = Expected(reason=Reason("own_only", NOT_NAMED))
        return Gain(missing, missing)
    left_out = {*uncovered, channel}
    others = {
        name: (mine, table.channels[name])
        for name, mine in own.items()
        if name not in left_out
        and name in table.channels
        and table.channels[name].share > 0
        and mine.visitors >= limits.least_visitors
    }
    if not others:
        none = Expected(reason=Reason("nothing_covered", _NOTHING_COVERED, {"least": limits.least_visitors}))
        return Gain(none, none)
    now = own.get(channel, Own(0, 0, 0)).visitors
    ratios = [mine.visitors / their.share for mine, their in others.values()]
    ratio = sum(mine.visitors for mine, _t in others.values()) / sum(t.share for _m, t in others.values())
    bounds: tuple[float, float] | None = None
    if len(ratios) >= LEAST_RATIOS:
        first, _middle, third = quantiles(ratios, n=4, method="inclusive")
        bounds = min(first, ratio), max(third, ratio)
    visitors = Expected(
        _besides(ratio * theirs.share, now),
        *((_besides(bound * theirs.share, now) for bound in bounds) if bounds else (None, None)),
    )
    assumptions = [
        Reason("same_reach", _SAME_REACH, {"channels": len(others), "now": f"{now:,}"}),
        Reason("nobody_else", _NOBODY_ELSE),
    ]
    if bounds is None:
        assumptions.append(Reason("few_channels", _FEW_CHANNELS, {"least": LEAST_RATIOS}))
    return Gain(visitors, *_amount(theirs, visitors, list(others.values()), limits, assumptions))


def _besides(expected: float, now: int) -> float:
    return max(0.0, expected - now)


def _amount(
    theirs: Industry,
    visitors: Expected,
    others: Sequence[tuple[Own, Industry]],
    limits: Limits,
    assumptions: list[Reason],
) -> tuple[Expected, tuple[Reason, ...]]:
    """The amount of these visitors, with its range: visitors' range times the 95 % interval of how the shop converts."""

    def unknown(code: str, words: str | Promise, **params: object) -> tuple[Expected, tuple[Reason, ...]]:
        return Expected(reason=Reason(code, words, params)), tuple(assumptions)

    conversion = theirs.conversion
    if conversion is None:
        return unknown("conversion_unknown", CONVERSION_UNSTATED)
    told = [(mine, their.conversion) for mine, their in others if their.conversion is not None]
    buyers = sum(mine.buyers for mine, _c in told)
    by_industry = sum(mine.visitors * expected for mine, expected in told)
    if buyers < limits.least_buyers or by_industry <= 0:
        return unknown("few_buyers", _FEW_BUYERS, buyers=f"{buyers:,}", least=limits.least_buyers)
    # How the shop converts against its industry in the same channels, and how sure that is (Byar).
    better = buyers / by_industry
    low = buyers * (1 - 1 / (9 * buyers) - Z / (3 * sqrt(buyers))) ** 3 / by_industry
    more = buyers + 1
    high = more * (1 - 1 / (9 * more) + Z / (3 * sqrt(more))) ** 3 / by_industry
    value = sum(mine.amount_minor for mine, _c in told) / buyers
    assumptions += [
        Reason("converts_alike", _CONVERTS_ALIKE, {"times": f"{better:.2f}", "buyers": f"{buyers:,}"}),
        Reason("buys_alike", _BUYS_ALIKE),
    ]

    def brought(heads: float | None, times: float) -> float | None:
        return None if heads is None else heads * min(1.0, conversion * times) * value

    has_range = visitors.low is not None
    return (
        Expected(
            brought(visitors.value, better),
            brought(visitors.low, low) if has_range else None,
            brought(visitors.high, high) if has_range else None,
        ),
        tuple(assumptions),
    )


_NOTHING_COVERED = _(
    "No other channel of the shop with at least %(least)s visitors stands in the table; there is nothing to go by."
)
_SAME_REACH = _(
    "The shop would reach as large a part of the industry's visitors as in its %(channels)s other covered channels; %(now)s come already."
)
_NOBODY_ELSE = _("Visitors would come besides those of other channels; some would have come anyway.")
_FEW_CHANNELS = _("Fewer than %(least)s channels stand behind it, so no range is given.")
_FEW_BUYERS = _("%(buyers)s buyers of covered channels are fewer than %(least)s: no amount is expected.")
_CONVERTS_ALIKE = _(
    "They would buy %(times)s times as often as the industry's visitors do here, as the shop's %(buyers)s buyers do elsewhere."
)
_BUYS_ALIKE = _(
    "A buyer would pay as much as the shop's other buyers; what the channel costs is not taken off."
)
