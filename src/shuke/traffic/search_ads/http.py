"""The API of search ads: keywords with what is advised, as JSON or CSV, and a trial of another bid or quality score.

Amounts are integers of the currency's minor unit; costs per click and order are means and may have a fraction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from ninja import Query, Router, Schema

from shuke.kernel import clock
from shuke.kernel.verdicts import Reason
from shuke.shops.access import ShopRequest, api
from shuke.shops.csv_out import csv_response
from shuke.shops.roles import Deed
from shuke.traffic.http_shapes import ReasonOut
from shuke.traffic.http_shared import Format, period_if_asked
from shuke.traffic.search_ads import reads

router = Router()


class ClickCostOut(Schema):
    """What a click is expected to cost against the bidders that are known; null with its reason."""

    minor: int | None
    reason: ReasonOut | None
    is_above_bid: bool


class PlaceOut(Schema):
    """The rank among the bidders that are known, best and worst: they differ where bid x quality is equal."""

    best: int
    worst: int


class AdviceOut(Schema):
    """`code`: drop, look_at_rank, lower_or_mend, keep, too_few, unknown. `is_ours`: a threshold of Shuke's decided."""

    code: str
    is_ours: bool
    reasons: list[ReasonOut]
    rules: list[str]


class KeywordOut(Schema):
    """One keyword of one item and campaign over `start` to `last`, both included; null: no report states it."""

    keyword: str
    item: str
    campaign: str
    start: date
    last: date
    rows: int
    left_out: int
    bid_minor: int | None
    quality: float | None
    score: float | None
    rank: float | None
    impressions: float | None
    clicks: float | None
    cost_minor: int | None
    orders: float | None
    amount_minor: int | None
    next_bid_minor: int | None
    next_quality: float | None
    cost_per_click: float | None
    cost_per_order: float | None
    returned: float | None
    is_few: bool
    place: PlaceOut | None
    click_cost: ClickCostOut
    advice: AdviceOut


class KeywordsOut(Schema):
    """`counts`: keywords by advice, before any filter; `latest_start` and `latest_last` span the newest report."""

    start: date
    end: date
    latest_start: date | None
    latest_last: date | None
    currency: str
    counts: dict[str, int]
    items: list[str]
    keywords: list[KeywordOut]
    notes: list[ReasonOut]


class TrialOut(Schema):
    """`code`: as_is, bid_raised, quality_raised."""

    code: str
    bid_minor: int
    quality: float
    score: float
    place: PlaceOut
    click_cost: ClickCostOut


class TrialsOut(Schema):
    currency: str
    trials: list[TrialOut]


@router.get("/shops/{shop}/traffic/keywords", response=KeywordsOut, operation_id="get_keywords")
@api(Deed.VIEW_TRAFFIC)
def get_keywords(
    request: ShopRequest,
    shop: str,
    start: date | None = None,
    end: date | None = None,
    advice: str = Query("", max_length=40, description="such as drop; none: all"),
    item: str | None = Query(
        None, max_length=200, description="an item's reference; blank: reports without one"
    ),
    format: Format = "json",
) -> Any:
    """Keywords of search ads with what is advised for each and why.

    `start` (included) and `end` (not included) choose the days; without them the newest report and the 30 days before its
    end.
    """
    found = reads.keywords(
        shop=request.access.shop, period=period_if_asked(start, end), advice=advice, item=item, at=clock.now()
    )
    if format == "csv":
        return csv_response(request.access, "keywords", *keywords_table(found))
    return as_json(found, request.access.shop.currency)


@router.get("/shops/{shop}/traffic/keywords/trial", response=TrialsOut, operation_id="try_keyword")
@api(Deed.VIEW_TRAFFIC)
def try_keyword(
    request: ShopRequest,
    shop: str,
    bid: Decimal = Query(..., description="own bid in the currency's major unit, e.g. 1.20"),  # noqa: B008
    quality: Decimal = Query(..., description="own quality score"),  # noqa: B008
    rival: list[str] = Query([], description="other bidders as bid:quality, e.g. 1.00:7"),  # noqa: B008
) -> Any:
    """Where a bid and a quality would stand among these bidders, and what a click would cost: as it is, the bid raised,
    the quality raised. Nothing is changed anywhere."""
    view = request.access.shop
    own = reads.bidder("bid", bid, quality, view.currency)
    rivals = [read_rival(text, view.currency) for text in rival]
    found = reads.try_out(shop=view, own=own, rivals=rivals, at=clock.now())
    return {"currency": view.currency, "trials": [_trial(one) for one in found]}


def read_rival(text: str, currency: str) -> reads.Bidder:
    """A bidder written as `bid:quality`. Raises BadBidder."""
    bid, colon, quality = text.partition(":")
    try:
        return reads.bidder(
            "rival", Decimal(bid.strip()), Decimal(quality.strip() if colon else ""), currency
        )
    except ArithmeticError:
        raise reads.BadBidder(field="rival", value=text) from None


# --- what goes out


def as_json(found: reads.Keywords, currency: str) -> dict[str, Any]:
    """The answer as JSON values but for its days; the command gives the same."""
    return {
        "start": found.period.start,
        "end": found.period.end,
        "latest_start": found.latest[0] if found.latest else None,
        "latest_last": found.latest[1] if found.latest else None,
        "currency": currency,
        "counts": found.counts,
        "items": list(found.items),
        "keywords": [_keyword(one) for one in found.rows],
        "notes": [reason_out(one) for one in found.notes],
    }


def reason_out(reason: Reason) -> dict[str, str]:
    return {"code": reason.code, "words": reason.text()}


def _keyword(one: reads.Keyword) -> dict[str, Any]:
    stated = one.stated
    return {
        "keyword": one.keyword,
        "item": one.item,
        "campaign": one.campaign,
        "start": one.first,
        "last": one.last,
        "rows": one.rows,
        "left_out": one.left_out,
        "bid_minor": stated.bid_minor,
        "quality": _float(stated.quality),
        "score": _float(one.score),
        "rank": _float(stated.rank),
        "impressions": _float(stated.impressions),
        "clicks": _float(stated.clicks),
        "cost_minor": stated.cost_minor,
        "orders": _float(stated.orders),
        "amount_minor": stated.amount_minor,
        "next_bid_minor": stated.next_bid_minor,
        "next_quality": _float(stated.next_quality),
        "cost_per_click": _float(one.cost_per_click),
        "cost_per_order": _float(one.cost_per_order),
        "returned": _float(one.returned),
        "is_few": one.is_few,
        "place": _place(one.place) if one.place else None,
        "click_cost": _cost(one.click_cost),
        "advice": {
            "code": one.advice.code,
            "is_ours": one.advice.is_ours,
            "reasons": [reason_out(reason) for reason in one.advice.reasons],
            "rules": list(one.advice.rules),
        },
    }


def _trial(one: reads.Trial) -> dict[str, Any]:
    return {
        "code": one.code,
        "bid_minor": one.bidder.bid_minor,
        "quality": _float(one.bidder.quality),
        "score": _float(one.bidder.score),
        "place": _place(one.place),
        "click_cost": _cost(one.cost),
    }


def _place(one: reads.Place) -> dict[str, int]:
    return {"best": one.best, "worst": one.worst}


def _cost(one: reads.ClickCost) -> dict[str, Any]:
    return {
        "minor": one.minor,
        "reason": reason_out(one.reason) if one.reason else None,
        "is_above_bid": one.is_above_bid,
    }


def _float(value: Decimal | Fraction | None) -> float | None:
    return None if value is None else float(value)


TABLE = (
    "keyword",
    "item",
    "campaign",
    "advice",
    "why",
    "start",
    "last",
    "bid_minor",
    "quality",
    "score",
    "rank",
    "impressions",
    "clicks",
    "cost_minor",
    "orders",
    "amount_minor",
    "cost_per_click",
    "cost_per_order",
    "returned",
    "next_bid_minor",
    "next_quality",
    "click_cost_minor",
)


def keywords_table(found: reads.Keywords) -> tuple[Sequence[str], Iterator[Sequence[Any]]]:
    """Header and rows of the file; amounts in minor units."""

    def rows() -> Iterator[Sequence[Any]]:
        for one in found.rows:
            told = _keyword(one)
            told |= {
                "advice": one.advice.code,
                "why": " ".join(reason.text() for reason in one.advice.reasons),
                "click_cost_minor": one.click_cost.minor,
            }
            yield [told[name] for name in TABLE]

    return TABLE, rows()
