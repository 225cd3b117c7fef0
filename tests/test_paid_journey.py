"""An operator's way through search ads and peers in a real browser: a report by the page, its advice, a trial; a table, a name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from shuke.intake import reads as intake
from shuke.records import jobs
from shuke.shops.roles import Role
from shuke.traffic.search_ads.tests.facts import REPORT, load
from shuke.warehouse import actions as warehouse
from shuke.warehouse.tests.facts import event, events_table
from tests.test_journeys import LIST, address, browser, page_of

__all__ = ["browser", "page_of"]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("warehouse_home"),
    pytest.mark.row("T6"),
    pytest.mark.row("T8"),
]
NOON = datetime(2026, 3, 10, 4, tzinfo=UTC)
TABLE = (
    "period,industry,channel,visitors,buyers\n"
    "2026-03-01~2026-03-31,Dresses,Marketplace search,6000,120\n"
    "2026-03-01~2026-03-31,Dresses,Live stream,3000,150\n"
    "2026-03-01~2026-03-31,Dresses,Group buying,1000,20\n"
)


def test_search_ads_and_peers__files_imported__advice_with_its_reason_and_names_assigned(
    page_of, live_server, shop, member_of
) -> None:
    page = page_of(member_of(shop, Role.OWNER))
    page.goto(address(live_server, shop, "console:search_ads"))
    expect(page.get_by_role("heading", name="No report of keywords yet")).to_be_visible()
    page.get_by_role("link", name="Import a report").click()
    page.set_input_files(
        "input[type=file]", {"name": "k.csv", "mimeType": "text/csv", "buffer": REPORT.encode("gb18030")}
    )
    page.locator("form:has(input[type=file]) button").first.click()
    page.locator("select[name=mapping]").wait_for()
    expect(page.locator("select[name=mapping]")).to_have_value("zhitongche_keywords")
    with page.expect_response(lambda answer: "imports/start" in answer.url):
        page.locator("form[action*='imports/start'] button").first.click()
    jobs.run_to_end(intake.list_imports(shop).rows[0].job_id)
    page.goto(address(live_server, shop, "console:search_ads"))
    expect(page.locator(LIST)).to_have_count(6)
    page.get_by_role("link", name="Drop it").click()
    page.wait_for_url("**advice=drop**")
    expect(page.locator(LIST)).to_have_count(1)
    expect(page.locator(LIST).first).to_contain_text("连衣裙")
    page.get_by_role("link", name="Keep it").click()
    page.locator(LIST).locator("a.cell-link").first.click()
    drawer = page.locator("#drawer-body")
    expect(drawer).to_contain_text("Its quality score of 9 is not below 5.")
    expect(drawer.locator(".citation").first).to_contain_text("A-071")
    drawer.locator("#trial-quality").fill("12")
    drawer.get_by_role("button", name="Try it").click()
    # 1.20 x 8 / 12 + 0.01: the better quality makes the click cheaper than 1.08.
    expect(drawer.locator(".trial").first).to_contain_text("¥0.81")

    warehouse.append(
        facts={
            "events": events_table(
                event(shop, f"e{i}", f"v{i}", NOON + timedelta(seconds=i), channel_given="platform_search")
                for i in range(150)
            )
        }
    )
    load(shop, TABLE, "industry_plain")
    page.goto(address(live_server, shop, "console:peers"))
    row = page.locator(LIST, has_text="Live stream")
    expect(row).to_contain_text("Not covered yet")
    # 150 visitors of 0.6 of the industry: 0.3 of it would bring 75.
    expect(row).to_contain_text("75")
    page.get_by_label("Channel of “Group buying”").select_option("display")
    page.locator(".names li", has_text="Group buying").get_by_role("button").click()
    expect(page.locator(LIST, has_text="Display ads")).to_contain_text("Not covered yet")
    expect(page.locator(".names li", has_text="Group buying")).to_contain_text("the shop says")
    page.set_viewport_size({"width": 360, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    row.locator("a.cell-link").first.click()
    expect(page.locator("#drawer-body")).to_contain_text("What the gain rests on")
