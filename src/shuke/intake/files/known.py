"""What of a batch is known already: a file loaded twice adds nothing, a changed row replaces its old statement."""

from __future__ import annotations

from datetime import UTC, datetime

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shuke.intake.files.columnar import SEPARATOR
from shuke.intake.files.kinds import FACTS_OF
from shuke.intake.files.reversals import back_key, primary, whole_key
from shuke.intake.files.spec import MappingSpec
from shuke.kernel.surrogates import surrogates
from shuke.shops.reads import ShopView
from shuke.warehouse import reads as warehouse
from shuke.warehouse import schemas

KIND_OF = FACTS_OF
LINES_ASKED = 3  # an order of which none of its first lines stands is taken to have none


def against_known(
    shop: ShopView, spec: MappingSpec, facts: pa.Table, *, at: datetime
) -> tuple[pa.Table, dict[str, int]]:
    """The facts that are new, with the taken-back statements of changed rows; and counts of new, changed, known."""
    if spec.kind == "events":
        fresh = _unknown_events(shop, facts)
        return fresh, {"new": fresh.num_rows, "changed": 0, "known": facts.num_rows - fresh.num_rows}
    return lines_against_known(shop, spec.source, facts, at=at, kind=KIND_OF[spec.kind])


def lines_against_known(
    shop: ShopView, source: str, facts: pa.Table, *, at: datetime, kind: str = "order_lines"
) -> tuple[pa.Table, dict[str, int]]:
    """Rows with a sign: one known with the same content is left out, one known with another content is restated.

    Of orders besides: what took a row back stands and falls with the row; lines take back the statement of the whole
    order that came before them, and a whole order of which lines are known already is known.
    """
    ids = facts["row_id"].to_numpy()
    beside: dict[int, int] = {}  # the row of a whole order's line -> the place of the whole order in `facts`
    asked = ids
    if kind == "order_lines" and facts.num_rows:
        others, beside = _beside(shop, source, facts)
        asked = np.concatenate([ids, others])
    standing = _standing(shop, source, asked, kind)
    if not standing.num_rows:
        rows = primary(facts).num_rows
        return facts, {"new": rows, "changed": 0, "known": 0}
    stated = set(zip(standing["row_id"].to_pylist(), standing["content_id"].to_pylist(), strict=True))
    covered = {beside[row] for row, _content in stated if row in beside}
    stated = {pair for pair in stated if pair[0] not in beside}
    known_ids = {row for row, _content in stated}
    pairs = list(zip(ids.tolist(), facts["content_id"].to_pylist(), strict=True))
    orders = facts["order_id"].to_pylist() if covered else [None] * len(pairs)
    now_stated = set(pairs)
    is_covered = [order in covered for order in orders] if covered else [False] * len(pairs)
    fresh = np.fromiter(
        (pair not in stated and not is_over for pair, is_over in zip(pairs, is_covered, strict=True)),
        dtype=bool,
        count=len(pairs),
    )
    # Every standing statement of these rows that this file does not repeat is taken back.
    old = {pair for pair in stated if pair not in now_stated}
    is_row = [(n or 0) >= 0 for n in facts["line_no"].to_pylist()]
    changed = sum(
        1
        for (row, _c), is_fresh, is_own in zip(pairs, fresh, is_row, strict=True)
        if is_fresh and is_own and row in known_ids
    )
    rows = sum(is_row)
    new = sum(1 for is_fresh, is_own in zip(fresh, is_row, strict=True) if is_fresh and is_own) - changed
    kept = facts.filter(pa.array(fresh))
    if old:
        kept = pa.concat_tables([_taken_back(shop, source, old, at, kind), kept])
    return kept, {"new": new, "changed": changed, "known": rows - new - changed}


def _standing(shop: ShopView, source: str, ids: np.ndarray, kind: str, *, whole: bool = False) -> pa.Table:
    if kind == "order_lines":
        return warehouse.known_rows(shop, source, ids, whole=whole)
    return warehouse.known_rows(shop, source, ids, whole=whole, kind=kind)


def _beside(shop: ShopView, source: str, facts: pa.Table) -> tuple[np.ndarray, dict[int, int]]:
    """(rows to ask for besides these, row of a line -> the order that states itself as a whole)."""
    refs, lines = facts["order_ref"].to_pylist(), facts["line_no"].to_pylist()
    places = [whole_key(1) if line == 0 else line for line in lines if line is not None and line >= 0]
    rows = [ref for ref, line in zip(refs, lines, strict=True) if line is not None and line >= 0]
    texts = [back_key(place) for place in places]
    texts = [f"{ref}{SEPARATOR}{text}" for ref, text in zip(rows, texts, strict=True)]
    with_lines = dict.fromkeys(ref for ref, line in zip(refs, lines, strict=True) if line)
    for ref in with_lines:
        texts += [f"{ref}{SEPARATOR}{whole_key(1)}", f"{ref}{SEPARATOR}{back_key(whole_key(1))}"]
    found = surrogates(shop.id, "row", [f"{source}{SEPARATOR}{text}" for text in texts])
    wholes = {
        ref: order
        for ref, line, order in zip(refs, lines, facts["order_id"].to_pylist(), strict=True)
        if line == 0
    }
    if not wholes:
        return found, {}
    asked = [(order, n) for ref, order in wholes.items() for n in range(1, LINES_ASKED + 1)]
    names = [f"{source}{SEPARATOR}{ref}{SEPARATOR}{n}" for ref in wholes for n in range(1, LINES_ASKED + 1)]
    of_lines = surrogates(shop.id, "row", names)
    beside = {int(row): order for row, (order, _n) in zip(of_lines, asked, strict=True)}
    return np.concatenate([found, of_lines]), beside


def _taken_back(
    shop: ShopView, source: str, old: set[tuple[int, int]], at: datetime, kind: str = "order_lines"
) -> pa.Table:
    """The old statements with sign -1: every other column as it was stated, so that they meet on their own day."""
    rows = _standing(shop, source, np.array([row for row, _content in old], dtype=np.int64), kind, whole=True)
    schema = schemas.RAW[kind]
    pairs = zip(rows["row_id"].to_pylist(), rows["content_id"].to_pylist(), strict=True)
    rows = rows.filter(pa.array([pair in old for pair in pairs], pa.bool_()))
    rows = rows.select(schema.names).cast(schema)
    received = pa.scalar(at.astimezone(UTC).replace(tzinfo=None), schemas.MOMENT)
    for name, value in (("sign", pa.scalar(-1, pa.int8())), ("received_at", received)):
        position = rows.schema.get_field_index(name)
        rows = rows.set_column(position, schema.field(name), pa.repeat(value, rows.num_rows))
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
