"""Writes to the warehouse: add facts, seal days, fill what is derived from them again, erase one person's facts."""

from shuke.warehouse.erasure import erase
from shuke.warehouse.open_tier import append
from shuke.warehouse.refilling import refill
from shuke.warehouse.sealing import seal

__all__ = ["append", "erase", "refill", "seal"]
