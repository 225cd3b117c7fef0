"""Page types: an ordered list of {type, path patterns}; the first that fits a path names the page.

A pattern has no regular expressions: `=` means the whole path, a leading and trailing `*` stand for anything:
`/item/*` begins with, `*.htm` ends with, `*detail*` contains, `/cart` is exactly. Paths are compared without query, in
lower case (ASCII) and without a trailing slash (but "/" stays).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

OTHER = "other"
TYPES = ("home", "item", "list", "search", "cart", "checkout", "campaign", "content", OTHER)


@dataclass(frozen=True)
class PagePattern:
    """`how`: exact, prefix, suffix or contains; `text` is compared in lower case."""

    type: str
    how: str
    text: str

    def fits(self, path: str) -> bool:
        if self.how == "exact":
            return path == self.text
        if self.how == "prefix":
            return path.startswith(self.text)
        if self.how == "suffix":
            return path.endswith(self.text)
        return self.text in path


def page_patterns(value: Sequence[dict[str, Any]]) -> tuple[PagePattern, ...]:
    """The patterns of a rule's value, in the order in which they are tried."""
    return tuple(
        PagePattern(entry["type"], *_read_pattern(path)) for entry in value for path in entry["path"]
    )


def normal_path(path: str) -> str:
    """A path as patterns see it: without query and fragment, lower case, no trailing slash."""
    path = path.split("?", 1)[0].split("#", 1)[0].lower()
    return path.rstrip("/") or "/"


def page_type_of(path: str | None, patterns: Sequence[PagePattern]) -> str | None:
    """The type of the page at `path`; None when there is no path."""
    if path is None:
        return None
    path = normal_path(path)
    return next((pattern.type for pattern in patterns if pattern.fits(path)), OTHER)


def _read_pattern(pattern: str) -> tuple[str, str]:
    text = pattern.strip("*").lower()
    starts, ends = pattern.startswith("*"), pattern.endswith("*")
    how = "contains" if starts and ends else "suffix" if starts else "prefix" if ends else "exact"
    return how, text


def check_page_types(value: Any) -> None:
    """Raises ValueError unless `value` is a list of {type, path: [patterns]} of known types."""
    if not isinstance(value, list) or not value:
        raise ValueError("must be a list of {type, path}")
    for entry in value:
        if not isinstance(entry, dict) or set(entry) != {"type", "path"}:
            raise ValueError(f"each entry has exactly type and path, not {entry!r}")
        if entry["type"] not in TYPES:
            raise ValueError(f"unknown page type {entry['type']!r}")
        paths = entry["path"]
        if not isinstance(paths, list) or not paths or not all(isinstance(path, str) for path in paths):
            raise ValueError(f"path of {entry['type']} must be a list of texts")
        for path in paths:
            if not path.strip("*") or "*" in path.strip("*") or "?" in path:
                raise ValueError(f"{path!r} is not a pattern: * only at its ends, no query")
