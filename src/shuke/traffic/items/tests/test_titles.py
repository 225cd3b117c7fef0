"""Titles from lists of products: a statement that was taken back says nothing, of those that stand the newest holds."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from shuke.traffic.items.reads import _listed_titles
from shuke.warehouse import actions, schemas

pytestmark = [pytest.mark.django_db, pytest.mark.row("T10")]
CAME = datetime(2026, 3, 2, 4, tzinfo=UTC).replace(tzinfo=None)


def stated(shop, row_id: int, ref: str, title: str | None, sign: int = 1, hours: int = 0) -> dict[str, Any]:
    made: dict[str, Any] = dict.fromkeys(schemas.ENTRIES.names)
    return made | {
        "shop_id": shop.id,
        "row_id": row_id,
        "content_id": hash((ref, title)) >> 1,
        "sign": sign,
        "line_no": 1,
        "kind": "product",
        "product_ref": ref,
        "title": title,
        "at": CAME,
        "local_day": date(2026, 3, 2),
        "received_at": CAME + timedelta(hours=hours),
        "source": "list",
        "import_ref": "1",
    }


def append(*rows: dict[str, Any]) -> None:
    actions.append(facts={"entries": pa.Table.from_pylist(list(rows), schema=schemas.ENTRIES)})


def test_listed_title__taken_back_and_stated_anew__is_the_one_that_stands(shop, warehouse_home) -> None:
    append(stated(shop, 1, "1001", "Z old"), stated(shop, 2, "1002", "Linen"))
    assert _listed_titles(shop, ["1001", "1002"]) == {"1001": "Z old", "1002": "Linen"}
    append(stated(shop, 1, "1001", "Z old", -1, 1), stated(shop, 1, "1001", "A new", 1, 1))
    assert _listed_titles(shop, ["1001"]) == {"1001": "A new"}
    # Two lists that both stand: the newer; equal rows of a file count once and more.
    append(stated(shop, 3, "1002", "Flax", 1, 2), stated(shop, 3, "1002", "Flax", 1, 2))
    for _ in range(2):
        assert _listed_titles(shop, ["1001", "1002", "1003"]) == {"1001": "A new", "1002": "Flax"}
        actions.seal(shop)
    append(stated(shop, 1, "1001", "A new", -1, 3), stated(shop, 1, "1001", None, 1, 3))
    assert _listed_titles(shop, ["1001"]) == {}
