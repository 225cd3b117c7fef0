"""Words that are kept for readers of either language, and what an audit may say of a person's data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.conf import settings
from django.utils import translation

from shuke.intake.quarantine.rules import VALUES
from shuke.records.actor import name_in_words
from shuke.records.audit import MASK
from shuke.shops.access import Access
from shuke.shops.roles import Deed

# Columns and fields in which nobody's name stands: their values may be read in the audit.
_PLAIN = frozenset(
    {
        "timestamp",
        "originalTimestamp",
        "sentAt",
        "type",
        "event",
        "properties.total",
        "properties.revenue",
        "properties.subtotal",
        "properties.currency",
    }
)


BY_KEPT_RULES = "kept rules"  # as who settles a row at a load


def is_masked(access: Access) -> bool:
    """Whether a reader may not see what names people: texts of entries, refused values, values in rules."""
    return not access.may(Deed.VIEW_CUSTOMERS)


def settler(name: str) -> str:
    """Who settled an entry, as its reader calls them."""
    return name_in_words(name)


def in_every_language(words: Callable[[], str]) -> dict[str, str]:
    """The same words in each language, since who reads them later is not known now."""
    said = {}
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            said[language] = words()
    return said


def in_readers_language(said: dict[str, str]) -> str:
    return said.get(translation.get_language() or "", "") or next(iter(said.values()), "")


def masked_changes(
    changes: Sequence[dict[str, str | None]], plain: frozenset[str] = frozenset()
) -> list[dict[str, Any]]:
    """Changes as an audit may hold them, which nobody erases: values are masked but in columns that name nobody."""
    return [
        one
        if one["column"] in _PLAIN | plain
        else {**one, "before": _mask(one["before"]), "after": _mask(one["after"])}
        for one in changes[:50]
    ]


def masked_rules(rules: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rules as an audit may hold them: the values that they look for or put in may be somebody's."""
    return [
        {k: _mask(v) if k in VALUES and isinstance(v, str) else v for k, v in one.items()} for one in rules
    ]


def _mask(text: str | None) -> str | None:
    if not text:
        return text
    return text[:1] + MASK
