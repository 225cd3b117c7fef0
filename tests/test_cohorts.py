"""Cohorts of a published file, loaded by the real import: the numbers that are known of it, by command and over the API."""

from __future__ import annotations

import json
import os
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = [pytest.mark.data, pytest.mark.row("T7"), pytest.mark.timeout(300)]

FILE = Path(os.environ.get("SHUKE_DATA", ".")) / "uci_online_retail" / "online_retail.csv.gz"
CASE = yaml.safe_load((Path(__file__).parent / "cohorts_uci.yaml").read_text(encoding="utf-8"))


def test_cohorts_command__a_year_of_orders__the_known_table_with_december_unfinished(shuke) -> None:
    shuke("setup")
    shuke("shop", "create", "uci", "--name", "UCI", "--currency", "GBP", "--zone", "Europe/London")
    shuke("import", FILE, "--shop", "uci", "--mapping", "uci_online_retail", "--no-report")

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
