"""A shop judged by its job: killed at any write it ends as if it had not been, an incident is one alert, rules are heard."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django_scopes import scope, scopes_disabled

from shuke.kernel.periods import Period
from shuke.records import jobs
from shuke.records.actor import Actor
from shuke.records.models import OutboxEvent
from shuke.traffic.alerts import actions, arrivals, judging, own_rules, reads, storing, tending, values
from shuke.traffic.alerts.arrivals import Came
from shuke.traffic.alerts.errors import BadFirstDay, NoFacts, TooManyRules
from shuke.traffic.alerts.models import Alert, AlertRule, DayJudged, Watch
from shuke.traffic.alerts.tests.simulated import Trouble, draw_shop

pytestmark = [pytest.mark.django_db, pytest.mark.row("T7")]
FIRST = date(2026, 1, 5)
DAYS, START = 77, 64
AT = datetime(2026, 3, 23, 12, tzinfo=UTC)  # the day after the last one
ACTOR = Actor.system("tests")


@pytest.fixture
def history(monkeypatch):
    """A simulated shop with a channel at half for five days, in the place of the warehouse."""
    drawn = draw_shop(4, DAYS, trouble=Trouble("channel", "paid_search", START, 5), first=FIRST)

    class Life:
        start, last = FIRST, max(drawn)

    def counted(shop, period: Period, steps, at):
        return {day: drawn.get(day, {}) for day in period.days()}

    def came(shop, period: Period):
        return {day: Came(drawn[day]["visits"][0]) for day in period.days() if day in drawn}

    monkeypatch.setattr(judging.warehouse, "whole_life", lambda shop_id: Life)
    monkeypatch.setattr(judging, "counts_by_day", counted)
    monkeypatch.setattr(arrivals, "of_days", came)
    return drawn


def told(shop) -> tuple:
    with scope(shop=shop.id):
        return (
            [
                (
                    a.lead,
                    a.members,
                    a.since,
                    a.raised_on,
                    a.last_day,
                    a.state,
                    a.ended_on,
                    a.evidence,
                    a.segments,
                )
                for a in Alert.objects.order_by("id")
            ],
            list(DayJudged.objects.order_by("day").values_list("day", "counts", "scores", "judged")),
            Watch.objects.get().judged_until,
            [n for n in OutboxEvent.objects.order_by("id").values_list("name", flat=True) if "alert" in n],
        )


def test_job__killed_at_several_writes__judges_as_if_it_had_not_been(
    shop, make_shop, history, monkeypatch
) -> None:
    monkeypatch.setattr(judging, "COUNT_DAYS", 40)
    monkeypatch.setattr(judging, "FIRST_JUDGED", 18)
    other = make_shop("tea")
    with scope(shop=other.id):
        actions.judge_due(shop=other, actor=ACTOR, at=AT)
    whole = told(other)
    calls = {"n": 0}

    class Killed(Exception):
        pass

    @contextlib.contextmanager
    def killed():
        with transaction.atomic():
            yield
            calls["n"] += 1
            if calls["n"] in (1, 3, 9, 20):
                raise Killed

    died = 0
    with scope(shop=shop.id):
        while (span := judging.span_of(shop, AT)) is not None:
            try:
                judging.one_chunk(shop, span, AT, killed)
            except Killed:
                died += 1
    assert died == 4
    assert told(shop) == whole
    alerts, days, until, announced = whole
    assert [(lead, state) for lead, *_rest, state, _e, _v, _s in alerts] == [
        ("visits|channel=paid_search", "back")
    ]
    assert announced == ["traffic.alert_raised.v1", "traffic.alert_ended.v1"]
    assert until == max(history) - timedelta(days=1) == days[-1][0]


def test_start_due__of_a_shop__starts_one_job_and_its_end_leaves_nothing(shop, history, monkeypatch) -> None:
    tending._looked.clear()
    monkeypatch.setattr(tending, "_next_look", 0.0)
    monkeypatch.setattr(judging, "FIRST_JUDGED", 5)
    assert tending.start_due(AT) == 1
    assert tending.start_due(AT) == 0  # looked a moment ago
    with scope(shop=shop.id):
        (job,) = jobs.Job.objects.filter(kind=tending.KIND)
        assert tending.start_for(shop, AT)
        assert jobs.Job.objects.filter(kind=tending.KIND).count() == 1
        ended = jobs.run_to_end(job.pk)
        assert (ended.state, ended.done, ended.total) == ("done", 5, 5)
        assert judging.span_of(shop, AT) is None
        assert not tending.start_for(shop, AT)


def test_span__of_a_day_that_is_not_over__is_not_judged(shop, history) -> None:
    with scope(shop=shop.id):
        noon = datetime(2026, 2, 10, 4, tzinfo=UTC)
        assert judging.span_of(shop, noon).last == date(2026, 2, 9)
        just_after_midnight = datetime(
            2026, 2, 9, 17, tzinfo=UTC
        )  # 01:00 in Shanghai: late facts may still come
        assert judging.span_of(shop, just_after_midnight).last == date(2026, 2, 8)


def test_rules__of_the_shop__raise_at_their_limit_and_on_their_own_series(shop, history, monkeypatch) -> None:
    monkeypatch.setattr(judging, "FIRST_JUDGED", 16)

    def cells(shop, rule, period, at):
        factor = 2 if rule.direction == "rise" else 1
        return {
            day: (900 * (factor if day >= FIRST + timedelta(days=START) else 1), None)
            for day in period.days()
        }

    def value(shop, rule, day, at):
        return Decimal(3) if day == max(history) - timedelta(days=3) else Decimal(30)

    monkeypatch.setattr(own_rules, "cells_by_day", cells)
    monkeypatch.setattr(own_rules, "value_on", value)
    common = {"shop": shop, "actor": ACTOR, "at": AT}
    limit = actions.create_rule(**common, kind="limit", metric="orders", direction="below", limit=Decimal(10))
    rise = actions.create_rule(**common, kind="unusual", metric="visits", direction="rise")
    watch = reads.list_rules(shop)[0]
    assert watch.id == 0
    actions.change_rule(**common, rule_id=0, is_on=False)
    actions.judge_due(**common)
    found = {one.rule.id: one for one in reads.list_alerts(shop)}
    assert set(found) == {limit.id, rise.id}  # the watch is off
    assert (found[limit.id].state, found[limit.id].evidence.part) == ("back", Decimal(3))
    assert found[rise.id].lead.what == f"count.{rise.id}"
    assert found[rise.id].evidence.usual < found[rise.id].evidence.part
    actions.remove_rule(**common, rule_id=rise.id)
    assert all(not one.is_open for one in reads.list_alerts(shop))


def test_judge_again__a_period__gives_the_same_alerts_without_letters(shop, history, monkeypatch) -> None:
    monkeypatch.setattr(judging, "FIRST_JUDGED", 14)
    common = {"shop": shop, "actor": ACTOR, "at": AT}
    actions.judge_due(**common)
    before = [(a.lead, a.since, a.raised_on, a.ended_on) for a in reads.list_alerts(shop)]
    with scopes_disabled():
        letters = OutboxEvent.objects.count()
    days = actions.judge_again(**common, first=FIRST + timedelta(days=START - 1))
    assert days == DAYS - 1 - (START - 1)
    assert [(a.lead, a.since, a.raised_on, a.ended_on) for a in reads.list_alerts(shop)] == before
    with scopes_disabled():
        assert OutboxEvent.objects.count() == letters


@pytest.mark.parametrize(
    ("first", "error"),
    [
        (date(2030, 1, 1), BadFirstDay),
        (AT.date() + timedelta(days=1), BadFirstDay),
        (FIRST - timedelta(days=1), BadFirstDay),
        (FIRST, NoFacts),
    ],
)
def test_judge_again__from_a_day_without_facts__is_refused_and_changes_nothing(
    shop, history, monkeypatch, first, error
) -> None:
    monkeypatch.setattr(judging, "FIRST_JUDGED", 2)
    actions.judge_due(shop=shop, actor=ACTOR, at=AT)
    if error is NoFacts:
        monkeypatch.setattr(judging.warehouse, "whole_life", lambda shop_id: None)
    before = told(shop)
    with pytest.raises(error) as refused:
        actions.judge_again(shop=shop, first=first, actor=ACTOR, at=AT)
    assert (refused.value.field, first.isoformat() in refused.value.message()) == ("first", True)
    assert error is NoFacts or FIRST.isoformat() in refused.value.advice()
    assert told(shop) == before


def test_judge_again__from_the_last_day_after_a_pause__passes_over_no_day(shop, history, monkeypatch) -> None:
    monkeypatch.setattr(judging, "FIRST_JUDGED", 2)
    common = {"shop": shop, "actor": ACTOR}
    actions.judge_due(**common, at=AT - timedelta(days=3))
    assert actions.judge_again(**common, first=max(history), at=AT) == 2
    with scope(shop=shop.id):
        assert Watch.objects.get().judged_until == max(history) - timedelta(days=1)


def test_memory__of_rows_before_the_shops_life__takes_nothing_from_them(shop, history, monkeypatch) -> None:
    """They were written by a judging that began too early, and would teach that a shop had nothing."""
    monkeypatch.setattr(judging, "FIRST_JUDGED", 2)
    with scope(shop=shop.id):
        for number in range(1, 40):
            DayJudged.objects.create(shop_id=shop.id, day=FIRST - timedelta(days=number), counts={})
        Watch.objects.create(shop_id=shop.id, judged_until=FIRST - timedelta(days=9))
        span = judging.span_of(shop, AT)
        assert (span.counted, span.first) == (FIRST, FIRST)
        memory = storing.memory_of(shop.id, span.counted, FIRST + timedelta(days=5), [])
        assert memory.history == {}


def test_counts__of_a_step_that_is_shown_by_other_events_from_now_on__are_all_of_the_new_definition(
    shop, history, monkeypatch
) -> None:
    """Half of the baseline by one definition and half by another would look like a move."""
    monkeypatch.setattr(judging, "FIRST_JUDGED", 2)
    changed = max(history) - timedelta(days=3)
    by_definition = {day: {"visits": cells["visits"]} for day, cells in history.items()}

    def steps(shop, day):
        return {"item": ("Product Viewed",), "cart": ("Product Added", "page:cart")[: 1 + (day >= changed)]}

    def counted(shop, period, given, at):
        part = 200 * len(given["cart"])
        days = [day for day in period.days() if day in by_definition]
        return {day: {**by_definition[day], "step.cart": (part, 1000)} for day in days}

    monkeypatch.setattr(judging, "steps_of", steps)
    monkeypatch.setattr(judging, "counts_by_day", counted)
    monkeypatch.setattr(arrivals, "of_days", lambda s, p: {d: Came(9) for d in p.days() if d in history})
    common = {"shop": shop, "actor": ACTOR}
    with scope(shop=shop.id):
        for at in (AT - timedelta(days=4), AT):
            actions.judge_due(**common, at=at)
            rows = DayJudged.objects.order_by("-day")
            assert {row.counts["step.cart"][0] for row in rows} == {200 if at < AT else 400}
        DayJudged.objects.update(came=[9, 0, 0, 0])  # as they were kept before
        actions.judge_again(**common, first=changed, at=AT)
        assert {tuple(row.came)[-1] for row in rows.all()} == {values.defined(steps(shop, changed))}
    assert not [one for one in reads.list_alerts(shop) if one.lead.family == "step"]


@pytest.mark.parametrize("how", ["off", "removed"])
def test_rules__switched_off_or_removed__end_their_alerts_and_are_watched_no_more(
    shop, history, monkeypatch, how
) -> None:
    monkeypatch.setattr(judging, "FIRST_JUDGED", 10)
    fell = FIRST + timedelta(days=DAYS - 6)
    monkeypatch.setattr(
        own_rules,
        "cells_by_day",
        lambda shop, rule, period, at: {day: (900 // (1 + (day >= fell)), None) for day in period.days()},
    )
    common = {"shop": shop, "actor": ACTOR, "at": AT}
    rule = actions.create_rule(**common, kind="unusual", metric="visits", direction="fall")
    early = {**common, "at": AT - timedelta(days=2)}
    actions.judge_due(**early)
    (before,) = [one for one in reads.list_alerts(shop) if one.rule.id == rule.id]
    assert before.is_open
    series = {str(one.name) for one in reads.standing(shop).series}
    assert f"count.{rule.id}" in series
    if how == "off":
        actions.change_rule(**early, rule_id=rule.id, is_on=False)
    else:
        actions.remove_rule(**early, rule_id=rule.id)
    assert {str(one.name) for one in reads.standing(shop).series} == series - {f"count.{rule.id}"}
    actions.judge_due(**common)
    after = reads.get_alert(shop, before.id)
    assert (after.is_open, after.last_day, after.evidence) == (False, before.last_day, before.evidence)
    assert {str(one.name) for one in reads.standing(shop).series} == series - {f"count.{rule.id}"}
    with scope(shop=shop.id):  # nor does it raise what the others need to reach
        last = DayJudged.objects.order_by("-day").filter(judged_at__isnull=False)[0]
        assert f"count.{rule.id}" not in last.judged
    if how == "off":
        actions.change_rule(**common, rule_id=rule.id, is_on=True)
        with scope(shop=shop.id):
            Watch.objects.update(judged_until=max(history) - timedelta(days=2))
        actions.judge_due(**common)
        assert {str(one.name) for one in reads.standing(shop).series} == series


def test_judge_again__with_limits_and_removed_rules__leaves_both_as_they_are(
    shop, history, monkeypatch
) -> None:
    monkeypatch.setattr(judging, "FIRST_JUDGED", 14)
    crossed = max(history) - timedelta(days=3)
    monkeypatch.setattr(
        own_rules, "value_on", lambda shop, rule, day, at: Decimal(3 if day == crossed else 30)
    )
    fell = FIRST + timedelta(days=START + 6)
    monkeypatch.setattr(
        own_rules,
        "cells_by_day",
        lambda shop, rule, period, at: {day: (900 // (1 + (day >= fell)), None) for day in period.days()},
    )
    common = {"shop": shop, "actor": ACTOR, "at": AT}
    given = {"metric": "orders", "direction": "below", "limit": Decimal(10)}
    limit = actions.create_rule(**common, kind="limit", **given)
    removed = actions.create_rule(**common, kind="unusual", metric="visits", direction="fall")
    actions.judge_due(**common)
    # A month later: the limit's day lies far behind those that limits are asked of.
    actions.remove_rule(**common, rule_id=removed.id)
    actions.mark_seen(**common, alert_id=reads.list_alerts(shop)[0].id)
    monkeypatch.setattr(judging, "_LIMIT_DAYS", 2)

    def own() -> set:
        rules = (limit.id, removed.id)
        return {
            (a.id, str(a.lead), a.state, a.since, a.last_day, a.ended_on)
            for a in reads.list_alerts(shop)
            if a.rule.id in rules
        }

    before = own()
    assert len(before) == 2
    assert actions.judge_again(**common, first=FIRST + timedelta(days=START - 1)) > 0
    assert own() == before


def test_rules__on_days_on_which_their_metric_can_not_be_computed__take_them_for_unknown_and_not_for_nothing(
    shop, history, monkeypatch
) -> None:
    monkeypatch.setattr(judging, "FIRST_JUDGED", 8)
    gone = {max(history) - timedelta(days=n) for n in (2, 3, 40)}
    monkeypatch.setattr(
        own_rules,
        "cells_by_day",
        lambda shop, rule, period, at: {day: None if day in gone else (9000, None) for day in period.days()},
    )
    common = {"shop": shop, "actor": ACTOR, "at": AT}
    rule = actions.create_rule(**common, kind="unusual", metric="value_per_buyer", direction="fall")
    actions.judge_due(**common)
    assert rule.id not in {one.rule.id for one in reads.list_alerts(shop)}
    with scope(shop=shop.id):
        rows = {row.day: row.judged[f"count.{rule.id}"] for row in DayJudged.objects.exclude(judged={})}
    assert {day for day, (_verdict, actual, *_rest) in rows.items() if actual is None} == gone & set(rows)
    assert {verdict for verdict, *_rest in rows.values()} == {"quiet"}
    assert rows[max(rows)][3] == pytest.approx(9000, rel=0.01)


@pytest.mark.parametrize("metric", ["value_per_buyer", "views_per_visitor"])
def test_cells__of_a_mean_on_days_without_cases__are_unknown(shop, warehouse_home, metric) -> None:
    rule = AlertRule(metric=metric, version=1, condition=None)
    day = Period.of_day(FIRST)
    with scope(shop=shop.id):
        assert own_rules.cells_by_day(shop, rule, day, AT) == {FIRST: None}


def test_rules__beyond_what_a_shop_may_keep__are_refused(shop, monkeypatch) -> None:
    monkeypatch.setattr(actions, "MOST_RULES", 2)
    given = {
        "shop": shop,
        "actor": ACTOR,
        "at": AT,
        "kind": "unusual",
        "metric": "visits",
        "direction": "fall",
    }
    made = [actions.create_rule(**given) for _n in range(2)]
    with pytest.raises(TooManyRules):
        actions.create_rule(**given)
    actions.remove_rule(shop=shop, rule_id=made[0].id, actor=ACTOR, at=AT)
    assert actions.create_rule(**given).id not in {one.id for one in made}


def test_limits__of_a_rule__are_asked_before_anything_is_written(shop, history, monkeypatch) -> None:
    monkeypatch.setattr(judging, "FIRST_JUDGED", 3)
    asked = []

    def value(shop, rule, day, at):
        asked.append(len(connection.savepoint_ids))
        return Decimal(3)

    monkeypatch.setattr(own_rules, "value_on", value)
    common = {"shop": shop, "actor": ACTOR, "at": AT}
    outside = len(connection.savepoint_ids)
    given = {"kind": "limit", "metric": "visits", "direction": "below", "limit": Decimal(10)}
    rule = actions.create_rule(**common, **given)
    actions.judge_due(**common)
    assert asked == [outside] * 3
    (alert,) = [one for one in reads.list_alerts(shop) if one.rule.id == rule.id]
    assert (alert.last_day - alert.since).days == 2


def test_span__of_a_shop_with_a_long_baseline__reaches_back_as_far_as_counts_need(shop, history) -> None:
    usual = judging.values_of(shop, FIRST)
    assert storing.memory_days(usual) == 140
    assert storing.memory_days(replace(usual, baseline_days=182)) >= 2 * 182 + max(usual.windows)
