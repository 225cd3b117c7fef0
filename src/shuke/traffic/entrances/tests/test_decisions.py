"""Advice on entrances: worked cases of the rulebook, published intervals, and the median."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml
from django.utils.translation import override

import shuke
from shuke.shops.reads import ShopView
from shuke.traffic.entrances import decisions

SHOP = ShopView(1, "linen", "linen", ZoneInfo("Asia/Shanghai"), "CNY", "", ())
CASES = yaml.safe_load(
    (Path(shuke.__file__).parent / "rules/common/entrances.cases.yaml").read_text(encoding="utf-8")
)
LIMITS = decisions.Limits(100, 0.95, 0.05, True, True)


@pytest.mark.row("T4")
@pytest.mark.django_db
@pytest.mark.parametrize("case", [c for c in CASES if "value" not in c["given"]], ids=lambda c: c["name"])
def test_advice__worked_case_of_the_rulebook__as_written_with_its_numbers_and_rules(case):
    given = case["given"]
    found = decisions.advise(
        bounced=given["bounced"],
        visits=given["visits"],
        ordered=given["ordered"],
        visits_of_all=given["all"],
        middle=Fraction(given["median"]),
        limits=decisions.limits_on(SHOP, date(2026, 11, 22)),
    )
    assert found.code == case["expect"]["advice"]
    assert decisions.RULES + "least_visits" in found.rules
    words = found.reasons[0].text()
    assert str(given["visits"]) in words
    assert "50.0%" in words or found.code == "too_few"


def test_median__entrances_with_few_visits__do_not_count():
    assert decisions.shop_median([(99, 99), (10, 100), (30, 100), (90, 100)], LIMITS) == Fraction(30, 100)
    assert decisions.shop_median([(10, 100), (30, 100)], LIMITS) == Fraction(20, 100)
    assert decisions.shop_median([(9, 99)], LIMITS) is None


@pytest.mark.row("T4")
def test_advice__rule_switched_off_by_the_shop__no_deed_is_advised():
    off = decisions.Limits(100, 0.95, 0.05, False, False)
    for bounced in (5, 95):
        found = decisions.advise(
            bounced=bounced, visits=100, ordered=0, visits_of_all=200, middle=Fraction(1, 2), limits=off
        )
        assert found.code == "keep"
        assert found.reasons[0].code == "rule_off"
        with override("en"):
            assert "switched off" in found.reasons[0].text()
        rule = "raise_low_bounce" if bounced == 5 else "mend_or_lower_high_bounce"
        assert decisions.RULES + rule in found.rules
