"""Every address and operation with objects that exist: one's own under one's own shop, and another shop's under it."""

from __future__ import annotations

from typing import Any

import pytest

from shuke.shops.roles import TABLE, Deed, Role
from tests.walk_objects import SAMPLES, furnish, of_shop, state
from tests.walking import (
    Asked,
    client_of,
    key_of,
    names_objects,
    own_routes,
    sample_of,
    shop_operations,
    shop_routes,
    text_of,
    undone,
)

pytestmark = [pytest.mark.django_db, pytest.mark.row("E3")]


@pytest.fixture
def mine(shop, warehouse_home) -> dict[str, Any]:
    return furnish(shop)


@pytest.fixture
def theirs(other_shop, warehouse_home) -> dict[str, Any]:
    return furnish(other_shop)


# ---- every one has a sample, and it is valid -------------------------------------------------------------------------


def test_samples__of_every_operation_and_page__are_there_and_no_others() -> None:
    walked = {f"{one.method} {one.path}" for one, _deed in shop_operations()}
    assert set(SAMPLES["operations"]) == walked
    pages = {route.path for route, _deed in shop_routes()}
    assert set(SAMPLES["pages"]) <= pages
    with_arguments = {route.path for route in own_routes() if route.has_shop and len(route.arguments) > 1}
    assert with_arguments <= set(SAMPLES["pages"])


def test_api__by_the_owner_with_samples__does_what_was_asked_and_nothing_to_another_shop(
    shop, other_shop, mine, theirs
) -> None:
    client, headers = client_of(None), key_of(shop, Role.OWNER)
    told, wrong = 0, []
    before = state()
    for operation, _deed in shop_operations():
        name = f"{operation.method} {operation.path}"
        with undone():
            answer = Asked(shop.slug, mine).operate(client, operation, **headers)
            text, after = text_of(answer), state()
        if not 200 <= answer.status_code < 300:
            wrong.append(f"{name}: its sample is not valid: {answer.status_code} {text[-200:]}")
        is_reading = operation.method == "GET" or sample_of(operation).get("is_reading", False)
        if (after == before) is not is_reading:
            wrong.append(f"{name}: {'changed' if is_reading else 'did not change'} anything")
        if of_shop(after, other_shop) != of_shop(before, other_shop):
            wrong.append(f"{name}: changed another shop")
        if theirs["mark"] in text:
            wrong.append(f"{name}: tells of another shop")
        told += mine["mark"] in text
    assert not wrong, "\n".join(wrong)
    assert told >= 20  # so that an answer does hold the mark of what it tells


def test_pages__by_the_owner_with_samples__do_what_was_asked_and_nothing_to_another_shop(
    shop, other_shop, mine, theirs, member_of
) -> None:
    client = client_of(member_of(shop, Role.OWNER))
    told, wrong = 0, []
    before = state()
    for route, _deed in shop_routes():
        for method in ("get", "post"):
            with undone():
                asked = Asked(shop.slug, mine)
                answer = asked.read(client, route) if method == "get" else asked.post(client, route)
                text, after = text_of(answer), state()
            if answer.status_code == 405:
                continue
            name = f"{method} {route.path}"
            if method == "post" and "form" not in sample_of(route):
                wrong.append(f"{name}: has no sample")
            if answer.status_code not in (200, 302):
                wrong.append(f"{name}: its sample is not valid: {answer.status_code} {text[-200:]}")
            is_reading = method == "get" or sample_of(route).get("is_reading", False)
            if (after == before) is not is_reading:
                wrong.append(f"{name}: {'changed' if is_reading else 'did not change'} anything")
            if of_shop(after, other_shop) != of_shop(before, other_shop):
                wrong.append(f"{name}: changed another shop")
            if theirs["mark"] in text:
                wrong.append(f"{name}: tells of another shop")
            told += mine["mark"] in text
    assert not wrong, "\n".join(wrong)
    assert told >= 12


# ---- files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [Role.OWNER, *sorted(set(Role) - TABLE[Deed.EXPORT_TABLES])])
def test_files__of_every_address__only_for_who_may_export_and_of_one_shop(
    role: Role, shop, mine, theirs, member_of
) -> None:
    browser, program, headers = client_of(member_of(shop, role)), client_of(None), key_of(shop, role)
    asked, files, wrong = Asked(shop.slug, mine, extra={"format": "csv"}), 0, []
    answers = [(route.path, asked.read(browser, route)) for route, _deed in shop_routes()]
    answers += [
        (operation.path, asked.operate(program, operation, **headers))
        for operation, _deed in shop_operations()
        if operation.method == "GET"
    ]
    for name, answer in answers:
        if not answer.get("Content-Type", "").startswith("text/csv"):
            continue
        files += 1
        if role not in TABLE[Deed.EXPORT_TABLES]:
            wrong.append(f"{name}: a file for {role}")
        if theirs["mark"] in text_of(answer):
            wrong.append(f"{name}: tells of another shop")
    assert not wrong, "\n".join(wrong)
    assert (files >= 15) is (role in TABLE[Deed.EXPORT_TABLES])


# ---- another shop's objects under one's own shop ---------------------------------------------------------------------


def test_api__with_another_shops_objects_under_ones_own__finds_none_and_changes_nothing(
    shop, other_shop, mine, theirs
) -> None:
    client, headers = client_of(None), key_of(shop, Role.OWNER)
    asked, wrong, before = 0, [], state()
    for operation, _deed in shop_operations():
        if not names_objects(operation):
            continue
        asked += 1
        with undone():
            answer = Asked(shop.slug, theirs, mine).operate(client, operation, **headers)
            after = state()
        wrong += _foreign(operation, answer, before, after, other_shop, theirs["mark"])
    assert not wrong, "\n".join(wrong)
    assert asked >= 25


def test_pages__with_another_shops_objects_under_ones_own__find_none_and_change_nothing(
    shop, other_shop, mine, theirs, member_of
) -> None:
    client = client_of(member_of(shop, Role.OWNER))
    asked, wrong, before = 0, [], state()
    for route, _deed in shop_routes():
        if not names_objects(route):
            continue
        for method in ("get", "post"):
            with undone():
                request = Asked(shop.slug, theirs, mine)
                answer = request.read(client, route) if method == "get" else request.post(client, route)
                after = state()
            if answer.status_code != 405:
                asked += 1
                wrong += _foreign(route, answer, before, after, other_shop, theirs["mark"])
    assert not wrong, "\n".join(wrong)
    assert asked >= 25


def _foreign(of: Any, answer: Any, before: Any, after: Any, other_shop: Any, mark: str) -> list[str]:
    """What is wrong with an answer about another shop's objects."""
    name, sample, wrong = f"{of.path} {answer.request['REQUEST_METHOD']}", sample_of(of), []
    if answer.status_code != sample.get("foreign", 404):
        wrong.append(f"{name}: {answer.status_code}")
    if of_shop(after, other_shop) != of_shop(before, other_shop):
        wrong.append(f"{name}: changed another shop")
    if answer.status_code >= 400 and after != before:
        wrong.append(f"{name}: changed something")
    if answer.status_code < 300 and mark in text_of(answer):
        wrong.append(f"{name}: tells of another shop")
    return wrong
