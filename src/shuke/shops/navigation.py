"""What the sidebar offers: each room with pages registers its entries; the console draws those that a role may open.

Registration keeps the rooms apart: the face that draws the sidebar imports no room that stands beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy

from shuke.shops.roles import Deed

# The ring, in its order: (key, title). An entry names its group by key; a group without entries is not drawn.
GROUPS: tuple[tuple[str, str | Promise], ...] = (
    ("today", ""),
    ("traffic", pgettext_lazy("sidebar", "Traffic")),
    ("customers", pgettext_lazy("sidebar", "Customers")),
    ("outreach", pgettext_lazy("sidebar", "Outreach")),
    ("promotions", pgettext_lazy("sidebar", "Promotions · Loyalty")),
    ("community", pgettext_lazy("sidebar", "Community")),
    ("care", pgettext_lazy("sidebar", "Care")),
    ("compliance", pgettext_lazy("sidebar", "Compliance")),
    ("data", pgettext_lazy("sidebar", "Data")),
    ("settings", pgettext_lazy("sidebar", "Settings")),
)


@dataclass(frozen=True)
class NavigationEntry:
    """One line of the sidebar. `deed` is the Deed without which it is not drawn; `url_name` takes the shop's slug."""

    key: str
    title: str | Promise
    icon: str
    url_name: str
    deed: Deed
    group: str
    order: int = 100


_entries: dict[str, NavigationEntry] = {}


def register(entry: NavigationEntry) -> None:
    """Add an entry (or replace the one of the same key). Raises ValueError for a group that does not exist."""
    if entry.group not in dict(GROUPS):
        raise ValueError(f"no such group of the sidebar: {entry.group}")
    _entries[entry.key] = entry


def entries() -> Iterator[NavigationEntry]:
    """All entries, in the order in which they are drawn."""
    place = {key: number for number, (key, _title) in enumerate(GROUPS)}
    yield from sorted(_entries.values(), key=lambda e: (place[e.group], e.order, e.key))
