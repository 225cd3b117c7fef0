"""Mends on record: what was applied to which group, by whom, with what outcome; each entry's history; what is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django_scopes import scope

from shuke.intake.models.quarantine import KeptMend, Mend, Quarantined, Settlement
from shuke.intake.quarantine.groups import Group, waiting_in
from shuke.intake.quarantine.rules import parse_rules, without_values, words_of_rules
from shuke.intake.quarantine.said import in_readers_language, settler
from shuke.kernel.errors import NotFound, ShukeError
from shuke.records import reads as records
from shuke.shops.reads import ShopView

__all__ = [
    "KeptView",
    "MendPage",
    "MendView",
    "RefusedCount",
    "SettledPage",
    "SettledView",
    "columns_of",
    "get_mend",
    "history_of",
    "list_kept",
    "list_mends",
    "settled_by_mend",
    "words_of_rules",
]

SIZE = 50
MOST = 500


@dataclass(frozen=True)
class RefusedCount:
    """Why some entries of a mend still wait, in the reader's language; "" where reasons were too many to keep."""

    code: str
    column: str
    words: str
    count: int


@dataclass(frozen=True)
class MendView:
    """One mend with its job's state. looked = replayed + dropped + refused; `waiting` are not looked at yet."""

    id: int
    group: Group
    rules: tuple[Mapping[str, Any], ...]
    words: str
    total: int
    looked: int
    replayed: int
    mended: int
    dropped: int
    refused: int
    refusals: tuple[RefusedCount, ...]
    job_id: int | None
    state: str
    share: float | None
    error: str
    created_at: datetime
    created_by: str
    ended_at: datetime | None

    @property
    def waiting(self) -> int:
        return max(0, self.total - self.looked) if self.state != "done" else 0


@dataclass(frozen=True)
class MendPage:
    """A page of mends, newest first, and how many there are in all."""

    rows: tuple[MendView, ...]
    count: int
    page: int
    size: int


@dataclass(frozen=True)
class SettledView:
    """How one entry was settled: by which rules (words, or "" by hand), what changed, when and by whom."""

    id: int
    entry_id: int
    line: int | None
    state: str  # replayed, dropped
    changes: tuple[Mapping[str, str | None], ...]
    note: str
    rules: str
    mend_id: int | None
    kept_id: int | None
    at: datetime
    by: str


@dataclass(frozen=True)
class SettledPage:
    """Settled entries of a mend by key: ask on with `after` = the last one's id; None when there are no more."""

    rows: tuple[SettledView, ...]
    next_after: int | None


@dataclass(frozen=True)
class KeptView:
    """Rules that are applied at later loads or to later events, and how many rows or events they have mended so.

    `failing_since`: from when on something else than the events themselves keeps them from being applied.
    """

    id: int
    origin: str  # api, import
    mapping: str
    reason: str
    column: str
    rules: tuple[Mapping[str, Any], ...]
    words: str
    rows: int
    created_at: datetime
    created_by: str
    problem: str = ""  # what keeps the rules from being applied, as the log calls it
    failing_since: datetime | None = None
    next_try_at: datetime | None = None


def list_mends(shop: ShopView, *, page: int = 1, size: int = SIZE, is_masked: bool = False) -> MendPage:
    """The shop's mends, newest first. `is_masked`, here and below: without the values in their rules."""
    page, size = max(1, page), min(max(1, size), MOST)
    with scope(shop=shop.id):
        rows = Mend.objects.filter(shop_id=shop.id)
        count = rows.count()
        views = tuple(_mend(row, is_masked) for row in rows.order_by("-id")[(page - 1) * size : page * size])
    return MendPage(views, count, page, size)


def get_mend(shop: ShopView, mend_id: int, *, is_masked: bool = False) -> MendView:
    """Raises NotFound."""
    with scope(shop=shop.id):
        row = Mend.objects.filter(id=mend_id).first()
        if row is None:
            raise NotFound(field="mend", value=mend_id)
        return _mend(row, is_masked)


def settled_by_mend(
    shop: ShopView, mend_id: int, *, after: int = 0, size: int = SIZE, is_masked: bool = False
) -> SettledPage:
    """Entries that a mend settled, in the order in which it did. Raises NotFound."""
    get_mend(shop, mend_id)
    size = min(max(1, size), MOST)
    with scope(shop=shop.id):
        found = Settlement.objects.filter(mend_id=mend_id, id__gt=after).order_by("id")
        rows = list(found.select_related("entry", "mend", "kept")[: size + 1])
        more = rows[size - 1].pk if len(rows) > size else None
        return SettledPage(tuple(_settled(row, is_masked) for row in rows[:size]), more)


def history_of(shop: ShopView, quarantined_id: int, *, is_masked: bool = False) -> tuple[SettledView, ...]:
    """How an entry was settled: none while it waits, and never more than once. Raises NotFound."""
    with scope(shop=shop.id):
        if not Quarantined.objects.filter(id=quarantined_id).exists():
            raise NotFound(field="quarantined", value=quarantined_id)
        rows = Settlement.objects.filter(entry_id=quarantined_id).select_related("entry", "mend", "kept")
        return tuple(_settled(row, is_masked) for row in rows.order_by("id"))


def list_kept(shop: ShopView, *, is_masked: bool = False) -> tuple[KeptView, ...]:
    """The rules that stand, newest first, at most MOST."""
    with scope(shop=shop.id):
        rows = KeptMend.objects.filter(shop_id=shop.id, removed_at=None).order_by("-id")[:MOST]
        return tuple(
            KeptView(
                id=row.pk,
                origin=row.origin,
                mapping=row.mapping,
                reason=row.reason,
                column=row.column,
                rules=_rules(row.rules, is_masked),
                words=_words(row.rules, row.origin, is_masked),
                rows=Settlement.objects.filter(kept_id=row.pk).count(),
                created_at=row.created_at,
                created_by=row.created_by,
                problem=row.problem,
                failing_since=row.failing_since,
                next_try_at=row.next_try_at,
            )
            for row in rows
        )


def columns_of(shop: ShopView, group: Group) -> tuple[str, ...]:
    """Columns that the newest entry of a group has: what a rule may name. Paths of fields for events."""
    from shuke.intake.quarantine.payloads import EventText, RowText

    with scope(shop=shop.id):
        row = waiting_in(group).order_by("-id").first()
        if row is None:
            return ()
        try:
            text = RowText(row.payload) if row.origin == "import" else EventText(row.payload)
        except (ShukeError, ValueError):
            return ()
        return tuple(text.flat())[:200]


def _words(rules: Sequence[Mapping[str, Any]], origin: str, is_masked: bool) -> str:
    return words_of_rules(parse_rules(list(rules), origin=origin), is_masked=is_masked)


def _rules(rules: Sequence[Mapping[str, Any]], is_masked: bool) -> tuple[Mapping[str, Any], ...]:
    return tuple(without_values(one) if is_masked else one for one in rules)


def _mend(row: Mend, is_masked: bool) -> MendView:
    job = records.get_job(shop_id=row.shop_id, job_id=row.job_id) if row.job_id else None
    return MendView(
        id=row.pk,
        group=Group.of(row.wanted),
        rules=_rules(row.rules, is_masked),
        words=_words(row.rules, row.wanted["origin"], is_masked),
        total=row.total,
        looked=row.looked,
        replayed=row.replayed,
        mended=row.mended,
        dropped=row.dropped,
        refused=row.refused,
        refusals=tuple(
            RefusedCount(one["code"], one["column"], in_readers_language(one["words"]), one["count"])
            for one in row.refusals
        ),
        job_id=row.job_id,
        state=job.state if job else "waiting",
        share=job.share if job else None,
        error=job.error if job else "",
        created_at=row.created_at,
        created_by=row.created_by,
        ended_at=job.ended_at if job else None,
    )


def _settled(row: Settlement, is_masked: bool) -> SettledView:
    rules = ""
    if row.mend is not None:
        rules = _words(row.mend.rules, row.mend.wanted["origin"], is_masked)
    elif row.kept is not None:
        rules = _words(row.kept.rules, row.kept.origin, is_masked)
    return SettledView(
        id=row.pk,
        entry_id=row.entry_id,
        line=row.entry.line,
        state=row.state,
        changes=tuple(row.changes),
        note=row.note,
        rules=rules,
        mend_id=row.mend_id,
        kept_id=row.kept_id,
        at=row.at,
        by=settler(row.by),
    )
