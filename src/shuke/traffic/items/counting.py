"""All items of a period over millions of rows: the rows of `questions.by_item`, put together from what is quickest for each.

What adds up over days comes from `item_sums`. Visitors are counted from `item_people` (traffic/distinct.py): days lie in order of
items and visitors, so an item's visitors of all days are at hand at once. Buyers are few. The expression stays the meaning,
and the way of other engines and of fewer rows; a test holds both to each other.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from shuke.traffic import distinct
from shuke.traffic.items import questions
from shuke.traffic.items.resolving import DEED_BITS, NOT_KNOWN, NOT_PAID
from shuke.warehouse.reads import LaidOut

_VIEW, _FAVOURITE, _CART, _CHECKOUT, _ORDER = DEED_BITS.values()
_SHAPE = distinct.Shape(bits=len(DEED_BITS), planes=3)
# As questions._counted says it.
_COUNTED = {
    "visitors": _VIEW,
    "favourite_visitors": _FAVOURITE,
    "cart_visitors": _CART,
    "checkout_visitors": _CHECKOUT,
    "came": _VIEW | _CART | _CHECKOUT | _ORDER,
    "reached_cart": _CART | _CHECKOUT | _ORDER,
    "reached_checkout": _CHECKOUT | _ORDER,
    "bought": _ORDER,
}
_PARTS = ("item", "paid", "free")
_SCHEMA = pa.schema(
    [("part", pa.string()), ("product_ref", pa.string()), *((name, pa.int64()) for name in _COUNTED)]
)


def is_worth_it(laid: LaidOut) -> bool:
    return laid.has_columns and distinct.is_worth_it(laid.sealed_rows("item_visitors"))


def by_item(laid: LaidOut) -> list[dict[str, Any]]:
    """Rows of `questions.by_item` (a measure that a row does not have is null) of the only stretch."""
    sums = laid.answer(
        {"item_sums": None}, "item sums", lambda t: questions.sums(t["item_sums"]), is_kept=True
    )
    buyers = laid.answer(
        {"item_visitors": None}, "item buyers", lambda t: questions.buyers(t["item_visitors"]), is_kept=True
    )
    visitors = laid.kept("item_visitors", "items counted", lambda: _visitors(laid))
    empty = dict.fromkeys(questions.MEASURES)
    return [empty | row for table in (sums, buyers, visitors) for row in table.to_pylist()]


def _visitors(laid: LaidOut) -> pa.Table:
    if laid.lacks("item_people"):  # a day that was sealed before there was the narrow kind
        names: tuple[str, ...] = ("visitor_id", "product_ref", "is_paid", *DEED_BITS)
        pieces, told = laid.pieces("item_visitors", 0, names), _told_by_visitors
    else:
        pieces, told = laid.pieces("item_people", 0, ("visitor_id", "product_ref", "told")), _told
    rows = distinct.gathered(pieces, group="product_ref", told=told, is_by_group=True)
    found, of_all = distinct.by_groups(rows, _SHAPE)
    whole = of_all[:, 0]
    columns: dict[str, list[Any]] = {name: [] for name in _SCHEMA.names}
    for part, refs, counts in (
        *((part, rows.values, found[:, place]) for place, part in enumerate(_PARTS)),
        ("total", [None], whole),
    ):
        columns["part"] += [part] * len(refs)
        columns["product_ref"] += refs
        for name, wanted in _COUNTED.items():
            has = (np.arange(counts.shape[1]) & wanted) > 0
            columns[name] += counts[:, has].sum(axis=1).tolist()
    return pa.table(columns, _SCHEMA)


def _told(table: pa.Table) -> np.ndarray:
    return distinct.flat(table["told"]).to_numpy()


def _told_by_visitors(table: pa.Table) -> np.ndarray:
    """The same of `item_visitors` (resolving.people)."""
    told = np.zeros(table.num_rows, np.uint16)
    for name, bit in DEED_BITS.items():
        told |= np.where(distinct.flat(table[name]).to_numpy() > 0, np.uint16(bit), np.uint16(0))
    is_paid = table["is_paid"].combine_chunks()
    times = np.where(is_paid.fill_null(False).to_numpy(zero_copy_only=False), 1, NOT_PAID).astype(np.uint16)
    if is_paid.null_count:
        times[is_paid.is_null().to_numpy(zero_copy_only=False)] = NOT_KNOWN
    return told * times
