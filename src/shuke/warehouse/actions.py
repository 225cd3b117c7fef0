"""Writes to the warehouse: add facts, seal days, erase one person's facts."""

from shuke.warehouse.erasure import erase
from shuke.warehouse.open_tier import append
from shuke.warehouse.sealing import seal

__all__ = ["append", "erase", "seal"]
