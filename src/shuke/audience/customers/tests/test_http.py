"""The API of customers: the list, one, his time line, attributes and tags; names masked; who may, and another shop's."""

from __future__ import annotations

import pytest
from django.test import Client
from tests.walking import key_of

from shuke.audience.customers.tests.conftest import id_of
from shuke.shops.roles import Role

pytestmark = [pytest.mark.django_db]


class Caller:
    def __init__(self, shop, role: Role = Role.OWNER) -> None:
        self.base, self.headers, self.client = f"/api/v1/shops/{shop.slug}", key_of(shop, role), Client()

    def get(self, path: str):
        return self.client.get(self.base + path, headers=self.headers)

    def post(self, path: str, body: dict):
        return self.client.post(self.base + path, body, content_type="application/json", headers=self.headers)


@pytest.mark.row("A1")
@pytest.mark.row("A3")
def test_http__list_to_one_to_time_line__pages_and_masks(life) -> None:
    call = Caller(life.shop)
    found = call.get("/customers?size=3&sort=-visits").json()
    assert (found["count"], len(found["customers"])) == (found["everyone"], 3)
    visits = [one["visits"] for one in found["customers"]]
    assert visits == sorted(visits, reverse=True)
    one = found["customers"][0]
    assert one["ref"].endswith("•••")
    address = f"/customers/{one['customer_id']}"
    assert call.get(address).json()["identities"][0]["kind"] == "person"
    first = call.get(f"{address}/timeline?size=2&kinds=visit").json()
    then = call.get(f"{address}/timeline?size=198&kinds=visit&cursor={first['cursor']}").json()
    whole = [*first["entries"], *then["entries"]]
    assert (len(whole), then["cursor"]) == (one["visits"], None)
    assert [entry["at"] for entry in whole] == sorted((entry["at"] for entry in whole), reverse=True)
    text = b"".join(call.get("/customers?format=csv").streaming_content).decode()
    assert text.count("\n") == found["count"] + 1
    assert "p1" not in text.split("\n")[1].split(",")[1]
    assert call.get(f"{address}/timeline?cursor=x").json()["field"] == "cursor"

    body = {"customers": [one["customer_id"]], "tag": "vip"}
    assert call.post("/customers/tags", body | {"is_trial": True}).json() == {"changed": 1, "unchanged": 0}
    assert call.post("/customers/tags", body).json() == {"changed": 1, "unchanged": 0}
    assert call.get(f"{address}/tags").json()[0]["stands"]
    assert call.get("/customers?size=1&sort=-visits").json()["customers"][0]["tags"] == ["vip"]
    assert call.post("/customers/tags/take", body).json() == {"changed": 1, "unchanged": 0}
    assert not call.get(f"{address}/tags").json()[0]["stands"]


@pytest.mark.row("A2")
def test_http__attributes__told_defined_and_refused_by_name(life) -> None:
    call = Caller(life.shop)
    address = f"/customers/{call.get('/customers?size=1').json()['customers'][0]['customer_id']}"
    own = {"name": "fabric", "type": "text", "title": {"zh": "面料", "en": "Fabric"}}
    assert call.post("/customers/attributes", own).json()["is_own"]
    assert call.post("/customers/attributes", own).status_code == 409
    assert call.post(f"{address}/attributes", {"name": "fabric", "value": "linen"}).status_code == 204
    told = {one["name"]: one for one in call.get(f"{address}/attributes").json()}
    assert told["fabric"]["value"] == "linen"
    assert told["fabric"]["history"][0]["source"] == "hand"
    assert told["gender"]["value"] is None
    refused = call.post(f"{address}/attributes", {"name": "age", "value": "old"})
    assert (refused.status_code, refused.json()["code"]) == (422, "bad_attribute_value")
    assert "fabric" in {one["name"] for one in call.get("/customers/attributes").json()}


@pytest.mark.row("A1")
def test_http__another_shops_customer_or_a_role_without_the_deed__is_told_nothing(life, other_shop) -> None:
    stranger = id_of(other_shop, "p1")
    call = Caller(life.shop)
    for path in ("", "/timeline", "/tags", "/attributes"):
        assert call.get(f"/customers/{stranger}{path}").status_code == 404, path
    assert call.post("/customers/tags", {"customers": [str(stranger)], "tag": "x"}).status_code == 404
    assert Caller(life.shop, Role.ANALYST).get("/customers").status_code == 403
    assert Caller(life.shop, Role.SUPPORT).get("/customers?size=1").status_code == 200
    refused = Caller(life.shop, Role.SUPPORT).post("/customers/tags", {"customers": ["1"], "tag": "x"})
    assert refused.status_code == 403
