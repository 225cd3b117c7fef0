"""Columns of events that take more than a list: orders, moments of sending, raw JSON, stretches of one shop."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from decimal import Decimal

import numpy as np
import pyarrow as pa
from msgspec import Raw

from shuke.intake.ecommerce import CommerceColumns
from shuke.intake.moments import MISSING, read_moment, read_moments
from shuke.kernel.surrogates import surrogates
from shuke.warehouse.schemas import EVENTS

QUANTITY = EVENTS.field("quantity").type


def runs(shop_of: np.ndarray) -> Iterable[tuple[int, int, int]]:
    """(shop, first row, end) of each stretch of one shop."""
    if not len(shop_of):
        return
    edges = np.flatnonzero(np.diff(shop_of)) + 1
    bounds = [0, *edges.tolist(), len(shop_of)]
    for first, end in itertools.pairwise(bounds):
        yield int(shop_of[first]), first, end


def order_columns(found: dict[int, CommerceColumns], shop_of: np.ndarray) -> dict[str, pa.Array]:
    count = len(shop_of)
    if not found:
        return {
            "order_id": pa.nulls(count, pa.int64()),
            "order_ref": pa.nulls(count, pa.string()),
            "product_ref": pa.nulls(count, pa.string()),
            "amount_minor": pa.nulls(count, pa.int64()),
            "currency": pa.nulls(count, pa.string()),
            "quantity": pa.nulls(count, QUANTITY),
        }
    order_id: list[int | None] = [None] * count
    order_ref: list[str | None] = [None] * count
    product_ref: list[str | None] = [None] * count
    amount: list[int | None] = [None] * count
    currency: list[str | None] = [None] * count
    quantity: list[Decimal | None] = [None] * count
    for row, columns in found.items():
        order_ref[row], product_ref[row] = columns.order_ref, columns.product_ref
        amount[row], currency[row] = columns.amount_minor, columns.currency
        quantity[row] = columns.quantity
        if columns.order_ref is not None:
            order_id[row] = int(surrogates(int(shop_of[row]), "order", [columns.order_ref])[0])
    return {
        "order_id": pa.array(order_id, pa.int64()),
        "order_ref": pa.array(order_ref, pa.string()),
        "product_ref": pa.array(product_ref, pa.string()),
        "amount_minor": pa.array(amount, pa.int64()),
        "currency": pa.array(currency, pa.string()),
        "quantity": pa.array(quantity, QUANTITY),
    }


def moments_of_sending(
    batch_sent: list[str | None], own: dict[int, str], record_of: np.ndarray
) -> np.ndarray:
    """sentAt of each row: the event's own, else its batch's. One that is no moment corrects nothing."""
    moments, bad = read_moments([text or None for text in batch_sent])
    moments = moments.copy()
    moments[bad] = MISSING
    sent = moments[record_of]
    for row, text in own.items():
        us = read_moment(text)
        sent[row] = MISSING if us is None else us
    return sent


def raw_texts(raws: list[Raw | bytes]) -> tuple[pa.Array, list[int]]:
    """Raw JSON as a text column without a copy per event, and the rows that are not UTF-8 (emptied). null: absent."""
    count = len(raws)
    lengths = np.fromiter((len(raw) for raw in raws), np.int64, count)
    absent = lengths == 0
    for row in np.flatnonzero(lengths == 4).tolist():
        if bytes(raws[row]) == b"null":
            raws[row], lengths[row], absent[row] = b"", 0, True
    joined = b"".join(raws)
    bad: list[int] = []
    try:
        if not joined.isascii():
            joined.decode()
            _require_whole(joined, lengths)
    except UnicodeDecodeError:
        for row, raw in enumerate(raws):
            try:
                bytes(raw).decode()
            except UnicodeDecodeError:
                bad.append(row)
                raws[row], lengths[row], absent[row] = b"", 0, True
        joined = b"".join(raws)
    offsets = np.zeros(count + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    buffers = [pa.array(~absent).buffers()[1], pa.py_buffer(offsets), pa.py_buffer(joined)]
    return pa.Array.from_buffers(pa.large_string(), count, buffers).cast(pa.string()), bad


def _require_whole(joined: bytes, lengths: np.ndarray) -> None:
    """Raises UnicodeDecodeError when a row begins inside a character: two broken halves may join to a whole one."""
    ends = np.cumsum(lengths)
    starts = ends[(lengths > 0) & (ends < len(joined))]
    first = np.frombuffer(joined, np.uint8)[starts]
    if ((first & 0xC0) == 0x80).any():
        raise UnicodeDecodeError("utf-8", b"", 0, 1, "a row begins inside a character")
