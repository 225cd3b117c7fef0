"""The pages and the API of exports: recognised on upload, a missing column pointed at, a mapping made by pointing."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django_scopes import scope

from shuke.intake import reads
from shuke.intake.files.pointing import guessed, pointed_spec
from shuke.intake.files.spec import parse
from shuke.intake.tests import seller_exports as made
from shuke.intake.tests.test_file_exports import CASES, expected, standing, sums
from shuke.kernel import clock
from shuke.records import jobs
from shuke.records.actor import Actor
from shuke.shops import actions as shops
from shuke.shops.roles import Role

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.row("T1"), pytest.mark.data]
ORDERS = made.orders()
ODD = """单据,成交日,顾客,货号,件数,到手价
A1,2026/5/3 9:05,甲,K1,2,19.90
A1,2026/5/3 9:05,甲,K2,1,5.00
A2,昨天,乙,K1,1,9.95
A3,2026/5/4 10:00,乙,K1,1,¥9.95
"""
POINTED = {
    "order_ref": "单据",
    "at": "成交日",
    "buyer_ref": "顾客",
    "product_ref": "货号",
    "quantity": "件数",
    "amount": "到手价",
}


@pytest.fixture
def manager(client, shop, member_of, warehouse_home: Path):
    user = member_of(shop, Role.MANAGER)
    client.force_login(user)
    client.cookies["shuke_language"] = "en"
    return user


def upload(client, shop, content: bytes, name: str) -> str:
    answer = client.post(
        reverse("intake:upload", args=[shop.slug]), {"file": SimpleUploadedFile(name, content)}
    )
    return answer.url


def start(client, shop, url: str, **more: str) -> int:
    query = dict(re.findall(r"[?&]([^=&]+)=([^&]*)", url))
    answer = client.post(reverse("intake:start_import", args=[shop.slug]), query | more)
    import_id = int(re.search(r"/imports/(\d+)/", answer.url).group(1))
    jobs.run_to_end(reads.get_import(shop, import_id).job_id)
    return import_id


def test_upload__of_a_known_export__is_recognised_and_loads(client, shop, manager) -> None:
    export = made.shopify_orders(ORDERS)
    url = upload(client, shop, made.write(export, shuffled=True, unknown=2), export.name)
    assert "mapping=shopify_orders_73" in url
    text = client.get(url).content.decode()
    assert "Recognised by its columns: Shopify" in text
    assert "新增列" in text
    assert "Load it" in text
    ended = reads.get_import(shop, start(client, shop, url))
    assert (ended.rows_new, ended.rows_bad) == (len(export.rows), 0)
    assert sums(standing(shop)) == expected(CASES["shopify_orders_73"])


def test_preview__a_column_is_missing__asks_for_it_by_name_and_takes_another(client, shop, manager) -> None:
    export = made.jd_orders(ORDERS)
    at = export.columns.index("应付金额")
    export.columns[at] = "买家要付"
    for row in export.rows:
        row["买家要付"] = row.pop("应付金额")
    url = upload(client, shop, made.write(export), export.name)
    assert "mapping=jd_order_2016" in url
    text = client.get(url).content.decode()
    assert 'name="column.应付金额"' in text
    assert '<option value="买家要付"' in text
    assert "Load it" not in text
    assert "@amount" not in text
    pointed = f"{url}&column.应付金额=买家要付"
    text = client.get(pointed).content.decode()
    assert "Load it" in text
    start(client, shop, url, **{"column.应付金额": "买家要付"})
    assert sums(standing(shop)) == expected(CASES["jd_order_2016"])


def test_pointing__of_a_file_that_nobody_knows__shows_each_wrong_cell_and_is_saved(
    client, shop, manager
) -> None:
    url = upload(client, shop, ODD.encode("gb18030"), "odd.csv")
    sha256 = re.search(r"file=(\w+)", url).group(1)
    assert "mapping=" not in url
    assert reverse("intake:point", args=[shop.slug]) in client.get(url).content.decode()
    point = reverse("intake:point", args=[shop.slug])
    asked = {"file": sha256, "kind": "orders", **{f"f.{k}": v for k, v in POINTED.items()}}
    text = client.get(point, asked).content.decode()
    assert "1 of the first 4 rows would go to quarantine" in text
    assert "“昨天” in “成交日” is not a time" in text
    assert reads.list_imports(shop).count == 0
    lacking = client.get(point, {**asked, "f.at": ""}).content.decode()
    assert "columns.at" in lacking
    for name in ("Not A Name", ""):
        assert client.post(point, {**asked, "name": name}).status_code == 422
    assert all(one.is_shipped for one in reads.list_mappings(shop))
    saved = client.post(point, {**asked, "name": "odd_book", "title": "Odd book"})
    assert saved.url.endswith("mapping=odd_book")
    with scope(shop=shop.id):
        assert not reads.get_mapping(shop, "odd_book").is_shipped
    ended = reads.get_import(shop, start(client, shop, saved.url))
    assert (ended.rows_new, ended.rows_bad) == (3, 1)
    assert sums(standing(shop)) == {("A1", "sale"): 2490, ("A3", "sale"): 995}
    again = upload(client, shop, (ODD + "A4,2026/5/5,丙,K1,1,1\n").encode(), "odd2.csv")
    assert "mapping=odd_book" in again  # recognised from then on


def test_guess__of_columns__is_a_beginning() -> None:
    found = guessed(
        "orders", ["订单编号", "订单付款时间", "买家会员名", "宝贝标题", "数量", "金额", "订单状态"]
    )
    assert found["order_ref"] == "订单编号"
    assert found["at"] == found["paid_at"] == "订单付款时间"
    assert (found["amount"], found["state"]) == ("金额", "订单状态")
    for kind in ("orders", "settlements", "returns", "entries", "events"):
        fields = {
            "order_ref": "a",
            "at": "b",
            "amount": "c",
            "quantity": "d",
            "anonymous_ref": "e",
            "name": "f",
        }
        parse(pointed_spec(kind=kind, name="x", title="", pointed=fields, columns=list("abcdef")))


def test_api__of_exports__recognises_loads_and_keeps_a_mapping(client, shop, warehouse_home) -> None:
    with scope(shop=shop.id):
        _key, secret = shops.create_api_key(
            shop=shop, name="k", role=Role.MANAGER, actor=Actor.system("tests"), at=clock.now()
        )
    headers = {"Authorization": f"Bearer {secret}"}

    def call(method: str, path: str, body=None, file=None):
        address = f"/api/v1/shops/{shop.slug}{path}"
        if file is not None:
            answer = client.post(address, {"file": file}, headers=headers)
        else:
            answer = client.generic(
                method, address, json.dumps(body or {}), "application/json", headers=headers
            )
        return answer.status_code, json.loads(answer.content)

    export = made.tmall_settlement(ORDERS)
    file = SimpleUploadedFile("货款.csv", made.write(export))  # a name without a month
    files = {"": call("POST", "/files", file=file)[1]["sha256"]}
    status, seen = call("POST", "/files/preview", {"files": files})
    assert (status, seen["recognised"][0]["mapping"]) == (200, "tmall_settlement_2026")
    asked = {"files": files, "mapping": "tmall_settlement_2026"}
    assert call("POST", "/files/preview", asked)[1]["rows_bad"] == len(export.rows)
    status, started = call("POST", "/imports", {**asked, "choices": {"name": "202605"}})
    assert status == 201, started
    jobs.run_to_end(started["job_id"])
    assert call("GET", f"/imports/{started['id']}")[1]["rows_new"] == len(export.rows)
    assert {row["local_day"].isoformat() for row in standing(shop, "settlements")} == {"2026-05-01"}
    spec = pointed_spec(kind="orders", name="odd", title="", pointed=POINTED, columns=list(POINTED.values()))
    odd = {"": call("POST", "/files", file=SimpleUploadedFile("odd.csv", ODD.encode()))[1]["sha256"]}
    assert call("POST", "/files/preview", {"files": odd, "spec": spec})[1]["rows_bad"] == 1
    assert call("PUT", "/mappings", {"spec": spec})[0] == 200
    assert call("POST", "/files/preview", {"files": odd})[1]["recognised"][0]["mapping"] == "odd"
