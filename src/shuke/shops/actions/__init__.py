"""Writes of this room, by noun: people, shops, members, keys. Keyword-only; `actor` and `at` given."""

from __future__ import annotations

from shuke.shops.actions.erasures import StoreCount, erase_person, what_lies
from shuke.shops.actions.keys import create_api_key, create_write_key, revoke_api_key, revoke_write_key
from shuke.shops.actions.members import (
    Invitation,
    add_member,
    change_role,
    invite_member,
    remove_member,
    renew_invitation,
)
from shuke.shops.actions.people import change_preferences, create_user, set_password
from shuke.shops.actions.shops import PLATFORMS, create_shop, update_shop

__all__ = [
    "PLATFORMS",
    "Invitation",
    "StoreCount",
    "add_member",
    "change_preferences",
    "change_role",
    "create_api_key",
    "create_shop",
    "create_user",
    "create_write_key",
    "erase_person",
    "invite_member",
    "remove_member",
    "renew_invitation",
    "revoke_api_key",
    "revoke_write_key",
    "set_password",
    "update_shop",
    "what_lies",
]
