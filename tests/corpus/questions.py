"""Every question of the house, each asked of every engine and held to plain Python.

A question knows the data set that it is asked of, how it is asked (one expression, or several that build on one another as
a page does), and what the oracle says. Engines see tables of the kinds' schemas over Parquet files, as in an installation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import ibis

from shuke.commerce.order_facts import order_facts
from shuke.commerce.tests import oracle as order_oracle
from shuke.conditions.fields import OPS
from shuke.conditions.nodes import COUNTS_DAYS, TAKES_MANY, TAKES_NOTHING
from shuke.conditions.reads import Compare, Field, Kind, to_ibis
from shuke.conditions.tests.fields_in_test import FIELDS
from shuke.traffic import measures as m
from shuke.traffic.tests import measure_oracle
from shuke.traffic.tests.corpus.questions import PERIOD, QUESTIONS, SHOP
from shuke.traffic.tests.corpus.test_corpus import answer
from shuke.warehouse.refunds import refunds_resolved
from tests.corpus import (
    audience_corpus,
    cohort_corpus,
    condition_oracle,
    datasets,
    funnel_corpus,
    item_corpus,
    segment_corpus,
)
from tests.corpus.asked import Ask, Question, Row, Tables


def _traffic() -> list[Question]:
    """What traffic's own corpus asks; the derivation of visits also of its worked cases, a few of no facts at all."""
    found = []
    for one in QUESTIONS:
        asked_of = ["a drawn shop"]
        if one.name == "visits":
            asked_of.append("worked cases")
        if one.name in ("visits", "visit_sums", "order_sums"):
            asked_of.append("nothing")
        for dataset in asked_of:

            def ask_all(tables: Tables, ask: Ask, one=one, dataset=dataset) -> list[Row]:
                expected = one.expected(datasets.rows(dataset))
                built = one.build({kind: tables[kind] for kind in one.kinds})
                return answer(one, ask(built).to_pylist(), expected)

            def expected(one=one, dataset=dataset) -> list[Row]:
                return one.expected(datasets.rows(dataset))

            found.append(Question(f"{one.name} of {dataset}", dataset, ask_all, expected))
    return found


def _order_facts() -> Question:
    facts = datasets.rows("orders")
    return Question(
        "order facts",
        "orders",
        lambda tables, ask: ask(order_facts(tables)).to_pylist(),
        lambda: order_oracle.order_facts(facts["order_lines"], facts["events"]),
    )


def _refunds() -> Question:
    facts = datasets.rows("a drawn shop")["order_facts"]
    return Question(
        "refunds resolved",
        "a drawn shop",
        lambda tables, ask: ask(refunds_resolved(tables["order_facts"])).to_pylist(),
        lambda: measure_oracle._resolved(facts),
    )


_VALUES: Mapping[str, list[Any]] = {
    "t_text": ["a", "A", "b%", "搜", "'", "\\", "_"],
    "t_name": ["a", "AB", "ΣΑΣ", "İ"],
    "t_host": ["baidu.com", "a.co"],
    "t_choice": ["paid", "mail"],
    "t_number": [-1, 2, Decimal("1.5")],
    "t_share": [Decimal("0.1"), Decimal("0.3"), 1],
    "t_money": [1, 2**63 - 1],
    "t_flag": [True, False],
    "t_day": [date(2026, 3, 2)],
    "t_moment": [datetime(2026, 3, 2)],
}


def _compares(field: Field) -> list[Compare]:
    found = []
    for op in OPS[field.kind]:
        if op in COUNTS_DAYS:
            continue  # as of a moment: segment_corpus.py
        values = _VALUES[field.name]
        if op in TAKES_NOTHING:
            found.append(Compare(field.name, op, None))
        elif op in TAKES_MANY:
            found += [Compare(field.name, op, tuple(values)), Compare(field.name, op, (values[0],))]
        else:
            found += [Compare(field.name, op, value) for value in values]
    return found


def _is_mixed(one: Compare) -> bool:
    """A list that holds whole numbers and others."""
    return isinstance(one.value, tuple) and len({type(value) for value in one.value}) > 1


def _conditions(kind: Kind, *, is_mixed: bool = False) -> Question:
    """Every operator of a kind of field, over subjects of which some are unknown: one column a comparison."""
    compares = [
        (field, one)
        for field in FIELDS
        if field.kind is kind
        for one in _compares(field)
        if _is_mixed(one) == is_mixed
    ]

    def ask_all(tables: Tables, ask: Ask) -> list[Row]:
        table = tables["subjects"]
        columns = {f"c{i}": to_ibis(one, table) for i, (_field, one) in enumerate(compares)}
        return ask(table.select("id", **columns)).to_pylist()

    def expected() -> list[Row]:
        return [
            {"id": row["id"]}
            | {
                f"c{i}": condition_oracle.holds(
                    one.op.value, row[field.name], one.value, folds_case=field.folds_case
                )
                for i, (field, one) in enumerate(compares)
            }
            for row in datasets.rows("subjects")["subjects"]
        ]

    name = f"conditions on {kind.value}" + (": lists with fractions" if is_mixed else "")
    return Question(name, "subjects", ask_all, expected)


def _many_visitors() -> Question:
    """Half a million distinct visitors, counted as every page counts them: rows of a grouped table."""

    def ask_all(tables: Tables, ask: Ask) -> list[Row]:
        return ask(
            m.visitors(tables["visits"]).aggregate(visitors=ibis._.count(), visits=ibis._.visits.sum())
        ).to_pylist()

    return Question(
        "half a million visitors",
        "many visitors",
        ask_all,
        lambda: [{"visitors": datasets.MANY, "visits": datasets.MANY + datasets.MANY // 10}],
    )


def all_questions() -> Sequence[Question]:
    return (
        *_traffic(),
        _order_facts(),
        _refunds(),
        *(_conditions(kind) for kind in Kind),
        _conditions(Kind.NUMBER, is_mixed=True),
        *cohort_corpus.all_questions(),
        *funnel_corpus.all_questions(),
        *item_corpus.all_questions(),
        *audience_corpus.all_questions(),
        *segment_corpus.all_questions(),
        _many_visitors(),
    )


__all__ = ["PERIOD", "SHOP", "Question", "all_questions"]
