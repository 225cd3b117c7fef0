"""Cohorts of shops in a real warehouse: every behaviour as the oracle says, open, sealed and reopened; who, since when."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from shuke.conditions.reads import parse
from shuke.kernel.errors import Invalid
from shuke.kernel.periods import ONE_DAY, Period, local_day
from shuke.kernel.surrogates import surrogate
from shuke.traffic import reads
from shuke.traffic.reads.cohort_shapes import TooManyCohorts, period_of
from shuke.traffic.tests import cohorts_oracle as oracle
from shuke.traffic.tests.drawn import FIRST, LAST
from shuke.traffic.tests.facts import event
from shuke.warehouse import actions, schemas
from shuke.warehouse import reads as warehouse

pytestmark = [pytest.mark.django_db, pytest.mark.row("T7")]
AFTER = datetime(2026, 3, 25, 4, tzinfo=UTC)
Behaviour = reads.Behaviour


def facts_of(shop) -> dict[str, list[dict]]:
    """Every fact as the warehouse tells it; the tests of each kind hold it to an oracle of its own."""

    def question(snapshot):
        return {
            "events": warehouse.run(snapshot.raw("events")).to_pylist(),
            **{kind: warehouse.run(snapshot.derived(kind)).to_pylist() for kind in ("visits", "order_facts")},
        }

    return warehouse.ask(shop, warehouse.whole_life(shop.id), question)


def table_of(found: reads.Cohorts) -> dict[oracle.Label, list[int]]:
    """Cohort → its size, then how many came back at each offset."""
    return {
        oracle.label(row.period.start, found.grain): [
            row.size.value,
            *(c.figure.numerator for c in row.cells),
        ]
        for row in found.rows
    }


def expected_of(facts: oracle.Facts, found: reads.Cohorts) -> dict[oracle.Label, list[int]]:
    start = oracle.acts(facts, found.starting, found.who)
    back = oracle.acts(facts, found.returning, found.who)
    members = oracle.members(start, found.grain)
    returned = oracle.returned(start, back, found.grain)
    told = {}
    for row in found.rows:
        cohort = oracle.label(row.period.start, found.grain)
        told[cohort] = [len(members.get(cohort, ()))]
        for cell in row.cells:
            there = oracle.label(cell.period.start, found.grain)
            told[cohort].append(len(returned.get((cohort, there), ())))
    return told


ORDER, MOVEMENT, VISIT = Behaviour("order"), Behaviour("movement"), Behaviour("visit")
CART = Behaviour("event", "Product Added")
FROM_BAIDU = Behaviour(
    "visit", condition=parse({"v": 1, "all": [{"field": "source", "op": "eq", "value": "baidu"}]}, "visit")
)
LARGE = Behaviour(
    "order",
    condition=parse({"v": 1, "all": [{"field": "paid", "op": "ge", "value": 20_000}]}, "order_movement"),
)
ON_ITEM = Behaviour(
    "event",
    "Product Added",
    parse({"v": 1, "all": [{"field": "page_path", "op": "eq", "value": "/item/1"}]}, "event"),
)
ASKED = [
    (ORDER, None, "person"),
    (MOVEMENT, None, "person"),
    (ORDER, MOVEMENT, "person"),
    (VISIT, None, "visitor"),
    (VISIT, None, "person"),
    (VISIT, ORDER, "person"),
    (VISIT, ORDER, "visitor"),
    (FROM_BAIDU, VISIT, "visitor"),
    (CART, None, "visitor"),
    (CART, VISIT, "visitor"),
    (LARGE, ORDER, "person"),
    (ON_ITEM, CART, "visitor"),
]


def check_all(shop, asked=ASKED, grains=("week", "month")) -> int:
    """Every question against the oracle; returns how many people were in a cohort."""
    people, facts = 0, facts_of(shop)
    for starting, returning, who in asked:
        for grain in grains:
            found = reads.cohorts(
                shop=shop, starting=starting, returning=returning, who=who, grain=grain, at=AFTER
            )
            assert table_of(found) == expected_of(facts, found), (starting, returning, who, grain)
            people += found.size
    return people


def test_cohorts__every_behaviour_of_a_drawn_shop__as_the_oracle_says(life) -> None:
    assert check_all(life.shop) > 500


def test_cohorts__open_sealed_and_reopened__the_same_table(life) -> None:
    asked = [ASKED[i] for i in (1, 3, 6, 9)]
    check_all(life.shop, asked, ("week",))
    span = warehouse.whole_life(life.shop.id)
    actions.seal(life.shop, list(span.days())[::2])  # every other day: sealed and open ones side by side
    check_all(life.shop, asked, ("week",))
    actions.seal(life.shop)
    sealed = table_of(reads.cohorts(shop=life.shop, starting=VISIT, who="visitor", grain="week", at=AFTER))
    check_all(life.shop, asked, ("week",))
    late = [
        event(
            life.shop.zone, shop_id=life.shop.id, visitor=f"late{n}", at=f"{FIRST + ONE_DAY * n} 12:00",
            event_id=surrogate(life.shop.id, "message", f"late{n}"),
        )
        for n in range(5)
    ]  # fmt: skip
    late += [
        event(
            life.shop.zone, shop_id=life.shop.id, visitor="v1", at=f"{FIRST} 00:00:01",
            event_id=surrogate(life.shop.id, "message", "first of v1"),
        )
    ]  # fmt: skip
    actions.append(facts={"events": pa.Table.from_pylist(late, schema=schemas.EVENTS)})
    reopened = table_of(reads.cohorts(shop=life.shop, starting=VISIT, who="visitor", grain="week", at=AFTER))
    assert reopened != sealed
    check_all(life.shop, asked, ("week",))


def test_cohorts__in_two_shops__each_its_own(life, other_shop) -> None:
    assert reads.cohorts(shop=other_shop, starting=VISIT, who="visitor", at=AFTER).rows == ()
    assert (
        reads.cohort_people(shop=other_shop, starting=VISIT, who="visitor", cohort=FIRST, at=AFTER).count == 0
    )


def test_unfinished__by_the_last_fact_or_today__whichever_is_earlier(life) -> None:
    week_of = lambda day: period_of(day, "week")  # noqa: E731

    def marks(at: datetime) -> dict[date, list[bool]]:
        found = reads.cohorts(shop=life.shop, starting=VISIT, who="visitor", grain="week", at=at)
        assert found.complete_until == min(LAST + ONE_DAY, local_day(at, life.shop.zone))
        for row in found.rows:
            assert row.is_unfinished == (row.period.end > found.complete_until)
            assert [c.is_unfinished for c in row.cells] == [
                c.period.end > found.complete_until for c in row.cells
            ]
            assert row.cells[-1].period == week_of(min(LAST, local_day(at, life.shop.zone)))
        return {row.period.start: [cell.is_unfinished for cell in row.cells] for row in found.rows}

    # The facts end on Saturday 2026-03-14: the week to the 15th stays unfinished however much later one looks.
    assert marks(AFTER) == {
        date(2026, 2, 23): [False, False, True],
        date(2026, 3, 2): [False, True],
        date(2026, 3, 9): [True],
    }
    # On a Sunday evening that Sunday still runs; on the Monday its week is over.
    sunday = datetime(2026, 3, 8, 12, tzinfo=UTC)
    assert marks(sunday) == {date(2026, 2, 23): [False, True], date(2026, 3, 2): [True]}
    assert marks(sunday + ONE_DAY)[date(2026, 3, 2)] == [False, True]


def test_averages__over_cohorts__only_finished_cells_by_size(life) -> None:
    found = reads.cohorts(shop=life.shop, starting=VISIT, who="visitor", grain="week", at=AFTER)
    assert [one.offset for one in found.averages] == [0, 1, 2]
    for one in found.averages:
        done = [
            row.cells[one.offset]
            for row in found.rows
            if len(row.cells) > one.offset and not row.cells[one.offset].is_unfinished
        ]
        assert one.cohorts == len(done)
        assert one.figure.numerator == sum(cell.figure.numerator for cell in done)
        if done:
            members = sum(cell.figure.cases for cell in done)
            assert abs(one.figure.value - Decimal(one.figure.numerator) / members) < Decimal("0.000001")
        else:
            assert one.figure.value is None
            assert one.figure.reason is not None
    assert found.averages[0].figure.value == 1


def test_people__of_every_cell__as_many_as_its_number_and_the_right_ones(life) -> None:
    seen = 0
    facts = facts_of(life.shop)
    for starting, returning, who in [ASKED[i] for i in (1, 6)]:
        question = {"starting": starting, "returning": returning, "who": who, "grain": "week", "at": AFTER}
        found = reads.cohorts(shop=life.shop, **question)
        start = oracle.acts(facts, found.starting, who)
        back = oracle.acts(facts, found.returning, who)
        returned = oracle.returned(start, back, "week")
        for row in found.rows[-2:]:
            cohort = row.period.start
            everybody = reads.cohort_people(shop=life.shop, **question, cohort=cohort, size=1000)
            assert everybody.count == len(everybody.rows) == row.size.value
            for cell in row.cells:
                behind = reads.cohort_people(
                    shop=life.shop, **question, cohort=cohort, offset=cell.offset, size=1000
                )
                labels = oracle.label(cohort, "week"), oracle.label(cell.period.start, "week")
                assert behind.count == len(behind.rows) == cell.figure.numerator
                assert {one["subject_id"] for one in behind.rows} == returned.get(labels, set())
                seen += behind.count
    assert seen > 40


def test_people__named_as_the_source_wrote_them__and_paged(life) -> None:
    question = {"starting": VISIT, "who": "visitor", "grain": "week", "at": AFTER}
    cohort = period_of(FIRST + ONE_DAY * 3, "week").start
    whole = reads.cohort_people(shop=life.shop, **question, cohort=cohort, size=1000)
    assert all(surrogate(life.shop.id, "visitor", row["ref"]) == row["subject_id"] for row in whole.rows)
    pages = [
        reads.cohort_people(shop=life.shop, **question, cohort=cohort, page=n, size=7).rows
        for n in range(1, whole.count // 7 + 2)
    ]
    assert [row for rows in pages for row in rows] == list(whole.rows)
    buyers = reads.cohort_people(
        shop=life.shop, starting=MOVEMENT, grain="month", cohort=FIRST, size=1000, at=AFTER
    )
    assert buyers.rows
    named = [row for row in buyers.rows if row["ref"]]  # an event's person is known by no name here
    assert len(named) > 3
    assert all(surrogate(life.shop.id, "person", r["ref"]) == r["subject_id"] for r in named)


def test_cohorts__of_a_range__are_those_of_the_whole_life(life) -> None:
    """An old buyer does not become a new one because the range begins later."""
    whole = reads.cohorts(
        shop=life.shop, starting=MOVEMENT, period=Period(date(2024, 1, 1), date(2026, 4, 1)), at=AFTER
    )
    some = reads.cohorts(
        shop=life.shop, starting=MOVEMENT, period=Period(date(2025, 6, 15), date(2025, 9, 2)), at=AFTER
    )
    assert [row.period.start for row in some.rows] == [date(2025, m, 1) for m in (6, 7, 8, 9)]
    assert all(row in whole.rows for row in some.rows)
    assert reads.cohorts(
        shop=life.shop, starting=MOVEMENT, period=Period(date(2027, 1, 1), date(2027, 2, 1)), at=AFTER
    ).rows == ()  # fmt: skip


def test_cohorts__unnamed_orders__counted_and_in_no_cohort(life) -> None:
    facts = facts_of(life.shop)["order_facts"]
    found = reads.cohorts(shop=life.shop, starting=MOVEMENT, at=AFTER)
    assert found.unnamed == sum(row["buyer_id"] is None for row in facts) > 0
    assert found.named == len(facts) - found.unnamed


def test_cohorts__shop_without_facts__empty(shop, warehouse_home) -> None:
    found = reads.cohorts(shop=shop, at=AFTER)
    assert (found.rows, found.averages, found.offsets, found.complete_until) == ((), (), 0, None)


def test_cohorts__returning_kind_without_any_fact__sizes_and_a_word(life) -> None:
    nobody = parse({"v": 1, "all": [{"field": "currency", "op": "eq", "value": "XXX"}]}, "order_movement")
    found = reads.cohorts(
        shop=life.shop,
        starting=VISIT,
        returning=Behaviour("order", condition=nobody),
        who="visitor",
        at=AFTER,
    )
    assert all(cell.figure.numerator == 0 for row in found.rows for cell in row.cells)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Behaviour("nothing"),
        lambda: Behaviour("event"),
        lambda: Behaviour("event", " "),
        lambda: Behaviour("event", "x" * 201),
        lambda: Behaviour("event", "a\x00b"),
        lambda: Behaviour("event", "a\ud800"),
        lambda: Behaviour("order", "Product Added"),
    ],
)
def test_behaviour__that_there_is_not__refused(wrong) -> None:
    with pytest.raises(Invalid):
        wrong()


def test_cohorts__bad_questions__refused_by_name(life) -> None:
    for field, value in {"grain": "year", "who": "family"}.items():
        with pytest.raises(Invalid) as refused:
            reads.cohorts(shop=life.shop, **{field: value}, at=AFTER)
        assert (refused.value.field, refused.value.value) == (field, value)
    with pytest.raises(TooManyCohorts) as refused:
        reads.cohorts(
            shop=life.shop,
            starting=MOVEMENT,
            grain="week",
            period=Period(date(2020, 1, 1), date(2026, 4, 1)),
            most=20,
            at=AFTER,
        )
    assert "20" in refused.value.advice()
    for field, value in {"page": 0, "size": 0, "offset": -1}.items():
        with pytest.raises(Invalid):
            reads.cohort_people(shop=life.shop, cohort=FIRST, **{field: value}, at=AFTER)
