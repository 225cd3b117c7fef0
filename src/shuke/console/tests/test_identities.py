"""An operator decides what is suggested, merges by a name and undoes it: in Chromium, on a phone too."""

from __future__ import annotations

import pytest
from django.urls import reverse
from playwright.sync_api import expect
from tests.test_journeys import browser, page_of

from shuke.audience.identities import reads
from shuke.audience.identities.tests.furnished import furnish_identities
from shuke.shops.roles import Role

__all__ = ["browser", "page_of"]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("warehouse_home"),
    pytest.mark.row("A1"),
]


def test_suggestion__accepted_and_undone__leaves_both_as_they_were(page_of, live_server, shop, member_of):
    known = furnish_identities(shop, "m")
    before = reads.customer_map(shop)
    page = page_of(member_of(shop, Role.OPERATOR))
    page.goto(live_server.url + reverse("console:today", args=[shop.slug]))
    expect(page.get_by_text("1 merge suggestion waits")).to_be_visible()
    page.locator("main a[href$='/customers/suggestions/']").first.click()
    rows = page.locator("#table-suggestions tbody tr")
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("the same phone")
    rows.first.get_by_role("button", name="Merge").click()
    expect(page.get_by_text("are one customer now")).to_be_visible()
    expect(page.get_by_text("Nothing waits to be decided")).to_be_visible()
    who = reads.find(shop, "m-mei")[0].customer_id
    page.set_viewport_size({"width": 360, "height": 800})
    page.goto(live_server.url + reverse("console:customer_identities", args=[shop.slug, who]))
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    page.locator("#table-links summary").click()
    page.get_by_label("What was typed on the merged customer").select_option(label="m-li")
    page.get_by_role("button", name="Undo the merge").click()
    expect(page.get_by_text("are two customers again")).to_be_visible()
    assert reads.customer_map(shop).equals(before)
    # By a name that nobody has: nothing changes, and the page says what to do.
    page.get_by_label("A name of the other one, whole").fill("nobody")
    page.get_by_role("button", name="Merge", exact=True).click()
    expect(page.get_by_text("Nobody is known here as “nobody”.")).to_be_visible()
    page.get_by_label("A name of the other one, whole").fill(known["known_name"])
    page.get_by_role("button", name="Merge", exact=True).click()
    expect(page.get_by_text("are one customer now")).to_be_visible()
    assert reads.customer_map(shop).num_rows == before.num_rows + 1


def test_pages__of_roles__show_what_they_may(client, shop, member_of):
    known = furnish_identities(shop, "m")
    client.cookies["shuke_language"] = "zh-hans"
    path = reverse("console:merge_suggestions", args=[shop.slug])
    names = reverse("console:customer_identities", args=[shop.slug, int(known["merged"])])
    client.force_login(member_of(shop, Role.SUPPORT))
    text = client.get(path).content.decode() + client.get(names).content.decode()
    assert "手机号相同" in text
    assert "accept" not in text
    assert "split" not in text
    assert (
        client.post(reverse("console:refuse_suggestion", args=[shop.slug, known["suggestion"]])).status_code
        == 403
    )
    client.force_login(member_of(shop, Role.ANALYST))
    assert client.get(path).status_code == 403
