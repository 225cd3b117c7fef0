"""Orders through the warehouse: list, totals, refunds whose sale lies outside the period."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pyarrow as pa
import pytest

from shuke.commerce import reads
from shuke.commerce.tests.test_order_facts import _event, _line
from shuke.kernel.errors import Invalid
from shuke.kernel.periods import Period
from shuke.kernel.surrogates import surrogate
from shuke.warehouse import actions as warehouse
from shuke.warehouse import schemas

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("warehouse_home")]
MARCH = Period(date(2026, 3, 1), date(2026, 4, 1))


def _of(shop, row: dict) -> dict:
    return row | {"shop_id": shop.id, "order_id": surrogate(shop.id, "order", row["order_ref"])}


def _append(shop, lines=(), events=()) -> None:
    warehouse.append(
        facts={
            kind: pa.Table.from_pylist([_of(shop, row) for row in rows], schema=schemas.RAW[kind])
            for kind, rows in (("order_lines", lines), ("events", events))
            if rows
        }
    )


def test_list_orders__several_pages__newest_first_each_once(shop, other_shop) -> None:
    letters = "abcdefg"
    _append(shop, [_line(i, i, 1, o, "sale", i * 60, 100 * i, None) for i, o in enumerate(letters, 1)])
    _append(other_shop, [_line(1, 1, 1, "z", "sale", 0, 5, None)])
    pages = [reads.list_orders(shop, MARCH, page=n, size=3) for n in (1, 2, 3, 4)]
    assert [[r.order_ref for r in p.rows] for p in pages] == [["g", "f", "e"], ["d", "c", "b"], ["a"], []]
    assert {p.count for p in pages} == {7}
    assert pages[0].rows[0].at == datetime(2026, 3, 1, 7, tzinfo=UTC)
    assert pages[0].rows[0].at.tzinfo is shop.zone


def test_list_orders__one_order__all_its_kinds(shop) -> None:
    _append(
        shop,
        [_line(1, 1, 1, "a", "sale", 0, 1000, 7), _line(2, 2, 1, "b", "sale", 0, 10, 7)],
        [_event(1, "Order Cancelled", "a", 60, None, 7)],
    )
    page = reads.list_orders(shop, MARCH, order_ref="a")
    assert {(r.kind, r.amount_minor) for r in page.rows} == {("sale", 1000), ("cancellation", -1000)}
    assert [r.order_ref for r in reads.list_orders(shop, MARCH, kind="cancellation").rows] == ["a"]
    with pytest.raises(Invalid):
        reads.list_orders(shop, MARCH, kind="gift")


def test_order_totals__refund_of_a_sale_before_the_period__nets_its_remainder(shop) -> None:
    _append(
        shop,
        [_line(1, 1, 1, "a", "sale", 0, 1000, 7), _line(2, 2, 1, "b", "sale", 1500, 300, None)],
        [
            _event(1, "Order Refunded", "a", 1600, None, 7),
            _event(2, "Order Cancelled", "c", 1601, None, 8),
        ],
    )
    totals = reads.order_totals(shop, Period(date(2026, 3, 2), date(2026, 3, 3)))
    assert (totals.sales, totals.refunds, totals.cancellations, totals.buyers) == (1, 1, 1, 2)
    assert (totals.paid_minor, totals.net_minor, totals.unknown_refunds) == (300, 300 - 1000, 1)


def test_order_totals__order_in_another_currency__an_order_without_an_amount_of_ours(shop) -> None:
    foreign = _line(2, 2, 1, "b", "sale", 0, 9_900, 8) | {"currency": "GBP"}
    _append(shop, [_line(1, 1, 1, "a", "sale", 0, 1000, 7), foreign])
    totals = reads.order_totals(shop, MARCH)
    assert (totals.sales, totals.buyers, totals.paid_minor, totals.net_minor) == (2, 2, 1000, 1000)
    assert {r.currency for r in reads.list_orders(shop, MARCH).rows} == {"CNY", "GBP"}


def test_order_totals__no_facts__zero(shop) -> None:
    totals = reads.order_totals(shop, MARCH)
    assert (totals.sales, totals.paid_minor, totals.net_minor) == (0, 0, 0)
