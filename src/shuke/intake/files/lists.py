"""Rows of settlements, returns and other lists to facts: each column of the kind by what it is called.

A `*_ref` is a reference, a `*_minor` an amount, a decimal a quantity, a moment a time, anything else a text. A kind's own
numbers go to the properties: amounts as minor units, the others as exact decimal texts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from shuke.intake.files import cells
from shuke.intake.files.columnar import SEPARATOR, Work, table_of
from shuke.intake.files.kinds import LISTS, MONEY, SHARE, Kind
from shuke.intake.files.reasons import BadCell, bad
from shuke.kernel.surrogates import surrogates
from shuke.warehouse import schemas

if TYPE_CHECKING:
    from shuke.intake.files.rows import Mapper


def listed(mapper: Mapper, work: Work) -> pa.Table:
    """A batch as facts of the mapping's kind; rows that lack what the kind needs are refused."""
    kind = LISTS[mapper.spec.kind]
    shop_id, source = mapper.shop.id, mapper.spec.source
    at, day = work.times()
    values: dict[str, Any] = {"at": at, "local_day": day}
    for name in kind.fields:
        if name not in mapper.spec.columns or name in ("at", *kind.numbers):
            continue
        field = kind.schema.field(kind.column_of(name))
        if field.name.endswith("_minor"):
            values[field.name] = mapper.amounts(work, name)
        elif field.name.endswith("_ref"):
            values[field.name] = work.refs(name)
        elif pa.types.is_decimal(field.type):
            values[field.name] = work.column(name, cells.to_quantity)
        elif field.type == schemas.MOMENT:
            values[field.name] = _moments(mapper, work, name)
        else:
            values[field.name] = work.texts(name)
    if kind.entry:
        values["kind"] = kind.entry
    values["currency"] = mapper.currencies(work)
    if "direction" in values:
        _sign(work, values)
    for name in kind.needed:
        if name != "at":
            for i, value in enumerate(values.get(kind.column_of(name)) or [None] * len(work.rows)):
                if value is None:
                    work.refuse(i, work.column_of(name), bad("row_blank"))
    numbers = _numbers(mapper, work, kind) if kind.numbers else None
    orders, buyers = values.get("order_ref"), values.get("buyer_ref")
    order_ids, people = mapper.ids["order"], mapper.ids["person"]
    keys = [f"{source}{SEPARATOR}{key}{SEPARATOR}{n}" for key, n in zip(work.keys, work.places, strict=True)]
    nobody = [None] * len(work.rows)
    return table_of(
        kind.schema,
        len(work.rows),
        shop_id=shop_id,
        row_id=surrogates(shop_id, "row", [f"{kind.name}{SEPARATOR}{key}" for key in keys]),
        content_id=surrogates(shop_id, "content", [mapper.content + c for c in work.contents]),
        sign=1,
        line_no=work.places,
        order_id=[order_ids[o] if o is not None else None for o in orders or nobody],
        buyer_id=[people[b] if b is not None else None for b in buyers or nobody],
        received_at=mapper.now,
        properties=work.properties(buyers or nobody, numbers),
        source=source,
        import_ref=mapper.import_ref,
        **values,
    )


def _numbers(mapper: Mapper, work: Work, kind: Kind) -> list[dict[str, Any]]:
    """The kind's own numbers of each row, under the warehouse's name for them; what a row does not state is not there."""
    found: dict[str, list[Any]] = {}
    for name, what in kind.numbers.items():
        if name not in mapper.spec.columns:
            continue
        if what == MONEY:
            found[f"{name}_minor"] = mapper.amounts(work, name)
        else:
            found[name] = work.column(name, cells.to_share if what == SHARE else cells.to_magnitude)
    for name, values in found.items():
        for i, value in enumerate(values):
            if value is not None and name.endswith("_minor") and value < 0:
                column = name.removesuffix("_minor")
                work.refuse(i, work.column_of(column), bad("row_below_zero", work.source(column)[i]))
    rows = zip(*found.values(), strict=True) if found else iter([()] * len(work.rows))
    return [
        {
            schemas.ENTRY_NUMBERS: {
                name: value if isinstance(value, int) else str(value)
                for name, value in zip(found, row, strict=True)
                if value is not None
            }
        }
        for row in rows
    ]


def _sign(work: Work, values: dict[str, Any]) -> None:
    """What went out counts below zero, however it is written."""
    amounts = values.get("amount_minor") or []
    for i, direction in enumerate(values["direction"]):
        if direction not in ("in", "out", None):
            work.refuse(i, work.column_of("direction"), bad("row_unknown_value", direction))
        elif direction == "out" and amounts[i] is not None:
            amounts[i] = -abs(amounts[i])


def _moments(mapper: Mapper, work: Work, name: str) -> list[int | None]:
    """Microseconds of a field that may be blank."""
    found: list[int | None] = []
    for i, text in enumerate(work.shaped(name)):
        told = mapper.moments[text] if text else None
        if isinstance(told, BadCell):
            work.refuse(i, work.column_of(name), told)
            told = None
        found.append(told[0] if told else None)
    return found
