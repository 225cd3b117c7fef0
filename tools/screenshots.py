"""Take every page of the console: both languages, both themes, wide and phone, into ./screenshots (not kept in git).

Without --url it brings up a demo of its own (a small one, in a folder that goes afterwards), with a second shop that has
nothing yet and a third one that has too much of everything. With --url it looks at an installation that runs and signs in
with SHUKE_SIGN_IN="address password" (or --sign-in). Pages of one thing (an import, a mend, an entry, a file's preview) are
found by following the links that lead to them. Pages that load their answers later are taken as they wait and as they
fail, too. It says what a person would not see: errors in the browser's console (violations of the policy too),
answers of 400 and above, pages wider than the window.
"""

from __future__ import annotations

import argparse
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

from playwright.sync_api import Browser, BrowserContext, Page, Route, sync_playwright

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
WIDTHS = {"wide": 1440, "phone": 360}
LANGUAGES = {"zh": "zh-hans", "en": "en"}
THEMES = ("light", "dark")
OPEN_PAGES = ("accounts/login/", "accounts/password/reset/")
READER_PAGES = ("shops/", "me/", "accounts/password/change/", "accounts/2fa/", "accounts/2fa/totp/activate/")
SHOP_PAGES = (
    "",
    "overview/",
    "overview/?range=last7",
    "overview/?range=last30&is_paid=yes",
    "overview/?range=custom&from=2001-01-01&to=2001-01-02",
    "sources/",
    "sources/?range=last30&by=campaign",
    "cohorts/",
    "evidence/uv_period/",
    "evidence/amount_paid/?range=last7",
    "metrics/bounce_visitor/",
    "imports/",
    "reports/",
    "mappings/",
    "mappings/new/",
    "mappings/uci_online_retail/",
    "quarantine/",
    "quarantine/mends/",
    "rulebook/",
    "rulebook/differences/",
    "rulebook/common.visits.idle_minutes/",
    "jobs/",
    "settings/",
    "members/",
    "keys/",
    "audit/",
    "no-such-page/",
)
# What is empty, and what is full, is worth a look where there are tables.
LISTS = (
    "",
    "overview/",
    "sources/",
    "cohorts/",
    "imports/",
    "reports/",
    "reports/?report=account_health",
    "quarantine/",
    "quarantine/?state=any",
    "quarantine/mends/",
    "jobs/",
    "members/",
    "keys/",
    "audit/",
)
EMPTY, FULL = "just-opened", "too-much"
# Pages whose answers come later: the address, and what is asked for then.
LATER = (
    ("overview/", "**/overview/*/**"),
    ("sources/", "**/sources/table/**"),
    ("cohorts/", "**/cohorts/table/**"),
)
# Pages of one thing: what its pictures are called, the page that leads to it, and the address of the link there.
FOLLOWED = (
    ("import-one", "imports/", r"/imports/\d+/$"),
    ("quarantine-mend-by-rule", "quarantine/", r"/quarantine/mend/\?"),
    ("quarantine-one", "quarantine/", r"/quarantine/\d+/$"),
    ("quarantine-settled", "quarantine/?state=replayed", r"/quarantine/\d+/$"),
    ("mend-one", "quarantine/mends/", r"/mends/\d+/$"),
)
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


def main() -> int:
    """Returns 1 when the browser had something to complain of."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="", help="an installation that runs; default: a demo of our own")
    parser.add_argument("--shop", default="linen-life")
    parser.add_argument("--sign-in", default=os.environ.get("SHUKE_SIGN_IN", ""), help="address and password")
    parser.add_argument("--to", type=Path, default=Path("screenshots"))
    parser.add_argument("--only", default="", help="only pages whose address contains this")
    parser.add_argument("--languages", nargs="+", choices=LANGUAGES, default=list(LANGUAGES))
    parser.add_argument("--themes", nargs="+", choices=THEMES, default=list(THEMES))
    parser.add_argument("--widths", nargs="+", choices=WIDTHS, default=list(WIDTHS))
    given = parser.parse_args()
    given.to.mkdir(parents=True, exist_ok=True)
    complaints: list[str] = []
    with sync_playwright() as playwright, contextlib.ExitStack() as ends:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        ends.callback(browser.close)
        if given.url:
            place = Place(given.url.rstrip("/"), given.sign_in, ((given.shop, SHOP_PAGES),))
        else:
            place = ends.enter_context(own_demo(browser))
        followed = _follow(browser, place) if place.sign_in else {}
        for language in given.languages:
            for theme in given.themes:
                for width in given.widths:
                    complaints += _take(browser, place, given, followed, language, theme, width)
    print("\n".join(complaints) or "no complaint of the browser")
    return 1 if complaints else 0


# --- a demo of our own


@contextlib.contextmanager
def own_demo(browser: Browser) -> Iterator[Place]:
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
                    (("linen-life", SHOP_PAGES), (EMPTY, LISTS), (FULL, LISTS)),
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
            lines.write(_row(i, ("many", "6", "-1", "3", "2", "")[i % 6], 0 if i % 10 else 1))
    bad.write_text("")
    report = folder / "accountHealthReport.json"
    report.write_text(json.dumps(_report()))
    for file, mapping in (
        (good, "uci_online_retail"),
        (bad, "uci_online_retail"),
        (report, "amazon_reports"),
    ):
        _shuke(home, "import", file, "--shop", FULL, "--mapping", mapping, "--no-report", check=False)
    rule = "time_format column=InvoiceDate format=%d.%m.%Y"
    mend = ("quarantine", "mend", "--shop", FULL, "--reason", "row_not_a_time", "--rule", rule, "--keep")
    _shuke(home, *mend)
    context = browser.new_context()
    page = context.new_page()
    _sign_in(page, place)
    for number in range(MANY):
        page.goto(f"{place.url}/s/{FULL}/keys/")
        form = page.locator("form[action$='/keys/write/']")
        form.locator("input[name=write-name]").fill(
            f"key {number} " + "of a program with a long name " * (number % 4)
        )
        form.locator("button").click()
        page.wait_for_load_state()
    context.close()


def _row(number: int, quantity: str, form: int) -> str:
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
    sign_in = f"{SECOND} {found.group(1)}"
    context = browser.new_context()
    page = context.new_page()
    _sign_in(page, replace(place, sign_in=sign_in))
    page.goto(f"{place.url}/accounts/2fa/totp/activate/")
    page.fill("[name=code]", _code(page.inner_text("#authenticator_secret")))
    page.click("main button[type=submit]")
    page.wait_for_url(lambda url: "/totp/activate/" not in url)
    context.close()
    return sign_in


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


def _follow(browser: Browser, place: Place) -> dict[str, str]:
    """Name -> address (without the host) of the pages of one thing, of those that there are."""
    slug = place.full or place.shops[0][0]
    context = browser.new_context()
    page = context.new_page()
    _sign_in(page, place)
    found = {}
    for name, at, pattern in FOLLOWED:
        page.goto(f"{place.url}/s/{slug}/{at}")
        links = page.eval_on_selector_all("main a[href]", "links => links.map(link => link.href)")
        fitting = [link for link in links if re.search(pattern, link)]
        if fitting:
            found[name] = fitting[0].removeprefix(f"{place.url}/")
    content = "".join(_row(i, "many" if i == 3 else "2", 0) for i in range(12))
    for name, columns in (("known", HEADER), ("new", HEADER.lower())):
        page.goto(f"{place.url}/s/{slug}/imports/")
        file = {"name": f"{name}-columns.csv", "mimeType": "text/csv", "buffer": (columns + content).encode()}
        page.set_input_files("#file", [file])
        page.locator("form[action$='/imports/upload/'] button").click()
        page.wait_for_url("**/imports/new/**")
        found[f"preview-{name}"] = page.url.removeprefix(f"{place.url}/")
    found["pointing"] = found["preview-new"].replace("/imports/new/", "/mappings/point/")
    context.close()
    return found


# --- pictures


def _take(
    browser: Browser,
    place: Place,
    given: argparse.Namespace,
    followed: dict[str, str],
    language: str,
    theme: str,
    width: str,
) -> list[str]:
    context = browser.new_context(
        viewport={"width": WIDTHS[width], "height": 900}, color_scheme=theme, locale=LANGUAGES[language]
    )
    cookies = {"shuke_language": LANGUAGES[language], "shuke_theme": theme}
    context.add_cookies([{"name": name, "value": value, "url": place.url} for name, value in cookies.items()])
    page = context.new_page()
    complaints: list[str] = []
    _listen(page, complaints)
    ending = f"{language}.{theme}.{width}.png"
    if place.second and given.only in "second-factor":
        _sign_in(page, replace(place, sign_in=place.second))
        page.screenshot(path=given.to / f"second-factor.{ending}", full_page=True)
        context.clear_cookies(name="sessionid")
    for name, address in _addresses(place, given, followed, page):
        page.goto(f"{place.url}/{address}")
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(200)
        _check_width(page, address, WIDTHS[width], complaints)
        page.screenshot(path=given.to / f"{name}.{ending}", full_page=True)
    if place.sign_in:
        _take_states(context, place, given, ending)
    context.close()
    return [f"[{language} {theme} {width}] {complaint}" for complaint in complaints]


def _take_states(context: BrowserContext, place: Place, given: argparse.Namespace, ending: str) -> None:
    """Pages whose answers come later, while they wait and when they fail."""
    slug = place.shops[0][0]
    for address, later in LATER:
        whole = f"s/{slug}/{address}"
        if given.only not in whole:
            continue
        for state in ("loading", "failed"):
            page = context.new_page()
            page.route(later, _never if state == "loading" else _failing)
            page.goto(f"{place.url}/{whole}", wait_until="domcontentloaded")
            page.wait_for_timeout(900)
            page.screenshot(path=given.to / f"{_file_name(address)}-{state}.{ending}", full_page=True)
            page.close()


def _never(route: Route) -> None:
    """The request stays open until its page is closed."""


def _failing(route: Route) -> None:
    route.fulfill(status=500, body="")


def _check_width(page: Page, address: str, most: int, complaints: list[str]) -> None:
    wide = page.evaluate("document.documentElement.scrollWidth")
    if wide > most:
        complaints.append(f"{address}: {wide} pixels wide in a window of {most}")


def _file_name(address: str) -> str:
    return "".join(sign if sign.isalnum() or sign in "-." else "_" for sign in address.strip("/")) or "start"


def _addresses(
    place: Place, given: argparse.Namespace, followed: dict[str, str], page: Page
) -> Iterator[tuple[str, str]]:
    """(name of the picture, address): those that stand open first; then, signed in, all the others."""
    yield from ((_file_name(address), address) for address in OPEN_PAGES if given.only in address)
    if not place.sign_in:
        return
    _sign_in(page, place)
    pages: Sequence[str] = [f"s/{slug}/{address}" for slug, addresses in place.shops for address in addresses]
    yield from ((_file_name(a), a) for a in (*READER_PAGES, *pages) if given.only in a)
    yield from ((name, a) for name, a in followed.items() if given.only in name or given.only in a)


def _sign_in(page: Page, place: Place) -> None:
    email, _blank, password = place.sign_in.partition(" ")
    page.goto(f"{place.url}/accounts/login/")
    page.fill("[name=login]", email)
    page.fill("[name=password]", password)
    page.click("main button[type=submit]")
    page.wait_for_url(lambda url: "/accounts/login/" not in url)


def _listen(page: Page, complaints: list[str]) -> None:
    def is_expected(url: str) -> bool:
        return "no-such-page" in url

    page.on(
        "console",
        lambda message: (
            complaints.append(f"{page.url}: {message.text}")
            if message.type == "error" and not is_expected(page.url)
            else None
        ),
    )
    page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
    page.on(
        "response",
        lambda answer: (
            complaints.append(f"{answer.status} {answer.url}")
            if answer.status >= 400 and not is_expected(answer.url)
            else None
        ),
    )


if __name__ == "__main__":
    sys.exit(main())
