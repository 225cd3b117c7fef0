"""Writes to the warehouse: add facts, seal days, fill what is derived from them again, erase one person's facts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date

from shuke.shops.reads import ShopView
from shuke.warehouse import later, sealing
from shuke.warehouse.erasure import erase
from shuke.warehouse.open_tier import append
from shuke.warehouse.refilling import refill

__all__ = ["append", "erase", "refill", "seal"]


def seal(
    shop: ShopView, days: Iterable[date] | None = None, *, progress: Callable[[int, int], None] | None = None
) -> int:
    """Seal days (sealing.seal) with everything that is derived from them; returns how many days were sealed."""
    done = sealing.seal(shop, days, progress=progress)
    later.derive_later(shop)
    return done
