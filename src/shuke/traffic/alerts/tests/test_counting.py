"""The counts of days from a real warehouse equal a plain recount, and an event that comes late is counted anew."""

from __future__ import annotations

from datetime import timedelta
from itertools import combinations

import pyarrow as pa
import pytest
from django_scopes import scope

from shuke.kernel.periods import ONE_DAY, Period
from shuke.rulebook import reads as rulebook
from shuke.traffic.alerts import arrivals, counting, judging, values
from shuke.traffic.alerts.models import DayJudged
from shuke.traffic.alerts.shapes import step_series
from shuke.traffic.alerts.tests import asked
from shuke.traffic.tests import oracle
from shuke.traffic.tests.drawn import AT, FIRST, LAST, draw
from shuke.traffic.tests.facts import RULES
from shuke.warehouse import actions, schemas

pytestmark = [pytest.mark.django_db, pytest.mark.row("T7")]


def test_counts__of_a_drawn_shop__equal_a_plain_recount_and_follow_late_events(shop, warehouse_home) -> None:
    life = draw(shop)
    late = [event for event in life.events if event["visitor_id"] == life.events[0]["visitor_id"]]
    early = [event for event in life.events if event not in late]
    actions.append(facts={"events": pa.Table.from_pylist(early, schema=schemas.EVENTS)})
    steps = values.steps_of(shop, LAST)
    period = Period.inclusive(FIRST, LAST)
    _same(counting.counts_by_day(shop, period, steps, AT + timedelta(days=1)), early, steps)
    # Judged up to the day before the last, which may not be whole yet.
    at = AT + timedelta(days=1)
    with scope(shop=shop.id):
        while (span := judging.span_of(shop, at)) is not None:
            judging.one_chunk(shop, span, at, judging.plainly)
        assert DayJudged.objects.filter(judged_at__isnull=False).count() == (LAST - FIRST).days
        before = {row.day: row.counts for row in DayJudged.objects.all()}
        actions.append(facts={"events": pa.Table.from_pylist(late, schema=schemas.EVENTS)})
        touched = {event["local_day"] for event in late} - {LAST}
        span = judging.Span(FIRST, LAST, LAST - ONE_DAY)
        mark = values.defined(values.steps_of(shop, span.last))
        while judging._uncounted(span, arrivals.of_days(shop, Period.inclusive(FIRST, LAST)), mark):
            judging.one_chunk(shop, span, at, judging.plainly)
        after = {row.day: row.counts for row in DayJudged.objects.all()}
    assert {day for day in after if after[day] != before[day]} == touched


def _same(found, events, steps) -> None:
    visits = oracle.visits(events, RULES)
    facts = {"events": events, "visits": visits, "channel_days": oracle.channel_days(visits)}
    for row in asked.steps(facts, steps):
        for step, later in combinations(steps, 2):
            if row[step]:
                cell = found[row["local_day"]][step_series(step, later)]
                assert cell == (row[f"{step}_{later}"], row[step])  # the drawn shop names no terminal
    for row in asked.entrances(facts, 30):
        assert found[row["local_day"]][f"bounce|entry_path={row['entry_path']}"] == (
            row["one_view"],
            row["visits"],
        )
    for day, cells in found.items():
        of_day = [visit for visit in visits if visit["local_day"] == day]
        assert cells.get("visits", (0, None)) == (len(of_day), None)
        by_channel = sum(cell[0] for name, cell in cells.items() if name.startswith("visits|"))
        assert by_channel == len(of_day)
        assert cells.get("orders", (0, None))[0] == sum(visit["orders"] for visit in of_day)


def test_values__windows_of_a_shop__are_read_as_days() -> None:
    assert values._days(["3", "1", "x", "99"]) == (1, 3)
    assert values._days(["x"]) == (7,)
    assert all(rulebook.rule(f"{values.AREA}step_{step}") for step in values.STEPS)
