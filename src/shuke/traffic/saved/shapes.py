"""A saved thing as others see it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shuke.traffic.saved.models import Saved


@dataclass(frozen=True, kw_only=True)
class Kept:
    """`version` counts its changes."""

    id: int
    name: str
    version: int
    made_by: str
    made_at: datetime
    changed_by: str
    changed_at: datetime
    archived_at: datetime | None

    @property
    def is_archived(self) -> bool:
        return self.archived_at is not None


def kept(row: Saved) -> dict[str, Any]:
    """The fields of Kept, from the row."""
    return {"id": row.pk, **{name: getattr(row, name) for name in Kept.__dataclass_fields__ if name != "id"}}
