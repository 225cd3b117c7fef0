"""Texts as people type them: trimmed, of a stated length, without characters that no database or page can show."""

from __future__ import annotations

import re
import unicodedata

from shuke.kernel.errors import Invalid

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")


def is_slug(text: str) -> bool:
    """Whether this can be a shop's short name: 1 to 40 of a-z, 0-9 and hyphens, none at an end."""
    return _SLUG.fullmatch(text) is not None


def clean_text(field: str, text: str, limit: int, *, may_be_empty: bool = False) -> str:
    """The text without spaces around it. Raises Invalid when empty, too long, or with control characters."""
    cleaned = text.strip()
    is_fit = len(cleaned) <= limit and (cleaned or may_be_empty)
    if not is_fit or any(unicodedata.category(character) in ("Cc", "Cs") for character in cleaned):
        raise Invalid(field=field, value=text)
    return cleaned
