"""The one table of role x deed. Every page, operation and action asks it; nothing else says who may do what."""

from __future__ import annotations

from enum import StrEnum

from django.utils.translation import pgettext_lazy


class Role(StrEnum):
    """What a member or an API key is in one shop, from the most to the least trusted."""

    OWNER = "owner"
    MANAGER = "manager"
    OPERATOR = "operator"
    ANALYST = "analyst"
    SUPPORT = "support"
    READ_ONLY = "read_only"


class Deed(StrEnum):
    """What can be done in a shop."""

    VIEW_TODAY = "view_today"
    VIEW_TRAFFIC = "view_traffic"
    MANAGE_TRAFFIC = "manage_traffic"
    VIEW_CUSTOMERS = "view_customers"
    MANAGE_CUSTOMERS = "manage_customers"
    EXPORT_TABLES = "export_tables"
    IMPORT_FILES = "import_files"
    MANAGE_MAPPINGS = "manage_mappings"
    VIEW_QUARANTINE = "view_quarantine"
    MEND_QUARANTINE = "mend_quarantine"
    SEND_EVENTS = "send_events"
    VIEW_RULEBOOK = "view_rulebook"
    CHANGE_RULEBOOK = "change_rulebook"
    VIEW_JOBS = "view_jobs"
    STOP_JOBS = "stop_jobs"
    VIEW_AUDIT = "view_audit"
    MANAGE_MEMBERS = "manage_members"
    MANAGE_KEYS = "manage_keys"
    MANAGE_SHOP = "manage_shop"
    ERASE_PERSON = "erase_person"


_O, _M, _P, _A, _S, _R = Role.OWNER, Role.MANAGER, Role.OPERATOR, Role.ANALYST, Role.SUPPORT, Role.READ_ONLY

TABLE: dict[Deed, frozenset[Role]] = {
    Deed.VIEW_TODAY: frozenset({_O, _M, _P, _A, _S, _R}),
    Deed.VIEW_TRAFFIC: frozenset({_O, _M, _P, _A, _R}),
    Deed.MANAGE_TRAFFIC: frozenset({_O, _M, _P, _A}),
    Deed.VIEW_CUSTOMERS: frozenset({_O, _M, _P, _S}),
    Deed.MANAGE_CUSTOMERS: frozenset({_O, _M, _P}),
    Deed.EXPORT_TABLES: frozenset({_O, _M, _P, _A}),
    Deed.IMPORT_FILES: frozenset({_O, _M, _P}),
    Deed.MANAGE_MAPPINGS: frozenset({_O, _M, _P}),
    Deed.VIEW_QUARANTINE: frozenset({_O, _M, _P}),
    Deed.MEND_QUARANTINE: frozenset({_O, _M, _P}),
    Deed.SEND_EVENTS: frozenset({_O, _M, _P}),
    Deed.VIEW_RULEBOOK: frozenset({_O, _M, _P, _A, _S, _R}),
    Deed.CHANGE_RULEBOOK: frozenset({_O, _M}),
    Deed.VIEW_JOBS: frozenset({_O, _M, _P, _A}),
    Deed.STOP_JOBS: frozenset({_O, _M, _P}),
    Deed.VIEW_AUDIT: frozenset({_O, _M}),
    Deed.MANAGE_MEMBERS: frozenset({_O, _M}),
    Deed.MANAGE_KEYS: frozenset({_O, _M}),
    Deed.MANAGE_SHOP: frozenset({_O}),
    Deed.ERASE_PERSON: frozenset({_O, _M}),
}

ROLE_TITLES = {
    Role.OWNER: pgettext_lazy("role", "Owner"),
    Role.MANAGER: pgettext_lazy("role", "Manager"),
    Role.OPERATOR: pgettext_lazy("role", "Operator"),
    Role.ANALYST: pgettext_lazy("role", "Analyst"),
    Role.SUPPORT: pgettext_lazy("role", "Support"),
    Role.READ_ONLY: pgettext_lazy("role", "Read only"),
}

DEED_TITLES = {
    Deed.VIEW_TODAY: pgettext_lazy("deed", "See Today"),
    Deed.VIEW_TRAFFIC: pgettext_lazy("deed", "See traffic"),
    Deed.MANAGE_TRAFFIC: pgettext_lazy("deed", "Save funnels, planned routes and alerts"),
    Deed.VIEW_CUSTOMERS: pgettext_lazy("deed", "See customers"),
    Deed.MANAGE_CUSTOMERS: pgettext_lazy("deed", "Merge and describe customers"),
    Deed.EXPORT_TABLES: pgettext_lazy("deed", "Export tables"),
    Deed.IMPORT_FILES: pgettext_lazy("deed", "Import files"),
    Deed.MANAGE_MAPPINGS: pgettext_lazy("deed", "Change mappings"),
    Deed.VIEW_QUARANTINE: pgettext_lazy("deed", "See the quarantine"),
    Deed.MEND_QUARANTINE: pgettext_lazy("deed", "Mend and replay the quarantine"),
    Deed.SEND_EVENTS: pgettext_lazy("deed", "Send events"),
    Deed.VIEW_RULEBOOK: pgettext_lazy("deed", "See the rulebook"),
    Deed.CHANGE_RULEBOOK: pgettext_lazy("deed", "Change the rulebook"),
    Deed.VIEW_JOBS: pgettext_lazy("deed", "See jobs"),
    Deed.STOP_JOBS: pgettext_lazy("deed", "Stop and resume jobs"),
    Deed.VIEW_AUDIT: pgettext_lazy("deed", "See the audit"),
    Deed.MANAGE_MEMBERS: pgettext_lazy("deed", "Manage members"),
    Deed.MANAGE_KEYS: pgettext_lazy("deed", "Manage keys"),
    Deed.MANAGE_SHOP: pgettext_lazy("deed", "Change the shop"),
    Deed.ERASE_PERSON: pgettext_lazy("deed", "Erase a person"),
}


def may(role: Role | str | None, deed: Deed) -> bool:
    """Whether a role may do a deed; an unknown role may do nothing."""
    return role in TABLE[deed]


def deeds_of(role: Role | str) -> frozenset[Deed]:
    return frozenset(deed for deed, roles in TABLE.items() if role in roles)
