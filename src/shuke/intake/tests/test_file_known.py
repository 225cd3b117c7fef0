"""The law of loading: after any files of a source, each place holds what the last file that named it said."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from shuke.intake.files import known
from shuke.intake.files.rows import Mapper, Places
from shuke.intake.files.spec import parse
from shuke.intake.files.tables import Batch
from shuke.shops.reads import ShopView
from shuke.warehouse import schemas

SHOP = ShopView(3, "linen", "Linen", ZoneInfo("Asia/Shanghai"), "CNY", "", ())
NOW = datetime(2026, 11, 1, tzinfo=UTC)
SPEC = parse(
    {
        "v": 1,
        "name": "book",
        "kind": "orders",
        "columns": {"order_ref": "order", "at": "at", "amount": "sum"},
    }
)
ROW = st.tuples(st.sampled_from("ab"), st.sampled_from(["2026-03-01", "2026-03-02"]), st.sampled_from("123"))
FILES = st.lists(st.lists(ROW, max_size=6), min_size=1, max_size=5)


class Facts:
    """A warehouse of one table: what was stated, and what stands."""

    def __init__(self) -> None:
        self.rows: list[dict] = []

    def known_rows(self, shop, source, row_ids: np.ndarray, *, whole: bool = False) -> pa.Table:
        net: Counter = Counter()
        first: dict[tuple, dict] = {}
        for row in self.rows:
            key = (row["row_id"], row["content_id"])
            net[key] += row["sign"]
            first.setdefault(key, row)
        wanted = set(row_ids.tolist())
        standing = [first[key] for key, count in net.items() if count > 0 and key[0] in wanted]
        table = pa.Table.from_pylist(standing, schema=schemas.ORDER_LINES)
        return table if whole else table.select(["row_id", "content_id"])


@given(files=FILES, size=st.integers(1, 4))
@settings(max_examples=80, deadline=None)
def test_loading__any_files_in_any_chunks__each_place_holds_its_last_statement(files, size) -> None:
    warehouse, real = Facts(), known.warehouse
    expected: dict[tuple, tuple] = {}
    known.warehouse = warehouse
    try:
        for number, file in enumerate(files):
            mapper = Mapper(
                SPEC, ("order", "at", "sum"), shop=SHOP, import_ref=str(number), file_name="f", now=NOW
            )
            places, seen = Places(), Counter()
            for start in range(0, len(file), size):
                part = [list(row) for row in file[start : start + size]]
                mapped = mapper.map(Batch(list(range(len(part))), part), places)
                facts, counts = known.against_known(SHOP, SPEC, mapped.facts, at=NOW)
                assert facts.schema.equals(schemas.ORDER_LINES)
                assert sum(counts.values()) == len(part)
                assert facts.num_rows == counts["new"] + 2 * counts["changed"]
                warehouse.rows += facts.to_pylist()
            for order, at, amount in file:
                seen[order] += 1
                expected[order, seen[order]] = (at, int(amount) * 100)
    finally:
        known.warehouse = real
    net: Counter = Counter()
    days: Counter = Counter()
    for row in warehouse.rows:
        net[row["order_ref"], row["line_no"], row["local_day"].isoformat(), row["amount_minor"]] += row[
            "sign"
        ]
        days[row["row_id"], row["content_id"], row["local_day"]] += row["sign"]
    assert {(o, n): (at, amount) for (o, n, at, amount), c in net.items() if c} == expected
    assert set(net.values()) | set(days.values()) <= {0, 1}  # on each day for itself as well
