"""What of a batch is known already: a file loaded twice adds nothing, a changed row replaces its old statement."""

from __future__ import annotations

from datetime import UTC, datetime

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shuke.intake.files.spec import MappingSpec
from shuke.shops.reads import ShopView
from shuke.warehouse import reads as warehouse
from shuke.warehouse import schemas

KIND_OF = {"orders": "order_lines", "events": "events"}


def against_known(
    shop: ShopView, spec: MappingSpec, facts: pa.Table, *, at: datetime
) -> tuple[pa.Table, dict[str, int]]:
    """The facts that are new, with the taken-back statements of changed rows; and counts of new, changed, known."""
    if spec.kind == "orders":
        return lines_against_known(shop, spec.source, facts, at=at)
    fresh = _unknown_events(shop, facts)
    return fresh, {"new": fresh.num_rows, "changed": 0, "known": facts.num_rows - fresh.num_rows}


def lines_against_known(
    shop: ShopView, source: str, facts: pa.Table, *, at: datetime
) -> tuple[pa.Table, dict[str, int]]:
    """Order lines: a row known with the same content is left out; one known with another content is restated."""
    ids = facts["row_id"].to_numpy()
    standing = warehouse.known_rows(shop, source, ids)
    if not standing.num_rows:
        return facts, {"new": facts.num_rows, "changed": 0, "known": 0}
    stated = set(zip(standing["row_id"].to_pylist(), standing["content_id"].to_pylist(), strict=True))
    known_ids = {row for row, _content in stated}
    pairs = list(zip(ids.tolist(), facts["content_id"].to_pylist(), strict=True))
    now_stated = set(pairs)
    fresh = np.fromiter((pair not in stated for pair in pairs), dtype=bool, count=len(pairs))
    # Every standing statement of these rows that this file does not repeat is taken back.
    old = {pair for pair in stated if pair not in now_stated}
    changed = sum(
        1 for (row, _c), is_fresh in zip(pairs, fresh, strict=True) if is_fresh and row in known_ids
    )
    new = int(fresh.sum()) - changed
    kept = facts.filter(pa.array(fresh))
    if old:
        kept = pa.concat_tables([_taken_back(shop, source, old, at), kept])
    return kept, {"new": new, "changed": changed, "known": len(pairs) - new - changed}


def _taken_back(shop: ShopView, source: str, old: set[tuple[int, int]], at: datetime) -> pa.Table:
    """The old statements with sign -1: every other column as it was stated, so that they meet on their own day."""
    rows = warehouse.known_rows(
        shop, source, np.array([row for row, _content in old], dtype=np.int64), whole=True
    )
    pairs = zip(rows["row_id"].to_pylist(), rows["content_id"].to_pylist(), strict=True)
    rows = rows.filter(pa.array([pair in old for pair in pairs], pa.bool_()))
    rows = rows.select(schemas.ORDER_LINES.names).cast(schemas.ORDER_LINES)
    received = pa.scalar(at.astimezone(UTC).replace(tzinfo=None), schemas.MOMENT)
    for name, value in (("sign", pa.scalar(-1, pa.int8())), ("received_at", received)):
        position = rows.schema.get_field_index(name)
        rows = rows.set_column(position, schemas.ORDER_LINES.field(name), pa.repeat(value, rows.num_rows))
    return rows


def _unknown_events(shop: ShopView, facts: pa.Table) -> pa.Table:
    """Events that no import has stated. An event has no sign: one that is known by its place stays as it was stated.

    Looked up on all days, since a changed event may have moved to another one.
    """
    period = warehouse.whole_life(shop.id)
    if period is None:
        return facts
    wanted = ibis.memtable(facts.select(["event_id"]))

    def question(snapshot: warehouse.Snapshot) -> pa.Table:
        events = snapshot.raw("events")
        return warehouse.run(events.semi_join(wanted, "event_id").select("event_id"))

    known: pa.Table = warehouse.ask(shop, period, question)
    is_new = pc.invert(pc.is_in(facts["event_id"], value_set=known["event_id"].combine_chunks()))
    return facts.filter(is_new)
