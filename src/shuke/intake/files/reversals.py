"""What an order's status says of its money: a sale, no sale yet, a sale that was taken back, money that went back.

One row can be two facts: the sale, on the day when it was paid, and what took it back. The second has the line number
below zero and an identity of its own, so a status that changes later changes both or takes the second back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shuke.intake.files.columnar import SEPARATOR, Work
from shuke.intake.files.reasons import BadCell
from shuke.kernel.surrogates import surrogates
from shuke.warehouse import schemas

if TYPE_CHECKING:
    from shuke.intake.files.rows import Mapper


def whole_key(place: int | None) -> str:
    """The place of a row that is a whole order: never that of one of its lines."""
    return f"whole{place}"


def back_key(key: object) -> str:
    """The place of what takes a row back."""
    return f"{key}{SEPARATOR}back"


def money_states(mapper: Mapper, work: Work) -> tuple[list[str | None], list[str | None]]:
    """(kind of the row, kind of what takes it back or None), by status, second status and whether anybody paid.

    A status that says nothing is told by the time of payment, where the file has one.
    """
    columns = mapper.spec.columns
    size = len(work.rows)
    states = work.texts("state") if "state" in columns else [None] * size
    after = work.texts("after_sale") if "after_sale" in columns else [None] * size
    has_paid_at = "paid_at" in columns and columns["paid_at"].column in mapper.columns
    paid_at = work.shaped("paid_at") if has_paid_at else [""] * size
    kinds: list[str | None] = []
    backs: list[str | None] = []
    for i, (state, second, when) in enumerate(zip(states, after, paid_at, strict=True)):
        is_paid = bool(when)
        back = None
        if state is None and i not in work.bad:
            state = "paid" if is_paid or not has_paid_at else "unpaid"
        if state == "refunded" or (second == "refunded" and state != "unpaid"):
            kind, back = "sale", "refund"
        elif state == "closed":
            kind, back = ("sale", "cancellation") if is_paid else ("unpaid", None)
        else:
            kind = "unpaid" if state == "unpaid" else "sale"
        kinds.append(kind)
        backs.append(back)
    return kinds, backs


def reversals_of(
    mapper: Mapper, work: Work, facts: pa.Table, backs: list[str | None]
) -> tuple[np.ndarray, pa.Table] | None:
    """(rows of the batch, what takes each of them back); None when nothing does.

    The amount is what the row says went back (`refunded`), else the row's own.
    """
    given = mapper.amounts(work, "refunded")
    kinds = facts["kind"].to_pylist()
    rows, ways = [], []
    for i, back in enumerate(backs):
        if kinds[i] == "sale" and (back is not None or given[i]):
            rows.append(i)
            ways.append(back or "refund")
    if not rows:
        return None
    taken = facts.take(pa.array(rows))
    source = mapper.spec.source
    keys = [
        f"{source}{SEPARATOR}{order}{SEPARATOR}{back_key(line or whole_key(work.places[i] or 1))}"
        for i, order, line in zip(
            rows, taken["order_ref"].to_pylist(), taken["line_no"].to_pylist(), strict=True
        )
    ]
    own = taken["amount_minor"].to_pylist()
    amounts = [
        -abs(given[i]) if given[i] else None if a is None else -a for i, a in zip(rows, own, strict=True)
    ]
    whole = [amount is None or a is None or -amount >= a for amount, a in zip(amounts, own, strict=True)]
    units = [
        -q if q is not None and is_whole else None
        for q, is_whole in zip(taken["quantity"].to_pylist(), whole, strict=True)
    ]
    values: dict[str, Any] = {
        "row_id": surrogates(mapper.shop.id, "row", keys),
        "line_no": [
            -(line or work.places[i] or 1) for i, line in zip(rows, taken["line_no"].to_pylist(), strict=True)
        ],
        "kind": ways,
        "quantity": units,
        "amount_minor": amounts,
    }
    if "back_at" in mapper.spec.columns:
        moments = [_moment(mapper, text) for text in (work.shaped("back_at")[i] for i in rows)]
        for name, position in (("at", 0), ("local_day", 1)):
            column = taken[name].cast(pa.int64() if position == 0 else pa.int32()).to_pylist()
            told = [m[position] if m else c for m, c in zip(moments, column, strict=True)]
            values[name] = pa.array(told, pa.int64() if position == 0 else pa.int32()).cast(
                schemas.ORDER_LINES.field(name).type
            )
    for name, value in values.items():
        at = taken.schema.get_field_index(name)
        kind = schemas.ORDER_LINES.field(name)
        column = value if isinstance(value, pa.Array) else pa.array(value, type=kind.type)
        taken = taken.set_column(at, kind, column)
    return np.array(rows), taken


def _moment(mapper: Mapper, text: str) -> tuple[int, int] | None:
    """A moment that is only wanted when it can be read: the row itself does not depend on it."""
    if not text:
        return None
    found = mapper.moments[text]
    return None if isinstance(found, BadCell) else found


def primary(facts: pa.Table) -> pa.Table:
    """The facts that are rows of the file: without what takes rows back."""
    return facts.filter(pc.greater_equal(pc.fill_null(facts["line_no"], 0), 0))
