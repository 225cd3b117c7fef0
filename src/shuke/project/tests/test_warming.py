"""A warm worker translates nothing for the first reader, whatever the shop has by then."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shuke.console import choices
from shuke.kernel import clock
from shuke.kernel.periods import ONE_DAY, Period, local_day
from shuke.project.warming import warm_up
from shuke.traffic import marks_kernel
from shuke.traffic import reads as traffic
from shuke.warehouse import actions
from shuke.warehouse.engine import engine
from shuke.warehouse.tests.facts import events_table, line, lines_table, order_event, views

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("warehouse_home")]


@pytest.fixture
def translated(monkeypatch) -> list[str]:
    """Every translation that the engine is asked for."""
    found: list[str] = []
    used = engine()
    before = type(used).sql_of
    monkeypatch.setattr(type(used), "sql_of", lambda self, e: found.append(str(e)) or before(self, e))
    return found


@pytest.mark.row("E4")
def test_warm_up__then_the_first_reader__nothing_is_left_to_translate(shop, other_shop, translated):
    warm_up()
    assert translated
    assert all(one.signatures for one in (marks_kernel.count_both, marks_kernel.count_marks))
    at = clock.now()
    for one in (shop, other_shop):
        for days in (9, 8, 7, 1):
            noon = at - timedelta(days=days)
            rows = [
                *views(one, "ann", [0, 5], noon),
                order_event(one, f"o{days}", "ann", noon, f"A{days}", 990),
            ]
            actions.append(
                facts={"events": events_table(rows), "order_lines": lines_table([line(one, "F", 1, noon, 5)])}
            )
        actions.seal(one)
        actions.append(facts={"events": events_table(views(one, "bob", [0], at - timedelta(minutes=1)))})
    translated.clear()
    for one in (shop, other_shop):
        today = local_day(at, one.zone)
        for period, against in (
            (Period.of_day(today), ("yesterday", "last_week")),
            (Period.of_day(today - ONE_DAY), ("before", "last_week")),
            (Period(today - ONE_DAY * 30, today), ("before",)),
            (Period(today - ONE_DAY * 4, today + ONE_DAY), ("before",)),
        ):
            metrics = choices.default_metrics()
            found = traffic.overview(shop=one, period=period, against=against, metrics=metrics, at=at)
            assert any(row.now.value for row in found.rows)
            report = traffic.sources(shop=one, period=period, by=("channel",), against=against[0], at=at)
            assert report.rows
    assert translated == []


def test_warm_up__a_question_fails__is_told_and_the_worker_serves(monkeypatch, caplog):
    monkeypatch.setattr(traffic, "overview", lambda **_asked: 1 / 0)
    warm_up()
    assert "warm-up failed: questions" in caplog.text
