"""Conditions on customers, drawn by a seed from everything that may be asked of them."""

from __future__ import annotations

import random
from typing import Any

from shuke.conditions.reads import (
    All,
    Compare,
    Measure,
    Node,
    None_,
    Op,
    Step,
    Tally,
    Then,
    Unit,
    Window,
)
from shuke.conditions.reads import Any as AnyOf

WINDOWS = (
    None,
    Window(1),
    Window(5),
    Window(9, with_today=True),
    Window(36, Unit.HOURS),
    Window(1, Unit.MONTHS),
)
WHERES: dict[str, tuple[Node, ...]] = {
    "orders": (All(), Compare("order_net", "gt", 5_000)),
    "paid_orders": (All(), Compare("order_paid", "ge", 10_000)),
    "items": (All(), Compare("item_amount", "gt", 0), Compare("item_ref", "starts_with", "a")),
    "visits": (All(), Compare("channel", "eq", "direct"), None_((Compare("is_one_page", "eq", True),))),
    "deeds": (
        All(), Compare("deed_name", "eq", "Product Added"), Compare("deed_name", "in", ("page", "Product Viewed")),
        Compare("deed_page_type", "eq", "item"),
    ),
}  # fmt: skip
SUMS = {"orders": "order_net", "paid_orders": "order_paid", "items": "item_amount"}
DIFFERENT = {"items": "item_ref", "visits": "channel", "deeds": "deed_page"}


def drawn(rng: random.Random) -> Node:
    group = rng.choice([All, AnyOf, None_, None])
    if group is None:
        return _leaf(rng)
    return group(tuple(_leaf(rng) for _ in range(rng.choice([1, 2, 3]))))


def _leaf(rng: random.Random) -> Node:
    kind = rng.random()
    if kind < 0.2:
        return rng.choice(
            [
                Compare("first_seen_on", "in_last_days", rng.choice([1, 3, 9])),
                Compare("last_seen_on", "in_next_days", 1),
                Compare("visits_ever", "ge", rng.choice([1, 2, 3])),
                Compare("orders_ever", "eq", rng.choice([0, 1, 2])),
                Compare("net_amount", "gt", rng.choice([0, 10_000])),
                Compare("paid_amount", "le", rng.choice([0, 20_000])),
            ]
        )
    if kind < 0.35:
        first, then = (_step(rng) for _ in range(2))
        return Then(first, then, rng.choice([None, 1, 48]), rng.choice(WINDOWS))
    step = _step(rng)
    measure = rng.choice(list(Measure))
    field: str | None = None
    if measure is Measure.SUM:
        field = SUMS.get(step.series)
    if measure is Measure.DISTINCT:
        field = DIFFERENT.get(step.series)
    if measure in (Measure.SUM, Measure.DISTINCT) and field is None:
        measure = Measure.COUNT
    op: Op
    value: Any
    if measure in (Measure.FIRST, Measure.LAST):
        op, value = rng.choice([(Op.IN_LAST_DAYS, 5), (Op.IS_UNKNOWN, None)])
    elif measure is Measure.SUM:
        op, value = rng.choice([(Op.GE, 10_000), (Op.LE, 0)])
    else:
        op, value = rng.choice([(Op.GE, 1), (Op.GE, 2), (Op.EQ, 0), (Op.LT, 4)])
    return Tally(step.series, measure, op, value, field, step.where, rng.choice(WINDOWS))


def _step(rng: random.Random) -> Step:
    series = rng.choice(list(WHERES))
    return Step(series, rng.choice(WHERES[series]))
