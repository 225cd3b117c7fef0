"""Visits added up by their entrance: held to plain Python over random visits."""

from __future__ import annotations

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from shuke.traffic.entrances.derived import entrance_days
from shuke.traffic.entrances.tests import oracle
from shuke.traffic.tests import oracle as visit_oracle
from shuke.traffic.tests.facts import RULES, Translated, in_order
from shuke.traffic.tests.test_sessions import _STEP, _events


@pytest.mark.row("T4")
def test_entrance_days__random_visits__law_equals_oracle(capsys):
    asked = Translated(lambda tables: entrance_days(tables["visits"]), ["visits"])
    reached = {"bounce": 0, "no entrance": 0, "order": 0, "two channels": 0}

    @settings(max_examples=100, deadline=None, database=None, derandomize=True, phases=[Phase.generate])
    @given(st.lists(_STEP, max_size=24))
    def law(steps):
        visits = visit_oracle.visits(_events(steps), RULES)
        expected = oracle.entrance_days(visits)
        reached["bounce"] += any(row["one_view_visits"] for row in expected)
        reached["no entrance"] += any(row["viewed_visits"] < row["visits"] for row in expected)
        reached["order"] += any(row["ordered_visits"] for row in expected)
        reached["two channels"] += len({row["channel"] for row in expected}) > 1
        assert in_order(asked({"visits": visits})) == in_order(expected)

    law()
    with capsys.disabled():
        print("\nentrances: examples with", reached, end=" ")
    assert all(count >= 5 for count in reached.values()), reached
