"""Purchases: the law that they equal the plain oracle on any facts, and what `ask` gives from the warehouse."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shuke.audience import purchases
from shuke.audience.identities import reads as identities
from shuke.audience.tests import purchase_oracle as oracle
from shuke.commerce.tests.test_order_facts import _event, _line
from shuke.kernel.periods import Period
from shuke.kernel.surrogates import surrogate
from shuke.warehouse import actions as warehouse
from shuke.warehouse import schemas
from shuke.warehouse.portability import check
from shuke.warehouse.refunds import WHOLE, refunds_resolved

DAY, MIDNIGHT = date(2026, 3, 1), datetime(2026, 3, 1)
LINKS = {1: 2} | dict.fromkeys(range(101, 106), 3)
WITHIN = (date(2026, 3, 2), date(2026, 3, 4))


def _table(rows: list[dict], schema: pa.Schema) -> ibis.Table:
    return ibis.memtable(pa.Table.from_pylist(rows, schema=schema))


def _fact(order: int, day: int, kind: str, amount: int | None, buyer, visitor, currency) -> dict:
    at = MIDNIGHT + timedelta(days=day, minutes=order * 7 + len(kind))
    return dict.fromkeys(schemas.ORDER_FACTS.names) | {
        "shop_id": 1,
        "order_id": order,
        "order_ref": str(order),
        "local_day": DAY + timedelta(days=day),
        "at": at,
        "kind": kind,
        "buyer_id": buyer,
        "visitor_id": visitor,
        "lines": 0,
        "paid_minor": max(amount or 0, 0),
        "amount_minor": amount,
        "currency": currency,
        "source": "book",
    }


def _drawn(rng: random.Random) -> list[dict]:
    """Rows of order_facts, one per order, day and kind; refunds and cancellations below zero. Orders are many and small, so
    that one question asks about many lives at once."""
    found: dict[tuple, dict] = {}
    for _ in range(750):
        order, day = rng.randint(1, 300), rng.randint(0, 4)
        kind = rng.choice(["sale", "sale", "sale", "cancellation", "adjustment", "refund"])
        size = rng.choice([None, 0, rng.randint(1, 2_000), rng.randint(1, 2_000), rng.randint(-300, 0)])
        amount = size if kind == "sale" or size is None else -abs(size)
        buyer, visitor = rng.choice([None, *range(1, 40)]), rng.choice([None, *range(100, 110)])
        if rng.random() < 0.2:
            buyer = None
        currency = rng.choice(["CNY", "CNY", "CNY", "CNY", None, "GBP"])
        found[order, day, kind] = _fact(order, day, kind, amount, buyer, visitor, currency)
    return list(found.values())


def test_purchases__any_facts__equal_the_oracle_and_the_rule_of_refunds() -> None:
    seen: Counter[str] = Counter()

    @settings(max_examples=4, deadline=None)
    @given(st.randoms(use_true_random=False), st.sets(st.integers(1, 300), max_size=40))
    def law(rng: random.Random, tiny: set[int]) -> None:
        facts = _drawn(random.Random(rng.getrandbits(64)))
        table = _table(facts, schemas.ORDER_FACTS)
        links = _table(
            [{"identity_id": i, "customer_id": c} for i, c in LINKS.items()], identities.CUSTOMER_MAP
        )
        paid = _table([{"order_id": one} for one in sorted(tiny)], pa.schema([("order_id", pa.int64())]))
        rows = purchases.order_rows(table, "CNY", links, paid)
        check(rows)
        answer = rows.to_pyarrow()
        expected = oracle.orders(facts, "CNY", LINKS, tiny)
        assert sorted(answer.to_pylist(), key=lambda r: r["order_id"]) == expected
        held = ibis.memtable(answer)
        for version in purchases.VERSIONS:
            for within in (None, WITHIN):
                asked = purchases.customer_rows(held, version, within=within and Period(*within))
                check(asked)
                told = {r["customer_id"]: r for r in asked.to_pyarrow().to_pylist()}
                assert told == oracle.customers(expected, version, within)
        own = table.filter((table.currency == "CNY") | table.currency.isnull())
        resolved = Counter[int]()
        for row in refunds_resolved(own).to_pyarrow().to_pylist():
            resolved[row["order_id"]] += row["amount_minor"] or 0
        assert {r["order_id"]: r["net_minor"] for r in expected} == resolved

        wholes = {f["order_id"] for f in facts if f["amount_minor"] is None and f["kind"] in WHOLE}
        named = {f["order_id"] for f in facts if f["buyer_id"] is not None}
        for order in expected:
            seen["resolved whole refund"] += bool(order["has_sale"] and order["order_id"] in wholes)
            seen["unknown whole refund"] += bool(order["unknown"])
            seen["linked device"] += order["customer_id"] == 3 and order["order_id"] not in named
            seen["nobody"] += order["customer_id"] is None
            seen["gone"] += bool(order["is_gross"] and not order["is_netted"])
            seen["below zero"] += order["net_minor"] < 0
            seen["paid with nothing"] += bool(order["is_gross"] and not order["gross_minor"])

    law()
    print(dict(seen))
    assert len(seen) == 7
    assert min(seen.values()) >= 8, seen


@pytest.mark.parametrize("name", ["Europe/London", "Asia/Shanghai", "Australia/Lord_Howe"])
def test_clock_seconds__around_each_step__what_the_clock_shows(name: str) -> None:
    zone, period = ZoneInfo(name), Period(date(2025, 3, 1), date(2026, 4, 30))
    steps = purchases.clock_steps(zone, period)
    assert len(steps) == (1 if name == "Asia/Shanghai" else 4)
    around = [since + more for since, _offset in steps for more in (-3601, -1, 0, 1, 3600)]
    moments = [datetime.fromtimestamp(s, UTC) for s in around if s >= steps[0][0]]
    table = _table([{"at": m.replace(tzinfo=None)} for m in moments], pa.schema([("at", pa.timestamp("us"))]))
    found = table.mutate(s=purchases.clock_seconds(table["at"], zone, period)).to_pyarrow()["s"].to_pylist()
    shown = [m.astimezone(zone).replace(tzinfo=UTC) for m in moments]
    assert found == [int(m.timestamp()) for m in shown]


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("warehouse_home")
def test_ask__a_running_day_and_late_facts__what_happened_before_the_moment(shop, other_shop) -> None:
    def append(of, lines=(), events=()) -> None:
        told = {
            kind: pa.Table.from_pylist(
                [r | {"shop_id": of.id, "order_id": surrogate(of.id, "order", r["order_ref"])} for r in rows],
                schema=schemas.RAW[kind],
            )
            for kind, rows in (("order_lines", lines), ("events", events))
            if rows
        }
        warehouse.append(facts=told)

    at = datetime(2026, 3, 2, 0, 30, tzinfo=UTC)
    assert purchases.ask(shop, at, lambda one: one) is None
    append(
        shop,
        [
            _line(1, 1, 1, "a", "sale", 10, 1_000, 7),
            _line(2, 2, 1, "b", "sale", 1_440, 300, 7),
            _line(3, 3, 1, "c", "sale", 1_475, 500, 7),  # half past midnight is over by five minutes
            _line(4, 4, 1, "d", "sale", 20, 9_900, 8) | {"currency": "GBP"},
            _line(5, 5, 1, "e", "sale", 30, 40, None),
            _line(6, 6, 1, "f", "unpaid", 30, 70, 9),
            _line(7, 7, 1, "g", "sale", 31, 0, 9) | {"unit_price": "0.00"},
            _line(8, 8, 1, "h", "sale", 31, 0, 9) | {"unit_price": "0.001"},
        ],
        [_event(1, "Order Completed", "i", 40, None, 9), _event(2, "Order Refunded", "a", 1_470, None, None)],
    )
    append(other_shop, [_line(1, 1, 1, "a", "sale", 10, 77, 7)])

    def of(moment: datetime) -> dict[str, tuple[dict, set]]:
        def question(one: purchases.Purchases) -> dict[str, tuple[dict, set]]:
            found = {}
            for version in purchases.VERSIONS:
                rows = one.run(one.customers(version), purchases.CUSTOMERS).to_pylist()
                told = {r["customer_id"]: (r["orders"], r["days"], r["amount_minor"]) for r in rows}
                left = {(x.reason, x.orders, x.amount_minor, x.currency) for x in one.left_out(version)}
                found[version] = told, left
            return found

        found = purchases.ask(shop, moment, question)
        assert found is not None
        return found

    both = {("no_price", 1, 0, "CNY"), ("unstated", 1, 0, "CNY"), ("other_currency", 1, 9_900, "GBP")}
    both |= {("unpaid", 1, 70, "CNY"), ("zero_lines", 1, 0, "CNY"), ("no_person", 1, 40, "CNY")}
    # The whole of `a` is refunded at half past midnight: not before it.
    then = {7: (2, 2, 1_300), 9: (2, 1, 0)}
    assert of(at) == {"gross": (then, both), "netted": (then, both)}
    # A fact that comes late counts from when it happened; what is sealed meanwhile changes nothing.
    warehouse.seal(shop)
    append(shop, [_line(10, 10, 1, "j", "sale", 5, 11, 12)])
    later = of(at + timedelta(minutes=10))
    assert later["gross"] == (
        {7: (3, 2, 1_800), 9: (2, 1, 0), 12: (1, 1, 11)},
        both | {("came_back", 1, -1_000, "CNY")},
    )
    assert later["netted"] == (
        {7: (2, 1, 800), 9: (2, 1, 0), 12: (1, 1, 11)},
        both | {("gone", 1, 0, "CNY")},
    )


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("warehouse_home")
def test_ask__identities_joined__their_days_count_once(shop, monkeypatch) -> None:
    rows = [
        _line(i, i, 1, order, "sale", 10 + i, 100, buyer)
        for i, (order, buyer) in enumerate([("a", 7), ("b", 8)])
    ]
    told = [r | {"shop_id": shop.id, "order_id": surrogate(shop.id, "order", r["order_ref"])} for r in rows]
    warehouse.append(facts={"order_lines": pa.Table.from_pylist(told, schema=schemas.ORDER_LINES)})
    at = datetime(2026, 3, 5, tzinfo=UTC)

    def ask() -> list[tuple]:
        found = purchases.ask(shop, at, lambda one: one.run(one.customers(), purchases.CUSTOMERS).to_pylist())
        return sorted((r["customer_id"], r["orders"], r["days"], r["amount_minor"]) for r in found or ())

    assert ask() == [(7, 1, 1, 100), (8, 1, 1, 100)]
    joined = pa.Table.from_pylist([{"identity_id": 8, "customer_id": 7}], schema=identities.CUSTOMER_MAP)
    monkeypatch.setattr(identities, "customer_map", lambda shop: joined)
    assert ask() == [(7, 2, 1, 200)]
    monkeypatch.undo()
    assert ask() == [(7, 1, 1, 100), (8, 1, 1, 100)]
