"""What an operator does, in a real browser over a real server: a morning's ways through the pages, one a mission row."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import call_command
from django.urls import reverse
from playwright.sync_api import expect, sync_playwright

from shuke.intake import reads as intake
from shuke.kernel import clock
from shuke.kernel.periods import local_day
from shuke.records import jobs
from shuke.records.backup import restore_backup, write_backup
from shuke.shops.roles import Role
from shuke.warehouse import actions
from shuke.warehouse.tests.facts import NOON, event, events_table, order_event, views

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("warehouse_home"),
]
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
# The rows of a page's list; a chart's own table, folded away beside it, is another one.
LIST = "table.is-cards tbody tr"
expect.set_options(timeout=30_000)
LINES = (
    "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
    "536365,85123A,HEART,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom\n"
    "536366,22633,HAND WARMER,many,2010-12-01 08:28:00,1.85,17850.0,United Kingdom\n"
)


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    # The browser's driver runs an event loop in this thread, which Django would take for asynchronous code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield found
        found.close()
    os.environ.pop("DJANGO_ALLOW_ASYNC_UNSAFE")


@pytest.fixture
def page_of(browser, live_server, client):
    """A function (user, language) -> a page that is signed in as the user."""
    contexts = []

    def make(user, language: str = "en"):
        client.force_login(user)
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        cookies = {"sessionid": client.cookies["sessionid"].value, "shuke_language": language}
        context.add_cookies([{"name": k, "value": v, "url": live_server.url} for k, v in cookies.items()])
        contexts.append(context)
        return context.new_page()

    yield make
    for context in contexts:
        context.close()


def address(live_server, shop, name: str, query: str = "") -> str:
    return live_server.url + reverse(name, args=[shop.slug]) + query


def day_of_facts(shop) -> str:
    day = local_day(NOON, shop.zone).isoformat()
    return f"?range=custom&from={day}&to={day}"


def add_visits(shop, *rows) -> None:
    actions.append(facts={"events": events_table(rows)})


@pytest.mark.row("T2")
def test_overview__a_number__opens_the_visits_behind_it_and_its_definition(
    page_of, live_server, shop, member_of
):
    add_visits(
        shop,
        *views(shop, "ann", [0, 5, 90]),
        *views(shop, "bob", [3]),
        order_event(shop, "o", "ann", NOON + timedelta(minutes=6), "A1", 12_300),
    )
    page = page_of(member_of(shop, Role.OWNER))
    page.goto(address(live_server, shop, "console:overview", day_of_facts(shop)))
    expect(page.locator(LIST, has_text="Paid amount").first).to_contain_text("123.00")
    link = page.locator(LIST).locator("a[href*='/evidence/visits/']").first
    expect(link).to_have_text("3")
    link.click()
    page.wait_for_url("**/evidence/visits/**")
    expect(page.locator(LIST)).to_have_count(3)


@pytest.mark.row("T3")
def test_sources__a_channel__leads_to_its_visits(page_of, live_server, shop, member_of):
    paid = {"utm_source": "baidu", "utm_medium": "cpc"}
    add_visits(
        shop,
        event(shop, "p1", "ann", NOON, **paid),
        event(shop, "p2", "bob", NOON, **paid),
        event(shop, "d1", "cy", NOON),
    )
    page = page_of(member_of(shop, Role.ANALYST))
    page.goto(address(live_server, shop, "console:sources", day_of_facts(shop)))
    row = page.locator(LIST, has_text="Paid search")
    expect(row).to_have_count(1)
    row.locator("a").first.click()
    page.wait_for_url(re.compile("channel.*paid_search"))


@pytest.mark.row("T1")
@pytest.mark.row("E1")
def test_import__given_previewed_loaded_mended__and_today_says_so(
    page_of, live_server, shop, member_of, tmp_path
):
    file = tmp_path / "orders.csv"
    file.write_text(LINES)
    page = page_of(member_of(shop, Role.OPERATOR))
    page.goto(address(live_server, shop, "intake:imports"))
    page.set_input_files("input[type=file]", str(file))
    page.locator("form:has(input[type=file]) button").first.click()
    page.locator("select[name=mapping]").wait_for()
    if page.locator("select[name=mapping]").input_value() != "uci_online_retail":
        page.select_option(
            "select[name=mapping]", "uci_online_retail"
        )  # which asks for the page again by itself
        page.wait_for_url("**mapping=uci_online_retail**")
    expect(page.locator("main")).to_contain_text("many")
    with page.expect_response(lambda answer: "imports/start" in answer.url):
        page.locator("form[action*='imports/start'] button").first.click()
    started = intake.list_imports(shop).rows[0]
    jobs.run_to_end(started.job_id)
    page.goto(address(live_server, shop, "console:today"))
    page.locator("main a[href*='/quarantine/']").first.click()
    page.wait_for_url("**/quarantine/**")
    waiting = intake.list_quarantined(shop).rows
    assert [one.column for one in waiting] == ["Quantity"]
    page.goto(live_server.url + reverse("intake:quarantined", args=[shop.slug, waiting[0].id]))
    box = page.locator("textarea[name=payload]")
    box.fill(box.input_value().replace("many", "2"))
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        page.locator("form:has(textarea[name=payload]) button").first.click()
    assert intake.count_waiting(shop) == 0


@pytest.mark.row("E2")
def test_rulebook__a_rule__says_value_words_and_source(page_of, live_server, shop, member_of):
    page = page_of(member_of(shop, Role.READ_ONLY))
    page.goto(address(live_server, shop, "console:rulebook"))
    assert page.locator("#table-rules tbody tr").count() >= 5
    page.goto(live_server.url + reverse("console:rule", args=[shop.slug, "common.visits.idle_minutes"]))
    text = page.locator("main").inner_text()
    assert "30" in text
    assert "B-222" in text


@pytest.mark.row("E3")
def test_members__by_role_and_language__see_what_is_theirs(page_of, live_server, shop, other_shop, member_of):
    analyst = member_of(shop, Role.ANALYST)
    page = page_of(analyst, "zh-hans")
    page.goto(address(live_server, shop, "console:today"))
    menu = page.locator("nav").first.inner_text()
    assert "总览" in menu
    assert "密钥" not in menu
    assert page.goto(address(live_server, shop, "console:keys")).status == 403
    assert page.goto(address(live_server, other_shop, "console:today")).status == 404
    page = page_of(member_of(shop, Role.OWNER), "en")
    page.goto(address(live_server, shop, "console:members"))
    text = page.locator("main").inner_text()
    assert analyst.email in text
    assert page.goto(address(live_server, shop, "console:audit")).status == 200
    assert page.locator(LIST).count() >= 2


@pytest.mark.row("E4")
def test_backup__brought_back__the_page_says_what_it_said(page_of, live_server, shop, member_of, tmp_path):
    """The page of the restored installation shows the numbers of the moment of the backup."""
    owner = member_of(shop, Role.OWNER)
    add_visits(shop, *views(shop, "ann", [0, 90]))
    actions.seal(shop)
    backup: Path = tmp_path / "backup.tar"
    write_backup(backup, at=clock.now())
    add_visits(shop, *views(shop, "late", [1, 2, 3]))
    page = page_of(owner)
    page.goto(live_server.url + reverse("console:evidence", args=[shop.slug, "visits"]) + day_of_facts(shop))
    expect(page.locator(LIST)).to_have_count(3)
    call_command("flush", interactive=False, verbosity=0)
    restore_backup(backup, replaces=True)
    page = page_of(owner)
    page.goto(live_server.url + reverse("console:evidence", args=[shop.slug, "visits"]) + day_of_facts(shop))
    expect(page.locator(LIST)).to_have_count(2)
