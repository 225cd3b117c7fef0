"""Letters: one to each reader in their language, tried again when refused, never twice, and no more when unwanted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from smtplib import SMTPRecipientsRefused, SMTPSenderRefused, SMTPServerDisconnected
from typing import ClassVar

import pytest
from django.core import mail as outbox
from django.core.mail import EmailMessage
from django.core.mail.backends import locmem
from django.db import transaction
from django_scopes import scope, scopes_disabled

from shuke.project import wiring
from shuke.records.actor import Actor
from shuke.records.outbox import announce, deliver_due
from shuke.shops import actions as shop_actions
from shuke.shops.roles import Role
from shuke.traffic import events
from shuke.traffic.alerts import actions, mail, reads
from shuke.traffic.alerts.models import Alert, Letter
from shuke.traffic.alerts.tests.raised import raise_one

pytestmark = [pytest.mark.django_db, pytest.mark.row("T7")]
AT = datetime(2026, 3, 20, 3, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def raised(shop, member_of, settings, monkeypatch):
    """An alert that two members want a letter about: one reads Chinese, one English."""
    monkeypatch.setattr(mail, "TURN_SECONDS", 3600.0)  # a slow machine sends both in one turn too
    settings.SITE_URL = "https://shop.example"
    people = {Role.OWNER: "zh-hans", Role.ANALYST: "en"}
    users = {}
    for role, language in people.items():
        users[role] = member_of(shop, role)
        users[role].language = language
        users[role].save()
    actor = Actor.system("tests")
    actions.change_rule(shop=shop, rule_id=0, readers=[u.pk for u in users.values()], actor=actor, at=AT)
    alert = raise_one(shop, at=AT)
    wiring.connect()
    with transaction.atomic():
        payload = {"alert": alert.id}
        announce(shop_id=shop.id, name=events.ALERT_RAISED, payload=payload, at=AT)
        announce(shop_id=shop.id, name=events.ALERT_RAISED, payload=payload, at=AT)  # told twice
    deliver_due(AT)
    return alert, users


def states() -> list[str]:
    with scopes_disabled():
        return sorted(Letter.objects.values_list("state", flat=True))


def test_letters__of_an_alert_told_twice__go_once_to_each_reader_in_their_language(raised, shop) -> None:
    alert, users = raised
    assert mail.send_due(AT) == 2
    assert mail.send_due(AT + MINUTE) == 0
    by_reader = {letter.to[0]: letter for letter in outbox.outbox}
    assert len(by_reader) == len(outbox.outbox) == 2
    chinese, english = by_reader[users[Role.OWNER].email], by_reader[users[Role.ANALYST].email]
    assert "预期 360" in chinese.body
    assert "180 in 3 days where 360 were expected (50% less)" in english.body
    assert f"https://shop.example/s/{shop.slug}/alerts/{alert.id}/" in english.body
    assert states() == ["sent", "sent"]


def test_letters__of_an_alert_that_is_over__go_once_to_those_who_got_the_first(raised, shop) -> None:
    alert, users = raised
    end = AT + timedelta(days=2)

    def over(**changed) -> None:
        with scope(shop=shop.id):
            Alert.objects.filter(pk=alert.id).update(**{"state": "back", "ended_on": end.date()} | changed)
        with transaction.atomic():
            for _twice in range(2):
                announce(shop_id=shop.id, name=events.ALERT_ENDED, payload={"alert": alert.id}, at=end)
        deliver_due(end)

    over()
    assert states() == ["waiting"] * 2  # nobody has read of it yet: nothing is over for them
    mail.send_due(AT)
    over(ended_on=AT.date() - timedelta(days=9))
    over(snoozed_until=end + MINUTE)
    assert states() == ["sent"] * 2
    outbox.outbox.clear()
    over(snoozed_until=None)
    assert states() == ["sent", "sent", "waiting", "waiting"]
    mail.send_due(end)
    mail.send_due(end)
    by_reader = {letter.to[0]: letter for letter in outbox.outbox}
    assert len(outbox.outbox) == len(by_reader) == 2
    english, chinese = (by_reader[users[role].email] for role in (Role.ANALYST, Role.OWNER))
    assert english.subject.endswith("back to usual")
    assert "It was off on Mar 17 – Mar 19." in english.body
    assert chinese.subject.endswith("已恢复正常")
    assert f"/alerts/{alert.id}/" in english.body
    assert english.extra_headers["Message-ID"].startswith(f"<alert-{alert.id}-")


def test_letters__refused_by_the_server__are_tried_again_and_a_dead_sender_sends_nothing_twice(
    raised, monkeypatch
) -> None:
    send = EmailMessage.send

    def refused(self):
        raise SMTPServerDisconnected("away")

    monkeypatch.setattr(EmailMessage, "send", refused)
    assert mail.send_due(AT) == 0
    assert states() == ["waiting", "waiting"]
    monkeypatch.setattr(EmailMessage, "send", send)
    assert mail.send_due(AT + MINUTE) == 0  # later, not at once
    with scopes_disabled():
        first = Letter.objects.order_by("id").first()
        Letter.objects.filter(pk=first.pk).update(state="sending", due_at=AT)  # its sender died here
    assert mail.send_due(AT + 30 * MINUTE) == 1
    assert states() == ["sent", "unsure"]
    assert len(outbox.outbox) == 1


def test_letters__unwanted_put_off_old_or_without_server__are_not_laid(shop, member_of, settings) -> None:
    owner, analyst = member_of(shop, Role.OWNER), member_of(shop, Role.ANALYST)
    actor = Actor("member", analyst.pk, "Ann", Role.ANALYST.value)
    common = {"shop": shop, "actor": actor, "at": AT}
    actions.set_letters(**common, rule_id=0, user_id=analyst.pk, wanted=True)
    rule = reads.list_rules(shop)[0]
    assert rule.readers == (analyst.pk,)
    alert = raise_one(shop, at=AT)
    wiring.connect()

    def letters() -> int:
        with transaction.atomic():
            announce(shop_id=shop.id, name=events.ALERT_RAISED, payload={"alert": alert.id}, at=AT)
        deliver_due(AT)
        with scope(shop=shop.id):
            return Letter.objects.count()

    settings.EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
    assert letters() == 0
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    actions.snooze_rule(**common, rule_id=rule.id, until=AT + timedelta(days=1))
    assert letters() == 0
    actions.snooze_rule(**common, rule_id=rule.id, until=None)
    actions.set_letters(**common, rule_id=rule.id, user_id=analyst.pk, wanted=False)
    assert letters() == 0
    assert owner.pk not in reads.list_rules(shop)[0].readers
    actions.set_letters(**common, rule_id=rule.id, user_id=analyst.pk, wanted=True)
    assert letters() == 1


def test_letters__laid_before_the_reader_said_no_or_left_the_shop__are_not_sent(raised, shop) -> None:
    _alert, users = raised
    analyst = users[Role.ANALYST]
    owner = Actor("member", users[Role.OWNER].pk, "Olga", Role.OWNER.value)
    actions.set_letters(shop=shop, rule_id=0, user_id=users[Role.OWNER].pk, wanted=False, actor=owner, at=AT)
    with scope(shop=shop.id):
        shop_actions.remove_member(shop=shop, user_id=analyst.pk, actor=Actor.system("tests"), at=AT)
    assert mail.send_due(AT) == 0
    assert outbox.outbox == []
    assert states() == ["failed", "failed"]
    assert mail.send_due(AT + 60 * MINUTE) == 0


def test_letters__of_a_rule_that_was_switched_off__are_not_sent(raised, shop) -> None:
    actor = Actor.system("tests")
    actions.change_rule(shop=shop, rule_id=0, is_on=False, actor=actor, at=AT)
    assert mail.send_due(AT) == 0
    assert outbox.outbox == []


class Counting(locmem.EmailBackend):
    """Counts how often it was opened; `refuses` is raised instead of sending."""

    opened: ClassVar[list[float]] = []
    refuses: ClassVar[list[Exception]] = []

    def open(self) -> bool:
        self.opened.append(1)
        return True

    def send_messages(self, messages):
        if self.refuses:
            raise self.refuses[0]
        return super().send_messages(messages)


WHO = "anna@shop.example"


@pytest.mark.parametrize(
    ("error", "attempts", "said"),
    [
        (TimeoutError(110, f"silent {WHO}"), [0, 1], "TimeoutError 110"),
        (SMTPServerDisconnected(f"away {WHO}"), [0, 1], "SMTPServerDisconnected"),
        (
            SMTPRecipientsRefused({WHO: (550, b"no"), "b" + WHO: (451, b"")}),
            [1, 1],
            "SMTPRecipientsRefused 451 550",
        ),
        (SMTPSenderRefused(553, WHO.encode(), WHO), [1, 1], "SMTPSenderRefused 553"),
    ],
)
def test_letters__of_one_turn__ask_a_server_that_is_away_once_and_name_no_address(
    raised, settings, caplog, error, attempts, said
) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.Counting"
    Counting.opened.clear()
    Counting.refuses[:] = [error]
    assert mail.send_due(AT) == 0
    assert len(Counting.opened) == sum(attempts)
    with scopes_disabled():
        assert sorted(Letter.objects.values_list("attempts", flat=True)) == attempts
        assert {letter.due_at for letter in Letter.objects.all()} == {AT + 5 * MINUTE}
        assert {letter.error for letter in Letter.objects.filter(attempts=1)} == {said}
    assert WHO not in caplog.text
    assert caplog.text.count(f" {said}\n") == sum(attempts)
    Counting.refuses.clear()
    assert mail.send_due(AT + 4 * MINUTE) == 0
    assert mail.send_due(AT + 5 * MINUTE) == 2
    assert states() == ["sent", "sent"]
