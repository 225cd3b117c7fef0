"""Orders that stand only in the list of a file of orders and lines: on the order sheet of a workbook, in the order part.

None of them is lost: each is loaded whole, as the list alone would have loaded it, or waits with a clear reason.
"""

from __future__ import annotations

import json

import pytest
from django.utils import translation

from shuke.intake import actions, reads
from shuke.intake.files import load, recognising
from shuke.intake.files.saying import MappingInvalid
from shuke.intake.files.shipped import shipped_mappings
from shuke.intake.files.spec import parse
from shuke.intake.tests import seller_exports as made
from shuke.intake.tests.seller_exports import Export, orders, workbook, write
from shuke.intake.tests.test_file_exports import ACTOR, give, run, standing, sums
from shuke.kernel import clock
from shuke.kernel.errors import ShukeError

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("warehouse_home"),
    pytest.mark.row("T1"),
    pytest.mark.data,
]
ALL = orders(21)
OF_LINES = ALL[:14]
ALONE = ALL[14:]  # every fate once: paid, unpaid, closed, refunded, partly
TRUTH = ("order_ref", "line_no", "kind", "at", "local_day", "buyer_ref", "title", "quantity", "amount_minor")


@pytest.fixture(autouse=True)
def in_english():
    with translation.override("en"):
        yield


def told(shop) -> list[tuple]:
    """What stands, order by order, whichever way it came."""
    return [tuple(row[name] for name in TRUTH) for row in standing(shop)]


def halves(shop, found=OF_LINES) -> dict[str, str]:
    lines, head = made.taobao_details(found), made.taobao_orders(ALL)
    return {"": give(shop, write(lines), lines.name), "orders": give(shop, write(head), head.name)}


def book(lines: Export) -> bytes:
    parcels = [{"订单编号": one.ref, "物流单号": "SF1"} for one in (*ALL, *orders(2, seed=99))]
    return workbook(
        ("订单报表", made.taobao_orders(ALL)),
        ("销售明细", lines),
        ("发货报表", Export("", "", ["订单编号", "物流单号"], parcels)),
    )


def listed(shop) -> list[tuple]:
    """What the list alone makes of these orders."""
    head = made.taobao_orders(ALONE)
    run(shop, {"": give(shop, write(head), head.name)}, "taobao_export_order_list_2016")
    return told(shop)


def test_orders__only_in_the_list__are_loaded_as_the_list_alone_loads_them(
    shop, make_shop, monkeypatch
) -> None:
    alone = listed(make_shop("list"))
    assert {row[2] for row in alone} == {"sale", "unpaid", "cancellation"}
    for n, (mapping, files, lines) in enumerate(
        (
            ("taobao_order_detail_2013", halves, made.taobao_details(OF_LINES)),
            (
                "tmall_workbook_2020",
                lambda one: {"": give(one, book(made.tmall_sub_orders(OF_LINES)), "三表.xlsx")},
                made.tmall_sub_orders(OF_LINES),
            ),
        )
    ):
        one = make_shop(f"joined{n}")
        given = files(one)
        seen = actions.preview(shop=one, files=given, mapping=mapping, actor=ACTOR, at=clock.now())
        (notice,) = (notice for notice in seen.notices if notice.code == "orders_alone")
        assert f"({len(ALONE)})" in notice.text()
        monkeypatch.setattr(load, "CHUNK_ROWS", (9, 50_000)[n])  # the last chunks hold orders alone
        ended = run(one, given, mapping)
        assert (ended.rows_new, ended.rows_bad) == (len(lines.rows) + len(ALONE), 0)
        refs = {x.ref for x in ALONE}
        assert [row for row in told(one) if row[0] in refs] == alone
        assert {row["order_ref"] for row in standing(one)} == {x.ref for x in ALL}
        again = run(one, given, mapping)
        assert (again.rows_known, again.rows_new) == (again.rows_read, 0)


def test_lines__that_come_later__replace_the_order_that_stood_alone(shop) -> None:
    run(shop, halves(shop), "taobao_order_detail_2013")
    before = sums(standing(shop))
    run(shop, halves(shop, ALL), "taobao_order_detail_2013")
    assert {row["line_no"] for row in standing(shop)}.isdisjoint({0})
    assert sums(standing(shop)) == before
    head = made.taobao_orders(ALL)
    again = run(shop, {"": give(shop, write(head), head.name)}, "taobao_export_order_list_2016")
    assert again.rows_known == len(ALL)


def test_order__alone_and_unreadable__waits_and_is_mended_as_the_whole_order(shop) -> None:
    lines, head = made.taobao_details(OF_LINES), made.taobao_orders(ALL)
    created, paid, cost = (
        next(c for c in head.columns if c.strip() == name)
        for name in ("订单创建时间", "订单付款时间", "买家实际支付金额")
    )
    head.rows[-1][created] = head.rows[-1][paid] = ""
    head.rows[-2][cost] = head.rows[0][cost] = "十元"
    files = {"": give(shop, write(lines), lines.name), "orders": give(shop, write(head), head.name)}
    ended = run(shop, files, "taobao_order_detail_2013")
    waiting = reads.list_quarantined(shop).rows
    assert ended.rows_bad == len(waiting) == 2 + len(ALL[0].lines)
    assert [one.column for one in waiting if one.reason == "row_not_a_number"] == [
        "orders.买家实际支付金额"
    ] * (1 + len(ALL[0].lines))  # and not counted from the prices of its lines
    found = {one.reason: one for one in waiting}
    without = found["row_without_lines"]
    assert "“orders”" in without.words
    assert "“orders.订单付款时间”" in without.words
    assert without.line == len(ALL) + 1
    alone = next(one for one in waiting if one.line == len(ALL))
    for entry, column, text in (
        (without, "orders.订单创建时间", "2026-05-14 09:05:00"),
        (alone, "orders.买家实际支付金额", "10.00"),
    ):
        payload = json.dumps({**json.loads(entry.payload), column: text})
        actions.mend_and_replay(
            shop=shop, quarantined_id=entry.id, payload=payload, actor=ACTOR, at=clock.now()
        )
    of_whole = {row["order_ref"]: row for row in standing(shop) if row["line_no"] == 0}
    assert of_whole[ALL[-1].ref]["at"].isoformat() == "2026-05-14T01:05:00"
    assert of_whole[ALL[-2].ref]["amount_minor"] == 1_000
    line = next(one for one in waiting if one.line not in (len(ALL), len(ALL) + 1))
    payload = json.dumps({**json.loads(line.payload), "orders.买家实际支付金额": "10.00"})
    with pytest.raises(ShukeError) as refused:  # its share of the whole is not told by one line
        actions.mend_and_replay(
            shop=shop, quarantined_id=line.id, payload=payload, actor=ACTOR, at=clock.now()
        )
    assert "load it again" in str(refused.value)


def test_import__killed_among_orders_alone__goes_on_and_loads_each_once(shop, make_shop, monkeypatch) -> None:
    whole = make_shop("whole")
    run(whole, halves(whole), "taobao_order_detail_2013")
    truth = told(whole)
    monkeypatch.setattr(load, "CHUNK_ROWS", 4)
    monkeypatch.setattr(load, "HELD_OPEN", 0)  # every chunk opens the file anew
    run(shop, halves(shop), "taobao_order_detail_2013")
    assert told(shop) == truth


def test_list_beside_its_lines__is_not_loaded_twice_by_the_command(shop, tmp_path) -> None:
    lines, head = made.taobao_details(OF_LINES), made.taobao_orders(ALL)
    paths = [tmp_path / "lines.csv", tmp_path / "list.csv"]
    for path, export in zip(paths, (lines, head), strict=True):
        path.write_bytes(write(export))
    (only,) = recognising.told_apart(shop, paths[::-1])
    assert only.files == {"": paths[0], "orders": paths[1]}


def test_mapping__says_what_becomes_of_rows_alone__or_is_refused() -> None:
    spec = shipped_mappings()["tmall_workbook_2020"]
    of = {join.part: join.alone for join in spec.joins}
    assert of["orders"]["标题"] == "宝贝标题"
    assert of["parcels"] is None
    raw = dict(spec.raw)
    raw["join"] = [{"part": "orders", "match": {"主订单编号": "订单编号"}, "alone": "ignore"}]
    assert parse(raw).joins[0].alone is None
    raw["join"] = [{"part": "orders", "match": {"主订单编号": "订单编号"}}]
    assert parse(raw).joins[0].alone == {}
    raw["join"] = [{"part": "goods", "match": {"商家编码": "编码"}, "alone": {"标题": "名称"}}]
    with pytest.raises(MappingInvalid) as refused:
        parse(raw)
    assert refused.value.field == "join.0.alone"
