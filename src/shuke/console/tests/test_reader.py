"""Language and theme: for everyone, signed in or not; kept in the account; never a way out of the site."""

from __future__ import annotations

import pytest
from django.urls import reverse

from shuke.shops.roles import Role

pytestmark = pytest.mark.django_db


def test_language__without_sign_in__is_kept_in_the_browser(client) -> None:
    login = reverse("account_login")
    assert "登录" in client.get(login).content.decode()
    answer = client.post(reverse("console:language"), {"language": "en", "next": login})
    assert (answer.status_code, answer.url) == (302, login)
    text = client.get(login).content.decode()
    assert "Sign in" in text
    assert 'lang="en"' in text


def test_language__signed_in__is_kept_in_the_account(client, shop, member_of) -> None:
    user = member_of(shop, Role.ANALYST)
    client.force_login(user)
    client.post(reverse("console:language"), {"language": "en", "next": "/"})
    user.refresh_from_db()
    assert user.language == "en"
    client.cookies.clear()
    client.force_login(user)
    assert "What needs doing now?" in client.get(reverse("console:today", args=[shop.slug])).content.decode()


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_language__next_leads_away__goes_to_the_start(client, target) -> None:
    answer = client.post(reverse("console:language"), {"language": "en", "next": target})
    assert answer.url == "/"


@pytest.mark.parametrize(("name", "field"), [("language", "language"), ("theme", "theme")])
def test_choice__unknown_value__is_refused_and_changes_nothing(client, shop, member_of, name, field) -> None:
    user = member_of(shop, Role.OWNER)
    client.force_login(user)
    before = getattr(user, field)
    assert client.post(reverse(f"console:{name}"), {field: "klingon", "next": "/"}).status_code == 400
    user.refresh_from_db()
    assert getattr(user, field) == before


def test_theme__chosen__stands_in_the_document(client) -> None:
    client.post(reverse("console:theme"), {"theme": "dark", "next": "/"})
    assert 'data-theme="dark"' in client.get(reverse("account_login")).content.decode()


def test_profile__saved__is_in_the_account(client, shop, member_of) -> None:
    user = member_of(shop, Role.OWNER)
    client.force_login(user)
    client.post(reverse("console:profile"), {"language": "en", "theme": "light"})
    user.refresh_from_db()
    assert (user.language, user.theme) == ("en", "light")


@pytest.mark.parametrize(
    "name",
    ["account_login", "account_logout", "account_change_password", "account_reset_password", "mfa_index"],
)
def test_sign_in_pages__wear_the_consoles_look(client, shop, member_of, name) -> None:
    if name != "account_login":
        client.force_login(member_of(shop, Role.OWNER))
    answer = client.get(reverse(name), follow=True)
    assert answer.status_code == 200
    text = answer.content.decode()
    assert "console/css/tokens" in text
    assert 'class="entrance' in text
