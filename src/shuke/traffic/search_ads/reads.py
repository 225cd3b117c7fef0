"""Questions about search advertising: keywords with what is advised for them, and a trial of another bid or quality."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from django.utils.translation import gettext_lazy as _

from shuke.kernel.errors import Invalid
from shuke.kernel.money import to_minor
from shuke.kernel.periods import Period, local_day
from shuke.kernel.verdicts import Reason
from shuke.rulebook import reads as rulebook
from shuke.shops.reads import ShopView
from shuke.traffic.reads.entries import entries, entry_spans
from shuke.traffic.search_ads import decisions
from shuke.traffic.search_ads.decisions import (
    ADVICE,
    ADVICE_WORDS,
    Advice,
    Bidder,
    ClickCost,
    Limits,
    Place,
    Stated,
    Trial,
)
from shuke.traffic.search_ads.gathering import Gathered, gather
from shuke.warehouse.schemas import KEYWORD_DAY

__all__ = [
    "ADVICE",
    "ADVICE_WORDS",
    "MOST_RIVALS",
    "Advice",
    "BadBidder",
    "Bidder",
    "ClickCost",
    "Keyword",
    "Keywords",
    "Limits",
    "Place",
    "Stated",
    "Trial",
    "bid_to_lead",
    "bidder",
    "keywords",
    "limits_of",
    "try_out",
]

DEFAULT_DAYS = 30
FEW_ORDERS = 10
MOST_RIVALS = 20
LARGEST = Decimal(100_000)
bid_to_lead = decisions.bid_to_lead


class BadBidder(Invalid):
    code = "bad_bidder"
    words = _("%(field)s can not be “%(value)s”.")
    remedy = _(
        "A bid in the shop's currency above 0, with a quality score above 0; at most 20 other bidders."
    )


@dataclass(frozen=True)
class Keyword:
    """One keyword of one item and campaign (blank where no report says them), over the days `first` to `last`.

    `cost_per_click` and `cost_per_order` in minor units; None: unknown. `is_few`: fewer than 10 orders stand behind them.
    `click_cost` is what B-218 expects against the next bidder; `rows` of reports were counted, `left_out` overlap them.
    """

    keyword: str
    item: str
    campaign: str
    first: date
    last: date
    rows: int
    left_out: int
    stated: Stated
    advice: Advice
    place: Place | None
    click_cost: ClickCost
    cost_per_click: Fraction | None
    cost_per_order: Fraction | None
    returned: Fraction | None
    is_few: bool

    @property
    def score(self) -> Fraction | None:
        """Bid x quality, in yuan x points."""
        return self.stated.own.score if self.stated.own else None


@dataclass(frozen=True)
class Keywords:
    """The keywords of a period. `counts`: how many are advised what, before any filter; `items` are all that occur.

    `latest`: the span of the newest report; None: no report was ever imported.
    """

    period: Period
    latest: tuple[date, date] | None
    rows: tuple[Keyword, ...]
    counts: dict[str, int]
    items: tuple[str, ...]
    limits: Limits
    notes: tuple[Reason, ...]


def limits_of(shop: ShopView, at: date) -> Limits:
    """The rulebook's values that hold in a shop on its day."""

    def value(name: str) -> Decimal:
        return Decimal(str(rulebook.value_for(shop, decisions.RULES + name, at).value))

    return Limits(
        least_quality=value("least_quality"),
        increment=value("click_increment"),
        least_clicks=int(value("least_clicks")),
        least_return=value("least_return"),
        bid_step=value("bid_step"),
        quality_step=value("quality_step"),
    )


def keywords(
    *,
    shop: ShopView,
    period: Period | None = None,
    advice: str = "",
    item: str | None = None,
    at: datetime,
) -> Keywords:
    """The keywords that reports of a period tell of, those first that need a deed, the dearest first.

    Without `period`: 30 days up to the last one of the newest report, and all that this one tells of. `advice` and `item`
    choose among them; the item "" is that of reports that name none. Raises Invalid for an unknown advice.
    """
    if advice and advice not in ADVICE:
        raise Invalid(field="advice", value=advice)
    today = local_day(at, shop.zone)
    spans = entry_spans(shop, KEYWORD_DAY)
    latest = list(spans)[-1] if spans else None
    if period is None:
        last = latest[1] if latest else today
        first = last - timedelta(days=DEFAULT_DAYS - 1)
        period = Period.inclusive(min(first, latest[0]) if latest else first, last)
    limits = limits_of(shop, today)
    told = entries(shop, KEYWORD_DAY, period) if latest else ()
    inside = [one for one in told if one.last in period]
    begun = sum(rows for (first, last), rows in spans.items() if first < period.start <= last)
    found = [_keyword(one, limits, shop.currency) for one in gather(inside, shop.currency)]
    counts = dict.fromkeys(ADVICE, 0)
    for row in found:
        counts[row.advice.code] += 1
    rows = [
        row
        for row in found
        if (not advice or row.advice.code == advice) and (item is None or row.item == item)
    ]
    rows.sort(
        key=lambda row: (
            ADVICE.index(row.advice.code),
            -(row.stated.cost_minor or 0),
            row.keyword,
            row.item,
            row.campaign,
        )
    )
    return Keywords(
        period=period,
        latest=latest,
        rows=tuple(rows),
        counts=counts,
        items=tuple(sorted({row.item for row in found})),
        limits=limits,
        notes=_notes(begun + len(told) - len(inside), sum(row.left_out for row in found)),
    )


def _keyword(one: Gathered, limits: Limits, currency: str) -> Keyword:
    stated = one.stated
    rivals = [stated.next] if stated.next else []
    return Keyword(
        keyword=one.name.keyword,
        item=one.name.item,
        campaign=one.name.campaign,
        first=one.first,
        last=one.last,
        rows=one.rows,
        left_out=one.left_out,
        stated=stated,
        advice=decisions.advise(stated, limits),
        place=decisions.place(stated.own, rivals) if stated.own and rivals else None,
        click_cost=decisions.expected_cost(stated.own, rivals, limits, currency),
        cost_per_click=decisions.cost_per_click(stated),
        cost_per_order=decisions.cost_per_order(stated),
        returned=decisions.returned(stated),
        is_few=stated.orders is not None and stated.orders < FEW_ORDERS,
    )


def _notes(beyond: int, left_out: int) -> tuple[Reason, ...]:
    found = []
    if beyond:
        found.append(Reason("beyond_period", _BEYOND, {"count": f"{beyond:,}"}))
    if left_out:
        found.append(Reason("told_twice", _TWICE, {"count": f"{left_out:,}"}))
    return tuple(found)


_BEYOND = _("%(count)s rows tell of days beyond this period too and are left out.")
_TWICE = _(
    "%(count)s rows tell of the same days as others that cover more days or say more, and are not added."
)


def bidder(field: str, bid: Decimal, quality: Decimal, currency: str) -> Bidder:
    """A bidder from a bid in the major unit and a quality score. Raises BadBidder naming `field`."""
    for value in (bid, quality):
        if not value.is_finite() or not 0 < value < LARGEST:
            raise BadBidder(field=field, value=value)
    minor = to_minor(bid, currency)
    if minor < 1:
        raise BadBidder(field=field, value=bid)
    return Bidder(minor, quality)


def try_out(*, shop: ShopView, own: Bidder, rivals: Sequence[Bidder], at: datetime) -> tuple[Trial, ...]:
    """What a bid and a quality would give against these rivals: as it is, the bid raised, the quality raised."""
    if len(rivals) > MOST_RIVALS:
        raise BadBidder(field="rival", value=len(rivals))
    limits = limits_of(shop, local_day(at, shop.zone))
    return decisions.trials(own, rivals, limits, shop.currency)
