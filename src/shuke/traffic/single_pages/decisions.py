"""Pure decisions about pages: a number or why there is none, and which pages are hot or cold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from django.utils.translation import gettext_lazy as _

from shuke.kernel.verdicts import Reason
from shuke.traffic.figures import Figure
from shuke.traffic.metrics import Metric
from shuke.traffic.single_pages.shapes import ROW_METRICS, Heat

PLACES = Decimal("0.000001")
NONE_BY: dict[str, Reason] = {
    "measured": Reason(
        "no_view_followed", _("No view of this page was followed by another one, so no stay can be measured.")
    ),
    "visits": Reason("page_not_viewed", _("The page was not viewed.")),
    "views": Reason("page_not_viewed", _("The page was not viewed.")),
}


def figure(metric: Metric, sums: Mapping[str, int]) -> Figure:
    """A page's number from its sums, or the reason why there is none."""
    part = int(sums.get(metric.numerator) or 0)
    if metric.denominator is None:
        return Figure(metric, part, None, part, numerator=part)
    whole = int(sums.get(metric.denominator) or 0)
    if not whole:
        return Figure(metric, None, NONE_BY[metric.denominator], 0, numerator=part)
    value = (Decimal(part) / Decimal(whole)).quantize(PLACES)
    return Figure(metric, value, None, whole, numerator=part, denominator=whole)


def figures(sums: Mapping[str, int]) -> tuple[Figure, ...]:
    """All numbers of a page, in the order of ROW_METRICS."""
    return tuple(figure(metric, sums) for metric in ROW_METRICS)


def share(part: int, whole: int) -> Decimal:
    return (Decimal(part) / Decimal(whole)).quantize(PLACES) if whole else Decimal(0)


def heats(views: Sequence[tuple[str, int]], hot_share: int, cold_share: int, few: int) -> dict[str, Heat]:
    """Hot: the first pages, most viewed first, until they hold `hot_share` per cent of all views together. Cold: the last
    ones that hold at most `cold_share` per cent together, those without a view among them. With fewer than `few` views of
    all pages nothing is said. Equal views stand in the order of their paths; a page that is both is hot."""
    whole = sum(count for _path, count in views)
    if whole < few:
        return {}
    ordered = sorted(views, key=lambda one: (-one[1], one[0]))
    found: dict[str, Heat] = {}
    held = 0
    for path, count in ordered:
        if held * 100 >= hot_share * whole or not count:
            break
        found[path] = "hot"
        held += count
    held = 0
    for path, count in reversed(ordered):
        held += count
        if held * 100 > cold_share * whole or path in found:
            break
        found[path] = "cold"
    return found
