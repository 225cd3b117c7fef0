"""What was done with items: the kernel and the expressions equal the plain oracle, over drawn lives of a shop."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

import ibis
import pyarrow as pa
import pytest

from shuke.traffic.items import deeds, resolving
from shuke.traffic.items.tests import oracle
from shuke.traffic.items.tests.drawn import draw
from shuke.traffic.tests.corpus.questions import SHOP
from shuke.traffic.tests.facts import RULES
from shuke.warehouse import schemas

SEEDS = range(12)


def by_kernel(events: list[dict[str, Any]]) -> pa.Table:
    table = pa.Table.from_pylist(events, schema=schemas.EVENTS).select(deeds.COLUMNS)
    return deeds.deeds(table, RULES, SHOP.currency)


def as_rows(rows: list[dict[str, Any]]) -> list[str]:
    return sorted(repr(sorted((k, _plain(v)) for k, v in row.items())) for row in rows)


def _plain(value: Any) -> Any:
    return value.normalize() if isinstance(value, Decimal) else value


def _differences(found: list[dict], expected: list[dict]) -> str:
    a, b = Counter(as_rows(found)), Counter(as_rows(expected))
    return f"found only: {[*(a - b)][:2]}\nexpected only: {[*(b - a)][:2]}"


@pytest.mark.row("T10")
def test_deeds__drawn_lives__equal_the_oracle_in_every_column(capsys):
    reached: Counter[str] = Counter()
    for seed in SEEDS:
        events, _lines = draw(SHOP, seed, reached=reached)
        found = by_kernel(events).to_pylist()
        expected = oracle.deeds(events, RULES, SHOP.currency)
        assert as_rows(found) == as_rows(expected), _differences(found, expected)
        reached.update(row["deed"] for row in found)
    with capsys.disabled():
        print(
            f"\nitem deeds: {len(SEEDS)} lives; " + ", ".join(f"{k} {n}" for k, n in sorted(reached.items()))
        )
    for kind in (
        "view",
        "cart",
        "favourite",
        "checkout",
        "order",
        "told before its page",
        "order told again",
    ):
        assert reached[kind] >= 20, kind
    for kind in ("order told by a server", "a deed without a product", "viewed again, or another"):
        assert reached[kind] >= 20, kind


@pytest.mark.row("T10")
def test_sales__told_again_by_servers_and_files__equal_the_oracle(capsys):
    reached: Counter[str] = Counter()
    for seed in SEEDS:
        events, lines = draw(SHOP, seed, reached=reached)
        rows = oracle.named(oracle.deeds(events, RULES, SHOP.currency))
        expected = oracle.sales(rows, lines, SHOP.currency)
        known = resolving.named(ibis.memtable(by_kernel(events)))
        from_files = resolving.lines(ibis.memtable(pa.Table.from_pylist(lines, schema=schemas.ORDER_LINES)))
        found = resolving.sales(known, from_files, SHOP.currency).to_pyarrow().to_pylist()
        assert as_rows(found) == as_rows(expected), _differences(found, expected)
        assert as_rows(known.to_pyarrow().to_pylist()) == as_rows(rows)
        reached["from files"] += sum(row["is_file"] for row in found)
        reached["without an amount"] += sum(row["without_amount"] > 0 for row in found)
    assert reached["from files"] >= 20
    assert reached["told by a file too"] >= 20
    assert reached["taken back"] >= 10
    assert reached["without an amount"] >= 20
