"""The corpus on DuckDB, on a real Spark cluster and in ClickHouse's dialect on chDB, against plain Python."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pytest
import yaml

from shuke.traffic.tests.corpus.test_corpus import comparable
from shuke.warehouse import portability
from shuke.warehouse.engine import named
from tests.corpus import engines, questions, tempting

pytestmark = [pytest.mark.row("E4"), pytest.mark.engines]

ENGINES = ("duckdb", "spark", "clickhouse")
QUESTIONS = {one.name: one for one in questions.all_questions()}
TEMPTING = {
    f"tempting: {one.guard}": questions.Question(
        f"tempting: {one.guard}",
        one.dataset,
        lambda tables, ask, one=one: ask(one.build(dict(tables))).to_pylist(),
        one.expected,
    )
    for one in tempting.TEMPTING
}
MARKS = {
    (one["question"], one["engine"]): one
    for one in yaml.safe_load((Path(__file__).parent / "marks.yaml").read_text(encoding="utf-8"))
}


@cache
def expected_of(name: str) -> list[str]:
    return comparable((QUESTIONS | TEMPTING)[name].expected())


@pytest.fixture(scope="session")
def asked(tmp_path_factory, spark_cluster) -> Iterator[dict[str, engines.Asked]]:
    """The engines, each with every data set."""
    with ExitStack() as stack:
        found: dict[str, engines.Asked] = {}
        for name in ENGINES:
            folder = tmp_path_factory.mktemp(name)
            if name == "clickhouse":
                found[name] = stack.enter_context(engines.clickhouse.ClickHouse(folder))
            else:
                found[name] = engines.OfInstallation(named(name), folder)
            for dataset in sorted({one.dataset for one in QUESTIONS.values()}):
                found[name].offer(engines.named_tables(dataset))
        yield found


def differs(name: str, engine: engines.Asked, without: tuple[str, ...] = ()) -> Any:
    """None when the engine says what the oracle says, else the error or the first rows that differ.

    `without`: guards that are left out, of the check that every expression passes before it is asked.
    """
    question = (QUESTIONS | TEMPTING)[name]

    def guarded(expression: ibis.Table) -> pa.Table:
        portability.check(expression, without=without)
        return engine.ask(expression)

    try:
        rows = question.ask_all(engines.unbound(question.dataset), guarded)
    except Exception as error:
        return error
    found, expected = comparable(rows), expected_of(name)
    if found == expected:
        return None
    return sorted(set(found) - set(expected))[:2], sorted(set(expected) - set(found))[:2]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", QUESTIONS)
def test_question__on_each_engine__equals_plain_python(name, engine, asked):
    difference = differs(name, asked[engine])
    mark = MARKS.get((name, engine))
    if mark is None:
        assert difference is None
    else:
        assert difference is not None, f"it agrees again: take the mark away ({mark['mark']}: {mark['why']})"


@pytest.mark.parametrize("guard", portability.GUARDS)
def test_guard__there_and_gone__without_it_the_corpus_fails(guard, asked):
    """With its guard a tempting question is refused everywhere; without it, some engine says something else."""
    name = f"tempting: {guard}"
    for engine in asked.values():
        refused = differs(name, engine)
        assert isinstance(refused, portability.NotPortable)
        assert guard in str(refused)
    apart = {kind: found for kind, engine in asked.items() if (found := differs(name, engine, (guard,)))}
    print(f"without the guard '{guard}': {apart}")
    assert apart
    assert not any(isinstance(found, portability.NotPortable) for found in apart.values())


def test_marks__each__names_a_question_an_engine_and_whose_matter_it_is():
    for (question, engine), mark in MARKS.items():
        assert question in QUESTIONS
        assert engine in ENGINES
        assert mark["mark"] in ("ours", "theirs", "never")
        assert mark["why"]
