"""The questions of funnels: ways by running maxima, counts by day, the median by numbering, a property by its pattern."""

from __future__ import annotations

from shuke.traffic.funnels.tests import asked
from tests.corpus.asked import Question
from tests.corpus.datasets import rows


def all_questions() -> tuple[Question, ...]:
    return tuple(
        Question(
            name,
            "funnels",
            lambda tables, ask, build=build: ask(build(dict(tables))).to_pylist(),
            lambda expected=expected: expected(rows("funnels")["events"]),
        )
        for name, (build, expected) in asked.QUESTIONS.items()
    )
