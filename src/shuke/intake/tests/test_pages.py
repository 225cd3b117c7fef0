"""The doors' pages: a file from its upload to its rows, and what was set aside until it is mended or dropped."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django_scopes import scope

from shuke.intake import reads
from shuke.records import jobs
from shuke.shops.roles import Role

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.row("T1")]
FILE = """InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
536365,85123A,WHITE HANGING HEART,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom
536365,71053,WHITE METAL LANTERN,many,2010-12-01 08:26:00,3.39,17850.0,United Kingdom
536366,22633,HAND WARMER,6,2010-12-41 08:28:00,1.85,17850.0,United Kingdom
536367,84879,"=HYPERLINK(""http://evil.example"")",32,2010-12-01 08:34:00,1.69,13047.0,United Kingdom
"""


@pytest.fixture
def operator(client, shop, member_of, warehouse_home: Path):
    user = member_of(shop, Role.OPERATOR)
    client.force_login(user)
    client.cookies["shuke_language"] = "en"
    return user


def _upload(client, shop, content: bytes = FILE.encode(), name: str = "orders.csv") -> str:
    file = SimpleUploadedFile(name, content)
    return client.post(reverse("intake:upload", args=[shop.slug]), {"file": file}).url


def _load(client, shop) -> int:
    sha256 = re.search(r"file=(\w+)", _upload(client, shop)).group(1)
    answer = client.post(
        reverse("intake:start_import", args=[shop.slug]), {"file": sha256, "mapping": "uci_online_retail"}
    )
    import_id = int(re.search(r"/imports/(\d+)/", answer.url).group(1))
    jobs.run_to_end(reads.get_import(shop, import_id).job_id)
    return import_id


def test_preview__a_file_without_mapping__shows_its_rows_and_what_fits(client, shop, operator) -> None:
    text = client.get(_upload(client, shop).replace("mapping=", "unsaid=")).content.decode()
    assert "WHITE HANGING HEART" in text
    assert "UCI Online Retail (order lines) ✓" in text
    assert "Load it" not in text


def test_preview__through_a_mapping__says_what_would_be_set_aside(client, shop, operator) -> None:
    text = client.get(_upload(client, shop) + "&mapping=uci_online_retail").content.decode()
    assert "2 of the first 4 rows would go to quarantine" in text
    assert "Load it" in text
    assert reads.list_imports(shop).count == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "holds no rows"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00", "is not a table"),
        (b"a;b\n1;2\n", "columns"),
    ],
)
def test_preview__a_file_that_does_not_do__gets_a_clear_answer(
    client, shop, operator, content, words
) -> None:
    url = _upload(client, shop, content, "odd.csv")
    if "file=" in url:
        url += "&mapping=uci_online_retail"
    answer = client.get(url)
    assert answer.status_code == 200
    assert words in answer.content.decode()
    assert "Load it" not in answer.content.decode()


def test_import__loaded__shows_counts_and_leads_to_the_quarantine(client, shop, operator) -> None:
    import_id = _load(client, shop)
    found = reads.get_import(shop, import_id)
    assert (found.rows_read, found.rows_new, found.rows_bad) == (4, 2, 2)
    text = client.get(reverse("intake:import", args=[shop.slug, import_id])).content.decode()
    assert "What waits in quarantine" in text
    assert "hx-trigger" not in text.split('id="import-state"')[1].split(">")[0]
    today = client.get(reverse("console:today", args=[shop.slug])).content.decode()
    assert "entry waits in quarantine" in today
    assert "Import of “orders.csv” is done" in today


def test_quarantine__one_mended_one_dropped__nothing_waits(client, shop, operator) -> None:
    _load(client, shop)
    bad = {one.column: one for one in reads.list_quarantined(shop).rows}
    number = bad["Quantity"]
    url = reverse("intake:quarantined", args=[shop.slug, number.id])
    refused = client.post(url, {"payload": number.payload.replace("many", "few")})
    assert refused.status_code == 422
    assert "few" in refused.content.decode()
    assert reads.count_waiting(shop) == 2
    assert client.post(url, {"payload": number.payload.replace("many", "2")}).status_code == 302
    assert reads.count_waiting(shop) == 1
    drop = {"deed": "drop", "id": bad["InvoiceDate"].id}
    client.post(reverse("intake:settle", args=[shop.slug]), drop)
    assert reads.count_waiting(shop) == 0
    assert {one.state for one in reads.list_quarantined(shop, state=None).rows} == {"replayed", "dropped"}


def test_quarantine__all_of_a_reason__are_dropped_at_once(client, shop, operator) -> None:
    _load(client, shop)
    reason = reads.waiting_by_reason(shop)[0].reason
    client.post(
        reverse("intake:settle", args=[shop.slug]), {"deed": "drop", "all": "1", "query": f"reason={reason}"}
    )
    assert reason not in {one.reason for one in reads.waiting_by_reason(shop)}
    assert reads.count_waiting(shop) == 1


def test_quarantine__a_role_without_the_deed__changes_nothing(client, shop, operator, member_of) -> None:
    _load(client, shop)
    client.force_login(member_of(shop, Role.ANALYST))
    ids = [one.id for one in reads.list_quarantined(shop).rows]
    answer = client.post(reverse("intake:settle", args=[shop.slug]), {"deed": "drop", "id": ids})
    assert answer.status_code == 403
    assert reads.count_waiting(shop) == 2


def test_mapping__copied_and_saved__is_the_shops_own(client, shop, operator) -> None:
    new = reverse("intake:new_mapping", args=[shop.slug])
    text = client.get(new + "?from=uci_online_retail").content.decode()
    assert "uci_online_retail_2" in text
    spec = reads.get_mapping(shop, "uci_online_retail").spec.raw
    import json

    saved = client.post(new, {"spec": json.dumps(dict(spec) | {"name": "mine"})})
    assert saved.url == reverse("intake:mapping", args=[shop.slug, "mine"])
    with scope(shop=shop.id):
        assert not reads.get_mapping(shop, "mine").is_shipped


def test_mapping__refused__keeps_what_was_typed(client, shop, operator) -> None:
    new = reverse("intake:new_mapping", args=[shop.slug])
    for typed in ("{not json", '{"v": 1, "name": "half"}'):
        answer = client.post(new, {"spec": typed})
        assert answer.status_code == 422
        assert typed.replace('"', "&quot;") in answer.content.decode()
    assert all(one.is_shipped for one in reads.list_mappings(shop))
