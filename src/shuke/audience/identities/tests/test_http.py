"""The API of identities, by keys: found, merged, split, decided; refused with field, value and remedy."""

from __future__ import annotations

import pytest

from shuke.audience.identities import reads
from shuke.audience.identities.tests.furnished import AT, WHO, furnish_identities
from shuke.shops import actions
from shuke.shops.roles import Role

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("warehouse_home"), pytest.mark.row("A1")]


@pytest.fixture
def call(client, shop):
    """A function (method, path, role, body, key) -> (status, answer)."""

    def ask(method, path, *, role=Role.OPERATOR, shop=shop, body=None, repeats=""):
        _row, secret = actions.create_api_key(shop=shop, name=role.value, role=role, actor=WHO, at=AT)
        headers = {"Authorization": f"Bearer {secret}"} | ({"Idempotency-Key": repeats} if repeats else {})
        given = {"data": body or {}, "content_type": "application/json"} if method == "post" else {}
        answer = getattr(client, method)(
            f"/api/v1/shops/{shop.slug}/customers/{path}", headers=headers, **given
        )
        return answer.status_code, answer.json() if "json" in answer["Content-Type"] else answer

    return ask


def test_api__merge_and_split__as_a_program_does_it(call, shop):
    known = furnish_identities(shop, "m")
    status, found = call("get", f"find?text={known['known_name']}")
    assert (status, [one["customer_id"] for one in found]) == (200, [known["unmerged"]])
    assert found[0]["ref"] == "m•••"  # masked: a program knows people by id
    both = {"one": known["merged"], "other": known["unmerged"]}
    status, link = call("post", "merges", body=both, repeats="k1")
    assert status == 200
    assert call("post", "merges", body=both)[1]["code"] == "same_customer"
    status, told = call("get", f"identities/of/{known['unmerged']}")
    assert told["customer_id"] == known["merged"]
    assert set(told["anchors"]) >= {known["merged"], known["unmerged"]}
    assert len([one for one in told["links"] if one["origin"] == "hand"]) == 2
    status, refused = call("post", f"links/{link['id']}/split", body={"side": "7"})
    assert (status, refused["field"], refused["value"]) == (422, "side", "7")
    assert refused["remedy"]
    status, done = call("post", f"links/{link['id']}/split", body={"side": known["unmerged"]})
    assert (status, set(done["customers"])) == (200, set(both.values()))
    assert not done["is_still_one"]
    assert call("post", f"links/{link['id']}/split", body={})[1]["code"] == "link_undone"


def test_api__suggestions__are_decided_by_who_may(call, shop, other_shop):
    known = furnish_identities(shop, "m")
    status, told = call("get", "suggestions", role=Role.SUPPORT)
    assert (status, told["count"], told["suggestions"][0]["reason"]) == (200, 1, "phone")
    assert told["suggestions"][0]["via"]["ref"] == "+86•••00"
    path = f"suggestions/{known['suggestion']}"
    assert call("post", f"{path}/accept", role=Role.SUPPORT)[0] == 403
    assert call("post", f"{path}/accept", shop=other_shop)[0] == 404
    assert reads.count_suggestions(shop) == 1
    status, refused = call("post", f"{path}/refuse")
    assert (status, refused["refused_by"]) == (200, "operator")
    assert call("get", "suggestions?state=refused")[1]["count"] == 1
    assert call("post", f"{path}/accept")[0] == 409
    _status, file = call("get", "suggestions?state=refused&format=csv")
    text = b"".join(file.streaming_content).decode()
    assert "phone" in text
    assert "m-mei" not in text
    assert "13800138000" not in text
    assert call("get", "suggestions?format=csv", role=Role.SUPPORT)[0] == 403
