"""The same load through HTTP and through the process gives byte-equal answers to every question, open or sealed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT, environment, free_port

pytestmark = [pytest.mark.row("T1"), pytest.mark.timeout(400)]

FIRST, DAYS = "2026-03-02", 4
LIFE = (
    "--days", DAYS, "--customers", 3500, "--seed", 11, "--until", "2026-03-05T22:00",
    "--incident", "traffic,channel=email,change=-60,from=2026-03-04,days=1",
    "--incident", "outage,from=2026-03-03T20:00,hours=3",
)  # fmt: skip


def run(home: Path, *words: object) -> str:
    """One command of the installation in `home`."""
    done = subprocess.run(
        [sys.executable, "-m", *map(str, words)], env=environment(home) | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
        cwd=home.parent, capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, f"{words}: {done.stdout}\n{done.stderr}"
    return done.stdout


def make_shop(home: Path) -> str:
    """A shop in a fresh installation; returns its write key."""
    run(home, "shuke", "setup")
    run(
        home,
        "shuke",
        "shop",
        "create",
        "linen",
        "--name",
        "linen",
        "--currency",
        "CNY",
        "--zone",
        "Asia/Shanghai",
    )
    return run(home, "shuke", "key", "write", "--shop", "linen").split()[0]


def answers(home: Path) -> str:
    settings = environment(home) | {
        "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}",
        "DJANGO_SETTINGS_MODULE": "shuke.project.settings",
        "SHUKE_LOG": "ERROR",
    }
    words = [sys.executable, "-m", "tests.told_twice", "linen", FIRST, str(DAYS)]
    done = subprocess.run(words, env=settings, cwd=home.parent, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    return done.stdout


def views(home: Path) -> int:
    words = ("report", "overview", "--shop", "linen", "--from", FIRST, "--to", "2026-03-05", "--json")
    rows = json.loads(run(home, "shuke", *words))["rows"]
    return next(row["now"]["value"] for row in rows if row["now"]["metric"] == "pv")


def wait_until(look: Callable[[], bool], seconds: float, what: str, pause: float = 0.5) -> None:
    deadline = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < deadline, what
        time.sleep(pause)


def is_alive(port: int) -> bool:
    try:
        return urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/health", timeout=2).status == 200
    except OSError:
        return False


def test_answers__of_a_load_by_http_and_in_the_process__are_equal_byte_by_byte(tmp_path: Path) -> None:
    by_http, inside = tmp_path / "http", tmp_path / "inside"
    key, port = make_shop(by_http), free_port()
    shutil.copytree(by_http, inside)
    server = subprocess.Popen(
        [sys.executable, "-m", "shuke", "serve", "--port", str(port), "--workers", "1"],
        env=environment(by_http), cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_until(lambda: is_alive(port), 90, "the server does not answer")
        door = ("--url", f"http://127.0.0.1:{port}", "--write-key", key)
        run(by_http, "shuke", "simulate", "history", *door, *LIFE, "--truth", tmp_path / "http.json")
        truth = json.loads((tmp_path / "http.json").read_text())
        wait_until(lambda: views(by_http) == truth["whole"]["pv"], 120, "facts are missing", 4.0)
    finally:
        server.terminate()
        server.wait(timeout=30)
    said = run(
        inside,
        "shuke",
        "simulate",
        "history",
        "--inside",
        "linen",
        *LIFE,
        "--truth",
        tmp_path / "inside.json",
    )
    assert "history:" in said
    assert json.loads((tmp_path / "inside.json").read_text()) == truth
    assert truth["repeats"] > 0
    assert truth["late"] > 0
    assert {one["incident"].split(",")[0] for one in truth["incidents"] if one["visitors_lost"]} == {
        "traffic",
        "outage",
    }
    # One is sealed and the other is not (but for what its own sealer did): that may not show either.
    run(inside, "shuke", "seal", "--shop", "linen")
    text = answers(inside)
    assert answers(by_http) == text
    told = json.loads(text)
    assert len(told) > 60
    assert told["orders"]["count"] > 5
    channels = {
        row["keys"]["channel"]: row["figures"][0]["value"] for row in told["sources by channel"]["rows"]
    }
    expected: dict[str, int] = {}
    for day in truth["days"].values():
        for name, visits in day["channels"].items():
            expected[name] = expected.get(name, 0) + visits
    assert channels == expected
