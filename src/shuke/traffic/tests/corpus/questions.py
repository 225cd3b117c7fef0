"""The corpus: every question that traffic asks of the warehouse, with the tables that it reads and its oracle.

An engine is held to it by three things per question: `build` (the expression over unbound tables), `cases` (facts), and
`expected` (what plain Python says). Whoever runs it elsewhere loads the facts and compares; see test_corpus.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ibis

from shuke.traffic import sessions
from shuke.traffic.tests import oracle
from shuke.traffic.tests.facts import RULES

Row = dict[str, Any]
Facts = Mapping[str, Sequence[Row]]


@dataclass(frozen=True)
class Question:
    """`kinds` are the tables that it reads; `build` gives the expression, `expected` the rows (in any order)."""

    name: str
    kinds: tuple[str, ...]
    build: Callable[[Mapping[str, ibis.Table]], ibis.Table]
    expected: Callable[[Facts], list[Row]]


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
)
