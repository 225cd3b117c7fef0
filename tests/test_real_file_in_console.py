"""A shop's real year through the console: given to the page in a browser, previewed, loaded, and read from the pages."""

from __future__ import annotations

import gzip
import itertools
import json
from datetime import datetime
from pathlib import Path

import pytest
from playwright.sync_api import expect

from shuke.audience.value import reads as value
from shuke.intake import reads as intake
from shuke.records import jobs
from shuke.shops.roles import Role
from shuke.warehouse import actions
from tests.needs import data_folder
from tests.test_journeys import LIST, address, browser, page_of  # noqa: F401 (fixtures)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.data,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("warehouse_home"),
    pytest.mark.timeout(900),
]
FILE = data_folder() / "uci_online_retail" / "online_retail.csv.gz"
YEAR = "?range=custom&from=2010-12-01&to=2011-12-09"


def load(page, live_server, shop, file: Path = FILE) -> dict[str, str]:
    """Give a file to the page, look at its first rows, load it; what the import's own page says then."""
    page.goto(address(live_server, shop, "intake:imports"))
    page.set_input_files("input[type=file]", str(file))
    page.locator("form:has(input[type=file]) button").first.click()
    page.locator("select[name=mapping]").wait_for()
    if page.locator("select[name=mapping]").input_value() != "uci_online_retail":
        page.select_option("select[name=mapping]", "uci_online_retail")  # asks for the page again by itself
        page.wait_for_url("**mapping=uci_online_retail**")
    expect(page.locator("main")).to_contain_text("WHITE HANGING HEART T-LIGHT HOLDER")
    with page.expect_response(lambda answer: "imports/start" in answer.url):
        page.locator("form[action*='imports/start'] button").first.click()
    jobs.run_to_end(intake.list_imports(shop).rows[0].job_id)
    page.wait_for_url("**/imports/*/")
    page.reload()
    cells = page.locator("#import-state .numbers .cell")
    return {
        cells.nth(i).locator(".name").inner_text(): cells.nth(i).locator(".figure").inner_text()
        for i in range(cells.count())
    }


def overview(page, live_server, shop) -> dict[str, str]:
    """The numbers of the year as the overview's table shows them, by metric."""
    page.goto(address(live_server, shop, "console:overview", YEAR))
    page.locator(f"{LIST} a[href*='/evidence/orders/']").wait_for()
    wanted = ("orders", "cancelled_orders", "amount_paid", "amount_net")
    return {
        name: page.locator(f"{LIST} a[href*='/evidence/{name}/']").first.inner_text().strip()
        for name in wanted
    }


def value_of_customers(page, live_server, shop) -> None:
    """What the year's customers are worth, netted and gross, and where they stand: each number leads to as many customers."""

    def number(title: str) -> str:
        cell = page.locator(f".numbers .cell:has(.name:has-text('{title}')) .figure")
        return cell.inner_text().strip()

    def versions(title: str) -> list[str]:
        row = page.locator(f"#table-value tbody tr:has(th:text-is('{title}'))")
        return [one.split("\n")[0] for one in row.locator("td").all_inner_texts()]

    page.goto(address(live_server, shop, "console:value", "?at=2011-12-10T12:50"))
    expect(page.locator(".answer")).to_contain_text("1,171 super users")
    assert number("All customers") == "4,372"
    assert number("Money per customer") == "£1,898.46"
    assert versions("Money per customer") == ["£1,898.46", "£2,054.27"]
    assert versions("Whole days since the last order") == ["92.54", "92.54"]
    assert versions("Customers below zero") == ["41", "0"]
    assert versions("Super users") == ["1,171", "1,133"]
    expect(page.locator("#left-out")).to_contain_text("Orders without a known person")
    grid = page.locator("#rfm tbody .is-cell").all_inner_texts()
    assert sum(int(one.replace(",", "")) for one in grid) == 4_338

    page.locator("#table-value tr:has(th:text-is('Customers at zero')) a").first.click()
    expect(page.locator(".table-tools .count")).to_have_text("14")
    row = page.locator("tr:has(th:has-text('12346'))")
    expect(row).to_contain_text("£0.00")
    expect(row).to_contain_text("Unknown")
    row.get_by_role("button", name="Is one").click()  # an opinion leader, by hand
    expect(row.get_by_role("button", name="Take back")).to_be_visible()
    page.goto(address(live_server, shop, "console:value", "?at=2011-12-10T12:50&version=gross"))
    expect(page.locator(".answer")).to_contain_text("the best 20% bring 74.6%")
    assert versions("Opinion leaders") == ["1", "1"]
    page.locator("#rfm tbody tr").first.locator("a").last.click()
    expect(page.locator(".table-tools .count")).to_have_text("439")

    at = datetime(2011, 12, 10, 12, 50, tzinfo=shop.zone)
    found = {
        which: {
            row.ref: row.amount_minor
            for number in pages
            for row in value.value_customers(shop, which=which, at=at, page=number, size=1_000).rows
        }
        for which, pages in (("super", (1, 2)), ("all", (5,)))
    }
    assert (found["all"]["12346"], found["all"]["16446"]) == (0, 290)
    assert len(found["super"]) == 1_171
    assert not {"12346", "16446"} & set(found["super"])

    page.goto(address(live_server, shop, "console:lifecycle", "?day=2011-12-09&since=2011-09-09"))
    expect(page.locator("#table-lifecycle")).to_contain_text("Active")
    assert number("Returning") == "130"
    page.locator("#table-lifecycle tr:has-text('Silent'):has-text('Returning') a").click()
    expect(page.locator(".table-tools .count")).to_have_text("67")
    # On a phone the picture is a ranked list of the same flows.
    page.set_viewport_size({"width": 360, "height": 800})
    page.go_back()
    expect(page.locator(".flow-ranks li").first).to_contain_text("Active → Active")
    expect(page.locator("[data-picture]")).to_be_hidden()


@pytest.mark.row("A4")
@pytest.mark.row("A5")
@pytest.mark.row("A6")
@pytest.mark.row("T1")
@pytest.mark.row("T2")
def test_real_file__by_the_pages__counts_as_published_and_once(
    page_of,  # noqa: F811
    live_server,
    make_shop,
    member_of,
    tmp_path,
):
    shop = make_shop("uci", currency="GBP", zone="Europe/London")
    page = page_of(member_of(shop, Role.OWNER))
    page.set_default_timeout(120_000)
    told = load(page, live_server, shop)
    assert told == {
        "Rows read": "541,909",
        "New": "541,909",
        "Changed": "0",
        "Known already": "0",
        "In quarantine": "0",
    }
    actions.seal(shop)
    before = overview(page, live_server, shop)
    assert before == {
        "orders": "22,061",
        "cancelled_orders": "3,836",
        "amount_paid": "£10,666,684.54",
        "amount_net": "£9,747,747.93",
    }
    totals = f"{live_server.url}/api/v1/shops/{shop.slug}/orders/totals?start=2010-12-01&end=2011-12-10"
    page.goto(totals)
    found = json.loads(page.locator("body").inner_text())
    assert (found["sales"], found["cancellations"], found["adjustments"]) == (22_061, 3_836, 3)
    assert found["sales"] + found["cancellations"] + found["adjustments"] == 25_900
    assert found["buyers"] == 4_372

    # Its first weeks once more, in a file of their own; the whole file twice: test_real_data.py.
    weeks = tmp_path / "weeks.csv"
    with gzip.open(FILE, "rb") as whole:
        weeks.write_bytes(b"".join(itertools.islice(whole, 40_001)))
    again = load(page, live_server, shop, weeks)
    assert (again["Rows read"], again["New"], again["Known already"]) == ("40,000", "0", "40,000")
    assert overview(page, live_server, shop) == before
    page.goto(totals)
    assert json.loads(page.locator("body").inner_text()) == found
    value_of_customers(page, live_server, shop)
