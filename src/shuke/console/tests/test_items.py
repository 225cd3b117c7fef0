"""The pages of items: each number as the reads say it, hot items at a past moment, files, and in a real browser."""

from __future__ import annotations

import csv
import io
import os
import re
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils.http import urlencode

from shuke.console import words
from shuke.kernel import clock
from shuke.kernel.periods import Period
from shuke.shops.roles import Role
from shuke.traffic.items import reads
from shuke.traffic.items.tests.conftest import WHOLE, life
from shuke.traffic.items.tests.drawn import AT

__all__ = ["life"]
pytestmark = [pytest.mark.django_db, pytest.mark.row("T10")]
AFTER = AT + timedelta(days=30)
DAYS = {"range": "custom", "from": "2026-03-01", "to": "2026-03-04"}


@pytest.fixture
def read(client, shop, member_of):
    """A function (name, query, role, language) -> response, signed in; the clock stands at AFTER."""
    users: dict[Role, object] = {}

    def get(name: str, query: dict | None = None, role: Role = Role.OWNER, language: str = "en"):
        if role not in users:
            users[role] = member_of(shop, role)
        client.force_login(users[role])
        client.cookies["shuke_language"] = language
        with clock.frozen(AFTER):
            return client.get(reverse(f"console:{name}", args=[shop.slug]), query or {})

    return get


def text_of(response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def rows_of(response) -> list[list[str]]:
    return list(csv.reader(io.StringIO(b"".join(response.streaming_content).decode("utf-8-sig"))))


def test_items__the_page_and_its_file__say_what_the_reads_say(read, life):
    found = reads.items(shop=life.shop, period=WHOLE, at=AFTER)
    page = text_of(read("items_table", DAYS | {"cols": ["views", "visitors", "paid_conversion", "amount"]}))
    for row in found.rows:
        shown = f"{row.sums.views} {row.sums.visitors} {words.money(row.sums.amount_minor, 'CNY')}"
        assert f"{row.title or row.product_ref}" in page
        assert shown in page, row
    assert "told by files alone" in page
    lines = rows_of(read("items", DAYS | {"format": "csv"}))
    assert [(line[1], int(line[2]), int(line[3])) for line in lines[1:]] == [
        (row.product_ref, row.sums.views, row.sums.visitors) for row in found.rows
    ]
    assert read("items", DAYS | {"format": "csv"}, role=Role.READ_ONLY).status_code == 403


def test_items__against_other_days__each_number_has_its_change_and_the_file_both(read, life):
    days = {"range": "custom", "from": "2026-03-03", "to": "2026-03-04"}
    period = Period(date(2026, 3, 3), date(2026, 3, 5))
    found = reads.items(shop=life.shop, period=period, against="before", at=AFTER)
    row = next(one for one in found.rows if one.then.views and one.then.views != one.sums.views)
    asked = days | {"against": "before"}
    page = text_of(read("items_table", asked))
    share = words.percent(abs(Decimal(row.sums.views) / row.then.views - 1), 1)
    way = "more" if row.sums.views > row.then.views else "less"
    assert f"{share} {way} than the 2 days before" in page
    assert "Changes against the 2 days before." in page
    assert "than the 2 days before" in text_of(read("item_answer", asked | {"ref": row.product_ref}))
    assert "than the 2 days before" not in text_of(read("items_table", days))
    assert "against=before" in read("items_table", asked).content.decode()  # an item keeps the comparison
    lines = rows_of(read("items", asked | {"format": "csv"}))
    before = lines[0].index("Views before")
    assert [int(line[before]) for line in lines[1:]] == [one.then.views for one in found.rows]
    assert "Views before" not in rows_of(read("items", days | {"format": "csv"}))[0]


def test_items__searched_and_sorted__shows_what_fits_in_that_order(read, life):
    only = text_of(read("items_table", DAYS | {"q": "b2"}))
    assert "Item B2" in only
    assert "Item A1" not in only
    by_name = text_of(read("items_table", DAYS | {"sort": "item"}))
    assert by_name.index("Item A1") < by_name.index("Item B2") < by_name.index("Item C3")


def test_item__its_page__shows_steps_sources_and_days(read, life):
    found = reads.item(shop=life.shop, period=WHOLE, product_ref="A1", at=AFTER)
    page = text_of(read("item_answer", DAYS | {"ref": "A1"}))
    assert f"{found.row.sums.bought} of {found.row.sums.came} bought it" in page
    assert "too few to judge" in page
    for of, question in (
        ("orders", "Which orders hold it?"),
        ("visitors", "Who viewed it?"),
        ("buyers", "Who bought it?"),
    ):
        asked = DAYS | {"ref": "A1", "of": of}
        assert f"of={of}" in read("item_answer", DAYS | {"ref": "A1"}).content.decode()
        told = reads.item_behind(shop=life.shop, period=WHOLE, product_ref="A1", of=of, size=1000)
        shown = text_of(read("item_behind", asked))
        assert question in shown
        lines = rows_of(read("item_behind", asked | {"format": "csv"}))
        assert lines[0] == list(reads.COLUMNS[of])
        assert len(lines) == 1 + told.count
        masked = rows_of(read("item_behind", asked | {"format": "csv"}, role=Role.ANALYST))
        assert of == "visitors" or {line[lines[0].index("buyer_id")] for line in masked[1:]} <= {"•••", ""}
    assert read("item_behind", DAYS | {"ref": "A1", "of": "luck"}).status_code == 422
    listed = read("items_table", DAYS | {"cols": ["visitors", "bought", "orders"]}).content.decode()
    assert all(f"ref=A1&amp;of={of}&amp;range=custom" in listed for of in reads.COLUMNS)
    assert page.count("Mar 4, 2026") == 1
    assert "neither seen nor sold" in text_of(read("item_answer", DAYS | {"ref": "no'thing"}))
    days, sources = (
        rows_of(read("item", DAYS | {"ref": "A1", "format": "csv", "table": name}))
        for name in ("", "sources")
    )
    for lines, parts in ((days, found.days), (sources, found.sources)):
        views = lines[0].index("views")
        assert [int(line[views]) for line in lines[1:]] == [part.sums.views for part in parts]
    refused = read("item", DAYS | {"ref": "A1", "format": "csv"}, role=Role.READ_ONLY)
    assert refused.status_code == 403


def test_item__seen_on_pages_of_its_own__leads_to_their_reports(read, life):
    paths = reads.item_pages(shop=life.shop, period=WHOLE, product_ref="A1")
    page = read("item_answer", DAYS | {"ref": "A1"}).content.decode()
    assert "/page/visits/?" in page
    assert paths
    for path in paths:
        assert f"?range=custom&amp;from=2026-03-01&amp;to=2026-03-04&amp;{urlencode({'path': path})}" in page
    assert reads.item_pages(shop=life.shop, period=WHOLE, product_ref="/known/by/its/path") == (
        "/known/by/its/path",
    )
    assert reads.item_pages(shop=life.shop, period=WHOLE, product_ref="nothing") == ()


def test_hot__at_a_past_moment_of_the_address__is_the_list_of_that_moment(read, life):
    moment = AT - timedelta(hours=20)
    query = {"at": f"{moment.astimezone(life.shop.zone):%Y-%m-%dT%H:%M}", "window": "7d", "by": "carts"}
    found = reads.hot(shop=life.shop, moment=moment, window="7d", by="carts", at=AFTER)
    lines = rows_of(read("items_hot", query | {"format": "csv"}))
    assert [(line[1], int(line[3])) for line in lines[1:]] == [(r.product_ref, r.carts) for r in found.rows]
    assert "As known now" in text_of(read("items_hot_table", query))
    wrong = text_of(read("items_hot", {"at": "yesterday"}))
    assert "“yesterday” is no moment" in wrong
    assert "has not come yet" in text_of(read("items_hot", {"at": "2030-01-01T00:00"}))


def test_stalled__of_too_few_items__says_so(read, life):
    assert "Only 3 items sold, fewer than 5" in text_of(read("items_stalled_table", DAYS))
    assert "有销量的商品仅 3 件" in text_of(read("items_stalled_table", DAYS, language="zh-hans"))


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_items__in_a_browser__from_the_list_to_one_item_and_a_past_hot_list(
    live_server, client, shop, member_of, life
):
    from playwright.sync_api import expect, sync_playwright

    client.force_login(member_of(shop, Role.OWNER))
    # What is asked for the first time is translated first, which is no part of what is looked at here.
    reads.item(shop=shop, period=WHOLE, product_ref="A1", at=AFTER)
    hot = reads.hot(shop=shop, moment=AT, window="7d", at=AFTER)
    complaints: list[str] = []
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    try:
        with sync_playwright() as playwright, clock.frozen(AFTER):
            browser = playwright.chromium.launch(
                executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"),
                args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
            )
            context = browser.new_context(viewport={"width": 360, "height": 800})
            cookies = {"sessionid": client.cookies["sessionid"].value, "shuke_language": "zh-hans"}
            context.add_cookies([{"name": k, "value": v, "url": live_server.url} for k, v in cookies.items()])
            page = context.new_page()
            page.on(
                "console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None
            )
            days = "?range=custom&from=2026-03-01&to=2026-03-04"
            page.goto(live_server.url + reverse("console:items", args=[shop.slug]) + days)
            first = page.locator("#table-items tbody tr").first
            expect(first).to_be_visible(timeout=30_000)
            name = first.locator("th a").inner_text()
            first.locator("th a").click()
            page.wait_for_url("**/items/one/**")
            expect(page.locator("h1")).to_have_text(name, timeout=30_000)
            expect(page.locator("[data-picture] svg")).to_be_visible()
            page.get_by_role("link", name="这些访客").click()
            expect(page.locator("#table-item-visitors tbody tr").first).to_be_visible()
            assert page.evaluate("document.documentElement.scrollWidth") <= 360
            page.goto(live_server.url + reverse("console:items_hot", args=[shop.slug]))
            page.locator("main details.pop summary").first.click()
            page.locator("#hot-at").fill("2026-03-04T14:05")
            page.locator("main details.pop form button").click()
            page.wait_for_url("**at=2026-03-04**")
            page.get_by_role("link", name="7 天").click()
            page.wait_for_url("**window=7d**")
            expect(page.locator("#table-items-hot tbody tr")).to_have_count(len(hot.rows), timeout=30_000)
            assert page.evaluate("document.documentElement.scrollWidth") <= 360
            browser.close()
    finally:
        os.environ.pop("DJANGO_ALLOW_ASYNC_UNSAFE")
    assert complaints == []
