"""The saved things of one kind: found, added and written over, one living one of a name, every change on record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.db import IntegrityError, transaction
from django.utils.functional import Promise

from shuke.kernel.errors import NotFound, ShukeError
from shuke.records.actor import Actor
from shuke.records.audit import record_audit
from shuke.shops.roles import Deed
from shuke.traffic.saved.models import Saved

Row = TypeVar("Row", bound=Saved)


def signed(actor: Actor, at: datetime) -> dict[str, Any]:
    """Who changes a row, and when."""
    return {"changed_by": actor.name[:200], "changed_at": at}


@dataclass(frozen=True)
class Shelf(Generic[Row]):
    """To be used within the shop's scope. `noun`: as a person reads it; `subject_kind`: as the audit log names it.

    `told`: what the audit log keeps of a row, under `deed`. The others are what is raised: for a name that stands already, for a row
    that was changed since it was read, for too many rows.
    """

    model: type[Row]
    noun: str | Promise
    subject_kind: str
    told: Callable[[Row], dict[str, Any]]
    name_taken: Callable[[str], ShukeError]
    changed_meanwhile: Callable[[Row], ShukeError]
    too_many: Callable[[int], ShukeError]
    deed: Deed = Deed.MANAGE_TRAFFIC

    def get(self, row_id: int, *, locks: bool = False) -> Row:
        """One, archived or not; `locks`: for the transaction that is under way. Raises NotFound."""
        rows = self.model.objects.select_for_update() if locks else self.model.objects
        row: Row | None = rows.filter(pk=row_id).first()
        if row is None:
            raise NotFound(field=str(self.noun), value=row_id)
        return row

    def require_room(self, most: int) -> None:
        """Raises `too_many` where `most` are in use."""
        count = self.model.objects.filter(archived_at=None).count()
        if count >= most:
            raise self.too_many(count)

    def add(self, *, shop_id: int, name: str, values: dict[str, Any], actor: Actor, at: datetime) -> Row:
        """A new one. Raises `name_taken`: of two that take a name at once, the database lets one through."""
        made = {"made_by": actor.name[:200], "made_at": at}
        try:
            with transaction.atomic():
                row: Row = self.model.objects.create(
                    shop_id=shop_id, name=name, **values, **made, **signed(actor, at)
                )
                self._record(row, None, actor, at)
        except IntegrityError:
            raise self.name_taken(name) from None
        return row

    def write(self, row: Row, values: dict[str, Any], *, actor: Actor, at: datetime) -> None:
        """Only over the version that was read: of two changes at once the second is refused (`changed_meanwhile`)."""
        before = self.told(row)
        try:
            with transaction.atomic():
                same = self.model.objects.filter(pk=row.pk, version=row.version)
                if not same.update(**values):
                    raise self.changed_meanwhile(row)
                row.refresh_from_db()
                self._record(row, before, actor, at)
        except IntegrityError:
            raise self.name_taken(values.get("name", row.name)) from None

    def _record(self, row: Row, before: dict[str, Any] | None, actor: Actor, at: datetime) -> None:
        record_audit(
            shop_id=row.shop_id,
            actor=actor,
            deed=self.deed.value,
            subject_kind=self.subject_kind,
            subject_id=row.pk,
            before=before,
            after=self.told(row),
            at=at,
        )
