"""Order facts: the cases, and the law that the expression equals the plain oracle on any facts."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from shuke.commerce.order_facts import order_facts
from shuke.commerce.tests import oracle
from shuke.warehouse import schemas
from shuke.warehouse.refunds import refunds_resolved

CASES = yaml.safe_load((Path(__file__).parent / "cases.yaml").read_text())
DAY = date(2026, 3, 1)
MIDNIGHT = datetime(2026, 3, 1)


def _line(
    row, content, sign, order, kind, minute, amount, buyer, quantity=Decimal("1.000")
) -> dict[str, Any]:
    return dict.fromkeys(schemas.ORDER_LINES.names) | {
        "shop_id": 1,
        "row_id": row,
        "content_id": content,
        "sign": sign,
        "order_id": ord(order),
        "order_ref": order,
        "line_no": row,
        "kind": kind,
        "at": MIDNIGHT + timedelta(minutes=minute),
        "local_day": DAY + timedelta(days=minute // 1440),
        "received_at": MIDNIGHT,
        "buyer_id": buyer,
        "quantity": quantity,
        "amount_minor": amount,
        "currency": "CNY",
        "source": "book",
    }


def _event(number, name, order, minute, amount, person, ord_=0, quantity=None) -> dict[str, Any]:
    return dict.fromkeys(schemas.EVENTS.names) | {
        "shop_id": 1,
        "event_id": number,
        "visitor_id": 100 + number,
        "person_id": person,
        "type": "track",
        "name": name,
        "at": MIDNIGHT + timedelta(minutes=minute),
        "ord": ord_,
        "local_day": DAY + timedelta(days=minute // 1440),
        "received_at": MIDNIGHT,
        "order_id": ord(order),
        "order_ref": order,
        "amount_minor": amount,
        "currency": "CNY",
        "quantity": None if quantity is None else Decimal(quantity),
        "source": "api",
    }


def _tables(lines: list[dict], events: list[dict]) -> dict[str, ibis.Table]:
    return {
        "order_lines": ibis.memtable(pa.Table.from_pylist(lines, schema=schemas.ORDER_LINES)),
        "events": ibis.memtable(pa.Table.from_pylist(events, schema=schemas.EVENTS)),
    }


def _answer(lines: list[dict], events: list[dict]) -> list[dict]:
    table = order_facts(_tables(lines, events)).to_pyarrow()
    assert table.schema.equals(schemas.ORDER_FACTS)
    return table.to_pylist()


def _sorted(rows: list[dict]) -> list[dict]:
    return sorted(rows, key=lambda r: (r["local_day"], r["order_id"], r["kind"]))


@pytest.mark.parametrize("case", CASES, ids=lambda c: c["name"])
def test_order_facts__case__as_stated(case: dict) -> None:
    lines = [_line(*row) for row in case.get("lines", [])]
    events = [_event(*row) for row in case.get("events", [])]
    rows = _answer(lines, events)
    found = {
        (
            (r["local_day"] - DAY).days,
            r["order_ref"],
            r["kind"],
            r["lines"],
            r["paid_minor"],
            r["amount_minor"],
            r["buyer_id"],
        )
        for r in rows
    }
    assert found == {tuple(row) for row in case["expect"]}
    assert len(rows) == len(case["expect"])
    if "units" in case:
        units = [[r["order_ref"], r["kind"], r["quantity"]] for r in _sorted(rows)]
        assert units == [[order, kind, n and Decimal(n)] for order, kind, n in case["units"]]
    assert _sorted(rows) == _sorted(oracle.order_facts(lines, events))


ORDERS = st.sampled_from("abc")
AMOUNTS = st.one_of(st.none(), st.integers(-2_000, 5_000))
QUANTITIES = st.one_of(st.none(), st.decimals(0, 50, places=3))
PEOPLE = st.one_of(st.none(), st.integers(1, 3))


@st.composite
def _statements(draw) -> list[dict]:
    """Lines as an importer states them: a row, taken back and stated anew some times; the last statement may stand."""
    lines = []
    for row in range(draw(st.integers(0, 6))):
        order, kind = draw(ORDERS), draw(st.sampled_from(["sale", "cancellation", "adjustment", "refund"]))
        versions = draw(
            st.lists(
                st.tuples(st.integers(0, 2879), st.integers(-2_000, 5_000), PEOPLE), min_size=1, max_size=3
            )
        )
        for i, (minute, amount, buyer) in enumerate(versions):
            content = row * 10 + i
            lines.append(_line(row, content, 1, order, kind, minute, amount, buyer))
            if i < len(versions) - 1 or draw(st.booleans()):
                lines.append(_line(row, content, -1, order, kind, minute, amount, buyer))
    return lines


@st.composite
def _events(draw) -> list[dict]:
    names = st.sampled_from([*oracle.KIND_OF_EVENT, "Product Added"])
    return [
        _event(
            i + 1,
            draw(names),
            draw(ORDERS),
            draw(st.integers(0, 2879)),
            draw(AMOUNTS),
            draw(PEOPLE),
            draw(st.integers(0, 2)),
            draw(QUANTITIES),
        )
        for i in range(draw(st.integers(0, 8)))
    ]


@given(lines=_statements(), events=_events(), data=st.data())
@settings(max_examples=60, deadline=None)
def test_order_facts__any_facts_in_any_order__equal_the_oracle(lines, events, data) -> None:
    expected = _sorted(oracle.order_facts(lines, events))
    assert _sorted(_answer(data.draw(st.permutations(lines)), data.draw(st.permutations(events)))) == expected


@given(lines=_statements(), events=_events())
@settings(max_examples=40, deadline=None)
def test_refunds_resolved__any_facts__net_of_the_oracle(lines, events) -> None:
    facts = order_facts(_tables(lines, events))
    resolved = refunds_resolved(facts).to_pyarrow().to_pylist()
    net, unknown = oracle.net_minor(oracle.order_facts(lines, events))
    wholes = [r for r in resolved if r["kind"] in ("cancellation", "refund")]
    assert sum(r["amount_minor"] for r in resolved if r["amount_minor"] is not None) == net
    assert sum(1 for r in wholes if r["amount_minor"] is None) == unknown
    assert len(resolved) == len(oracle.order_facts(lines, events))


def test_refunds_resolved__sale_before_the_period__found_in_history() -> None:
    lines = [_line(1, 1, 1, "a", "sale", 0, 1000, 7)]
    events = [
        _event(1, "Order Refunded", "a", 1500, 200, 7),
        _event(2, "Order Cancelled", "a", 1600, None, 7),
    ]
    history = order_facts(_tables(lines, events))
    period = history.filter(history.local_day > DAY)
    alone = {r["kind"]: r["amount_minor"] for r in refunds_resolved(period).to_pyarrow().to_pylist()}
    known = {r["kind"]: r["amount_minor"] for r in refunds_resolved(period, history).to_pyarrow().to_pylist()}
    assert alone == {"refund": -200, "cancellation": None}
    assert known == {"refund": -200, "cancellation": -800}


def test_refunds_resolved__said_on_two_days__nets_once() -> None:
    lines = [_line(1, 1, 1, "a", "sale", 0, 1000, 7)]
    events = [_event(1, "Order Cancelled", "a", 10, None, 7), _event(2, "Order Refunded", "a", 1500, None, 7)]
    rows = refunds_resolved(order_facts(_tables(lines, events))).to_pyarrow().to_pylist()
    assert {r["kind"]: r["amount_minor"] for r in rows} == {"sale": 1000, "cancellation": -1000, "refund": 0}
