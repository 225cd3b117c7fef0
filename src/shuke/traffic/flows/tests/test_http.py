"""The API of entrances and flows, the pages' CSV, and the commands: the same numbers as the reads."""

from __future__ import annotations

import csv
import io
import json

import pytest
from django.test import Client
from django.urls import reverse
from typer.testing import CliRunner

from shuke.kernel import clock
from shuke.kernel.periods import Period
from shuke.project.commands import app
from shuke.traffic import reads
from shuke.traffic.flows.http import map_told
from shuke.traffic.flows.reads import compared_map, folded_pages
from shuke.traffic.single_pages.reads import page_bounce
from shuke.traffic.tests.drawn import AT, FIRST, LAST
from shuke.warehouse import actions

pytestmark = pytest.mark.django_db(transaction=True)
PERIOD = Period.inclusive(FIRST, LAST)
SPAN = {"start": PERIOD.start.isoformat(), "end": PERIOD.end.isoformat()}
RANGE = {"range": "custom", "from": FIRST.isoformat(), "to": LAST.isoformat()}


@pytest.fixture
def client(life, member_of) -> Client:
    actions.seal(life.shop)
    found = Client()
    found.force_login(member_of(life.shop, "operator"))
    return found


def asked(client, path, **query):
    return client.get(f"/api/v1/shops/linen/traffic/{path}", SPAN | query)


@pytest.mark.row("T3")
@pytest.mark.row("T4")
def test_api__entrances_flows_and_map__as_the_reads_say(client, life):
    whole = reads.entrances(shop=life.shop, period=PERIOD, at=AT)
    told = asked(client, "entrances", size=2).json()
    assert (told["count"], len(told["rows"]), told["least_visits"]) == (len(whole.rows), 2, 100)
    assert told["rows"][0]["path"] == whole.rows[0].path
    assert told["rows"][0]["figures"][1]["numerator"] == whole.rows[0].sums["one_view_visits"]
    assert told["rows"][0]["advice"]["code"] == "too_few"
    assert "100" in told["rows"][0]["advice"]["reasons"][0]["words"]
    lines = list(csv.reader(io.StringIO(_text(asked(client, "entrances", format="csv")))))
    assert len(lines) == len(whole.rows) + 1
    found = reads.flows(shop=life.shop, period=PERIOD, by=("kind", "from_path", "to_path"))
    told = asked(client, "flows", limit=1000).json()
    assert [(row["keys"], row["moves"]) for row in told["rows"]] == [
        (dict(flow.keys), flow.moves) for flow in found.rows
    ]
    drawn = reads.flow_map(shop=life.shop, period=PERIOD, at=AT)
    told = asked(client, "map").json()
    assert told["visits"] == drawn.visits
    assert sum(link["visits"] for link in told["links"]) == sum(link.visits for link in drawn.links)
    opened = asked(client, "map", open_type="item", open_step=1).json()
    assert {node["name"] for node in opened["nodes"] if node["kind"] == "page"} <= {"/item/1", "/item/2"}


@pytest.mark.row("T3")
def test_api__visits_behind_every_link_of_the_map__are_as_many_as_it_says(client, life):
    from shuke.console.map_view import way_of
    from shuke.console.pages.traffic_map import _rows

    drawn = compared_map(shop=life.shop, period=PERIOD, steps=3, at=AT)
    rows = [row for row in _rows(drawn) if way_of(row)]
    kinds = set()
    for row in rows:
        way = way_of(row)
        if way.kind in kinds and (way.step != 2 or (way.kind, 2) in kinds):
            continue
        kinds |= {way.kind, (way.kind, way.step)}
        where = {name: "-" if value is None else value for name, value in way.where.items()}
        told = asked(client, "map/visits", kind=way.kind, step=way.step, size=500, **where).json()
        assert told["count"] == len(told["rows"]) == row.link.visits, way
        if way.step < 3:
            answer = asked(client, "map/visits", kind=way.kind, step=way.step, format="csv", **where)
            lines = list(csv.DictReader(io.StringIO(_text(answer))))
            assert [line["visit_id"].lstrip("'") for line in lines] == [
                row["visit_id"] for row in told["rows"]
            ]
    assert {"entry", "move", "exit", "order"} <= kinds


def test_api__what_can_not_be_asked__refused_by_name(client):
    for path, query, field in (
        ("flows", {"by": "channel,from_path"}, "by"),
        ("map", {"steps": 9}, "steps"),
        ("map", {"against": "ever"}, "against"),
        ("map/folded", {"of": "others"}, "open"),
        ("map/folded", {"of": "more", "steps": 9}, "steps"),
        ("map/visits", {"kind": "move", "step": 0}, "step"),
        ("map/visits", {"kind": "exit", "step": 2, "to_type": "item"}, "where"),
        ("entrances", {"end": "2026-03-01"}, "end"),
    ):
        answer = asked(client, path, **query)
        assert (answer.status_code, answer.json()["field"]) == (422, field), path


@pytest.mark.row("T3")
@pytest.mark.row("T4")
def test_pages__tables_as_files_and_drawer__hold_the_same_numbers(client, life):
    drawn = reads.flow_map(shop=life.shop, period=PERIOD, at=AT)
    page = client.get(reverse("console:traffic_map", args=["linen"]), RANGE | {"format": "csv"})
    lines = list(csv.DictReader(io.StringIO(_text(page))))
    assert sum(int(line["visits"]) for line in lines if line["from_kind"] == "channel") == drawn.visits
    page = client.get(
        reverse("console:traffic_map", args=["linen"]), RANGE | {"format": "csv", "against": "before"}
    )
    both = compared_map(shop=life.shop, period=PERIOD, against="before", at=AT)
    lines = list(csv.DictReader(io.StringIO(_text(page))))
    assert [int(line["visits before"]) for line in lines] == [
        one["then"]["visits"] for one in map_told(both)["links"]
    ]
    page = client.get(reverse("console:entrances", args=["linen"]), RANGE | {"format": "csv", "against": ""})
    assert _text(page).count("\n") == len(reads.entrances(shop=life.shop, period=PERIOD, at=AT).rows) + 1
    drawer = client.get(
        reverse("console:entrance_advice", args=["linen"]), RANGE | {"of": "/", "of_type": "home"}
    )
    assert b"A-156" in drawer.content
    left = page_bounce(shop=life.shop, path="/", period=PERIOD, at=clock.now())
    assert f'data-metric="page_bounce v1">{left.value * 100:.2f}%' in drawer.content.decode()
    item = {"of": "/item/1", "of_type": "item"}
    drawer_of_item = client.get(reverse("console:entrance_advice", args=["linen"]), RANGE | item)
    assert b'data-metric="bounce_page v1"' in drawer_of_item.content
    gone = client.get(
        reverse("console:entrance_advice", args=["linen"]), RANGE | {"of": "/gone", "of_type": "home"}
    )
    assert b"/gone" in gone.content
    assert b"A-156" not in gone.content


@pytest.mark.row("T3")
@pytest.mark.row("T4")
def test_command__entrances_and_flows__print_and_give_json(client, life):
    days = ["--shop", "linen", "--from", FIRST.isoformat(), "--to", LAST.isoformat()]
    asked = {"shop": life.shop, "period": PERIOD, "steps": 2, "at": AT}
    both = compared_map(**asked, against="last_week")
    run = lambda *words: CliRunner().invoke(app, ["report", "map", *days, "--steps", "2", *words])  # noqa: E731
    told = json.loads(run("--against", "last_week", "--json").output)
    assert [(one["visits"], one["then"]) for one in told["links"]] == [
        (one["visits"], one["then"]) for one in map_told(both)["links"]
    ]
    assert "Exit" not in run().output
    assert "Left" in run("--open", "item.1").output
    folded = json.loads(run("--folded", "more", "--json").output)
    more = folded_pages(shop=life.shop, period=PERIOD, of="more", steps=2)
    assert [row["visits"] for row in folded["rows"]] == [one.visits for one in more.rows]
    assert more.rows[0].path in run("--folded", "more").output
    assert run("--open", "item").exit_code
    for noun in ("entrances", "flows"):
        told = CliRunner().invoke(app, ["report", noun, *days, "--json"])
        assert told.exit_code == 0, told.output
        assert json.loads(told.output)["rows"]
        shown = CliRunner().invoke(app, ["report", noun, *days])
        assert shown.exit_code == 0
        assert "/item/1" in shown.output


def _text(response) -> str:
    return b"".join(response.streaming_content).decode("utf-8-sig")
