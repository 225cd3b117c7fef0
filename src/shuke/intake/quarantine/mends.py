"""Mending a group by rules: looked at first, then done by a job over all of the group's entries.

The job goes through the entries by id. What a chunk settles, its facts, its counts and the cursor are one transaction
(events: their journal comes before it, and a repeat is known: `once.py`), so a job that is killed at any line goes on
without repeating or losing. It can be stopped and resumed; it can not be undone, what is sent again is a fact.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import takewhile
from typing import Any

from django.db import transaction
from django.db.models import Count, F, Max
from django.utils.translation import gettext_lazy as _
from django_scopes import scope

from shuke.intake.erased import ErasedMeanwhile, Erasures
from shuke.intake.files import mending
from shuke.intake.models.quarantine import DROPPED, IMPORT, REPLAYED, Mend, Quarantined
from shuke.intake.quarantine import kept, once, sending
from shuke.intake.quarantine.groups import Group, waiting_in
from shuke.intake.quarantine.rules import Drop, Rule, is_dropping, parse_rules
from shuke.intake.quarantine.said import masked_rules
from shuke.intake.quarantine.settling import lock_of, settle
from shuke.intake.quarantine.trying import Tried, changes, counted, try_rows, why_words
from shuke.kernel.errors import Conflict, NotFound
from shuke.records import jobs
from shuke.records.actor import Actor
from shuke.records.audit import record_audit
from shuke.records.jobs import JobRun, Verdict, job_kind
from shuke.records.locks import exclusive
from shuke.shops.access import require
from shuke.shops.reads import ShopView, get_shop_by_id
from shuke.shops.roles import Deed

KIND = "intake.mend"
CHUNK_ROWS = 2_000
LOOKED_AT = 2_000  # entries that a preview tries
SHOWN = 10
ASKED_AHEAD = 50_000  # entries for which the facts are asked at once
HELD_ASKED = 2  # mends whose answers are kept in this process
_asked: dict[tuple[object, ...], once.Asked] = {}


class NothingWaits(NotFound):
    code = "nothing_waits"
    words = _("Nothing waits in this group.")
    remedy = _("Look at the quarantine again: it was mended or dropped meanwhile.")


@dataclass(frozen=True)
class PreviewRow:
    """One entry before and after: what would change, whether it would load, and if not, why."""

    id: int
    line: int | None
    changes: tuple[dict[str, str | None], ...]
    would_load: bool
    why: str


@dataclass(frozen=True)
class MendPreview:
    """What rules would do to the first `looked` of the `total` entries of a group, the oldest first."""

    group: Group
    rules: tuple[Rule, ...]
    total: int
    looked: int
    would_load: int
    would_drop: int
    changed: int
    refused: tuple[tuple[str, int], ...]  # (why, how many), the most frequent first
    rows: tuple[PreviewRow, ...]

    @property
    def still_refused(self) -> int:
        return self.looked - self.would_load - self.would_drop


def preview_mend(
    *, shop: ShopView, group: Group, rules: Any, is_masked: bool = False, actor: Actor, at: datetime
) -> MendPreview:
    """What rules (in their JSON form) would do to a group; masked without values in words. Changes nothing.

    Raises RuleInvalid, NothingWaits, NotAllowed.
    """
    require(actor=actor, shop_id=shop.id, deed=Deed.MEND_QUARANTINE)
    parsed = parse_rules(rules, origin=group.origin)
    with scope(shop=shop.id):
        total = waiting_in(group).count()
        rows = list(waiting_in(group).order_by("id")[:LOOKED_AT])
        if not rows:
            raise NothingWaits(field="group", value=group.reason)
        if is_dropping(parsed):
            shown = tuple(PreviewRow(row.pk, row.line, (), False, "") for row in rows[:SHOWN])
            return MendPreview(group, parsed, total, len(rows), 0, len(rows), 0, (), shown)
        tried = try_rows(shop, rows, parsed, at=at, is_trial=True)
    return _preview(group, parsed, total, rows, tried, is_masked)


def _preview(
    group: Group,
    rules: tuple[Rule, ...],
    total: int,
    rows: list[Quarantined],
    tried: Tried,
    is_masked: bool,
) -> MendPreview:
    words = partial(why_words, is_masked=is_masked)
    good = set(tried.good)
    by_code: dict[tuple[str, str], list[Any]] = {}
    for why in tried.refused.values():
        found = by_code.setdefault((why.code, words(why) if len(by_code) < 20 else ""), [words(why), 0])
        found[1] += 1
    shown = tuple(
        PreviewRow(
            row.pk,
            row.line,
            tuple(changes(row, tried.texts.get(row.pk, row.payload))),
            row.pk in good,
            words(tried.refused[row.pk]) if row.pk in tried.refused else "",
        )
        for row in rows[:SHOWN]
    )
    changed = sum(tried.texts.get(row.pk, row.payload) != row.payload for row in rows)
    refused = sorted(((words, count) for words, count in by_code.values()), key=lambda one: (-one[1], one[0]))
    return MendPreview(group, rules, total, len(rows), len(good), 0, changed, tuple(refused[:10]), shown)


def start_mend(
    *,
    shop: ShopView,
    group: Group,
    rules: Any,
    is_kept: bool = False,
    actor: Actor,
    at: datetime,
) -> Mend:
    """Start mending all that waits in a group now; `is_kept`: and keep the rules for later loads of its mapping, or for

    later events that would wait in it.

    Raises RuleInvalid, NothingWaits, NotAllowed, NotKept.
    """
    require(actor=actor, shop_id=shop.id, deed=Deed.MEND_QUARANTINE)
    parsed = parse_rules(rules, origin=group.origin)
    plain = [one.as_json() for one in parsed]
    lock = exclusive(lock_of(shop.id)) if is_kept else nullcontext()
    with scope(shop=shop.id), lock, transaction.atomic():
        found = waiting_in(group).aggregate(through=Max("id"), total=Count("id"))
        if not found["total"]:
            raise NothingWaits(field="group", value=group.reason)
        mend = Mend.objects.create(
            shop_id=shop.id,
            wanted=group.as_json(),
            rules=plain,
            through=found["through"],
            total=found["total"],
            created_at=at,
            created_by=actor.name[:200],
        )
        _audit("start_mend", mend, actor, at, {"rules": masked_rules(plain), "entries": found["total"]})
        if is_kept:
            kept.keep(shop=shop, group=group, rules=parsed, through=found["through"], actor=actor, at=at)
        job = jobs.start_job(
            shop_id=shop.id, kind=KIND, params={"mend": mend.pk}, actor=actor, at=at, key=f"mend-{mend.pk}"
        )
        mend.job_id = job.pk
        mend.save(update_fields=["job_id"])
    return mend


def stop_mend(*, shop: ShopView, mend_id: int, actor: Actor, at: datetime) -> None:
    """Stop after the running chunk; what is mended stays. Raises NotFound, JobCanNot, NotAllowed."""
    require(actor=actor, shop_id=shop.id, deed=Deed.MEND_QUARANTINE)
    jobs.request_stop(shop_id=shop.id, job_id=_job_of(shop, mend_id), actor=actor, at=at)


def resume_mend(*, shop: ShopView, mend_id: int, actor: Actor, at: datetime) -> None:
    """Go on where it stood. Raises NotFound, JobCanNot, NotAllowed."""
    require(actor=actor, shop_id=shop.id, deed=Deed.MEND_QUARANTINE)
    jobs.resume(shop_id=shop.id, job_id=_job_of(shop, mend_id), actor=actor, at=at)


def _job_of(shop: ShopView, mend_id: int) -> int:
    with scope(shop=shop.id):
        job_id = Mend.objects.filter(id=mend_id).values_list("job_id", flat=True).first()
    if job_id is None:
        raise NotFound(field="mend", value=mend_id)
    return int(job_id)


@job_kind(KIND, _("Mending of the quarantine"))
def step(job: JobRun) -> Verdict:
    """One chunk of the group's entries, in the order in which they were set aside."""
    mend = Mend.objects.get(id=job.params["mend"])
    rules = parse_rules(mend.rules, origin=mend.wanted["origin"])
    shop = get_shop_by_id(job.shop_id)
    with exclusive(lock_of(shop.id)):
        erased = Erasures()
        erased.load()
        rows = _next_rows(mend, job.state.get("after", 0))
        if not rows:
            with job.saving():
                _end(mend, job)
            return "done"
        try:
            if is_dropping(rules):
                _drop(job, mend, shop, rules, rows)
            else:
                _replay(job, mend, shop, rules, rows, erased)
        except (Conflict, ErasedMeanwhile):
            return "more"  # from the same entries, as they stand now
    return "more"


def _next_rows(mend: Mend, after: int) -> list[Quarantined]:
    """The next entries that wait; of files only those of one load, since a later one may restate a row of an earlier."""
    group = Group.of(mend.wanted)
    found = waiting_in(group).filter(id__gt=after, id__lte=mend.through).order_by("id")[:CHUNK_ROWS]
    rows = list(found)
    if group.origin == IMPORT and rows:
        rows = list(takewhile(lambda row: row.import_id == rows[0].import_id, rows))
    return rows


def _drop(job: JobRun, mend: Mend, shop: ShopView, rules: Sequence[Rule], rows: list[Quarantined]) -> None:
    note = next(one.note for one in rules if isinstance(one, Drop))
    found = once.already_sent(shop, rows)  # by a mend that died: they count
    sent = [row for row in rows if row.pk in found]
    dropped = [row for row in rows if row.pk not in found]
    with job.saving():
        settle(sent, REPLAYED, mend_id=mend.pk, actor=job.actor, at=job.at)
        settle(dropped, DROPPED, note=note, mend_id=mend.pk, actor=job.actor, at=job.at)
        _count(job, mend, rows, replayed=len(sent), dropped=len(dropped))


def _replay(
    job: JobRun, mend: Mend, shop: ShopView, rules: Sequence[Rule], rows: list[Quarantined], erased: Erasures
) -> None:
    tried = try_rows(shop, rows, rules, at=job.at, is_trial=False)
    good = set(tried.good)
    sent = [row for row in rows if row.pk in good]
    changed = {row.pk: found for row in sent if (found := changes(row, tried.texts[row.pk]))}

    def within() -> None:
        erased.require_unchanged()
        settle(sent, REPLAYED, changes=changed, mend_id=mend.pk, actor=job.actor, at=job.at)
        refusals = counted(tried.refused, mend.refusals)
        _count(job, mend, rows, replayed=len(sent), mended=len(changed), refusals=refusals)

    if tried.again:
        (again,) = tried.again
        mending.store(again, at=job.at, within=within)
        return
    if tried.bodies:
        known = _asked_for(mend, shop, after=rows[-1].pk)
        sending.send(shop, sent, once.to_send(shop, sent, tried.bodies, known=known))
    with job.saving():
        within()


def _asked_for(mend: Mend, shop: ShopView, *, after: int) -> once.Asked:
    """What this process has asked the facts for a mend; `after`: the last entry of the chunk that asks."""

    def ahead() -> Iterator[Quarantined]:
        rows = waiting_in(Group.of(mend.wanted)).filter(id__gt=after, id__lte=mend.through, laid_at=None)
        return rows.order_by("id")[:ASKED_AHEAD].iterator(chunk_size=CHUNK_ROWS)

    key = (shop.id, mend.pk, mend.created_at)
    known = _asked.pop(key, None) or once.Asked(shop, ahead)
    known.ahead = ahead
    _asked[key] = known
    while len(_asked) > HELD_ASKED:
        _asked.pop(next(iter(_asked)))
    return known


def _count(
    job: JobRun,
    mend: Mend,
    rows: list[Quarantined],
    *,
    replayed: int = 0,
    mended: int = 0,
    dropped: int = 0,
    refusals: list[dict[str, Any]] | None = None,
) -> None:
    """Move the mend's counts and the cursor, in the transaction of the chunk."""
    refused = len(rows) - replayed - dropped
    Mend.objects.filter(id=mend.pk).update(
        looked=F("looked") + len(rows),
        replayed=F("replayed") + replayed,
        mended=F("mended") + mended,
        dropped=F("dropped") + dropped,
        refused=F("refused") + refused,
        **({"refusals": refusals} if refusals is not None else {}),
    )
    done = job.done + len(rows)
    job.progress(done, max(mend.total, done), state={"after": rows[-1].pk})


def _end(mend: Mend, job: JobRun) -> None:
    job.progress(job.done, job.done, state=job.state)
    counts = {name: getattr(mend, name) for name in ("looked", "replayed", "mended", "dropped", "refused")}
    _audit("finish_mend", mend, job.actor, job.at, counts)


def _audit(deed: str, mend: Mend, actor: Actor, at: datetime, after: dict[str, Any]) -> None:
    record_audit(
        shop_id=mend.shop_id,
        actor=actor,
        deed=deed,
        subject_kind="mend",
        subject_id=mend.pk,
        before={},
        after={"group": {k: v for k, v in mend.wanted.items() if v}, **after},
        at=at,
    )
