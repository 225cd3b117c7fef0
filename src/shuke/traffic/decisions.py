"""Pure decisions: from measures to a figure or a reason, which period to compare with, and how a change splits.

No database, no clock: the moment is given.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from django.utils.translation import gettext_lazy as _

from shuke.kernel.errors import Invalid
from shuke.kernel.money import split_minor
from shuke.kernel.periods import ONE_DAY, Period, local_day, same_clock_time
from shuke.kernel.verdicts import Reason
from shuke.shops.reads import ShopView
from shuke.traffic.figures import AmountSplit, Figure
from shuke.traffic.metrics import Metric

Measures = Mapping[str, "int | Decimal | Fraction"]
COMPARISONS = ("before", "yesterday", "last_week", "custom")
PLACES = Decimal("0.000001")
Z95 = 1.959963984540054  # standard deviations of a 95 % interval

NOTHING_TO_DIVIDE_BY: dict[str, Reason] = {
    "visitors": Reason("no_visitors", _("There were no visitors.")),
    "visitor_days": Reason("no_visitors", _("There were no visitors.")),
    "days_with_visitors": Reason("no_visitors", _("There were no visitors.")),
    "visits": Reason("no_visits", _("There were no visits.")),
    "viewed_visits": Reason("no_viewed_visits", _("No visit viewed a page.")),
    "measured_visits": Reason(
        "no_measured_visits", _("No visit viewed two pages, so no stay could be measured.")
    ),
    "measured_visitors": Reason(
        "no_measured_visits", _("No visit viewed two pages, so no stay could be measured.")
    ),
    "item_views": Reason("no_item_views", _("No item page was viewed.")),
    "buyers": Reason("no_buyers", _("There were no known buyers.")),
    "orders": Reason("no_orders", _("There were no paid orders.")),
}
NOT_BY_VISIT = Reason(
    "not_by_visit", _("Visits do not tell this; take the filter or the grouping away to see it.")
)
NO_UNITS = Reason("no_units", _("No paid order states how many units it has."))


def figure(metric: Metric, measures: Measures) -> Figure:
    """A metric's number from its measures, or the reason why there is none.

    Counts and sums of money are integers; an average of money is rounded to the minor unit (half up); other quotients
    are decimals of six places.
    """
    needed = [metric.numerator, *([metric.denominator] if metric.denominator else [])]
    if any(name not in measures for name in needed):
        return Figure(metric, None, NOT_BY_VISIT, 0)
    numerator = measures[metric.numerator]
    cases = int(measures.get(metric.cases or metric.denominator or metric.numerator, 0))
    if metric.known_by and cases and not measures.get(metric.known_by):
        return Figure(metric, None, NO_UNITS, 0)
    if metric.denominator is None:
        value = numerator if metric.unit == "number" else int(numerator)
        return Figure(metric, _plain(value), None, cases, numerator=_plain(numerator))
    denominator = measures[metric.denominator]
    if denominator == 0:
        return Figure(metric, None, NOTHING_TO_DIVIDE_BY[metric.denominator], 0, numerator=_plain(numerator))
    quotient = Fraction(numerator) / Fraction(denominator)
    return Figure(
        metric,
        _rounded(quotient, Decimal(1) if metric.unit == "money" else PLACES),
        None,
        cases,
        numerator=_plain(numerator),
        denominator=_plain(denominator),
    )


def _rounded(value: Fraction, places: Decimal) -> int | Decimal:
    scaled = value / Fraction(places)
    whole = math.floor(abs(scaled) + Fraction(1, 2))
    signed = whole if scaled >= 0 else -whole
    return signed if places == 1 else (Decimal(signed) * places).quantize(places)


def _plain(value: int | Decimal | Fraction) -> int | Decimal:
    """As a whole number where it is one."""
    if isinstance(value, Fraction):
        return int(value) if value.denominator == 1 else _rounded(value, PLACES)
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else value.normalize()
    return value


def wilson(cases: float, of: float, z: float = Z95) -> tuple[float, float]:
    """Wilson's interval of a share, without correction (Newcombe 1998, method 3): 95 % unless another `z` is given.

    `of` above 0; more cases than that are taken for all of it.
    """
    share = min(cases / of, 1.0)
    middle = share + z * z / (2 * of)
    half = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    scale = 1 + z * z / of
    # At the edges the interval begins at the share itself; rounding must not pass it.
    low = 0.0 if cases == 0 else (middle - half) / scale
    high = 1.0 if cases >= of else (middle + half) / scale
    return low, high


def relative_change(now: Figure, then: Figure) -> Decimal | None:
    """(now - then) / |then|; None where either is not computable or `then` is 0."""
    if now.value is None or then.value is None or then.value == 0:
        return None
    change = (Decimal(now.value) - Decimal(then.value)) / abs(Decimal(then.value))
    return change.quantize(PLACES, rounding=ROUND_HALF_UP)


def default_comparisons(period: Period) -> tuple[str, ...]:
    """A single day against the day before and the same day last week; longer ones against the time before."""
    return ("yesterday", "last_week") if period.length == 1 else ("before", "last_week")


def compared_period(name: str, period: Period, custom: Period | None) -> Period:
    """The period that a comparison means. Raises Invalid for an unknown name or a missing custom period."""
    if name == "custom" and custom is not None:
        return custom
    if name == "before":
        return period.before()
    if name == "yesterday":
        return period.shifted(-1)
    if name == "last_week":
        return period.same_days_last_week()
    raise Invalid(field="against", value=name)


def compared(
    shop: ShopView, period: Period, against: str | None, custom: Period | None, at: datetime
) -> tuple[Period, datetime | None] | None:
    """The other period of a comparison and where it is cut; None where nothing is compared. Raises Invalid."""
    if against is None:
        return None
    other = compared_period(against, period, custom)
    return other, compared_until(shop, period, other, at)


def so_far(shop: ShopView, period: Period, at: datetime) -> datetime | None:
    """The moment up to which a period is known, when it is still running at `at`; None when it is over."""
    today = local_day(at, shop.zone)
    return at if today in period else None


def compared_until(shop: ShopView, period: Period, other: Period, at: datetime) -> datetime | None:
    """Where the other period must be cut so that it is as old as the running one: the same time of the shop's clock on
    the day that stands where today stands. None: it is taken whole, since the period is over or of another length.

    By whole minutes, as the page says it: what is cut at one minute is computed once for all who look in that minute.
    """
    if so_far(shop, period, at) is None or other.length != period.length:
        return None
    today = local_day(at, shop.zone)
    at = at.replace(second=0, microsecond=0)
    return same_clock_time(at, other.start + (today - period.start), shop.zone)


def hours_of(period: Period, start: datetime, end: datetime) -> list[datetime]:
    """The moments at which the hours of a period begin, counted from its first midnight (a day may have 23 or 25)."""
    count = -(-int((end - start).total_seconds()) // 3600)
    return [start + timedelta(hours=i) for i in range(count)]


def days_before(day: date, days: int) -> date:
    return day - ONE_DAY * days


def split_amount(now: Measures, then: Measures) -> AmountSplit:
    """The change of the paid amount as visitors x conversion x value per buyer, in minor units that add up exactly.

    By the logarithmic mean (LMDI): each factor's part is L(now, then) x ln(its ratio), with L(a, b) = (a - b) / ln(a / b)
    and L(a, a) = a; the parts add up to the change without a rest, whatever the order of the factors. Rounding to minor
    units keeps the sum (largest remainder).

    Where a factor is 0 on one side its logarithm has no value. Then the whole change goes to the first factor, in the
    order visitors, conversion, value, that is 0 on one side only: without visitors there is no conversion to speak of,
    without buyers no value per buyer. Where the product does not hold (an amount without visitors or without known
    buyers), nothing is split, and the reason says why.
    """
    total = int(now["paid_minor"]) - int(then["paid_minor"])
    sides = [(int(m["visitors"]), int(m["buyers"]), int(m["paid_minor"])) for m in (now, then)]
    for visitors, buyers, paid in sides:
        if visitors == 0 and (paid or buyers):
            return AmountSplit(total, None, None, None, Reason("amount_without_visitors", _WITHOUT_VISITORS))
        if buyers == 0 and paid:
            return AmountSplit(total, None, None, None, Reason("amount_without_buyers", _WITHOUT_BUYERS))
    if total == 0 and sides[0] == sides[1]:
        return AmountSplit(0, 0, 0, 0, None)
    names = ("visitors", "conversion", "value")
    for position, (a, b) in enumerate(zip(*sides, strict=True)):
        if (a == 0) != (b == 0):
            whole = [total if i == position else 0 for i in range(3)]
            return AmountSplit(
                total,
                whole[0],
                whole[1],
                whole[2],
                Reason(f"from_or_to_zero_{names[position]}", _ZERO[names[position]]),
            )
        if a == 0:
            # 0 on both sides: the amount was 0 and is 0.
            return AmountSplit(0, 0, 0, 0, Reason("no_amount", _("There was no amount on either side.")))
    (v1, b1, a1), (v0, b0, a0) = sides
    mean = float(a1) if a1 == a0 else (a1 - a0) / math.log(a1 / a0)
    ratios = (v1 / v0, (b1 / v1) / (b0 / v0), (a1 / b1) / (a0 / b0))
    shares = [mean * math.log(ratio) for ratio in ratios]
    visitors, conversion, value = split_minor(total, shares)
    return AmountSplit(total, visitors, conversion, value, None)


_WITHOUT_VISITORS = _("There is an amount but no visitors were measured, so the change can not be split.")
_WITHOUT_BUYERS = _("There is an amount but no buyer is known, so the change can not be split.")
_ZERO = {
    "visitors": _("One side had no visitors at all, so the whole change is one of visitors."),
    "conversion": _("One side had visitors but no buyer, so the whole change is one of conversion."),
    "value": _("One side had buyers who paid nothing, so the whole change is one of value per buyer."),
}
