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
import contextlib
import os
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, Route, sync_playwright
from screenshot_shop import HEADER, Place, open_page, order_line, own_demo, sign_in

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
            place = ends.enter_context(own_demo(browser, SHOP_PAGES, LISTS))
        followed = _follow(browser, place) if place.sign_in else {}
        for language in given.languages:
            for theme in given.themes:
                for width in given.widths:
                    complaints += _take(browser, place, given, followed, language, theme, width)
    print("\n".join(complaints) or "no complaint of the browser")
    return 1 if complaints else 0


def _follow(browser: Browser, place: Place) -> dict[str, str]:
    """Name -> address (without the host) of the pages of one thing, of those that there are."""
    slug = place.full or place.shops[0][0]
    context = browser.new_context()
    page = context.new_page()
    sign_in(page, place)
    found = {}
    for name, at, pattern in FOLLOWED:
        page.goto(f"{place.url}/s/{slug}/{at}")
        links = page.eval_on_selector_all("main a[href]", "links => links.map(link => link.href)")
        fitting = [link for link in links if re.search(pattern, link)]
        if fitting:
            found[name] = fitting[0].removeprefix(f"{place.url}/")
    content = "".join(order_line(i, "many" if i == 3 else "2", 0) for i in range(12))
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
        sign_in(page, replace(place, sign_in=place.second))
        page.screenshot(path=given.to / f"second-factor.{ending}", full_page=True)
        context.clear_cookies(name="sessionid")
    for name, address in _addresses(place, given, followed, page):
        open_page(page, place, address)
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
    sign_in(page, place)
    pages: Sequence[str] = [f"s/{slug}/{address}" for slug, addresses in place.shops for address in addresses]
    yield from ((_file_name(a), a) for a in (*READER_PAGES, *pages) if given.only in a)
    yield from ((name, a) for name, a in followed.items() if given.only in name or given.only in a)


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
