"""Bands, states, scores and super users: the worked cases, and the laws that hold for any customer."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from shuke.audience.value import decisions

CASES = yaml.safe_load((Path(__file__).parent / "decisions.cases.yaml").read_text(encoding="utf-8"))
FIRST = date(2026, 1, 1)
CUT = decisions.Cutoffs(new=10, silent=20, returning=5)


def _day(number: int) -> date:
    return FIRST + timedelta(days=number)


def _ints(values: list[int]) -> np.ndarray:
    return np.array(values, np.int64)


@pytest.mark.row("A5")
def test_half_year__worked_cases__so_many_calendar_months_back() -> None:
    for day, months, first in CASES["half_years"]:
        found = decisions.half_year(day, months)
        assert (found.start, found.end) == (first, day)


@pytest.mark.row("A5")
def test_bands__worked_cases__lower_edge_inside_upper_outside() -> None:
    for value, band in CASES["frequency"]:
        assert decisions.band_of(value, [1, 2, 6]) == band
        assert decisions.bands_of(_ints([value]), [1, 2, 6]).tolist() == [band]
    amounts, orders, bands = zip(*CASES["averages"], strict=True)
    assert decisions.average_bands(_ints(amounts), _ints(orders), [100, 300]).tolist() == list(bands)


@pytest.mark.row("A5")
def test_bands__any_edges_and_value__hold_everybody_once() -> None:
    seen: Counter[str] = Counter()

    @settings(max_examples=200, deadline=None)
    @given(
        st.sets(st.integers(1, 12), min_size=1, max_size=4),
        st.integers(0, 3),
        st.sampled_from([-20, -1, 0, 0, 1, 20]),
        st.integers(1, 5),
    )
    def law(chosen: set[int], place: int, beside: int, count: int) -> None:
        edges = sorted(chosen)
        value = edges[place % len(edges)] + beside
        held = [n for n, band in enumerate(decisions.bands(edges)) if value in band]
        assert held == [decisions.band_of(value, edges)]
        average = decisions.average_bands(_ints([value * count + count - 1]), _ints([count]), edges)
        assert average.tolist() == held  # an average above a whole number is in the band of that number
        seen["at an edge" if value in chosen else "between"] += 1

    law()
    assert min(seen["at an edge"], seen["between"]) >= 15, seen


@pytest.mark.row("A4")
def test_state__worked_cases__as_written() -> None:
    for case in CASES["states"]:
        activity = [_day(n) for n in case["activity"]]
        assert decisions.state_on(activity, _day(case["day"]), CUT) == case["state"], case


def _plain_state(activity: list[int], day: int, cut: decisions.Cutoffs) -> str | None:
    """The states by walking every day from the first: silent is who has not been active for so long."""
    known = [n for n in activity if n <= day]
    if not known:
        return None
    back = None
    for today in range(known[0], day + 1):
        was_silent = today - 1 - max((n for n in known if n < today), default=today) >= cut.silent
        if today in known and was_silent:
            back = today
    if day - known[-1] >= cut.silent:
        return "silent"
    if back is not None and day - back < cut.returning:
        return "returning"
    return "new" if day - known[0] < cut.new else "active"


@pytest.mark.row("A4")
def test_state__any_life_and_cutoffs__exactly_one_at_every_day_and_as_the_spans_say() -> None:
    seen: Counter[str | None] = Counter()

    @settings(max_examples=150, deadline=None)
    @given(
        st.sets(st.integers(0, 70), min_size=1, max_size=8),
        st.tuples(st.integers(1, 25), st.integers(1, 25), st.integers(1, 25)),
    )
    def law(chosen: set[int], edges: tuple[int, int, int]) -> None:
        cut, numbers = decisions.Cutoffs(*edges), sorted(chosen)
        activity = [_day(n) for n in numbers]
        told = decisions.spans(activity, _day(80), cut)
        before: str | None = None
        for number in range(-1, 81):
            day = _day(number)
            state = decisions.state_on(activity, day, cut)
            assert state == _plain_state(numbers, number, cut)
            held = [s.state for s in told if s.start <= day and (s.end is None or day < s.end)]
            assert held == ([] if state is None else [state])
            if state == "returning" and before != "returning":
                assert before in ("silent", "new", "active")
                assert number in chosen
                assert before == "silent"  # 回流: silent the day before, active on this one
            before = state
            seen[state] += 1

    law()
    print(dict(seen))
    assert min(seen[state] for state in (None, *decisions.STATES)) >= 100, seen


@pytest.mark.row("A6")
def test_super_users__worked_cases__as_written() -> None:
    for case in CASES["super_users"]:
        amounts = _ints(case["amounts"])
        found = decisions.smallest_set(np.arange(len(amounts)), amounts, case["percent"])
        if "customers" not in case:
            assert found is None
            continue
        assert found is not None
        told = (len(found.places), found.amount_minor, found.tied, found.tied_inside)
        assert told == (case["customers"], case["amount"], case["tied"], case["tied_inside"])
    for case in CASES["best"]:
        amounts = _ints(case["amounts"])
        found = decisions.best_part(np.arange(len(amounts)), amounts, case["percent"])
        assert found is not None
        assert (len(found.places), found.amount_minor) == (case["customers"], case["amount"])
    assert decisions.best_part(_ints([]), _ints([]), 20) is None


@pytest.mark.row("A6")
def test_super_users__any_amounts__no_smaller_set_brings_as_much() -> None:
    seen: Counter[str] = Counter()

    @settings(max_examples=150, deadline=None)
    @given(
        st.sampled_from([(-20, 60), (-20, 5), (1, 3)]).flatmap(
            lambda ends: st.lists(st.integers(*ends), min_size=1, max_size=8)
        ),
        st.integers(1, 99),
    )
    def law(amounts: list[int], percent: int) -> None:
        found = decisions.smallest_set(np.arange(len(amounts)), _ints(amounts), percent)
        total = sum(amounts)
        if found is None:
            assert total <= 0
            seen["no income"] += 1
            return
        enough = [
            size
            for size in range(1, len(amounts) + 1)
            if any(100 * sum(chosen) >= percent * total for chosen in combinations(amounts, size))
        ]
        assert len(found.places) == min(enough)
        assert found.amount_minor == sum(amounts[place] for place in found.places)
        seen["tied" if found.tied > found.tied_inside else "alone"] += 1
        seen["below zero"] += min(amounts) < 0

    law()
    print(dict(seen))
    assert min(seen[kind] for kind in ("no income", "alone", "tied", "below zero")) >= 8, seen


@pytest.mark.row("A6")
def test_scores__worked_cases__equal_values_score_the_same() -> None:
    for case in CASES["fifths"]:
        found = decisions.fifths(_ints(case["values"]), more_is_better=case["more"])
        assert found.tolist() == case["scores"]
    for case in CASES["edges"]:
        found = decisions.by_edges(_ints(case["values"]), case["edges"], more_is_better=case["more"])
        assert found.tolist() == case["scores"]
    assert decisions.fifths(_ints([]), more_is_better=True).tolist() == []
