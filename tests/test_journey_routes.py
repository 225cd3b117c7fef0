"""An operator writes down the way that visitors should take, sees where it leaks, and opens the page behind the leak."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from shuke.shops.roles import Role
from shuke.warehouse.tests.facts import NOON, event, order_event
from tests.test_journeys import LIST, add_visits, address, browser, day_of_facts, page_of

__all__ = ["browser", "page_of"]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("warehouse_home"),
]
PAGES = {"/": "home", "/item/1": "item", "/help": "content", "/cart": "cart"}


def visit(shop, visitor: str, *paths: str) -> list[dict]:
    return [
        event(
            shop,
            f"{visitor}{number}",
            visitor,
            NOON + timedelta(minutes=number),
            page_path=path,
            page_type=PAGES[path],
        )
        for number, path in enumerate(paths)
    ]


@pytest.mark.row("T5")
def test_route__written_down__shows_its_leak_and_leads_to_the_page_behind_it(
    page_of, live_server, shop, member_of
):
    rows = [one for n in range(40) for one in visit(shop, f"lost{n}", "/", "/help")]
    rows += [one for n in range(10) for one in visit(shop, f"kept{n}", "/", "/item/1", "/cart")]
    rows.append(order_event(shop, "o", "kept0", NOON + timedelta(minutes=9), "A1", 12_300))
    add_visits(shop, *rows)
    page = page_of(member_of(shop, Role.OPERATOR))
    page.goto(address(live_server, shop, "console:routes"))
    page.get_by_role("link", name="Write a route down").click()
    page.get_by_label("Name").fill("To the order")
    for number, (what, value, share) in enumerate(
        [("page", "/", ""), ("type:item", "", "60"), ("page", "/cart", "90"), ("order", "", "many")], start=1
    ):
        page.locator(f"#what{number}").select_option(what)
        page.locator(f"#value{number}").fill(value)
        page.locator(f"#share{number}").fill(share)
    page.get_by_role("button", name="Save the route").click()
    expect(page.get_by_role("alert")).to_contain_text("Step 4: the planned share can not be “many”.")
    page.locator("#share4").fill("50")
    page.get_by_role("button", name="Save the route").click()
    page.wait_for_url(re.compile(r"/routes/\d+/$"))
    page.goto(page.url + day_of_facts(shop))
    expect(page.locator("p.answer")).to_contain_text(
        "Most is lost after “/”: 20.0% went on to “Item page”, 60.0%"
    )
    expect(page.locator("p.answer")).to_contain_text("Most of them went to /help (100.0%).")
    steps = page.locator(".route-step")
    expect(steps).to_have_count(4)
    expect(steps.nth(1)).to_contain_text("20 visits missing against the plan")
    expect(steps.nth(3)).to_contain_text("too few to judge")
    steps.nth(0).locator(".route-leaks a", has_text="40").first.click()
    page.wait_for_url("**/visits/**")
    expect(page.locator(LIST)).to_have_count(40)
    page.go_back()
    page.locator(".route-leaks a", has_text="/help").first.click()
    page.wait_for_url(re.compile("/page/.*path=%2Fhelp"))
    expect(page.locator(".numbers .cell", has_text="Exit share")).to_contain_text("100.00%")
    expect(page.locator(".page-ways").first).to_contain_text("/")
    expect(page.get_by_text("No click was told of this page")).to_be_visible()
