"""The whole thread: `shuke demo` brings up a shop that lives, and its pages, API and commands tell the truth."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psutil
import pytest

from tests.conftest import environment, free_port

pytestmark = [pytest.mark.row("T2"), pytest.mark.row("T3"), pytest.mark.timeout(400)]

DAYS, VISITORS = 5, 150
SAME = {  # metric -> count of the truth, for one day
    "pv": "pv",
    "uv_day": "uv",
    "uv_period": "uv",
    "visits": "visits",
    "carts": "carts",
    "buyers": "buyers",
    "orders": "orders",
    "units": "units",
    "amount_paid": "paid_minor",
    "amount_net": "net_minor",
    "amount_refunded": "returned_minor",
}


@dataclass
class Demo:
    """A running demo and how to ask it."""

    process: subprocess.Popen[str]
    home: Path
    url: str
    said: str
    truth: dict[str, Any]
    shuke: Callable[..., subprocess.CompletedProcess[str]]
    secret: str = ""

    @property
    def past_days(self) -> list[str]:
        """Days that are over: today goes on while we look."""
        return [day for day in sorted(self.truth["days"]) if day < self.truth["until"][:10]][-(DAYS - 1) :]

    def overview(self, first: str, last: str) -> dict[str, Any]:
        """Metric id (default version) -> value, by the command."""
        words = ("report", "overview", "--shop", "linen-life", "--from", first, "--to", last, "--json")
        rows = json.loads(self.shuke(*words).stdout)["rows"]
        return {r["now"]["metric"]: r["now"]["value"] for r in reversed(rows)}

    def sources(self, first: str, last: str) -> dict[str, Any]:
        words = ("report", "sources", "--shop", "linen-life", "--from", first, "--to", last, "--json")
        found = json.loads(self.shuke(*words).stdout)
        return {
            row["keys"]["channel"]: figure["value"]
            for row in found["rows"]
            for figure in row["figures"]
            if figure["metric"] == "visits"
        }

    def api(self, path: str, **query: str) -> Any:
        """What the API answers to a key of an analyst."""
        if not self.secret:
            words = ("key", "api", "--shop", "linen-life", "--role", "analyst")
            self.secret = self.shuke(*words).stdout.strip()
        request = urllib.request.Request(
            f"{self.url}/api/v1/shops/linen-life/{path}?{urlencode(query)}",
            headers={"Authorization": f"Bearer {self.secret}", "Accept-Language": "en"},
        )
        return json.loads(urllib.request.urlopen(request).read())


def wait_until(look: Callable[[], Any], seconds: float, what: str) -> Any:
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, what
        time.sleep(0.5)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A small demo with its history sent."""
    home = tmp_path_factory.mktemp("demo") / "home"
    log = home.parent / "said"
    words = ("--home", home, "--port", free_port(), "--days", DAYS, "--visitors", VISITORS)
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", "shuke", "demo", *map(str, words)],
            env=environment(home) | {"PYTHONUNBUFFERED": "1"},
            cwd=home.parent,
            stdout=out,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(*words: object) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "shuke", *map(str, words)],
            env=environment(home),
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done

    def told() -> str:
        assert process.poll() is None, log.read_text()
        return log.read_text()

    try:
        wait_until(lambda: "password" in told(), 150, "no sign-in was printed")
        wait_until(lambda: (home / "truth.json").exists() and "history:" in told(), 120, "no history came")
        url = re.search(r"http://127\.0\.0\.1:\d+", told()).group()
        yield Demo(process, home, url, told(), json.loads((home / "truth.json").read_text()), run)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=30)


def test_overview_command__of_each_past_day__tells_the_truth(demo: Demo) -> None:
    days = demo.past_days
    assert len(days) == DAYS - 1
    whole = sum(demo.truth["days"][day]["pv"] for day in days)
    wait_until(lambda: demo.overview(days[0], days[-1])["pv"] == whole, 60, "facts are missing")
    for day in days:
        truth, told = demo.truth["days"][day], demo.overview(day, day)
        assert {metric: told[metric] for metric in SAME} == {
            metric: truth[name] for metric, name in SAME.items()
        }
        assert told["bounce_visitor"] == pytest.approx(truth["bounced_visitors"] / truth["uv"], abs=1e-6)
        assert told["bounce_entrance"] == pytest.approx(truth["bounced_visits"] / truth["visits"], abs=1e-6)


def test_sources_command__over_all_past_days__tells_the_truth(demo: Demo) -> None:
    days = demo.past_days
    expected: dict[str, int] = {}
    for day in days:
        for channel, visits in demo.truth["days"][day]["channels"].items():
            expected[channel] = expected.get(channel, 0) + visits
    assert demo.sources(days[0], days[-1]) == expected


def test_api__of_a_past_day__says_what_the_commands_say(demo: Demo) -> None:
    day = demo.past_days[-1]
    end = (date.fromisoformat(day) + timedelta(days=1)).isoformat()
    words = ("--shop", "linen-life", "--from", day, "--to", day, "--json")
    by_command = json.loads(demo.shuke("report", "overview", *words).stdout)
    assert demo.api("traffic/overview", start=day, end=end, against="before") == by_command
    by_command = json.loads(demo.shuke("report", "sources", *words).stdout)
    assert demo.api("traffic/sources", start=day, end=end) == by_command


def test_evidence__behind_each_number__is_as_many_as_the_number(demo: Demo) -> None:
    day = demo.past_days[-1]
    end = (date.fromisoformat(day) + timedelta(days=1)).isoformat()
    truth = demo.truth["days"][day]
    for metric, name in {
        "visits": "visits",
        "uv_period": "uv",
        "orders": "orders",
        "buyers": "buyers",
    }.items():
        found = demo.api("traffic/evidence", start=day, end=end, metric=metric)
        assert found["is_equal"]
        assert found["count"] == truth[name], metric


@pytest.mark.browser
@pytest.mark.row("T1")
def test_shop_of_the_demo__walked_through_in_a_browser__shows_the_visitor_on_the_pages(demo: Demo) -> None:
    from playwright.sync_api import sync_playwright

    address = re.search(r"http://127\.0\.0\.1:\d+/\?utm_source=myself", demo.said).group()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page()
        page.goto(address)
        page.click("#consent [data-consent=yes]")
        page.click("nav a[href='/list/dresses']")
        page.wait_for_url("**/list/dresses")
        began = time.monotonic()
        today = {"start": str(date.today() - timedelta(days=1)), "end": str(date.today() + timedelta(days=2))}

        def seen() -> list[dict[str, Any]]:
            found = demo.api("traffic/evidence", **today, metric="visits", size="200")
            return [row for row in found["rows"] if row["source"] == "myself" and row["views"] == 2]

        [visit] = wait_until(seen, 30, "the visitor is not on the pages")
        print(f"seen after {time.monotonic() - began:.1f} s")
        assert visit["exit_path"] == "/list/dresses"
        browser.close()


def test_live_visits__after_the_history__keep_arriving(demo: Demo) -> None:
    state = demo.home / "simulation.json"
    first = json.loads(state.read_text()).get("sent_until", 0)
    assert first > 0
    today = date.fromisoformat(demo.truth["until"][:10])
    tomorrow = (today + timedelta(days=1)).isoformat()
    before = demo.overview(today.isoformat(), tomorrow)["pv"]
    assert before >= demo.truth["days"].get(today.isoformat(), {"pv": 0})["pv"]


def test_pages__signed_in_with_what_was_printed__are_alive(demo: Demo) -> None:
    password = re.search(r"password\s+密码\s+(\S+)", demo.said).group(1)
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    page = browser.open(f"{demo.url}/accounts/login/").read().decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page).group(1)
    form = {"login": "owner@example.com", "password": password, "csrfmiddlewaretoken": token}
    request = urllib.request.Request(
        f"{demo.url}/accounts/login/", urlencode(form).encode(), {"Referer": f"{demo.url}/accounts/login/"}
    )
    assert browser.open(request).status == 200
    answer = browser.open(f"{demo.url}/s/linen-life/overview/")
    assert answer.status == 200
    assert "亚麻生活" in answer.read().decode()


def test_health__of_the_running_demo__is_good(demo: Demo) -> None:
    assert json.loads(urllib.request.urlopen(f"{demo.url}/healthz").read()) == {
        "ok": True,
        "database": True,
        "journal": True,
    }


def test_demo__ended_by_ctrl_c__leaves_no_process(demo: Demo) -> None:
    """Last in this file: it ends the demo."""
    family = psutil.Process(demo.process.pid).children(recursive=True)
    assert len(family) >= 7
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(timeout=20) == 0
    _gone, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []
