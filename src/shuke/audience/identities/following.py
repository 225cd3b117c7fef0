"""From facts to identities: each shop's new facts are read once a second by whoever tends the processes.

How far a shop was read stands in its register as a segment's number, and moves only when everything up to it is written. So
a process that is killed at any line reads some facts again, and what they say is there already. While nothing comes for any
shop, a look costs one number.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from datetime import date, datetime

from django.db import transaction
from django.db.models import Q
from django_scopes import scope, scopes_disabled

from shuke.audience.identities import reads, storing
from shuke.audience.identities.decisions import Crowd
from shuke.audience.identities.facts import Related, Renamed, Told, told_by
from shuke.audience.identities.kinds import Kind, Reason
from shuke.audience.identities.models import Identity, Link, Register, RelationFact, Suggestion
from shuke.audience.identities.names import LONGEST, Name
from shuke.audience.identities.refolding import chunks, refold
from shuke.audience.identities.storing import Met
from shuke.audience.identities.values import crowd_of
from shuke.kernel import clock
from shuke.records import erasures
from shuke.records.locks import LockHeld, exclusive
from shuke.records.processes import tended
from shuke.shops.reads import ShopView, list_shops
from shuke.warehouse import reads as warehouse

log = logging.getLogger("audience.identities")

SECONDS_A_TURN = 2.0
# A process rests this many times as long as it worked: others wait for the same cores.
_RESTS = 1.0
SAID_AT_ONCE = 30  # statements a transaction: below 50 ms

_steps: Iterator[int] | None = None
_seen: int = -1
_rest_until = 0.0


class _ErasedMeanwhile(Exception):
    """Somebody was erased while facts lay read here: they are read again."""


@tended
def follow_due(at: datetime) -> int:
    """Read what is new of all shops, some seconds a turn; returns how many statements were written."""
    global _steps, _seen, _rest_until
    if time.monotonic() < _rest_until:
        return 0
    last = warehouse.last_segment()
    if _steps is None:
        if last == _seen:
            return 0
        _seen, _steps = last, _all_shops()
    began, done = time.monotonic(), 0
    try:
        with exclusive("identities-follow", wait=0):
            while time.monotonic() - began < SECONDS_A_TURN:
                written = next(_steps, None)
                if written is None:
                    _steps = None
                    break
                done += written
    except LockHeld:  # another process is at it
        _steps, _seen = None, -1
    except Exception:
        _steps, _seen = None, -1
        raise
    finally:
        _rest_until = time.monotonic() + _RESTS * (time.monotonic() - began)
    return done


def _all_shops() -> Iterator[int]:
    with scopes_disabled():
        through = dict(Register.objects.values_list("shop_id", "read_through"))
    newest = warehouse.newest_segments()
    for shop in list_shops():
        if newest.get(shop.id, 0) <= through.get(shop.id, 0):
            continue
        try:
            yield from follow(shop)
        except _ErasedMeanwhile:
            yield from follow(shop)
        except Exception:
            # One shop must not keep the others from being read; it is tried again with the next facts.
            log.exception("identities.follow_failed shop=%s", shop.id)


def follow(shop: ShopView) -> Iterator[int]:
    """Read what is new of one shop, a transaction at a step; yields how many statements each wrote."""
    last = warehouse.last_segment()
    with scope(shop=shop.id):
        row = Register.objects.filter(shop_id=shop.id).first()
    crowd = crowd_of(shop, clock.now())
    if row is not None and row.crowd != str(crowd):
        yield from _count_again(shop, crowd, bool(row.crowd))
    after = 0 if row is None else row.read_through
    days = warehouse.days_since(shop.id, after)
    for day in days:
        yield from _follow_day(shop, day, after, crowd)
    if days or row is None:
        with transaction.atomic(), scope(shop=shop.id):
            register = storing.register_of(shop.id)
            if register.read_through < last or not register.crowd:
                register.read_through = max(last, register.read_through)
                register.crowd = str(crowd)
                register.save(update_fields=["read_through", "crowd"])


def follow_to_end(shop: ShopView) -> int:
    """Read everything that is new of a shop now: for commands and tests."""
    while True:
        try:
            return sum(follow(shop))
        except _ErasedMeanwhile:
            continue


def _follow_day(shop: ShopView, day: date, after: int, crowd: Crowd) -> Iterator[int]:
    seen = _list_of_erasures()
    mine = [one for one in erasures.list_erasures() if one.shop == shop.id]
    told = told_by(shop, day, after, mine)
    # Names that stand together are written together, so that fewer customers are folded twice.
    told.said.sort(key=lambda said: said.pair)
    for number in range(0, len(told.said), SAID_AT_ONCE):
        part = told.said[number : number + SAID_AT_ONCE]
        with transaction.atomic(), scope(shop=shop.id):
            register = _register(shop, seen)
            storing.write(register, part, [], crowd)
        yield len(part)
    if told.unread or told.related:
        yield _write_rest(shop, told, seen)
    if told.renamed:
        yield from _write_renamed(shop, told.renamed, seen, crowd)
    if told.people or told.said:
        yield _meet(shop, told, seen, crowd)


def _register(shop: ShopView, seen: tuple[int, int] | None) -> Register:
    """The register, if nobody was erased since the facts were read: an erasure is noted before its rows are removed."""
    register = storing.register_of(shop.id)
    if _list_of_erasures() != seen:
        raise _ErasedMeanwhile
    return register


def _list_of_erasures() -> tuple[int, int] | None:
    try:
        now = erasures.list_file().stat()
    except FileNotFoundError:
        return None
    return now.st_mtime_ns, now.st_size


def _write_rest(shop: ShopView, told: Told, seen: tuple[int, int] | None) -> int:
    for part in chunks(told.unread):
        with transaction.atomic(), scope(shop=shop.id):
            _register(shop, seen)
            storing.write_unread(shop.id, part)
    for related in chunks(told.related):
        with transaction.atomic(), scope(shop=shop.id):
            _register(shop, seen)
            _write_related(shop.id, related)
    return len(told.unread) + len(told.related)


def _write_related(shop_id: int, related: list[Related]) -> None:
    RelationFact.objects.bulk_create(
        [
            RelationFact(
                shop_id=shop_id,
                identity_id=one.name.id,
                relation=one.relation.value,
                holds=one.holds,
                at=one.at,
                source=one.source,
            )
            for one in related
        ],
        ignore_conflicts=True,
        batch_size=80,
    )


def _write_renamed(
    shop: ShopView, renamed: list[Renamed], seen: tuple[int, int] | None, crowd: Crowd
) -> Iterator[int]:
    """Two user ids that were told to be one wait for a person, as soon as both are known as people's."""
    for part in chunks(renamed):
        people = reads.refs_in_facts(shop, Kind.PERSON, [one.before.id for one in part])
        with transaction.atomic(), scope(shop=shop.id):
            register = _register(shop, seen)
            known = set(people)
            ids = [one.before.id for one in part]
            known |= set(Identity.objects.filter(id__in=ids).values_list("id", flat=True))
            met = [Met(one.before, one.source, one.at, one.at) for one in part if one.before.id in known]
            storing.write(register, [], met, crowd)
            for one in part:
                low, high = sorted((one.before.id, one.now.id))
                row, is_new = Suggestion.objects.get_or_create(
                    one_id=low,
                    other_id=high,
                    reason=Reason.ALIAS.value,
                    via_id=0,
                    defaults={"shop_id": shop.id, "at": one.at, "is_known": one.before.id in known},
                )
                if not is_new and one.at < row.at:
                    Suggestion.objects.filter(pk=row.pk).update(at=one.at)
        yield len(part)


def _meet(shop: ShopView, told: Told, seen: tuple[int, int] | None, crowd: Crowd) -> int:
    """Who was only another name until now, and turns out to be a person."""
    with scope(shop=shop.id):
        waits = Suggestion.objects.filter(shop_id=shop.id, is_known=False)
        if not waits.exists():
            return 0
    done = 0
    named = {
        name.id: name for said in told.said for name in (said.one, said.other) if name.kind is Kind.PERSON
    }
    people = {
        id_: Name(id_, Kind.PERSON, ref[:LONGEST], ref[:LONGEST]) for id_, (ref, _, _) in told.people.items()
    }
    people |= named
    for part in chunks(people):
        with transaction.atomic(), scope(shop=shop.id):
            register = _register(shop, seen)
            found = list(waits.filter(Q(one_id__in=part) | Q(other_id__in=part)))
            ids = {one for row in found for one in (row.one_id, row.other_id) if one in people}
            met = [Met(people[one], "facts", *_span(told, found, one)) for one in ids]
            storing.write(register, [], met, crowd)
            ends = {end for row in found for end in (row.one_id, row.other_id)}
            known = set(Identity.objects.filter(id__in=ends).values_list("id", flat=True))
            both = [row.pk for row in found if {row.one_id, row.other_id} <= known]
            done += waits.filter(pk__in=both).update(is_known=True)
    return done


def _span(told: Told, found: list[Suggestion], id_: int) -> tuple[datetime, datetime]:
    if id_ in told.people:
        return told.people[id_][1:]
    at = min(row.at for row in found if id_ in (row.one_id, row.other_id))
    return at, at


def _count_again(shop: ShopView, crowd: Crowd, had_one: bool) -> Iterator[int]:
    """The rule values have changed: first who is crowded, from plain counts, then what everything comes to."""
    if had_one:
        with scope(shop=shop.id):
            ids = list(Identity.objects.filter(shop_id=shop.id).values_list("id", flat=True))
        for mark in (True, False):
            for part in chunks(ids):
                with transaction.atomic(), scope(shop=shop.id):
                    register = storing.register_of(shop.id)
                    if mark:
                        _mark_crowded(part, crowd)
                    else:
                        refold(register, part, crowd)
                yield len(part)
    with transaction.atomic(), scope(shop=shop.id):
        register = storing.register_of(shop.id)
        register.crowd = str(crowd)
        register.save(update_fields=["crowd"])


def _mark_crowded(part: list[int], crowd: Crowd) -> None:
    live = Link.objects.filter(undone_at=None).exclude(origin="hand")
    for row in Identity.objects.filter(id__in=part):
        limit = crowd.of_person if row.kind == Kind.PERSON else crowd.of_other
        ends = live.filter(Q(one_id=row.id) | Q(other_id=row.id)).values_list("id", flat=True)[: limit + 1]
        if (len(ends) > limit) != row.is_crowded:
            Identity.objects.filter(id=row.id).update(is_crowded=not row.is_crowded)
