"""Simulated shops: a trouble is found within three days with its segment first, quiet days raise next to nothing.

A few shops here, twenty with `-m soak`, a hundred in bench/bench_alerts.py.
"""

from __future__ import annotations

from collections import Counter

import pytest

from shuke.traffic.alerts.tests import trials
from shuke.traffic.alerts.tests.shipped import shipped

pytestmark = pytest.mark.row("T7")


@pytest.mark.parametrize("kind", sorted(trials.KINDS))
def test_simulated_shop__with_a_trouble__is_found_within_three_days_and_named(kind: str) -> None:
    found = [trials.with_trouble(seed, kind, shipped()) for seed in (1, 2)]
    assert all(one.is_first for one in found), [one for one in found if not one.is_first]
    assert not any(one.others for one in found)


def test_simulated_shop__a_month_without_trouble_of_a_growing_shop__raises_nothing() -> None:
    assert trials.quiet(3, shipped(), days=30) == []


def test_simulated_shop__of_300_visits_a_day__says_too_few_to_judge() -> None:
    small = Counter(trials.last_day(5, shipped(), visits_a_day=300).values())
    large = Counter(trials.last_day(5, shipped(), visits_a_day=3000).values())
    assert small["too_few"] > sum(small.values()) / 2
    assert large["too_few"] <= sum(large.values()) / 4


@pytest.mark.soak
@pytest.mark.parametrize("kind", sorted(trials.KINDS))
def test_simulated_shops__twenty_with_a_trouble__are_found(kind: str) -> None:
    found = [trials.with_trouble(seed, kind, shipped()) for seed in range(20)]
    assert sum(one.is_first for one in found) >= 19, [one for one in found if not one.is_first]


@pytest.mark.soak
def test_simulated_shops__twenty_without_trouble__raise_at_most_one_false_alert_each() -> None:
    assert max(len(trials.quiet(seed, shipped())) for seed in range(20)) <= 1
