"""The API of planned routes: keep, change, ask, the visits behind, and the tables as CSV."""

from __future__ import annotations

import csv
import io

import pytest
from django_scopes import scope

from shuke.kernel import clock
from shuke.kernel.periods import Period
from shuke.records.actor import Actor
from shuke.shops import actions
from shuke.shops.roles import Role
from shuke.traffic.routes import reads
from shuke.traffic.routes.tests.conftest import STEPS
from shuke.traffic.tests.drawn import AT, FIRST, LAST

pytestmark = [pytest.mark.django_db, pytest.mark.row("T5")]
SPAN = f"start={FIRST}&end={LAST}"
JSON = "application/json"


@pytest.fixture
def ask(client, shop):
    """A function (method, path, body, role) -> response, with an API key of that role; the clock stands at AT."""

    def request(method: str, path: str = "", body=None, role: Role = Role.OWNER, **headers):
        with scope(shop=shop.id):
            _key, secret = actions.create_api_key(
                shop=shop, name=role.value, role=role, actor=Actor.system("tests"), at=clock.now()
            )
        url = f"/api/v1/shops/{shop.slug}/traffic/routes{path}"
        headers |= {"Authorization": f"Bearer {secret}"}
        with clock.frozen(AT):
            if method == "get":
                return client.get(url, headers=headers)
            return getattr(client, method)(url, body or {}, content_type=JSON, headers=headers)

    return request


def test_routes__over_the_api__are_kept_changed_and_archived(ask, shop):
    steps = [{**one, "share": one["share"] and float(one["share"])} for one in STEPS]
    made = ask("post", body={"name": "Way", "steps": steps}).json()
    assert [one["share"] for one in made["steps"]] == [None, 0.9, 0.1, 0.5]
    path = f"/{made['id']}"
    changed = ask("put", path, {"name": "Other", "steps": steps[:2], "version": 1})
    assert (changed.status_code, changed.json()["version"]) == (200, 2)
    assert ask("put", path, {"name": "Late", "steps": steps[:2], "version": 1}).status_code == 409
    assert [one["name"] for one in ask("get").json()] == ["Other"]
    assert ask("post", path + "/archive").json()["archived_at"]
    assert ask("get").json() == []
    assert ask("post", path + "/restore").json()["archived_at"] is None
    refused = ask("post", body={"name": "Bad", "steps": [steps[0], {"kind": "type", "value": "x"}]})
    assert (refused.status_code, refused.json()["field"]) == (422, "steps.2.value")
    assert ask("post", body={"name": "Mine", "steps": steps}, role=Role.READ_ONLY).status_code == 403
    assert len(reads.list_routes(shop)) == 1


def test_report__over_the_api__is_what_the_read_says(ask, shop, life, route):
    report = reads.route_report(shop=shop, steps=route.steps, period=Period(FIRST, LAST), at=AT)
    found = ask("get", f"/{route.id}/report?{SPAN}").json()
    assert [one["entered"]["value"] for one in found["steps"]] == [one.entered.value for one in report.steps]
    assert found["worst"] == report.worst
    assert found["steps"][0]["leaks"][0]["visits"] == report.steps[0].leaks[0].visits
    assert sum(one["entered"] for one in found["pages"] if one["step"] == 1) == report.steps[0].entered.value
    answer = ask("get", f"/{route.id}/report?{SPAN}&format=csv")
    rows = list(csv.DictReader(io.StringIO(answer.getvalue().decode("utf-8-sig"))))
    assert {int(row["entered"]) for row in rows if row["step"] == "2"} == {report.steps[1].entered.value}
    both = reads.route_report(
        shop=shop, steps=route.steps, period=Period(FIRST, LAST), against="before", at=AT
    )
    compared = ask("get", f"/{route.id}/report?{SPAN}&against=before").json()
    assert [one["then"][0]["value"] for one in compared["steps"]] == [one.then[0].value for one in both.steps]
    answer = ask("get", f"/{route.id}/report?{SPAN}&against=before&format=csv").getvalue().decode()
    assert "entered before,kept before,leak_path" in answer.splitlines()[0]
    left = ask("get", f"/{route.id}/visits?{SPAN}&step=1&left=true&size=1000").json()
    assert left["count"] == report.steps[0].left == len(left["rows"])
    gone = next(leak for leak in report.steps[0].leaks if leak.path is None)
    of_gone = ask("get", f"/{route.id}/visits?{SPAN}&step=1&left=true&exit=true").json()
    assert of_gone["count"] == gone.visits
    hidden = ask("get", f"/{route.id}/visits?{SPAN}&step=1", role=Role.ANALYST).json()
    assert {row["person_id"] for row in hidden["rows"]} == {None}
    assert ask("get", "/999/report?" + SPAN).status_code == 404
