"""The corpus: every question that traffic asks of the warehouse, with the tables that it reads and its oracle.

An engine is held to it by three things per question: `build` (the expression over unbound tables), `kinds` (whose rows
cases.py holds), and `expected` (what plain Python says). Whoever runs it elsewhere loads the facts of each case and
compares; test_corpus.py does so for the engine of this process.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import ibis

from shuke.conditions.reads import parse
from shuke.kernel.periods import ONE_DAY, Period, day_start
from shuke.shops.reads import ShopView
from shuke.traffic import sessions
from shuke.traffic.alerts.tests import asked as alerts
from shuke.traffic.flows.tests import asked as flows
from shuke.traffic.measures import LOOK_BACK_DAYS, MEASURES, order_entities, visit_entities
from shuke.traffic.reads import asking, summing
from shuke.traffic.tests import measure_oracle, oracle
from shuke.traffic.tests.corpus import trail_questions
from shuke.traffic.tests.facts import RULES
from shuke.warehouse.refunds import refunds_resolved

Row = dict[str, Any]
Facts = Mapping[str, Sequence[Row]]
SHOP = ShopView(1, "corpus", "corpus", ZoneInfo("Asia/Shanghai"), "CNY", "", ())
PERIOD = Period(date(2026, 3, 1), date(2026, 3, 15))
VISIT_NAMES = tuple(n for n, one in MEASURES.items() if one.dataset != "order_facts")
SOURCE_NAMES = tuple(n for n, one in MEASURES.items() if one.entity in ("visit", "visitor"))
ORDER_NAMES = tuple(n for n, one in MEASURES.items() if one.dataset == "order_facts")


@dataclass(frozen=True)
class Question:
    """`kinds` are the tables that it reads; `build` gives the expression, `expected` the rows (in any order)."""

    name: str
    kinds: tuple[str, ...]
    build: Callable[[Mapping[str, ibis.Table]], ibis.Table]
    expected: Callable[[Facts], list[Row]]


def _inputs(tables: Mapping[str, ibis.Table], steps: Sequence[asking.Step]) -> dict[str, ibis.Table]:
    """The steps from facts to inputs, as one expression."""
    made = dict(tables)
    for step in steps:
        made[step.name] = step.build(made)
    return made


def _visit_sums(keys: tuple[str, ...], condition: Any = None) -> Question:
    node = parse({"v": 1, "all": [condition]}, "visit") if condition else None
    scene = asking.Scene(SHOP, PERIOD, condition=node)

    def build(tables: Mapping[str, ibis.Table]) -> ibis.Table:
        used = scene.used(VISIT_NAMES, keys)
        facts = {"all_visits": tables["visits"]}
        if not condition and set(keys) <= {"local_day"}:
            facts["visitor_days"] = tables["visitor_days"]
        inputs = _inputs(facts, asking.visit_steps(scene, keys))
        return asking.united(visit_entities(inputs, [one.entity for one in used], keys), used, keys)

    def expected(facts: Facts) -> list[Row]:
        visits = [v for v in facts["visits"] if condition is None or v["is_paid"]]
        return measure_oracle.visit_rows(visits, VISIT_NAMES, keys, PERIOD, SHOP.zone)

    name = "_by_".join(["visit_sums", *keys]) + ("_of_paid" if condition else "")
    return Question(name, ("visits", "visitor_days"), build, expected)


def _order_sums(keys: tuple[str, ...]) -> Question:
    scene = asking.Scene(SHOP, PERIOD)

    def build(tables: Mapping[str, ibis.Table]) -> ibis.Table:
        used = scene.used(ORDER_NAMES, keys)
        inputs = _inputs({"facts": tables["order_facts"]}, asking.order_steps(scene, keys, is_resolved=True))
        return asking.united(order_entities(inputs, [one.entity for one in used], keys), used, keys)

    def expected(facts: Facts) -> list[Row]:
        return measure_oracle.order_rows(facts["order_facts"], ORDER_NAMES, keys, PERIOD, SHOP)

    return Question("_by_".join(["order_sums", *keys]), ("order_facts",), build, expected)


# Several periods in one question, as pages ask: they overlap, and the second is shorter.
STRETCHES = (PERIOD, Period(PERIOD.start + ONE_DAY * 3, PERIOD.end - ONE_DAY * 4))


def _laid_out(table: ibis.Table, days_before: int = 0) -> ibis.Table:
    """Each row once per stretch that it belongs to, as the warehouse lays them out."""
    parts = []
    for number, period in enumerate(STRETCHES):
        day = table.local_day
        own = table.filter(
            day >= ibis.date(period.start - ONE_DAY * days_before), day < ibis.date(period.end)
        )
        parts.append(
            own.mutate(
                stretch=ibis.literal(number, "int64"),
                is_before=ibis.ifelse(own.local_day < ibis.date(period.start), 1, 0).cast("int64"),
                midnight=ibis.literal(int(day_start(period.start, SHOP.zone).timestamp()), "int64"),
            )
        )
    return parts[0].union(parts[1], distinct=False)


def _visit_sums_of_stretches(
    keys: tuple[str, ...] = (),
    kinds: tuple[str, ...] = ("visits",),
    names: tuple[str, ...] = VISIT_NAMES,
) -> Question:
    """`kinds`: what is to be read for it, as pages read it."""
    scenes = [asking.Scene(SHOP, period) for period in STRETCHES]
    question = summing.visit_question([asking.Request(scene, names, keys) for scene in scenes])
    assert set(summing.visit_kinds(question, scenes[0])) == set(kinds)

    def build(tables: Mapping[str, ibis.Table]) -> ibis.Table:
        return summing.visit_sums({kind: _laid_out(tables[kind]) for kind in kinds}, question, scenes[0])

    def expected(facts: Facts) -> list[Row]:
        found = []
        for number, period in enumerate(STRETCHES):
            visits = [visit for visit in facts["visits"] if visit["local_day"] in period]
            rows = measure_oracle.visit_rows(visits, names, keys, period, SHOP.zone) if visits else []
            found += [{"stretch": number} | row for row in rows]
        return found

    return Question("_by_".join(["visit_sums", "stretch", *keys]), kinds, build, expected)


def _order_sums_of_stretches() -> Question:
    requests = [asking.Request(asking.Scene(SHOP, period), ORDER_NAMES) for period in STRETCHES]
    question = summing.order_question(requests)

    def build(tables: Mapping[str, ibis.Table]) -> ibis.Table:
        laid = _laid_out(refunds_resolved(tables["order_facts"]), LOOK_BACK_DAYS)
        return summing.order_sums({"order_facts": laid}, question, SHOP.currency)

    def expected(facts: Facts) -> list[Row]:
        found = []
        for number, period in enumerate(STRETCHES):
            if any(row["local_day"] in period for row in facts["order_facts"]):
                rows = measure_oracle.order_rows(facts["order_facts"], ORDER_NAMES, (), period, SHOP)
                found += [{"stretch": number} | row for row in rows]
        return found

    return Question("order_sums_by_stretch", ("order_facts",), build, expected)


QUESTIONS: tuple[Question, ...] = (
    Question(
        "visits",
        ("events",),
        lambda tables: sessions.visits(tables["events"], RULES),
        lambda facts: oracle.visits(facts["events"], RULES),
    ),
    Question(
        "visitor_days",
        ("visits",),
        lambda tables: sessions.visitor_days(tables["visits"]),
        lambda facts: oracle.visitor_days(facts["visits"]),
    ),
    _visit_sums(()),
    _visit_sums((), {"field": "is_paid", "op": "eq", "value": True}),
    _visit_sums(("local_day",)),
    _visit_sums(("hour",)),
    _visit_sums(("channel", "source")),
    _order_sums(()),
    _order_sums(("local_day",)),
    _order_sums(("hour",)),
    Question(
        "channel_days",
        ("visits",),
        lambda tables: sessions.channel_days(tables["visits"]),
        lambda facts: oracle.channel_days(facts["visits"]),
    ),
    Question(
        "source_days",
        ("visits",),
        lambda tables: sessions.source_days(tables["visits"]),
        lambda facts: oracle.source_days(facts["visits"]),
    ),
    _visit_sums_of_stretches((), ("channel_days", "visitor_days")),
    _visit_sums_of_stretches(("local_day",), ("channel_days",)),
    _visit_sums_of_stretches(("local_day", "channel"), ("channel_days",)),
    _visit_sums_of_stretches(("channel",), ("channel_days", "visits")),
    _visit_sums_of_stretches(("hour",), ("visits",)),
    _visit_sums_of_stretches(("source",), ("visits",)),
    _visit_sums_of_stretches(("channel", "is_paid"), ("source_days", "visits"), SOURCE_NAMES),
    _visit_sums_of_stretches(("medium", "local_day"), ("source_days",), ("visits", "views", "carts")),
    _order_sums_of_stretches(),
    *(Question(*one) for one in alerts.ASKED),
    *(Question(*one) for one in flows.ASKED),
    *(Question(name, *asked) for name, asked in trail_questions.asked().items()),
)
