"""The map from identity to customer as one sorted table, kept in each process and brought up to date by what changed."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from django.db.models import F
from django_scopes import scope

from shuke.audience.identities.models import Identity, Register

# Only identities that belong to a customer of another id stand in it; every other identity is a customer by itself.
CUSTOMER_MAP = pa.schema([("identity_id", pa.int64()), ("customer_id", pa.int64())])

_PIECE = 20_000
_LOCK = threading.Lock()


@dataclass(frozen=True)
class KnownMap:
    epoch: str
    version: int
    identities: np.ndarray
    customers: np.ndarray
    table: pa.Table


_known: dict[int, KnownMap] = {}


def _table(identities: np.ndarray, customers: np.ndarray) -> pa.Table:
    return pa.table([pa.array(identities), pa.array(customers)], schema=CUSTOMER_MAP)


_EMPTY = KnownMap("", 0, np.empty(0, np.int64), np.empty(0, np.int64), CUSTOMER_MAP.empty_table())


def known_map(shop_id: int) -> KnownMap:
    """The map as it stands now. What changed since this process last asked is read, and nothing else."""
    with scope(shop=shop_id):
        row = Register.objects.filter(shop_id=shop_id).values_list("epoch", "version").first()
        if row is None:
            return _EMPTY
        with _LOCK:
            known = _known.get(shop_id)
        if known is not None and (known.epoch, known.version) == row:
            return known
        epoch, version = row
        if known is None or known.epoch != epoch or known.version > version:
            known = _EMPTY
        changed, now = _changed_since(shop_id, known.version)
    found = _merged(known, changed, now)
    made = KnownMap(epoch, version, *found, _table(*found))
    with _LOCK:
        _known[shop_id] = made
    return made


def _changed_since(shop_id: int, version: int) -> tuple[np.ndarray, np.ndarray]:
    rows = Identity.objects.filter(shop_id=shop_id, version__gt=version)
    if not version:  # the whole map: only the exceptions
        rows = rows.exclude(customer_id=F("id"))
    pairs = rows.values_list("id", "customer_id").iterator(chunk_size=_PIECE)
    flat = np.fromiter((one for pair in pairs for one in pair), np.int64).reshape(-1, 2)
    order = np.argsort(flat[:, 0])
    return flat[order, 0], flat[order, 1]


def _merged(known: KnownMap, changed: np.ndarray, now: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The known map with what changed put in its place; who is a customer by himself again goes from it."""
    stays = ~np.isin(known.identities, changed)
    is_other = changed != now
    identities = np.concatenate([known.identities[stays], changed[is_other]])
    customers = np.concatenate([known.customers[stays], now[is_other]])
    order = np.argsort(identities, kind="stable")
    return identities[order], customers[order]


def customers_among(known: KnownMap, identities: np.ndarray) -> np.ndarray:
    """The customer of each of these identities."""
    if not len(known.identities):
        return identities.astype(np.int64)
    place = np.minimum(np.searchsorted(known.identities, identities), len(known.identities) - 1)
    return np.where(known.identities[place] == identities, known.customers[place], identities)
