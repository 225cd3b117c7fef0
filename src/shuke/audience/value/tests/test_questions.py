"""The lives of customers as a question equal the decision, customer by customer, on any activity."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shuke.audience.purchases import ORDERS
from shuke.audience.value import decisions, questions
from shuke.warehouse import schemas
from shuke.warehouse.portability import check

FIRST = date(2026, 1, 1)
THEN, NOW = FIRST + timedelta(days=45), FIRST + timedelta(days=80)
LINKS = pa.table({"identity_id": pa.array([3, 103], pa.int64()), "customer_id": pa.array([4, 5], pa.int64())})


def _drawn(rng: random.Random) -> tuple[list[dict], list[dict]]:
    """Orders, and visits of people and devices; some of nobody known."""

    def day() -> date:
        return FIRST + timedelta(days=rng.randrange(100))

    orders = [
        dict.fromkeys(ORDERS.names, 0)
        | {
            "order_id": number,
            "customer_id": rng.choice([None, *range(1, 31)]),
            "at": datetime(2026, 1, 1),
            "local_day": day(),
            "is_gross": rng.choice([0, 1, 1]),
        }
        for number in range(60)
    ]
    visits = [
        dict.fromkeys(schemas.VISITS.names)
        | {
            "visit_id": number,
            "person_id": rng.choice([None, *range(1, 31)]),
            "visitor_id": rng.randrange(100, 106),
            "local_day": day(),
        }
        for number in range(90)
    ]
    return orders, visits


def _lives(orders: list[dict], visits: list[dict]) -> dict[int, dict[date, int]]:
    """customer → his days of activity, 1 where he visited on it."""
    linked = dict(zip(LINKS["identity_id"].to_pylist(), LINKS["customer_id"].to_pylist(), strict=True))
    found: dict[int, dict[date, int]] = defaultdict(dict)
    for order in orders:
        if order["customer_id"] is not None and order["is_gross"]:
            found[order["customer_id"]].setdefault(order["local_day"], 0)
    for visit in visits:
        person = visit["person_id"]
        who = linked.get(person, person) if person is not None else linked.get(visit["visitor_id"])
        if who is not None:
            found[who][visit["local_day"]] = 1
    return found


@pytest.mark.row("A4")
def test_lives__any_activity__are_those_of_the_decision_and_flow_between_two_days() -> None:
    seen: Counter[str] = Counter()

    @settings(max_examples=3, deadline=None)
    @given(st.randoms(use_true_random=False), st.tuples(*[st.integers(2, 25)] * 3))
    def law(rng: random.Random, edges: tuple[int, int, int]) -> None:
        orders, visits = _drawn(random.Random(rng.getrandbits(64)))
        cut = decisions.Cutoffs(*edges)
        acts = questions.activity(
            ibis.memtable(pa.Table.from_pylist(orders, schema=ORDERS)),
            ibis.memtable(pa.Table.from_pylist(visits, schema=schemas.VISITS)),
            ibis.memtable(LINKS),
        )
        now, then = questions.life_on(acts, NOW, cut), questions.life_on(acts, THEN, cut)
        flows = questions.flows(then, now)
        check(flows)
        told = {row["customer_id"]: row for row in now.to_pyarrow().to_pylist()}
        expected = Counter()
        for customer, days in _lives(orders, visits).items():
            activity = sorted(days)
            state = decisions.state_on(activity, NOW, cut)
            if state is None:
                assert customer not in told
                continue
            known = [day for day in activity if day <= NOW]
            assert told.pop(customer) == {
                "customer_id": customer,
                "state": state,
                "first": questions.day_number(known[0]),
                "last": questions.day_number(known[-1]),
                "by_visit": days[known[-1]],
                "days": len(known),
            }
            was = decisions.state_on(activity, THEN, cut)
            expected[was, state] += 1
            seen[state] += 1
            seen["not yet"] += was is None
        assert not told
        found = {(row["was"], row["is_now"]): row["customers"] for row in flows.to_pyarrow().to_pylist()}
        assert found == expected

    law()
    print(dict(seen))
    assert seen["silent"] >= 10
    assert seen["active"] >= 5
    assert seen["not yet"] >= 3
