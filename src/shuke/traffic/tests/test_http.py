"""The API of traffic: typed answers with metric and version, who may ask, what is refused, and tables as CSV."""

from __future__ import annotations

import csv
import io
import json

import pytest
from django_scopes import scope

from shuke.kernel import clock
from shuke.records.actor import Actor
from shuke.shops import actions
from shuke.shops.roles import Role
from shuke.traffic import reads
from shuke.traffic.tests.drawn import AT, FIRST, LAST

pytestmark = [pytest.mark.django_db, pytest.mark.row("T2")]
SPAN = {"start": FIRST.isoformat(), "end": LAST.isoformat()}


@pytest.fixture
def ask(client, shop):
    """A function (path, role, **query) -> response, with an API key of that role; the clock stands at AT."""

    def get(path: str, role: Role = Role.OWNER, **query):
        with scope(shop=shop.id):
            _key, secret = actions.create_api_key(
                shop=shop, name=role.value, role=role, actor=Actor.system("tests"), at=clock.now()
            )
        with clock.frozen(AT):
            return client.get(
                f"/api/v1/shops/{shop.slug}/traffic/{path}",
                query,
                headers={"Authorization": f"Bearer {secret}"},
            )

    return get


def test_overview__over_the_api__what_the_read_says(ask, life):
    answer = ask("overview", **SPAN, against=["before"], metrics=["pv", "bounce_visitor.v2", "amount_paid"])
    found = answer.json()
    assert answer.status_code == 200
    assert [(r["now"]["metric"], r["now"]["version"]) for r in found["rows"]] == [
        ("pv", 1),
        ("bounce_visitor", 2),
        ("amount_paid", 1),
    ]
    split = found["split"]
    parts = split["visitors_minor"], split["conversion_minor"], split["value_minor"]
    assert split["against"] == "before"
    assert None in parts or sum(parts) == split["total_minor"]
    pv = found["rows"][0]["now"]["value"]
    assert sum(found["rows"][0]["spark"]) == pv
    assert (found["is_partial"], found["currency"]) == (False, "CNY")


def test_series_and_sources__over_the_api__add_up(ask, life):
    points = ask("series", **SPAN, metric="visits").json()["points"]
    report = ask("sources", **SPAN, by=["channel", "is_paid"]).json()
    total = report["total"]["figures"][0]
    assert total["metric"] == "visits"
    assert sum(p["value"] for p in points) == total["value"]
    assert sum(row["figures"][0]["value"] for row in report["rows"]) == total["value"]


@pytest.mark.row("T3")
def test_evidence__over_the_api__count_is_the_number_and_persons_are_masked(ask, life):
    found = ask("evidence", **SPAN, metric="buyers").json()
    assert found["count"] == found["figure"]["value"] > 0
    assert found["is_equal"]
    assert all(row["buyer_id"] is not None for row in found["rows"])
    masked = ask("evidence", Role.READ_ONLY, **SPAN, metric="buyers").json()
    assert masked["count"] == found["count"]
    assert all(row["buyer_id"] is None for row in masked["rows"])


def test_metrics__over_the_api__every_version_in_both_languages(ask):
    found = ask("metrics").json()
    assert [(one["id"], one["version"]) for one in found] == [(one.id, one.version) for one in reads.METRICS]
    assert all(one["definition"]["zh"] and one["definition"]["en"] and one["sources"] for one in found)


def test_condition__over_the_api__filters(ask, life):
    node = json.dumps({"v": 1, "all": [{"field": "is_paid", "op": "eq", "value": True}]})
    every = ask("series", **SPAN, metric="visits").json()["points"]
    paid = ask("series", **SPAN, metric="visits", condition=node).json()["points"]
    assert 0 < sum(p["value"] for p in paid) < sum(p["value"] for p in every)


@pytest.mark.parametrize(
    ("path", "query", "status", "code"),
    [
        ("overview", {"start": "2026-03-02", "end": "2026-03-02"}, 422, "bad_period"),
        ("overview", {"start": "0001-01-01", "end": "0001-01-02"}, 422, "bad_period"),
        ("overview", {"start": "2000-01-01", "end": "2026-03-02"}, 422, "bad_period"),
        ("overview", SPAN | {"metrics": "nothing"}, 404, "not_found"),
        ("overview", SPAN | {"metrics": "pv.vx"}, 422, "invalid"),
        ("overview", SPAN | {"condition": "{"}, 422, "bad_condition"),
        ("overview", SPAN | {"against": "custom"}, 422, "invalid"),
        ("series", SPAN | {"metric": "pv", "grain": "minute"}, 422, "unreadable"),
        ("sources", SPAN | {"by": ["channel", "channel"]}, 422, "invalid"),
        ("evidence", SPAN | {"metric": "pv", "page": 0}, 422, "unreadable"),
        ("evidence", SPAN | {"metric": "pv", "until": "2026-03-02T00:00:00"}, 422, "invalid"),
    ],
)
def test_api__what_can_not_be_asked__refused_with_words(ask, life, path, query, status, code):
    answer = ask(path, **query)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.json()


@pytest.mark.parametrize("path", ["overview", "sources", "series", "evidence"])
def test_csv__each_table__as_many_rows_as_the_answer(ask, life, path):
    query = SPAN | ({"metric": "visits"} if path in ("series", "evidence") else {})
    found = ask(path, **query, **({"size": 1000} if path == "evidence" else {})).json()
    answer = ask(path, **query, format="csv")
    lines = list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig"))))
    rows = found["points"] if path == "series" else found["rows"]
    assert len(lines) == 1 + len(rows)
    assert {len(line) for line in lines} == {len(lines[0])}
    refused = ask(path, Role.READ_ONLY, **query, format="csv")
    assert refused.status_code == 403
