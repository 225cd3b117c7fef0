"""In a real browser: no violation of the policy, nothing wider than the window, the keyboard enough."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from django.urls import reverse

from shuke.console.tests.test_pages import PAGES as EVERY_PAGE
from shuke.shops.roles import Role

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
# Parts that a page asks for by itself; every other address is a page.
FRAGMENTS = {
    "console:overview_answer",
    "console:overview_cause",
    "console:overview_picture",
    "console:sources_table",
    "console:cohorts_table",
}
PAGES = {name: kwargs for name, (_deed, kwargs) in EVERY_PAGE.items() if name not in FRAGMENTS}
LOOKS = [
    ("en", "light", 1440),
    ("zh-hans", "dark", 390),
    pytest.param(*("en", "dark", 360), marks=pytest.mark.soak),
    pytest.param(*("zh-hans", "light", 1024), marks=pytest.mark.soak),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    from playwright.sync_api import sync_playwright

    # The browser's driver runs an event loop in this thread, which Django would take for asynchronous code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield found
        found.close()
    os.environ.pop("DJANGO_ALLOW_ASYNC_UNSAFE")


def _signed_in(browser, live_server, client, user, language: str, theme: str, width: int, **more):
    client.force_login(user)
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme, **more)
    cookies = {
        "sessionid": client.cookies["sessionid"].value,
        "shuke_language": language,
        "shuke_theme": "auto",
    }
    context.add_cookies([{"name": k, "value": v, "url": live_server.url} for k, v in cookies.items()])
    return context.new_page()


@pytest.mark.parametrize(("language", "theme", "width"), LOOKS)
def test_pages__in_a_browser__have_no_complaint(
    browser, live_server, client, shop, member_of, warehouse_home, language, theme, width
) -> None:
    page = _signed_in(browser, live_server, client, member_of(shop, Role.OWNER), language, theme, width)
    complaints: list[str] = []
    outside: list[str] = []
    page.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "request", lambda r: None if r.url.startswith((live_server.url, "data:")) else outside.append(r.url)
    )
    for name, kwargs in PAGES.items():
        page.goto(live_server.url + reverse(name, kwargs={"shop": shop.slug, **kwargs}))
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        assert page.locator("h1").count() == 1, name
    assert complaints == []
    assert outside == []
    page.context.close()


def test_keyboard__alone__reaches_the_content_the_palette_and_the_drawer(
    browser, live_server, client, shop, member_of, warehouse_home
) -> None:
    page = _signed_in(browser, live_server, client, member_of(shop, Role.OWNER), "en", "light", 1440)
    page.goto(live_server.url + reverse("console:rulebook", args=[shop.slug]))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#content"
    link = page.locator("#table-rules tbody a").first
    link.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog.drawer[open] h2")
    page.keyboard.press("Escape")
    assert link.evaluate("element => element === document.activeElement")
    page.keyboard.press("Control+k")
    page.keyboard.type("memb")
    page.keyboard.press("Enter")
    page.wait_for_url("**/members/")
    page.context.close()


@pytest.mark.parametrize("status", [500, 502])
def test_answer__that_fails_in_nobodys_words__is_told_where_it_was_awaited(
    browser, live_server, client, shop, member_of, warehouse_home, status
) -> None:
    """What stands between us and the browser may fail with an empty answer or a page of its own."""
    page = _signed_in(browser, live_server, client, member_of(shop, Role.OWNER), "en", "light", 390)
    body = "" if status == 500 else "<!doctype html><title>Bad gateway</title><h1>Bad gateway</h1>"
    page.route("**/overview/answer/**", lambda route: route.fulfill(status=status, body=body))
    page.goto(live_server.url + reverse("console:overview", args=[shop.slug]))
    page.locator("#answer [role=alert]").wait_for()
    assert "Bad gateway" not in page.content()
    assert page.locator("#answer .skeleton").count() == 0
    page.context.close()
