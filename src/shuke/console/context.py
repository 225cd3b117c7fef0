"""What the frame of every page needs: the reader's theme, the shops, the sidebar."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.functional import SimpleLazyObject

from shuke.shops import navigation, reads

THEMES = ("light", "dark", "auto")
THEME_COOKIE = "shuke_theme"


@dataclass(frozen=True)
class DrawnEntry:
    """An entry as the sidebar draws it."""

    title: str
    icon: str
    url: str
    is_here: bool


@dataclass(frozen=True)
class DrawnGroup:
    key: str
    title: str
    entries: tuple[DrawnEntry, ...]


def frame(request: HttpRequest) -> dict[str, Any]:
    """Context processor: cheap for fragments, whose templates touch none of the lazy parts."""
    return {
        "access": getattr(request, "access", None),
        "reader_theme": theme_of(request),
        "navigation": SimpleLazyObject(lambda: _navigation(request)),
        "reader_shops": SimpleLazyObject(lambda: _shops(request)),
    }


def theme_of(request: HttpRequest) -> str:
    """The reader's choice: the account's, else the browser's, else as the machine is set."""
    user = getattr(request, "user", None)
    chosen = getattr(user, "theme", "") if user is not None and user.is_authenticated else ""
    chosen = chosen or request.COOKIES.get(THEME_COOKIE, "")
    return chosen if chosen in THEMES else "auto"


def _shops(request: HttpRequest) -> tuple[Any, ...]:
    return tuple(reads.list_shops_of(request.user)) if request.user.is_authenticated else ()


def _navigation(request: HttpRequest) -> tuple[DrawnGroup, ...]:
    access = getattr(request, "access", None)
    if access is None:
        return ()
    match = request.resolver_match
    here = f"{match.namespace}:{match.url_name}" if match else ""
    groups: dict[str, list[DrawnEntry]] = {}
    offered = []
    for entry in navigation.entries():
        if not access.may(entry.deed):
            continue
        try:
            offered.append((entry, reverse(entry.url_name, args=[access.shop.slug])))
        except NoReverseMatch:
            continue
    above = [url for entry, url in offered if request.path.startswith(url) and entry.key != "today"]
    # Where the address of one page lies below another's, the nearer one is it.
    nearest = max(above, key=len, default="")
    for entry, url in offered:
        is_here = here == entry.url_name or url == nearest
        groups.setdefault(entry.group, []).append(DrawnEntry(str(entry.title), entry.icon, url, is_here))
    titles = dict(navigation.GROUPS)
    return tuple(DrawnGroup(key, str(titles[key]), tuple(groups[key])) for key in titles if key in groups)
