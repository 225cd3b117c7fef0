"""Which identities are one customer. Facts keep the identity through which they came; the customer is looked up here."""

from __future__ import annotations

import pyarrow as pa

from shuke.shops.reads import ShopView

__all__ = ["CUSTOMER_MAP", "customer_map"]

# Only identities that belong to a customer of another id stand in it; every other identity is a customer by itself.
CUSTOMER_MAP = pa.schema([("identity_id", pa.int64()), ("customer_id", pa.int64())])


def customer_map(shop: ShopView) -> pa.Table:
    """CUSTOMER_MAP of a shop, one row per identity, sorted by identity_id. Nothing joins identities yet: it is empty."""
    return CUSTOMER_MAP.empty_table()
