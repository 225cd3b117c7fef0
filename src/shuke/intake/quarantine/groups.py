"""What waits, in groups: one reason, one origin, one mapping, one column. Counted and paged from one index."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Min, QuerySet
from django_scopes import scope

from shuke.intake.models.imports import Import
from shuke.intake.models.quarantine import API, IMPORT, WAITING, Quarantined
from shuke.intake.reasons import remedy_of, words_of, words_without_value
from shuke.kernel.errors import Invalid
from shuke.shops.reads import ShopView

MOST_GROUPS = 500


@dataclass(frozen=True)
class Group:
    """A group by its key. `mapping` is "" for the API; `import_id` narrows it to one load."""

    origin: str
    reason: str
    mapping: str = ""
    column: str = ""
    import_id: int | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Group:
        """Raises Invalid for an origin that there is not."""
        if raw.get("origin") not in (API, IMPORT):
            raise Invalid(field="origin", value=raw.get("origin"))
        number = raw.get("import_id")
        texts = {name: str(raw.get(name) or "")[:200] for name in ("reason", "mapping", "column")}
        return cls(origin=raw["origin"], import_id=int(number) if number else None, **texts)


@dataclass(frozen=True)
class GroupView:
    """How much waits in a group, since when, with its newest case in words; `files` names the newest file."""

    group: Group
    count: int
    since: datetime
    example: str
    remedy: str
    file: str
    import_id: int | None
    newest: int


def waiting_groups(
    shop: ShopView, *, import_id: int | None = None, is_masked: bool = False
) -> tuple[GroupView, ...]:
    """What waits, the largest group first, at most MOST_GROUPS. `is_masked`: words without values."""
    with scope(shop=shop.id):
        rows = Quarantined.objects.filter(shop_id=shop.id, state=WAITING)
        if import_id is not None:
            rows = rows.filter(import_id=import_id)
        found = list(
            rows.values("origin", "reason", "mapping", "column")
            .annotate(count=Count("id"), since=Min("received_at"), newest=Max("id"))
            .order_by("-count", "origin", "reason", "mapping", "column")[:MOST_GROUPS]
        )
        newest = Quarantined.objects.in_bulk([one["newest"] for one in found])
        imports = Import.objects.in_bulk({one.import_id for one in newest.values() if one.import_id})
        words = words_without_value if is_masked else words_of
        return tuple(_view(one, newest.get(one["newest"]), imports, import_id, words) for one in found)


def _view(
    found: Mapping[str, Any],
    newest: Quarantined | None,
    imports: Mapping[int, Import],
    import_id: int | None,
    words: Callable[[str, Mapping[str, Any]], str],
) -> GroupView:
    held = imports.get(newest.import_id) if newest is not None and newest.import_id else None
    params = newest.params if newest is not None else {}
    key = {name: found[name] for name in ("origin", "reason", "mapping", "column")}
    return GroupView(
        group=Group(**key, import_id=import_id),
        count=found["count"],
        since=found["since"],
        example=words(found["reason"], params),
        remedy=remedy_of(found["reason"], params),
        file=str(held.files.get("", {}).get("name", "")) if held is not None else "",
        import_id=held.pk if held is not None else None,
        newest=found["newest"],
    )


def waiting_in(group: Group) -> QuerySet[Quarantined]:
    """The waiting entries of a group, within the shop's scope."""
    rows = Quarantined.objects.filter(
        state=WAITING,
        origin=group.origin,
        reason=group.reason,
        mapping=group.mapping,
        column=group.column,
    )
    return rows if group.import_id is None else rows.filter(import_id=group.import_id)
