"""Keys: write keys for pages and apps (readable, they stand in pages), API keys for programs (shown once, kept as hash)."""

from __future__ import annotations

import secrets
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _
from django_scopes import scope

from shuke.kernel.errors import Invalid, NotFound
from shuke.records.actor import Actor
from shuke.records.audit import record_audit
from shuke.records.outbox import announce
from shuke.shops import access, events
from shuke.shops.actions.members import RoleRefused
from shuke.shops.decisions import may_set_role
from shuke.shops.models import ApiKey, WriteKey
from shuke.shops.reads import ShopView
from shuke.shops.roles import Deed, Role
from shuke.shops.words import clean_text


class KeyNotFound(NotFound):
    words = _("There is no such key.")


def create_write_key(*, shop: ShopView, name: str, actor: Actor, at: datetime) -> WriteKey:
    """A key with which pages and apps send events to this shop."""
    access.require(actor=actor, shop_id=shop.id, deed=Deed.MANAGE_KEYS)
    name = clean_text("name", name, 60)
    with transaction.atomic(), scope(shop=shop.id):
        row = WriteKey.objects.create(
            shop_id=shop.id, key=f"wk_{secrets.token_hex(16)}", name=name, created_at=at
        )
        _record(
            shop, "create_write_key", "write_key", row.pk, actor, at, None, {"name": name, "key": row.key}
        )
        announce(shop_id=shop.id, name=events.WRITE_KEY_CREATED, payload={"write_key": row.pk}, at=at)
    return row


def revoke_write_key(*, shop: ShopView, key_id: int, actor: Actor, at: datetime) -> None:
    """Events under this key are refused from now on. Revoking again changes nothing. Raises NotFound."""
    access.require(actor=actor, shop_id=shop.id, deed=Deed.MANAGE_KEYS)
    with transaction.atomic(), scope(shop=shop.id):
        rows = WriteKey.objects.filter(id=key_id)
        if not rows.filter(revoked_at__isnull=True).update(revoked_at=at):
            if not rows.exists():
                raise KeyNotFound(field="key", value=key_id)
            return
        _record(
            shop, "revoke_write_key", "write_key", key_id, actor, at, {"revoked_at": None}, {"revoked_at": at}
        )
        announce(shop_id=shop.id, name=events.WRITE_KEY_REVOKED, payload={"write_key": key_id}, at=at)


def create_api_key(
    *, shop: ShopView, name: str, role: Role | str, actor: Actor, at: datetime
) -> tuple[ApiKey, str]:
    """A key for a program, with a role not above the actor's own; returns the row and the secret, shown once."""
    own = access.require(actor=actor, shop_id=shop.id, deed=Deed.MANAGE_KEYS)
    try:
        wanted = Role(role)
    except ValueError:
        raise Invalid(field="role", value=role) from None
    verdict = may_set_role(own=own, before=None, after=wanted, owners=1, deed=Deed.MANAGE_KEYS)
    if not verdict.is_allowed:
        raise RoleRefused(verdict.reasons[0])
    name = clean_text("name", name, 50)
    with transaction.atomic(), scope(shop=shop.id):
        row, secret = ApiKey.objects.create_key(shop_id=shop.id, name=name, role=wanted.value, created=at)
        after = {"name": name, "role": wanted.value, "prefix": row.prefix}
        _record(shop, "create_api_key", "api_key", row.pk, actor, at, None, after)
        announce(
            shop_id=shop.id,
            name=events.API_KEY_CREATED,
            payload={"api_key": row.pk, "role": wanted.value},
            at=at,
        )
    return row, secret


def revoke_api_key(*, shop: ShopView, key_id: int, actor: Actor, at: datetime) -> None:
    """The key is refused from now on. Revoking again changes nothing. Raises NotFound, RoleRefused."""
    own = access.require(actor=actor, shop_id=shop.id, deed=Deed.MANAGE_KEYS)
    with transaction.atomic(), scope(shop=shop.id):
        row = ApiKey.objects.filter(id=key_id).first()
        if row is None:
            raise KeyNotFound(field="key", value=key_id)
        verdict = may_set_role(own=own, before=Role(row.role), after=None, owners=2, deed=Deed.MANAGE_KEYS)
        if not verdict.is_allowed:
            raise RoleRefused(verdict.reasons[0])
        if not ApiKey.objects.filter(id=key_id, revoked=False).update(revoked=True, revoked_at=at):
            return
        _record(
            shop, "revoke_api_key", "api_key", key_id, actor, at, {"revoked_at": None}, {"revoked_at": at}
        )
        announce(shop_id=shop.id, name=events.API_KEY_REVOKED, payload={"api_key": key_id}, at=at)


def _record(
    shop: ShopView,
    deed: str,
    kind: str,
    key_id: int,
    actor: Actor,
    at: datetime,
    before: dict | None,
    after: dict | None,
) -> None:
    record_audit(
        shop_id=shop.id,
        actor=actor,
        deed=deed,
        subject_kind=kind,
        subject_id=key_id,
        before=before,
        after=after,
        at=at,
    )
