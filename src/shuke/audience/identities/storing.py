"""What is said of identities, written down: rows of Identity and Link, idempotent, in one transaction a chunk.

Every writer takes the shop's register first, so that writers of a shop take turns, and ends with `refolding.refold`.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from shuke.audience.identities.decisions import Crowd
from shuke.audience.identities.kinds import Origin
from shuke.audience.identities.models import Identity, KeptOut, Link, Register
from shuke.audience.identities.names import Name
from shuke.audience.identities.refolding import chunks, refold, update_rows
from shuke.kernel.surrogates import surrogate

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Said:
    """That two names are one customer: `first` and `last` are when it was said first and last."""

    one: Name
    other: Name
    origin: Origin
    source: str
    first: datetime
    last: datetime

    @property
    def pair(self) -> Pair:
        return min(self.one.id, self.other.id), max(self.one.id, self.other.id)


@dataclass(frozen=True, slots=True)
class Met:
    """That somebody is known by a name, whether or not anything joins it."""

    name: Name
    source: str
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Unread:
    """A name in a fact of `holder` that could not be read."""

    holder: int
    kind: str
    reason: str
    value_id: int
    source: str
    at: datetime


def pair_id(shop_id: int, pair: Pair) -> int:
    """The surrogate of two identities."""
    return surrogate(shop_id, "pair", f"{pair[0]} {pair[1]}")


def register_of(shop_id: int) -> Register:
    """The shop's register, locked for the transaction that is under way."""
    row = Register.objects.select_for_update().filter(shop_id=shop_id).first()
    if row is None:
        Register.objects.bulk_create(
            [Register(shop_id=shop_id, epoch=secrets.token_hex(8))], ignore_conflicts=True
        )
        row = Register.objects.select_for_update().get(shop_id=shop_id)
    return row


def write(
    register: Register, said: Sequence[Said], met: Sequence[Met], crowd: Crowd, *, made_by: str = ""
) -> set[int]:
    """Write statements into the register's shop; returns the identities that a new link touches. Within a transaction."""
    shop_id = register.shop_id
    # When somebody joined two names by hand is not when the names were met.
    by_facts = [one for one in said if one.origin is not Origin.HAND]
    known = _write_identities(shop_id, [*met, *_met_in(by_facts)])
    touched = _write_links(shop_id, said, made_by)
    fresh = {row.id for row in known if row.version < 0}
    if touched or fresh:
        refold(register, touched | fresh, crowd)
    return touched


def _met_in(said: Iterable[Said]) -> Iterable[Met]:
    for one in said:
        yield Met(one.one, one.source, one.first, one.last)
        yield Met(one.other, one.source, one.first, one.last)


def _write_identities(shop_id: int, met: Iterable[Met]) -> list[Identity]:
    """Add the names that are new, widen the span of the others; returns those added, their version below 0."""
    wanted: dict[int, Met] = {}
    for one in met:
        old = wanted.get(one.name.id)
        if old is not None:
            # Of two of one moment the same one is kept, whatever came first.
            early = min(old, one, key=lambda m: (m.first, m.source, m.name.given))
            one = Met(early.name, early.source, early.first, max(old.last, one.last))
        wanted[one.name.id] = one
    known: dict[int, Identity] = {}
    for part in chunks(wanted):
        known |= {row.id: row for row in Identity.objects.filter(id__in=part)}
    changed: list[Identity] = []
    for id_, row in known.items():
        one = wanted[id_]
        if one.first < row.first_at or one.last > row.last_at:
            if one.first < row.first_at:
                row.first_at, row.given, row.source = one.first, one.name.given, one.source
            row.last_at = max(row.last_at, one.last)
            changed.append(row)
    added = [
        Identity(
            id=id_,
            shop_id=shop_id,
            kind=one.name.kind.value,
            ref=one.name.ref,
            given=one.name.given,
            source=one.source,
            first_at=one.first,
            last_at=one.last,
            customer_id=id_,
            version=-1,
        )
        for id_, one in wanted.items()
        if id_ not in known
    ]
    Identity.objects.bulk_create(added, batch_size=80)
    columns = ("first_at", "last_at", "given", "source")
    if changed:
        rows = [(row.first_at, row.last_at, row.given, row.source, row.id) for row in changed]
        update_rows(Identity, columns, rows)
    return added


def _write_links(shop_id: int, said: Iterable[Said], made_by: str) -> set[int]:
    """Add what is not known yet; returns both ends of what was added or is earlier than it was known."""
    by_hand: list[Said] = []
    wanted: dict[Pair, Said] = {}
    for one in said:
        if one.origin is Origin.HAND:
            by_hand.append(one)
            continue
        old = wanted.get(one.pair)
        wanted[one.pair] = one if old is None else min(old, one, key=_rank)
    known: dict[Pair, Link] = {}
    for part in chunks(wanted):
        keys = [pair_id(shop_id, pair) for pair in part]
        rows = Link.objects.filter(pair_id__in=keys).exclude(origin=Origin.HAND)
        known |= {(row.one_id, row.other_id): row for row in rows}
    touched: set[int] = set()
    changed: list[Link] = []
    for pair, row in known.items():
        one = wanted[pair]
        if _rank(one) < (row.at, row.origin, row.source):
            row.at, row.origin, row.source = one.first, one.origin.value, one.source
            changed.append(row)
    added = [_link(shop_id, one, "") for pair, one in wanted.items() if pair not in known]
    added += [_link(shop_id, one, made_by) for one in by_hand]
    Link.objects.bulk_create(added, batch_size=80)
    if changed:
        rows_now = [(row.at, row.origin, row.source, row.pk) for row in changed]
        update_rows(Link, ("at", "origin", "source"), rows_now)
    for link in [*added, *changed]:
        touched |= {link.one_id, link.other_id}
    return touched


def _rank(one: Said) -> tuple[datetime, str, str]:
    return one.first, one.origin.value, one.source


def _link(shop_id: int, one: Said, made_by: str) -> Link:
    low, high = one.pair
    return Link(
        shop_id=shop_id,
        one_id=low,
        other_id=high,
        pair_id=pair_id(shop_id, one.pair),
        origin=one.origin.value,
        source=one.source,
        at=one.first,
        made_by=made_by,
    )


def write_unread(shop_id: int, unread: Sequence[Unread]) -> None:
    """Note what could not be read; what is noted already stays as it is."""
    KeptOut.objects.bulk_create(
        [
            KeptOut(
                shop_id=shop_id,
                holder_id=one.holder,
                kind=one.kind,
                reason=one.reason,
                value_id=one.value_id,
                source=one.source,
                at=one.at,
            )
            for one in unread
        ],
        ignore_conflicts=True,
        batch_size=80,
    )
