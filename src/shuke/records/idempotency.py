"""A program that repeats a request gets the first answer again; under one key a different request is refused.

The key's row stands before the deed begins, so that a deed that was cut short is not done a second time. Of two requests
that arrive at once the second waits for the first, at a lock and not in a transaction: deeds take locks of their own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _
from django_scopes import scopes_disabled

from shuke.kernel.errors import Conflict
from shuke.kernel.surrogates import surrogate
from shuke.records.locks import exclusive
from shuke.records.models import IdempotencyKey

KEPT = timedelta(hours=48)
_LOCKS = 64


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
    *,
    shop_id: int,
    key: str | None,
    deed: str,
    fingerprint: str,
    at: datetime,
    act: Callable[[], Any],
    keeps: bool = True,
) -> Once:
    """Do `act` once per (shop, deed, key) and keep its JSON answer 48 hours. Without a key it is simply done.

    A repeat's answer is None when it is not kept: not to be (`keeps`), forgotten, or the process died in the deed.

    Raises KeyUsedOtherwise (409) when the key came with another fingerprint. When `act` raises, nothing is kept.
    """
    if not key:
        return Once(act(), is_repeat=False)
    mine = {"shop_id": shop_id, "deed": deed, "key": key[:200]}
    place = surrogate(shop_id, "idempotency", f"{deed}\x1f{key[:200]}") % _LOCKS
    with exclusive(f"once-{place}"):
        with scopes_disabled():
            first = IdempotencyKey.objects.filter(**mine).first()
        if first is not None:
            if first.fingerprint != fingerprint:
                raise KeyUsedOtherwise(field="Idempotency-Key", value=key)
            return Once(first.answer, is_repeat=True)
        row = IdempotencyKey.objects.create(**mine, fingerprint=fingerprint, at=at)
        try:
            answer = act()
        except BaseException:
            with scopes_disabled():
                row.delete()
            raise
        row.answer = answer if keeps else None
        row.save(update_fields=["answer"])
        return Once(answer, is_repeat=False)


def forget_answers(shop_id: int) -> int:
    """Forget the answers of a shop, not that they were given: they may name a person who is to be erased."""
    with scopes_disabled():
        return IdempotencyKey.objects.filter(shop_id=shop_id).exclude(answer=None).update(answer=None)


def forget_old(at: datetime) -> int:
    """Remove keys older than `KEPT`; returns how many."""
    with scopes_disabled():
        return IdempotencyKey.objects.filter(at__lt=at - KEPT).delete()[0]
