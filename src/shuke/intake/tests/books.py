"""A seller's small book of orders as a file: its mapping, its rows, and how tests load it and count what came of it."""

from __future__ import annotations

import io
from collections import Counter
from datetime import date

import pytest
from django_scopes import scope

from shuke.intake import actions, reads
from shuke.intake.files import load
from shuke.intake.files.reads import ImportView
from shuke.intake.models import Quarantined
from shuke.kernel import clock
from shuke.kernel.periods import Period
from shuke.records import jobs
from shuke.records.actor import Actor
from shuke.warehouse import reads as warehouse

ACTOR = Actor.system("tests")
YEAR = Period(date(2026, 1, 1), date(2027, 1, 1))
HEADER = "order,at,buyer,n,price\n"
BOOK = {
    "v": 1,
    "name": "book",
    "kind": "orders",
    "columns": {
        "order_ref": "order",
        "at": "at",
        "buyer_ref": "buyer",
        "quantity": "n",
        "unit_price": "price",
        "kind": {"column": "order", "prefixes": {"C": "cancellation"}, "otherwise": "sale"},
    },
}
ROWS = [f"{'abc'[i % 3]},2026-03-{i % 5 + 1:02} 10:00:00,p{i % 4},{i + 1},2.50\n" for i in range(11)]


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(load, "CHUNK_ROWS", 4)


@pytest.fixture
def book(shop):
    actions.save_mapping(shop=shop, spec=BOOK, actor=ACTOR, at=clock.now())
    return "book"


def start_book(
    shop, content: str | bytes, mapping: str = "book", name: str = "book.csv", **kwargs
) -> ImportView:
    content = content.encode() if isinstance(content, str) else content
    at = clock.now()
    upload = actions.upload_file(shop=shop, content=io.BytesIO(content), name=name, actor=ACTOR, at=at)
    return actions.start_import(
        shop=shop, files={"": upload.sha256}, mapping=mapping, actor=ACTOR, at=at, **kwargs
    )


def load_book(shop, content: str | bytes, mapping: str = "book", **kwargs) -> ImportView:
    view = start_book(shop, content, mapping, **kwargs)
    jobs.run_to_end(view.job_id)
    return reads.get_import(shop, view.id)


def lines_of(shop) -> list[dict]:
    """Statements as they stand: (order, line, amount, day) with their net sign above zero."""

    def question(snapshot):
        return warehouse.run(snapshot.raw("order_lines")).to_pylist()

    net: Counter = Counter()
    for row in warehouse.ask(shop, warehouse.whole_life(shop.id) or YEAR, question):
        net[(row["order_ref"], row["line_no"], row["amount_minor"], row["local_day"])] += row["sign"]
    assert set(net.values()) <= {0, 1}
    return sorted(key for key, count in net.items() if count)


def counts_of(view: ImportView) -> tuple[int, int, int, int, int]:
    assert view.rows_read == view.rows_new + view.rows_changed + view.rows_known + view.rows_bad
    return view.rows_read, view.rows_new, view.rows_changed, view.rows_known, view.rows_bad


def the_waiting(shop) -> Quarantined:
    with scope(shop=shop.id):
        return Quarantined.objects.get(state="waiting")
