"""What the page of search ads shows, read from its address: days, advice, item; and a trial's bidders.

Parameters: `from` and `to` (days, both included; without them the newest report), `advice`, `item` (`-`: reports that name
none); of a trial `bid`, `quality`, and `rival` with `rival_quality` (as often as there are others). What can not be read
is left out and said in `problems`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation

from django.http import HttpRequest
from django.utils.translation import gettext

from shuke.kernel.errors import ShukeError
from shuke.kernel.money import Money
from shuke.kernel.periods import Period
from shuke.traffic.search_ads import reads

NO_ITEM = "-"
LONGEST = 3 * 366


@dataclass(frozen=True)
class SearchAdsView:
    """The days (None: the newest report's), the advice and the item that are asked for."""

    period: Period | None
    advice: str
    item: str | None
    problems: tuple[str, ...]

    @property
    def item_words(self) -> str:
        return item_words(self.item) if self.item is not None else ""


def item_words(item: str) -> str:
    return item or gettext("without an item")


def read_view(request: HttpRequest) -> SearchAdsView:
    """The page's address. Nothing typed is an error page."""
    problems: list[str] = []
    advice = request.GET.get("advice", "")
    if advice and advice not in reads.ADVICE:
        problems.append(gettext("There is no advice “%(advice)s”; all are shown.") % {"advice": advice[:40]})
        advice = ""
    item = request.GET.get("item", "")[:200]
    return SearchAdsView(
        period=_period(request, problems),
        advice=advice,
        item=None if not item else "" if item == NO_ITEM else item,
        problems=tuple(problems),
    )


def _period(request: HttpRequest, problems: list[str]) -> Period | None:
    first, last = request.GET.get("from", ""), request.GET.get("to", "")
    if not first and not last:
        return None
    try:
        found = Period.inclusive(date.fromisoformat(first), date.fromisoformat(last))
        if found.length > LONGEST or not 1990 <= found.start.year <= found.last.year < 2200:
            raise ValueError
    except (ValueError, OverflowError):
        problems.append(gettext("These days can not be read; the newest report is shown."))
        return None
    return found


@dataclass(frozen=True)
class TypedBidder:
    """A bidder as typed, so that the form keeps it."""

    bid: str
    quality: str


@dataclass(frozen=True)
class TypedTrial:
    """What was typed of a trial, and the bidders that it makes; `problem` where one can not be read."""

    own: TypedBidder
    rivals: tuple[TypedBidder, ...]
    bidders: tuple[reads.Bidder, ...]  # the own one first
    problem: str


ROWS = 3


def read_trial(request: HttpRequest, keyword: reads.Keyword | None, currency: str) -> TypedTrial:
    """The trial that the address asks for; before anything was typed, what the report states of the keyword."""
    query = request.GET
    if "bid" in query:
        own = TypedBidder(query.get("bid", "").strip()[:20], query.get("quality", "").strip()[:20])
        pairs = zip(query.getlist("rival"), query.getlist("rival_quality"), strict=False)
        rivals = [TypedBidder(bid.strip()[:20], quality.strip()[:20]) for bid, quality in pairs]
    else:
        stated = keyword.stated if keyword else reads.Stated()
        own = TypedBidder(_major(stated.bid_minor, currency), _plain(stated.quality))
        rivals = [TypedBidder(_major(stated.next_bid_minor, currency), _plain(stated.next_quality))]
    typed = [one for one in rivals if one.bid or one.quality][: reads.MOST_RIVALS]
    shown = [*typed, *[TypedBidder("", "")] * max(1, ROWS - len(typed))]
    bidders: list[reads.Bidder] = []
    problem = ""
    if own.bid and own.quality:
        try:
            bidders.append(_bidder(gettext("Own bid and quality"), own, currency))
            bidders += [_bidder(gettext("Another bidder"), one, currency) for one in typed]
        except ShukeError as error:
            problem, bidders = str(error), []
    elif "bid" in query:
        problem = gettext("Give the own bid and the own quality score.")
    return TypedTrial(own, tuple(shown), tuple(bidders), problem)


def _bidder(field: str, typed: TypedBidder, currency: str) -> reads.Bidder:
    try:
        return reads.bidder(field, Decimal(typed.bid), Decimal(typed.quality), currency)
    except InvalidOperation:
        raise reads.BadBidder(field=field, value=f"{typed.bid} × {typed.quality}") from None


def _major(minor: int | None, currency: str) -> str:
    return "" if minor is None else str(Money(minor, currency).amount)


def _plain(value: Decimal | None) -> str:
    return "" if value is None else f"{value:f}"
