"""The API of items and the command: what the reads say, who may ask, what is refused; tables as files."""

from __future__ import annotations

import csv
import io
import json
from datetime import date, datetime, timedelta

import pytest
from django_scopes import scope
from typer.testing import CliRunner

from shuke.kernel import clock
from shuke.kernel.periods import Period
from shuke.project.commands import app
from shuke.records.actor import Actor
from shuke.shops import actions
from shuke.shops.roles import Role
from shuke.traffic.items import http, reads
from shuke.traffic.items.tests.conftest import WHOLE
from shuke.traffic.items.tests.drawn import AT

pytestmark = [pytest.mark.django_db, pytest.mark.row("T10")]
AFTER = AT + timedelta(days=30)
DAYS = {"start": "2026-03-01", "end": "2026-03-05"}


@pytest.fixture
def ask(client, shop):
    """A function (path, role, **query) -> response, with an API key of that role; the clock stands at AFTER."""

    def get(path: str = "", role: Role = Role.ANALYST, **query):
        with scope(shop=shop.id):
            _key, secret = actions.create_api_key(
                shop=shop, name=role.value, role=role, actor=Actor.system("tests"), at=clock.now()
            )
        with clock.frozen(AFTER):
            return client.get(
                f"/api/v1/shops/{shop.slug}/traffic/items{path}",
                query,
                headers={"Authorization": f"Bearer {secret}"},
            )

    return get


def _plain(value):
    return json.loads(json.dumps(value, default=lambda one: one.isoformat()))


def _file(response) -> list[list[str]]:
    return list(csv.reader(io.StringIO(b"".join(response.streaming_content).decode("utf-8-sig"))))


def test_items__over_the_api__are_what_the_reads_say(ask, life):
    found = ask(**DAYS)
    assert found.status_code == 200, found.content
    expected = reads.items(shop=life.shop, period=WHOLE, at=AFTER)
    assert found.json() == _plain(http.told_items(expected, "CNY", 1, 50))
    count = len(expected.rows)
    assert found.json()["count"] == count > 2
    pages = [ask(page=number, size=2, **DAYS).json() for number in (1, 2, 3)]
    assert [len(one["rows"]) for one in pages] == [2, min(2, count - 2), max(0, min(2, count - 4))]
    assert [row for one in pages for row in one["rows"]] == found.json()["rows"][:6]
    assert {one["count"] for one in pages} == {count}
    assert pages[2]["total"] == found.json()["total"]
    one = ask("/one", product_ref="A1", **DAYS).json()
    assert one["item"] == next(row for row in found.json()["rows"] if row["product_ref"] == "A1")
    assert sum(day["sums"]["views"] for day in one["days"]) == one["item"]["sums"]["views"]
    assert [check["step"] for check in one["stall"]["steps"]] == list(reads.STEPS)
    behind = {of: ask("/one/behind", product_ref="A1", of=of, **DAYS).json() for of in reads.COLUMNS}
    assert {of: told["count"] for of, told in behind.items()} == {
        of: one["item"]["sums"][of] for of in reads.COLUMNS
    }
    assert {row["buyer_id"] for row in behind["buyers"]["rows"]} == {None}  # an analyst sees no customers
    assert (
        len(_file(ask("/one/behind", product_ref="A1", of="orders", format="csv", **DAYS)))
        == 1 + (behind["orders"]["count"])
    )
    stalled = ask("/stalled", **DAYS).json()
    assert stalled["rules"]["min_visitors"] == 100
    assert stalled["reason"]["code"] == "too_few_items"
    assert (stalled["count"], stalled["page"], stalled["size"]) == (0, 1, 50)
    asked = {"start": "2026-03-03", "end": "2026-03-05", "against": "before"}
    period = Period(date(2026, 3, 3), date(2026, 3, 5))
    both = reads.items(shop=life.shop, period=period, against="before", at=AFTER)
    compared = ask(**asked).json()
    assert compared == _plain(http.told_items(both, "CNY", 1, 50))
    assert compared["against_period"] == {"start": "2026-03-01", "end": "2026-03-03"}
    own_days = {"against": "custom", "custom_start": "2026-03-01", "custom_end": "2026-03-03"}
    assert ask(**asked | own_days).json() == compared
    assert ask(**asked | own_days | {"against": "last_week"}).status_code == 422
    assert ask("/one", product_ref="A1", **asked).json()["item"] == next(
        row for row in compared["rows"] if row["product_ref"] == "A1"
    )
    lines = _file(ask(format="csv", **asked))
    views = lines[0].index("views before")
    assert [int(line[views]) for line in lines[1:]] == [row.then.views for row in both.rows]
    (header,) = _file(ask("/stalled", format="csv", **DAYS))
    assert tuple(header) == http.STALLED_COLUMNS
    rows = _file(ask(format="csv", **DAYS))
    assert [row[0] for row in rows[1:]] == [row["product_ref"] for row in found.json()["rows"]]


def test_hot__over_the_api__is_what_the_read_says_at_that_moment(ask, life):
    moment = "2026-03-04T14:05:00+08:00"
    found = ask("/hot", moment=moment, window="7d", by="units")
    assert found.status_code == 200, found.content
    expected = reads.hot(
        shop=life.shop, moment=datetime.fromisoformat(moment), window="7d", by="units", at=AFTER
    )
    told = found.json()
    assert [(r["rank"], r["product_ref"], r["units"]) for r in told["rows"]] == [
        (r.rank, r.product_ref, float(r.units)) for r in expected.rows
    ]
    assert len(told["rows"]) == 3
    assert ask("/hot", moment="2026-03-04T14:05:00", window="7d", by="units").json()["rows"] == told["rows"]
    assert len(_file(ask("/hot", moment=moment, window="7d", by="units", format="csv"))) == 4


@pytest.mark.parametrize(
    ("path", "query", "status", "field"),
    [
        ("", {"start": "2026-03-05", "end": "2026-03-01"}, 422, "end"),
        ("/one", DAYS, 422, "product_ref"),
        ("/one/behind", DAYS | {"product_ref": "A1", "of": "luck"}, 422, "of"),
        ("", DAYS | {"against": "ever"}, 422, "against"),
        ("", DAYS | {"against": "custom"}, 422, "against"),
        (
            "",
            DAYS | {"against": "before", "custom_start": "2026-03-01", "custom_end": "2026-03-02"},
            422,
            "against",
        ),
        ("/one", DAYS | {"product_ref": "A1", "custom_start": "2026-03-01"}, 422, "custom_end"),
        ("", DAYS | {"custom_start": "2026-03-01", "custom_end": "2026-03-01"}, 422, "custom_end"),
        ("/hot", {"window": "2h"}, 422, "window"),
        ("/hot", {"by": "luck"}, 422, "by"),
        ("/hot", {"moment": "2030-01-01T00:00:00Z"}, 422, "moment"),
        ("/hot", {"moment": "0001-01-01T00:00:00Z"}, 422, "moment"),
    ],
)
def test_items__asked_wrongly_over_the_api__are_refused_by_their_field(ask, life, path, query, status, field):
    answer = ask(path, **query)
    assert answer.status_code == status, answer.content
    assert field in answer.json()["field"]


def test_items__with_a_key_of_support__are_refused(ask, life):
    for path, query in (("", DAYS), ("/hot", {}), ("/stalled", DAYS), ("/one", DAYS | {"product_ref": "A1"})):
        assert ask(path, Role.SUPPORT, **query).status_code == 403
    assert ask("", Role.READ_ONLY, format="csv", **DAYS).status_code == 403
    assert ask("/stalled", Role.READ_ONLY, format="csv", **DAYS).status_code == 403


def test_command__items_and_hot__say_what_the_reads_say(life):
    def run(*words: str) -> str:
        with clock.frozen(AFTER):
            done = CliRunner().invoke(app, ["report", *words, "--shop", life.shop.slug])
        assert done.exit_code == 0, done.output
        return done.output

    days = ("--from", "2026-03-01", "--to", "2026-03-04")
    expected = reads.items(shop=life.shop, period=WHOLE, at=AFTER)
    assert json.loads(run("items", *days, "--json")) == _plain(http.told_items(expected, "CNY"))
    assert "A1" in run("items", *days)
    last = ("--from", "2026-03-04", "--to", "2026-03-04", "--against", "yesterday")
    both = reads.items(shop=life.shop, period=Period.of_day(date(2026, 3, 4)), against="yesterday", at=AFTER)
    assert json.loads(run("items", *last, "--json")) == _plain(http.told_items(both, "CNY"))
    assert "▲" in run("items", *last) or "▼" in run("items", *last)
    assert run("items", *days, "--stalled")
    told = json.loads(run("hot", "--at", "2026-03-04T14:05", "--window", "7d", "--json"))
    assert told["rows"][0]["rank"] == 1
    assert told["rows"][0]["product_ref"] in run("hot", "--at", "2026-03-04T14:05", "--window", "7d")
