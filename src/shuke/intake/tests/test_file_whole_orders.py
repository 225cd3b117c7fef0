"""The law of shared amounts: whatever the lines and wherever they stand, an order's shares add up to its amount."""

from __future__ import annotations

import itertools
from collections import Counter
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from shuke.intake.files import whole_orders
from shuke.intake.files.layout import Batch, Detected, Table
from shuke.intake.files.spec import parse

SPEC = parse(
    {
        "v": 1,
        "name": "book",
        "kind": "orders",
        "columns": {
            "order_ref": "order",
            "at": "at",
            "quantity": "n",
            "unit_price": "price",
            "order_amount": "total",
        },
    }
)
COLUMNS = ("order", "at", "n", "price", "total")
ROW = st.tuples(
    st.sampled_from("abc"),
    st.integers(0, 9),
    st.integers(0, 99_999),
    st.booleans(),
)
reached: Counter[str] = Counter()


def table(rows: list[list[str]]) -> Table:
    left = iter(enumerate(rows, start=2))

    def take(size: int) -> Batch | None:
        taken = list(itertools.islice(left, size))
        return Batch([line for line, _ in taken], [row for _, row in taken]) if taken else None

    return Table("t.csv", Detected("csv", False, "utf-8", ",", True), COLUMNS, take)


@given(
    lines=st.lists(ROW, min_size=1, max_size=12),
    totals=st.fixed_dictionaries({name: st.integers(-5_000, 500_000) for name in "abc"}),
    size=st.integers(1, 5),
)
@settings(max_examples=200, deadline=None)
def _shares(lines, totals, size) -> None:
    seen: set[str] = set()
    rows = []
    for order, units, price, is_repeated in lines:
        # The amount stands on the order's first row, and on others or not: Shopify, JD, and what lies between.
        total = f"{Decimal(totals[order]).scaleb(-2)}" if order not in seen or is_repeated else ""
        seen.add(order)
        rows.append([order, "2026-05-01", str(units), f"{Decimal(price).scaleb(-2)}", total])
    costs = whole_orders.costs_of(table(rows), SPEC, "CNY")
    shared = whole_orders.shared_out(table(rows), SPEC, "CNY", costs)
    shares: Counter[str] = Counter()
    weights: Counter[str] = Counter()
    for batch in shared.batches(size):
        for row in batch.rows:
            minor = int(Decimal(row[-1]).scaleb(2))
            shares[row[0]] += minor
            weight = int(row[2]) * int(Decimal(row[3]).scaleb(2))
            weights[row[0]] += weight
            if totals[row[0]] >= 0:
                assert minor >= 0
    assert {order: shares[order] for order in seen} == {order: totals[order] for order in seen}
    reached["orders of several lines"] += sum(1 for n in Counter(r[0] for r in rows).values() if n > 1)
    reached["orders that weigh nothing"] += sum(1 for order in seen if not weights[order])
    reached["amounts below zero"] += sum(1 for order in seen if totals[order] < 0)


def test_shares__of_any_orders__add_up_to_their_amounts() -> None:
    reached.clear()
    _shares()
    print(dict(reached))
    assert all(reached[kind] >= 5 for kind in reached), reached
    assert len(reached) == 3


def test_shares__the_worked_case() -> None:
    rows = [["a", "2026-05-01", "1", "3.33", "10.00" if n == 0 else ""] for n in range(3)]
    costs = whole_orders.costs_of(table(rows), SPEC, "CNY")
    (batch,) = whole_orders.shared_out(table(rows), SPEC, "CNY", costs).batches(10)
    assert [row[-1] for row in batch.rows] == ["3.33", "3.34", "3.33"]
