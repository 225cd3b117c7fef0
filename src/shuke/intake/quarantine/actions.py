"""Settling what stands in quarantine: send it again, mended or as it is, or drop it. Each entry is settled once."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import msgspec
from django.db import transaction
from django.utils.translation import gettext_lazy as _
from django_scopes import scope

from shuke.intake.committer import future_tolerance_minutes
from shuke.intake.errors import EventTooLarge
from shuke.intake.events_of import Reader, ShopFacts
from shuke.intake.files.problems import FileProblem
from shuke.intake.files.uploads import FileGone
from shuke.intake.models.quarantine import API, DROPPED, REPLAYED, WAITING, Quarantined
from shuke.intake.moments import microseconds
from shuke.intake.own_journal import own_journal
from shuke.intake.quarantine.reads import QuarantinedView, view_of
from shuke.intake.reasons import Refusal, remedy_of, words_of
from shuke.intake.segment_spec import LARGEST_BATCH, LARGEST_EVENT, Event, Kind
from shuke.intake.set_aside import UNREADABLE, Sent
from shuke.intake.shops_of_day import facts_of_shop
from shuke.kernel import clock
from shuke.kernel.errors import Conflict, Invalid, NotFound, ShukeError
from shuke.kernel.periods import local_day
from shuke.records.actor import Actor
from shuke.records.audit import record_audit
from shuke.shops.access import require
from shuke.shops.reads import ShopView
from shuke.shops.roles import Deed

log = logging.getLogger("intake.quarantine")

AT_ONCE = 500


class StillRefused(Invalid):
    """The mended text would be set aside again; the words are those of the reason."""

    code = "still_refused"
    words = _("It still can not become a fact. %(why)s")
    remedy = "%(what)s"


@dataclass(frozen=True)
class Replayed:
    """What became of several entries: how many were sent again, and which are still refused and why."""

    count: int
    refused: tuple[tuple[int, str], ...]  # (id, words)


def mend_and_replay(
    *, shop: ShopView, quarantined_id: int, payload: str | None = None, actor: Actor, at: datetime
) -> QuarantinedView:
    """Send one entry again, as `payload` (None: as it came); it counts at the moment when it came first.

    Raises StillRefused (nothing changed), Conflict when it was settled meanwhile, NotFound, NotAllowed, JournalFull.
    """
    require(actor=actor, shop_id=shop.id, deed=Deed.MEND_QUARANTINE)
    with scope(shop=shop.id):
        row = Quarantined.objects.filter(id=quarantined_id).first()
        if row is None:
            raise NotFound(field="quarantined", value=quarantined_id)
        if row.state != WAITING:
            raise Conflict(field="quarantined", value=quarantined_id)
        text = row.payload if payload is None else payload
        if row.origin == API:
            _send_again(shop, row, text, actor, at)
        else:
            _load_again(shop, row, text, actor, at)
        row.refresh_from_db()
        return view_of(row)


def replay(*, shop: ShopView, ids: Sequence[int], actor: Actor, at: datetime) -> Replayed:
    """Send several entries again as they came (a rule, mapping or clock has changed); those still refused wait on."""
    require(actor=actor, shop_id=shop.id, deed=Deed.MEND_QUARANTINE)
    count, refused = 0, []
    for quarantined_id in _bounded(ids):
        try:
            mend_and_replay(shop=shop, quarantined_id=quarantined_id, actor=actor, at=at)
            count += 1
        except (Invalid, FileProblem, FileGone) as error:
            refused.append((quarantined_id, error.message()))
        except (Conflict, NotFound):
            continue  # settled by someone else meanwhile
    return Replayed(count, tuple(refused))


def drop(*, shop: ShopView, ids: Sequence[int], actor: Actor, at: datetime) -> int:
    """Settle entries that are worth nothing; they stay readable. Returns how many were waiting."""
    require(actor=actor, shop_id=shop.id, deed=Deed.MEND_QUARANTINE)
    dropped = 0
    with scope(shop=shop.id), transaction.atomic():
        for row in Quarantined.objects.filter(id__in=_bounded(ids), state=WAITING).order_by("id"):
            try:
                _settle(row, DROPPED, actor, at)
            except Conflict:
                continue
            dropped += 1
    return dropped


def _bounded(ids: Sequence[int]) -> list[int]:
    if len(ids) > AT_ONCE:
        raise TooManyAtOnce(field="ids", value=len(ids), limit=AT_ONCE)
    return sorted(set(ids))


class TooManyAtOnce(ShukeError):
    code = "too_many_at_once"
    status = 422
    words = _("%(value)s entries are too many at once; at most %(limit)s.")
    remedy = _("Choose fewer, or repeat it.")


def _send_again(shop: ShopView, row: Quarantined, text: str, actor: Actor, at: datetime) -> None:
    """Through the journal, like any event: durable before it is settled, and counted once by its messageId."""
    body = text.encode("utf-8", "surrogatepass").strip()
    is_request = row.reason == UNREADABLE  # the whole of it, not one event
    limit = LARGEST_BATCH if is_request else LARGEST_EVENT
    if len(body) > limit:
        raise EventTooLarge(field="payload", value=len(body), limit=limit)
    received_us = microseconds(row.received_at)
    kind = Kind(row.params.get("kind", Kind.BATCH)) if is_request else Kind.BATCH
    day = clock.now().date()
    facts, tolerance = facts_of_shop(shop, local_day(clock.now(), shop.zone)), future_tolerance_minutes(day)
    try:
        if is_request:
            _require_readable(Sent(shop.id, received_us, kind, body, "check"), facts, day, tolerance)
        else:
            Reader().check(facts, body, received_us, day=day, tolerance=tolerance)
            body = b'{"batch":[' + _named(body, f"quarantine:{row.pk}") + b"]}"
    except Refusal as refusal:
        raise _still(refusal) from None
    with transaction.atomic():
        _settle(row, REPLAYED, actor, at, is_mended=text != row.payload)
        own_journal().append(shop_id=shop.id, received_us=received_us, kind=kind, body=body)


def _require_readable(request: Sent, shop: ShopFacts, day: date, tolerance: int) -> None:
    """Raises Refusal while our code still fails on it, or when none of its events would become a fact."""
    try:
        decoded = Reader().read([request], {shop.id: shop}, day=day, future_tolerance_minutes=tolerance)
    except Exception:
        log.exception("quarantine.unreadable")
        raise Refusal(UNREADABLE) from None
    if decoded.set_aside and not decoded.table.num_rows:
        first = decoded.set_aside[0]
        raise Refusal(first.reason, first.column, **first.params)


def _named(body: bytes, message_id: str) -> bytes:
    """The event with a messageId, so that sending it twice counts once."""
    if msgspec.json.decode(body, type=Event).messageId not in (None, ""):
        return body
    fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    fields["messageId"] = msgspec.Raw(msgspec.json.encode(message_id))
    return msgspec.json.encode(fields)


def _load_again(shop: ShopView, row: Quarantined, text: str, actor: Actor, at: datetime) -> None:
    from shuke.intake.files import mending

    try:
        mending.replay(
            shop_id=shop.id,
            row=row,
            payload=text,
            at=at,
            within=lambda: _settle(row, REPLAYED, actor, at, is_mended=text != row.payload),
        )
    except Refusal as refusal:
        raise _still(refusal) from None


def _still(refusal: Refusal) -> StillRefused:
    return StillRefused(
        field=refusal.column or "payload",
        why=words_of(refusal.code, refusal.params),
        what=remedy_of(refusal.code, refusal.params),
    )


def _settle(row: Quarantined, state: str, actor: Actor, at: datetime, *, is_mended: bool = False) -> None:
    """Move an entry on, once; the text itself is not audited, it may name a person."""
    settled = Quarantined.objects.filter(id=row.pk, state=WAITING).update(
        state=state, settled_at=at, settled_by=actor.name[:200]
    )
    if settled != 1:
        raise Conflict(field="quarantined", value=row.pk)
    record_audit(
        shop_id=row.shop_id,
        actor=actor,
        deed="drop_quarantined" if state == DROPPED else "replay_quarantined",
        subject_kind="quarantined",
        subject_id=row.pk,
        before={"state": WAITING, "reason": row.reason},
        after={"state": state, "is_mended": is_mended},
        at=at,
    )
