"""The pages of customers in a real browser: from the list to one of them, a tag given by hand, and seen on the time line."""

from __future__ import annotations

import os

import pytest
from django.urls import reverse

from shuke.audience.customers import reads
from shuke.audience.customers.tests.conftest import life
from shuke.kernel import clock
from shuke.shops.roles import Role

__all__ = ["life"]
pytestmark = [pytest.mark.row("A1"), pytest.mark.row("A2"), pytest.mark.row("A3")]


def test_customers__pages_and_deeds__say_what_the_reads_say_and_files_are_masked(
    client, shop, member_of, life
):
    client.force_login(member_of(shop, Role.OWNER))
    client.cookies["shuke_language"] = "en"
    found = reads.list_customers(shop, at=clock.now(), sort="-visits")
    row = found.rows[0]

    def address(name: str, *more: object) -> str:
        return reverse(f"console:{name}", args=[shop.slug, *more])

    page = client.get(address("customers_table"), {"sort": "-visits", "cols": ["visits", "tags"]})
    text = page.content.decode()
    assert text.index(row.ref) < text.index(found.rows[1].ref)
    assert page.cookies["shuke_customer_columns"].value == "visits.tags"
    lines = b"".join(client.get(address("customers"), {"format": "csv"}).streaming_content).decode()
    assert lines.count("\n") == found.count + 1
    assert f",{row.ref}," not in lines
    asked = {"chosen": [str(one.customer_id) for one in found.rows[:3]], "tag": "linen"}
    assert "3 customers get it" in client.post(address("tag_customers"), asked).content.decode()
    assert not reads.tag_names(shop, clock.now())
    client.post(address("tag_customers"), asked | {"sure": "1"})
    client.post(address("take_customer_tag", found.rows[1].customer_id), {"tag": "linen"})
    client.post(
        address("set_customer_attribute", row.customer_id), {"name": "birthday", "value": "lunar 1990-8-15"}
    )
    refused = client.post(
        address("set_customer_attribute", row.customer_id), {"name": "age", "value": "old"}, follow=True
    )
    assert "does not suit the attribute" in refused.content.decode()
    shown = client.get(address("customer_answer", row.customer_id)).content.decode()
    assert "lunar 1990-8-15" in shown
    assert "Got the tag “linen”" in shown
    tagged = reads.list_customers(shop, at=clock.now(), sort="-visits").rows[:3]
    assert [one.tags for one in tagged] == [("linen",), (), ("linen",)]
    client.force_login(member_of(shop, Role.SUPPORT))
    assert client.get(address("customers_table")).status_code == 200
    assert client.post(address("tag_customers"), asked).status_code == 403
    assert client.post(address("give_customer_tag", 12), {"tag": "x"}).status_code == 403


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_customers__in_a_browser__from_the_list_to_one_whose_tag_stands_on_his_time_line(
    live_server, client, shop, member_of, life
):
    from playwright.sync_api import expect, sync_playwright

    client.force_login(member_of(shop, Role.OWNER))
    found = reads.list_customers(shop, at=clock.now(), sort="-visits")
    complaints: list[str] = []
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"),
                args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
            )
            for language, width, tag in (("en", 1280, "knows linen"), ("zh-hans", 360, "懂亚麻")):
                context = browser.new_context(viewport={"width": width, "height": 900})
                cookies = {"sessionid": client.cookies["sessionid"].value, "shuke_language": language}
                context.add_cookies(
                    [{"name": k, "value": v, "url": live_server.url} for k, v in cookies.items()]
                )
                page = context.new_page()
                page.set_default_timeout(60_000)
                page.on(
                    "console",
                    lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None,
                )
                page.goto(live_server.url + reverse("console:customers", args=[shop.slug]) + "?sort=-visits")
                first = page.locator("#table-customers tbody tr").first
                expect(first.locator("th a")).to_have_text(found.rows[0].ref or "", timeout=60_000)
                expect(page.locator("#table-customers .count")).to_have_text(str(found.count), timeout=60_000)
                first.locator("th a").click()
                page.wait_for_url(f"**/customers/{found.rows[0].customer_id}/")
                expect(page.locator("#timeline li .icon-box").first).to_be_visible(timeout=60_000)
                page.fill("#tag-name", tag)
                page.locator("#tags form.form button").click()
                expect(page.locator("#tags .deeds")).to_contain_text(tag, timeout=60_000)
                expect(page.locator("#timeline li").first).to_contain_text(tag, timeout=60_000)
                page.select_option("#attribute-name", "gender")
                page.fill("#attribute-value", "f")
                page.locator("#attributes form button").click()
                told = "女" if width == 360 else "female"
                expect(page.locator("#attributes dd").first).to_contain_text(told, timeout=60_000)
                assert page.evaluate("document.documentElement.scrollWidth") <= width
                context.close()
            browser.close()
    finally:
        os.environ.pop("DJANGO_ALLOW_ASYNC_UNSAFE", None)
    assert complaints == []
