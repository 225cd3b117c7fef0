"""Each export of the platforms, made from its header with its quirks, loads exactly, however its columns stand."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from django_scopes import scope

from shuke.commerce.reads import order_totals
from shuke.intake import actions, reads
from shuke.intake.files import load
from shuke.intake.files.parts import open_parts
from shuke.intake.files.rows import Mapper, Places
from shuke.intake.files.shipped import shipped_mappings
from shuke.intake.tests import seller_exports as made
from shuke.intake.tests.seller_exports import Export, Order, orders, write
from shuke.kernel import clock
from shuke.records import jobs
from shuke.records.actor import Actor
from shuke.warehouse import reads as warehouse

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("warehouse_home"),
    pytest.mark.row("T1"),
    pytest.mark.data,
]
ACTOR = Actor.system("tests")
ORDERS = orders()


@dataclass(frozen=True)
class Case:
    """A format: how its file is made, how its orders are named there, and what of a refund it says."""

    make: Callable[[tuple[Order, ...]], Export]
    ref: Callable[[Order, int], str] = lambda one, n: one.ref
    back: str = "cancellation"  # the kind that takes a whole order back; blank: the export does not say
    is_partly_told: bool = False
    total: Callable[[Order], int] = lambda one: one.total
    lines: Callable[[Order], int] = lambda one: len(one.lines)
    has_buyer: bool = True


CASES = {
    "taobao_export_order_list_2016": Case(made.taobao_orders, lines=lambda one: 1),
    "taobao_distribution_variant": Case(
        lambda found: made.taobao_orders(found, "taobao_distribution_variant"), lines=lambda one: 1
    ),
    "taobao_order_detail_2013": Case(made.taobao_details),
    "tmall_sub_order_2020": Case(made.tmall_sub_orders, back="refund", is_partly_told=True, has_buyer=False),
    "douyin_order_2026": Case(made.douyin_orders, back="refund", has_buyer=False),
    "pinduoduo_order_2023": Case(
        made.pinduoduo_orders,
        ref=lambda one, n: f"260514-{one.ref}",
        back="refund",
        total=lambda one: one.lines[0].paid,
        lines=lambda one: 1,
        has_buyer=False,
    ),
    "jd_order_2016": Case(made.jd_orders),
    "amazon_all_orders_29": Case(
        made.amazon_orders,
        ref=lambda one, n: f"113-{one.ref[5:9]}000-{one.ref[-7:]}",
        back="",
        has_buyer=False,
    ),
    "amazon_all_orders_32": Case(
        lambda found: made.amazon_orders(found, "amazon_all_orders_32"),
        ref=lambda one, n: f"113-{one.ref[5:9]}000-{one.ref[-7:]}",
        back="",
        has_buyer=False,
    ),
    "shopify_orders_73": Case(
        made.shopify_orders, ref=lambda one, n: f"#{1041 + n}", back="refund", is_partly_told=True
    ),
    "shopify_orders_61_newer": Case(
        lambda found: made.shopify_orders(found, "shopify_orders_61_newer"),
        ref=lambda one, n: f"#{1041 + n}",
        back="refund",
        is_partly_told=True,
    ),
}
LISTS = {
    "tmall_settlement_2026": made.tmall_settlement,
    "douyin_settlement_2026": made.douyin_settlement,
    "amazon_fba_returns_13": made.amazon_returns,
}


def expected(case: Case) -> dict[tuple[str, str], int]:
    """(order, kind) -> amount, of the orders that somebody paid; of the others only that they are no sale."""
    truth = {}
    for n, one in enumerate(ORDERS):
        ref = case.ref(one, n)
        if one.paid_at is None:
            truth[ref, "unpaid"] = 0
            continue
        truth[ref, "sale"] = case.total(one)
        if one.fate == "refunded" and case.back:
            truth[ref, case.back] = -case.total(one)
        if one.fate == "partly" and case.is_partly_told:
            truth[ref, "refund"] = -one.refund
    return truth


def give(shop, content: bytes, name: str) -> str:
    kept = actions.upload_file(shop=shop, content=io.BytesIO(content), name=name, actor=ACTOR, at=clock.now())
    return kept.sha256


def recognised(shop, sha256: str) -> str:
    """The format that a kept file is most like."""
    return actions.recognise(shop=shop, file=sha256, actor=ACTOR)[0].mapping.name


def run(shop, files: dict[str, str], mapping: str, **choices):
    started = actions.start_import(
        shop=shop, files=files, mapping=mapping, choices=choices, actor=ACTOR, at=clock.now()
    )
    jobs.run_to_end(started.job_id)
    ended = reads.get_import(shop, started.id)
    assert ended.error == "", ended.error
    assert ended.rows_read == ended.rows_new + ended.rows_changed + ended.rows_known + ended.rows_bad
    return ended


def standing(shop, kind: str = "order_lines") -> list[dict]:
    """The statements that stand, each once."""
    life = warehouse.whole_life(shop.id)
    assert life is not None
    rows = warehouse.ask(shop, life, lambda snapshot: warehouse.run(snapshot.raw(kind)).to_pylist())
    net: Counter = Counter()
    for row in rows:
        net[row["row_id"], row["content_id"]] += row["sign"]
    found = {(row["row_id"], row["content_id"]): row for row in rows if net[row["row_id"], row["content_id"]]}
    return sorted(found.values(), key=lambda r: (r["order_ref"] or "", r["line_no"]))


def sums(rows: list[dict]) -> dict[tuple[str, str], int]:
    found: Counter = Counter()
    for row in rows:
        found[row["order_ref"], row["kind"]] += 0 if row["kind"] == "unpaid" else row["amount_minor"]
    return dict(found)


def files_of(shop, format: str, content: bytes, name: str) -> dict[str, str]:
    files = {"": give(shop, content, name)}
    if format == "taobao_order_detail_2013":
        head = made.taobao_orders(ORDERS)
        files["orders"] = give(shop, write(head), head.name)
    return files


@pytest.mark.parametrize("format", CASES)
def test_orders__each_export__load_exactly(shop, format) -> None:
    case = CASES[format]
    export = case.make(ORDERS)
    files = files_of(shop, format, write(export), export.name)
    assert recognised(shop, files[""]) == format
    ended = run(shop, files, format)
    assert (ended.rows_read, ended.rows_new, ended.rows_bad) == (len(export.rows), len(export.rows), 0)
    rows = standing(shop)
    assert sums(rows) == expected(case)
    lines = Counter(row["order_ref"] for row in rows if row["line_no"] >= 0)
    assert lines == {case.ref(one, n): case.lines(one) for n, one in enumerate(ORDERS)}
    paid = [one for one in ORDERS if one.paid_at]
    totals = order_totals(shop, warehouse.whole_life(shop.id))
    assert (totals.sales, totals.paid_minor) == (len(paid), sum(case.total(one) for one in paid))
    assert totals.net_minor == sum(expected(case).values())
    assert totals.buyers == (len({one.buyer for one in paid}) if case.has_buyer else 0)
    again = run(shop, files, format)
    assert again.rows_known == len(export.rows)
    assert standing(shop) == rows


def test_settlement__of_a_month__names_its_month_and_what_came_of_each_line(shop) -> None:
    export = made.tmall_settlement(ORDERS)
    run(shop, {"": give(shop, write(export), export.name)}, "tmall_settlement_2026")
    rows = standing(shop, "settlements")
    paid = [one for one in ORDERS if one.paid_at]
    assert len(rows) == len(export.rows)
    assert sum(r["gross_minor"] for r in rows) == sum(one.total for one in paid)
    assert sum(r["refund_minor"] for r in rows) == sum(one.refund for one in paid)
    assert sum(r["amount_minor"] for r in rows) == sum(one.total - one.refund for one in paid)
    assert {r["local_day"].isoformat() for r in rows} == {"2026-05-01"}
    assert {r["order_ref"] for r in rows} == {one.ref for one in paid}


def test_settlement__movements_of_an_account__count_out_below_zero(shop) -> None:
    export = made.douyin_settlement(ORDERS)
    run(shop, {"": give(shop, write(export), export.name)}, "douyin_settlement_2026")
    rows = standing(shop, "settlements")
    paid = [one for one in ORDERS if one.paid_at]
    assert len(rows) == len(export.rows)
    assert sum(r["amount_minor"] for r in rows) == sum(one.total - one.refund for one in paid)
    assert {r["fee_minor"] for r in rows} == {150}
    assert {r["direction"] for r in rows} == {"in", "out"}
    assert {r["order_ref"] for r in rows} == {one.ref for one in paid}
    assert not any(r["settlement_ref"].startswith("'") for r in rows)


def test_returns__goods_that_came_back__keep_reason_and_words(shop) -> None:
    export = made.amazon_returns(ORDERS)
    run(shop, {"": give(shop, write(export), export.name)}, "amazon_fba_returns_13")
    rows = standing(shop, "returns")
    assert len(rows) == len(export.rows)
    back = [line for one in ORDERS for line in one.lines if line.refund]
    assert sum(r["quantity"] for r in rows) == sum(line.units for line in back)
    assert {(r["reason"], r["comment"]) for r in rows} == {("DEFECTIVE", "the seam came open, twice")}


MEANING = ("order_ref", "line_no", "kind", "at", "local_day", "buyer_ref", "product_ref", "title", "quantity")


def meaning(shop, files: dict[str, str], format: str) -> list[tuple]:
    """What a file's rows become, without loading them."""
    given = {part: {"sha256": sha256, "name": _names[sha256]} for part, sha256 in files.items()}
    spec = shipped_mappings()[format]
    with scope(shop=shop.id):
        table = open_parts(shop.id, given, spec, {}, currency=shop.currency)
    mapper = Mapper(spec, table.columns, shop=shop, import_ref="1", file_name=table.name, now=clock.now())
    mapped = mapper.map(table.take(10_000), Places())
    assert mapped.bad == []
    found = [tuple(row.get(f) for f in (*MEANING, "amount_minor")) for row in mapped.facts.to_pylist()]
    return sorted(found, key=str)


_names: dict[str, str] = {}


def kept(shop, content: bytes, name: str) -> str:
    sha256 = give(shop, content, name)
    _names[sha256] = name
    return sha256


@pytest.mark.parametrize("format", [*CASES, *LISTS])
def test_exports__shuffled_unknown_and_saved_again__mean_the_same(shop, format) -> None:
    export = (CASES[format].make if format in CASES else LISTS[format])(ORDERS)
    sides = {}
    if format == "taobao_order_detail_2013":
        head = made.taobao_orders(ORDERS)
        sides = {"orders": kept(shop, write(head), head.name)}
    truth = meaning(shop, {"": kept(shop, write(export), export.name), **sides}, format)
    assert len(truth) >= len(export.rows)
    for shape in (
        {"shuffled": True},
        {"unknown": 2, "encoding": "utf-8"},
        {"shuffled": True, "unknown": 2, "encoding": "utf-8"},
        {"encoding": "utf-8-sig"},
    ):
        content = write(export, **shape)
        sha256 = kept(shop, content, export.name)
        assert meaning(shop, {"": sha256, **sides}, format) == truth, shape
        assert recognised(shop, sha256) == format
        if "unknown" in shape:
            seen = actions.preview(
                shop=shop, files={"": sha256, **sides}, mapping=format, actor=ACTOR, at=clock.now()
            )
            (notice,) = (n for n in seen.notices if n.code == "columns_kept")
            assert "新增列0, 新增列1" in notice.text() or "新增列1, 新增列0" in notice.text()


def test_workbook__of_three_sheets__loads_the_same_in_any_order_of_sheets(shop, make_shop) -> None:
    lines, head = made.tmall_sub_orders(ORDERS), made.taobao_orders(ORDERS)
    parcels = Export(
        "",
        "",
        ["订单编号", "物流单号"],
        [{"订单编号": one.ref, "物流单号": f"SF{n}"} for n, one in enumerate(ORDERS)],
    )
    named = (("订单报表", head), ("销售明细", lines), ("发货报表", parcels))
    truth = None
    for n, sheets in enumerate(
        (named, (named[1], named[0], named[2]), (("a", lines), ("b", head)), named[::-1])
    ):
        one = make_shop(f"book{n}")
        sha256 = give(one, made.workbook(*sheets), "三表.xlsx")
        assert recognised(one, sha256) == "tmall_workbook_2020"
        ended = run(one, {"": sha256}, "tmall_workbook_2020")
        assert (ended.rows_new, ended.rows_bad) == (len(lines.rows), 0)
        rows = [tuple(r[f] for f in (*MEANING, "amount_minor")) for r in standing(one)]
        truth = truth or rows
        assert rows == truth
        assert {row[5] for row in rows} == {one.buyer for one in ORDERS}


def test_files__of_orders_and_lines_given_the_wrong_way_round__are_told_by_their_columns(shop) -> None:
    lines, head = made.taobao_details(ORDERS), made.taobao_orders(ORDERS)
    files = {"": kept(shop, write(lines), lines.name), "orders": kept(shop, write(head), head.name)}
    truth = meaning(shop, files, "taobao_order_detail_2013")
    turned = {"": files["orders"], "orders": files[""]}
    assert meaning(shop, turned, "taobao_order_detail_2013") == truth


def test_lines__after_the_list_of_their_orders__replace_it_and_come_back_unchanged(shop) -> None:
    head, lines = made.taobao_orders(ORDERS), made.taobao_details(ORDERS)
    whole = {"": give(shop, write(head), head.name)}
    run(shop, whole, "taobao_export_order_list_2016")
    truth = sums(standing(shop))
    run(shop, {"": give(shop, write(lines), lines.name), "orders": whole[""]}, "taobao_order_detail_2013")
    assert sums(standing(shop)) == truth
    assert {r["line_no"] for r in standing(shop)} >= {1, 2, -1}
    again = run(shop, whole, "taobao_export_order_list_2016")
    assert again.rows_known == len(ORDERS)
    assert sums(standing(shop)) == truth


def test_status__that_changes_later__changes_what_stands(shop) -> None:
    """Yesterday's export says paid, today's says closed: the sale stays on its day and is taken back once."""
    from dataclasses import replace

    before = tuple(replace(one, fate="paid") if one.fate == "refunded" else one for one in ORDERS)
    for found in (before, ORDERS, before, ORDERS):
        export = made.taobao_orders(found)
        run(shop, {"": give(shop, write(export), export.name)}, "taobao_export_order_list_2016")
        net = sum(sums(standing(shop)).values())
        assert net == sum(one.total for one in found if one.paid_at and one.fate != "refunded")


def test_ids__with_lost_digits__wait_with_a_clear_reason(shop) -> None:
    export = made.jd_orders(ORDERS)
    export.rows[3]["订单号"] = "1.93051E+18"
    ended = run(shop, {"": give(shop, write(export), export.name)}, "jd_order_2016")
    assert ended.rows_bad == 1
    (waiting,) = reads.list_quarantined(shop).rows
    assert (waiting.column, waiting.reason) == ("订单号", "row_lost_digits")
    assert "1.93051E+18" in waiting.words


def test_personal__encrypted_fields__stay_as_they_are_and_name_nobody(shop) -> None:
    import json

    export = made.douyin_orders(ORDERS)
    run(shop, {"": give(shop, write(export), export.name)}, "douyin_order_2026")
    rows = standing(shop)
    assert {row["buyer_ref"] for row in rows} == {None}
    properties = [json.loads(row["properties"]) for row in rows]
    assert {p["收件人手机号"] for p in properties} == {"$$1xYz+0A==$$"}
    assert {p["收件人"] for p in properties} == {"##Ab3/k9==##1##"}
    assert not any("商家备注" in p for p in properties)  # "-" is an empty cell
    assert all(p["子订单编号"].isdigit() for p in properties)


def test_personal__in_plain_text_about_nobody__is_not_kept(shop) -> None:
    import json

    export = made.pinduoduo_orders(ORDERS)
    run(shop, {"": give(shop, write(export), export.name)}, "pinduoduo_order_2023")
    assert not any("用户购买手机号" in json.loads(row["properties"]) for row in standing(shop))


def test_column__that_is_missing__is_asked_for_and_can_be_pointed_at(shop) -> None:
    export = made.jd_orders(ORDERS)
    at = export.columns.index("应付金额")
    export.columns[at] = "买家应付"
    for row in export.rows:
        row["买家应付"] = row.pop("应付金额")
    files = {"": give(shop, write(export), export.name)}
    common = {"shop": shop, "files": files, "mapping": "jd_order_2016", "actor": ACTOR, "at": clock.now()}
    seen = actions.preview(**common)
    assert seen.refusal is not None
    assert "应付金额" in seen.refusal.message()
    found = actions.recognise(shop=shop, file=files[""], actor=ACTOR)[0]
    assert (found.mapping.name, found.lacks) == ("jd_order_2016", ("应付金额",))
    run(shop, files, "jd_order_2016", columns={"应付金额": "买家应付"})
    assert sums(standing(shop)) == expected(CASES["jd_order_2016"])


def test_names__that_other_tools_write__are_known(shop) -> None:
    export = made.taobao_orders(ORDERS)
    for own, other in (
        ("买家实际支付金额", "支付金额"),
        ("收货人姓名", "收货 人"),
        ("订单编号", "订单 编号 "),
    ):
        at = export.columns.index(own)
        export.columns[at] = other
        for row in export.rows:
            row[other] = row.pop(own)
    run(shop, {"": give(shop, write(export), export.name)}, "taobao_export_order_list_2016")
    assert sums(standing(shop)) == expected(CASES["taobao_export_order_list_2016"])


@pytest.mark.timeout(240)
def test_wrong_row__among_a_hundred_thousand__waits_and_the_rest_load(shop, monkeypatch) -> None:
    monkeypatch.setattr(load, "CHUNK_ROWS", 50_000)
    export = made.tmall_sub_orders(ORDERS)
    rows = [
        {**row, "主订单编号": f"{n:06}{row['主订单编号']}"}
        for n in range(100_000 // len(export.rows) + 1)
        for row in export.rows
    ][:100_000]
    rows[77_777] = {**rows[77_777], "购买数量": "两件"}
    export.rows = rows
    ended = run(shop, {"": give(shop, write(export), export.name)}, "tmall_sub_order_2020")
    assert (ended.rows_read, ended.rows_new, ended.rows_bad) == (100_000, 99_999, 1)
    (waiting,) = reads.list_quarantined(shop).rows
    assert (waiting.line, waiting.column, waiting.reason) == (77_779, "购买数量", "row_not_a_number")
