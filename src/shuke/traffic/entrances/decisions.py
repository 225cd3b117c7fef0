"""What is advised for an entrance: raise it, mend it, lower it, or nothing, with the numbers that decided. Pure functions.

The source says: raise the weight of entrances with a low bounce (A-155), mend or lower those with a high one, and watch
the pages with much traffic (A-156). It names no threshold. Ours: the interval (Wilson) of an entrance's bounce has to lie
wholly beyond the shop's median, and the entrance must have enough visits; a high one is mended where it brings orders or
much of the traffic, else lowered.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from statistics import NormalDist, median

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from shuke.kernel.verdicts import Reason
from shuke.rulebook import reads as rulebook
from shuke.shops.reads import ShopView
from shuke.traffic.decisions import wilson

RULES = "common.entrances."
RAISE, MEND, LOWER, KEEP, TOO_FEW = "raise", "mend", "lower", "keep", "too_few"
# In the order in which they are offered: what needs a deed first.
ADVICE = (MEND, LOWER, RAISE, KEEP, TOO_FEW)
ADVICE_WORDS = {
    RAISE: pgettext_lazy("entrance advice", "Raise"),
    MEND: pgettext_lazy("entrance advice", "Mend"),
    LOWER: pgettext_lazy("entrance advice", "Lower"),
    KEEP: pgettext_lazy("entrance advice", "Leave as it is"),
    TOO_FEW: pgettext_lazy("entrance advice", "Too few visits to judge"),
}


@dataclass(frozen=True)
class Limits:
    """The rulebook's values on a day. `confidence` and `much_traffic` are shares from 0 to 1."""

    least_visits: int
    confidence: float
    much_traffic: float
    raises_low: bool
    mends_high: bool


@dataclass(frozen=True)
class Advice:
    """What is advised, why, and by which rules (their ids). `low` and `high`: the interval of the bounce; None where there
    are too few visits. `median`: the shop's; None where no entrance has enough visits."""

    code: str
    reasons: tuple[Reason, ...]
    rules: tuple[str, ...]
    low: float | None = None
    high: float | None = None
    median: Fraction | None = None


def limits_on(shop: ShopView, day: date) -> Limits:
    """What holds for a shop on a day, its own values included."""

    def value(name: str) -> float:
        return float(rulebook.value_for(shop, RULES + name, day).value)

    return Limits(
        least_visits=int(value("least_visits")),
        confidence=value("confidence_percent") / 100,
        much_traffic=value("much_traffic_percent") / 100,
        raises_low=bool(value("raise_low_bounce")),
        mends_high=bool(value("mend_or_lower_high_bounce")),
    )


def shop_median(bounces: Iterable[tuple[int, int]], limits: Limits) -> Fraction | None:
    """The median bounce of the entrances (bounced, visits) that have enough visits; None where none has."""
    shares = [Fraction(cases, of) for cases, of in bounces if of >= limits.least_visits]
    return Fraction(median(shares)) if shares else None


def advise(
    *, bounced: int, visits: int, ordered: int, visits_of_all: int, middle: Fraction | None, limits: Limits
) -> Advice:
    """What is advised for an entrance of which `bounced` of `visits` visits saw one page; `ordered` completed an order."""
    if visits < limits.least_visits or middle is None:
        few = Reason(
            "too_few_visits",
            _("%(visits)s visits; from %(least)s on an entrance is judged."),
            {"visits": visits, "least": limits.least_visits},
        )
        return Advice(TOO_FEW, (few,), (RULES + "least_visits",), median=middle)
    low, high = wilson(bounced, visits, NormalDist().inv_cdf((1 + limits.confidence) / 2))
    numbers = {
        "bounce": f"{bounced / visits:.1%}",
        "visits": f"{visits:,}",
        "low": f"{low:.1%}",
        "high": f"{high:.1%}",
        "confidence": f"{limits.confidence:.0%}",
        "median": f"{float(middle):.1%}",
    }
    ours = (RULES + "least_visits", RULES + "confidence_percent")
    if (high < middle and not limits.raises_low) or (low > middle and not limits.mends_high):
        rule = "raise_low_bounce" if high < middle else "mend_or_lower_high_bounce"
        reason = Reason("rule_off", _BELOW_OFF if high < middle else _ABOVE_OFF, numbers)
        return Advice(KEEP, (reason,), (RULES + rule, *ours), low, high, middle)
    if high < middle:
        reason = Reason("below_median", _BELOW, numbers)
        return Advice(RAISE, (reason,), (RULES + "raise_low_bounce", *ours), low, high, middle)
    if low > middle:
        reason = Reason("above_median", _ABOVE, numbers)
        share = visits / visits_of_all if visits_of_all else 0.0
        facts = {
            "ordered": f"{ordered:,}",
            "share": f"{share:.1%}",
            "much": f"{limits.much_traffic:.0%}",
        }
        is_mended = ordered > 0 or share >= limits.much_traffic
        why = Reason(
            "brings_something" if is_mended else "brings_little", _MEND if is_mended else _LOWER, facts
        )
        rules = (RULES + "mend_or_lower_high_bounce", RULES + "much_traffic_percent", *ours)
        return Advice(MEND if is_mended else LOWER, (reason, why), rules, low, high, middle)
    reason = Reason("around_median", _AROUND, numbers)
    return Advice(KEEP, (reason,), ours, low, high, middle)


_BELOW = _(
    "Bounce %(bounce)s of %(visits)s visits, between %(low)s and %(high)s (%(confidence)s): wholly below the shop's median of "
    "%(median)s. Send it more visitors."
)
_ABOVE = _(
    "Bounce %(bounce)s of %(visits)s visits, between %(low)s and %(high)s (%(confidence)s): wholly above the shop's median of "
    "%(median)s."
)
_BELOW_OFF = _(
    "Bounce %(bounce)s of %(visits)s visits, between %(low)s and %(high)s (%(confidence)s): wholly below the shop's median of "
    "%(median)s. The rule that would advise to raise it is switched off in this shop."
)
_ABOVE_OFF = _(
    "Bounce %(bounce)s of %(visits)s visits, between %(low)s and %(high)s (%(confidence)s): wholly above the shop's median of "
    "%(median)s. The rule that would advise to mend or lower it is switched off in this shop."
)
_AROUND = _(
    "Bounce %(bounce)s of %(visits)s visits, between %(low)s and %(high)s (%(confidence)s): not told apart from the shop's median "
    "of %(median)s."
)
_MEND = _(
    "%(ordered)s of its visits ordered and it brings %(share)s of all visits; with an order, or %(much)s of the visits, a page is "
    "worth mending."
)
_LOWER = _(
    "None of its visits ordered and it brings %(share)s of all visits, less than %(much)s: send visitors elsewhere."
)
