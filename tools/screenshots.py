"""Take every page of the console: both languages, both themes, wide and phone, into ./screenshots (not kept in git).

Looks at an installation that runs (`make demo`), signs in with SHUKE_SIGN_IN="address password" (or --sign-in), and says
what a person would not see: errors in the browser's console (violations of the policy too), answers of 400 and above,
pages wider than the window.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
WIDTHS = {"wide": 1440, "phone": 390}
LANGUAGES = {"zh": "zh-hans", "en": "en"}
THEMES = ("light", "dark")
OPEN_PAGES = ("accounts/login/", "accounts/password/reset/")
READER_PAGES = ("shops/", "me/", "accounts/password/change/", "accounts/2fa/")
SHOP_PAGES = (
    "",
    "overview/",
    "overview/?range=last7",
    "overview/?range=last30&is_paid=yes",
    "overview/?range=custom&from=2001-01-01&to=2001-01-02",
    "sources/",
    "sources/?range=last30&by=campaign",
    "evidence/uv_period/",
    "metrics/bounce_visitor/",
    "imports/",
    "mappings/",
    "mappings/uci_online_retail/",
    "quarantine/",
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


def main() -> int:
    """Returns 1 when the browser had something to complain of."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--shop", default="linen-life")
    parser.add_argument("--sign-in", default=os.environ.get("SHUKE_SIGN_IN", ""), help="address and password")
    parser.add_argument("--to", type=Path, default=Path("screenshots"))
    parser.add_argument("--only", default="", help="only pages whose address contains this")
    given = parser.parse_args()
    given.to.mkdir(parents=True, exist_ok=True)
    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for language in LANGUAGES:
            for theme in THEMES:
                for width in WIDTHS:
                    complaints += _take(browser, given, language, theme, width)
        browser.close()
    print("\n".join(complaints) or "no complaint of the browser")
    return 1 if complaints else 0


def _take(browser: Browser, given: argparse.Namespace, language: str, theme: str, width: str) -> list[str]:
    context = browser.new_context(
        viewport={"width": WIDTHS[width], "height": 900}, color_scheme=theme, locale=LANGUAGES[language]
    )
    cookies = {"shuke_language": LANGUAGES[language], "shuke_theme": theme}
    context.add_cookies([{"name": name, "value": value, "url": given.url} for name, value in cookies.items()])
    page = context.new_page()
    complaints: list[str] = []
    _listen(page, complaints)
    for address in _addresses(given, page):
        page.goto(f"{given.url}/{address}")
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(200)
        wide = page.evaluate("document.documentElement.scrollWidth")
        if wide > WIDTHS[width]:
            complaints.append(f"{address}: {wide} pixels wide in a window of {WIDTHS[width]}")
        name = (
            "".join(sign if sign.isalnum() or sign in "-." else "_" for sign in address.strip("/")) or "start"
        )
        page.screenshot(path=given.to / f"{name}.{language}.{theme}.{width}.png", full_page=True)
    context.close()
    return [f"[{language} {theme} {width}] {complaint}" for complaint in complaints]


def _addresses(given: argparse.Namespace, page: Page) -> Iterator[str]:
    """Those that stand open first; then, signed in, all the others."""
    yield from (address for address in OPEN_PAGES if given.only in address)
    email, _blank, password = given.sign_in.partition(" ")
    if not password:
        return
    page.goto(f"{given.url}/accounts/login/")
    page.fill("[name=login]", email)
    page.fill("[name=password]", password)
    page.click("main button[type=submit]")
    page.wait_for_load_state("networkidle")
    everything = (*READER_PAGES, *(f"s/{given.shop}/{address}" for address in SHOP_PAGES))
    yield from (address for address in everything if given.only in address)


def _listen(page: Page, complaints: list[str]) -> None:
    page.on(
        "console",
        lambda message: complaints.append(f"{page.url}: {message.text}") if message.type == "error" else None,
    )
    page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
    page.on(
        "response",
        lambda answer: (
            complaints.append(f"{answer.status} {answer.url}")
            if answer.status >= 400 and "no-such-page" not in answer.url
            else None
        ),
    )


if __name__ == "__main__":
    sys.exit(main())
