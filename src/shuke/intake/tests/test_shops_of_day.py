"""A shop's own page types: collection names its pages by them, from the day on which they hold, and asks for them rarely."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from shuke.intake import actions as doors
from shuke.intake import reads
from shuke.intake.committer import Committer
from shuke.intake.events_of import Reader, ShopFacts
from shuke.intake.journal import JournalWriter
from shuke.intake.segment_spec import Kind
from shuke.intake.set_aside import Sent
from shuke.intake.shops_of_day import ShopsOfDay
from shuke.intake.tests.test_committer import Facts
from shuke.kernel import clock
from shuke.records.actor import Actor
from shuke.rulebook import actions as rulebook
from shuke.rulebook import reads as rules

NOW = datetime(2026, 11, 11, 2, 0, tzinfo=UTC)  # ten in the morning in Shanghai
TOMORROW = date(2026, 11, 12)
OWN = [{"type": "campaign", "path": ["/double-11/*"]}, {"type": "item", "path": ["/cart"]}]
PAGES = ("/cart", "/double-11/coats", "/item/7")
SYSTEM = Actor.system("tests")


@pytest.fixture
def facts():
    return Facts()


@pytest.fixture
def send(settings, warehouse_home):
    """A function (shop, number of the round): the three pages are seen and committed by one process's committer."""
    writer = JournalWriter(settings.JOURNAL)

    def one(shop, round):
        batch = [
            {"type": "page", "anonymousId": "a", "messageId": f"{round}/{path}", "properties": {"path": path}}
            for path in PAGES
        ]
        writer.append(
            shop_id=shop.id,
            received_us=int(clock.now().timestamp()) * 1_000_000,
            kind=Kind.BATCH,
            body=json.dumps({"batch": batch}).encode(),
        )

    yield one
    writer.close()


def types_of(facts: Facts, shop) -> list[tuple[str, ...]]:
    rows = [row["page_type"] for row in facts.rows() if row["shop_id"] == shop.id]
    return [tuple(rows[i : i + 3]) for i in range(0, len(rows), 3)]


@pytest.mark.row("T1")
@pytest.mark.django_db(transaction=True)
def test_collected_pages__of_a_shop_with_its_own_types__bear_them_from_their_day_on(
    settings, facts, send, shop, other_shop
):
    with clock.frozen(NOW):
        rulebook.change_rule(
            shop=shop, rule_id="common.pages.types", since=TOMORROW, value=OWN, actor=SYSTEM, at=NOW
        )
        committer = Committer(settings.JOURNAL, append=facts)
        for one in (shop, other_shop):
            send(one, "today")
        committer.run_once()
    # Still the eleventh in UTC, already the twelfth in the shop.
    with clock.frozen(datetime(2026, 11, 11, 17, 0, tzinfo=UTC)):
        for one in (other_shop, shop, other_shop):
            send(one, "tomorrow")
        committer.run_once()
    shipped = ("cart", "other", "item")
    assert types_of(facts, shop) == [shipped, ("item", "campaign", "other")]
    assert types_of(facts, other_shop) == [shipped, shipped]


@pytest.mark.django_db
def test_shops_of_a_day__asked_again_and_again__ask_the_database_once(shop, other_shop):
    shops = ShopsOfDay()
    first = shops.of({shop.id, other_shop.id}, NOW)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        for minute in range(60):
            assert shops.of({shop.id, other_shop.id}, NOW + timedelta(minutes=minute)) == first
    assert len(asked) == 0
    assert (
        first[shop.id].page_types is first[other_shop.id].page_types is rules.page_types(date(2026, 11, 11))
    )
    assert shops.of({shop.id, 99}, NOW).keys() == {shop.id}
    assert shops.of(set(), NOW) == {}


@pytest.mark.django_db(transaction=True)
def test_mended__is_checked_by_the_shops_own_types_too(settings, facts, send, shop, warehouse_home):
    with clock.frozen(NOW):
        writer = JournalWriter(settings.JOURNAL)
        body = json.dumps({"batch": [{"type": "page", "messageId": "m", "properties": {"path": "/cart"}}]})
        writer.append(
            shop_id=shop.id,
            received_us=int(NOW.timestamp()) * 1_000_000,
            kind=Kind.BATCH,
            body=body.encode(),
        )
        writer.close()
        Committer(settings.JOURNAL, append=facts).run_once()
        (row,) = reads.list_quarantined(shop).rows
        rulebook.change_rule(
            shop=shop, rule_id="common.pages.types", since=TOMORROW, value=OWN, actor=SYSTEM, at=NOW
        )
    with clock.frozen(NOW + timedelta(days=1)):
        mended = json.dumps(json.loads(row.payload) | {"userId": "u"})
        doors.mend_and_replay(shop=shop, quarantined_id=row.id, payload=mended, actor=SYSTEM, at=clock.now())
        Committer(settings.JOURNAL, append=facts).run_once()
    assert [fact["page_type"] for fact in facts.rows()] == ["item"]


def test_reader__of_many_shops_with_types_of_their_own__numbers_pages_apart_and_bounded():
    patterns = [rules.page_types(date(2026, 11, 11)), *(_only(kind) for kind in ("home", "list", "search"))]
    shops = {
        number: ShopFacts(number, ZoneInfo("Asia/Shanghai"), "CNY", types)
        for number, types in enumerate(patterns, start=1)
    }
    reader = Reader()
    reader._places._held = 10
    for round in range(5):
        body = json.dumps(
            {"batch": [{"type": "page", "anonymousId": "a", "properties": {"path": f"/item/{round}"}}]}
        ).encode()
        sent = [
            Sent(number, int(NOW.timestamp()) * 1_000_000, Kind.BATCH, body, f"w/{round}/{number}")
            for number in shops
        ]
        table = reader.read(sent, shops, day=NOW.date(), future_tolerance_minutes=60).table
        seen = dict(zip(table["shop_id"].to_pylist(), table["page_type"].to_pylist(), strict=True))
        assert seen == {1: "item", 2: "home", 3: "list", 4: "search"}
        assert sum(map(len, reader._places._by_types.values())) == reader._places._count <= 13


def _only(kind: str):
    return (rules.PagePattern(kind, "prefix", "/item/"),)
