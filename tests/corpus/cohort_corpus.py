"""The questions of cohorts: who began together, who came back, by digits of a grouped sum and by joins."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import ibis

from shuke.traffic.reads import cohort_questions as asking
from shuke.traffic.tests import cohorts_oracle as oracle
from tests.corpus import datasets
from tests.corpus.asked import Question

Row = dict[str, Any]
FIRST = date(2025, 11, 3)  # a Monday
WEEKS = [FIRST + timedelta(weeks=i) for i in range(24)]  # more than one integer holds
MONTHS = [date(2025, 11, 1), date(2025, 12, 1), *(date(2026, month, 1) for month in range(1, 8))]


def drawn() -> dict[str, list[Row]]:
    """Acts of thirty people over five months: the pairs of `starting` are distinct, those of `returning` are not."""
    rng = random.Random(23)

    def act() -> tuple[int, date]:
        return rng.randrange(30) * 10**15, FIRST + timedelta(days=rng.randrange(150))

    starting, returning = sorted({act() for _ in range(260)}), [act() for _ in range(200)]
    return {
        name: [{"subject_id": who, "local_day": day} for who, day in acts]
        for name, acts in (("starting", starting), ("returning", returning))
    }


def _acts(name: str) -> list[oracle.Act]:
    return [(row["subject_id"], row["local_day"]) for row in datasets.rows("acts")[name]]


def _question(
    name: str, build: Callable[[dict[str, ibis.Table]], ibis.Table], expected: Callable[[], list[Row]]
) -> Question:
    return Question(name, "acts", lambda tables, ask: ask(build(dict(tables))).to_pylist(), expected)


def _people() -> list[Row]:
    """Who began in the first month and acted again in the third, with how often and when last."""
    firsts = oracle.first_days(_acts("starting"))
    found = []
    for who, day in firsts.items():
        back = [d for w, d in _acts("returning") if w == who and MONTHS[2] <= d < MONTHS[3] and d >= day]
        if MONTHS[0] <= day < MONTHS[1] and back:
            found.append({"subject_id": who, "first_day": day, "times": len(back), "last_day": max(back)})
    return found


def all_questions() -> tuple[Question, ...]:
    """By week and by month, of the same behaviour and of another, and the people behind a number."""
    return (
        _question(
            "cohorts by week",
            lambda tables: asking.returns_of_the_same(tables["starting"], WEEKS, WEEKS[-1], "week"),
            lambda: oracle.same_rows(_acts("starting"), WEEKS, WEEKS[-1]),
        ),
        _question(
            "cohorts by month",
            lambda tables: asking.returns_of_the_same(tables["starting"], MONTHS, MONTHS[-1], "month"),
            lambda: oracle.same_rows(_acts("starting"), MONTHS, MONTHS[-1]),
        ),
        _question(
            "cohorts of another return",
            lambda tables: asking.returns_of_others(
                tables["starting"], tables["returning"], MONTHS, MONTHS[-1]
            ),
            lambda: oracle.other_rows(_acts("starting"), _acts("returning"), MONTHS, MONTHS[-1]),
        ),
        _question(
            "people of a cohort",
            lambda tables: asking.people(
                tables["starting"], tables["returning"], (MONTHS[0], MONTHS[1]), (MONTHS[2], MONTHS[3])
            ),
            _people,
        ),
    )
