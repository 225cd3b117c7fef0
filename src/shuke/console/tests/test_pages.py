"""Every page by role, in both languages: who gets in, what the sidebar offers, and what stands on it."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from shuke.shops.roles import TABLE, Deed, Role

pytestmark = pytest.mark.django_db
HAN = re.compile(r"[\u3400-\u9fff]")
# Names of columns are the platforms' own: they are shown as they stand in the files, marked so that nothing translates them.
FROM_FILES = re.compile(r"<(\w+)[^>]*\stranslate=.no.[^>]*>.*?</\1>", re.DOTALL)

PAGES: dict[str, tuple[Deed, dict[str, object]]] = {
    "console:today": (Deed.VIEW_TODAY, {}),
    "console:overview": (Deed.VIEW_TRAFFIC, {}),
    "console:overview_answer": (Deed.VIEW_TRAFFIC, {}),
    "console:overview_cause": (Deed.VIEW_TRAFFIC, {}),
    "console:overview_picture": (Deed.VIEW_TRAFFIC, {}),
    "console:definition": (Deed.VIEW_TRAFFIC, {"metric_id": "bounce_visitor"}),
    "console:evidence": (Deed.VIEW_TRAFFIC, {"metric_id": "uv_period"}),
    "console:sources": (Deed.VIEW_TRAFFIC, {}),
    "console:sources_table": (Deed.VIEW_TRAFFIC, {}),
    "console:cohorts": (Deed.VIEW_TRAFFIC, {}),
    "console:cohorts_table": (Deed.VIEW_TRAFFIC, {}),
    "console:rulebook": (Deed.VIEW_RULEBOOK, {}),
    "console:rule_differences": (Deed.VIEW_RULEBOOK, {}),
    "console:rule": (Deed.VIEW_RULEBOOK, {"rule_id": "common.visits.idle_minutes"}),
    "console:members": (Deed.MANAGE_MEMBERS, {}),
    "console:keys": (Deed.MANAGE_KEYS, {}),
    "console:audit": (Deed.VIEW_AUDIT, {}),
    "console:jobs": (Deed.VIEW_JOBS, {}),
    "console:shop": (Deed.MANAGE_SHOP, {}),
    "intake:imports": (Deed.IMPORT_FILES, {}),
    "intake:mappings": (Deed.IMPORT_FILES, {}),
    "intake:new_mapping": (Deed.MANAGE_MAPPINGS, {}),
    "intake:mapping": (Deed.MANAGE_MAPPINGS, {"name": "uci_online_retail"}),
    "intake:reports": (Deed.VIEW_TRAFFIC, {}),
    "intake:quarantine": (Deed.VIEW_QUARANTINE, {}),
    "intake:mends": (Deed.VIEW_QUARANTINE, {}),
}


def _url(name: str, shop) -> str:
    return reverse(name, kwargs={"shop": shop.slug, **PAGES[name][1]})


def _read(client, url: str, language: str = "en"):
    client.cookies["shuke_language"] = language
    return client.get(url)


@pytest.mark.parametrize("role", list(Role))
def test_pages__each_role__opens_what_the_table_says(client, shop, member_of, warehouse_home, role) -> None:
    client.force_login(member_of(shop, role))
    for name, (deed, _kwargs) in PAGES.items():
        answer = _read(client, _url(name, shop))
        assert (name, answer.status_code) == (name, 200 if role in TABLE[deed] else 403)


def test_pages__member_of_another_shop__are_not_found(client, shop, other_shop, member_of) -> None:
    client.force_login(member_of(other_shop, Role.OWNER))
    assert {name: _read(client, _url(name, shop)).status_code for name in PAGES} == dict.fromkeys(PAGES, 404)


def test_pages__nobody_signed_in__lead_to_the_sign_in(client, shop) -> None:
    for name in PAGES:
        answer = _read(client, _url(name, shop))
        assert answer.status_code == 302
        assert answer.url.startswith(reverse("account_login"))


def test_pages__in_english__hold_no_han(client, shop, member_of, warehouse_home) -> None:
    client.force_login(member_of(shop, Role.OWNER))
    urls = [_url(name, shop) for name in PAGES]
    urls += [reverse("console:shops"), reverse("console:profile"), reverse("account_change_password")]
    for url in urls:
        text = FROM_FILES.sub("", _read(client, url).content.decode())
        assert not HAN.findall(text), (url, HAN.findall(text)[:5])


def test_pages__in_chinese__say_so_to_the_browser(client, shop, member_of, warehouse_home) -> None:
    client.force_login(member_of(shop, Role.OWNER))
    for name in PAGES.keys() - {"console:overview_cause"}:  # says nothing where nothing changed
        text = _read(client, _url(name, shop), "zh-hans").content.decode()
        assert HAN.search(text), name
        assert 'lang="en"' not in text.split(">", 3)[1]


def test_pages__strict_policy__is_sent_and_nothing_is_inline(client, shop, member_of, warehouse_home) -> None:
    client.force_login(member_of(shop, Role.OWNER))
    for name in PAGES:
        answer = _read(client, _url(name, shop))
        assert "default-src 'self'" in answer["Content-Security-Policy"]
        assert "unsafe" not in answer["Content-Security-Policy"]
        text = answer.content.decode()
        assert not re.search(r"\sstyle=", text)
        assert not re.search(r"<script(?![^>]*(\ssrc=|application/json))", text)


@pytest.mark.parametrize("role", list(Role))
def test_sidebar__each_role__offers_what_opens_and_nothing_else(client, shop, member_of, role) -> None:
    client.force_login(member_of(shop, role))
    text = _read(client, _url("console:today", shop)).content.decode()
    for name, (deed, kwargs) in PAGES.items():
        if kwargs or name.endswith(
            (
                "_answer",
                "_cause",
                "_picture",
                "_table",
                "_differences",
                "_mapping",
                "mappings",
                ":mends",
            )
        ):
            continue
        is_offered = f'class="entry" href="{_url(name, shop)}"' in text
        assert (name, is_offered) == (name, role in TABLE[deed])


def test_fragment__not_allowed_or_not_found__takes_the_fragments_place(client, shop, member_of) -> None:
    client.force_login(member_of(shop, Role.OWNER))
    answer = client.get(
        reverse("console:definition", args=[shop.slug, "no_such_metric"]), headers={"HX-Request": "true"}
    )
    assert answer.status_code == 404
    text = answer.content.decode()
    assert 'role="alert"' in text
    assert "<html" not in text


def test_home__one_shop__leads_there__several__lead_to_the_choice(
    client, shop, other_shop, member_of
) -> None:
    from django_scopes import scope

    from shuke.kernel import clock
    from shuke.records.actor import Actor
    from shuke.shops import actions

    user = member_of(shop, Role.OWNER)
    client.force_login(user)
    assert client.get("/").url == reverse("console:today", args=[shop.slug])
    with scope(shop=other_shop.id):
        actions.add_member(
            shop=other_shop, user=user, role="support", actor=Actor.system("tests"), at=clock.now()
        )
    assert client.get("/").url == reverse("console:shops")
    text = client.get(reverse("console:shops")).content.decode()
    assert shop.name in text
    assert other_shop.name in text
