"""The sealed tier in an object store, over the network to a server of its kind: facts sealed there, asked, erased, cleaned."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from django_scopes import scope

from shuke.kernel.periods import Period
from shuke.kernel.surrogates import surrogate
from shuke.warehouse import actions, lake, reads, sealed_tier
from shuke.warehouse.models import SealedDay
from shuke.warehouse.tests.facts import NOON, events_table, line, lines_table, order_event, views
from tests.conftest import free_port

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.row("E4"), pytest.mark.timeout(200)]
ADDRESS = "s3://lake/shuke"
PERIOD = Period.inclusive(date(2026, 3, 1), date(2026, 3, 6))
KINDS = ("visits", "visitor_days", "channel_days", "order_facts")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A server that speaks the protocol of S3, with one bucket."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        for _attempt in range(300):
            try:
                request = urllib.request.Request(f"{address}/lake", method="PUT")
                urllib.request.urlopen(request, timeout=10).read()
                break
            except (urllib.error.URLError, ConnectionError):
                assert process.poll() is None
                time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture
def store(server, warehouse_home, settings, monkeypatch) -> None:
    """This test's lake lies in the store; everything else in its home."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "shuke",
        "AWS_SECRET_ACCESS_KEY": "a secret of tests",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": server,
        "AWS_ALLOW_HTTP": "true",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    settings.LAKE = f"{ADDRESS}/{os.urandom(4).hex()}"


def _append(shop, days: int = 3) -> None:
    rows = [
        row
        for day in range(days)
        for visitor in ("ann", "bob")
        for row in views(shop, visitor, (0, 5, 50), NOON + timedelta(days=day))
    ]
    rows.append(order_event(shop, "paid", "ann", NOON + timedelta(minutes=6), "A1", 990, 2))
    actions.append(
        facts={"events": events_table(rows), "order_lines": lines_table([line(shop, "B1", 1, NOON, 500)])}
    )


def _answers(shop) -> dict[str, list[str]]:
    def question(snapshot: reads.Snapshot) -> dict[str, list[str]]:
        return {kind: sorted(map(repr, reads.run(snapshot.derived(kind)).to_pylist())) for kind in KINDS}

    return reads.ask(shop, PERIOD, question)


def test_object_store__days_sealed_there__answers_are_those_of_the_open_tier(
    shop, store, warehouse_home, settings
):
    _append(shop)
    before = _answers(shop)
    assert actions.seal(shop) == 3
    assert _answers(shop) == before
    assert all(before.values())
    with scope(shop=shop.id):
        versions = SealedDay.objects.first().versions
    files = sealed_tier.files_by_day(shop.id, "visits", versions["visits"], lake.root())
    assert all(name.startswith(ADDRESS) for names in files.values() for name in names)
    assert not list((warehouse_home / "lake").rglob("*"))
    late = views(shop, "eve", (10,), NOON)
    actions.append(facts={"events": events_table(late)})
    with_late = _answers(shop)
    assert len(with_late["visits"]) == len(before["visits"]) + 1
    assert actions.seal(shop) == 1
    assert _answers(shop) == with_late
    assert actions.refill(shop) == 3
    assert _answers(shop) == with_late


def test_object_store__person_erased_and_files_vacuumed__nothing_of_them_is_left(shop, store):
    _append(shop, days=1)
    actions.seal(shop)
    person = surrogate(shop.id, "visitor", "ann")
    before = _answers(shop)
    assert actions.erase(shop_id=shop.id, surrogates=[person]) > 0
    after = _answers(shop)
    assert after["visits"]
    assert {row for row in before["visits"] if str(person) not in row} == set(after["visits"])
    for kind in ("events", "visits", "visitor_days"):
        table = sealed_tier.open_table(shop.id, kind)
        names = table.file_uris()
        assert set(_listed(shop.id, kind)) == set(names)


def _listed(shop_id: int, kind: str) -> list[str]:
    """The Parquet files of a table that lie in the store, named by its log or not."""
    from pyarrow import fs

    address = lake.table_address(shop_id, kind)
    store, path = fs.FileSystem.from_uri(address)
    found = store.get_file_info(fs.FileSelector(path, recursive=True))
    return [
        f"s3://{one.path}" for one in found if one.path.endswith(".parquet") and "_delta_log" not in one.path
    ]


def test_object_store__file_lost_while_asked__the_question_is_planned_once_more(shop, store):
    _append(shop, days=1)
    actions.seal(shop)
    before = _answers(shop)
    asked = []

    def question(snapshot: reads.Snapshot) -> int:
        visits = snapshot.derived("visits")
        if not asked:
            actions.refill(shop, by="duckdb")
            for kind in ("visits", "visitor_days"):
                sealed_tier.vacuum(shop.id, kind, grace=timedelta())
        asked.append(1)
        return reads.run(visits.aggregate(n=visits.count()))["n"][0].as_py()

    assert reads.ask(shop, PERIOD, question) == len(before["visits"])
    assert len(asked) == 2
