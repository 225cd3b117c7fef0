"""The page of cohorts: a table that says its numbers, who stands behind them, what is refused, and in a real browser."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from django.urls import reverse

from shuke.kernel import clock
from shuke.shops.roles import Role
from shuke.traffic import reads
from shuke.traffic.tests.drawn import draw
from shuke.warehouse import actions, schemas

pytestmark = [pytest.mark.django_db, pytest.mark.row("T7")]
AFTER = datetime(2026, 3, 25, 4, tzinfo=UTC)
MOVEMENT = reads.Behaviour("movement")
CELL = re.compile(
    r'<td class="is-cell is-level-(\d)( is-unfinished)?" title="([^"]*)" data-metric="retention v1">(.*?)</td>'
)


@pytest.fixture
def life(shop, warehouse_home):
    drawn = draw(shop)
    actions.append(
        facts={
            "events": pa.Table.from_pylist(drawn.events, schema=schemas.EVENTS),
            "order_lines": pa.Table.from_pylist(drawn.lines, schema=schemas.ORDER_LINES),
        }
    )
    return drawn


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


def text_of(html: str) -> str:
    return re.sub(r"<[^>]+>", "", html).strip()


def test_table__every_cell__as_the_read_says_and_marked_in_words(read, life) -> None:
    found = reads.cohorts(shop=life.shop, starting=MOVEMENT, at=AFTER)
    html = read("cohorts_table", {"start": "movement", "show": "people"}).content.decode()
    cells = CELL.findall(html)
    wanted = [cell for row in found.rows for cell in row.cells[1:]]
    assert len(cells) == len(wanted) > 20
    for (_level, hatched, hint, inside), cell in zip(cells, wanted, strict=True):
        assert bool(hatched) == cell.is_unfinished == ("so far" in inside) == ("may still rise" in hint)
        shown = text_of(inside).removesuffix("so far")
        assert shown == ("—" if cell.figure.value is None else f"{cell.figure.numerator:,}")
    sizes = re.findall(r'<td class="is-number is-size[^"]*">(?:<a [^>]*>)?([\d,]+)', html)
    assert [int(size.replace(",", "")) for size in sizes[: len(found.rows)]] == [
        row.size.value for row in found.rows
    ]
    shares = CELL.findall(read("cohorts_table", {"start": "movement"}).content.decode())
    for (_level, _hatched, _hint, inside), cell in zip(shares, wanted, strict=True):
        if cell.figure.value is not None:
            assert text_of(inside).removesuffix("so far") == f"{cell.figure.value * 100:.1f}%"
    assert not re.search(r"\sstyle=", html)


def test_cells__by_who_may_see_customers__lead_to_as_many_people(read, life) -> None:
    query = {"start": "movement", "show": "people"}
    html = read("cohorts_table", query).content.decode()
    links = re.findall(r'<td class="is-cell[^>]*><a href="([^"]+)">([\d,]+)</a>', html)
    sizes = re.findall(r'<td class="is-number is-size[^"]*"><a href="([^"]+)">([\d,]+)</a>', html)
    assert len(links) > 3
    assert len(sizes) > 3
    for url, number in [*links[:4], *sizes[:2], *sizes[-2:]]:
        address = url.replace("&amp;", "&").split("?")[1]
        people = read("cohort_people", dict(pair.split("=") for pair in address.split("&")))
        assert people.status_code == 200
        assert re.search(rf'<span class="count">{number}</span>', people.content.decode()), url
    for role in (Role.ANALYST, Role.READ_ONLY):
        assert "cohorts/people" not in read("cohorts_table", query, role).content.decode()
        assert read("cohort_people", {"cohort": "2026-03-01"}, role).status_code == 403


def test_csv__of_the_table_and_of_people__the_same_numbers(read, life) -> None:
    def rows(answer):
        text = b"".join(answer.streaming_content).decode("utf-8-sig")
        return list(csv.reader(io.StringIO(text)))

    found = reads.cohorts(shop=life.shop, starting=MOVEMENT, at=AFTER)
    header, *lines = rows(read("cohorts", {"start": "movement", "format": "csv"}))
    assert "cohort_size v1" in header[2]
    assert any("retention v1" in title for title in header)
    assert [int(line[2]) for line in lines] == [row.size.value for row in found.rows]
    assert lines[0][4 : 4 + found.offsets] == [str(cell.figure.numerator) for cell in found.rows[0].cells]
    first = found.rows[0]
    header, *people = rows(
        read(
            "cohort_people", {"start": "movement", "cohort": first.period.start.isoformat(), "format": "csv"}
        )
    )
    assert len(people) == first.size.value
    assert read("cohorts", {"format": "csv"}, Role.READ_ONLY).status_code == 403


def test_view__by_its_address__is_what_is_asked(read, life) -> None:
    query = {
        "start": "event",
        "start_name": "Product Added",
        "start_field": "page_path",
        "start_op": "in",
        "start_value": "/item/1, /item/2",
        "back": "visit",
        "back_field": "is_paid",
        "back_op": "eq",
        "back_value": "yes",
        "who": "visitor",
        "grain": "week",
        "range": "custom",
        "from": "2026-03-02",
        "to": "2026-03-14",
        "show": "people",
    }
    shell = read("cohorts", query).content.decode()
    assert 'class="note is-warn"' not in shell
    assert "Product Added · page is one of /item/1, /item/2" in shell
    html = read("cohorts_table", query).content.decode()
    from shuke.conditions.reads import parse
    from shuke.kernel.periods import Period

    pages = {"v": 1, "all": [{"field": "page_path", "op": "in", "value": ["/item/1", "/item/2"]}]}
    paid = {"v": 1, "all": [{"field": "is_paid", "op": "eq", "value": True}]}
    found = reads.cohorts(
        shop=life.shop,
        starting=reads.Behaviour("event", "Product Added", parse(pages, "event")),
        returning=reads.Behaviour("visit", condition=parse(paid, "visit")),
        who="visitor",
        grain="week",
        period=Period(datetime(2026, 3, 2).date(), datetime(2026, 3, 15).date()),
        at=AFTER,
    )
    cells = [text_of(inside).removesuffix("so far") for *_rest, inside in CELL.findall(html)]
    assert cells == [f"{cell.figure.numerator}" for row in found.rows for cell in row.cells]
    assert sum(cell.figure.numerator for row in found.rows for cell in row.cells) > 0


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"start": "family"}, "There is no choice “family”."),
        ({"start": "event"}, "Say the name of the event."),
        ({"range": "custom", "from": "2026-03-02", "to": "2026-03-01"}, "the first not after the last"),
        ({"range": "custom", "from": "0001-01-01", "to": "2026-03-01"}, "between 1990 and 2199"),
        ({"start_field": "entry_path", "start_op": "eq", "start_value": "/"}, "entry_path"),
        ({"start_field": "paid", "start_op": "ge", "start_value": "much"}, "much"),
        ({"grain": "year"}, "There is no choice “year”."),
    ],
)
def test_address__that_can_not_be_read__said_and_replaced(read, life, query, words) -> None:
    answer = read("cohorts", query)
    assert answer.status_code == 200
    assert words in answer.content.decode()
    assert read("cohorts_table", query).status_code == 200


def test_states__nobody_and_too_many__say_what_to_do(read, shop, life) -> None:
    nobody = read("cohorts_table", {"start": "event", "start_name": "Nothing"}).content.decode()
    assert "Nobody began in this view" in nobody
    assert "Look at visitors instead" in nobody
    query = {"start": "movement", "grain": "week", "range": "all"}
    many = read("cohorts_table", query).content.decode()
    assert "cohorts do not fit one picture" in many
    assert "grain=month" in many
    assert read("cohorts", query | {"format": "csv"}).status_code == 200
    assert "同期群，一张图放不下" in read("cohorts_table", query, language="zh-hans").content.decode()


def test_state__only_another_kind_of_facts__leads_to_it(read, shop, warehouse_home) -> None:
    empty = read("cohorts_table").content.decode()
    assert "The shop has no facts yet" in empty
    lines = draw(shop).lines
    actions.append(facts={"order_lines": pa.Table.from_pylist(lines, schema=schemas.ORDER_LINES)})
    html = read("cohorts_table", {"start": "visit"}).content.decode()
    assert "No fact is of this behaviour" in html
    assert "Begin with the first order" in html
    assert 'class="list heat"' in read("cohorts_table", {"start": "order"}).content.decode()


def test_names__of_events__are_offered(read, life) -> None:
    html = read("cohort_names").content.decode()
    assert '<option value="Product Added">' in html
    assert reads.event_names(shop=life.shop, at=AFTER) == ("Product Added", "Order Completed")


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("language", "theme", "width"), [("en", "dark", 360), ("zh-hans", "light", 1280)])
def test_page__in_a_browser__from_choice_to_the_people(
    live_server, client, shop, member_of, life, language, theme, width
) -> None:
    import os

    from playwright.sync_api import expect, sync_playwright

    client.force_login(member_of(shop, Role.OWNER))
    complaints: list[str] = []
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    try:
        with sync_playwright() as playwright, clock.frozen(AFTER):
            browser = playwright.chromium.launch(
                executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"),
                args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
            )
            context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)
            cookies = {"sessionid": client.cookies["sessionid"].value, "shuke_language": language}
            context.add_cookies([{"name": k, "value": v, "url": live_server.url} for k, v in cookies.items()])
            page = context.new_page()
            page.on(
                "console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None
            )
            page.goto(live_server.url + reverse("console:cohorts", args=[shop.slug]))
            expect(page.locator("table.heat")).to_be_visible()
            page.locator("main details.pop summary").first.click()
            page.locator("#start-kind").select_option("movement")
            page.locator("form.is-behaviour button.is-main").first.click()
            page.wait_for_url("**start=movement**")
            expect(page.locator("table.heat tbody tr").first).to_be_visible()
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            unfinished = page.locator("td.is-unfinished").first
            assert "gradient" in unfinished.evaluate("cell => getComputedStyle(cell).backgroundImage")
            expect(unfinished.locator(".sub")).to_be_visible()
            size = page.locator("td.is-size a").first
            number = size.inner_text()
            size.click()
            page.wait_for_url("**/cohorts/people/**")
            expect(page.locator("#table-cohort-people h2 .count")).to_have_text(number)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            browser.close()
    finally:
        os.environ.pop("DJANGO_ALLOW_ASYNC_UNSAFE")
    assert complaints == []
