"""A seller's export in a real browser: given, recognised, its missing column pointed at, loaded; and a mapping by pointing."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import pytest
from django.urls import reverse
from playwright.sync_api import expect, sync_playwright

from shuke.intake import reads as intake
from shuke.intake.tests import seller_exports as made
from shuke.records import jobs
from shuke.shops.roles import Role

pytestmark = [
    pytest.mark.browser,
    pytest.mark.data,
    pytest.mark.row("T1"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("warehouse_home"),
]
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
expect.set_options(timeout=30_000)


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
def page(browser, live_server, client, shop, member_of) -> Iterator[object]:
    """A page of a manager who reads English."""
    client.force_login(member_of(shop, Role.MANAGER))
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    cookies = {"sessionid": client.cookies["sessionid"].value, "shuke_language": "en"}
    context.add_cookies([{"name": k, "value": v, "url": live_server.url} for k, v in cookies.items()])
    yield context.new_page()
    context.close()


def give(page, live_server, shop, file) -> None:
    page.goto(live_server.url + reverse("intake:imports", args=[shop.slug]))
    page.set_input_files("input[type=file]", str(file))
    page.locator("form:has(input[type=file]) button").first.click()
    page.wait_for_url("**/imports/new/**")


def load(page, shop):
    with page.expect_response(lambda answer: "imports/start" in answer.url):
        page.locator("form[action*='imports/start'] button").first.click()
    started = intake.list_imports(shop).rows[0]
    jobs.run_to_end(started.job_id)
    return intake.get_import(shop, started.id)


def test_export__with_a_renamed_column__is_recognised_pointed_at_and_loaded(
    page, live_server, shop, tmp_path
):
    export = made.jd_orders(made.orders())
    export.columns[export.columns.index("应付金额")] = "买家要付"
    for row in export.rows:
        row["买家要付"] = row.pop("应付金额")
    file = tmp_path / "jd.csv"
    file.write_bytes(made.write(export))
    give(page, live_server, shop, file)
    expect(page.locator("main")).to_contain_text("应付金额")
    if folder := os.environ.get("SHUKE_SCREENSHOTS"):
        page.screenshot(path=f"{folder}/asked.png", full_page=True)
    page.select_option("select[name='column.应付金额']", "买家要付")
    page.locator("form[method=get] .deeds button").click()
    expect(page.locator("form[action*='imports/start']")).to_be_visible()
    ended = load(page, shop)
    assert (ended.mapping_name, ended.rows_new, ended.rows_bad) == ("jd_order_2016", len(export.rows), 0)


def test_mapping__made_by_pointing__shows_rows_at_once_and_loads(page, live_server, shop, tmp_path):
    file = tmp_path / "odd.csv"
    file.write_text("单据,成交日,到手价\nA1,2026/5/3 9:05,19.90\nA2,昨天,9.95\n", encoding="utf-8")
    give(page, live_server, shop, file)
    page.locator("main a[href*='/mappings/point/']").click()
    page.wait_for_url("**/mappings/point/**")
    for field, column in (("order_ref", "单据"), ("amount", "到手价"), ("at", "成交日")):
        with page.expect_response(lambda answer: "/mappings/point/" in answer.url):
            page.select_option(f"select[name='f.{field}']", column)
    expect(page.locator("#pointed")).to_contain_text("“昨天” in “成交日” is not a time")
    if folder := os.environ.get("SHUKE_SCREENSHOTS"):
        page.screenshot(path=f"{folder}/point.png", full_page=True)
        page.set_viewport_size({"width": 360, "height": 780})
        page.screenshot(path=f"{folder}/point-phone.png", full_page=True)
        page.set_viewport_size({"width": 1280, "height": 900})
    page.fill("input[name=name]", "odd_book")
    page.locator("form[action*='/mappings/point/'] button.is-main").click()
    page.wait_for_url(re.compile("mapping=odd_book"))
    ended = load(page, shop)
    assert (ended.mapping_name, ended.rows_new, ended.rows_bad) == ("odd_book", 1, 1)
