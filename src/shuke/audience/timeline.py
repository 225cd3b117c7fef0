"""What rooms show of a customer on his one time line: each registers its kind of entry, and all are merged by moment.

Entries stand newest first; of one moment by the kind's name, then by key. A page ends at a *place* (moment, kind, key) and
the next one begins after it, so that what arrives meanwhile moves nothing: pages together equal the whole. A kind is asked
by identities, never by customer: after a split each side shows what came through its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import merge
from itertools import islice
from typing import Any, Literal

from django.utils.functional import Promise

from shuke.kernel.errors import Invalid
from shuke.kernel.verdicts import Reason
from shuke.shops.reads import ShopView
from shuke.shops.roles import Deed

__all__ = ["Asked", "Detail", "Entry", "Kind", "TimelinePage", "kinds", "read", "register"]

Unit = Literal["text", "count", "money", "seconds", "channel", "moment", "day"]
LARGEST_PAGE = 200
_START = datetime(1970, 1, 1, tzinfo=UTC)
_CURSOR = re.compile(r"(-?\d{1,18})~([a-z_]{1,40})~([A-Za-z0-9:_.-]{0,120})", re.ASCII)


@dataclass(frozen=True)
class Detail:
    """One thing said of an entry. `value` by `unit`: money in minor units of the shop's currency, channels by their key."""

    label: str | Promise
    value: Any
    unit: Unit = "text"


@dataclass(frozen=True)
class Entry:
    """What happened at a moment (aware), to which identity. `key` tells entries of one kind and moment apart: ASCII letters,
    digits and `:_.-`, so that every store orders it alike. `url`: where more of it stands; empty: nowhere."""

    kind: str
    key: str
    at: datetime
    words: Reason
    identity_id: int
    details: tuple[Detail, ...] = ()
    url: str = ""


@dataclass(frozen=True)
class Asked:
    """What a kind is asked for: its newest `limit` entries of these identities that come after a place of the time line:
    those before `at`, and of those at `at` the ones whose key is greater than `after` (None: none of them)."""

    shop: ShopView
    identity_ids: frozenset[int]
    at: datetime
    after: str | None
    limit: int

    def holds(self, at: datetime, key: str) -> bool:
        """Whether an entry comes after the place."""
        return at < self.at or (at == self.at and self.after is not None and key > self.after)


@dataclass(frozen=True)
class Kind:
    """A kind of entry. `entries` answers newest first, of one moment by key; it may give too many, never too few.

    `deed`: who may see it; for others it is left out, and the page says so.
    """

    name: str
    title: str | Promise
    icon: str
    entries: Callable[[Asked], Iterable[Entry]]
    deed: Deed = Deed.VIEW_CUSTOMERS


@dataclass(frozen=True)
class TimelinePage:
    """A page of entries; `cursor` asks for the next one, None: there is none. `hidden`: kinds that the asker may not see."""

    entries: tuple[Entry, ...]
    cursor: str | None
    hidden: tuple[str, ...] = ()


_kinds: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    """Add a kind; one of the same name is replaced. Raises ValueError for a name that a cursor can not hold."""
    if not re.fullmatch(r"[a-z_]{1,40}", kind.name, re.ASCII):
        raise ValueError(f"a kind of the time line can not be called {kind.name!r}")
    _kinds[kind.name] = kind


def kinds() -> tuple[Kind, ...]:
    """All kinds, by name."""
    return tuple(_kinds[name] for name in sorted(_kinds))


def read(
    *,
    shop: ShopView,
    identity_ids: Collection[int],
    until: datetime,
    cursor: str | None = None,
    limit: int = 30,
    only: Sequence[str] = (),
    may: Callable[[Deed], bool] = lambda deed: True,
) -> TimelinePage:
    """One page of what happened to these identities until a moment (included), newest first.

    `only`: kinds by name; none: all. Raises Invalid for a cursor or kind that there is not.
    """
    for name in only:
        if name not in _kinds:
            raise Invalid(field="kinds", value=name)
    if not 1 <= limit <= LARGEST_PAGE:
        raise Invalid(field="size", value=limit)
    asked = [kind for kind in kinds() if not only or kind.name in only]
    seen = [kind for kind in asked if may(kind.deed)]
    place = _place(cursor) if cursor else (until, "", "")
    streams = [_stream(kind, _asked(shop, frozenset(identity_ids), place, kind, limit + 1)) for kind in seen]
    found = list(islice(merge(*streams, key=order), limit + 1))
    more = len(found) > limit
    entries = tuple(found[:limit])
    hidden = tuple(kind.name for kind in asked if kind not in seen)
    return TimelinePage(entries, _cursor(entries[-1]) if more else None, hidden)


def order(entry: Entry) -> tuple[timedelta, str, str]:
    """Where an entry stands: less is earlier on the page, which is later in time."""
    return _START - entry.at, entry.kind, entry.key


def _asked(
    shop: ShopView, ids: frozenset[int], place: tuple[datetime, str, str], kind: Kind, limit: int
) -> Asked:
    at, name, key = place
    after = key if kind.name == name else "" if kind.name > name else None
    return Asked(shop, ids, at, after, limit)


def _stream(kind: Kind, asked: Asked) -> list[Entry]:
    if not asked.identity_ids:
        return []
    found = [entry for entry in kind.entries(asked) if asked.holds(entry.at, entry.key)]
    return sorted(found, key=order)[: asked.limit]


def _cursor(entry: Entry) -> str:
    micros = (entry.at - _START) // timedelta(microseconds=1)
    return f"{micros}~{entry.kind}~{entry.key}"


def _place(cursor: str) -> tuple[datetime, str, str]:
    found = _CURSOR.fullmatch(cursor)
    try:
        if found is None:
            raise ValueError(cursor)
        return _START + timedelta(microseconds=int(found[1])), found[2], found[3]
    except (ValueError, OverflowError):
        raise Invalid(field="cursor", value=cursor) from None
