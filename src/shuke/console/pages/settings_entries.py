"""The entries of the sidebar's last group, in one place so that their order is seen."""

from __future__ import annotations

from django.utils.translation import pgettext_lazy

from shuke.shops.navigation import NavigationEntry, register
from shuke.shops.roles import Deed

ENTRIES = (
    NavigationEntry(
        "rulebook",
        pgettext_lazy("sidebar", "Rulebook"),
        "book-2",
        "console:rulebook",
        Deed.VIEW_RULEBOOK,
        "compliance",
        90,
    ),
    NavigationEntry(
        "jobs", pgettext_lazy("sidebar", "Jobs"), "activity", "console:jobs", Deed.VIEW_JOBS, "data", 90
    ),
    NavigationEntry(
        "shop",
        pgettext_lazy("sidebar", "Shop"),
        "building-store",
        "console:shop",
        Deed.MANAGE_SHOP,
        "settings",
        10,
    ),
    NavigationEntry(
        "members",
        pgettext_lazy("sidebar", "Members"),
        "users",
        "console:members",
        Deed.MANAGE_MEMBERS,
        "settings",
        20,
    ),
    NavigationEntry(
        "keys", pgettext_lazy("sidebar", "Keys"), "key", "console:keys", Deed.MANAGE_KEYS, "settings", 30
    ),
    NavigationEntry(
        "audit",
        pgettext_lazy("sidebar", "Audit"),
        "history",
        "console:audit",
        Deed.VIEW_AUDIT,
        "settings",
        40,
    ),
)

for _entry in ENTRIES:
    register(_entry)
