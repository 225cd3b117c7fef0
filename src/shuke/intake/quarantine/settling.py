"""Entries settled, each once, with how on record. Within a transaction of the caller, who holds `mend-<shop>`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from shuke.intake.models.quarantine import WAITING, Quarantined, Settlement
from shuke.kernel.errors import Conflict
from shuke.records.actor import Actor

_AT_ONCE = 500


def lock_of(shop_id: int) -> str:
    """The name of the lock under which a shop's entries are settled: two rows of one order mended at once would take

    the same place, and an event could be dropped while it is sent.
    """
    return f"mend-{shop_id}"


def settle(
    rows: Sequence[Quarantined],
    state: str,
    *,
    changes: Mapping[int, Sequence[dict[str, Any]]] | None = None,
    note: str = "",
    mend_id: int | None = None,
    kept_by: Mapping[int, int] | None = None,
    actor: Actor,
    at: datetime,
) -> None:
    """Move entries on. Raises Conflict when one of them does not wait any more; then none may be."""
    if not rows:
        return
    ids = [row.pk for row in rows]
    by = actor.name[:200]
    moved = 0
    for start in range(0, len(ids), _AT_ONCE):
        waiting = Quarantined.objects.filter(id__in=ids[start : start + _AT_ONCE], state=WAITING)
        moved += waiting.update(state=state, settled_at=at, settled_by=by)
    if moved != len(ids):
        raise Conflict(field="quarantined", value=ids[0])
    Settlement.objects.bulk_create(
        [
            Settlement(
                shop_id=row.shop_id,
                entry_id=row.pk,
                mend_id=mend_id,
                kept_id=(kept_by or {}).get(row.pk),
                state=state,
                changes=list((changes or {}).get(row.pk, ())),
                note=note[:300],
                at=at,
                by=by,
            )
            for row in rows
        ],
        batch_size=_AT_ONCE,
    )
