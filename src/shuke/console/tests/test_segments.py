"""The pages of segments: what each says and has, who is in it and why, for whom they are; and in a real browser."""

from __future__ import annotations

import os
import re

import pytest
from django.urls import reverse

from shuke.audience.segments import actions, reads
from shuke.conditions.reads import All
from shuke.kernel import clock
from shuke.records.actor import Actor
from shuke.shops.roles import Role
from shuke.traffic.tests.conftest import life
from shuke.traffic.tests.drawn import AT

__all__ = ["life"]
pytestmark = [pytest.mark.row("A7")]
BOUGHT = {"v": 2, "tally": "orders", "measure": "sum", "of": "order_net", "op": "ge", "value": 5_000}


@pytest.fixture
def bought(life):
    return actions.save_segment(
        shop=life.shop, name="Bought for 50", condition=BOUGHT, actor=Actor.system("test"), at=AT
    )


@pytest.mark.django_db
def test_segments__in_the_console__say_whom_they_have_and_why(client, life, member_of, bought):
    shop = life.shop

    def ask(name, *args, role=Role.OWNER, language="en", **given):
        client.force_login(users[role])
        client.cookies["shuke_language"] = language
        with clock.frozen(AT):
            return client.get(reverse(f"console:{name}", args=[shop.slug, *args]), given)

    def text(answer) -> str:
        return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())

    users = {role: member_of(shop, role) for role in (Role.OWNER, Role.ANALYST, Role.SUPPORT)}
    numbers, everyone = reads.counts(shop, reads.list_segments(shop, at=AT), at=AT)
    listed = text(ask("segments_table"))
    assert f"{everyone} customers are known by name" in listed
    assert "sum of net amount of the order is at least 50.00 CNY" in listed
    assert "熟客" in text(ask("segments_table", language="zh-hans"))
    rows = ask("segments", format="csv").getvalue().decode("utf-8-sig").splitlines()
    assert rows[-1].split(",")[0] == bought.key
    assert rows[-1].endswith(str(numbers[bought.key]))

    shown = ask("segment_answer", bought.key)
    assert f"{numbers[bought.key]} of {everyone} customers" in text(shown)
    chosen = reads.chosen(shop, bought.condition, at=AT, with_names=True)
    assert all((row.ref or str(row.customer_id)) in text(shown) for row in chosen.rows[:5])
    hidden = text(ask("segment_answer", bought.key, role=Role.ANALYST))
    assert f"{numbers[bought.key]} of {everyone} customers" in hidden
    assert "for those who may see customers" in hidden
    assert ask("segment_why", bought.key, chosen.rows[0].customer_id, role=Role.ANALYST).status_code == 403
    assert ask("segment_answer", bought.key, role=Role.SUPPORT).status_code == 403

    inside = text(ask("segment_why", bought.key, chosen.rows[0].customer_id))
    assert "Why is this customer in “Bought for 50”?" in inside
    assert "Without these facts the customer would not be in:" in inside
    ids = {row.customer_id for row in chosen.rows}
    other = next(
        row.customer_id
        for row in reads.chosen(shop, All(), at=AT, size=1000).rows
        if row.customer_id not in ids
    )
    assert "为什么不在" in text(ask("segment_why", bought.key, other, language="zh-hans"))
    assert ask("segment", "999").status_code == 404
    wrong = text(ask("segments", at="soon"))
    assert "“soon” is no moment that was" in wrong


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_segments__in_a_browser__from_the_list_to_why_one_is_in(live_server, client, member_of, life, bought):
    from playwright.sync_api import expect, sync_playwright

    client.force_login(member_of(life.shop, Role.OWNER))
    reads.counts(life.shop, reads.list_segments(life.shop, at=AT), at=AT)
    complaints: list[str] = []
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    try:
        with sync_playwright() as playwright, clock.frozen(AT):
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
            page.goto(live_server.url + reverse("console:segments", args=[life.shop.slug]))
            page.get_by_role("link", name="Bought for 50").click(timeout=30_000)
            expect(page.locator("h1")).to_have_text("Bought for 50")
            page.get_by_role("link", name="为何在内").first.click(timeout=30_000)
            expect(page.locator("h1")).to_have_text("这位客户为什么在“Bought for 50”里？", timeout=30_000)
            expect(page.get_by_text("去掉以下事实，客户就不在内：")).to_be_visible()
            assert page.evaluate("document.documentElement.scrollWidth") <= 360
            browser.close()
    finally:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]
    assert complaints == []
