"""Pure decisions about items: which one sells but stalls, and the step that holds it back. No database, no clock.

Ours, since the documents name no formula (A-146 asks to look at traffic and conversion together):

- The shop's hits are the first `hit_share` per cent of its selling items by units; the least of them is the line of a hit.
  An item stalls that sold, and less than `far_share` per cent of that line.
- A step is the share of those who reached the step before: view → cart → checkout → payment. It is held against the median
  of the shop's items with at least `min_cases` at the step before, and holds the item back when Wilson's interval (95 %)
  lies wholly below that median.
- Traffic holds an item back when no step does, and its visitors lie below the median of the shop's selling items by more
  than they scatter by themselves (1.96 times the root of their number).
- Of several the one that costs most buyers is named: how many there would be besides, were that step as the median's and
  all others as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from math import sqrt

from django.utils.translation import gettext_lazy as _

from shuke.kernel.verdicts import Reason
from shuke.traffic.decisions import wilson
from shuke.traffic.items.shapes import BEFORE, STEPS, ItemRow, Stall, StepCheck

Z = 1.959963984540054  # two-sided 95 %

HELD_BY = {
    "cart": _("Few of those who look add it to the cart: price, pictures and description."),
    "checkout": _(
        "Few of those who add it to the cart go on to the checkout: shipping, minimums, and what the cart says."
    ),
    "pay": _("Few of those who begin the checkout pay: payment, shipping costs, trust."),
    "traffic": _("Its steps are as the shop's items', but few see it: bring more traffic to it."),
    "nothing": _("No step lies clearly below the shop's items, and enough visitors see it."),
}
TOO_FEW = _("Only %(visitors)s visitors, fewer than %(least)s: too few to judge.")
TOO_FEW_AT_STEP = _("Only %(base)s reached the step before, fewer than %(least)s.")
NO_MEDIAN = _("Fewer than %(least)s items of the shop can be compared at this step.")
TOO_FEW_ITEMS = _("Only %(sold)s items sold, fewer than %(least)s: there is no hit to be far from.")


def median(values: Sequence[Fraction]) -> Fraction | None:
    """The middle value, of an even number the mean of the two; None of none."""
    if not values:
        return None
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def judged(rows: Sequence[ItemRow], rules: Mapping[str, int]) -> tuple[list[Stall], Reason | None]:
    """Every item with its steps and what holds it back; the reason why none is called stalling, where the shop sold too few."""
    sold = [row for row in rows if row.sums.orders > 0]
    hit = _hit_units(sold, rules)
    too_few = None
    if len(sold) < rules["fewest_items"]:
        too_few = Reason("too_few_items", TOO_FEW_ITEMS, {"sold": len(sold), "least": rules["fewest_items"]})
        hit = None
    medians = {step: _median_of(step, rows, rules) for step in STEPS}
    visitors = median([Fraction(row.sums.visitors) for row in sold if row.sums.visitors])
    if len(sold) < rules["fewest_items"]:
        visitors = None
    return [_stall(row, hit, medians, visitors, rules) for row in rows], too_few


def _hit_units(sold: Sequence[ItemRow], rules: Mapping[str, int]) -> Fraction | None:
    """Units of the least of the hits."""
    if not sold:
        return None
    ranked = sorted((Fraction(row.sums.units) for row in sold), reverse=True)
    return ranked[-(-len(ranked) * rules["hit_share"] // 100) - 1]


def _median_of(step: str, rows: Sequence[ItemRow], rules: Mapping[str, int]) -> Fraction | None:
    before = BEFORE[step]
    rates = [
        Fraction(row.sums.at(step), row.sums.at(before))
        for row in rows
        if row.sums.at(before) >= rules["min_cases"]
    ]
    return median(rates) if len(rates) >= rules["fewest_items"] else None


def _stall(
    row: ItemRow,
    hit: Fraction | None,
    medians: Mapping[str, Fraction | None],
    visitors_median: Fraction | None,
    rules: Mapping[str, int],
) -> Stall:
    far = hit * rules["far_share"] / 100 if hit is not None else None
    is_stalling = far is not None and row.sums.orders > 0 and Fraction(row.sums.units) < far
    steps = _checked(row, medians, rules)
    held_by, lost = "nothing", 0.0
    if row.sums.visitors < rules["min_visitors"]:
        held_by = "too_few"
    else:
        below = [check for check in steps if check.is_below]
        if below:
            worst = max(below, key=lambda check: (check.lost, -STEPS.index(check.step)))
            held_by, lost = worst.step, worst.lost
        elif visitors_median is not None and _is_seen_less(row.sums.visitors, visitors_median):
            held_by = "traffic"
            lost = float(visitors_median - row.sums.visitors) * float(row.sums.conversion or 0)
    return Stall(
        row=row,
        is_stalling=is_stalling,
        held_by=held_by,
        steps=steps,
        hit_units=_units(hit),
        far_units=_units(far),
        visitors_median=visitors_median,
        lost=lost,
        reason=_why(held_by, row, rules),
    )


def _units(value: Fraction | None) -> Decimal | None:
    return (
        None if value is None else (Decimal(value.numerator) / value.denominator).quantize(Decimal("0.001"))
    )


def _why(held_by: str, row: ItemRow, rules: Mapping[str, int]) -> Reason:
    if held_by == "too_few":
        return Reason("too_few", TOO_FEW, {"visitors": row.sums.visitors, "least": rules["min_visitors"]})
    return Reason(held_by, HELD_BY[held_by])


def _is_seen_less(visitors: int, than: Fraction) -> bool:
    return visitors + Z * sqrt(visitors) < than


def _checked(
    row: ItemRow, medians: Mapping[str, Fraction | None], rules: Mapping[str, int]
) -> tuple[StepCheck, ...]:
    return tuple(_check(step, row, medians, rules) for step in STEPS)


def _check(
    step: str, row: ItemRow, medians: Mapping[str, Fraction | None], rules: Mapping[str, int]
) -> StepCheck:
    base, reached, middle = row.sums.at(BEFORE[step]), row.sums.at(step), medians[step]
    rate = Fraction(reached, base) if base else None
    low, high = wilson(reached, base, Z) if base else (None, None)
    reason = None
    if base < rules["min_cases"]:
        reason = Reason("few_at_step", TOO_FEW_AT_STEP, {"base": base, "least": rules["min_cases"]})
    elif middle is None:
        reason = Reason("no_median", NO_MEDIAN, {"least": rules["fewest_items"]})
    lies_below = reason is None and middle is not None and high is not None and high < middle
    lost = _lost(step, row, medians) if lies_below else 0.0
    is_below = lies_below and lost > 0
    return StepCheck(step, base, reached, rate, low, high, middle, is_below, lost, reason)


def _lost(step: str, row: ItemRow, medians: Mapping[str, Fraction | None]) -> float:
    """Buyers that there would be besides, were this step as the median's. Of the steps after one that nobody passed, the
    item's own rate is not known: theirs is the median's."""
    reach = Fraction(row.sums.at(BEFORE[step])) * (medians[step] or 0)
    for later in STEPS[STEPS.index(step) + 1 :]:
        base = row.sums.at(BEFORE[later])
        reach *= Fraction(row.sums.at(later), base) if base else medians[later] or 0
    return max(0.0, float(reach - row.sums.bought))
