"""What shops announce through the outbox: names, versions, fields (ids only)."""

from __future__ import annotations

from typing import Final

SHOP_CREATED: Final = "shops.shop_created.v1"  # shop
SHOP_UPDATED: Final = "shops.shop_updated.v1"  # shop, fields
MEMBER_ADDED: Final = "shops.member_added.v1"  # user, role
MEMBER_ROLE_CHANGED: Final = "shops.member_role_changed.v1"  # user, before, after
MEMBER_REMOVED: Final = "shops.member_removed.v1"  # user
WRITE_KEY_CREATED: Final = "shops.write_key_created.v1"  # write_key
WRITE_KEY_REVOKED: Final = "shops.write_key_revoked.v1"  # write_key
API_KEY_CREATED: Final = "shops.api_key_created.v1"  # api_key, role
API_KEY_REVOKED: Final = "shops.api_key_revoked.v1"  # api_key
