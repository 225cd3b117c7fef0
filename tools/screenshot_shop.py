"""The installation that the screenshots are taken of, when none is named: a small demo, an empty shop and a full one.

The full one has too much of everything: rows in quarantine, a mend, imports that failed, keys and names too long, and a
member whose sign-in asks for a code.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import hmac
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from playwright.sync_api import Browser, Page

EMPTY, FULL = "just-opened", "too-much"
MANY = 30
ROWS = 600
SECOND = "second@example.com"
HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"


@dataclass(frozen=True)
class Place:
    """An installation that runs. `shops`: of the demo of our own also the empty and the full one."""

    url: str
    sign_in: str
    shops: tuple[tuple[str, tuple[str, ...]], ...]
    full: str = ""  # the shop whose links are followed; default: the first
    second: str = ""  # the sign-in of someone with a second factor


@contextlib.contextmanager
def own_demo(browser: Browser, pages: Sequence[str], lists: Sequence[str]) -> Iterator[Place]:
    """A demo with a fortnight of history, an empty shop and a full one; ended and removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="shuke-screenshots-") as folder:
        home = Path(folder) / "home"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        words = ["demo", "--days", "15", "--visitors", "200", "--port", str(port), "--home", str(home)]
        with (Path(folder) / "told").open("w+") as told:
            process = subprocess.Popen(
                [sys.executable, "-u", "-m", "shuke", *words], stdout=told, stderr=subprocess.STDOUT
            )
            try:
                text = _when(Path(told.name), process, r"password\s+\S*\s+(\S+)[\s\S]*messages of")
                place = Place(
                    f"http://127.0.0.1:{port}",
                    f"owner@example.com {text}",
                    (("linen-life", tuple(pages)), (EMPTY, tuple(lists)), (FULL, tuple(lists))),
                    full=FULL,
                )
                _fill(home, Path(folder), place, browser)
                yield replace(place, second=_second_factor(home, place, browser))
            finally:
                process.send_signal(signal.SIGINT)
                process.wait(timeout=60)


def _when(file: Path, process: subprocess.Popen[bytes], pattern: str, seconds: float = 300) -> str:
    """What the pattern's group is, as soon as the file says it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        found = re.search(pattern, file.read_text(encoding="utf-8", errors="replace"))
        if found:
            return found.group(1)
        time.sleep(0.3)
    raise SystemExit(
        f"the demo did not come up:\n{file.read_text(encoding='utf-8', errors='replace')[-2000:]}"
    )


def _fill(home: Path, folder: Path, place: Place, browser: Browser) -> None:
    """A shop without anything; a shop with many rows, rows in quarantine, imports that failed, keys and names too long."""
    long_name = "A shop whose name is so long that it has no place anywhere, not even on a wide screen"
    for slug, name in ((EMPTY, "刚开张"), (FULL, long_name)):
        _shuke(home, "shop", "create", slug, "--name", name)
        _shuke(home, "member", "add", "owner@example.com", "--shop", slug, "--role", "owner")
    good, bad = folder / ("orders of a year with a very long file name" * 3 + ".csv.gz"), folder / "empty.csv"
    with gzip.open(good, "wt", encoding="utf-8") as lines:
        lines.write(HEADER)
        for i in range(ROWS):
            lines.write(order_line(i, ("many", "6", "-1", "3", "2", "")[i % 6], 0 if i % 10 else 1))
    bad.write_text("")
    report = folder / "accountHealthReport.json"
    report.write_text(json.dumps(_report()))
    for file, mapping in (
        (bad, "uci_online_retail"),
        (report, "amazon_reports"),
        (good, "uci_online_retail"),
    ):
        _shuke(home, "import", file, "--shop", FULL, "--mapping", mapping, "--no-report", check=False)
    rule = "time_format column=InvoiceDate format=%d.%m.%Y"
    mend = ("quarantine", "mend", "--shop", FULL, "--reason", "row_not_a_time", "--rule", rule, "--keep")
    _shuke(home, *mend)
    context = browser.new_context()
    page = context.new_page()
    sign_in(page, place)
    for number in range(MANY):
        page.goto(f"{place.url}/s/{FULL}/keys/")
        form = page.locator("form[action$='/keys/write/']")
        form.locator("input[name=write-name]").fill(
            f"key {number} " + "of a program with a long name " * (number % 4)
        )
        form.locator("button").click()
        page.wait_for_load_state()
    context.close()


def order_line(number: int, quantity: str, form: int) -> str:
    """A line of the file of orders; of form 1, its day is written in another way than the mapping says."""
    day = f"{1 + number % 28:02d}"
    moment = f"{day}.12.2010" if form else f"2010-12-{day} 08:26:00"
    words = f"THING {'LONG ' * (number % 9)}{number}"
    return f"{536365 + number // 3},S{number},{words},{quantity},{moment},2.55,{number},UK\n"


def _report() -> dict[str, object]:
    """A report of a seller's health, half of whose lines contradict themselves."""
    period = {"reportingDateFrom": "2026-10-01", "reportingDateTo": "2026-10-31"}
    metrics = {
        f"{name}Rate": {
            "reportingDateRange": period,
            "status": "GOOD",
            "targetValue": 0.04,
            "targetCondition": "LESS_THAN",
            "orderCount": 500,
            "lateShipmentCount": count,
            "rate": rate,
        }
        for name, count, rate in (("lateShipment", 10, 0.02), ("seasonLate", 50, 0.1), ("longLate", 9, 0.9))
    }
    statuses = [{"marketplaceId": "A1EXAMPLE", "status": "NORMAL"}]
    return {"accountStatuses": statuses, "performanceMetrics": [{"marketplaceId": "A1EXAMPLE", **metrics}]}


def _second_factor(home: Path, place: Place, browser: Browser) -> str:
    """Someone whose sign-in asks for a code of an authenticator app: address and password."""
    told = _shuke(home, "member", "add", SECOND, "--shop", FULL, "--role", "analyst")
    found = re.search(r"password\S*\s+(\S+)", told)
    if not found:
        raise SystemExit(f"no password was told:\n{told}")
    account = f"{SECOND} {found.group(1)}"
    context = browser.new_context()
    page = context.new_page()
    other = replace(place, sign_in=account)
    sign_in(page, other)
    open_page(page, other, "accounts/2fa/totp/activate/")
    page.fill("[name=code]", _code(page.inner_text("#authenticator_secret")))
    page.click("main button[type=submit]")
    page.wait_for_url(lambda url: "/totp/activate/" not in url)
    context.close()
    return account


def _code(secret: str) -> str:
    """What an authenticator app shows now (RFC 6238)."""
    key = base64.b32decode(secret.replace(" ", ""))
    digest = hmac.digest(key, int(time.time() // 30).to_bytes(8, "big"), "sha1")
    place = digest[-1] & 15
    return f"{(int.from_bytes(digest[place : place + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06d}"


def _shuke(home: Path, *words: object, check: bool = True) -> str:
    """What a command of the installation says."""
    environment = {**os.environ, "SHUKE_HOME": str(home), "SHUKE_DEMO": "1"}
    command = [sys.executable, "-m", "shuke", *map(str, words)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if check and done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def sign_in(page: Page, place: Place) -> None:
    email, _blank, password = place.sign_in.partition(" ")
    page.goto(f"{place.url}/accounts/login/")
    page.fill("[name=login]", email)
    page.fill("[name=password]", password)
    page.click("main button[type=submit]")
    page.wait_for_url(lambda url: "/accounts/login/" not in url)


def open_page(page: Page, place: Place, address: str) -> None:
    """Go there; where the password is asked once more, it is given."""
    page.goto(f"{place.url}/{address}")
    if "/accounts/reauthenticate/" in page.url:
        page.fill("[name=password]", place.sign_in.partition(" ")[2])
        page.click("main button[type=submit]")
        page.wait_for_url(lambda url: "/accounts/reauthenticate/" not in url)
