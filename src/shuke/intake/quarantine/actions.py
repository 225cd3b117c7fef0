"""Settling what stands in quarantine one by one: send it again, mended or as it is, or drop it. Each is settled once.

It can not be undone: what is sent again is a fact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _
from django_scopes import scope

from shuke.intake.erased import ErasedMeanwhile, Erasures
from shuke.intake.files import mending
from shuke.intake.files.problems import FileProblem
from shuke.intake.files.uploads import FileGone
from shuke.intake.models.imports import Import
from shuke.intake.models.quarantine import API, DROPPED, REPLAYED, WAITING, Quarantined
from shuke.intake.quarantine import once, sending
from shuke.intake.quarantine.reads import QuarantinedView, view_of
from shuke.intake.quarantine.said import masked_changes
from shuke.intake.quarantine.settling import lock_of, settle
from shuke.intake.quarantine.trying import Why, changes
from shuke.intake.reasons import Refusal, remedy_of, words_of
from shuke.kernel.errors import Conflict, Invalid, NotFound, ShukeError
from shuke.records.actor import Actor
from shuke.records.audit import record_audit
from shuke.records.locks import exclusive
from shuke.shops.access import require
from shuke.shops.reads import ShopView
from shuke.shops.roles import Deed

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
    with scope(shop=shop.id), exclusive(lock_of(shop.id)):
        erased = Erasures()
        erased.load()
        row = Quarantined.objects.filter(id=quarantined_id).first()
        if row is None:
            raise NotFound(field="quarantined", value=quarantined_id)
        if row.state != WAITING:
            raise Conflict(field="quarantined", value=quarantined_id)
        text = row.payload if payload is None else payload
        settled = partial(_settle, [row], REPLAYED, changed={row.pk: changes(row, text)}, actor=actor, at=at)
        if row.origin == API:
            _send_again(shop, row, text, settled)
        else:
            _load_again(row, text, settled, erased, at)
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


def drop(*, shop: ShopView, ids: Sequence[int], note: str = "", actor: Actor, at: datetime) -> int:
    """Settle entries that are worth nothing; they stay readable. Returns how many were dropped.

    An event that counts already, since a mend died after sending it, is not dropped but settled as sent. Raises
    CollectionBehind while that can not be told.
    """
    require(actor=actor, shop_id=shop.id, deed=Deed.MEND_QUARANTINE)
    with scope(shop=shop.id), exclusive(lock_of(shop.id)):
        rows = list(Quarantined.objects.filter(id__in=_bounded(ids), state=WAITING).order_by("id"))
        sent = once.already_sent(shop, rows)
        dropped = [row for row in rows if row.pk not in sent]
        with transaction.atomic():
            _settle([row for row in rows if row.pk in sent], REPLAYED, actor=actor, at=at)
            _settle(dropped, DROPPED, note=note, actor=actor, at=at)
    return len(dropped)


def _bounded(ids: Sequence[int]) -> list[int]:
    if len(ids) > AT_ONCE:
        raise TooManyAtOnce(field="ids", value=len(ids), limit=AT_ONCE)
    return sorted(set(ids))


class TooManyAtOnce(ShukeError):
    code = "too_many_at_once"
    status = 422
    words = _("%(value)s entries are too many at once; at most %(limit)s.")
    remedy = _("Choose fewer, or repeat it.")


def _send_again(shop: ShopView, row: Quarantined, text: str, settled: Any) -> None:
    """Through the journal, like any event: durable before it is settled, and counted once by its messageId."""
    checked = sending.check(shop, [(row, text)])
    if row.pk in checked.refused:
        raise _still(checked.refused[row.pk])
    bodies = once.to_send(shop, [row], checked.bodies)
    with transaction.atomic():
        settled()
        sending.send(shop, [row], bodies)


def _load_again(row: Quarantined, text: str, settled: Any, erased: Erasures, at: datetime) -> None:
    held = Import.objects.filter(shop_id=row.shop_id, id=row.import_id or 0).first()
    if held is None:
        raise NotFound(field="import", value=row.import_id)
    again = mending.read_again(held, [(row, text)], at=at)
    if row.pk in again.refused:
        raise _still(again.refused[row.pk])

    def within() -> None:
        erased.require_unchanged()
        settled()

    try:
        mending.store(again, at=at, within=within)
    except ErasedMeanwhile:
        raise Conflict(field="quarantined", value=row.pk) from None


def _still(why: Why) -> ShukeError:
    if not isinstance(why, Refusal):
        return why
    return StillRefused(
        field=why.column or "payload",
        why=words_of(why.code, why.params),
        what=remedy_of(why.code, why.params),
    )


def _settle(
    rows: Sequence[Quarantined],
    state: str,
    *,
    changed: dict[int, list[dict[str, str | None]]] | None = None,
    note: str = "",
    actor: Actor,
    at: datetime,
) -> None:
    """Move entries on, each with an entry in the audit; what may name a person is masked there."""
    settle(rows, state, changes=changed, note=note, actor=actor, at=at)
    for row in rows:
        found = (changed or {}).get(row.pk, [])
        after: dict[str, Any] = {"state": state, "is_mended": bool(found)}
        if found:
            after["changes"] = masked_changes(found)
        record_audit(
            shop_id=row.shop_id,
            actor=actor,
            deed="drop_quarantined" if state == DROPPED else "replay_quarantined",
            subject_kind="quarantined",
            subject_id=row.pk,
            before={"state": WAITING, "reason": row.reason},
            after=after,
            at=at,
        )
