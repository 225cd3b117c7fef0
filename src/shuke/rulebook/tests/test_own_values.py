"""A shop's own value: who may set it, what it changes, what stays, and that it stands in the audit."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from shuke.kernel.errors import NotAllowed
from shuke.records.actor import Actor
from shuke.records.reads import list_audit
from shuke.rulebook import actions, reads
from shuke.rulebook.errors import RuleChangeTooEarly, RuleIsFixed

IDLE = "common.visits.idle_minutes"
AT = datetime(2026, 11, 21, 17, tzinfo=UTC)  # in Shanghai already the 22nd
TODAY = date(2026, 11, 22)
TOMORROW = date(2026, 11, 23)

pytestmark = [pytest.mark.django_db, pytest.mark.row("E2")]


def actor_of(user, role: str) -> Actor:
    return Actor("member", user.pk, user.name, role)


def test_change__by_a_manager__holds_from_its_day_in_this_shop_alone(shop, other_shop, member_of) -> None:
    actor = actor_of(member_of(shop, "manager"), "manager")
    actions.change_rule(shop=shop, rule_id=IDLE, since=TOMORROW, value=45, actor=actor, at=AT)
    assert reads.value_for(shop, IDLE, TODAY).value == 30
    changed = reads.value_for(shop, IDLE, TOMORROW)
    assert (changed.value, changed.is_own, changed.unit) == (45, True, "minutes")
    assert reads.value_for(other_shop, IDLE, TOMORROW).value == 30
    assert reads.value(IDLE, TOMORROW).value == 30
    (difference,) = reads.differences_for(shop, TODAY, TOMORROW)
    assert difference.rule.id == IDLE
    assert reads.differences_for(other_shop, TODAY, TOMORROW) == ()
    assert TOMORROW in reads.change_days(shop, IDLE)
    assert TOMORROW not in reads.change_days(other_shop, IDLE)
    entry = list_audit(shop.id, deed="change_rulebook", subject_kind="rule", page=1, size=5).rows[0]
    assert entry.before == {"since": "2026-11-23", "value": 30, "is_own": False}
    assert entry.after == {"since": "2026-11-23", "value": 45, "is_own": True}
    assert entry.subject_id == IDLE


def test_change__withdrawn_later__leaves_the_days_between(shop) -> None:
    system = Actor.system("tests")
    actions.change_rule(shop=shop, rule_id=IDLE, since=TOMORROW, value=45, actor=system, at=AT)
    actions.withdraw_change(shop=shop, rule_id=IDLE, since=date(2026, 11, 25), actor=system, at=AT)
    days = [reads.value_for(shop, IDLE, date(2026, 11, day)).value for day in (22, 23, 24, 25)]
    assert days == [30, 45, 45, 30]


@pytest.mark.parametrize(
    ("rule_id", "since", "value", "error"),
    [
        (IDLE, TODAY, 45, RuleChangeTooEarly),
        ("common.visits.ends_at_midnight", TOMORROW, False, RuleIsFixed),
        ("common.metrics.pv_v1", TOMORROW, {}, RuleIsFixed),
    ],
)
def test_change__refused__changes_nothing(shop, rule_id, since, value, error) -> None:
    before = reads.values_for(shop, TOMORROW)
    with pytest.raises(error):
        actions.change_rule(
            shop=shop, rule_id=rule_id, since=since, value=value, actor=Actor.system("tests"), at=AT
        )
    assert reads.own_values(shop) == ()
    assert reads.values_for(shop, TOMORROW) == before
    assert list_audit(shop.id, deed="change_rulebook", page=1, size=5).count == 0


def test_change__by_an_operator__is_not_allowed(shop, member_of) -> None:
    actor = actor_of(member_of(shop, "operator"), "operator")
    with pytest.raises(NotAllowed):
        actions.change_rule(shop=shop, rule_id=IDLE, since=TOMORROW, value=45, actor=actor, at=AT)
    assert reads.own_values(shop) == ()


def test_channels__a_shops_own__hold_there_alone(shop, other_shop) -> None:
    own = [
        {
            "channel": "other",
            "paid": False,
            "title": {"zh": "其他", "en": "Other"},
            "when": {"v": 1, "all": []},
        }
    ]
    actions.change_rule(
        shop=shop,
        rule_id="common.channels.classification",
        since=TOMORROW,
        value=own,
        actor=Actor.system("tests"),
        at=AT,
    )
    assert [one.channel for one in reads.channels(TOMORROW, shop)] == ["other"]
    assert reads.channels(TODAY, shop) == reads.channels(TODAY)
    assert reads.channels(TOMORROW, other_shop) == reads.channels(TOMORROW)
