"""The editor of segments: what is typed is the condition that is kept, and back; what is refused stays as typed."""

from __future__ import annotations

import os
import random
import re

import pytest
from django.http import QueryDict
from django.urls import reverse

from shuke.audience.segments import actions, reads
from shuke.audience.segments.fields import CUSTOMER
from shuke.audience.segments.shapes import SegmentView
from shuke.audience.segments.tests.drawn_conditions import drawn
from shuke.conditions.reads import All, Member, None_, dump, parse
from shuke.console.segment_form import NAMES, SegmentForm
from shuke.kernel import clock
from shuke.records.actor import Actor
from shuke.shops.roles import Role
from shuke.traffic.tests.conftest import life
from shuke.traffic.tests.drawn import AT

__all__ = ["life"]
pytestmark = [pytest.mark.row("A7")]
SEGMENTS = {"regulars": "Regulars"}


def posted(form: SegmentForm) -> QueryDict:
    """What a browser sends of a form."""
    given = QueryDict(mutable=True)
    given["name"], given["version"] = form.name, str(form.version)

    def tell(draft) -> None:
        given[f"t.{draft.path}"] = draft.type
        if draft.type == "group":
            given[f"mode.{draft.path}"] = draft.mode
        for name in NAMES:
            if draft.get(name):
                given[f"{name}.{draft.path}"] = draft.get(name)
        for part in draft.parts:
            tell(part)

    tell(form.root)
    return given


@pytest.mark.django_db
def test_editor__any_condition__comes_back_as_it_was(life):
    rng = random.Random(3)
    kept = 0
    for _number in range(150):
        node = All((drawn(rng), None_((Member("regulars"),)), drawn(rng)))
        form = SegmentForm.of_segment(
            SegmentView("", node, None, {"zh": "", "en": ""}, {}), "en", "CNY", SEGMENTS
        )
        again = SegmentForm.of_post(posted(form), "CNY", SEGMENTS)
        assert parse(again.condition(), CUSTOMER) == node
        kept += sum(draft.type == "kept" for draft in again._all(again.root))
    assert 0 < kept < 200


def test_editor__what_it_has_no_inputs_for__is_kept_as_it_is():
    deep = {"tally": "orders", "measure": "count", "op": "ge", "value": 5}
    for _level in range(5):
        deep = {"any": [deep, {"field": "visits_ever", "op": "ge", "value": 9}]}
    wide = {"any": [{"field": "visits_ever", "op": "eq", "value": n} for n in range(100)]}
    listed = {"tally": "items", "measure": "count", "op": "ge", "value": 1}
    listed |= {"where": {"field": "item_title", "op": "in", "value": ["Shirt, red", "Hat"]}}
    many = {"tally": "items", "measure": "count", "op": "ge", "value": 1}
    many |= {"where": {"field": "item_ref", "op": "in", "value": [f"{n:09}" for n in range(490)]}}
    odd = {"tally": "orders", "measure": "distinct", "of": "order_net", "op": "ge", "value": 2}
    for form in (deep, wide, listed, many, odd):
        node = parse({"v": 2, "all": [form]}, CUSTOMER)
        shown = SegmentForm.of_segment(
            SegmentView("", node, None, {"zh": "", "en": ""}, {}), "en", "CNY", SEGMENTS
        )
        assert parse(SegmentForm.of_post(posted(shown), "CNY", SEGMENTS).condition(), CUSTOMER) == node


@pytest.fixture
def ask(client, shop, member_of):
    users: dict[Role, object] = {}

    def request(name, *args, given=None, role=Role.OWNER, language="en", query=None, **headers):
        users[role] = users.get(role) or member_of(shop, role)
        client.force_login(users[role])
        client.cookies["shuke_language"] = language
        with clock.frozen(AT):
            url = reverse(f"console:{name}", args=[shop.slug, *args])
            return client.get(url, query or {}) if given is None else client.post(url, given, headers=headers)

    return request


def text_of(answer) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


FORM = {
    "name": "Bought twice", "t.0": "group", "mode.0": "all",
    "t.0.0": "row", "what.0.0": "tally:orders:sum:order_net", "op.0.0": "ge", "value.0.0": "50.5", "unit.0.0": "days+",
    "n.0.0": "14",
    "t.0.1": "row", "what.0.1": "tally:visits:count", "op.0.1": "ge", "value.0.1": "1", "wf.0.1": "channel", "wo.0.1": "ne",
    "wv.0.1": "direct",
    "t.0.2": "then", "s1.0.2": "visits", "s2.0.2": "orders", "within.0.2": "48",
}  # fmt: skip
CONDITION = {
    "v": 2,
    "all": [
        {
            "tally": "orders", "measure": "sum", "of": "order_net", "op": "ge", "value": 5050,
            "window": {"last": 14, "unit": "days", "with_today": True},
        },
        {
            "tally": "visits", "measure": "count", "op": "ge", "value": 1,
            "where": {"field": "channel", "op": "ne", "value": "direct"},
        },
        {"then": [{"series": "visits"}, {"series": "orders"}], "within_hours": 48},
    ],
}  # fmt: skip


@pytest.mark.django_db
def test_editor__typed_and_kept__is_the_condition_that_was_meant(ask, life):
    shop = life.shop
    counted = text_of(ask("segment_preview", given=FORM))
    node = parse(CONDITION, CUSTOMER)
    found = reads.chosen(shop, node, at=AT)
    assert f"{found.count} of {found.everyone} customers" in counted
    assert "50.50 CNY" in counted
    answer = ask("new_segment", given=FORM | {"do": "save"})
    (made,) = (one for one in reads.list_segments(shop, at=AT) if one.kept)
    assert answer.url == reverse("console:segment", args=[shop.slug, made.key])
    assert dump(made.condition) == CONDITION
    form = ask("edit_segment", made.key).content.decode()
    assert 'value="50.50"' in form
    assert 'value="direct"' in form
    changed = ask("edit_segment", made.key, given=FORM | {"do": "save", "name": "Other", "version": "1"})
    assert changed.status_code == 302
    late = ask("edit_segment", made.key, given=FORM | {"do": "save", "name": "Late", "version": "1"})
    assert (late.status_code, "changed by" in text_of(late)) == (422, True)
    assert reads.get_segment(shop, made.key, at=AT).name("en") == "Other"
    assert ask("edit_segment", "regulars").url.endswith("?from=regulars")
    assert ask("archive_segment", made.key, given={}).status_code == 302
    assert reads.get_segment(shop, made.key, at=AT).kept.is_archived
    assert "Other" in text_of(ask("segments_table", query={"archived": "1"}))
    assert "is archived" in text_of(ask("segment", made.key))
    assert ask("edit_segment", made.key).url == reverse("console:segment", args=[shop.slug, made.key])
    assert ask("restore_segment", made.key, given={}).status_code == 302
    assert not reads.get_segment(shop, made.key, at=AT).kept.is_archived


@pytest.mark.django_db
def test_editor__what_can_not_be_read__is_told_at_its_line_and_stays_as_typed(ask, life):
    before = reads.list_segments(life.shop, at=AT)
    wrong = FORM | {"value.0.0": "much", "n.0.0": "0", "within.0.2": "soon", "do": "save"}
    answer = ask("new_segment", given=wrong)
    told = answer.content.decode()
    assert answer.status_code == 422
    assert told.count('class="problem"') == 2
    for typed in ("much", "soon", "Bought twice"):
        assert f'value="{typed}"' in told
    assert "does not suit" in text_of(ask("segment_preview", given=wrong))
    assert "不适合" in text_of(ask("segment_preview", given=wrong, language="zh-hans"))
    for name, typed in (
        ("value.0.0", "inf"), ("value.0.0", "1e999999"), ("value.0.0", "12,50"), ("value.0.0", "1e5000"),
        ("what.0.0", "tally:orders:sum"), ("what.0.0", "tally:x:y:z"), ("t.0.1", "kept"), ("json.0.1", "["), ("n.0.0", "9" * 30),
        ("unit.0.0", "years"), ("op.0.0", "?"), ("mode.0", "most"), ("s1.0.2", "moons"),
    ):  # fmt: skip
        for where in ("segment_preview", "new_segment"):
            answer = ask(where, given=FORM | {name: typed, "do": "save", "name": f"{name} {typed[:9]}"})
            assert answer.status_code in (200, 302, 422), (where, name, typed)
    before = reads.list_segments(life.shop, at=AT)
    nameless = ask("new_segment", given=FORM | {"name": " ", "do": "save"})
    assert (nameless.status_code, "1 to 80 characters" in text_of(nameless)) == (422, True)
    assert ask("new_segment", role=Role.ANALYST).status_code == 403
    assert ask("new_segment", given=FORM | {"do": "save"}, role=Role.ANALYST).status_code == 403
    for deed, parts in (("add:0", 4), ("then:0", 4), ("group:0", 4), ("remove:0.1", 2)):
        rows = ask("new_segment", given=FORM | {"do": deed}, **{"HX-Request": "true"}).content.decode()
        assert len(re.findall(r'name="t\.0\.\d"', rows)) == parts, deed
        assert "<html" not in rows
    assert reads.list_segments(life.shop, at=AT) == before


@pytest.mark.browser
@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.django_db(transaction=True)
def test_editor__twenty_conditions_by_hand_in_a_browser__kept_and_opened_by_an_analyst(
    live_server, client, member_of, life, language
):
    """Twenty lines, a group among them, built with the mouse and the keyboard; the link is opened by an analyst, who sees how
    many and not who."""
    from playwright.sync_api import expect, sync_playwright

    shop = life.shop
    names = {
        "en": (
            "A line",
            "A group",
            "Keep the segment",
            "of %d customers",
            "for those who may see customers",
            "Build a segment",
        ),
        "zh-hans": ("加一行", "加一组", "保存人群", "共 %d 位客户", "才能看到名单", "新建人群"),
    }[language]
    owner, analyst = member_of(shop, Role.OWNER), member_of(shop, Role.ANALYST)
    everyone = reads.chosen(shop, All(), at=AT).everyone
    complaints: list[str] = []
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    try:
        with sync_playwright() as playwright, clock.frozen(AT):
            browser = playwright.chromium.launch(
                executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"),
                args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
            )

            def opened(user):
                client.force_login(user)
                context = browser.new_context(viewport={"width": 1280, "height": 900})
                told = {"sessionid": client.cookies["sessionid"].value, "shuke_language": language}
                context.add_cookies(
                    [{"name": k, "value": v, "url": live_server.url} for k, v in told.items()]
                )
                page = context.new_page()
                page.on(
                    "console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None
                )
                return page

            page = opened(owner)
            page.goto(live_server.url + reverse("console:segments", args=[shop.slug]))
            page.get_by_role("link", name=names[5]).click()
            page.locator("#segment-name").fill("Twenty")
            page.locator('[name="value.0.0"]').fill("1")
            page.get_by_role("button", name=names[1], exact=True).click()
            expect(page.locator('[name="t.0.1.0"]')).to_have_count(1)
            page.locator('[name="value.0.1.0"]').fill("2")
            for number in range(2, 20):
                page.get_by_role("button", name=names[0], exact=True).last.click()
                row = page.locator(f'[name="what.0.{number}"]')
                expect(row).to_have_count(1)
                if number % 3 == 0:
                    row.select_option("field:visits_ever")
                    expect(page.locator(f'[name="unit.0.{number}"]')).to_have_count(0)
                page.locator(f'[name="value.0.{number}"]').fill("0")
            expect(page.get_by_text(names[3] % everyone).first).to_be_visible(timeout=30_000)
            page.get_by_role("button", name=names[2]).click()
            expect(page.locator("h1")).to_have_text("Twenty")
            link = page.url
            other = opened(analyst)
            other.goto(link)
            expect(other.get_by_text(names[4])).to_be_visible(timeout=30_000)
            browser.close()
    finally:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]
    assert complaints == []
    (made,) = (one for one in reads.list_segments(shop, at=AT) if one.kept)
    assert len(made.condition.parts) == 20
    assert actions.archive_segment(shop=shop, key=made.key, actor=Actor.system("test"), at=AT)
