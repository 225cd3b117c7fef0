"""Every change on record: who, when, on what, with the values before and after. Secrets and personal data are masked.

A room registers the names of its fields that hold secrets (`mask_secret`) or personal data (`mask_personal`); a value
under such a name is masked at any depth before it is written, so the audit needs no erasure of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django_scopes import scopes_disabled

from shuke.records.actor import Actor
from shuke.records.models import AuditEntry

MASK = "•••"
_secret_fields: set[str] = {"password", "secret", "token", "hashed_key", "secret_key", "recovery_codes"}
_personal_fields: set[str] = {"email", "phone", "address", "birthday", "person_ref", "anonymous_ref"}


def mask_secret(*fields: str) -> None:
    """Values of these fields are replaced whole."""
    _secret_fields.update(fields)


def mask_personal(*fields: str) -> None:
    """Values of these fields keep their first character: enough to recognise, too little to reach a person."""
    _personal_fields.update(fields)


def masked(value: Any, field: str = "") -> Any:
    """`value` as it may be written: masked by field name, everything else in JSON's types."""
    if value is None or isinstance(value, bool):
        return value
    if field in _secret_fields:
        return MASK
    if field in _personal_fields:
        text = str(value)
        return text[:1] + MASK if text else ""
    if isinstance(value, Mapping):
        return {str(key): masked(item, str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        items = sorted(value, key=str) if isinstance(value, set | frozenset) else value
        return [masked(item) for item in items]
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    return value if isinstance(value, int | float | str) else str(value)


def record_audit(
    *,
    shop_id: int | None,
    actor: Actor,
    deed: str,
    subject_kind: str,
    subject_id: Any,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    at: datetime,
) -> None:
    """Write one entry, in the transaction of the change itself. `before` None: made; `after` None: removed."""
    with transaction.atomic(), scopes_disabled():
        AuditEntry.objects.create(
            shop_id=shop_id,
            at=at,
            actor_kind=actor.kind,
            actor_id=actor.id,
            actor_name=actor.name[:200],
            actor_role=actor.role,
            deed=deed,
            subject_kind=subject_kind,
            subject_id=str(subject_id)[:120],
            before=masked(before),
            after=masked(after),
        )
