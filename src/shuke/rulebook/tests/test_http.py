"""The API of the rulebook: as of a day, differences, and a change by those who may."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from shuke.kernel import clock
from shuke.rulebook import reads

IDLE = "common.visits.idle_minutes"
pytestmark = [pytest.mark.django_db, pytest.mark.row("E2")]


@pytest.fixture(autouse=True)
def noon():
    with clock.frozen(datetime(2026, 11, 21, 4, tzinfo=UTC)):
        yield


@pytest.fixture
def signed_in(client, shop, member_of):
    def sign_in(role):
        client.force_login(member_of(shop, role), backend="django.contrib.auth.backends.ModelBackend")
        return client

    return sign_in


def get(client, path, **query):
    return client.get(f"/api/v1/shops/linen/rules{path}", query)


def test_rules__of_an_area__say_what_holds_today(signed_in) -> None:
    answer = get(signed_in("read_only"), "", area="visits")
    assert answer.status_code == 200
    by_id = {rule["id"]: rule for rule in answer.json()}
    assert set(by_id) == {rule.id for rule in reads.rules(area="visits")}
    assert by_id[IDLE]["in_force"]["value"] == 30
    assert by_id[IDLE]["in_force"]["sources"][0]["number"] == "B-222"
    assert by_id[IDLE]["title"] == {"zh": "访问结束的闲置时长", "en": "Idle time that ends a visit"}


def test_rule__before_its_first_date__has_nothing_in_force(signed_in) -> None:
    answer = get(signed_in("analyst"), f"/{IDLE}", as_of="1999-12-31")
    assert answer.status_code == 200
    assert answer.json()["in_force"] is None
    assert [value["since"] for value in answer.json()["values"]] == ["2000-01-01"]


def test_rule__unknown__is_not_found(signed_in) -> None:
    answer = get(signed_in("owner"), "/common.visits.nothing")
    assert (answer.status_code, answer.json()["code"]) == (404, "no_such_rule")


def test_differences__over_the_first_date__names_the_rules(signed_in) -> None:
    client = signed_in("owner")
    answer = get(client, "/differences", start="1999-12-31", end="2000-01-01")
    assert {one["rule"] for one in answer.json()} == {rule.id for rule in reads.rules()}
    assert get(client, "/differences", start="2026-01-01", end="2026-11-21").json() == []
    upside_down = get(client, "/differences", start="2026-11-21", end="2026-01-01")
    assert (upside_down.status_code, upside_down.json()["code"]) == (422, "period_upside_down")


def test_change__by_a_manager__is_made_and_shown(shop, signed_in) -> None:
    client = signed_in("manager")
    path = f"/api/v1/shops/linen/rules/{IDLE}/changes"
    made = client.post(path, {"since": "2026-11-22", "value": 45}, content_type="application/json")
    assert (made.status_code, made.json()["value"]) == (201, 45)
    assert get(client, f"/{IDLE}", as_of="2026-11-22").json()["in_force"]["is_own"]
    assert get(client, f"/{IDLE}").json()["in_force"]["value"] == 30
    early = client.post(path, {"since": "2026-11-21", "value": 45}, content_type="application/json")
    assert (early.status_code, early.json()["code"]) == (422, "rule_change_too_early")


def test_change__by_an_operator__is_refused_and_changes_nothing(shop, signed_in) -> None:
    client = signed_in("operator")
    path = f"/api/v1/shops/linen/rules/{IDLE}/changes"
    answer = client.post(path, {"since": "2026-11-22", "value": 45}, content_type="application/json")
    assert answer.status_code == 403
    assert reads.own_values(shop) == ()
