"""The questions of value and lifecycle: purchases by customer, what does not count, and the states of two days."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import ibis

from shuke.audience import purchases
from shuke.audience.forecast import people
from shuke.audience.forecast.tests import people_oracle
from shuke.audience.tests import purchase_oracle as oracle
from shuke.audience.tests.test_purchases import LINKS, WITHIN, _drawn
from shuke.audience.value import decisions, questions
from shuke.audience.value.tests import test_questions as lives
from shuke.commerce.tests.test_order_facts import _line
from shuke.kernel.periods import Period
from tests.corpus import datasets
from tests.corpus.asked import Question

Row = dict[str, Any]
DATASET, LIVES = "purchases", "lives"
CUT = decisions.Cutoffs(new=12, silent=9, returning=5)
ZONE, PERIOD = ZoneInfo("Europe/London"), Period(date(2026, 2, 1), date(2026, 4, 30))


def drawn() -> dict[str, list[Row]]:
    """Movements of 300 orders, and lines of which some are paid for with less than the smallest unit."""
    prices = ("0.001", "0", "0.00", "1.5", "-0.001", None)
    lines = [
        _line(number, number, 1, chr(40 + number // 2), "sale", number, 0, 1) | {"unit_price": price}
        for number, price in enumerate(prices * 3)
    ]
    lines.append(lines[0] | {"sign": -1})
    links = [{"identity_id": one, "customer_id": of} for one, of in LINKS.items()]
    return {"order_facts": _drawn(random.Random(31)), "order_lines": lines, "links": links}


def drawn_lives() -> dict[str, list[Row]]:
    orders, visits = lives._drawn(random.Random(32))
    links = [{"identity_id": 3, "customer_id": 4}, {"identity_id": 103, "customer_id": 5}]
    return {"orders": orders, "visits": visits, "links": links}


def _orders(tables: dict[str, ibis.Table]) -> ibis.Table:
    return purchases.order_rows(
        tables["order_facts"], "CNY", tables["links"], purchases.tiny_orders(tables["order_lines"])
    )


def _tiny() -> set[int]:
    """Lines that stand, above 0 in price and below half a unit in amount."""
    taken_back = {row["row_id"] for row in datasets.rows(DATASET)["order_lines"] if row["sign"] < 0}
    return {
        row["order_id"]
        for row in datasets.rows(DATASET)["order_lines"]
        if row["unit_price"] in ("0.001", "1.5") and row["row_id"] not in taken_back
    }


def _expected() -> list[Row]:
    return oracle.orders(datasets.rows(DATASET)["order_facts"], "CNY", LINKS, _tiny())


def _sums() -> list[Row]:
    """Reason by reason, by walking all orders."""
    orders = _expected()
    known = [one for one in orders if one["customer_id"] is not None]
    unknown = [one for one in orders if one["customer_id"] is None]
    chosen = {
        "no_person_gross": [(one, one["gross_minor"]) for one in unknown if one["is_gross"]],
        "no_person_netted": [(one, one["net_minor"]) for one in unknown],
        "no_price": [(o, o["gross_minor"]) for o in known if o["has_sale"] and not o["is_gross"]],
        "unstated": [(one, 0) for one in known if one["unstated"]],
        "came_back": [(one, one["net_minor"] - one["gross_minor"]) for one in known if one["back"]],
        "without_sale": [(one, one["net_minor"]) for one in known if not one["has_sale"]],
        "gone": [(o, o["net_minor"]) for o in known if o["is_gross"] and not o["is_netted"]],
        "unknown_refund": [(one, 0) for one in known if one["unknown"]],
    }
    told: Row = {}
    for name, found in chosen.items():
        told |= {f"n_{name}": len(found), f"m_{name}": sum(amount for _one, amount in found)}
    return [told]


def _flows() -> list[Row]:
    found = datasets.rows(LIVES)
    told: dict[tuple[str | None, str], int] = {}
    for days in lives._lives(found["orders"], found["visits"]).values():
        activity = sorted(days)
        is_now = decisions.state_on(activity, lives.NOW, CUT)
        if is_now is not None:
            key = decisions.state_on(activity, lives.THEN, CUT), is_now
            told[key] = told.get(key, 0) + 1
    return [{"was": was, "is_now": now, "customers": count} for (was, now), count in told.items()]


def _ask_flows(tables: dict[str, ibis.Table]) -> ibis.Table:
    acts = questions.activity(tables["orders"], tables["visits"], tables["links"])
    then, now = (questions.life_on(acts, day, CUT) for day in (lives.THEN, lives.NOW))
    return questions.flows(then, now)


def _clock(tables: dict[str, ibis.Table]) -> ibis.Table:
    facts = tables["order_facts"]
    return facts.select("order_id", "local_day", "kind", s=purchases.clock_seconds(facts["at"], ZONE, PERIOD))


def _clocks() -> list[Row]:
    """London keeps winter time until the end of the month."""
    return [
        {name: row[name] for name in ("order_id", "local_day", "kind")}
        | {"s": int((row["at"] - datetime(1970, 1, 1)) / timedelta(seconds=1))}
        for row in datasets.rows(DATASET)["order_facts"]
    ]


def all_questions() -> tuple[Question, ...]:
    """Purchases as orders and by customer in both versions, what does not count, recency's clock, and flows of states."""

    def of(
        name: str,
        build: Callable[[dict[str, ibis.Table]], ibis.Table],
        expected: Callable[[], list[Row]],
        dataset: str = DATASET,
    ) -> Question:
        return Question(name, dataset, lambda tables, ask: ask(build(dict(tables))).to_pylist(), expected)

    def customers(version: purchases.Version, within: tuple[date, date] | None) -> Question:
        return of(
            f"customers of {version}{' within days' if within else ''}",
            lambda t: purchases.customer_rows(_orders(t), version, within=within and Period(*within)),
            lambda: list(oracle.customers(_expected(), version, within).values()),
        )

    return (
        of("purchases", _orders, _expected),
        customers("gross", None),
        customers("netted", WITHIN),
        of("what does not count", lambda t: purchases.left_out_sums(_orders(t)), _sums),
        of("the shop's clock", _clock, _clocks),
        of(
            "order days of customers",
            lambda t: people.customer_rows(_orders(t), WITHIN[1]),
            lambda: people_oracle.customers(_expected(), WITHIN[1]),
        ),
        of(
            "order days after a cut",
            lambda t: people.days_after(_orders(t), WITHIN[0], WITHIN[1]),
            lambda: people_oracle.days_after(_expected(), WITHIN[0], WITHIN[1]),
        ),
        of("flows of states", _ask_flows, _flows, LIVES),
    )
