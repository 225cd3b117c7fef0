"""What is decided about bidders and keywords: a case table, and laws over drawn bidders."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from shuke.traffic.search_ads import decisions
from shuke.traffic.search_ads.decisions import ADVICE, Bidder, Limits, Stated

pytestmark = pytest.mark.row("T8")
CASES = yaml.safe_load((Path(__file__).parent / "decisions.cases.yaml").read_text(encoding="utf-8"))
LIMITS = Limits(Decimal(5), Decimal("0.01"), 100, Decimal(1), Decimal("0.1"), Decimal(1))
BIDDERS = st.builds(
    Bidder,
    st.integers(1, 900),
    st.decimals(min_value="0.5", max_value=10, places=1),
)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_advice__case__comes_out_with_its_reasons(case) -> None:
    told = {
        name: int(value) if name.endswith("_minor") else Decimal(str(value))
        for name, value in case["given"].items()
    }
    found = decisions.advise(Stated(**told), LIMITS)
    assert (found.code, [reason.code for reason in found.reasons]) == (case["advice"], case["reasons"])
    assert found.rules
    assert all(reason.text() for reason in found.reasons)


def test_cases__together__reach_every_advice() -> None:
    assert {case["advice"] for case in CASES} == set(ADVICE)


def test_click_cost__of_the_formula__divides_where_the_source_prints_a_plus() -> None:
    own, behind = Bidder(150, Decimal(9)), Bidder(120, Decimal(8))
    assert decisions.click_cost(own, behind, LIMITS.increment, "CNY").minor == 108
    # 0.41 x 5 / 10 + 0.01 = 0.215: half a fen is rounded up.
    found = decisions.click_cost(Bidder(100, Decimal(10)), Bidder(41, Decimal(5)), LIMITS.increment, "CNY")
    assert (found.minor, found.exact) == (22, Fraction(43, 2))
    # What the formula gives is not cut at the own bid, but it is said.
    near = decisions.click_cost(
        Bidder(100, Decimal(5)), Bidder(100, Decimal("4.99")), LIMITS.increment, "CNY"
    )
    assert (near.minor, near.is_above_bid) == (101, True)


@pytest.mark.parametrize(
    ("own", "rivals", "currency", "reason"),
    [
        (None, [Bidder(1, Decimal(1))], "CNY", "own_missing"),
        (Bidder(1, Decimal(1)), [], "CNY", "no_rival"),
        (Bidder(100, Decimal(8)), [Bidder(200, Decimal(4))], "CNY", "tie"),
        (Bidder(100, Decimal(8)), [Bidder(200, Decimal(5))], "CNY", "nobody_behind"),
        (Bidder(100, Decimal(8)), [Bidder(100, Decimal(5))], "USD", "not_yuan"),
    ],
)
def test_click_cost__facts_missing__is_unknown_with_the_reason(own, rivals, currency, reason) -> None:
    found = decisions.expected_cost(own, rivals, LIMITS, currency)
    assert (found.minor, found.reason.code) == (None, reason)


def test_law__raising_quality__never_lowers_the_rank_nor_raises_the_cost_above_the_same_bidder() -> None:
    """Passing a bidder makes him the next one, and a click may then cost more: the law holds for the same next bidder."""
    reached: Counter[str] = Counter()

    @given(BIDDERS, st.lists(BIDDERS, max_size=5), st.decimals(min_value="0.1", max_value=5, places=1))
    @settings(max_examples=300, deadline=None, database=None)
    def law(own: Bidder, rivals: list[Bidder], more: Decimal) -> None:
        better = replace(own, quality=own.quality + more)
        before, after = decisions.place(own, rivals), decisions.place(better, rivals)
        assert after.best <= before.best
        assert after.worst <= before.worst
        first = decisions.expected_cost(own, rivals, LIMITS, "CNY")
        then = decisions.expected_cost(better, rivals, LIMITS, "CNY")
        reached["passed somebody" if after.best < before.best else "same rank"] += 1
        if before.behind is not None and before.behind == after.behind:
            reached["same bidder behind"] += 1
            assert then.minor <= first.minor
            assert then.exact < first.exact
        if then.minor is not None and first.minor is not None and then.minor > first.minor:
            reached["dearer after passing"] += 1
        if then.exact is not None:
            # Whoever stands behind offers less: before the increment a click never costs more than the own bid.
            assert then.exact - 1 < better.bid_minor
        raised = decisions.place(replace(own, bid_minor=own.bid_minor + 1), rivals)
        assert raised.best <= before.best
        for rival in rivals:
            if rival.score >= own.score:
                reached["somebody ahead"] += 1
                enough = decisions.bid_to_lead(own, rival)
                assert replace(own, bid_minor=enough).score > rival.score
                assert replace(own, bid_minor=enough - 1).score <= rival.score

    law()
    print(dict(reached))
    for kind in (
        "passed somebody",
        "same rank",
        "same bidder behind",
        "dearer after passing",
        "somebody ahead",
    ):
        assert reached[kind] >= 5, reached


def test_law__advice__follows_the_quality_and_is_always_exactly_one() -> None:
    reached: Counter[str] = Counter()
    number = st.sampled_from([None, *(Decimal(one) for one in ("0", "4.9", "5", "5.1", "7", "8", "9", "10"))])
    impressions = st.sampled_from([None, Decimal(0), Decimal(1), Decimal(900)])
    clicks = st.sampled_from([None, *map(Decimal, (0, 99, 100, 101, 400))])
    minor = st.sampled_from([None, 0, 10, 5_000, 90_000])

    @given(number, impressions, clicks, minor, minor)
    @settings(max_examples=500, deadline=None, database=None)
    def law(quality, impressions, clicks, cost, amount) -> None:
        stated = Stated(
            quality=quality, impressions=impressions, clicks=clicks, cost_minor=cost, amount_minor=amount
        )
        found = decisions.advise(stated, LIMITS)
        reached[found.code] += 1
        assert (found.code == "drop") == (quality is not None and quality < 5)
        if impressions == 0:
            assert found.code in ("drop", "look_at_rank")
        if found.code == "lower_or_mend":
            assert amount < cost
            assert clicks >= 100
            assert found.is_ours
        assert all("%(" not in reason.text() for reason in found.reasons)

    law()
    print(dict(reached))
    assert set(reached) == set(ADVICE)
    assert min(reached.values()) >= 3, reached
