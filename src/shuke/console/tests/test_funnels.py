"""The page of funnels: built by pointing, said in words and numbers, saved and shared, and in a real browser."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from django.urls import reverse
from playwright.sync_api import expect, sync_playwright

from shuke.conditions.reads import All, Compare, Op, parse
from shuke.kernel import clock
from shuke.records.actor import Actor
from shuke.shops.roles import Role
from shuke.traffic.funnels import actions as funnels
from shuke.traffic.funnels.shapes import Funnel, Step, parse_funnel
from shuke.traffic.funnels.tests import oracle
from shuke.traffic.funnels.tests.test_reads import FUNNEL, append, drawn, expected
from shuke.warehouse import actions

pytestmark = [pytest.mark.django_db, pytest.mark.row("T7")]
AT = datetime(2026, 3, 10, 20, 5, tzinfo=UTC)
DAYS = {"range": "custom", "from": "2026-03-02", "to": "2026-03-10"}
STEPS = {
    "t1": "track",
    "n1": "Product Viewed",
    "t2": "track",
    "n2": "Product Viewed",
    "t3": "track",
    "n3": "Product Added",
}
STEPS |= {"t4": "track", "n4": "Order Completed", "w": "3", "u": "d"}
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")


@pytest.fixture
def facts(shop, warehouse_home) -> list[dict]:
    rows = drawn(shop, 1)
    append(rows)
    actions.seal(shop)
    return rows


@pytest.fixture
def read(client, shop, member_of):
    """A function (name, query, role, language) -> response, signed in; the clock stands at AT."""
    users: dict[Role, object] = {}

    def get(name: str, query: dict | None = None, role: Role = Role.OWNER, language: str = "en"):
        if role not in users:
            users[role] = member_of(shop, role)
        client.force_login(users[role])
        client.cookies["shuke_language"] = language
        with clock.frozen(AT):
            return client.get(reverse(f"console:{name}", args=[shop.slug]), query or {})

    return get


def text_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_funnel_page__its_numbers__are_those_of_plain_python_in_both_languages(read, facts) -> None:
    counts = oracle.counts(expected(facts), 4)
    for language, said in (
        ("en", f"Of {counts[0]} visitors with “Product Viewed”"),
        ("zh-hans", f"{counts[0]}"),
    ):
        html = read("funnel_answer", DAYS | STEPS, language=language).content.decode()
        rows = re.findall(
            r'<tr(?: class="is-worst")?>\s*<th scope="row" class="is-first">(.*?)</tr>', html, re.S
        )
        assert len(rows) == 4
        for row, count in zip(rows, counts, strict=True):
            assert re.search(r'data-metric="funnel_visitors v1">([\d,]+)<', row)[1] == str(count)
        assert said in text_of(html)
        assert html.count("is-worst") == 1
    assert "got to “Order Completed” within 3 days" in text_of(
        read("funnel_answer", DAYS | STEPS).content.decode()
    )
    split = read("funnel_answer", DAYS | STEPS | {"split": "terminal"}).content.decode()
    assert "Mobile phone" in split
    assert "not stated" in split
    text = b"".join(read("funnels", DAYS | STEPS | {"format": "csv"}).streaming_content).decode()
    assert [line.split(",")[4] for line in text.splitlines()[1:]] == [str(n) for n in counts]


def test_funnel_page__steps_moved_dropped_and_added__lead_to_the_clean_address(read, facts) -> None:
    def moved(**deed: str) -> list[str]:
        answer = read("funnels", DAYS | STEPS | deed)
        assert answer.status_code == 302
        query = parse_qs(urlsplit(answer.url).query)
        assert query["from"] == ["2026-03-02"]
        assert query["w"] == ["3"]
        assert not {"up", "down", "drop", "add"} & set(query)
        return [query[f"n{n}"][0] for n in range(1, 9) if f"n{n}" in query]

    v, a, o = "Product Viewed", "Product Added", "Order Completed"
    assert moved(up="3") == [v, a, v, o]
    assert moved(down="3") == [v, v, o, a]
    assert moved(drop="2") == [v, a, o]
    assert moved(add="1") == [v, v, a, o, o]


def test_funnel_page__what_can_not_be_read__is_said_and_the_rest_stands(read, facts) -> None:
    html = read(
        "funnels",
        DAYS | STEPS | {"n2": "", "f3": "event_units", "o3": "ge", "v3": "many", "w": "x", "split": "no"},
    )
    text = text_of(html.content.decode())
    assert html.status_code == 200
    for said in ("Step 2:", "Step 3:", "The window has to be", "split"):
        assert said in text
    assert read("funnel_answer", DAYS | {"t1": "track", "n1": "Never"}).status_code == 200
    file = read("funnels", DAYS | STEPS | {"split": "no", "format": "csv"})
    assert (file.status_code, file["Content-Type"]) == (422, "text/plain; charset=utf-8")
    assert "split" in file.content.decode()
    nobody = read("funnel_answer", DAYS | STEPS | {"n1": "Never"}).content.decode()
    assert "Nobody took the first step" in nobody
    assert read("funnels", {"funnel": "999"}).status_code == 404


def test_funnel_page__a_step_or_the_window_is_wrong__there_is_no_answer_and_nothing_to_save(
    read, facts, shop
) -> None:
    saved = funnels.save_funnel(shop=shop, name="Kept", funnel=FUNNEL, actor=Actor.system("tests"), at=AT)
    wrong = (
        {"f2": "event_units", "o2": "ge", "v2": "abc"},
        {"t2": "walk"},
        {"t2": ""},
        {"w": "x"},
        {"w": "365"},
        {f"t{n}": "view" for n in range(5, 12)},
    )
    for given in wrong:
        query = DAYS | STEPS | given | {"funnel": saved.id}
        shell = read("funnels", query).content.decode()
        assert 'role="alert"' in shell, given
        assert "/funnels/save/" not in shell, given
        assert "changed here, not saved" in shell, given
        answer = read("funnel_answer", query).content.decode()
        assert "can not be read" in answer, given
        assert "data-metric" not in answer, given
        assert read("funnels", query | {"format": "csv"}).status_code == 422, given
        people = read("funnel_people", query | {"step": "2", "only": "1"})
        assert people.status_code == 302, given
        assert "step=" not in people.url, given
    assert "/funnels/save/" in read("funnels", DAYS | STEPS | {"funnel": saved.id}).content.decode()
    # Moved about, what is wrong stays as it was typed.
    moved = read("funnels", DAYS | STEPS | {"t2": "walk", "up": "2"})
    assert parse_qs(urlsplit(moved.url).query)["t1"] == ["walk"]


def test_funnel_page__a_step_of_several_conditions__keeps_them_until_they_are_taken_off(
    read, facts, shop
) -> None:
    form = {
        "v": 1,
        "any": [{"field": "terminal", "op": "eq", "value": "pc"}, {"field": "product_ref", "op": "is_known"}],
    }
    both = Funnel((Step("track", "Product Viewed", parse(form, "event")), Step("track", "Product Added")))
    saved = funnels.save_funnel(shop=shop, name="Both", funnel=both, actor=Actor.system("tests"), at=AT)

    def given(query: dict) -> tuple[dict[str, str], Funnel]:
        """What the form sends, and what would be saved."""
        html = read("funnels", query).content.decode()
        kept = [unescape(one) for one in re.findall(r'name="c1" value="([^"]*)" checked', html)]
        text = unescape(re.search(r'name="funnel" value="([^"]*)"', html)[1])
        return ({"c1": kept[0]} if kept else {}), parse_funnel(text)

    kept, funnel = given(DAYS | {"funnel": saved.id})
    assert kept
    assert funnel == both
    shown = DAYS | {
        "t1": "track",
        "n1": "Product Viewed",
        "t2": "track",
        "n2": "Product Added",
        "funnel": saved.id,
    }
    assert given(shown | kept) == (kept, both)
    moved = read("funnels", shown | kept | {"down": "1"})
    query = {name: values[0] for name, values in parse_qs(urlsplit(moved.url).query).items()}
    assert (query["n2"], query["c2"]) == ("Product Viewed", kept["c1"])
    more = given(shown | kept | {"f1": "page_type", "o1": "eq", "v1": "item"})[1].steps[0].condition
    assert more == All((Compare("page_type", Op.EQ, "item"), both.steps[0].condition))
    assert given(shown)[1].steps[0].condition is None
    assert "/funnels/save/" not in read("funnels", shown | {"c1": "{"}).content.decode()


def test_funnel_people__of_a_number__are_as_many_and_only_for_those_who_may(read, facts) -> None:
    wanted = expected(facts)
    html = read("funnel_answer", DAYS | STEPS).content.decode()
    assert "/funnels/people/?" in html
    assert "/funnels/people/?" not in read("funnel_answer", DAYS | STEPS, Role.ANALYST).content.decode()
    assert read("funnel_people", DAYS | STEPS | {"step": "1"}, Role.ANALYST).status_code == 403
    stopped = read("funnel_people", DAYS | STEPS | {"step": "1", "only": "1"})
    names = {
        row["anonymous_ref"]
        for row in facts
        for way in wanted
        if way["depth"] == 1 and way["subject_id"] == row["visitor_id"]
    }
    assert all(name in stopped.content.decode() for name in names)
    assert len(names) == sum(way["depth"] == 1 for way in wanted)


def test_funnel__saved_changed_and_archived_on_the_page__is_on_the_list_and_its_link_holds(
    read, facts, client, shop, member_of
) -> None:
    import json

    from shuke.traffic.funnels import reads
    from shuke.traffic.funnels.shapes import dump_funnel

    client.force_login(member_of(shop, Role.OPERATOR))
    url = reverse("console:save_funnel", args=[shop.slug])
    form = {
        "name": "To the order",
        "funnel": json.dumps(dump_funnel(FUNNEL)),
        "view": "range=last7&t1=track&n1=a&w=3",
    }
    done = client.post(url, form)
    (saved,) = reads.saved_funnels(shop)
    assert done.url == reverse("console:funnels", args=[shop.slug]) + f"?range=last7&funnel={saved.id}"
    assert saved.funnel == FUNNEL
    page = read("funnels", DAYS | {"funnel": saved.id}, Role.READ_ONLY)
    assert "To the order" in page.content.decode()
    assert "/funnels/save/" not in page.content.decode()
    assert client.post(url, form).status_code == 403  # the reader is signed in by now
    client.force_login(member_of(shop, Role.MANAGER))
    assert client.post(url, form).url.endswith("n1=a&w=3")  # a taken name: back to what was shown
    assert len(reads.saved_funnels(shop)) == 1
    client.post(url, form | {"id": saved.id, "version": 1, "name": "Renamed"})
    assert [one.name for one in reads.saved_funnels(shop)] == ["Renamed"]
    client.post(reverse("console:archive_funnel", args=[shop.slug, saved.id]))
    assert reads.saved_funnels(shop) == ()
    assert "archived" in read("funnels", {"funnel": saved.id}).content.decode()
    assert funnels.LONGEST_NAME == 120


@pytest.fixture
def browser(monkeypatch):
    # The browser's driver runs an event loop in this thread, which Django would take for asynchronous code.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield found
        found.close()


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_funnel__built_saved_and_opened_by_another_in_a_browser__shows_the_same_numbers(
    browser, live_server, client, shop, warehouse_home, member_of
) -> None:
    rows = drawn(shop, 1)
    append(rows)
    actions.seal(shop)
    counts = oracle.counts(expected(rows), 4)

    def page_of(role: Role):
        client.force_login(member_of(shop, role))
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        cookies = {"sessionid": client.cookies["sessionid"].value, "shuke_language": "en"}
        context.add_cookies([{"name": k, "value": v, "url": live_server.url} for k, v in cookies.items()])
        return context.new_page()

    address = live_server.url + reverse("console:funnels", args=[shop.slug])
    with clock.frozen(AT):
        page = page_of(Role.OPERATOR)
        page.goto(address + "?range=custom&from=2026-03-02&to=2026-03-10&w=3&u=d")
        # From the usual three steps to four: a view of an item twice.
        page.get_by_role("button", name="Add a step").click()
        for number, name in enumerate(
            ("Product Viewed", "Product Viewed", "Product Added", "Order Completed"), start=1
        ):
            page.locator(f"#t{number}").select_option("track")
            page.locator(f"#n{number}").fill(name)
        page.locator("#funnel-form").get_by_role("button", name="Show").last.click()
        numbers = page.locator(".funnel-table [data-metric='funnel_visitors v1']")
        expect(numbers).to_have_text([str(n) for n in counts], timeout=30_000)
        expect(page.locator(".picture-box svg").first).to_be_visible()
        page.get_by_text("Save this funnel").click()
        page.locator("#funnel-name").fill("Seen twice")
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.locator("h1")).to_have_text("Seen twice")
        link = page.url
        other = page_of(Role.ANALYST)
        other.goto(link)
        seen = other.locator(".funnel-table [data-metric='funnel_visitors v1']")
        expect(seen).to_have_text([str(n) for n in counts], timeout=30_000)
        if folder := os.environ.get("LOOKS"):
            for width in (1280, 360):  # to look at
                other.set_viewport_size({"width": width, "height": 900})
                other.goto(link + "&split=terminal")
                expect(other.locator("#table-funnel-split")).to_be_visible(timeout=30_000)
                other.wait_for_timeout(400)
                other.screenshot(path=f"{folder}/funnel-{width}.png", full_page=True)
