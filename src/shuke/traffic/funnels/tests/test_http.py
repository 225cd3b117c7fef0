"""The API of funnels: asked ad hoc and saved, changed by one at a time, people for those who may see customers."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import Any

import pytest
from django_scopes import scope

from shuke.kernel import clock
from shuke.records.actor import Actor
from shuke.records.models import AuditEntry
from shuke.shops import actions as shops
from shuke.traffic.funnels.models import SavedFunnel
from shuke.traffic.funnels.shapes import dump_funnel
from shuke.traffic.funnels.tests import oracle
from shuke.traffic.funnels.tests.test_reads import FUNNEL, append, drawn, expected
from shuke.traffic.tests.facts import event
from shuke.warehouse import actions

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.row("T7")]
AT = datetime(2026, 3, 10, 20, 5, tzinfo=UTC)
DAYS = {"start": "2026-03-02", "end": "2026-03-11"}
FORM = dump_funnel(FUNNEL)


class Api:
    """One key's way in; bodies are JSON."""

    def __init__(self, client: Any, shop: Any, role: str) -> None:
        key = shops.create_api_key(
            shop=shop, name=role, role=role, actor=Actor.system("tests"), at=clock.now()
        )
        self.client, self.base = client, f"/api/v1/shops/{shop.slug}/traffic/funnels"
        self.headers = {"Authorization": f"Bearer {key[1]}"}

    def __call__(self, method: str, path: str = "", *, status: int = 200, **given: Any) -> Any:
        with clock.frozen(AT):
            if method in ("post", "put"):
                given = {"data": given, "content_type": "application/json"}
            answer = getattr(self.client, method)(self.base + path, headers=self.headers, **given)
        assert answer.status_code == status, answer.content
        return (
            answer.json() if "json" in answer["Content-Type"] else b"".join(answer.streaming_content).decode()
        )


def test_funnel_api__asked_saved_and_changed__says_what_plain_python_says(
    shop, warehouse_home, client
) -> None:
    rows = drawn(shop, 7)
    append(rows)
    actions.seal(shop)
    wanted = expected(rows)
    counts = oracle.counts(wanted, 4)
    api = Api(client, shop, "operator")
    found = api("post", "/ask", funnel=FORM, split="terminal", most=2, **DAYS)
    assert [step["visitors"] for step in found["steps"]] == counts
    assert found["steps"][1]["of_previous"] == pytest.approx(counts[1] / counts[0], abs=1e-6)
    assert [sum(day["visitors"][k] for day in found["days"]) for k in range(4)] == counts
    assert [sum(part["visitors"][k] for part in found["parts"]) for k in range(4)] == counts
    terminals = {row["event_id"]: row["terminal"] for row in rows}
    for part in found["parts"]:
        if not part["others"]:
            own = [way for way in wanted if terminals[way["event_id"]] == part["value"]]
            assert part["visitors"] == oracle.counts(own, 4)
    assert [part["others"] for part in found["parts"]] == [0, 0, 1]

    saved = api("post", "", status=201, name=" To the  cart ", funnel=FORM)
    assert (saved["name"], saved["version"], saved["funnel"]) == ("To the cart", 1, FORM)
    assert api("post", "", status=409, name="To the cart", funnel=FORM)["code"] == "funnel_name_taken"
    path = f"/{saved['id']}"
    assert [step["visitors"] for step in api("get", path + "/answer", data=DAYS)["steps"]] == counts
    table = api("get", path + "/answer", data=DAYS | {"format": "csv"}).removeprefix("\ufeff")
    assert [row["visitors"] for row in csv.DictReader(io.StringIO(table))] == [str(n) for n in counts]
    shorter = FORM | {"steps": FORM["steps"][:2]}
    changed = api("put", path, name="Shorter", funnel=shorter, version=1)
    assert (changed["version"], changed["funnel"]["steps"]) == (2, shorter["steps"])
    refused = api("put", path, status=409, name="Late", funnel=FORM, version=1)
    assert refused["code"] == "funnel_changed"
    assert api("get", path) == changed
    assert api("post", path + "/archive")["archived_at"]
    assert api("get", "") == []
    assert [one["id"] for one in api("get", "", data={"with_archived": True})] == [saved["id"]]
    assert api("post", path + "/restore")["archived_at"] is None
    with scope(shop=shop.id):
        entries = list(AuditEntry.objects.filter(subject_kind="funnel").order_by("id"))
    assert [entry.after["name"] for entry in entries] == ["To the cart", "Shorter", "Shorter", "Shorter"]
    kinds = [(one["type"], one["name"]) for one in api("get", "/events")]
    assert set(kinds) == {("track", row["name"]) for row in rows}


def test_funnel_people__at_each_step__are_as_many_as_the_number_says(shop, warehouse_home, client) -> None:
    rows = drawn(shop, 8)
    append(rows[:200])
    actions.seal(shop)
    append(rows[200:])
    wanted = expected(rows)
    api = Api(client, shop, "operator")
    saved = api("post", "", status=201, name="people", funnel=FORM)
    names = {row["visitor_id"]: row["anonymous_ref"] for row in rows}
    for step in (1, 2, 3, 4):
        own = sorted((way["times"][0], way["subject_id"]) for way in wanted if way["depth"] == step)
        found = api("get", f"/{saved['id']}/people", data=DAYS | {"step": step, "size": 1000})
        assert found["count"] == len(own) > 0
        assert [(one["subject_id"], one["ref"]) for one in found["people"]] == [(v, names[v]) for _, v in own]
        by_body = api("post", "/people", funnel=FORM, step=step, is_exactly=False, size=1, **DAYS)
        assert by_body["count"] == oracle.counts(wanted, 4)[step - 1]
        assert len(by_body["people"]) == 1
    text = api("get", f"/{saved['id']}/people", data=DAYS | {"step": 1, "format": "csv"})
    assert len(text.splitlines()) == 1 + sum(way["depth"] == 1 for way in wanted)
    analyst = Api(client, shop, "analyst")
    assert (
        analyst("get", f"/{saved['id']}/people", status=403, data=DAYS | {"step": 1})["code"] == "not_allowed"
    )
    assert analyst("get", f"/{saved['id']}/answer", data=DAYS)["steps"]
    for op, status in (("contains", 403), ("starts_with", 403), ("eq", 200)):
        asked = {"v": 1, "field": "properties.phone", "op": op, "value": "13"}
        steps = [{"type": "track", "name": "Product Viewed", "condition": asked}, {"type": "view"}]
        found = analyst("post", "/ask", status=status, funnel={"v": 1, "steps": steps}, **DAYS)
        assert found.get("code") == ("not_allowed" if status == 403 else None)
    reader = Api(client, shop, "read_only")
    assert reader("post", "", status=403, name="no", funnel=FORM)["code"] == "not_allowed"
    assert reader("post", "/ask", funnel=FORM, **DAYS)["steps"]


BAD: tuple[tuple[dict[str, Any], str], ...] = (
    ({"v": 1, "steps": []}, "steps"),
    ({"v": 1, "steps": [{"type": "track", "name": "a"}] * 11}, "steps"),
    ({"v": 2, "steps": [{"type": "view"}] * 2}, "v"),
    ({"v": 1, "steps": [{"type": "view"}, {"type": "track"}]}, "steps[1].name"),
    ({"v": 1, "steps": [{"type": "view"}, {"type": "walk"}]}, "steps[1].type"),
    ({"v": 1, "steps": [{"type": "view", "x": 1}, {"type": "view"}]}, "steps[0]"),
    ({"v": 1, "steps": [{"type": "view"}] * 2, "window": 0}, "window"),
    ({"v": 1, "steps": [{"type": "view"}] * 2, "window": 8_000_000}, "window"),
    ({"v": 1, "steps": [{"type": "view"}] * 2, "window": 1.5}, "window"),
    ({"v": 1, "steps": [{"type": "view", "condition": {"v": 1, "all": [{"field": "nope", "op": "eq", "value": 1}]}}] * 2},
     "field"),
)  # fmt: skip


def test_funnel_api__bad_form__names_the_place_and_changes_nothing(shop, warehouse_home, client) -> None:
    api = Api(client, shop, "operator")
    for form, place in BAD:
        for path, given in (("/ask", DAYS), ("", {"name": "bad"})):
            refused = api("post", path, status=422, funnel=form, **given)
            assert refused["field"] == place, form
            assert refused["message"]
    assert api("post", "/ask", status=422, funnel=FORM, split="nope", **DAYS)["field"] == "split"
    assert (
        api("post", "/ask", status=422, funnel=FORM, start="2026-03-02", end="2026-03-02")["field"] == "end"
    )
    assert api("get", "/999", status=404)["code"] == "not_found"
    with scope(shop=shop.id):
        assert not SavedFunnel.objects.exists()


def test_split__by_the_visit_of_the_start__is_the_last_that_had_begun(shop, warehouse_home, client) -> None:
    def came(visitor: str, at: str, source: str, **more: Any) -> dict[str, Any]:
        return event(
            shop.zone, shop_id=shop.id, visitor=visitor, at=at, utm_source=source, utm_campaign=source, **more
        )

    def did(visitor: str, at: str, name: str) -> dict[str, Any]:
        return event(shop.zone, shop_id=shop.id, visitor=visitor, at=at, type="track", name=name)

    append(
        [
            came("ann", "2026-03-02 09:00", "one"),
            did("ann", "2026-03-02 09:01", "Other"),
            came("ann", "2026-03-02 09:10", "two"),
            did("ann", "2026-03-02 09:11", "Product Viewed"),
            did("ann", "2026-03-03 09:11", "Product Added"),
            came("bob", "2026-03-03 09:00", "one"),
            did("bob", "2026-03-03 09:00:30", "Product Viewed"),
            did("cem", "2026-03-04 09:00", "Product Viewed"),
        ]
    )
    form = {
        "v": 1,
        "steps": [{"type": "track", "name": n} for n in ("Product Viewed", "Product Added")],
        "window": 172_800,
    }
    api = Api(client, shop, "operator")
    for _ in range(2):
        found = api("post", "/ask", funnel=form, split="campaign", **DAYS)
        parts = {part["value"]: part["visitors"] for part in found["parts"]}
        assert parts == {"two": [1, 1], "one": [1, 0], None: [1, 0]}
        actions.seal(shop)
