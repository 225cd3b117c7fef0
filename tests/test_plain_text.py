"""Characters that no database holds: every door answers with field, value and remedy, and never fails on them."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from django.test import Client
from django_scopes import scope

from shuke.kernel import clock
from shuke.project.plain_text import UnfitText, check_body
from shuke.records.actor import Actor
from shuke.shops import actions
from shuke.shops.roles import Role
from tests.routes import operations, routes

pytestmark = [pytest.mark.django_db, pytest.mark.row("E3")]

FORM = "application/x-www-form-urlencoded"
NUL, BELL, HALF = "a\x00b", "a\x07b", "a\ud800b"
DAYS = {"start": "2026-11-01", "end": "2026-11-02"}
SAMPLES = {"metric_id": "pv", "rule_id": "common.visits.idle_minutes", "name": "book"}


@pytest.fixture
def api(shop, warehouse_home):
    """A function (method, path below the shop, query, body) -> (status, answer), by an owner's API key."""
    with scope(shop=shop.id):
        _key, secret = actions.create_api_key(
            shop=shop, name="plain", role=Role.OWNER, actor=Actor.system("tests"), at=clock.now()
        )

    def call(method: str, path: str, query: dict | None = None, body: bytes = b""):
        answer = Client(raise_request_exception=False).generic(
            method,
            f"/api/v1/shops/{shop.slug}{path}",
            body,
            "application/json",
            query_params=query or {},
            headers={"Authorization": f"Bearer {secret}", "Accept-Language": "en"},
        )
        is_json = answer.headers["Content-Type"].startswith("application/json")
        return answer.status_code, json.loads(answer.content) if is_json else {}

    return call


def condition(value: object) -> str:
    op = "in" if isinstance(value, list) else "eq"
    return json.dumps({"v": 1, "all": [{"field": "source", "op": op, "value": value}]})


@pytest.mark.parametrize("text", [NUL, BELL], ids=["nul", "bell"])
@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/traffic/overview", "condition"),
        ("/traffic/overview", "metrics"),
        ("/traffic/sources", "condition"),
        ("/traffic/evidence", "metric"),
        ("/orders", "order_ref"),
        ("/imports", "page"),
        ("/quarantine", "reason"),
    ],
)
def test_api__a_query_with_a_control_character__names_field_value_and_remedy(api, path, field, text) -> None:
    query = DAYS | ({"metric": "pv"} if path.endswith("evidence") else {}) | {field: text}
    status, answer = api("GET", path, query)
    assert (status, answer["code"], answer["field"]) == (422, "unfit_text", field)
    assert answer["value"] == ascii(text)
    assert answer["remedy"]
    assert field in answer["message"]


@pytest.mark.parametrize("report", ["overview", "sources", "evidence", "series"])
@pytest.mark.parametrize("text", [NUL, BELL, HALF, "a\x7fb", "a\nb", ["x", NUL]])
def test_api__a_condition_whose_json_hides_one__names_the_conditions_field(api, report, text) -> None:
    query = DAYS | {"metric": "pv", "condition": condition(text)}
    status, answer = api("GET", f"/traffic/{report}", query)
    assert (status, answer["code"], answer["field"]) == (422, "bad_condition_value", "source")
    assert answer["remedy"]


def test_api__a_condition_over_several_lines__is_read(api) -> None:
    written = json.dumps({"v": 1, "all": []}, indent=1)
    assert api("GET", "/traffic/overview", DAYS | {"condition": written})[0] == 200


@pytest.mark.parametrize("unfit", ["\\u0000", "\\ud800"])
def test_api__every_operation_with_one_in_its_path_or_body__never_fails(api, shop, unfit) -> None:
    body = b'{"name": "a%s", "deep": [{"x": "b"}]}' % unfit.encode()
    wrong = []
    for operation in operations():
        if not operation.has_shop:
            continue
        path = operation.path.split("{shop}", 1)[1]
        values = {name: SAMPLES.get(name, 7) for name in operation.arguments}
        if operation.method in ("POST", "PUT", "PATCH"):
            status, answer = api(operation.method, path.format(**values), body=body)
            if answer.get("code") not in ("unfit_text", "unreadable") and status not in (404, 409):
                wrong.append((operation.method, path, status, answer))
        for name in operation.arguments:
            if name != "shop":
                odd = path.format(**values | {name: quote(NUL)})
                status, answer = api(operation.method, odd, body=b"{}")
                if status != 422 and status != 404:
                    wrong.append((operation.method, odd, status, answer))
    assert wrong == []


def test_api__a_body_that_is_no_json__says_so_in_the_form_of_all_refusals(api) -> None:
    status, answer = api("POST", "/quarantine/drop", body=b"{ids")
    assert (status, answer["code"], answer["field"]) == (400, "not_json", "body")
    assert answer["remedy"]


def test_pages__with_one_in_any_query_or_form__answer_in_words(shop, member_of, warehouse_home) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(member_of(shop, Role.OWNER), backend="django.contrib.auth.backends.ModelBackend")
    wrong = []
    for route in routes():
        if route.arguments != ("shop",) or not route.module.startswith("shuke."):
            continue
        url = route.url({"shop": shop.slug})
        for answer in (
            client.get(url, {"q": NUL, "deed": NUL}),
            client.post(url, {"name": NUL}),
            client.post(url, "name=%00", FORM),
        ):
            if answer.status_code not in (405, 422):
                wrong.append((url, answer.status_code))
    assert wrong == []
    answer = client.get(f"/s/{shop.slug}/audit/", {"deed": NUL}, headers={"Accept-Language": "en"})
    assert answer.status_code == 422
    assert "deed" in answer.content.decode()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"a": [{"b": NUL}]}, "a.0.b"),
        ([HALF], "0"),
        (HALF, "body"),
        ({"a": {NUL: 1}}, "a.a\\x00b"),
    ],
)
def test_body__with_one_anywhere__is_refused_by_its_place(body, field) -> None:
    with pytest.raises(UnfitText) as caught:
        check_body(body)
    assert caught.value.field == field
    assert "\x00" not in str(caught.value)


def test_body__of_ordinary_text__passes() -> None:
    check_body({"payload": '{\n\t"类目": "茶 🍵"}', "n": [1, None, True, "a\x07b"]})
