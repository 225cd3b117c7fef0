"""Search ads decided: who ranks before whom, what a click costs, and what is advised for a keyword. Pure functions.

Rank is bid x quality (A-070). A click costs next bid x next quality / own quality + 0.01 yuan (B-218; the source prints a
plus where the division sign belongs). A quality below 5 is unsuited (A-071); no impressions: the rank first (A-072). What
a rule is silent about is not decided; what a formula needs and nobody stated is said to be missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from shuke.kernel.money import exponent
from shuke.kernel.verdicts import Reason

RULES = "taobao.search_ads."
DROP, RANK_FIRST, TOO_DEAR, KEEP, TOO_FEW, UNKNOWN = (
    "drop",
    "look_at_rank",
    "lower_or_mend",
    "keep",
    "too_few",
    "unknown",
)
# In the order in which they are offered: what needs a deed first.
ADVICE = (DROP, RANK_FIRST, TOO_DEAR, KEEP, TOO_FEW, UNKNOWN)
ADVICE_WORDS = {
    DROP: pgettext_lazy("keyword advice", "Drop it"),
    RANK_FIRST: pgettext_lazy("keyword advice", "Look at its rank"),
    TOO_DEAR: pgettext_lazy("keyword advice", "Lower the bid or mend"),
    KEEP: pgettext_lazy("keyword advice", "Keep it"),
    TOO_FEW: pgettext_lazy("keyword advice", "Too few clicks to judge"),
    UNKNOWN: pgettext_lazy("keyword advice", "Unknown"),
}


@dataclass(frozen=True)
class Limits:
    """The rulebook's values on a day. `increment` in yuan; `bid_step` a share of the bid, `quality_step` points."""

    least_quality: Decimal
    increment: Decimal
    least_clicks: int
    least_return: Decimal
    bid_step: Decimal
    quality_step: Decimal


@dataclass(frozen=True)
class Bidder:
    """What somebody offers for a click: `bid_minor` in fen, `quality` in points, both above zero."""

    bid_minor: int
    quality: Decimal

    @property
    def score(self) -> Fraction:
        """What bidders are ranked by, in yuan x points."""
        return Fraction(self.bid_minor, 100) * Fraction(self.quality)


@dataclass(frozen=True)
class Place:
    """Where a bidder stands among those who are known: from `best` to `worst`, which differ where scores are equal.

    `behind` is who stands right behind him; None where nobody is known to, or an equal score leaves it open.
    """

    best: int
    worst: int
    behind: Bidder | None

    @property
    def is_tie(self) -> bool:
        return self.best != self.worst


@dataclass(frozen=True)
class ClickCost:
    """What a click is expected to cost in minor units, or why that is unknown. `exact`: before it was rounded."""

    minor: int | None
    exact: Fraction | None = None
    reason: Reason | None = None
    is_above_bid: bool = False


@dataclass(frozen=True)
class Advice:
    """What is advised, why, and by which rules (their ids). `reasons` begin with the one that decided."""

    code: str
    reasons: tuple[Reason, ...]
    rules: tuple[str, ...]

    @property
    def is_ours(self) -> bool:
        """Whether a threshold of ours decided, and no source."""
        return self.code in (TOO_DEAR, TOO_FEW)


@dataclass(frozen=True)
class Stated:
    """What is known of a keyword; None: nobody stated it. Amounts in minor units of one currency, sums over the period."""

    bid_minor: int | None = None
    quality: Decimal | None = None
    rank: Decimal | None = None
    impressions: Decimal | None = None
    clicks: Decimal | None = None
    cost_minor: int | None = None
    orders: Decimal | None = None
    amount_minor: int | None = None
    next_bid_minor: int | None = None
    next_quality: Decimal | None = None

    @property
    def own(self) -> Bidder | None:
        return _bidder(self.bid_minor, self.quality)

    @property
    def next(self) -> Bidder | None:
        """The next bidder, where both of his numbers are stated."""
        return _bidder(self.next_bid_minor, self.next_quality)


def _bidder(bid_minor: int | None, quality: Decimal | None) -> Bidder | None:
    return Bidder(bid_minor, quality) if bid_minor and quality else None


# --- rank and cost


def place(own: Bidder, rivals: Iterable[Bidder]) -> Place:
    """The rank among these rivals by bid x quality, highest first."""
    ahead = equal = 0
    behind: list[Bidder] = []
    for rival in rivals:
        if rival.score > own.score:
            ahead += 1
        elif rival.score == own.score:
            equal += 1
        else:
            behind.append(rival)
    following = max(behind, key=lambda one: one.score, default=None)
    return Place(ahead + 1, ahead + equal + 1, None if equal else following)


def click_cost(own: Bidder, behind: Bidder, increment: Decimal, currency: str) -> ClickCost:
    """What a click costs the bidder who stands right before another one, rounded half up to the minor unit (ours)."""
    if currency != "CNY":
        return ClickCost(None, reason=Reason("not_yuan", _NOT_YUAN, {"currency": currency}))
    yuan = behind.score / Fraction(own.quality) + Fraction(increment)
    exact = yuan * 10 ** exponent(currency)
    minor = int(_decimal(exact).quantize(Decimal(1), rounding=ROUND_HALF_UP))
    return ClickCost(minor, exact, is_above_bid=minor > own.bid_minor)


def expected_cost(own: Bidder | None, rivals: Sequence[Bidder], limits: Limits, currency: str) -> ClickCost:
    """What a click is expected to cost against the rivals that are known; unknown with its reason."""
    if own is None:
        return ClickCost(None, reason=Reason("own_missing", _OWN_MISSING))
    if not rivals:
        return ClickCost(None, reason=Reason("no_rival", _NO_RIVAL))
    found = place(own, rivals)
    if found.is_tie:
        return ClickCost(None, reason=Reason("tie", _TIE))
    if found.behind is None:
        return ClickCost(None, reason=Reason("nobody_behind", _NOBODY_BEHIND))
    return click_cost(own, found.behind, limits.increment, currency)


_NOT_YUAN = _("The rule is written in yuan; this shop counts in %(currency)s.")
_OWN_MISSING = _("The own bid or the own quality score is not stated.")
_NO_RIVAL = _("No other bidder is known: the report does not state the next bidder's bid and quality.")
_TIE = _("Another bidder's bid x quality is equal; the source does not say who stands ahead.")
_NOBODY_BEHIND = _("All bidders that are known stand ahead; who comes next is not known.")


@dataclass(frozen=True)
class Trial:
    """One way to bid: who, where he would stand, and what a click would cost him."""

    code: str
    bidder: Bidder
    place: Place
    cost: ClickCost


def trials(own: Bidder, rivals: Sequence[Bidder], limits: Limits, currency: str) -> tuple[Trial, ...]:
    """As it is, with a higher bid, with a higher quality: side by side, against the same rivals."""
    dearer = _decimal(Fraction(own.bid_minor) * (1 + Fraction(limits.bid_step)))
    ways = (
        ("as_is", own),
        (
            "bid_raised",
            replace(
                own,
                bid_minor=max(own.bid_minor + 1, int(dearer.quantize(Decimal(1), rounding=ROUND_HALF_UP))),
            ),
        ),
        ("quality_raised", replace(own, quality=own.quality + limits.quality_step)),
    )
    return tuple(
        Trial(code, one, place(one, rivals), expected_cost(one, rivals, limits, currency))
        for code, one in ways
    )


def bid_to_lead(own: Bidder, rival: Bidder) -> int:
    """The least bid in minor units that stands ahead of a rival at the own quality."""
    needed = rival.score / Fraction(own.quality) * 100
    return int(needed) + 1


# --- advice


def advise(stated: Stated, limits: Limits) -> Advice:
    """What is advised for one keyword. Facts of the sources decide first, thresholds of ours after them."""
    params = {
        "quality": _plain(stated.quality),
        "least": _plain(limits.least_quality),
        "clicks": _plain(stated.clicks),
        "least_clicks": limits.least_clicks,
    }
    if stated.quality is not None and stated.quality < limits.least_quality:
        return Advice(DROP, (Reason("quality_below", _QUALITY_BELOW, params),), (f"{RULES}least_quality",))
    if stated.impressions == 0:
        return Advice(
            RANK_FIRST,
            (Reason("no_impressions", _NO_IMPRESSIONS), *_rank_reasons(stated)),
            (f"{RULES}no_impressions_rank_first", f"{RULES}rank_formula"),
        )
    if stated.quality is None:
        return Advice(UNKNOWN, (Reason("quality_unknown", _QUALITY_UNKNOWN),), (f"{RULES}least_quality",))
    if stated.impressions is None:
        return Advice(
            UNKNOWN,
            (Reason("impressions_unknown", _IMPRESSIONS_UNKNOWN),),
            (f"{RULES}no_impressions_rank_first",),
        )
    suited = Reason("suited", _SUITED, params)
    if stated.clicks is not None and stated.clicks < limits.least_clicks:
        few = Reason("few_clicks", _FEW, params)
        return Advice(TOO_FEW, (few, suited), (f"{RULES}least_clicks", f"{RULES}least_quality"))
    brings = returned(stated)
    if brings is None or stated.clicks is None:
        unknown = Reason("return_unknown", _RETURN_UNKNOWN)
        return Advice(KEEP, (suited, unknown), (f"{RULES}least_quality",))
    judged = {**params, "return": f"{_decimal(brings):.2f}", "least_return": _plain(limits.least_return)}
    rules = (f"{RULES}least_return", f"{RULES}least_clicks")
    if brings < Fraction(limits.least_return):
        return Advice(TOO_DEAR, (Reason("return_below", _RETURN_BELOW, judged), suited), rules)
    return Advice(
        KEEP, (suited, Reason("return_enough", _RETURN_ENOUGH, judged)), (f"{RULES}least_quality", *rules)
    )


def _rank_reasons(stated: Stated) -> tuple[Reason, ...]:
    found = []
    if stated.rank is not None:
        found.append(Reason("rank_stated", _RANK_STATED, {"rank": _plain(stated.rank)}))
    if stated.own is None:
        found.append(Reason("own_missing", _OWN_MISSING))
    elif stated.next is None:
        found.append(Reason("no_rival", _NO_RIVAL))
    return tuple(found)


_QUALITY_BELOW = _("Its quality score is %(quality)s, below %(least)s: the keyword does not suit the item.")
_NO_IMPRESSIONS = _(
    "It has no impressions. Before anything else, look at its rank: bid x quality decides it."
)
_RANK_STATED = _("Its average rank was %(rank)s.")
_QUALITY_UNKNOWN = _("No report states its quality score, so it can not be said whether it suits the item.")
_IMPRESSIONS_UNKNOWN = _("No report states its impressions.")
_SUITED = _("Its quality score of %(quality)s is not below %(least)s.")
_FEW = _("%(clicks)s clicks are fewer than %(least_clicks)s: what it brings can not be judged yet.")
_RETURN_UNKNOWN = _("What it brings is not known: clicks, cost or amount are not stated.")
_RETURN_BELOW = _("It brings %(return)s for each unit of cost, below %(least_return)s, in %(clicks)s clicks.")
_RETURN_ENOUGH = _("It brings %(return)s for each unit of cost in %(clicks)s clicks.")


# --- what clicks cost and bring


def returned(stated: Stated) -> Fraction | None:
    """Amount / cost; None where either is unknown or nothing was spent."""
    if stated.amount_minor is None or not stated.cost_minor:
        return None
    return Fraction(stated.amount_minor, stated.cost_minor)


def cost_per_click(stated: Stated) -> Fraction | None:
    """Minor units a click; None where clicks or cost are unknown, or nobody clicked."""
    return _over(stated.cost_minor, stated.clicks)


def cost_per_order(stated: Stated) -> Fraction | None:
    """Minor units an order; None where orders or cost are unknown, or nobody ordered."""
    return _over(stated.cost_minor, stated.orders)


def _over(part: int | None, whole: Decimal | None) -> Fraction | None:
    return Fraction(part) / Fraction(whole) if part is not None and whole else None


def _plain(value: Decimal | int | None) -> str:
    return "" if value is None else f"{Decimal(value).normalize():f}"


def _decimal(value: Fraction) -> Decimal:
    return Decimal(value.numerator) / Decimal(value.denominator)
