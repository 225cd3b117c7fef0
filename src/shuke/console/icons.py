"""Icons, one file each, inlined so that they take the text's colour and need no request."""

from __future__ import annotations

import logging
import re
from functools import lru_cache
from pathlib import Path

from django.utils.safestring import SafeString, mark_safe

FOLDER = Path(__file__).resolve().parent / "static" / "vendor" / "icons"
_INSIDE = re.compile(r"<svg[^>]*>(.*)</svg>", re.DOTALL)
log = logging.getLogger("console.icons")


@lru_cache(maxsize=256)
def icon(name: str) -> SafeString:
    """The drawing of an icon that the set-up copied; decoration only, so hidden from screen readers."""
    try:
        found = _INSIDE.search((FOLDER / f"{name}.svg").read_text())
    except FileNotFoundError:
        log.warning("icon.missing name=%s", name)
        found = None
    inside = " ".join(found.group(1).split()) if found else ""
    return mark_safe(  # noqa: S308  (a file of the package, no input of a person)
        '<svg class="icon" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.6" '
        f'stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">{inside}</svg>'
    )
