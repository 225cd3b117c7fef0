"""The corpus on DuckDB, on a real Spark cluster and in ClickHouse's dialect on chDB, against plain Python."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pytest
import yaml

from shuke.kernel import clock
from shuke.traffic.tests.corpus.test_corpus import comparable
from shuke.warehouse import actions, portability
from shuke.warehouse.engine import DuckDBEngine, named
from tests.corpus import demo_shop, engines, installation, questions, tempting

# A cluster beside everything else of a test run: generous, so that a busy machine is no failure.
pytestmark = [pytest.mark.row("E4"), pytest.mark.engines, pytest.mark.timeout(900)]

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
        found = comparable(question.ask_all(engines.unbound(question.dataset), guarded))
    except Exception as error:
        return error
    expected = expected_of(name)
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


# ---- an installation whose engine is Spark ---------------------------------------------------------------------------


@pytest.fixture
def counted(monkeypatch) -> dict[str, int]:
    """How many answers each engine gave; whatever it is asked passes the guards first."""
    from shuke.warehouse.engines.spark import SparkEngine

    counts = {"duckdb": 0, "spark": 0}
    for kind in (DuckDBEngine, SparkEngine):

        def answer(self, sql, _own=kind.answer):
            counts[self.name] += 1
            return _own(self, sql)

        def sql_of(self, expression, _own=kind.sql_of):
            portability.check(expression)
            return _own(self, expression)

        monkeypatch.setattr(kind, "answer", answer)
        monkeypatch.setattr(kind, "sql_of", sql_of)
    return counts


@pytest.mark.soak  # minutes of Spark; each question by itself is asked of it in every run
@pytest.mark.django_db(transaction=True)
def test_demo_shop__engine_switched_to_spark__every_page_says_the_same(
    shop, member_of, warehouse_home, settings, client, spark_cluster, counted
):
    with clock.frozen(demo_shop.NOW):
        truth = demo_shop.live(shop).truth
        client.force_login(member_of(shop, "owner"))
        by_duckdb = installation.read(client, shop)
        assert counted["spark"] == 0
        settings.WAREHOUSE_ENGINE = "spark"
        before = counted["duckdb"]
        by_spark = installation.read(client, shop)
    assert counted["spark"] > len(installation.PAGES)
    assert counted["duckdb"] == before
    for name, text in by_duckdb.items():
        assert by_spark[name] == text, name
    told = json.loads(by_spark["overview by API"])["rows"]
    values = {row["now"]["metric"]: row["now"]["value"] for row in reversed(told)}
    views = sum(day.pv for day in truth.days.values())
    assert values["pv"] == views > 0
    assert f"{views:,}" in by_spark["overview"]


@pytest.mark.django_db(transaction=True)
def test_derived_days__filled_by_spark__equal_the_kernels_row_by_row(shop, warehouse_home, spark_cluster):
    with clock.frozen(demo_shop.NOW):
        demo_shop.live(shop)
        actions.seal(shop)
        by_kernel = installation.derived_rows(shop)
        versions = installation.derived_versions(shop)
        done = []
        # One of them had late facts, the other has sales.
        days = [demo_shop.FIRST + timedelta(days=1), demo_shop.FIRST + timedelta(days=2)]
        assert actions.refill(shop, days, by="spark", progress=lambda *at: done.append(at)) == 2
        assert done[-1] == (2, 2)
    assert installation.derived_rows(shop) == by_kernel
    # The shop sells by events alone: there are no sales of files.
    assert [kind for kind, rows in by_kernel.items() if not rows] == ["item_lines"]
    after = installation.derived_versions(shop)
    assert all(after[kind] > versions[kind] for kind, rows in by_kernel.items() if rows)


def test_marks__each__names_a_question_an_engine_and_whose_matter_it_is():
    for (question, engine), mark in MARKS.items():
        assert question in QUESTIONS
        assert engine in ENGINES
        assert mark["mark"] in ("ours", "theirs", "never")
        assert mark["why"]
