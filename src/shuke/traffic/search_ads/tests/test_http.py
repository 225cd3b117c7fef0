"""The API of search ads: keywords, their file, a trial; and what is refused."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime

import pytest
from django_scopes import scope

from shuke.kernel import clock
from shuke.shops import actions
from shuke.shops.roles import Role
from shuke.traffic.search_ads import reads
from shuke.traffic.search_ads.http import as_json
from shuke.traffic.search_ads.tests.facts import ACTOR, REPORT, load

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("warehouse_home"),
    pytest.mark.row("T8"),
]
AT = datetime(2026, 3, 25, 4, tzinfo=UTC)


@pytest.fixture
def ask(client, shop):
    """A function (path, role, **query) -> response, with an API key of that role; the clock stands at AT."""

    def get(path: str = "", role: Role = Role.OWNER, **query):
        with scope(shop=shop.id):
            _key, secret = actions.create_api_key(
                shop=shop, name=role.value, role=role, actor=ACTOR, at=clock.now()
            )
        with clock.frozen(AT):
            return client.get(
                f"/api/v1/shops/{shop.slug}/traffic/keywords{path}",
                query,
                headers={"Authorization": f"Bearer {secret}"},
            )

    return get


def test_keywords__over_the_api__what_the_read_says_also_as_a_file(ask, shop) -> None:
    load(shop, REPORT)
    found = ask().json()
    said = as_json(reads.keywords(shop=shop, at=AT), "CNY")
    assert json.loads(json.dumps(said, default=str)) == found
    assert found["counts"]["drop"] == 1
    first = found["keywords"][0]
    assert (first["keyword"], first["advice"]["code"]) == ("连衣裙", "drop")
    assert first["advice"]["rules"] == ["taobao.search_ads.least_quality"]
    one = ask(advice="keep").json()["keywords"]
    assert [(row["keyword"], row["click_cost"]["minor"], row["bid_minor"]) for row in one] == [
        ("亚麻连衣裙", 108, 150)
    ]
    text = b"".join(ask(format="csv").streaming_content).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["advice"] for row in rows] == [row["advice"]["code"] for row in found["keywords"]]
    assert ask(role=Role.READ_ONLY, format="csv").status_code == 403
    assert ask(role=Role.SUPPORT).status_code == 403


def test_trial__over_the_api__compares_the_bid_with_the_quality(ask) -> None:
    found = ask("/trial", bid="1.50", quality="9", rival=["1.20:8", "1.60:9"]).json()["trials"]
    assert [(one["code"], one["place"]["best"], one["click_cost"]["minor"]) for one in found] == [
        ("as_is", 2, 108),
        ("bid_raised", 1, 161),
        ("quality_raised", 1, 145),
    ]
    unknown = ask("/trial", bid="1", quality="8").json()["trials"][0]["click_cost"]
    assert (unknown["minor"], unknown["reason"]["code"]) == (None, "no_rival")


@pytest.mark.parametrize(
    ("path", "query", "status", "field"),
    [
        ("", {"advice": "buy"}, 422, "advice"),
        ("", {"start": "2026-03-01"}, 422, "end"),
        ("", {"start": "2026-03-05", "end": "2026-03-01"}, 422, "end"),
        ("/trial", {"bid": "0", "quality": "8"}, 422, "bid"),
        ("/trial", {"bid": "1", "quality": "-1"}, 422, "bid"),
        ("/trial", {"bid": "1", "quality": "NaN"}, 422, "quality"),
        ("/trial", {"bid": "1", "quality": "8", "rival": "eight"}, 422, "rival"),
        ("/trial", {"bid": "1", "quality": "8", "rival": "1:8:9"}, 422, "rival"),
        ("/trial", {"bid": "1", "quality": "8", "rival": ["1:8"] * 21}, 422, "rival"),
    ],
)
def test_api__asked_wrongly__names_the_field(ask, path, query, status, field) -> None:
    answer = ask(path, **query)
    assert (answer.status_code, answer.json()["field"].split(".")[-1]) == (status, field)
