"""Stretches laid out at once hold, row for row, what each holds when it is asked alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shuke.kernel.periods import ONE_DAY, Period
from shuke.warehouse import actions, reads, schemas
from shuke.warehouse.reads import LaidOut, Stretch
from shuke.warehouse.tests.facts import NOON, events_table, line, lines_table, order_event, views

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("warehouse_home")]

FIRST = date(2026, 3, 2)
DAYS = 6
KINDS = ("visits", "visitor_days", "channel_days", "order_facts")


def fill(shop, other_shop) -> None:
    """Two shops over six days: four sealed, one of them with a late fact, two open."""
    for number in range(DAYS):
        noon = NOON + timedelta(days=number)
        for one in (shop, other_shop):
            actions.append(
                facts={
                    "events": events_table(
                        [
                            *views(one, "ann", [0, 5, 50], noon),
                            *views(one, "bob", range(number + 1), noon),
                            order_event(
                                one, f"o{number}", "ann", noon + timedelta(minutes=51), f"A{number}", 990
                            ),
                        ]
                    ),
                    "order_lines": lines_table([line(one, f"F{number}", 1, noon, 500 + number)]),
                }
            )
        if number == 3:
            actions.seal(shop)
            actions.seal(other_shop)
            actions.append(facts={"events": events_table(views(shop, "eve", [7], NOON))})


def alone(shop, kind: str, stretch: Stretch) -> Counter:
    def question(snapshot: reads.Snapshot) -> list[dict]:
        scoped = snapshot.cut(stretch.until) if stretch.until else snapshot
        return reads.run(scoped.derived(kind)).to_pylist()

    return Counter(str(sorted(row.items())) for row in reads.ask(shop, stretch.whole, question))


def together(shop, kind: str, stretches: Sequence[Stretch], *, is_kept: bool = False) -> list[Counter]:
    def question(snapshot: reads.Snapshot) -> list[dict]:
        laid = LaidOut(snapshot, stretches)
        return laid.answer({kind: None}, "all rows", lambda t: t[kind], is_kept=is_kept).to_pylist()

    found = [Counter() for _ in stretches]
    for row in reads.ask(shop, reads.hull(stretches), question):
        number = row["stretch"]
        assert row["is_before"] == int(row["local_day"] < stretches[number].period.start)
        own = {name: row[name] for name in schemas.ALL[kind].names}
        found[number][str(sorted(own.items()))] += 1
    return found


def some_stretches() -> st.SearchStrategy[list[Stretch]]:
    days = st.integers(-1, DAYS)
    periods = st.tuples(days, st.integers(1, DAYS)).map(
        lambda p: Period(FIRST + ONE_DAY * p[0], FIRST + ONE_DAY * (p[0] + p[1]))
    )
    moments = st.none() | st.tuples(days, st.integers(-14 * 60, 10 * 60)).map(
        lambda m: NOON + timedelta(days=m[0], minutes=m[1])
    )
    return st.lists(st.builds(Stretch, periods, moments, st.integers(0, 3)), min_size=1, max_size=4)


reached: Counter = Counter()


@pytest.mark.row("E3")
def test_stretches__any_at_once__each_row_as_when_asked_alone(shop, other_shop):
    fill(shop, other_shop)

    @settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(some_stretches())
    def law(stretches: list[Stretch]) -> None:
        for kind in KINDS:
            found = together(shop, kind, stretches)
            assert found == [alone(shop, kind, one) for one in stretches]
            reached["with rows"] += any(found)
            reached["cut"] += any(
                one.until is not None and found[i] != Counter() for i, one in enumerate(stretches)
            )
        reached["several"] += len(stretches) > 1

    law()
    print(dict(reached))
    assert min(reached[name] for name in ("cut", "several", "with rows")) >= 2


@pytest.mark.row("E3")
def test_stretches__answer_kept__is_anew_when_a_fact_comes_late(shop, other_shop):
    fill(shop, other_shop)
    over = [Stretch(Period.of_day(FIRST + ONE_DAY)), Stretch(Period(FIRST, FIRST + ONE_DAY * 3))]
    before = together(shop, "visits", over, is_kept=True)
    assert together(shop, "visits", over, is_kept=True) == before
    actions.append(facts={"events": events_table(views(shop, "late", [30], NOON + ONE_DAY))})
    after = together(shop, "visits", over, is_kept=True)
    assert [sum(b.values()) - sum(a.values()) for a, b in zip(before, after, strict=True)] == [1, 1]
    assert after == [alone(shop, "visits", one) for one in over]
    actions.seal(shop)
    assert together(shop, "visits", over, is_kept=True) == after
    assert together(other_shop, "visits", over, is_kept=True) == [
        alone(other_shop, "visits", o) for o in over
    ]
