"""What stands in quarantine: by reason, one by one, and how much of it waits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Min, QuerySet
from django_scopes import scope

from shuke.intake.models.quarantine import WAITING, Quarantined
from shuke.intake.quarantine.groups import Group
from shuke.intake.quarantine.said import settler
from shuke.intake.reasons import remedy_of, words_of, words_without_value
from shuke.kernel.errors import NotFound
from shuke.shops.reads import ShopView


@dataclass(frozen=True)
class QuarantinedView:
    """One event or row. `words` and `remedy` are in the language of the reader who asked."""

    id: int
    origin: str  # api, import
    import_id: int | None
    mapping: str
    line: int | None
    column: str
    reason: str
    words: str
    remedy: str
    payload: str
    received_at: datetime
    state: str  # waiting, replayed, dropped
    settled_at: datetime | None
    settled_by: str


@dataclass(frozen=True)
class ReasonCount:
    """How much waits for one reason; `example` is the newest case in words."""

    reason: str
    origin: str
    count: int
    since: datetime
    example: str


@dataclass(frozen=True)
class QuarantinePage:
    """A page of entries, newest first, and how many there are in all."""

    rows: tuple[QuarantinedView, ...]
    count: int
    page: int
    size: int


def count_waiting(shop: ShopView, *, import_id: int | None = None) -> int:
    """Entries that wait for someone."""
    with scope(shop=shop.id):
        return _chosen(state=WAITING, import_id=import_id).count()


def waiting_by_reason(
    shop: ShopView, *, import_id: int | None = None, is_masked: bool = False
) -> tuple[ReasonCount, ...]:
    """What waits, by reason and origin, the most frequent first. `is_masked`, here and below: words without values."""
    with scope(shop=shop.id):
        groups = list(
            _chosen(state=WAITING, import_id=import_id)
            .values("reason", "origin")
            .annotate(count=Count("id"), since=Min("received_at"), newest=Max("id"))
            .order_by("-count", "reason", "origin")
        )
        newest = Quarantined.objects.in_bulk([group["newest"] for group in groups])
        return tuple(
            ReasonCount(
                group["reason"],
                group["origin"],
                group["count"],
                group["since"],
                _words(group["reason"], newest[group["newest"]].params, is_masked),
            )
            for group in groups
        )


def list_quarantined(
    shop: ShopView,
    *,
    state: str | None = WAITING,
    reason: str | None = None,
    origin: str | None = None,
    import_id: int | None = None,
    mapping: str | None = None,
    column: str | None = None,
    group: Group | None = None,
    before: int | None = None,
    page: int = 1,
    size: int = 50,
    is_masked: bool = False,
) -> QuarantinePage:
    """Entries of a state (None: of any), newest first; `group` stands for its reason, origin, mapping, column, import.

    Very many are read by key: `before` the last id of the page before, instead of `page`.
    """
    page, size = max(1, page), min(max(1, size), 500)
    wanted = {
        "state": state,
        "reason": reason,
        "origin": origin,
        "import_id": import_id,
        "mapping": mapping,
        "column": column,
        **(group.as_json() if group is not None else {}),
    }
    with scope(shop=shop.id):
        chosen = _chosen(**wanted)
        rows = chosen.order_by("-id")
        if before is not None:
            rows, page = rows.filter(id__lt=before), 1
        found = rows[(page - 1) * size : page * size]
        return QuarantinePage(
            tuple(view_of(row, is_masked=is_masked) for row in found), chosen.count(), page, size
        )


def get_quarantined(shop: ShopView, quarantined_id: int, *, is_masked: bool = False) -> QuarantinedView:
    """One entry. Raises NotFound."""
    with scope(shop=shop.id):
        row = Quarantined.objects.filter(id=quarantined_id).first()
        if row is None:
            raise NotFound(field="quarantined", value=quarantined_id)
        return view_of(row, is_masked=is_masked)


def view_of(row: Quarantined, *, is_masked: bool = False) -> QuarantinedView:
    return QuarantinedView(
        id=row.pk,
        origin=row.origin,
        import_id=row.import_id,
        mapping=row.mapping,
        line=row.line,
        column=row.column,
        reason=row.reason,
        words=_words(row.reason, row.params, is_masked),
        remedy=remedy_of(row.reason, row.params),
        payload=row.payload,
        received_at=row.received_at,
        state=row.state,
        settled_at=row.settled_at,
        settled_by=settler(row.settled_by),
    )


def _words(code: str, params: Mapping[str, Any], is_masked: bool) -> str:
    return words_without_value(code, params) if is_masked else words_of(code, params)


def _chosen(**wanted: object) -> QuerySet[Quarantined]:
    return Quarantined.objects.filter(**{name: value for name, value in wanted.items() if value is not None})
