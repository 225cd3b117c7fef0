"""Every expression compiles for the three engines and keeps to what they do alike and exactly (portability rules)."""

from __future__ import annotations

import re

import ibis
import ibis.expr.operations as ops
import pytest

from shuke.traffic.tests.corpus.questions import QUESTIONS
from shuke.warehouse import schemas

DIALECTS = ("duckdb", "pyspark", "clickhouse")
OPERATIONS = (
    ops.First,
    ops.Last,
    ops.ArrayCollect,
    ops.CountDistinct,
    ops.CountDistinctStar,
    ops.ApproxCountDistinct,
    ops.Arbitrary,
    ops.Quantile,
    ops.Median,
)
# What an engine answers approximately, orders by chance, or does not know.
FORBIDDEN = {
    "distinct count (approximate on ClickHouse)": r"count\s*\(\s*distinct|\buniq|nunique",
    "approximate": r"approx",
    "quantile": r"quantile|percentile|median",
    "arbitrary or ordered first": r"\b(any_value|anyLast|any|last|first_value|last_value|array_agg|collect_list)\s*\(",
    "range window over time": r"range\s+between",
    "as-of join": r"\basof\b",
    "time zone": r"time_?zone|from_utc|to_utc|toTimeZone",
    "division by what may be zero": r"/(?![\s(]*\d)|intDiv",
}


def _tables() -> dict[str, ibis.Table]:
    return {
        kind: ibis.table(ibis.Schema.from_pyarrow(schema), name=kind) for kind, schema in schemas.ALL.items()
    }


@pytest.mark.row("T2")
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: q.name)
def test_question__compiled__only_what_engines_do_alike(question, dialect):
    sql = ibis.to_sql(question.build(_tables()), dialect=dialect)
    without_texts = re.sub(r"'[^']*'|\"[^\"]*\"|`[^`]*`", "''", str(sql))
    found = {why: re.findall(p, without_texts, re.I) for why, p in FORBIDDEN.items()}
    assert not {why: hits for why, hits in found.items() if hits}


@pytest.mark.row("T2")
@pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: q.name)
def test_question__as_expression__no_operation_that_engines_do_apart(question):
    """On the expression itself, since DuckDB's dialect writes an exact argmin as an ordered FIRST."""
    assert not question.build(_tables()).op().find(OPERATIONS)
