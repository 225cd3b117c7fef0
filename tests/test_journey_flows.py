"""In a real browser: the entrance that lost visitors and why, and the way on the map down to the visits behind it."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from shuke.shops.roles import Role
from shuke.warehouse import actions
from shuke.warehouse.tests.facts import NOON, event, events_table, order_event
from tests.test_journeys import LIST, browser, page_of

__all__ = ["browser", "page_of"]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("warehouse_home"),
]
DAY = f"?range=custom&from={NOON.date()}&to={NOON.date()}&against="


def _facts(shop) -> list:
    """120 visits by the home page, of which 12 see no other; 120 by an item page, of which 100 do not; two orders."""
    found = []
    for number in range(240):
        at = NOON - timedelta(hours=3) + timedelta(seconds=number)
        is_home = number < 120
        first, page_type = ("/", "home") if is_home else ("/item/1", "item")
        who = f"v{number}"
        found.append(event(shop, f"{number}.0", who, at, page_path=first, page_type=page_type))
        if (number % 10 != 0) if is_home else (number % 6 == 0):
            later = at + timedelta(seconds=30)
            found.append(event(shop, f"{number}.1", who, later, page_path="/item/2", page_type="item"))
        if number in (1, 2):
            found.append(order_event(shop, f"{number}.2", who, at + timedelta(seconds=60), f"E{number}", 500))
    return found


@pytest.mark.row("T3")
@pytest.mark.row("T4")
def test_flows__entrance_advised_and_a_way_followed__down_to_the_visits(
    page_of, live_server, shop, member_of
):
    actions.append(facts={"events": events_table(_facts(shop))})
    actions.seal(shop)
    page = page_of(member_of(shop, Role.OPERATOR))
    page.goto(live_server.url + reverse("console:entrances", args=[shop.slug]) + DAY)
    item = page.locator(LIST).filter(has_text="/item/1")
    expect(item).to_contain_text("83.33%")
    item.get_by_role("link", name="Mend").click()
    drawer = page.locator("#drawer-body")
    expect(drawer).to_contain_text("wholly above the shop's median")
    expect(drawer).to_contain_text("A-156")
    expect(drawer).to_contain_text("100")
    page.keyboard.press("Escape")
    page.goto(live_server.url + reverse("console:traffic_map", args=[shop.slug]) + DAY)
    expect(page.locator(".flow-picture svg path").first).to_be_attached()
    page.locator("main summary").filter(has_text="No comparison").click()
    page.get_by_label("the day before").check()
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_text("Changes against the day before.")).to_be_visible()
    expect(page).to_have_url(re.compile(r"against=before"))
    page.get_by_role("link", name="Item page · page 2").first.click()
    expect(page).to_have_url(re.compile(r"open=item\.2"))
    way = page.locator(LIST).filter(has_text="/item/2").filter(has_text="Home page")
    expect(way).to_contain_text("108")
    way.get_by_role("link", name="108").click()
    expect(page.locator("h1")).to_contain_text("Which visits took this way?")
    expect(page.locator(".page-head")).to_contain_text("108")
    expect(page.locator(".page-head")).to_contain_text("Home page · page 1 → /item/2 · page 2")
    expect(page.locator(LIST)).to_have_count(50)
    page.set_viewport_size({"width": 360, "height": 800})
    page.goto(live_server.url + reverse("console:traffic_map", args=[shop.slug]) + DAY)
    expect(page.locator(".flow-ranks li").first).to_be_visible()
    expect(page.locator(".flow-picture")).to_be_hidden()
