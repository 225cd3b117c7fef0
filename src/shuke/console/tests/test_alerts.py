"""Alerts in a real browser, in both languages: from Today to why, in hand, to the page of these days; a rule made."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse
from playwright.sync_api import expect
from tests.test_journeys import browser

from shuke.kernel import clock
from shuke.shops.roles import Role
from shuke.traffic.alerts import reads
from shuke.traffic.alerts.tests.raised import raise_one

__all__ = ["browser"]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("warehouse_home"),
    pytest.mark.row("T7"),
]


@pytest.mark.row("E1")
def test_alerts__in_a_browser__from_today_to_why_to_the_sources_and_a_rule(
    browser, live_server, shop, member_of, client
) -> None:
    alert = raise_one(shop, at=clock.now())
    client.force_login(member_of(shop, Role.OPERATOR))
    context = browser.new_context(locale="en-US", viewport={"width": 1280, "height": 900})
    cookies = {"sessionid": client.cookies["sessionid"].value, "shuke_language": "en"}
    context.add_cookies([{"name": n, "value": v, "url": live_server.url} for n, v in cookies.items()])
    page = context.new_page()
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.goto(live_server.url + reverse("console:today", args=[shop.slug]))
    line = page.locator("ul.entries li", has_text="180 in 3 days where 360 were expected")
    expect(line).to_have_count(1)
    line.get_by_role("link").click()
    expect(page.locator("#alert-sentence")).to_contain_text("50% less")
    expect(page.locator("svg.alert-course circle.dot")).to_have_count(3)
    page.get_by_role("button", name="I have it in hand").click()
    expect(page.get_by_text("In hand:")).to_be_visible()
    assert reads.get_alert(shop, alert.id).seen_at is not None
    look = page.get_by_role("link", name="See the sources of these days")
    expect(look).to_have_attribute(
        "href", re.compile(f"from={alert.since}&to={alert.last_day}&channel=email")
    )
    page.goto(live_server.url + reverse("console:alerts", args=[shop.slug]))
    page.get_by_label("Metric", exact=True).select_option("conversion")
    page.get_by_label("Limit", exact=True).fill("2.5")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_text("below 2.5%")).to_be_visible()
    context.add_cookies([{"name": "shuke_language", "value": "zh-hans", "url": live_server.url}])
    page.goto(live_server.url + reverse("console:alert", args=[shop.slug, alert.id]))
    expect(page.locator("#alert-sentence")).to_contain_text("预期 360")
    assert not wrong
    context.close()
