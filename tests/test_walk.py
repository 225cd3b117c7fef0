"""Every address and every API operation that exists, with every role, another shop's member and key, and nobody.

A new address or operation fails here until it says its deed (`shops.access.page` or `api`), or is written down below as
one that has no shop.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import cache as django_cache

from shuke.shops.access import COVERED
from shuke.shops.roles import TABLE, Role
from tests.routes import operations, routes
from tests.walk_objects import furnish, state
from tests.walking import (
    LIBRARIES,
    WITH_FILE,
    Asked,
    client_of,
    key_of,
    own_routes,
    shop_operations,
    shop_routes,
    undone,
)

pytestmark = [pytest.mark.django_db, pytest.mark.row("E3")]

# Addresses without a shop. "anyone" answers without sign-in; "signed_in" is about the asker alone.
NO_SHOP = {
    "healthz": "anyone",
    "": "signed_in",
    "shops/": "signed_in",
    "me/": "signed_in",
    "reader/language/": "anyone",
    "reader/theme/": "anyone",
    "language/setlang/": "anyone",
}
# A page's file is turned away where it begins, from whoever may give none anywhere, before its address is asked.
TURNED_AWAY = 400


@pytest.fixture
def asked(shop, warehouse_home) -> Asked:
    """The shop's addresses with valid samples that name real objects of it."""
    return Asked(shop.slug, furnish(shop))


def plain(client: Any, url: str) -> dict[str, int]:
    """Status by method of an address without a sample, of the methods that it takes."""
    found = {method: getattr(client, method)(url).status_code for method in ("get", "post")}
    return {method: status for method, status in found.items() if status != 405}


# ---- nothing is uncovered --------------------------------------------------------------------------------------------


def test_addresses__all_that_exist__say_whose_they_are() -> None:
    uncovered = [
        f"{route.path} ({route.view})"
        for route in own_routes()
        if not (route.path in NO_SHOP or (route.has_shop and COVERED.get(route.view) is not None))
    ]
    assert uncovered == []


def test_operations__all_that_exist__say_whose_they_are() -> None:
    uncovered = [
        f"{operation.method} {operation.path} ({operation.view})"
        for operation in operations()
        if operation.view not in COVERED or (operation.has_shop and COVERED[operation.view] is None)
    ]
    assert uncovered == []


def test_addresses_without_shop__of_the_list__exist() -> None:
    assert set(NO_SHOP) - {"language/setlang/"} <= {route.path for route in own_routes()}


# ---- every role ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", list(Role))
def test_pages__with_each_role__are_what_the_table_says(role: Role, asked: Asked, shop, member_of) -> None:
    client = client_of(member_of(shop, role))
    wrong, before = [], state()
    for route, deed in shop_routes():
        is_allowed = role in TABLE[deed]
        with undone():
            answers = asked.pages(client, route)
            if not is_allowed and state() != before:
                wrong.append(f"{route.path} as {role} changed something")
        for method, answer in answers.items():
            status = answer.status_code
            refusal = TURNED_AWAY if method == WITH_FILE else 403
            if not (status in (200, 302) if is_allowed else status == refusal):
                wrong.append(f"{method} {route.path} as {role}: {status}, deed {deed}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("role", list(Role))
def test_api__with_a_key_of_each_role__is_what_the_table_says(role: Role, asked: Asked, shop) -> None:
    client, headers = client_of(None), key_of(shop, role)
    wrong, before = [], state()
    for operation, deed in shop_operations():
        is_allowed = role in TABLE[deed]
        with undone():
            status = asked.operate(client, operation, **headers).status_code
            if not is_allowed and state() != before:
                wrong.append(f"{operation.method} {operation.path} as {role} changed something")
        if not (200 <= status < 300 if is_allowed else status == 403):
            wrong.append(f"{operation.method} {operation.path} as {role}: {status}, deed {deed}")
    assert not wrong, "\n".join(wrong)


# ---- everybody else --------------------------------------------------------------------------------------------------


def test_pages__of_another_shop__look_like_none(asked: Asked, other_shop, member_of) -> None:
    stranger = client_of(member_of(other_shop, Role.OWNER))
    before, wrong = state(), []
    for route, _deed in shop_routes():
        for method, answer in asked.pages(stranger, route).items():
            if answer.status_code != 404:
                wrong.append(f"{method} {route.path}: {answer.status_code}")
    assert not wrong, "\n".join(wrong)
    assert state() == before


def test_pages__without_sign_in__lead_to_it(asked: Asked) -> None:
    nobody = client_of(None)
    before, wrong = state(), []
    for route, _deed in shop_routes():
        for method, answer in asked.pages(nobody, route).items():
            if method == WITH_FILE and answer.status_code == TURNED_AWAY:
                continue
            if answer.status_code != 302 or not answer.url.startswith("/accounts/login/"):
                wrong.append(f"{method} {route.path}: {answer.status_code}")
    for route in own_routes():
        if NO_SHOP.get(route.path) == "signed_in":
            for method, status in plain(nobody, route.url({})).items():
                if status != 302:
                    wrong.append(f"{method} /{route.path}: {status}")
    assert not wrong, "\n".join(wrong)
    assert state() == before


def test_api__with_another_shops_key_or_member_or_none__tells_nothing(
    asked: Asked, other_shop, member_of
) -> None:
    foreign_key = key_of(other_shop, Role.OWNER)
    stranger, nobody = client_of(member_of(other_shop, Role.OWNER)), client_of(None)
    before, wrong = state(), []
    cases = {
        "another shop's key": (nobody, foreign_key, 404),
        "another shop's member": (stranger, {}, 404),
        "nobody": (nobody, {}, 401),
        "a key that is none": (nobody, {"Authorization": "Bearer abcdefgh.0123456789"}, 401),
        "a write key": (nobody, {"Authorization": "Basic d2tfMTo="}, 401),
    }
    for operation, _deed in shop_operations():
        for who, (client, headers, expected) in cases.items():
            status = asked.operate(client, operation, **headers).status_code
            if status != expected:
                wrong.append(f"{operation.method} {operation.path} by {who}: {status}")
    assert not wrong, "\n".join(wrong)
    assert state() == before


def test_library_pages__by_nobody__never_fail(db) -> None:
    django_cache.clear()
    nobody = client_of(None)
    wrong = []
    for route in routes():
        if not route.module.startswith(LIBRARIES):
            continue
        url = route.url(dict.fromkeys(route.arguments, "x"))
        for method, status in plain(nobody, url).items():
            if status >= 500:
                wrong.append(f"{method} {url}: {status}")
    assert wrong == []


def test_sign_up__by_anyone__is_closed(db) -> None:
    before = state()
    answer = client_of(None).post(
        "/accounts/signup/",
        {
            "email": "new@example.com",
            "password1": "correct horse 7 staple",
            "password2": "correct horse 7 staple",
        },
    )
    assert answer.status_code in (200, 302, 403, 404)
    assert state() == before
