"""The bench of questions at a thousandth of its size: equal answers on all engines; and the rules by which it judges."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from bench.questions import data, report
from bench.questions.asked import BY_NAME, QUESTIONS, statements
from bench.questions.run import (
    PEERS,
    Differs,
    Results,
    Timing,
    _ask_postgres,
    _told,
    allowed_ratio,
    compare,
    place,
    spawned,
)

EVENTS = 50_000


@pytest.fixture(scope="module")
def placed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Results, Path, str]:
    """Events placed in the product and its peers."""
    folder, results = tmp_path_factory.mktemp("bench"), Results(EVENTS, 1)
    shop = place(results, folder, print, has_postgres=True)
    results.timings = {question.name: {} for question in QUESTIONS}
    return results, folder, shop


def test_questions__to_every_engine__are_answered_alike(placed) -> None:
    _results, folder, shop = placed
    answers: dict[str, dict[str, dict]] = {}
    for engine in (*PEERS, "product"):
        task = {"engine": engine, "folder": str(folder), "shop": shop, "runs": 1, "questions": list(BY_NAME)}
        for name, told in spawned("one", task, folder).items():
            timing, answers.setdefault(name, {})[engine] = _told(engine, name, told)
            assert timing.seconds > 0
    assert set(answers) == set(BY_NAME)
    for name, found in answers.items():
        assert set(found) == {*PEERS, "product"}
        assert all(rows for rows in found["product"].values()), name
        compare(name, found)


def test_questions__to_postgresql__are_answered_as_by_duckdb(placed) -> None:
    results, folder, _shop = placed
    _ask_postgres(results, folder, 1, print)
    assert all(engines["postgres"].seconds > 0 for engines in results.timings.values())


def test_compare__of_answers_that_differ__ends_the_run() -> None:
    compare("sources", {"duckdb": {"rows": [[1]]}, "product": {"rows": [[1]]}})
    with pytest.raises(Differs, match="product does not answer as duckdb"):
        compare("sources", {"duckdb": {"rows": [[1]]}, "product": {"rows": [[2]]}})


def test_events__as_drawn__obey_the_rule_of_visits() -> None:
    size = data.Size(EVENTS)
    total = 0
    for number in range(0, data.DAYS, 9):
        drawn = data.draw_day(size, number)
        total += len(drawn)
        assert drawn.second.max() < 86_400
        ends: dict[int, int] = {}
        for visitor, nth, second in zip(
            drawn.visitor.tolist(), drawn.nth.tolist(), drawn.second.tolist(), strict=True
        ):
            idle = second - ends.get(visitor, -1_800)
            assert (idle >= 1_800) if nth == 0 else (0 < idle < 1_800)
            ends[visitor] = second
        again = data.draw_day(size, number)
        assert (again.page == drawn.page).all()
    assert total == pytest.approx(4 * EVENTS / data.DAYS, rel=0.05)
    assert set(Counter(drawn.kind.tolist())) == {0, 1, 2, 3}


def results(**seconds: float) -> Results:
    """Timings of every question: scan 1 s, engines as given."""
    found = Results(EVENTS, 1)
    engines = {"scan": 1.0, "product": 0.5, "duckdb": 2.0, "chdb": 2.0} | seconds
    found.timings = {q.name: {e: Timing(s, 400) for e, s in engines.items()} for q in QUESTIONS}
    found.placed = {
        "product": {"seconds": 10, "peak_mb": 900, "mb": 5, "append": 1},
        "raw": {"mb": 3},
        "chdb": {"mb": 4, "seconds": 2},
    }
    return found


def test_peer__slower_to_the_scan_than_known__does_not_count() -> None:
    question = BY_NAME["retention"]
    allowed = allowed_ratio(question, "duckdb")
    assert allowed == pytest.approx(1.25 * 585 / 276)
    assert results(duckdb=allowed - 0.01).counts(question, "duckdb") is True
    slow = results(duckdb=allowed + 0.01)
    assert slow.counts(question, "duckdb") is False
    assert slow.counts(BY_NAME["evidence"], "duckdb") is None
    assert any(
        line.startswith("Weekly retention (cohorts), DuckDB: 2.7") for line in report.not_counting(slow)
    )
    assert "†" in report.table(slow)


def test_verdicts__against_a_peer_that_does_not_count__claim_nothing() -> None:
    good = report.verdicts(results(product=0.5, duckdb=5.0, chdb=1.6))
    assert [(words, verdict) for words, verdict in good if not verdict and "(asked: 20)" not in words] == []
    derived = report.verdicts(results(product=0.05, duckdb=1.6, chdb=1.6))
    assert [verdict for words, verdict in derived if "(asked: 20)" in words] == [True] * 4
    slow = dict(report.verdicts(results(duckdb=50.0)))
    of_duckdb = {words: verdict for words, verdict in slow.items() if "DuckDB" in words}
    assert len(of_duckdb) == 5
    assert set(of_duckdb.values()) == {None}
    missed = report.section(results(product=3.0), load=0.1)
    assert missed.count("**not met**") == 12


def test_page__written_twice__holds_the_newer_table_once(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text("# Performance\n")
    for product in (0.5, 0.25):
        body = report.section(results(product=product), load=0.1)
        report.write(page, [("50000x1", body), ("50000x20", "another")])
    text = page.read_text()
    assert text.count("### 50,000 events") == 1
    assert "| 250 (0.2) |" in text
    assert "| 500 (0.5) |" not in text
    assert text.count("another") == 1
    assert text.startswith("# Performance\n")


@pytest.mark.parametrize("engine", [*PEERS, "postgres"])
def test_statements__of_every_engine__have_all_their_words(engine: str) -> None:
    for question in QUESTIONS:
        for sql in statements(question, engine, "t").values():
            assert "{" not in sql
            assert "FROM raw" not in sql
