"""The API as it describes itself, against requests that a program makes up: whatever is sent, the server never fails."""

from __future__ import annotations

import json
from typing import Any

import pytest
import schemathesis
from django.test import Client
from django_scopes import scope
from hypothesis import HealthCheck, given, settings

from shuke.kernel import clock
from shuke.project.api import ERRORS, api
from shuke.records.actor import Actor
from shuke.shops import actions
from shuke.shops.roles import Role
from tests.routes import operations

pytestmark = [pytest.mark.row("E3"), pytest.mark.django_db]


def document() -> dict:
    return api.get_openapi_schema()


def test_openapi__every_operation__declares_how_it_may_refuse() -> None:
    found = document()
    listed = {(method.upper(), path) for path, one in found["paths"].items() for method in one}
    assert len(listed) == len(operations())
    for path, one in found["paths"].items():
        for method, operation in one.items():
            declared = {int(status) for status in operation["responses"]}
            assert set(ERRORS) <= declared, f"{method} {path}"
            assert operation["tags"], f"{method} {path}"


def test_docs_page__of_the_api__asks_nothing_of_another_machine(client) -> None:
    page = client.get("/api/v1/docs")
    assert page.status_code == 200
    assert b"https://" not in page.content
    assert b"//cdn" not in page.content


def owner_key(shop) -> str:
    """A key of its own for each operation: one of them revokes keys."""
    with scope(shop=shop.id):
        _key, secret = actions.create_api_key(
            shop=shop, name="fuzz", role=Role.OWNER, actor=Actor.system("tests"), at=clock.now()
        )
    return secret


def fuzzed(shop, examples: int) -> dict[str, list[int]]:
    """Send `examples` made-up requests to every operation; operation -> statuses. Fails on a server error."""
    statuses: dict[str, list[int]] = {}
    for found in schemathesis.openapi.from_dict(document()).get_all_operations():
        operation = found.ok()
        statuses[operation.label] = statuses_of(operation, shop, owner_key(shop), examples)
    return statuses


def statuses_of(operation: Any, shop: Any, secret: str, examples: int) -> list[int]:
    client = Client(raise_request_exception=False)
    statuses: list[int] = []

    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy())
    def send(case: Any) -> None:
        case.path_parameters["shop"] = shop.slug
        path = "/api/v1" + case.formatted_path.removeprefix("/api/v1")
        body = b"" if isinstance(case.body, schemathesis.core.NotSet) else as_json(case.body)
        answer = client.generic(
            case.method,
            path,
            body,
            content_type="application/json",
            query_params={k: v for k, v in (case.query or {}).items() if v is not None},
            headers={"Authorization": f"Bearer {secret}"},
        )
        statuses.append(answer.status_code)
        assert answer.status_code < 500, f"{case.method} {path} {case.query} {body[:300]!r}"

    send()
    return statuses


def as_json(body: object) -> bytes:
    try:
        return json.dumps(body).encode("utf-8", "surrogatepass")
    except TypeError:
        return str(body).encode("utf-8", "replace")


def test_api__requests_made_up_from_its_description__never_fail(shop, warehouse_home) -> None:
    assert len(fuzzed(shop, 6)) == len(operations())


@pytest.mark.soak
def test_api__very_many_made_up_requests__never_fail(shop, warehouse_home) -> None:
    assert len(fuzzed(shop, 300)) == len(operations())
