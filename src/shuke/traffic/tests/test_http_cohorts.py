"""The API of cohorts: the table, its people, who may ask for which, what is refused, and both as CSV."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime

import pytest
from django_scopes import scope

from shuke.kernel import clock
from shuke.records.actor import Actor
from shuke.shops import actions
from shuke.shops.roles import Role
from shuke.traffic import reads
from shuke.traffic.http_cohorts import as_json

pytestmark = [pytest.mark.django_db, pytest.mark.row("T7")]
AFTER = datetime(2026, 3, 25, 4, tzinfo=UTC)
VISITS = {"starting": "visit", "who": "visitor", "grain": "week"}


@pytest.fixture
def ask(client, shop):
    """A function (path, role, **query) -> response, with an API key of that role; the clock stands at AFTER."""

    def get(path: str = "", role: Role = Role.OWNER, **query):
        with scope(shop=shop.id):
            _key, secret = actions.create_api_key(
                shop=shop, name=role.value, role=role, actor=Actor.system("tests"), at=clock.now()
            )
        with clock.frozen(AFTER):
            return client.get(
                f"/api/v1/shops/{shop.slug}/traffic/cohorts{path}",
                query,
                headers={"Authorization": f"Bearer {secret}"},
            )

    return get


def rows_of(response) -> list[list[str]]:
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text)))


def test_cohorts__over_the_api__what_the_read_says(ask, life) -> None:
    condition = {"v": 1, "all": [{"field": "paid", "op": "ge", "value": 100}]}
    answer = ask(
        **VISITS,
        returning="order",
        returning_condition=json.dumps(condition),
        start="2026-02-25",
        end="2026-03-10",
    )
    assert answer.status_code == 200
    found = answer.json()
    from shuke.conditions.reads import parse
    from shuke.kernel.periods import Period

    said = reads.cohorts(
        shop=life.shop,
        starting=reads.Behaviour("visit"),
        returning=reads.Behaviour("order", condition=parse(condition, "order_movement")),
        who="visitor",
        grain="week",
        period=Period(datetime(2026, 2, 25).date(), datetime(2026, 3, 10).date()),
        at=AFTER,
    )
    assert found == json.loads(json.dumps(as_json(said), default=str))
    assert [row["start"] for row in found["cohorts"]] == ["2026-02-23", "2026-03-02", "2026-03-09"]
    assert found["returning"] == {"kind": "order", "name": "", "condition": condition}
    assert (found["size_metric"], found["retention_metric"]) == ("cohort_size.v1", "retention.v1")


def test_cohorts__as_csv__the_same_numbers(ask, life) -> None:
    found = ask(**VISITS).json()
    header, *rows = rows_of(ask(**VISITS, format="csv"))
    assert len(rows) == len(found["cohorts"]) > 1
    for row, cohort in zip(rows, found["cohorts"], strict=True):
        told = dict(zip(header, row, strict=True))
        assert (told["cohort"], int(told["people"])) == (cohort["start"], cohort["people"])
        for cell in cohort["cells"]:
            assert int(told[f"people_{cell['offset']}"]) == cell["people"]
            assert float(told[f"share_{cell['offset']}"]) == cell["share"]
        assert int(told["finished"]) == sum(not cell["is_unfinished"] for cell in cohort["cells"])


def test_people__of_a_cell__as_many_as_its_number(ask, life) -> None:
    cohort = next(row for row in ask(**VISITS).json()["cohorts"] if len(row["cells"]) > 1)
    cell = cohort["cells"][1]
    behind = ask("/people", **VISITS, cohort=cohort["start"], offset=1, size=1000).json()
    assert behind["count"] == len(behind["people"]) == cell["people"] > 0
    assert all(cell["start"] <= one["last_day"] < cell["end"] for one in behind["people"])
    whole = ask("/people", **VISITS, cohort=cohort["start"]).json()
    assert (whole["count"], whole["offset"]) == (cohort["people"], None)
    header, *rows = rows_of(ask("/people", **VISITS, cohort=cohort["start"], format="csv"))
    assert header == ["subject_id", "ref", "first_day", "times", "last_day"]
    assert [str(int(row[0])) for row in rows][:50] == [one["subject_id"] for one in whole["people"]]
    assert len(rows) == cohort["people"]


def test_people__without_the_right_to_customers__refused(ask, life) -> None:
    for role in (Role.ANALYST, Role.READ_ONLY):
        assert ask(role=role, **VISITS).status_code == 200
        assert ask("/people", role=role, **VISITS, cohort="2026-03-02").status_code == 403
    for op, status in (("contains", 403), ("eq", 200)):
        within = json.dumps({"v": 1, "field": "properties.phone", "op": op, "value": "13"})
        asked = VISITS | {"starting": "event", "starting_name": "x", "starting_condition": within}
        assert ask(role=Role.ANALYST, **asked).status_code == status
        assert ask(role=Role.OPERATOR, **asked).status_code == 200
    assert ask(role=Role.SUPPORT, **VISITS).status_code == 403
    assert ask(role=Role.READ_ONLY, **VISITS, format="csv").status_code == 403


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"starting": "event"}, "starting_name"),
        ({"starting": "order", "starting_name": "x"}, "starting_name"),
        ({"returning": "event"}, "returning_name"),
        ({"returning_name": "x"}, "returning_name"),
        ({"returning_condition": "{}"}, "returning_condition"),
        ({"start": "2026-03-01"}, "end"),
        ({"end": "2026-03-01"}, "start"),
        ({"start": "2026-03-02", "end": "2026-03-02"}, "end"),
        ({"start": "0001-01-01", "end": "2026-03-02"}, "start"),
        ({"start": "2026-01-01", "end": "9999-12-31"}, "end"),
        ({"starting": "family"}, "starting"),
        ({"grain": "year"}, "grain"),
    ],
)
def test_cohorts__bad_question__names_the_parameter(ask, life, query, field) -> None:
    answer = ask(**query)
    assert answer.status_code == 422
    assert answer.json()["field"].split(".")[-1] == field


def test_cohorts__condition_on_what_an_order_does_not_know__refused(ask, life) -> None:
    condition = json.dumps({"v": 1, "all": [{"field": "entry_path", "op": "eq", "value": "/"}]})
    answer = ask(starting="order", starting_condition=condition)
    assert 400 <= answer.status_code < 500
    assert "entry_path" in json.dumps(answer.json())


def test_people__days_outside_the_calendar__refused(ask, life) -> None:
    assert ask("/people", cohort="0001-01-01").status_code == 422
    assert ask("/people", cohort="2199-12-31", offset=159, grain="month").status_code == 200
    assert ask("/people", cohort="2026-03-01", offset=160).status_code == 422
