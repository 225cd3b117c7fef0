"""Letters about alerts: one to each reader of the rule, in the reader's language, at most once; and one that it is over to
those who got the first.

The announcement lays a letter for each reader (a unique row). Once a second waiting letters are sent: claimed first, in a
transaction of its own, then given to the mail server. A server that refuses or can not be reached is asked again; a sender
that died in between leaves the letter `unsure`, and it is not sent again, since it may have gone.
"""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta
from smtplib import SMTPConnectError, SMTPException, SMTPRecipientsRefused, SMTPServerDisconnected

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.db.models import F
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext
from django_scopes import scope, scopes_disabled

from shuke.kernel.errors import shortened
from shuke.kernel.periods import local_day
from shuke.records.outbox import Event
from shuke.records.processes import tended
from shuke.shops import reads as shops
from shuke.shops.roles import Deed, may
from shuke.traffic.alerts import reads, wording
from shuke.traffic.alerts.models import (
    ENDED,
    FAILED,
    RAISED,
    SENDING,
    SENT,
    UNSURE,
    WAITING,
    Alert,
    Letter,
)

log = logging.getLogger("traffic.alerts")

MOST_ATTEMPTS = 6
DEAD_AFTER = timedelta(minutes=10)  # a letter that is being sent for so long was left by its sender
AT_ONCE = 20
TURN_SECONDS, SERVER_SECONDS = 5.0, 5  # of sending in one turn; in which a server has to answer


def lay_letters(event: Event) -> None:
    """Listener of `traffic.alert_raised.v1`: a waiting letter for each reader who is still in the shop."""
    row = Alert.objects.select_related("rule").filter(pk=event.payload["alert"]).first()
    if row is None or not reads.has_mail_server():
        return
    shop = shops.get_shop_by_id(row.shop_id)
    snoozed = row.rule.snoozed_until
    if (snoozed is not None and event.at < snoozed) or row.raised_on < local_day(
        event.at, shop.zone
    ) - reads.FRESH:
        return
    members = {member.user_id: member.role for member in shops.list_members(shop)}
    Letter.objects.bulk_create(
        [
            Letter(shop_id=row.shop_id, alert=row, user_id=reader, due_at=event.at)
            for reader in row.rule.readers
            if may(members.get(reader), Deed.VIEW_TRAFFIC)
        ],
        ignore_conflicts=True,
    )


def lay_end_letters(event: Event) -> None:
    """Listener of `traffic.alert_ended.v1`: a waiting letter for each reader to whom the first one went."""
    row = Alert.objects.select_related("rule").filter(pk=event.payload["alert"]).first()
    if row is None or row.ended_on is None or not reads.has_mail_server():
        return
    shop = shops.get_shop_by_id(row.shop_id)
    until = max((one for one in (row.snoozed_until, row.rule.snoozed_until) if one is not None), default=None)
    is_old = row.ended_on < local_day(event.at, shop.zone) - reads.FRESH
    if is_old or (until is not None and event.at < until):
        return
    told = Letter.objects.filter(alert=row, about=RAISED, state__in=(SENT, UNSURE))
    Letter.objects.bulk_create(
        [
            Letter(shop_id=row.shop_id, alert=row, user_id=reader, about=ENDED, due_at=event.at)
            for reader in told.values_list("user_id", flat=True)
        ],
        ignore_conflicts=True,
    )


@tended
def send_due(at: datetime) -> int:
    """Send waiting letters over one connection, for some seconds at the most; returns how many went.

    A server that is away is asked once: the letters behind wait as long as the one that found out, since who sends them has
    the outbox and lost jobs to look after as well.
    """
    with scopes_disabled():
        Letter.objects.filter(state=SENDING, due_at__lte=at - DEAD_AFTER).update(state=UNSURE)
        due = list(
            Letter.objects.filter(state=WAITING, due_at__lte=at)
            .order_by("id")
            .values_list("id", flat=True)[:AT_ONCE]
        )
    if not due:
        return 0
    connection = get_connection(timeout=SERVER_SECONDS)
    until = time.monotonic() + TURN_SECONDS
    sent = 0
    try:
        for letter_id in due:
            if time.monotonic() >= until:
                break
            sent += _send(letter_id, connection, at)
    except ServerAway as away:
        with scopes_disabled():
            Letter.objects.filter(state=WAITING, due_at__lte=at).update(due_at=at + away.pause)
    finally:
        connection.close()
    return sent


class ServerAway(Exception):
    """No letter can go now; `pause`: how long the letter that found out waits."""

    def __init__(self, pause: timedelta) -> None:
        super().__init__(pause)
        self.pause = pause


def _send(letter_id: int, connection: BaseEmailBackend, at: datetime) -> bool:
    """Raises ServerAway, the letter noted as refused."""
    with scopes_disabled():
        with transaction.atomic():
            claimed = Letter.objects.filter(pk=letter_id, state=WAITING).update(
                state=SENDING, attempts=F("attempts") + 1, due_at=at
            )
        if not claimed:
            return False
        letter = Letter.objects.get(pk=letter_id)
    try:
        message = _written(letter)
        if message is None:
            _note(letter, FAILED, "nobody wants it any more", at)
            return False
        message.connection = connection
        connection.open()
        message.send()
    except (SMTPException, OSError) as error:
        # The server did not take it: to be tried again, later each time.
        state = FAILED if letter.attempts >= MOST_ATTEMPTS else WAITING
        pause = timedelta(minutes=5 ** min(letter.attempts, 4))
        _note(letter, state, _told(error), at + pause)
        log.warning("letter.refused letter=%s %s", letter_id, _told(error))
        if isinstance(error, (SMTPServerDisconnected, SMTPConnectError)) or not isinstance(
            error, SMTPException
        ):
            raise ServerAway(pause) from None
        connection.close()  # what a refusal left in it is not the next letter's
        return False
    with scopes_disabled():
        Letter.objects.filter(pk=letter_id).update(state=SENT, sent_at=at, error="")
    return True


def _told(error: Exception) -> str:
    """What kind of error it was, and the server's codes: its words, and what Python makes of them, hold addresses."""
    codes: list[object] = [getattr(error, "smtp_code", None) or getattr(error, "errno", None)]
    if isinstance(error, SMTPRecipientsRefused):
        codes = [*sorted({code for code, _words in error.recipients.values()})]
    return " ".join([type(error).__name__, *(str(code) for code in codes if isinstance(code, int))])


def _note(letter: Letter, state: str, error: str, due_at: datetime) -> None:
    with scopes_disabled():
        Letter.objects.filter(pk=letter.pk).update(state=state, error=shortened(error, 300), due_at=due_at)


def _is_wanted(letter: Letter, shop: shops.ShopView) -> bool:
    with scope(shop=shop.id):
        rule = Alert.objects.select_related("rule").get(pk=letter.alert_id).rule
    members = {member.user_id: member.role for member in shops.list_members(shop)}
    return (
        rule.is_on
        and rule.removed_at is None
        and letter.user_id in rule.readers
        and may(members.get(letter.user_id), Deed.VIEW_TRAFFIC)
    )


def _written(letter: Letter) -> EmailMessage | None:
    """The letter in its reader's language; None when there is nobody to read it any more, or nobody wants it: retries take
    a day, in which a reader may have said no or left the shop."""
    reader = shops.find_person(letter.user_id)
    shop = shops.get_shop_by_id(letter.shop_id)
    if reader is None or not _is_wanted(letter, shop):
        return None
    with translation.override(reader.language), scope(shop=shop.id):
        alert = reads.get_alert(shop, letter.alert_id)
        page = settings.SITE_URL.rstrip("/") + reverse("console:alert", args=[shop.slug, alert.id])
        is_over = letter.about == ENDED
        first = (wording.sentence(alert, shop), wording.cause(alert, shop), wording.advice(alert))
        lines = [
            *((wording.ending(alert, shop), wording.off_days(alert)) if is_over else first),
            "",
            page,
            "",
            gettext(
                "You get this letter because your name stands at the rule “%(rule)s” of %(shop)s. "
                "To get no more of them, open the address above and choose “No letters for me”."
            )
            % {"rule": wording.rule_words(alert.rule, shop), "shop": shop.name},
        ]
        what = wording.series_words(alert.lead, shop, alert.raised_on, alert.rule)
        subject = gettext("%(shop)s: %(what)s") % {
            "shop": shop.name,
            "what": wording.ending(alert, shop) if is_over else what,
        }
        number = f"{alert.id}-{reader.id}{'-over' if is_over else ''}"
        return EmailMessage(
            subject=" ".join(subject.split()),
            body="\n".join(lines),
            to=[reader.email],
            # The same id whenever this letter is written: a server that saw it twice shows it once.
            headers={"Message-ID": f"<alert-{number}@{shop.slug}.shuke>"},
        )
