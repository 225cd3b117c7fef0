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


@pytest.mark.row("A5")
@pytest.mark.row("A6")
def test_value_command__a_year_of_orders__gross_and_netted_as_published(a_year) -> None:
    """Two versions of one metric: what came back is deducted in one, and so the two great orders that were cancelled minutes
    later (12346, 16446) make nobody a super user there."""
    shuke, _loaded = a_year
    told = json.loads(shuke("report", "value", "--shop", "uci", "--at", "2011-12-10T12:50", "--json").stdout)
    netted, gross = told["versions"]
    assert (told["half_year_start"], told["half_year_end"]) == ("2011-06-10", "2011-12-10")
    assert (gross["version"], gross["metric"]) == ("gross", "customer_money.v1")
    assert (gross["customers"], gross["orders"], gross["one_time"]) == (4_338, 18_532, 1_493)
    assert round(gross["recency_days"], 2) == 92.54
    assert round(gross["recency_exact"], 2) == 93.05
    assert round(gross["frequency"], 3) == 4.272
    assert round(gross["money_minor"]) == 205_427
    assert (gross["half_year_buyers"], gross["regulars"]) == (3_486, 1_953)
    assert gross["super_users"]["customers"] == 1_133
    assert round(gross["super_users"]["share_of_customers"], 3) == 0.261
    assert round(gross["best"]["share_of_income"], 3) == 0.746
    assert gross["amount_minor"] == 891_140_790

    assert (netted["version"], netted["metric"]) == ("netted", "customer_money.v2")
    assert (netted["customers"], netted["amount_minor"]) == (4_372, 830_006_581)
    assert (netted["negative"], netted["zero"]) == (41, 14)
    for one in (gross, netted):
        for bands in ("amount_bands", "frequency_bands"):
            assert sum(band["customers"] for band in one[bands]) == one["customers"]
    reasons = {one["reason"] for one in netted["left_out"]}
    assert reasons == {"no_person", "no_price", "without_sale", "zero_lines"}
