"""As of a day: what holds, what changed between two days, and that a change of date changes nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shuke.rulebook import book, decisions, reads
from shuke.rulebook.decisions import OwnValue, check_change, own_value_on, value_in_force
from shuke.rulebook.errors import BadRuleValue, NoRuleYet, NoSuchRule, RuleChangeTooEarly, RuleIsFixed
from shuke.rulebook.rules import Status

TODAY = date(2026, 11, 21)
IDLE = "common.visits.idle_minutes"
CHANNELS = "common.channels.classification"
EVERYTHING = {
    "channel": "x",
    "paid": False,
    "title": {"zh": "全部", "en": "All"},
    "when": {"v": 1, "all": []},
}


def moved(rule_id: str, *dated):
    """The rule with other dated values (day, value)."""
    rule = reads.rule(rule_id)
    values = tuple(replace(rule.values[0], since=day, value=value) for day, value in dated)
    return replace(rule, values=values)


@pytest.fixture
def with_rule(monkeypatch):
    def put(rule):
        shipped = book.the_book()
        changed = replace(shipped, by_id=shipped.by_id | {rule.id: rule})
        monkeypatch.setattr(reads, "the_book", lambda: changed)

    return put


@pytest.mark.row("E2")
def test_value__on_the_day_of_a_change__is_the_new_one(with_rule) -> None:
    with_rule(moved(IDLE, (date(2026, 1, 1), 30), (date(2026, 7, 1), 45)))
    assert reads.value(IDLE, date(2026, 6, 30)).value == 30
    assert reads.value(IDLE, date(2026, 7, 1)).value == 45


@pytest.mark.row("E2")
def test_value__before_the_first_date__is_no_rule_yet(with_rule) -> None:
    with_rule(moved(IDLE, (date(2026, 1, 1), 30)))
    with pytest.raises(NoRuleYet) as caught:
        reads.value(IDLE, date(2025, 12, 31))
    assert caught.value.params["first"] == date(2026, 1, 1)


def test_value__after_it_ended__is_no_rule(with_rule) -> None:
    rule = moved(IDLE, (date(2026, 1, 1), 30))
    with_rule(replace(rule, values=(replace(rule.values[0], until=date(2026, 2, 1)),)))
    assert reads.value(IDLE, date(2026, 1, 31)).value == 30
    with pytest.raises(NoRuleYet):
        reads.value(IDLE, date(2026, 2, 1))


@pytest.mark.row("E2")
def test_differences__one_rule_changes__names_that_rule_alone(with_rule) -> None:
    with_rule(moved(IDLE, (date(2026, 1, 1), 30), (date(2026, 7, 1), 45)))
    (found,) = reads.differences(date(2026, 6, 30), date(2026, 7, 1))
    assert found.rule.id == IDLE
    assert found.before is not None
    assert found.after is not None
    assert (found.before.value, found.after.value) == (30, 45)
    assert reads.differences(date(2026, 7, 1), date(2026, 8, 1)) == ()
    (came,) = reads.differences(date(2025, 12, 31), date(2026, 1, 1))
    assert came.before is None


@pytest.mark.row("E2")
@given(st.integers(1, 300), st.integers(1, 300))
def test_rulebook__a_date_moves__changes_only_the_days_between(first, second) -> None:
    start = date(2026, 1, 1)
    one = moved(IDLE, (start, 30), (start + timedelta(days=first), 45))
    other = moved(IDLE, (start, 30), (start + timedelta(days=second), 45))
    for number in range(302):
        day = start + timedelta(days=number)
        between = min(first, second) <= number < max(first, second)
        values = [rule.find_value(day).value for rule in (one, other)]
        assert (values[0] != values[1]) == between


def test_rule__unknown__is_named() -> None:
    with pytest.raises(NoSuchRule) as caught:
        reads.rule("common.visits.nothing")
    assert caught.value.value == "common.visits.nothing"


@pytest.mark.row("E2")
def test_status__from_a_secondary_source__is_shown_as_secondary() -> None:
    value = reads.value("common.metrics.conversion_v1", TODAY)
    assert value.is_secondary
    from django.utils.translation import override

    with override("en"):
        assert str(value.status.label) == "secondary"
    with override("zh-hans"):
        assert str(value.status.label) == "二手来源"
    assert reads.value(IDLE, TODAY).status is Status.VERIFIED


@pytest.mark.row("T2")
def test_metrics__each_version__says_unit_grain_source_and_words_in_both_languages() -> None:
    definitions = reads.metric_definitions()
    assert len({one.rule_id for one in definitions}) == len(definitions)
    for one in definitions:
        assert one.sources
        assert one.definition.zh != one.definition.en
        assert reads.rule(one.rule_id).values[0].unit == one.unit
    for metric in {one.id for one in definitions}:
        assert sum(one.is_default for one in reads.metric_versions(metric)) == 1
    assert {"bounce_visitor", "bounce_entrance", "bounce_page"} <= {one.id for one in definitions}
    assert reads.metric_definition("bounce_visitor").version == 1
    assert reads.metric_definition("bounce_visitor", 2).version == 2


def own(number: int, since: date, value) -> OwnValue:
    return OwnValue(number, IDLE, since, value, "Mei", datetime(2026, 11, 1, tzinfo=ZoneInfo("UTC")))


def test_own_value__several__the_latest_start_holds_and_then_the_latest_made() -> None:
    rows = [own(1, date(2026, 12, 10), 20), own(2, date(2026, 12, 5), 40), own(3, date(2026, 12, 10), 25)]
    assert own_value_on(rows, date(2026, 12, 4)) is None
    assert own_value_on(rows, date(2026, 12, 5)).value == 40
    assert own_value_on(rows, date(2026, 12, 10)).value == 25


def test_own_value__withdrawn__gives_the_rule_back() -> None:
    rule = reads.rule(IDLE)
    rows = [own(1, date(2026, 12, 1), 20), own(2, date(2026, 12, 5), None)]
    assert value_in_force(rule, rows, date(2026, 12, 4)).value == 20
    assert value_in_force(rule, rows, date(2026, 12, 4)).is_own
    assert value_in_force(rule, rows, date(2026, 12, 5)) == rule.find_value(TODAY)


@pytest.mark.parametrize(
    ("rule_id", "value", "since", "error"),
    [
        ("common.visits.ends_at_midnight", False, TODAY + timedelta(days=1), RuleIsFixed),
        (IDLE, 20, TODAY, RuleChangeTooEarly),
        (IDLE, 20, TODAY - timedelta(days=1), RuleChangeTooEarly),
        (IDLE, "20", TODAY + timedelta(days=1), BadRuleValue),
        (IDLE, -1, TODAY + timedelta(days=1), BadRuleValue),
        (IDLE, 0, TODAY + timedelta(days=1), BadRuleValue),
        (IDLE, 1441, TODAY + timedelta(days=1), BadRuleValue),
        (IDLE, 10**400, TODAY + timedelta(days=1), BadRuleValue),
        (
            CHANNELS,
            [EVERYTHING | {"title": {"zh": "\0", "en": "x"}}],
            TODAY + timedelta(days=1),
            BadRuleValue,
        ),
        (
            CHANNELS,
            [EVERYTHING | {"title": {"zh": "\ud800", "en": "x"}}],
            TODAY + timedelta(days=1),
            BadRuleValue,
        ),
        (
            CHANNELS,
            [EVERYTHING | {"title": {"zh": "x" * 200_000, "en": "x"}}],
            TODAY + timedelta(days=1),
            BadRuleValue,
        ),
        (CHANNELS, float("nan"), TODAY + timedelta(days=1), BadRuleValue),
        ("common.pages.types", [], TODAY + timedelta(days=1), BadRuleValue),
    ],
)
def test_change__not_allowed__is_refused(rule_id, value, since, error) -> None:
    with pytest.raises(error) as caught:
        check_change(reads.rule(rule_id), value, since, TODAY)
    assert caught.value.field == rule_id


def test_change__from_tomorrow__is_allowed() -> None:
    check_change(reads.rule(IDLE), 20, decisions.first_day_of_change(TODAY), TODAY)
    check_change(reads.rule(IDLE), None, decisions.first_day_of_change(TODAY), TODAY)
