"""The kernel of visits is held to the cases, the expression and the oracle."""

from __future__ import annotations

import os
from collections import Counter
from datetime import date

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from shuke.traffic import kernel, sessions
from shuke.traffic.tests import oracle
from shuke.traffic.tests.facts import CHANNELS, RULES, event, in_order
from shuke.traffic.tests.test_sessions import _STEP, _cases, _events, _tumbled
from shuke.warehouse import schemas


def by_kernel(events: list[dict], eras) -> list[dict]:
    found = []
    for shop in sorted({e["shop_id"] for e in events}):
        rows = [e for e in events if e["shop_id"] == shop]
        answer = kernel.visits(pa.Table.from_pylist(rows, schema=schemas.EVENTS), eras)
        assert answer.schema.equals(schemas.VISITS)
        found += answer.to_pylist()
    return found


@pytest.mark.parametrize(("case", "zone"), list(_cases()))
def test_kernel__worked_case__equals_oracle(case, zone):
    events = [event(zone, **given) for given in case["events"]]
    assert in_order(by_kernel(events, RULES)) == in_order(oracle.visits(events, RULES))


def test_kernel__rule_changes_on_a_day__each_day_is_cut_by_its_own_rule():
    eras = (
        sessions.VisitRules(date(2026, 1, 1), 30, True, CHANNELS),
        sessions.VisitRules(date(2026, 3, 3), 5, False, CHANNELS),
    )
    events = [
        event(at=f"{day} {clock}", **extra)
        for day in ("2025-12-31", "2026-03-02", "2026-03-03")
        for clock, extra in (("09:00", {}), ("09:05", {}), ("09:06", {"utm_source": "weibo"}))
    ]
    assert in_order(by_kernel(events, eras)) == in_order(oracle.visits(events, eras))


@pytest.mark.row("T2")
def test_kernel__random_events__equals_oracle(capsys):
    examples = int(os.environ.get("SHUKE_EXAMPLES", "400"))
    reached: Counter[str] = Counter()

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(_STEP, max_size=24), st.integers(0, 1000))
    def law(steps, seed):
        events = _events(steps)
        example: dict[str, int] = {}
        expected = oracle.visits(events, RULES, example)
        reached.update(set(example))
        assert in_order(by_kernel(_tumbled(events, seed), RULES)) == in_order(expected)

    law()
    with capsys.disabled():
        print("\nkernel: examples with a break by", dict(reached), end=" ")
    few = {kind: reached[kind] for kind in ("idle", "campaign", "tie") if reached[kind] < examples / 10}
    assert not few, f"the law says little about {few}"
