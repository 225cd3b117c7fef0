"""Access: every role at every deed, over pages and over the API; strangers get what they get for a shop that is not."""

from __future__ import annotations

import pytest
from django.test import Client

from shuke.kernel import clock
from shuke.kernel.errors import NotAllowed, NotFound
from shuke.records.actor import Actor
from shuke.shops import access, actions
from shuke.shops.roles import Deed, Role, may

pytestmark = [pytest.mark.django_db, pytest.mark.row("E3")]

SYSTEM = Actor.system("tests")
HUGE = 10**30


def _api_key(shop, role, name="till"):
    return actions.create_api_key(shop=shop, name=name, role=role, actor=SYSTEM, at=clock.now())


def _bearer(secret):
    return {"HTTP_AUTHORIZATION": f"Bearer {secret}"}


@pytest.mark.parametrize("role", list(Role))
def test_page__every_deed__opens_for_the_role_as_the_table_says(site, shop, other_shop, member_of, role):
    site.force_login(member_of(shop, role))
    for deed in Deed:
        answer = site.get(f"/s/{shop.slug}/{deed.value}/")
        assert answer.status_code == (200 if may(role, deed) else 403), deed
        if may(role, deed):
            assert answer.content.decode() == f"{shop.slug} {role.value} 1"
        assert site.get(f"/s/{other_shop.slug}/{deed.value}/").status_code == 404


@pytest.mark.parametrize("role", list(Role))
def test_operation__every_deed__answers_the_key_as_the_table_says(site, shop, other_shop, role):
    _row, secret = _api_key(shop, role)
    for deed in Deed:
        answer = site.get(f"/api/shops/{shop.slug}/deeds/{deed.value}", **_bearer(secret))
        assert answer.status_code == (200 if may(role, deed) else 403), deed
        elsewhere = site.get(f"/api/shops/{other_shop.slug}/deeds/{deed.value}", **_bearer(secret))
        assert elsewhere.status_code == 404


def test_page__stranger__sees_the_same_as_for_a_shop_that_does_not_exist(site, shop, other_shop, member_of):
    site.force_login(member_of(shop, Role.OWNER))
    theirs = site.get(f"/s/{other_shop.slug}/view_today/")
    missing = site.get("/s/nowhere/view_today/")
    assert (
        (theirs.status_code, theirs.content)
        == (missing.status_code, missing.content)
        == (404, b"nothing here")
    )


def test_operation__stranger__gets_the_same_words_as_for_a_shop_that_does_not_exist(
    site, shop, other_shop, member_of
):
    user = member_of(shop, Role.OWNER)
    _row, secret = _api_key(shop, Role.OWNER)
    for headers in ({}, _bearer(secret)):
        if not headers:
            site.force_login(user)
        theirs = site.get(f"/api/shops/{other_shop.slug}", **headers)
        missing = site.get("/api/shops/nowhere", **headers)
        assert theirs.status_code == missing.status_code == 404
        assert theirs.content.replace(other_shop.slug.encode(), b"nowhere") == missing.content


def test_page__not_signed_in__leads_to_sign_in_and_back(site, shop):
    answer = site.get(f"/s/{shop.slug}/view_today/?day=1")
    assert answer.status_code == 302
    assert answer.headers["Location"] == f"/accounts/login/?next=/s/{shop.slug}/view_today/%3Fday%3D1"


def test_operation__not_signed_in__is_401(site, shop):
    answer = site.get(f"/api/shops/{shop.slug}")
    assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")
    assert site.get("/api/shops").status_code == 401


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Bearer nothing",
        "Bearer a.b",
        "Basic abc",
        "Bearer \x00.x",
        "Bearer ü",
        "x" * 5000,
    ],
)
def test_operation__bad_header__is_401_even_with_a_session(site, shop, member_of, header):
    site.force_login(member_of(shop, Role.OWNER))
    answer = site.get(f"/api/shops/{shop.slug}", HTTP_AUTHORIZATION=header)
    assert (answer.status_code, answer.json()["code"]) == (401, "bad_key")


def test_operation__revoked_key__is_401(site, shop):
    row, secret = _api_key(shop, Role.OWNER)
    assert site.get(f"/api/shops/{shop.slug}", **_bearer(secret)).status_code == 200
    wrong = secret[:-1] + ("a" if secret[-1] != "a" else "b")
    assert site.get(f"/api/shops/{shop.slug}", **_bearer(wrong)).status_code == 401
    actions.revoke_api_key(shop=shop, key_id=row.pk, actor=SYSTEM, at=clock.now())
    assert site.get(f"/api/shops/{shop.slug}", **_bearer(secret)).status_code == 401


def test_operation__changing_by_session__needs_the_pages_token(site, settings, shop, member_of):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(member_of(shop, Role.OWNER))
    address = f"/api/shops/{shop.slug}/deeds"
    answer = browser.post(address)
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf_failed")
    browser.get("/accounts/login/")
    token = "a" * 32
    browser.cookies[settings.CSRF_COOKIE_NAME] = token
    assert browser.post(address, HTTP_X_CSRFTOKEN=token).json() == {"actor": "member"}
    _row, secret = _api_key(shop, Role.OWNER)
    assert browser.post(address, **_bearer(secret)).json() == {"actor": "api_key"}


def test_page__removed_member_with_an_open_session__finds_no_shop(site, shop, member_of):
    user = member_of(shop, Role.ANALYST)
    site.force_login(user)
    assert site.get(f"/s/{shop.slug}/view_today/").status_code == 200
    actions.remove_member(shop=shop, user_id=user.pk, actor=SYSTEM, at=clock.now())
    assert site.get(f"/s/{shop.slug}/view_today/").status_code == 404


def test_page__account_switched_off__is_signed_out(site, shop, member_of):
    user = member_of(shop, Role.OWNER)
    site.force_login(user)
    user.is_active = False
    user.save()
    assert site.get(f"/s/{shop.slug}/view_today/").status_code == 302


def test_page__streamed_or_lazy_body__stays_in_the_scope(site, shop, member_of):
    site.force_login(member_of(shop, Role.OWNER))
    assert b"".join(site.get(f"/s/{shop.slug}/streamed/").streaming_content) == b"111"
    assert site.get(f"/s/{shop.slug}/lazy/").content == b"1"


def test_operation__addresses_with_odd_parts__are_no_server_errors(site, shop, member_of):
    site.force_login(member_of(shop, Role.OWNER))
    for address in (
        "/api/shops/%00", "/api/shops/ü", "/api/shops/" + "a" * 3000, f"/api/shops/{shop.slug}/jobs/{HUGE}",
        f"/api/shops/{shop.slug}/audit?page={HUGE}", f"/api/shops/{shop.slug}/audit?deed=%00",
        f"/api/shops/{shop.slug}/audit?size=0", f"/api/shops/{shop.slug}/jobs/-1",
    ):  # fmt: skip
        assert site.get(address).status_code in (404, 422), address


def test_require__actor_of_another_shop_or_role__is_refused(shop, other_shop, member_of):
    user = member_of(shop, Role.OPERATOR)
    forged = Actor("member", user.pk, "Li", "owner")  # says more than the database does
    with pytest.raises(NotAllowed):
        access.require(actor=forged, shop_id=shop.id, deed=Deed.MANAGE_MEMBERS)
    with pytest.raises(NotFound):
        access.require(actor=forged, shop_id=other_shop.id, deed=Deed.VIEW_TODAY)
    with pytest.raises(NotAllowed):
        access.require(actor=Actor("write_key", 1, "page"), shop_id=shop.id, deed=Deed.SEND_EVENTS)
    assert access.require(actor=forged, shop_id=shop.id, deed=Deed.IMPORT_FILES) is Role.OPERATOR
    assert access.require(actor=SYSTEM, shop_id=shop.id, deed=Deed.MANAGE_SHOP) is None


def test_write_key__live_or_revoked__leads_to_its_shop_or_nowhere(shop):
    row = actions.create_write_key(shop=shop, name="page", actor=SYSTEM, at=clock.now())
    assert access.shop_of_write_key(row.key) == shop
    key, found = access.write_key_for(row.key)
    assert (key.id, key.is_live, found) == (row.pk, True, shop)
    for unknown in ("", "nothing", "\x00", "ü"):
        assert access.shop_of_write_key(unknown) is None
    actions.revoke_write_key(shop=shop, key_id=row.pk, actor=SYSTEM, at=clock.now())
    assert access.shop_of_write_key(row.key) is None


def test_own__key_or_person__lists_only_their_shops(site, shop, other_shop, member_of):
    _row, secret = _api_key(shop, Role.ANALYST)
    by_key = site.get("/api/shops", **_bearer(secret)).json()
    assert [(found["slug"], found["role"]) for found in by_key] == [(shop.slug, "analyst")]
    user = member_of(shop, Role.OWNER)
    actions.add_member(shop=other_shop, user=user, role="support", actor=SYSTEM, at=clock.now())
    site.force_login(user)
    by_person = site.get("/api/shops").json()
    assert [(found["slug"], found["role"]) for found in by_person] == [("linen", "owner"), ("tea", "support")]


def test_covered__every_operation_of_this_room__names_its_deed(site):
    from shuke.shops.http import router

    for operations in router.path_operations.values():
        for operation in operations.operations:
            name = f"{operation.view_func.__module__}.{operation.view_func.__qualname__}"
            assert name in access.COVERED, name
    assert access.COVERED["shuke.shops.http.list_shops"] is None
    assert access.COVERED["shuke.shops.http.update_shop"] is Deed.MANAGE_SHOP
