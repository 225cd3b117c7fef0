"""An operator at the quarantine desk, in a real browser: a group, a rule, ten entries before and after, mended, kept."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from shuke.intake import actions
from shuke.intake import reads as intake
from shuke.intake.tests.books import BOOK, load_book
from shuke.intake.tests.test_quarantine_mends import BROKEN
from shuke.kernel import clock
from shuke.records import jobs
from shuke.records.actor import Actor
from shuke.shops.roles import Role
from tests.test_journeys import LIST, address, browser, page_of

__all__ = ["browser", "page_of"]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("warehouse_home"),
    pytest.mark.row("T1"),
]


def test_desk__a_group_mended_by_a_rule__is_looked_at_done_and_on_record(
    page_of, live_server, shop, member_of
) -> None:
    actions.save_mapping(shop=shop, spec=BOOK, actor=Actor.system("tests"), at=clock.now())
    load_book(shop, BROKEN)
    page = page_of(member_of(shop, Role.OPERATOR))
    page.goto(address(live_server, shop, "intake:quarantine"))
    page.get_by_role("link", name="Mend by a rule").click()
    page.wait_for_url("**/quarantine/mend/**")
    page.get_by_label("Rule", exact=True).select_option("time_format")
    field = page.get_by_label("Form of the time")
    expect(field).to_be_visible()
    field.fill("%d.%m.%Y")
    page.get_by_role("button", name="Look at the result").click()
    expect(page.get_by_text("8 would load, 0 still wait.")).to_be_visible()
    expect(page.locator(LIST)).to_have_count(8)
    expect(page.locator(LIST).first).to_contain_text("2026-03-01 00:00:00")
    page.get_by_label("Keep: later loads").check()
    page.get_by_role("button", name="Mend all 8 entries").click()
    page.wait_for_url("**/quarantine/mends/*/")
    (started,) = intake.list_mends(shop).rows
    jobs.run_to_end(started.job_id)
    expect(page.locator("#mend-state")).to_contain_text("done")
    page.reload()
    expect(page.locator(LIST)).to_have_count(8)
    page.locator(LIST).first.get_by_role("link").click()
    expect(page.get_by_role("heading", name="What was done with it")).to_be_visible()
    page.goto(address(live_server, shop, "intake:mends"))
    kept = page.locator("#table-kept tbody tr")
    expect(kept).to_have_count(1)
    kept.get_by_role("button", name="Remove").click()
    page.locator("#sure-yes").click()
    expect(page.get_by_text("No rule is kept")).to_be_visible()
    assert intake.waiting_groups(shop) == ()
