"""The corpus on the engine of this process: every question over every case that has its facts, against plain Python."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from shuke.traffic.reads.asking import folded
from shuke.traffic.tests.corpus.cases import all_cases
from shuke.traffic.tests.corpus.questions import QUESTIONS
from shuke.traffic.tests.facts import Translated

CASES = all_cases()


def comparable(rows: list[dict[str, Any]]) -> list[str]:
    """Rows in a form that does not depend on their order or on how an engine writes a number."""
    return sorted(repr(sorted((k, _plain(v)) for k, v in row.items())) for row in rows)


def _plain(value: Any) -> Any:
    is_number = hasattr(value, "as_integer_ratio") and not isinstance(value, bool)
    return Fraction(value) if is_number else value


def answer(question, rows: list[dict[str, Any]], expected: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sums come as one row per entity and group; folded they are one row per group, like the oracle's."""
    if "_sums" not in question.name:
        return rows
    names = question.name.removesuffix("_of_paid").split("_by_")[1:]
    groups = folded([rows], names)
    if not names:
        groups.setdefault((), {})
    measures = [name for name in (expected[0] if expected else {}) if name not in names]
    return [
        dict(zip(names, group, strict=True)) | {m: got.get(m, 0) for m in measures}
        for group, got in groups.items()
    ]


@pytest.mark.row("T2")
@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_corpus__every_case__equals_plain_python(question):
    asked = Translated(question.build, question.kinds)
    for name, facts in CASES.items():
        expected = question.expected(facts)
        found = answer(question, asked(facts), expected)
        assert comparable(found) == comparable(expected), name
