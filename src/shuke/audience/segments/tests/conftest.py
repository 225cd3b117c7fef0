"""A shop with two weeks of visits and orders, as traffic's tests draw it."""

from __future__ import annotations

from shuke.traffic.tests.conftest import life

__all__ = ["life"]
