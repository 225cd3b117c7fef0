"""A program that repeats a request gets the first answer again; under one key a different request is refused.

The key's row, the deed's effects and the answer are one transaction: either all of it happened or none. The unique key
decides between two that arrive at once: the second waits for the first and then reads its answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _
from django_scopes import scopes_disabled

from shuke.kernel.errors import Conflict
from shuke.records.models import IdempotencyKey

KEPT = timedelta(hours=48)


class KeyUsedOtherwise(Conflict):
    code = "idempotency_key_used_otherwise"
    words = _("The idempotency key “%(value)s” was already used with a different request.")
    remedy = _("Use a new key for a new request.")


@dataclass(frozen=True)
class Once:
    """The answer (JSON), and whether it is the repeated first one."""

    answer: Any
    is_repeat: bool


def fingerprint_of(body: bytes) -> str:
    """What tells two requests under one key apart."""
    return hashlib.sha256(body).hexdigest()


def once(
    *, shop_id: int, key: str | None, deed: str, fingerprint: str, at: datetime, act: Callable[[], Any]
) -> Once:
    """Do `act` once per (shop, deed, key) and keep its JSON answer 48 hours. Without a key it is simply done.

    Raises KeyUsedOtherwise (409) when the key came with another fingerprint. When `act` raises, nothing is kept.
    """
    if not key:
        return Once(act(), is_repeat=False)
    is_ours = False  # once the key's row stands, an IntegrityError is the deed's own
    try:
        with transaction.atomic():
            row = IdempotencyKey.objects.create(
                shop_id=shop_id, deed=deed, key=key[:200], fingerprint=fingerprint, at=at
            )
            is_ours = True
            row.answer = answer = act()
            row.save(update_fields=["answer"])
            return Once(answer, is_repeat=False)
    except IntegrityError:
        if is_ours:
            raise
    with scopes_disabled():
        first = IdempotencyKey.objects.get(shop_id=shop_id, deed=deed, key=key[:200])
    if first.fingerprint != fingerprint:
        raise KeyUsedOtherwise(field="Idempotency-Key", value=key)
    return Once(first.answer, is_repeat=True)


def forget_old(at: datetime) -> int:
    """Remove keys older than `KEPT`; returns how many."""
    with scopes_disabled():
        return IdempotencyKey.objects.filter(at__lt=at - KEPT).delete()[0]
