"""A real year of a shop by command, loaded once: it counts as published, in little memory, a second load adds nothing, its
cohorts are those that are known of it, and it comes back from a backup elsewhere."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import environment
from tests.memory import run_counted

pytestmark = [pytest.mark.data, pytest.mark.timeout(300)]

FILE = Path(os.environ.get("SHUKE_DATA", ".")) / "uci_online_retail" / "online_retail.csv.gz"
PERIOD = ("--from", "2010-12-01", "--to", "2011-12-09")
LOAD = ("import", FILE, "--shop", "uci", "--mapping", "uci_online_retail", "--no-report")
CASE = yaml.safe_load((Path(__file__).parent / "cohorts_uci.yaml").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Done:
    """What a command said, and the memory of that command alone."""

    stdout: str
    peak_mb: float


Run = Callable[..., Done]


def run_in(home: Path) -> Run:
    """Commands of an installation."""

    def run(*words: object) -> Done:
        command = [sys.executable, "-m", "shuke", *map(str, words)]
        done, peak_mb = run_counted(command, folder=home.parent, env=environment(home))
        assert done.returncode == 0, f"{words}: {done.stdout}\n{done.stderr}"
        return Done(done.stdout, peak_mb)

    return run


@pytest.fixture(scope="module")
def a_year(tmp_path_factory) -> tuple[Run, Done]:
    """Commands of an installation with the year loaded, and what came of the load."""
    run = run_in(tmp_path_factory.mktemp("year") / "home")
    run("setup")
    run("shop", "create", "uci", "--name", "UCI", "--currency", "GBP", "--zone", "Europe/London")
    return run, run(*LOAD)


def report(run: Run) -> dict[str, Any]:
    found = json.loads(run("report", "overview", "--shop", "uci", *PERIOD, "--json").stdout)
    return {f"{r['now']['metric']}.v{r['now']['version']}": r["now"]["value"] for r in found["rows"]}


@pytest.mark.row("T1")
@pytest.mark.row("E4")
def test_import_command__a_year_of_orders__counts_as_published_and_survives_a_backup(
    a_year, tmp_path
) -> None:
    shuke, loaded = a_year
    assert "541,909" in loaded.stdout
    assert loaded.peak_mb < 1_000

    before = report(shuke)
    assert before["orders.v1"] == 22_061
    assert before["cancelled_orders.v1"] == 3_836
    assert before["amount_paid.v1"] == 1_066_668_454
    assert before["amount_net.v1"] == 974_774_793

    again = shuke(*LOAD).stdout
    assert "new 0, changed 0, known before 541,909, in quarantine 0" in again
    assert report(shuke) == before

    shuke("backup", tmp_path / "all.tar")
    there = run_in(tmp_path / "elsewhere")
    there("restore", tmp_path / "all.tar")
    assert report(there) == before


@pytest.mark.row("T7")
def test_cohorts_command__a_year_of_orders__the_known_table_with_december_unfinished(a_year) -> None:
    shuke, _loaded = a_year

    def ask(*words: str) -> Any:
        return json.loads(shuke("report", "cohorts", "--shop", "uci", *words, "--json").stdout)

    found = ask("--starting", CASE["starting"], "--by", CASE["grain"])
    rows = {date.fromisoformat(row["start"]): row for row in found["cohorts"]}
    for first, people in CASE["rows"].items():
        row = rows[first]
        assert row["people"] == people[0]
        assert [cell["people"] for cell in row["cells"]] == people
        assert [cell["is_unfinished"] for cell in row["cells"]] == [False] * (len(people) - 1) + [True]
    assert len(rows) == 13
    assert sum(row["people"] for row in rows.values()) == CASE["customers"]
    # Only what reaches into the month in which the file ends is unfinished, the cohort of that month itself included.
    assert [row["is_unfinished"] for row in rows.values()] == [False] * 12 + [True]
    assert date.fromisoformat(found["complete_until"]) == CASE["last_day"] + timedelta(days=1)
    assert found["unnamed"] > 0

    by_week = ask(
        "--starting", CASE["starting"], "--by", "week", "--from", "2010-12-01", "--to", "2011-12-09"
    )
    assert sum(row["people"] for row in by_week["cohorts"]) == CASE["customers"]
    assert len(by_week["cohorts"]) == 54
    assert by_week["cohorts"][-1]["is_unfinished"]  # the file ends on a Friday

    # People who buy for the first time are fewer than those of whom the file tells anything.
    bought = ask("--starting", "order", "--returning", "movement")
    assert sum(row["people"] for row in bought["cohorts"]) < CASE["customers"]
    table = shuke("report", "cohorts", "--shop", "uci", "--starting", CASE["starting"]).stdout
    assert "948" in table
