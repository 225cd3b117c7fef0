"""The API of single pages: what the reads say, the tables as CSV, and what a role may not see."""

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
from shuke.traffic.single_pages import reads
from shuke.traffic.tests.drawn import AT, FIRST, LAST

pytestmark = [pytest.mark.django_db, pytest.mark.row("T5")]


@pytest.fixture
def ask(client, shop):
    """A function (address, role, **query) -> response, with an API key of that role; the clock stands at AT."""

    def get(address: str, role: Role = Role.OWNER, **query):
        with scope(shop=shop.id):
            _key, secret = actions.create_api_key(
                shop=shop, name=role.value, role=role, actor=Actor.system("tests"), at=clock.now()
            )
        headers = {"Authorization": f"Bearer {secret}"}
        query = {"start": FIRST.isoformat(), "end": LAST.isoformat(), **query}
        with clock.frozen(AT):
            return client.get(f"/api/v1/shops/{shop.slug}/traffic/{address}", query, headers=headers)

    return get


def rows_of(answer) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.getvalue().decode("utf-8-sig"))))


def test_pages__over_the_api__are_what_the_reads_say(ask, shop, life):
    asked = {"shop": shop, "period": Period(FIRST, LAST), "at": AT}
    found = reads.page_list(**asked)
    told = ask("pages").json()
    assert [(row["path"], row["heat"], row["figures"][0]["value"]) for row in told["rows"]] == [
        (row.path, row.heat, row.figures[0].value) for row in found.rows
    ]
    assert [row["page_views.v1"] for row in rows_of(ask("pages", format="csv"))] == [
        str(row.figures[0].value) for row in found.rows
    ]
    both = reads.page_list(**asked, against="before")
    then = [row.then[0].value for row in both.rows]
    compared = ask("pages", against="before").json()
    assert [row["then"][0]["value"] for row in compared["rows"]] == then
    assert [
        int(row["page_views.v1 before"]) for row in rows_of(ask("pages", format="csv", against="before"))
    ] == then
    assert ask("page", path="/cart", against="before").json()["page"]["then"] == next(
        row["then"] for row in compared["rows"] if row["path"] == "/cart"
    )
    one = ask("page", path="/cart").json()
    report = reads.page_report(**asked, path="/cart")
    assert [way["count"] for way in one["went_to"]] == [way.count for way in report.went_to]
    heat = ask("page/clicks", path="/item/1", terminal="pc").json()
    cells = reads.click_heat(**asked, path="/item/1", terminal="pc").cells
    assert {(cell["x"], cell["y"]): cell["clicks"] for cell in heat["cells"]} == cells
    assert len(rows_of(ask("page/clicks", path="/item/1", terminal="pc", format="csv"))) == len(cells)
    visits = ask("page/visits", role=Role.ANALYST, path="/cart", size=1000).json()
    assert visits["count"] == one["page"]["figures"][1]["value"] == len(visits["rows"])
    assert {row["person_id"] for row in visits["rows"]} == {None}


@pytest.mark.parametrize(
    ("address", "query", "status"),
    [
        ("page", {}, 422),
        ("page", {"path": "x" * 2001}, 422),
        ("page/clicks", {"path": "/", "terminal": "fridge"}, 422),
        ("pages", {"end": "2020-01-01"}, 422),
        ("pages", {"against": "ever"}, 422),
    ],
)
def test_pages__asked_for_what_can_not_be__are_refused(ask, shop, warehouse_home, address, query, status):
    assert ask(address, **query).status_code == status
