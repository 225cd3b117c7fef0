"""Which item stalls, and by which step: worked cases, and Wilson's interval against its formula in fractions."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
import yaml

from shuke.traffic.items import decisions
from shuke.traffic.items.shapes import ItemRow, ItemSums

CASES = yaml.safe_load(Path(__file__).with_name("stalls.cases.yaml").read_text(encoding="utf-8"))
RULES = {"min_visitors": 100, "min_cases": 30, "fewest_items": 5, "hit_share": 10, "far_share": 50}


def _row(name: str, given: list[int]) -> ItemRow:
    came, cart, checkout, bought, units = given
    sums = ItemSums(
        visitors=came,
        came=came,
        reached_cart=cart,
        reached_checkout=checkout,
        bought=bought,
        orders=units,
        units=Decimal(units),
    )
    return ItemRow(name, None, sums, ItemSums(), ItemSums())


@pytest.mark.row("T10")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_stall__worked_case__names_the_step_with_its_numbers(case):
    rows = [_row(f"o{n}", given) for n, given in enumerate(case["ordinary"])]
    stalls, reason = decisions.judged([*rows, _row("x", case["item"])], RULES)
    found = stalls[-1]
    told = {"is_stalling": found.is_stalling, "held_by": found.held_by, "lost": round(found.lost, 6)}
    assert told == case["expect"]
    assert (reason is not None) == (len(case["ordinary"]) < 5)
    for check in found.steps:
        assert check.is_below == (check.lost > 0 and check.reason is None)
        if check.is_below:
            assert check.high < check.median


def test_median__of_fractions__is_the_middle_or_the_mean_of_two():
    assert decisions.median([]) is None
    assert decisions.median([Fraction(3), Fraction(1), Fraction(2)]) == 2
    assert decisions.median([Fraction(1), Fraction(2)]) == Fraction(3, 2)
