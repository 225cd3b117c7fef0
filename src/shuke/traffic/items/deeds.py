"""What visitors did with items, from raw events: a row of schemas.ITEM_DEEDS per deed and item.

The guarantee, within one shop, local day and visitor, in the order (at, ord, event_id):

1. A view of an item is a page or screen view of the type `item`, and a `Product Viewed` that stands on no such page (a
   quick look from a list). A `Product Viewed` on the item's own page says which item the page shows and is no second
   view: it belongs to the last view before it in its visit when that is an item page of the same path; or, where both
   came within a second and the page is told later, to that page. Told again for the same item, it is the same view still;
   for another item it is a view of its own.
2. A page that no event names belongs to the item that others named on the same path that day (resolving.py).
3. `Product Added` and `Wishlist Product Added to Cart` are additions to the cart, `Product Added to Wishlist` a favourite,
   each product of `Checkout Started` a checkout, each product of `Order Completed` a line of an order.
4. Where a deed names no product, its page does, when that is an item's.
5. `is_exit`: the last view of its visit. `stay_seconds`: to the next view of the visit; after the last one nobody knows
   how long it was looked at (B-202).
6. What a server tells with neither device, page nor session happened in no visit: of such events only orders are deeds.

This is array operations and a JSON reader, with no expression beside it: products stand in what was sent, and engines read
JSON apart. It is held to a slow oracle (tests/oracle.py); what is asked of its rows are expressions again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shuke.traffic import kernel
from shuke.traffic.items.products import Line, lines_of, title_of
from shuke.traffic.sessions import ORDER_COMPLETED, VIEWS, VisitRules
from shuke.warehouse import schemas

COLUMNS = (*kernel.COLUMNS, "product_ref", "currency", "properties")
VIEWED = "Product Viewed"
DEED_OF = {
    "Product Added": "cart",
    "Wishlist Product Added to Cart": "cart",
    "Product Added to Wishlist": "favourite",
}
CHECKOUT = "Checkout Started"
TOGETHER = 1_000_000  # microseconds: a page told this soon after its `Product Viewed` is the page of it


def deeds(events: pa.Table, eras: Sequence[VisitRules], currency: str) -> pa.Table:
    """The rows of schemas.ITEM_DEEDS from one shop's events (COLUMNS, whole days, any order)."""
    parts = [_told(events, currency)]
    cut = kernel.cut_into_visits(events, eras)
    if cut is not None:
        parts += [_views(found := _Found(cut)), _deeds(found), _lines(found, currency)]
    return (
        pa.concat_tables(part for part in parts if part.num_rows)
        if any(part.num_rows for part in parts)
        else schemas.ITEM_DEEDS.empty_table()
    )


class _Found:
    """The events of visits, and what every deed needs of them."""

    def __init__(self, cut: Any) -> None:
        self.cut = cut
        events = self.events = cut.events
        rows = np.arange(events.num_rows)
        self.is_view = _mask(pc.is_in(events["type"], value_set=pa.array(VIEWS)))
        self.is_track = _mask(pc.equal(events["type"], "track")) & cut.inside
        self.path = kernel.Codes(events["page_path"])
        self.none = self.path.code_of("")
        self.is_item_page = _mask(pc.equal(events["page_type"], "item"))
        self.channel, self.is_paid = kernel.channels(cut)
        self.visit_ids = events["event_id"].take(pa.array(cut.first)).combine_chunks()
        self.visit_start = cut.first[np.maximum(cut.visit, 0)]
        seen = self.is_view & cut.inside
        self.last_view = np.maximum.accumulate(np.where(seen, rows, -1))
        self.last_view[self.last_view < self.visit_start] = -1
        after = np.minimum.accumulate(np.where(seen, rows, len(rows))[::-1])[::-1]
        self.next_view = np.where(after < len(rows), after, -1)
        self.ref = events["product_ref"].cast(pa.string()).combine_chunks()
        self.has_ref = _mask(pc.not_equal(pc.fill_null(self.ref, ""), ""))

    def named(self, *names: str) -> np.ndarray:
        """The rows of deeds within visits by these names."""
        is_named = _mask(pc.is_in(self.events["name"], value_set=pa.array(names)))
        return np.flatnonzero(self.is_track & is_named)

    def pages_of(self, rows: np.ndarray) -> np.ndarray:
        """The item page that each deed stands on, by its row; -1: none."""
        path, at, visit = self.path.codes, self.cut.at, self.cut.visit
        has_path = path[rows] != self.none

        def is_page(views: np.ndarray) -> np.ndarray:
            is_same = ~has_path | (path[rows] == path[views])
            return (views >= 0) & self.is_item_page[views] & is_same

        before, after = self.last_view[rows], self.next_view[rows]
        is_soon = (at[after] - at[rows] <= TOGETHER) & (visit[after] == visit[rows]) & has_path
        return np.where(is_page(before), before, np.where(is_page(after) & is_soon, after, -1))

    def table(self, rows: np.ndarray, deed: str, **columns: Any) -> pa.Table:
        """Deeds of the visits at these rows; `columns` besides what each row says of itself."""
        cut, taken = self.cut, pa.array(rows)
        visit = pa.array(cut.visit[rows])
        return _as_deeds(
            self.events,
            taken,
            {
                "visit_id": self.visit_ids.take(visit),
                "channel": self.channel.take(visit),
                "is_paid": self.is_paid.take(visit),
                "deed": pa.repeat(pa.scalar(deed), len(rows)),
                **columns,
            },
        )


def _as_deeds(events: pa.Table, taken: pa.Array, columns: dict[str, Any]) -> pa.Table:
    count = len(taken)
    made = {
        name: events[name].take(taken).combine_chunks()
        for name in ("shop_id", "local_day", "visitor_id", "person_id", "event_id", "at", "ord")
    }
    made |= columns
    made.setdefault("line", pa.array(np.zeros(count, np.int64)))
    made.setdefault("is_exit", pa.array(np.zeros(count, np.int64)))
    return pa.table(
        [
            _flat(made[field.name]).cast(field.type) if field.name in made else pa.nulls(count, field.type)
            for field in schemas.ITEM_DEEDS
        ],
        schema=schemas.ITEM_DEEDS,
    )


def _flat(column: Any) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _mask(column: Any) -> np.ndarray:
    return np.asarray(pc.fill_null(column, False))


def _views(found: _Found) -> pa.Table:
    cut = found.cut
    pages = np.flatnonzero(found.is_view & cut.inside & (found.is_item_page | found.has_ref))
    refs = found.ref.to_pylist() if not len(pages) else _texts(found.ref, pages)
    ref_of: dict[int, str | None] = dict(zip(pages.tolist(), refs, strict=False)) if len(pages) else {}
    title_row: dict[int, int] = {}
    own: list[int] = []
    viewed = found.named(VIEWED)
    viewed = viewed[found.has_ref[viewed]]
    standing = zip(viewed.tolist(), found.pages_of(viewed).tolist(), _texts(found.ref, viewed), strict=True)
    for row, page, ref in standing:
        if page < 0:
            own.append(row)
            continue
        if not ref_of[page]:
            ref_of[page] = ref
        if ref_of[page] != ref:
            own.append(row)
        else:
            title_row.setdefault(page, row)
    rows = np.sort(np.concatenate([pages, np.array(own, np.int64)])).astype(np.int64)
    is_own = np.isin(rows, np.array(own, np.int64))
    all_refs = dict(zip(own, _texts(found.ref, np.array(own, np.int64)), strict=True))
    is_last, stay = _until_next(found, own)
    paths = found.path.at(np.where(is_own, -1, rows))
    return found.table(
        rows,
        "view",
        product_ref=pa.array(
            [all_refs[r] if r in all_refs else ref_of[r] or None for r in rows.tolist()], pa.string()
        ),
        page_path=paths,
        title=_titles(found.events, [title_row.get(r, r) for r in rows.tolist()]),
        is_exit=pa.array(is_last[rows].astype(np.int64)),
        stay_seconds=pa.array(stay[rows], mask=is_last[rows]),
    )


def _until_next(found: _Found, own: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Of each row that is a view: whether it is the last of its visit, and the whole seconds to the next one."""
    cut = found.cut
    is_seen = found.is_view & cut.inside
    is_seen[own] = True
    seen = np.flatnonzero(is_seen)
    is_last = np.ones(len(is_seen), dtype=bool)
    stay = np.zeros(len(is_seen), dtype=np.int64)
    follows = cut.visit[seen[1:]] == cut.visit[seen[:-1]]
    second = cut.at // 1_000_000
    is_last[seen[:-1]] = ~follows
    stay[seen[:-1]] = np.where(follows, second[seen[1:]] - second[seen[:-1]], 0)
    return is_last, stay


def _deeds(found: _Found) -> pa.Table:
    """Additions to cart and favourites."""
    parts = [schemas.ITEM_DEEDS.empty_table()]
    for deed in ("cart", "favourite"):
        rows = found.named(*(name for name, of in DEED_OF.items() if of == deed))
        pages = found.pages_of(rows)
        kept = found.has_ref[rows] | (pages >= 0)
        rows, pages = rows[kept], pages[kept]
        parts.append(
            found.table(
                rows,
                deed,
                product_ref=_named_or_null(found.ref.take(pa.array(rows))),
                page_path=found.path.at(pages),
                title=_titles(found.events, rows.tolist()),
            )
        )
    return pa.concat_tables(parts)


def _lines(found: _Found, currency: str) -> pa.Table:
    """The products of checkouts and orders."""
    parts = [schemas.ITEM_DEEDS.empty_table()]
    for deed, name in (("checkout", CHECKOUT), ("order", ORDER_COMPLETED)):
        rows = found.named(name)
        if deed == "order":
            rows = rows[pc.is_valid(found.events["order_id"]).to_numpy()[rows]]
        places, columns = _products(found.events, rows, currency, deed)
        parts.append(found.table(places, deed, **columns))
    return pa.concat_tables(parts)


def _told(events: pa.Table, currency: str) -> pa.Table:
    """Orders that a server told: of no visit."""
    is_order = pc.and_(pc.equal(events["name"], ORDER_COMPLETED), pc.is_valid(events["order_id"]))
    is_told = pc.fill_null(pc.and_(kernel.is_told_by_server(events), is_order), False)
    rows = np.flatnonzero(is_told.to_numpy())
    places, columns = _products(events, rows, currency, "order")
    deed = pa.repeat(pa.scalar("order"), len(places))
    return _as_deeds(events, pa.array(places), {"deed": deed, **columns})


def _products(
    events: pa.Table, rows: np.ndarray, currency: str, deed: str
) -> tuple[np.ndarray, dict[str, Any]]:
    """The row of each product's event, and the columns that the products say."""
    of_event = zip(_texts(events["properties"], rows), _texts(events["currency"], rows), strict=True)
    found: list[tuple[int, int, Line]] = []
    for row, (properties, own) in zip(rows.tolist(), of_event, strict=True):
        found += [(row, n, line) for n, line in enumerate(lines_of(properties, own, currency))]
    places = np.array([row for row, _n, _line in found], np.int64)
    lines = [line for _row, _n, line in found]
    columns: dict[str, Any] = {
        "line": pa.array([n for _row, n, _line in found], pa.int64()),
        "product_ref": pa.array([line.product_ref for line in lines], pa.string()),
        "title": pa.array([line.title for line in lines], pa.string()),
    }
    if deed == "order":
        columns |= {
            "order_id": events["order_id"].take(pa.array(places)),
            "quantity": pa.array([line.quantity for line in lines], pa.decimal128(18, 3)),
            "amount_minor": pa.array([line.amount_minor for line in lines], pa.int64()),
            "currency": pa.array([line.currency for line in lines], pa.string()),
        }
    return places, columns


def _texts(column: Any, rows: np.ndarray) -> list[str | None]:
    return _flat(column.take(pa.array(rows, pa.int64())).cast(pa.string())).to_pylist()


def _named_or_null(refs: Any) -> pa.Array:
    refs = _flat(refs)
    return pc.if_else(pc.equal(refs, ""), pa.scalar(None, pa.string()), refs)


def _titles(events: pa.Table, rows: list[int]) -> pa.Array:
    """The title that each row's product event says; equal properties are read once."""
    is_track = pc.equal(events["type"], "track")
    taken = pa.array(rows, pa.int64())
    texts = pc.if_else(
        is_track.take(taken), events["properties"].take(taken).cast(pa.string()), pa.scalar(None, pa.string())
    )
    coded = _flat(pc.dictionary_encode(texts))
    titles = pa.array([title_of(text) for text in coded.dictionary.to_pylist()], pa.string())
    return titles.take(coded.indices)
