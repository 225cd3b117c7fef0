"""Real orders by command: a whole year of a shop loads within the time and memory asked for, and comes back by backup."""

from __future__ import annotations

import json
import os
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import environment

pytestmark = [pytest.mark.data, pytest.mark.row("T1"), pytest.mark.row("E4"), pytest.mark.timeout(300)]

FILE = Path(os.environ.get("SHUKE_DATA", ".")) / "uci_online_retail" / "online_retail.csv.gz"
PERIOD = ("--from", "2010-12-01", "--to", "2011-12-09")


def report(run: Callable[..., Any]) -> dict[str, Any]:
    found = json.loads(run("report", "overview", "--shop", "uci", *PERIOD, "--json").stdout)
    return {f"{r['now']['metric']}.v{r['now']['version']}": r["now"]["value"] for r in found["rows"]}


def test_import_command__a_year_of_orders__counts_as_published_and_survives_a_backup(
    shuke, home, tmp_path
) -> None:
    shuke("setup")
    shuke("shop", "create", "uci", "--name", "UCI", "--currency", "GBP", "--zone", "Europe/London")
    began = time.monotonic()
    told = shuke("import", FILE, "--shop", "uci", "--mapping", "uci_online_retail").stdout
    seconds = time.monotonic() - began
    assert "541,909" in told
    assert seconds < 20
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 1024**2  # KB: one GB

    before = report(shuke)
    assert before["orders.v1"] == 22_061
    assert before["cancelled_orders.v1"] == 3_836
    assert before["amount_paid.v1"] == 1_066_668_454
    assert before["amount_net.v1"] == 974_774_793

    again = shuke("import", FILE, "--shop", "uci", "--mapping", "uci_online_retail", "--no-report").stdout
    assert "new 0, changed 0, known before 541,909, in quarantine 0" in again
    assert report(shuke) == before

    shuke("backup", tmp_path / "all.tar")
    elsewhere = environment(tmp_path / "elsewhere")

    def there(*words: object) -> Any:
        import subprocess
        import sys

        return subprocess.run(
            [sys.executable, "-m", "shuke", *map(str, words)],
            env=elsewhere,
            capture_output=True,
            text=True,
            check=True,
        )

    there("restore", tmp_path / "all.tar")
    assert report(there) == before
