"""An operator's morning in a real browser, in both languages: from the drop on Today to the page that lost the visitors, and
on to an analyst who opens the link and takes the table along."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from shuke.kernel import clock
from shuke.kernel.periods import local_day
from shuke.kernel.surrogates import surrogate
from shuke.records.actor import Actor
from shuke.shops.roles import Role
from shuke.traffic.alerts import actions as alerts
from shuke.warehouse import actions
from shuke.warehouse.tests.facts import event, events_table, order_event
from tests.test_journeys import LIST, browser, page_of

__all__ = ["browser", "page_of"]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("warehouse_home"),
    pytest.mark.row("T7"),
]
DAYS, OFF = 32, 3
LETTER = {"utm_source": "newsletter", "utm_medium": "email"}
SPRING, SHIRT = "/spring", "/item/shirt"


@dataclass(frozen=True)
class Words:
    """What an operator reads in one language."""

    language: str
    channel: str
    fewer: str
    visitors: str
    mend: str
    landing: str
    left: str
    name: str


ENGLISH = Words("en", "Email", "less", "Visitors", "Mend", "Campaign page", "Left", "From the spring page")
CHINESE = Words("zh-hans", "邮件", "少", "访客", "修改", "活动页", "离开", "从春季页面下单")


def _visit(shop, name: str, at: datetime, *paths: str, buys: bool = False, **first: str) -> list[dict]:
    """A visit's views half a minute apart, and its order; `first`: what its first view says besides."""
    kinds = {"/": "home", SPRING: "campaign", SHIRT: "item"}
    rows = []
    for number, path in enumerate(paths):
        said = first if number == 0 else {}
        moment = at + timedelta(seconds=30 * number)
        rows.append(
            event(shop, f"{name}.{number}", name, moment, page_path=path, page_type=kinds[path], **said)
        )
    if buys:
        order = order_event(shop, f"{name}.o", name, at + timedelta(minutes=5), f"O{name}", 19_900)
        rows.append(order | {"person_ref": name, "person_id": surrogate(shop.id, "person", name)})
    return rows


def _day(shop, day: date, letters: int, lost: int) -> list[dict]:
    """120 direct visits to the home page, a tenth of them buys; `letters` by the newsletter's link to the spring page, of
    which `lost` see no other page and every fifth buys if it is none of these."""
    morning = datetime.combine(day, time(9), shop.zone).astimezone(UTC)
    rows = []
    for number in range(120):
        ways = ("/",) if number % 3 == 0 else ("/", SHIRT)
        at = morning + timedelta(seconds=40 * number)
        rows += _visit(shop, f"{day}d{number}", at, *ways, buys=number % 10 == 1)
    for number in range(letters):
        is_lost = number < lost
        ways = (SPRING,) if is_lost else (SPRING, SHIRT)
        at = morning + timedelta(seconds=50 * number)
        buys = not is_lost and number % 5 == 4
        rows += _visit(shop, f"{day}m{number}", at, *ways, buys=buys, **LETTER)
    return rows


@pytest.fixture
def shop_with_a_loss(shop):
    """A month of a shop whose newsletter brought 100 visits a day, and 40 in the last three days, since its page fails."""
    today = local_day(clock.now(), shop.zone)
    rows = []
    for back in range(DAYS, 0, -1):
        letters, lost = (40, 34) if back <= OFF else (97 + back % 7, 25)
        rows += _day(shop, today - timedelta(days=back), letters, lost)
    rows += _visit(shop, "now", clock.now() - timedelta(seconds=1), "/")  # the day before is whole
    actions.append(facts={"events": events_table(rows)})
    actions.seal(shop)
    # Two hours on, which is how long a day that is over waits for late facts: also where the test runs just after midnight.
    later = clock.now() + timedelta(hours=2)
    assert alerts.judge_due(shop=shop, actor=Actor.system("alerts"), at=later) > 0
    return shop


def test_morning__in_both_languages__from_the_drop_to_the_page_that_lost_them_and_to_an_analyst(
    page_of, live_server, shop_with_a_loss, member_of
):
    shop = shop_with_a_loss
    operator, analyst = member_of(shop, Role.OPERATOR), member_of(shop, Role.ANALYST)
    for words, other in ((ENGLISH, CHINESE), (CHINESE, ENGLISH)):
        page = page_of(operator, words.language)
        link, numbers = _morning(page, live_server.url, shop, words)
        # The analyst reads the other language; the numbers are the same.
        _taken_along(page_of(analyst, other.language), link, numbers, words.name)


def _morning(page: Page, url: str, shop, words: Words) -> tuple[str, list[str]]:
    """From Today to a saved funnel; its link and its numbers."""

    def goes_to(name: str, query: str = "") -> None:
        page.goto(url + reverse(f"console:{name}", args=[shop.slug]) + query)

    goes_to("today")
    lines = page.locator("ul.entries li").filter(has=page.locator("a[href*='/alerts/']"))
    # The channel that fell, and the entrance whose bounces rose; nothing else.
    expect(lines).to_have_count(2)
    expect(lines.filter(has_text=SPRING)).to_have_count(1)
    line = lines.filter(has_text=words.channel)
    line.get_by_role("link").click()
    expect(page.locator("#alert-sentence")).to_contain_text(words.fewer)
    expect(page.locator("svg.alert-course circle.dot")).to_have_count(OFF)
    sources = page.locator("a.button.is-main").get_attribute("href")
    assert sources
    days = "?" + re.search(r"range=custom&from=[\d-]+&to=[\d-]+", sources)[0]

    goes_to("overview", days)
    parts = page.locator(".split li")
    expect(parts.first).to_contain_text(words.visitors)
    expect(parts).to_have_count(4)
    page.locator("p.answer a.deed").click()
    channel = page.locator(LIST, has_text=words.channel)
    expect(channel).to_contain_text("120")

    goes_to("entrances", days + "&channel=email")
    entrance = page.locator(LIST, has_text=SPRING)
    expect(entrance).to_contain_text("85.00%")
    goes_to("entrances", days)
    page.locator(LIST, has_text=SPRING).get_by_role("link", name=words.mend).click()
    expect(page.locator("#drawer-body")).to_contain_text("120")

    goes_to("traffic_map", days + f"&entry_path={SPRING}")
    leak = page.locator(LIST).filter(has_text=words.landing).filter(has_text=words.left)
    expect(leak.first).to_contain_text("102")

    goes_to("funnels", days)
    page.locator("#t1").select_option("page")
    page.locator("#n1").fill("")
    page.locator("#f1").select_option("page_path")
    page.locator("#v1").fill(SPRING)
    page.locator("#t2").select_option("page")
    page.locator("#n2").fill("")
    page.locator("#f2").select_option("page_type")
    page.locator("#v2").fill("item")
    page.locator("#t3").select_option("track")
    page.locator("#n3").fill("Order Completed")
    page.locator("#funnel-form button.is-main").click()
    numbers = page.locator(".funnel-table [data-metric='funnel_visitors v1']")
    expect(numbers).to_have_text(["120", "18", "6"])
    page.locator(".page-head details.pop summary").click()
    page.locator("#funnel-name").fill(words.name)
    page.locator(".page-head details.pop button.is-main").click()
    expect(page.locator("h1")).to_have_text(words.name)
    expect(numbers).to_have_count(3)  # the saved one loads its answer anew
    return page.url, numbers.all_inner_texts()


def _taken_along(page: Page, link: str, numbers: list[str], name: str) -> None:
    page.goto(link)
    expect(page.locator("h1")).to_have_text(name)
    expect(page.locator(".funnel-table [data-metric='funnel_visitors v1']")).to_have_text(numbers)
    with page.expect_download() as begun:
        page.locator("a[download]").first.click()
    text = begun.value.path().read_text(encoding="utf-8-sig")
    table = list(csv.reader(io.StringIO(text)))
    assert [row for row in table if set(numbers[:1]) & set(row)], text
