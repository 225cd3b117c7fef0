"""Where an event happened: page, referrer, campaign, terminal. Each distinct text is read once and then remembered.

Pages repeat, so the columns of a place are kept under a number, and a batch of events becomes a list of numbers. The
memory is bounded: when it is full, or a new day brings new rules, it begins again. A shop with page types of its own has
numbers of its own for the same addresses.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import TypeVar

import msgspec
from msgspec import Raw

from shuke.intake.segment_spec import NO_RAW, Campaign, Context, Device, Library, Page, Referrer, decoder
from shuke.rulebook import reads as rulebook

PLACE_COLUMNS = (
    "page_path",
    "page_type",
    "referrer_host",
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "utm_content",
    "utm_term",
    "click_id",
)
Place = tuple[str | None, ...]
NOWHERE: Place = (None,) * len(PLACE_COLUMNS)

T = TypeVar("T")
_LONGEST_TEXT = 1024
_ESCAPED = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_MEANING = frozenset("/?#%* ")
_PAGE, _CAMPAIGN = decoder(Page), decoder(Campaign)
_DEVICE, _LIBRARY, _REFERRER = decoder(Device), decoder(Library), decoder(Referrer)
_TABLET = re.compile(r"iPad|Tablet|PlayBook|Silk(?!.*Mobile)|Kindle|Android(?!.*Mobile)|HarmonyOS.*Pad", re.I)
_MOBILE = re.compile(r"Mobi|iPhone|iPod|Android|MicroMessenger|Windows Phone|HarmonyOS|OpenHarmony", re.I)
_APP_LIBRARIES = (
    "ios",
    "android",
    "swift",
    "kotlin",
    "react-native",
    "flutter",
    "unity",
    "xamarin",
    "harmony",
)
_APP_DEVICES = frozenset({"ios", "android", "harmony", "harmonyos"})
TERMINALS: tuple[str | None, ...] = (None, "pc", "mobile", "tablet", "app")
_UNKNOWN, _PC, _MOBILE_WEB, _TABLET_WEB, _APP = range(5)


class Places:
    """Numbers of places. `columns` holds the columns of each number."""

    def __init__(self, *, held: int = 50_000, held_bytes: int = 32 << 20) -> None:
        self._held, self._held_bytes = held, held_bytes
        self._day: date | None = None
        self._forget()

    def _forget(self) -> None:
        self._page_types: tuple[rulebook.PagePattern, ...] | None = None
        self._numbers: dict[bytes, int] = {}
        self._by_types: dict[tuple[rulebook.PagePattern, ...] | None, dict[bytes, int]] = {
            None: self._numbers
        }
        self._count = 0
        self._by_columns: dict[Place, int] = {NOWHERE: 0}
        self._bytes = 0
        self.columns: list[Place] = [NOWHERE]

    def begin(self, day: date) -> None:
        """Call before a batch: the rules of `day` hold for it, and numbers of earlier batches end."""
        if day != self._day or self._count >= self._held or self._bytes >= self._held_bytes:
            self._forget()
            self._day = day

    def use(self, page_types: tuple[rulebook.PagePattern, ...] | None) -> None:
        """The page types of the events that come now; None: those that the rulebook has for everyone on the day."""
        if page_types is not self._page_types:
            self._page_types = page_types
            self._numbers = self._by_types.setdefault(page_types, {})

    def number(self, context: Context | None, page_properties: Raw) -> int:
        """The number of a place, from the context and, for a page call, its properties. Raises msgspec's errors."""
        if context is None:
            key = bytes(page_properties)
        elif context.campaign or context.referrer:
            key = b"\0".join((context.page, page_properties, context.campaign, context.referrer))
        elif page_properties:
            key = b"\0".join((context.page, page_properties))
        else:
            key = bytes(context.page)
        if not key:
            return 0
        number = self._numbers.get(key)
        if number is None:
            place = self._read(context, page_properties)
            number = self._by_columns.setdefault(place, len(self.columns))
            if number == len(self.columns):
                self.columns.append(place)
            self._numbers[key] = number
            self._count += 1
            self._bytes += len(key) + 200
        return number

    def _read(self, context: Context | None, page_properties: Raw) -> Place:
        page = _decoded(_PAGE.decode, context.page if context else NO_RAW, "context.page") or Page()
        own = _page_properties(bytes(page_properties))
        if own is not None:
            # The properties of a page call are the page; the context may be the browser's or absent.
            page = Page(
                url=own.url or page.url,
                path=own.path or (None if own.url else page.path),
                search=own.search or page.search,
                referrer=own.referrer or page.referrer,
            )
        referrer = page.referrer
        if not referrer and context is not None:
            given = _decoded(_REFERRER.decode, context.referrer, "context.referrer")
            referrer = given.url if given else None
        address = page.url or page.path
        if not page.url and page.path and page.search:
            address = page.path + ("" if page.search.startswith("?") else "?") + page.search
        assert self._day is not None
        landing = rulebook.landing_of(address, referrer, self._day)
        path = _readable(page.path and _bare_path(page.path)) or _readable(landing.page_path)
        utm = [
            landing.utm_source,
            landing.utm_medium,
            landing.utm_campaign,
            landing.utm_content,
            landing.utm_term,
        ]
        campaign = _decoded(_CAMPAIGN.decode, context.campaign if context else NO_RAW, "context.campaign")
        if campaign is not None:
            stated = [campaign.source, campaign.medium, campaign.name, campaign.content, campaign.term]
            utm = [one or other for one, other in zip(stated, utm, strict=True)]
        types = rulebook.page_types(self._day) if self._page_types is None else self._page_types
        return (
            path,
            rulebook.page_type_of(path, types),
            _short(landing.referrer_host),
            *(_short(value) for value in utm),
            landing.click_id,
        )


def _page_properties(properties: bytes) -> Page | None:
    """The page that a page call's properties name. They are free: what does not fit there is no page, not an error."""
    if not properties or properties[:1] != b"{":
        return None
    try:
        page = _PAGE.decode(properties)
    except (ValueError, RecursionError):
        return None
    return page if page.url or page.path or page.referrer else None


def _bare_path(path: str) -> str:
    return path.split("?", 1)[0].split("#", 1)[0] or "/"


def _readable(path: str | None) -> str | None:
    return _short(readable_path(path)) if path else None


def readable_path(path: str) -> str:
    """A path as people read and write it: `/%E5%95%86%E5%93%81` is `/商品`. What is no UTF-8 stays, and so does every
    character that would mean something else when it is written out (/ ? # %, * of patterns) or can not be seen (blanks,
    controls, marks of direction)."""
    return _ESCAPED.sub(_unescaped, path) if "%" in path else path


def _unescaped(found: re.Match[str]) -> str:
    written = found[0]
    try:
        text = bytes.fromhex(written.replace("%", "")).decode("utf-8")
    except UnicodeDecodeError:
        return written
    told, at = [], 0
    for one in text:
        end = at + 3 * len(one.encode())
        told.append(one if one.isprintable() and one not in _MEANING else written[at:end])
        at = end
    return "".join(told)


def _short(text: str | None) -> str | None:
    return (text[:_LONGEST_TEXT] or None) if text else None


def _decoded(decode: Callable, raw: bytes, path: str):
    """The decoded part, None when it is absent; errors name their place in the event."""
    if not raw or raw == b"null" or raw == b"[]":
        return None
    try:
        return decode(raw)
    except msgspec.ValidationError as error:
        raise msgspec.ValidationError(str(error).replace("`$", f"`$.{path}")) from None


class Terminals:
    """Numbers into TERMINALS, from the user agent, the device and the library of the context."""

    def __init__(self, *, held: int = 20_000) -> None:
        self._held = held
        self._numbers: dict[str | None, int] = {None: _UNKNOWN, "": _UNKNOWN}
        self._libraries: dict[bytes, bool] = {}

    def number(self, context: Context | None) -> int:
        """Raises msgspec's errors for a device of the wrong shape."""
        if context is None:
            return _UNKNOWN
        if context.device:
            device = _decoded(_DEVICE.decode, context.device, "context.device")
            kind = (device.type or "").lower() if device else ""
            if kind in _APP_DEVICES:
                return _APP
            if kind in ("mobile", "smartphone", "phone"):
                return _MOBILE_WEB
            if kind == "tablet":
                return _TABLET_WEB
            if kind in ("desktop", "pc"):
                return _PC
        agent = context.userAgent
        number = self._numbers.get(agent)
        if number is None:
            if len(self._numbers) >= self._held:
                self._numbers = {None: _UNKNOWN, "": _UNKNOWN}
            number = self._numbers[agent] = terminal_of(agent or "")
        # A browser says so; without one, the library of an app names itself.
        if number <= _PC and context.library and not (agent or "").startswith("Mozilla"):
            return _APP if self._is_app(bytes(context.library)) else number
        return number

    def _is_app(self, raw: bytes) -> bool:
        found = self._libraries.get(raw)
        if found is None:
            if len(self._libraries) >= 1_000:
                self._libraries = {}
            library = _decoded(_LIBRARY.decode, raw, "context.library")
            name = ((library.name if library else "") or "").lower()
            found = self._libraries[raw] = any(part in name for part in _APP_LIBRARIES)
        return found


def terminal_of(agent: str) -> int:
    """The number of the terminal that a browser's user agent names."""
    if _TABLET.search(agent):
        return _TABLET_WEB
    return _MOBILE_WEB if _MOBILE.search(agent) else _PC
