"""The API of segments: what may be asked, a live count, kept segments, their customers as pages and file, and why."""

from __future__ import annotations

import csv
import io

import pytest
from django_scopes import scope

from shuke.audience.segments import reads
from shuke.conditions.reads import All, Tally
from shuke.kernel import clock
from shuke.records.actor import Actor
from shuke.shops import actions
from shuke.shops.roles import Role
from shuke.traffic.tests.drawn import AT

pytestmark = [pytest.mark.django_db, pytest.mark.row("A7")]
JSON = "application/json"
BOUGHT = {"v": 2, "tally": "orders", "measure": "count", "op": "ge", "value": 1}
OFTEN = {"v": 2, "all": [{"field": "visits_ever", "op": "ge", "value": 2}]}


@pytest.fixture
def ask(client, shop):
    """A function (method, path, body, role) -> response, with an API key of that role; the clock stands at AT."""

    def request(method: str, path: str = "", body=None, role: Role = Role.OWNER):
        with scope(shop=shop.id):
            _key, secret = actions.create_api_key(
                shop=shop, name=role.value, role=role, actor=Actor.system("tests"), at=clock.now()
            )
        url = f"/api/v1/shops/{shop.slug}/segments{path}"
        headers = {"Authorization": f"Bearer {secret}", "Accept-Language": "en"}
        with clock.frozen(AT):
            if method == "get":
                return client.get(url, headers=headers)
            return getattr(client, method)(url, body or {}, content_type=JSON, headers=headers)

    return request


def test_segments__over_the_api__are_counted_kept_and_explained(ask, life):
    shop = life.shop
    told = ask("get", "/language").json()
    assert {"first_seen_on", "orders_ever"} <= {one["name"] for one in told["fields"]}
    assert {one["name"] for one in told["series"]} == {"orders", "paid_orders", "items", "visits", "deeds"}
    assert "regulars" in told["segments"]

    found = ask("post", "/preview", {"condition": BOUGHT, "sample": 5}).json()
    expected = reads.chosen(shop, Tally("orders", "count", "ge", 1), at=AT)
    assert (found["count"], found["everyone"], len(found["customers"])) == (
        expected.count,
        expected.everyone,
        5,
    )
    assert found["sentence"] == "has orders"
    assert ask("post", "/preview", {"condition": BOUGHT}, role=Role.ANALYST).status_code == 403

    made = ask("post", "", {"name": "Buyers", "condition": BOUGHT})
    assert made.status_code == 201
    path = f"/{made.json()['key']}"
    changed = ask("put", path, {"name": "Often here", "condition": OFTEN, "version": 1})
    assert (changed.json()["version"], changed.json()["sentence"]) == (2, "visits in all is at least 2")
    assert ask("put", path, {"name": "Late", "condition": OFTEN, "version": 1}).status_code == 409
    names = [one["name"] for one in ask("get").json()]
    assert names[:1] == ["Regulars"]
    assert names[-1] == "Often here"

    page = ask("get", f"{path}/customers?size=2").json()
    rows = list(
        csv.reader(io.StringIO(ask("get", f"{path}/customers?format=csv").getvalue().decode("utf-8-sig")))
    )
    assert len(rows) == page["count"] + 1
    assert rows[1][0] == str(page["customers"][0]["customer_id"])
    outside = {row.customer_id for row in reads.chosen(shop, All(), at=AT, size=1000).rows} - {
        int(row[0]) for row in rows[1:]
    }
    for customer_id, is_in in ((page["customers"][0]["customer_id"], True), (min(outside), False)):
        why = ask("get", f"{path}/customers/{customer_id}").json()
        assert why["is_in"] == is_in
        assert why["parts"][0]["words"].startswith("Met" if is_in else "Not met")
    assert ask("post", path + "/archive").json()["is_archived"]
    assert ask("get", "?archived=true").json()[0]["name"] == "Often here"
    assert not ask("post", path + "/restore").json()["is_archived"]


def test_segments__refused_over_the_api__say_what_and_change_nothing(ask, life):
    before = reads.list_segments(life.shop, at=AT)
    for body, status, field in (
        ({"name": "x", "condition": {"v": 2, "field": "age", "op": "eq", "value": 1}}, 422, "field"),
        ({"name": "x", "condition": {"v": 2, "member_of": "77"}}, 404, "segment"),
        ({"name": " ", "condition": BOUGHT}, 422, "name"),
        ({"name": "x", "condition": {"v": 9}}, 422, "$.v"),
    ):
        refused = ask("post", "", body)
        assert (refused.status_code, refused.json()["field"]) == (status, field), body
        assert refused.json()["remedy"]
    for at in ("9999-12-31T23:59:59Z", "2026-03-10T12:00:00", "2030-01-01T00:00:00Z", "1200-01-01T00:00:00Z"):
        refused = ask("post", "/preview", {"condition": BOUGHT, "at": at})
        assert (refused.status_code, refused.json()["field"]) == (422, "at"), at
    made = ask("post", "", {"name": "first", "condition": BOUGHT}).json()["key"]
    for key in (f"0{made}", f" {made}", "١"):
        assert ask("post", "", {"name": "x", "condition": {"v": 2, "member_of": key}}).status_code == 404
    chain = made
    for number in range(20):
        kept = ask("post", "", {"name": f"chain {number}", "condition": {"v": 2, "member_of": chain}})
        if kept.status_code != 201:
            break
        chain = kept.json()["key"]
    assert (kept.status_code, kept.json()["code"], number) == (422, "segments_too_deep", 6)
    before = reads.list_segments(life.shop, at=AT)
    good = {"name": "x", "condition": BOUGHT}
    assert ask("post", "", good, role=Role.ANALYST).status_code == 403
    assert ask("get", "/regulars/customers", role=Role.ANALYST).status_code == 403
    assert ask("put", "/regulars", good | {"version": 1}).status_code == 404
    assert ask("get", "/nobody").status_code == 404
    assert ask("get", "/regulars/customers/12345").status_code == 404
    assert reads.list_segments(life.shop, at=AT) == before
