"""Saying what was said of consent, and where somebody can be reached; always on record, never changed afterwards.

A withdrawal holds from the commit of its transaction: whoever asks after it is answered no (`reads.Gate`).
"""

from __future__ import annotations

import hashlib
import ipaddress
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django_scopes import scope

from shuke.audience.contacts.errors import (
    ConfirmationOver,
    InFuture,
    NoEvidence,
    NoSuchConfirmation,
    WrongPoint,
)
from shuke.audience.contacts.events import CONSENT_SAID
from shuke.audience.contacts.kinds import POINT_OF, Channel, PointKind, Purpose, Said
from shuke.audience.contacts.models import Confirmation, ContactPoint, Statement
from shuke.audience.contacts.points import Point, point_named
from shuke.audience.contacts.values import values_of
from shuke.audience.identities import reads as identities
from shuke.kernel.errors import Invalid
from shuke.records.actor import Actor
from shuke.records.audit import record_audit
from shuke.records.outbox import announce
from shuke.shops.access import require
from shuke.shops.reads import ShopView
from shuke.shops.roles import Deed

SLACK = timedelta(minutes=5)  # of a sender's clock


@dataclass(frozen=True)
class Evidence:
    """What proves a statement (B-287): the version of the text, where it was said, from which address, and a note."""

    text_version: str = ""
    source: str = ""
    ip: str = ""
    note: str = ""


@dataclass(frozen=True)
class Asked:
    """A confirmation that waits: `token` goes into the message to the person and is told only here."""

    token: str
    expires_at: datetime


def add_point(
    *,
    shop: ShopView,
    customer_id: int,
    kind: PointKind,
    text: str,
    source: str = "",
    actor: Actor,
    at: datetime,
) -> Point:
    """Write down where a customer can be reached. Of a merged customer it is kept under every side, like all that is typed
    (docs/decisions/0006). It permits nothing. Raises NotAllowed, WrongPoint, NoSuchCustomer."""
    require(actor=actor, shop_id=shop.id, deed=Deed.MANAGE_CUSTOMERS)
    point = point_named(shop, kind, text)
    anchors = _anchors(shop, customer_id)
    with scope(shop=shop.id), transaction.atomic():
        for holder in anchors:
            _hold(shop, holder, point, source, actor, at)
        _audit(shop, actor, "add_contact_point", customer_id, {"kind": kind.value, "point": point.id}, at)
    return point


def record_consent(
    *,
    shop: ShopView,
    identity_id: int,
    channel: Channel,
    purpose: Purpose,
    evidence: Evidence,
    is_confirmed: bool = False,
    said_at: datetime | None = None,
    actor: Actor,
    at: datetime,
) -> int:
    """Record that consent was given, by an identity (a point: for itself alone; any other: it only takes back its own
    refusal). `is_confirmed`: the evidence shows a confirmation. Returns the statement's id.

    Raises NotAllowed, NoEvidence, InFuture, Invalid.
    """
    require(actor=actor, shop_id=shop.id, deed=Deed.MANAGE_CUSTOMERS)
    if not evidence.text_version.strip() or not evidence.source.strip():
        raise NoEvidence(field="text_version" if not evidence.text_version.strip() else "source", value="")
    said = Said.CONFIRMED if is_confirmed else Said.GIVEN
    with scope(shop=shop.id), transaction.atomic():
        return _say(shop, identity_id, channel, purpose, said, evidence, said_at or at, actor, at)


def withdraw_consent(
    *,
    shop: ShopView,
    identity_id: int,
    channel: Channel | None = None,
    purpose: Purpose | None = None,
    evidence: Evidence | None = None,
    said_at: datetime | None = None,
    actor: Actor,
    at: datetime,
) -> tuple[int, ...]:
    """Record that an identity refuses; without a channel or purpose, all of them. As easy as giving (B-226, B-287): no
    evidence is asked for, and saying it twice is no mistake. Returns the statements' ids. Raises NotAllowed, InFuture,
    Invalid."""
    require(actor=actor, shop_id=shop.id, deed=Deed.MANAGE_CUSTOMERS)
    told = evidence or Evidence()
    with scope(shop=shop.id), transaction.atomic():
        return tuple(
            _say(shop, identity_id, one, aim, Said.WITHDRAWN, told, said_at or at, actor, at)
            for one in ([channel] if channel else list(Channel))
            for aim in ([purpose] if purpose else list(Purpose))
        )


def hold_point(
    *, shop: ShopView, kind: PointKind, text: str, source: str = "", actor: Actor, at: datetime
) -> Point:
    """A point that a consent names by its text, known or not: kept under itself, since nothing says whose it is. Where facts
    say so, it is that identity. Raises NotAllowed, WrongPoint."""
    require(actor=actor, shop_id=shop.id, deed=Deed.MANAGE_CUSTOMERS)
    point = point_named(shop, kind, text)
    with scope(shop=shop.id), transaction.atomic():
        _hold(shop, point.id, point, source, actor, at)
    return point


def ask_consent(
    *,
    shop: ShopView,
    point: Point,
    channel: Channel,
    purpose: Purpose,
    evidence: Evidence,
    actor: Actor,
    at: datetime,
) -> Asked:
    """Begin a double opt-in: the consent is recorded as unconfirmed, and a token is told for the message that asks to
    confirm (which holds no advertising, B-286). Raises NotAllowed, WrongPoint, NoEvidence."""
    if POINT_OF[channel] is not point.kind:
        raise WrongPoint(field="point", value=channel.value)
    token = secrets.token_urlsafe(32)
    with scope(shop=shop.id), transaction.atomic():
        record_consent(
            shop=shop,
            identity_id=point.id,
            channel=channel,
            purpose=purpose,
            evidence=evidence,
            actor=actor,
            at=at,
        )
        expires = at + values_of(shop, at).waits
        Confirmation.objects.create(
            shop_id=shop.id,
            identity_id=point.id,
            channel=channel.value,
            purpose=purpose.value,
            token_hash=_hash(token),
            asked_at=at,
            expires_at=expires,
            text_version=evidence.text_version[:80],
            source=evidence.source[:120],
        )
    return Asked(token, expires)


def confirm_consent(*, shop: ShopView, token: str, ip: str = "", actor: Actor, at: datetime) -> int:
    """The person followed the link: the consent is confirmed from now on. A token works once, until it expires, and not after
    a withdrawal. Returns the statement's id. Raises NotAllowed, NoSuchConfirmation, ConfirmationOver."""
    require(actor=actor, shop_id=shop.id, deed=Deed.MANAGE_CUSTOMERS)
    with scope(shop=shop.id), transaction.atomic():
        row = Confirmation.objects.filter(shop_id=shop.id, token_hash=_hash(token)).first()
        if row is None:
            raise NoSuchConfirmation(field="token", value="…")
        withdrawn = Statement.objects.filter(
            identity_id=row.identity_id,
            channel=row.channel,
            purpose=row.purpose,
            said=Said.WITHDRAWN,
            at__gte=row.asked_at,
        ).exists()
        if at >= row.expires_at or withdrawn:
            raise ConfirmationOver(field="token", value="…")
        if not Confirmation.objects.filter(pk=row.pk, used_at=None).update(used_at=at):
            raise ConfirmationOver(field="token", value="…")
        evidence = Evidence(row.text_version, row.source, ip, "")
        channel, purpose = Channel(row.channel), Purpose(row.purpose)
        return _say(shop, row.identity_id, channel, purpose, Said.CONFIRMED, evidence, at, actor, at)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _anchors(shop: ShopView, customer_id: int) -> tuple[int, ...]:
    home = identities.customer_of(shop, customer_id)
    identities.identities_of(shop, home)  # NoSuchCustomer for one of whom nothing is known
    return identities.anchors_of(shop, home) or (home,)


def _hold(shop: ShopView, holder: int, point: Point, source: str, actor: Actor, at: datetime) -> None:
    ContactPoint.objects.get_or_create(
        holder_id=holder,
        point_id=point.id,
        defaults={
            "shop_id": shop.id,
            "kind": point.kind.value,
            "ref": point.ref,
            "source": source[:120],
            "added_at": at,
            "added_by": actor.name[:200],
        },
    )


def _say(
    shop: ShopView,
    identity_id: int,
    channel: Channel,
    purpose: Purpose,
    said: Said,
    evidence: Evidence,
    said_at: datetime,
    actor: Actor,
    at: datetime,
) -> int:
    if said_at > at + SLACK:
        raise InFuture(field="said_at", value=said_at.isoformat())
    row = Statement.objects.create(
        shop_id=shop.id,
        identity_id=identity_id,
        channel=channel.value,
        purpose=purpose.value,
        said=said.value,
        at=min(said_at, at),
        recorded_at=at,
        text_version=evidence.text_version.strip()[:80],
        source=evidence.source.strip()[:120],
        ip=_address(evidence.ip),
        note=evidence.note[:300],
        made_by=actor.name[:200],
    )
    told = {"channel": channel.value, "purpose": purpose.value, "said": said.value, "statement_id": row.pk}
    _audit(shop, actor, "record_consent", identity_id, told, at)
    announce(shop_id=shop.id, name=CONSENT_SAID, payload={"identity_id": identity_id, **told}, at=at)
    return int(row.pk)


def _address(text: str) -> str:
    if not text.strip():
        return ""
    try:
        return str(ipaddress.ip_address(text.strip()))
    except ValueError:
        raise Invalid(field="ip", value=text[:60]) from None


def _audit(shop: ShopView, actor: Actor, deed: str, subject: int, after: dict, at: datetime) -> None:
    record_audit(
        shop_id=shop.id,
        actor=actor,
        deed=deed,
        subject_kind="identity",
        subject_id=subject,
        before=None,
        after=after,
        at=at,
    )
