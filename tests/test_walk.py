"""Every address and every API operation that exists, with every role, another shop's member and key, and nobody.

A new address or operation fails here until it says its deed (`shops.access.page` or `api`), or is written down below as
one that has no shop.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest
from django.apps import apps
from django.core.cache import cache as django_cache
from django.test import Client
from django_scopes import scope, scopes_disabled

from shuke.kernel import clock
from shuke.records.actor import Actor
from shuke.shops import actions
from shuke.shops.access import COVERED
from shuke.shops.roles import TABLE, Deed, Role
from tests.routes import Operation, Route, operations, routes

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
LIBRARIES = ("allauth.", "django.")  # sign-in, second factor, language: they keep their own doors
# Values for the arguments of addresses, besides `shop`. Numbers are ones that nothing has in the asker's own shop.
SAMPLES = {
    "metric_id": "pv",
    "rule_id": "common.visits.idle_minutes",
    "name": "uci_online_retail",
    "path": "x",
}
ABSENT = 987654321
REFUSED_PAGE = {"another": 404, "nobody": 302}


def values(arguments: tuple[str, ...], shop: str) -> dict[str, object]:
    return {name: shop if name == "shop" else SAMPLES.get(name, ABSENT) for name in arguments}


@cache
def own_routes() -> tuple[Route, ...]:
    return tuple(route for route in routes() if not route.module.startswith(LIBRARIES))


def shop_routes() -> Iterator[tuple[Route, Deed]]:
    for route in own_routes():
        if route.has_shop:
            yield route, COVERED[route.view]


def shop_operations() -> Iterator[tuple[Operation, Deed]]:
    for operation in operations():
        if operation.has_shop:
            yield operation, COVERED[operation.view]


def rows() -> dict[str, int]:
    """How many rows each of our tables has, but sessions."""
    with scopes_disabled():
        return {
            model._meta.label: model._base_manager.count()
            for model in apps.get_models()
            if model.__module__.startswith("shuke.")
        }


def client_of(user) -> Client:
    client = Client(raise_request_exception=False)
    if user is not None:
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def answers(client: Client, url: str) -> dict[str, int]:
    """Status by method, of the methods that the view takes."""
    found = {method: getattr(client, method)(url).status_code for method in ("get", "post")}
    return {method: status for method, status in found.items() if status != 405}


def call(client: Client, operation: Operation, shop: str, **headers: str) -> int:
    url = operation.url(values(operation.arguments, shop))
    return client.generic(
        operation.method, url, b"{}", content_type="application/json", headers=headers
    ).status_code


def key_of(shop, role: Role) -> dict[str, str]:
    with scope(shop=shop.id):
        _key, secret = actions.create_api_key(
            shop=shop, name=f"walk {role}", role=role, actor=Actor.system("tests"), at=clock.now()
        )
    return {"Authorization": f"Bearer {secret}"}


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
def test_pages__with_each_role__are_what_the_table_says(role: Role, shop, member_of, warehouse_home) -> None:
    client = client_of(member_of(shop, role))
    wrong = []
    for route, deed in shop_routes():
        url = route.url(values(route.arguments, shop.slug))
        is_allowed = role in TABLE[deed]
        before = rows() if not is_allowed else {}
        for method, status in answers(client, url).items():
            is_whole = method == "get" and route.arguments == ("shop",) and is_allowed
            if (
                (status == 403) is is_allowed
                or status >= 500
                or status == 401
                or (is_whole and status not in (200, 302))
            ):
                wrong.append(f"{method} {url} as {role}: {status}, deed {deed}")
        if not is_allowed and rows() != before:
            wrong.append(f"{url} as {role} changed something")
    assert wrong == []


@pytest.mark.parametrize("role", list(Role))
def test_api__with_a_key_of_each_role__is_what_the_table_says(role: Role, shop, warehouse_home) -> None:
    client, headers = client_of(None), key_of(shop, role)
    wrong = []
    for operation, deed in shop_operations():
        is_allowed = role in TABLE[deed]
        before = rows() if not is_allowed else {}
        status = call(client, operation, shop.slug, **headers)
        if is_allowed and (status >= 500 or status == 401):
            wrong.append(f"{operation.method} {operation.path} as {role}: {status}, deed {deed}")
        if not is_allowed and status not in (403, 422):
            wrong.append(f"{operation.method} {operation.path} as {role}: {status}, deed {deed}")
        if not is_allowed and rows() != before:
            wrong.append(f"{operation.method} {operation.path} as {role} changed something")
    assert wrong == []


# ---- everybody else --------------------------------------------------------------------------------------------------


def test_pages__of_another_shop__look_like_none(shop, other_shop, member_of, warehouse_home) -> None:
    stranger = client_of(member_of(other_shop, Role.OWNER))
    before, wrong = rows(), []
    for route, _deed in shop_routes():
        url = route.url(values(route.arguments, shop.slug))
        for method, status in answers(stranger, url).items():
            if status != 404:
                wrong.append(f"{method} {url}: {status}")
    assert wrong == []
    assert rows() == before


def test_pages__without_sign_in__lead_to_it(shop, warehouse_home) -> None:
    nobody = client_of(None)
    before, wrong = rows(), []
    for route, _deed in shop_routes():
        url = route.url(values(route.arguments, shop.slug))
        for method, status in answers(nobody, url).items():
            if status != 302:
                wrong.append(f"{method} {url}: {status}")
    for route in own_routes():
        if NO_SHOP.get(route.path) == "signed_in":
            for method, status in answers(nobody, route.url({})).items():
                if status != 302:
                    wrong.append(f"{method} /{route.path}: {status}")
    assert wrong == []
    assert rows() == before


def test_api__with_another_shops_key_or_member_or_none__tells_nothing(
    shop, other_shop, member_of, warehouse_home
) -> None:
    foreign_key = key_of(other_shop, Role.OWNER)
    stranger, nobody = client_of(member_of(other_shop, Role.OWNER)), client_of(None)
    before, wrong = rows(), []
    cases = {
        "another shop's key": (nobody, foreign_key, (404, 422)),
        "another shop's member": (stranger, {}, (404, 422)),
        "nobody": (nobody, {}, (401, 422)),
        "a key that is none": (nobody, {"Authorization": "Bearer abcdefgh.0123456789"}, (401, 422)),
        "a write key": (nobody, {"Authorization": "Basic d2tfMTo="}, (401, 422)),
    }
    for operation, _deed in shop_operations():
        for who, (client, headers, expected) in cases.items():
            status = call(client, operation, shop.slug, **headers)
            if status not in expected:
                wrong.append(f"{operation.method} {operation.path} by {who}: {status}")
    assert wrong == []
    assert rows() == before


def test_library_pages__by_nobody__never_fail(db) -> None:
    django_cache.clear()
    nobody = client_of(None)
    wrong = []
    for route in routes():
        if not route.module.startswith(LIBRARIES):
            continue
        url = route.url(dict.fromkeys(route.arguments, "x"))
        for method, status in answers(nobody, url).items():
            if status >= 500:
                wrong.append(f"{method} {url}: {status}")
    assert wrong == []


def test_sign_up__by_anyone__is_closed(db) -> None:
    before = rows()
    answer = client_of(None).post(
        "/accounts/signup/",
        {
            "email": "new@example.com",
            "password1": "correct horse 7 staple",
            "password2": "correct horse 7 staple",
        },
    )
    assert answer.status_code in (200, 302, 403, 404)
    assert rows() == before
