"""Kept rules applied to events: what collection sets aside for the reason and field of a rule is mended right after.

Collection knows nothing of it. Once a second the deliverer asks one question from an index: does anything wait that a rule
has not looked at? Then it goes through those entries by id, as a mend does: checked again, noted, through the journal,
settled on record with the rule. It may be killed at any line and begins again at the same entry; each event counts once
(`once.py`). A rule looks at each entry once, at what was set aside after it was kept; what it can not mend waits as before.
An event that is wrong in several fields needs a kept rule for each.

Where something else than an event is wrong (the journal is full, facts can not be asked, an error of ours), a rule is tried
again at once, then after 2, 4, 8 … seconds, at most five minutes; the other rules go on. The page of kept rules says so,
and Today when it lasts.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django_scopes import scope, scopes_disabled

from shuke.intake.erased import ErasedMeanwhile, Erasures
from shuke.intake.errors import JournalFull
from shuke.intake.models.quarantine import API, REPLAYED, WAITING, KeptMend, Quarantined
from shuke.intake.quarantine import once, sending
from shuke.intake.quarantine.groups import Group, waiting_in
from shuke.intake.quarantine.kept import ROUNDS
from shuke.intake.quarantine.rules import Rule, parse_rules
from shuke.intake.quarantine.said import BY_KEPT_RULES
from shuke.intake.quarantine.settling import lock_of, settle
from shuke.intake.quarantine.trying import changes, event_text
from shuke.intake.reasons import Refusal
from shuke.kernel.errors import Conflict, ShukeError
from shuke.records.actor import Actor
from shuke.records.locks import LockHeld, exclusive
from shuke.records.processes import tended
from shuke.shops.reads import ShopView, get_shop_by_id

log = logging.getLogger("intake.kept")

CHUNK_ROWS = 2_000
WAIT_SECONDS = 2.0  # the deliverer has more to do
BY = Actor.system(BY_KEPT_RULES)
MOST_PAUSE = timedelta(minutes=5)
_DOUBLED = 9  # so often; 2^9 seconds are more than that
# Tried again in a second: a mend has the shop's entries, an entry is gone meanwhile.
_LATER = (LockHeld, ErasedMeanwhile, Conflict)
# Nothing of ours is wrong; no trace in the log.
_KNOWN = (JournalFull, once.CollectionBehind)


@dataclass
class _Mended:
    """Entries that kept rules make readable: their texts and bodies, and the last rule that changed each."""

    texts: dict[int, str] = field(default_factory=dict)
    bodies: dict[int, bytes] = field(default_factory=dict)
    by: dict[int, int] = field(default_factory=dict)


@tended
def mend_new(at: datetime) -> int:
    """Mend what collection has set aside since, a chunk of each rule; returns how many events were sent again."""
    sent = 0
    for shop_id in _shops_with_new(at):
        try:
            sent += _mend_shop(shop_id, at)
        except _LATER as error:
            log.info("kept.later shop=%s %r", shop_id, error)
        except Exception as error:  # of one shop; the others go on
            with scope(shop=shop_id):
                _failed(KeptMend.objects.filter(_due(at), mapping="", removed_at=None), error, at)
    return sent


def _due(at: datetime) -> Q:
    return Q(next_try_at=None) | Q(next_try_at__lte=at)


def _failed(rules: QuerySet[KeptMend], error: Exception, at: datetime) -> None:
    """Note on rules that they could not be applied, and when they are tried again."""
    for one in rules:
        seconds = 2 ** min(one.failures, _DOUBLED) if one.failures else 0
        pause = min(MOST_PAUSE, timedelta(seconds=seconds))
        if isinstance(error, _KNOWN):
            log.info("kept.later shop=%s kept=%s %r", one.shop_id, one.pk, error)
        else:
            log.error("kept.failed shop=%s kept=%s", one.shop_id, one.pk, exc_info=error)
        KeptMend.objects.filter(pk=one.pk).update(
            failures=F("failures") + 1,
            failing_since=one.failing_since or at,
            next_try_at=at + pause,
            problem=(error.code if isinstance(error, ShukeError) else type(error).__name__)[:80],
        )


def _new() -> Exists:
    """Whether anything waits that a rule has not looked at, as a part of the question for rules."""
    named = {name: OuterRef(name) for name in ("shop_id", "reason", "mapping", "column")}
    rows = Quarantined.objects.filter(state=WAITING, origin=API, id__gt=OuterRef("looked_through"), **named)
    return Exists(rows)


def _shops_with_new(at: datetime) -> list[int]:
    with scopes_disabled():
        rules = KeptMend.objects.filter(_due(at), mapping="", removed_at=None).filter(_new())
        return list(rules.order_by("shop_id").values_list("shop_id", flat=True).distinct())


def _mend_shop(shop_id: int, at: datetime) -> int:
    shop = get_shop_by_id(shop_id)
    sent = 0
    with scope(shop=shop_id), exclusive(lock_of(shop_id), wait=0):
        # Read under the lock: whoever stops a rule takes it too, so a stopped one does nothing any more.
        standing = list(KeptMend.objects.filter(mapping="", removed_at=None).order_by("id"))
        rules = {(one.reason, one.column): (one.pk, parse_rules(one.rules, origin=API)) for one in standing}
        for one in standing:
            if one.next_try_at is not None and one.next_try_at > at:
                continue
            try:
                sent += _mend_chunk(shop, one, rules, at)
            except _LATER:
                raise
            except Exception as error:  # of one rule; the others go on
                _failed(KeptMend.objects.filter(pk=one.pk), error, at)
    return sent


def _mend_chunk(
    shop: ShopView, kept: KeptMend, rules: dict[tuple[str, str], tuple[int, tuple[Rule, ...]]], at: datetime
) -> int:
    group = Group(API, kept.reason, "", kept.column)
    rows = list(waiting_in(group).filter(id__gt=kept.looked_through).order_by("id")[:CHUNK_ROWS])
    if not rows:
        return 0
    erased = Erasures()
    erased.load()
    mended = _mended(shop, rows, rules)
    sent = [row for row in rows if row.pk in mended.bodies]
    changed = {row.pk: changes(row, mended.texts[row.pk]) for row in sent}
    bodies = once.to_send(shop, sent, mended.bodies, wait_seconds=WAIT_SECONDS)
    sending.send(shop, sent, bodies)
    with transaction.atomic():
        erased.require_unchanged()
        settle(sent, REPLAYED, changes=changed, kept_by=mended.by, actor=BY, at=at)
        well = {"failures": 0, "failing_since": None, "next_try_at": None, "problem": ""}
        KeptMend.objects.filter(pk=kept.pk).update(looked_through=rows[-1].pk, **well)
    return len(sent)


def _mended(
    shop: ShopView,
    rows: Sequence[Quarantined],
    rules: dict[tuple[str, str], tuple[int, tuple[Rule, ...]]],
) -> _Mended:
    """Apply rules to entries, and to what is then wrong in them the rules for that."""
    found = _Mended()
    waiting = [(row, (row.reason, row.column)) for row in rows]
    for _round in range(ROUNDS):
        asked = []
        for row, key in waiting:
            if key not in rules:
                continue
            before = found.texts.get(row.pk, row.payload)
            kept_id, parsed = rules[key]
            try:
                after = event_text(before, parsed)
            except Exception:  # our own fault, which must not hold up all events that come after this one
                log.exception("kept.unmendable entry=%s", row.pk)
                continue
            if after != before:
                found.texts[row.pk], found.by[row.pk] = after, kept_id
                asked.append((row, after))
        if not asked:
            break
        checked = _checked(shop, asked)
        found.bodies |= checked.bodies
        refused = {pk: why for pk, why in checked.refused.items() if isinstance(why, Refusal)}
        waiting = [
            (row, (refused[row.pk].code, refused[row.pk].column)) for row, _text in asked if row.pk in refused
        ]
    return found


def _checked(shop: ShopView, asked: Sequence[tuple[Quarantined, str]]) -> sending.Checked:
    """Where our own code fails on one of them, the others are mended all the same."""
    try:
        return sending.check(shop, asked)
    except Exception:
        log.exception("kept.unreadable shop=%s", shop.id)
    found = sending.Checked()
    for one in asked:
        with contextlib.suppress(Exception):
            alone = sending.check(shop, [one])
            found.bodies |= alone.bodies
            found.refused |= alone.refused
    return found
