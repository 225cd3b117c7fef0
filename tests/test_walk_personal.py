"""What leads to a person behind a number: the page, its file and both forms of the API hide the same of it."""

from __future__ import annotations

import csv
import io
import json

import pyarrow as pa
import pytest
from django.test import Client
from django_scopes import scope

from shuke.console import words
from shuke.console.pages.evidence import MASK
from shuke.kernel import clock
from shuke.kernel.periods import ONE_DAY, Period
from shuke.records.actor import Actor
from shuke.shops import actions
from shuke.shops.roles import TABLE, Deed, Role
from shuke.traffic import reads
from shuke.traffic.funnels import actions as funnels
from shuke.traffic.funnels.shapes import Funnel, Step, dump_funnel
from shuke.traffic.tests.conftest import life
from shuke.traffic.tests.drawn import AT, FIRST, LAST
from shuke.traffic.tests.facts import event
from shuke.warehouse import actions as warehouse
from shuke.warehouse import schemas

__all__ = ["life"]
pytestmark = [pytest.mark.django_db, pytest.mark.row("E3")]
# Who reads traffic and may not see customers, and one who may.
READERS = (Role.OWNER, *sorted(TABLE[Deed.VIEW_TRAFFIC] - TABLE[Deed.VIEW_CUSTOMERS]))
# What a column's name says of whom it leads to; a column of another name is added here with a thought.
LEADS_TO_SOMEONE = ("person", "buyer", "anonymous", "order_ref", "order_id", "email", "phone")


@pytest.fixture
def kinds(shop, life) -> dict[tuple[str, ...], tuple[str, int]]:
    """Each set of columns with one that leads to someone, and a metric (id, version) behind which it stands."""
    found: dict[tuple[str, ...], tuple[str, int]] = {}
    of_kind = {(one.evidence, one.dataset, one.grain): one for one in reads.METRICS if one.evidence}
    with clock.frozen(AT):
        for metric in of_kind.values():
            rows = reads.evidence(
                shop=shop, period=Period(FIRST, LAST), metric_id=metric.id, version=metric.version, at=AT
            )
            if rows.rows and any(map(leads_to_someone, rows.columns)):
                found.setdefault(rows.columns, (metric.id, metric.version))
    assert len(found) >= 3  # of visits, of orders, of buyers
    return found


def leads_to_someone(column: str) -> bool:
    return any(word in column for word in LEADS_TO_SOMEONE)


def hidden(rows: list[dict]) -> set[str]:
    """The columns that lead to someone and show nothing of it in any row; nothing else may be masked."""
    assert rows
    masked = {name for row in rows for name, value in row.items() if value == MASK}
    assert all(leads_to_someone(name) for name in masked)
    return {
        name
        for name in rows[0]
        if leads_to_someone(name) and all(row[name] in (None, "", MASK, words.UNKNOWN) for row in rows)
    }


def table(answer) -> list[dict[str, str]]:
    assert answer.status_code == 200, answer.status_code
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_evidence__by_each_role__is_hidden_alike_on_the_page_in_files_and_over_the_api(
    shop, member_of, kinds
) -> None:
    for role in READERS:
        _look(role, shop, member_of, kinds)


def _look(role: Role, shop, member_of, kinds) -> None:
    browser, program = Client(), Client()
    browser.force_login(member_of(shop, role), backend="django.contrib.auth.backends.ModelBackend")
    with scope(shop=shop.id):
        _key, secret = actions.create_api_key(
            shop=shop, name="walk", role=role, actor=Actor.system("tests"), at=clock.now()
        )
    headers = {"Authorization": f"Bearer {secret}"}
    may_see, may_export = role in TABLE[Deed.VIEW_CUSTOMERS], role in TABLE[Deed.EXPORT_TABLES]
    days = {"range": "custom", "from": FIRST.isoformat(), "to": (LAST - ONE_DAY).isoformat()}
    seen = set()
    for columns, (metric_id, version) in kinds.items():
        wanted = set() if may_see else {one for one in columns if leads_to_someone(one)}
        asked = {"start": FIRST.isoformat(), "end": LAST.isoformat(), "metric": f"{metric_id}.v{version}"}
        api, page = f"/api/v1/shops/{shop.slug}/traffic/evidence", f"/s/{shop.slug}/evidence/{metric_id}/"
        days["v"] = str(version)
        with clock.frozen(AT):
            over_api = program.get(api, asked, headers=headers).json()["rows"]
            shown = browser.get(page, days).context["table"].rows
            files = [
                program.get(api, asked | {"format": "csv"}, headers=headers),
                browser.get(page, days | {"format": "csv"}),
            ]
            on_page = [{cell.column.key: cell.value for cell in row.cells} for row in shown]
        assert hidden(over_api) == wanted, (columns, "API")
        assert hidden(on_page) == wanted, (columns, "page")
        if may_export:
            assert [hidden(table(file)) for file in files] == [wanted, wanted], (columns, "files")
        else:
            assert [file.status_code for file in files] == [403, 403]
        seen |= wanted
    assert may_see or seen >= {"person_id", "buyer_id", "order_ref"}


def test_split_of_a_funnel__by_a_property_and_each_role__names_people_only_to_those_who_may(
    shop, member_of, warehouse_home
) -> None:
    names = {f"{who}@example.com" for who in ("ann", "bob")}
    steps = ("Product Viewed", "Product Added")
    rows = [
        event(shop.zone, shop_id=shop.id, visitor=who, at=f"2026-03-02 09:0{number}", type="track", name=name)
        | {"properties": json.dumps({"email": f"{who}@example.com"})}
        for who in ("ann", "bob")
        for number, name in enumerate(steps)
    ]
    warehouse.append(facts={"events": pa.Table.from_pylist(rows, schema=schemas.EVENTS)})
    funnel = Funnel(tuple(Step("track", name) for name in steps))
    saved = funnels.save_funnel(shop=shop, name="walk", funnel=funnel, actor=Actor.system("tests"), at=AT)
    days = {"start": "2026-03-02", "end": "2026-03-09", "split": "properties.email"}
    for role in READERS:
        browser, program = Client(), Client()
        browser.force_login(member_of(shop, role), backend="django.contrib.auth.backends.ModelBackend")
        with scope(shop=shop.id):
            _key, secret = actions.create_api_key(
                shop=shop, name="walk", role=role, actor=Actor.system("tests"), at=clock.now()
            )
        base = f"/api/v1/shops/{shop.slug}/traffic/funnels"
        headers = {"Authorization": f"Bearer {secret}"}
        page = {"funnel": saved.id, "range": "custom", "from": "2026-03-02", "to": "2026-03-08"}
        page |= {"split": "property", "key": "email"}
        with clock.frozen(AT):
            answers = {
                "asked": program.post(
                    base + "/ask",
                    json.dumps(days | {"funnel": dump_funnel(funnel)}),
                    content_type="application/json",
                    headers=headers,
                ),
                "saved": program.get(f"{base}/{saved.id}/answer", days, headers=headers),
                "file": program.get(f"{base}/{saved.id}/answer", days | {"format": "csv"}, headers=headers),
                "page": browser.get(f"/s/{shop.slug}/funnels/answer/", page),
                "page's file": browser.get(f"/s/{shop.slug}/funnels/", page | {"format": "csv"}),
            }
        for name, answer in answers.items():
            body = b"".join(answer.streaming_content) if answer.streaming else answer.content
            told = {one for one in names if one in body.decode()}
            assert told == (names if role in TABLE[Deed.VIEW_CUSTOMERS] else set()), (role, name)
            if role not in TABLE[Deed.VIEW_CUSTOMERS] and name != "page":
                assert answer.status_code in (403, 422), (role, name)
