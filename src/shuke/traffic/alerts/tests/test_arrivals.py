"""Orders that come later than visits: they are recounted, a day without its file raises nothing, and what fell is found when
the file is there."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace

import pyarrow as pa
import pytest
from django_scopes import scope

from shuke.kernel.periods import ONE_DAY, Period
from shuke.records.actor import Actor
from shuke.traffic.alerts import actions, arrivals, judging, own_rules, reads, today, values
from shuke.traffic.alerts.arrivals import Came, orders_known_until
from shuke.traffic.alerts.models import DayJudged, Watch
from shuke.traffic.alerts.tests.simulated import draw_shop
from shuke.traffic.tests.drawn import AT, FIRST, LAST, draw
from shuke.warehouse import actions as warehouse
from shuke.warehouse import schemas

pytestmark = [pytest.mark.row("T7")]
ACTOR = Actor.system("tests")
BEGAN, DAYS, BROKEN = date(2026, 1, 5), 87, 80  # a Monday; from day 80 on orders are at 4 of 10


def day_of(number: int) -> date:
    return BEGAN + timedelta(days=number)


@pytest.mark.parametrize(
    ("told", "with_lines", "until"),
    [
        (9, (), None),  # no files: orders come with the visits
        (0, range(20), 18),  # the last day of a file may be half a day
        (9, range(20), None),  # visits tell them as well
        (4, range(20), 18),  # but not enough of them
        (0, range(35), 33),  # files reach further than what is judged
        (0, (0,), None),  # one old file
    ],
)
def test_orders_known_until__by_what_came__says_how_far(told, with_lines, until) -> None:
    came = {day_of(n): Came(100, told, 300, 9 * (n in with_lines)) for n in range(40)}
    found = orders_known_until(came, dict.fromkeys(came, 9), day_of(29), days=28, told_share=0.9)
    assert found == (None if until is None else day_of(until))


@pytest.mark.parametrize(
    ("token", "is_as"),
    [
        ([900, 40, 5_000_000, 300, "a"], True),
        ([900, 40, 4_996_000, 300, "a"], True),  # some late events of a busy day
        ([900, 40, 4_990_000, 300, "a"], False),
        ([899, 40, 5_000_000, 300, "a"], False),
        ([900, 40, 5_000_000, 0, "a"], False),  # the file came
        ([900, 40, 5_000_000, 300, "b"], False),  # by another definition of the steps
        ([900, 40, 5_000_000, 300], False),  # as it was kept before definitions were
        ([], False),
        (None, False),
    ],
)
def test_came__by_what_it_was_counted_with__says_whether_to_count_again(token, is_as) -> None:
    came = Came(900, 40, 5_000_000, 300)
    assert came.is_as(token, "a") is is_as
    assert came.is_as(came.token("b"), "b")


@pytest.mark.django_db
def test_counts__of_orders_that_come_late__are_those_of_a_count_of_all(shop, warehouse_home) -> None:
    life = draw(shop)
    period, at = Period.inclusive(FIRST, LAST), AT + timedelta(days=1)
    lines = [line for line in life.lines if line["local_day"] in period]
    warehouse.append(facts={"events": pa.Table.from_pylist(life.events, schema=schemas.EVENTS)})
    actions.judge_due(shop=shop, actor=ACTOR, at=at)
    with scope(shop=shop.id):
        before = {row.day: row.counts.get("orders") for row in DayJudged.objects.all()}
        warehouse.append(facts={"order_lines": pa.Table.from_pylist(lines, schema=schemas.ORDER_LINES)})
        span = judging.Span(FIRST, LAST, LAST - ONE_DAY)
        mark = values.defined(values.steps_of(shop, span.last))
        assert set(judging._uncounted(span, arrivals.of_days(shop, period), mark)) == {
            line["local_day"] for line in lines
        } - {LAST}
        judging.one_chunk(shop, span, at, judging.plainly)
        assert judging._uncounted(span, arrivals.of_days(shop, period), mark) == []
        after = {row.day: row.counts for row in DayJudged.objects.all()}
    whole = judging.counts_by_day(shop, period, {"item": ("a",), "cart": ("b",)}, at)
    assert {day: cells.get("orders") for day, cells in after.items()} != before
    for day, cells in after.items():
        for name in ("orders", "amount"):
            assert tuple(cells.get(name, (0, None))) == whole[day].get(name, (0, None)), (day, name)


@pytest.mark.django_db
def test_judging__of_visits_that_stopped_while_orders_go_on__judges_orders_alone_and_says_the_silence(
    shop, monkeypatch
) -> None:
    """The events end at nine on a day; orders go on for five days. Then visits are back."""
    monkeypatch.setattr(judging, "FIRST_JUDGED", 6)
    monkeypatch.setattr(judging, "COUNT_DAYS", 100)
    drawn, gone, now = draw_shop(4, 90, first=BEGAN), 70, {"day": 66}

    def is_dark(number: int) -> bool:
        return gone < number <= gone + 5

    def cells(day: date) -> dict:
        number, made = (day - BEGAN).days, drawn[day]
        if number == gone:
            return {name: (cell[0] * 9 // 24, cell[1]) for name, cell in made.items()} | {
                name: made[name] for name in ("orders", "amount")
            }
        return {n: c for n, c in made.items() if n in ("orders", "amount") or not is_dark(number)}

    def came(shop, period: Period) -> dict[date, Came]:
        days = [day for day in period.days() if BEGAN <= day <= day_of(now["day"])]
        dark = {day: is_dark((day - BEGAN).days) for day in days}
        return {day: Came(0, 0, 0, 90) if dark[day] else Came(3000, 200, 9000, 90) for day in days}

    def last_with(shop_id, kind, period) -> date:
        return max(
            d for d, one in came(None, period).items() if (one.events if kind == "events" else one.lines)
        )

    monkeypatch.setattr(
        judging.warehouse, "whole_life", lambda i: Period.inclusive(BEGAN, day_of(now["day"]))
    )
    monkeypatch.setattr(judging.warehouse, "last_day_with", last_with)
    monkeypatch.setattr(arrivals, "of_days", came)
    monkeypatch.setattr(
        judging, "counts_by_day", lambda shop, period, steps, at: {d: cells(d) for d in period.days()}
    )
    asked: list[date] = []
    monkeypatch.setattr(own_rules, "value_on", lambda shop, rule, day, at: asked.append(day) or Decimal(3000))
    began = datetime(2026, 1, 5, tzinfo=UTC)
    limit = {"kind": "limit", "metric": "visits", "direction": "below", "limit": Decimal(20)}
    actions.create_rule(shop=shop, actor=ACTOR, at=began, **limit)
    for number in range(66, gone + 6):
        now["day"] = number
        at = began + timedelta(days=number, hours=4)
        actions.judge_due(shop=shop, actor=ACTOR, at=at)
        assert (reads.silent_since(shop, at) is not None) == (number > gone + 1), number
    assert reads.list_alerts(shop) == ()
    series = {str(one.name): one.verdict for one in reads.standing(shop).series}
    assert {text for text, verdict in series.items() if verdict == "waiting"} == {
        text for text in series if text.startswith(("visits", "step", "bounce"))
    }
    assert {text for text, verdict in series.items() if verdict == "quiet"} == {"orders", "amount"}
    assert reads.silent_since(shop, at) == reads.Silence(day_of(gone), True)
    (line,) = today._silence(SimpleNamespace(shop=shop), at)
    assert "但有订单" in str(line.title)
    with scope(shop=shop.id):
        watch = Watch.objects.get()
    assert (watch.visits_until, watch.judged_until) == (day_of(gone - 1), day_of(gone + 4))
    assert asked == sorted(set(asked))
    assert max(asked) == day_of(gone - 1)
    # Events come again.
    for number in range(gone + 6, gone + 9):
        now["day"] = number
        actions.judge_due(shop=shop, actor=ACTOR, at=began + timedelta(days=number, hours=4))
    assert {one.name.family for one in reads.standing(shop).series if one.verdict == "waiting"} == set()
    assert max(asked) == day_of(gone + 7)


@pytest.fixture
def weekly(monkeypatch):
    """A shop whose visits come daily and whose orders come by a file of Monday morning, loaded on Tuesdays: `now` is the day
    number, `loaded` that of the last file's end."""
    drawn = draw_shop(4, DAYS, first=BEGAN)
    for number in range(BROKEN, DAYS):
        cells = drawn[day_of(number)]
        cells["orders"] = (cells["orders"][0] * 4 // 10, None)
        cells["amount"] = (cells["amount"][0] * 4 // 10, None)
    state = {"loaded": 0, "now": 0}

    class Life:
        start = BEGAN

        @property
        def last(self):
            return day_of(state["now"])

    def in_file(day: date) -> bool:
        return day <= day_of(state["loaded"])

    def cells(day: date) -> dict:
        made = drawn.get(day, {})
        if day == day_of(state["loaded"]):
            return made | {name: (made[name][0] // 3, None) for name in ("orders", "amount")}
        return made if in_file(day) else {n: c for n, c in made.items() if n not in ("orders", "amount")}

    monkeypatch.setattr(judging.warehouse, "whole_life", lambda shop_id: Life())
    monkeypatch.setattr(
        judging, "counts_by_day", lambda shop, period, steps, at: {d: cells(d) for d in period.days()}
    )
    monkeypatch.setattr(
        arrivals,
        "of_days",
        lambda shop, period: {
            d: Came(drawn[d]["visits"][0], 0, 9_000, 200 * in_file(d))
            for d in period.days()
            if d in drawn and d <= day_of(state["now"])
        },
    )
    return state


@pytest.mark.django_db
def test_judging__of_orders_by_a_weekly_file__raises_what_fell_and_nothing_that_has_not_come(
    shop, weekly, monkeypatch
) -> None:
    monkeypatch.setattr(judging, "FIRST_JUDGED", 7)
    monkeypatch.setattr(judging, "COUNT_DAYS", 100)
    asked = []

    def value(shop, rule, day, at):
        asked.append(day)
        return Decimal(drawn_orders(day))

    def drawn_orders(day: date) -> int:
        with scope(shop=shop.id):
            return DayJudged.objects.get(day=day).counts.get("orders", [0])[0]

    monkeypatch.setattr(own_rules, "value_on", value)
    began = datetime(2026, 1, 5, tzinfo=UTC)
    limit = {"kind": "limit", "metric": "orders", "direction": "below", "limit": Decimal(20)}
    actions.create_rule(shop=shop, actor=ACTOR, at=began, **limit)
    raised = {}
    for number in range(74, DAYS):
        weekly["now"] = number
        weekly["loaded"] = (number - 1) // 7 * 7
        actions.judge_due(shop=shop, actor=ACTOR, at=began + timedelta(days=number, hours=4))
        raised[number] = [(str(one.lead), one.since) for one in reads.list_alerts(shop)]
        if number == 76:
            series = {str(one.name): one.verdict for one in reads.standing(shop).series}
            assert (series["orders"], series["visits"]) == ("waiting", "quiet")
    # The file of day 77 ends before the fall; that of day 84 shows it. Nothing is raised between, and nothing else.
    assert next(number for number in raised if raised[number]) == 85
    assert [lead for lead, _since in raised[DAYS - 1]] in (["orders"], ["amount"])
    assert abs(raised[85][0][1] - day_of(BROKEN)) <= ONE_DAY
    # Each day's limit was asked once, when its orders were there.
    assert asked == sorted(set(asked))
    assert max(asked) == day_of(83)
