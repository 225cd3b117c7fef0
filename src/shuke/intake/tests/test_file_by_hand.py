"""Files of four formats, written by hand from their headers with what exports do to them, taken in as a person would:

by the console (upload, preview, load) and by the command's way (told apart by their columns), with the same answer.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from shuke.intake import actions, reads
from shuke.intake.files import recognising
from shuke.intake.tests.seller_exports import headers
from shuke.intake.tests.test_file_exports import ACTOR, standing
from shuke.kernel import clock
from shuke.records import jobs
from shuke.shops.roles import Role

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("warehouse_home"),
    pytest.mark.row("T1"),
    pytest.mark.data,
]
Rows = list[dict[str, str]]


def text_of(format: str, rows: Rows, *, separator: str = ",", end: str = "", dress=lambda cell: cell) -> str:
    """A file: the header as it stands, each row's cells dressed, `end` behind each line of cells."""
    out = io.StringIO()
    columns = headers()[format]
    bare = {column.strip(): column for column in columns}
    writer = csv.writer(out, delimiter=separator, lineterminator=f"{end}\r\n")
    writer.writerow(columns)
    for row in rows:
        assert set(row) <= set(bare), set(row) - set(bare)
        writer.writerow([dress(row.get(column.strip(), "")) for column in columns])
    return out.getvalue()


def douyin() -> tuple[dict[str, bytes], dict[str, int], int]:
    """Every cell begins with a TAB, numbers have thousands, a name breaks its line, a sum stands below; two refunds."""
    line = {
        "选购商品": "真丝衬衫\n【直播间】,蓝",
        "商品数量": "2",
        "订单提交时间": "2026/05/14 09:05:11",
        "订单状态": "已完成",
        "售后状态": "-",
        "收件人": "##Ab==##1##",
    }
    rows = [
        {
            **line,
            "主订单编号": "6917000000000000001A",
            "子订单编号": "6917000000000000001A",
            "订单应付金额": "1,299.00",
        },
        {**line, "主订单编号": "6917000000000000002", "子订单编号": "1", "订单应付金额": "¥88.5"},
        {
            **line,
            "主订单编号": "6917000000000000002",
            "子订单编号": "2",
            "订单应付金额": "11.50",
            "售后状态": "退款成功",
        },
        {
            **line,
            "主订单编号": "6917000000000000003",
            "子订单编号": "3",
            "订单应付金额": "20",
            "订单状态": "已关闭",
        },
        {
            **line,
            "主订单编号": "6917000000000000004",
            "子订单编号": "4",
            "订单应付金额": "30元",
            "订单状态": "已关闭",
            "售后状态": "已全额退款",
        },
        {"主订单编号": "合计", "订单应付金额": "1,449.00"},
    ]
    text = text_of("douyin_order_2026", rows, dress=lambda cell: f"\t{cell}" if cell else "-")
    return (
        {"douyin.csv": text.encode("utf-8-sig")},
        {"sale": 129_900 + 8_850 + 1_150 + 3_000, "refund": -4_150},
        1,
    )


def pinduoduo() -> tuple[dict[str, bytes], dict[str, int], int]:
    """GBK, a TAB behind every cell and a comma behind every line; cancelled before and after payment."""
    line = {
        "商品": "连衣裙",
        "商品id": "123456789012",
        "商品数量(件)": "1",
        "订单成交时间": "2026-05-14 09:00:00",
    }
    paid = {"支付时间": "2026-05-14 09:01:02", "售后状态": "无售后或售后取消"}
    rows = [
        {**line, **paid, "订单号": "260514-001", "订单状态": "已收货", "用户实付金额(元)": "59.9"},
        {**line, **paid, "订单号": "260514-002", "订单状态": "已取消", "用户实付金额(元)": "10.00"},
        {**line, "订单号": "260514-003", "订单状态": "已取消", "用户实付金额(元)": "10.00"},
        {**line, **paid, "订单号": "260514-004", "订单状态": "已发货，退款成功", "用户实付金额(元)": "5.01"},
        {**line, "订单号": "260514-005", "订单状态": "待支付", "用户实付金额(元)": "7"},
    ]
    text = text_of("pinduoduo_order_2023", rows, dress=lambda cell: f"{cell}\t", end=",")
    truth = {"sale": 5_990 + 1_000 + 501, "cancellation": -1_000, "refund": -501}
    return {"orders_export2026-05-14.csv": text.encode("gb18030")}, truth, 0


def jd() -> tuple[dict[str, bytes], dict[str, int], int]:
    """Totals on every line, an emoji and a broken address, ids as formulas, a line of an order far from its others."""
    line = {
        "下单时间": "2026-05-14 09:00:00",
        "付款确认时间": "2026-05-14 09:02:00",
        "订单状态": "完成",
        "订购数量": "1",
    }
    address = {"下单帐号": "jd_a***1", "客户地址": "浙江省,杭州市\n文三路 1 号", "客户姓名": "王小明"}
    rows = [
        {
            **line,
            **address,
            "订单号": '="290000001"',
            "商品ID": "1",
            "商品名称": "杯子😀",
            "京东价": "30",
            "应付金额": "99.99",
        },
        {
            **line,
            **address,
            "订单号": '="290000002"',
            "商品ID": "2",
            "京东价": "12.30元",
            "应付金额": "12.30元",
        },
        {
            **line,
            **address,
            "订单号": '="290000001"',
            "商品ID": "3",
            "京东价": "60",
            "订购数量": "2",
            "应付金额": "99.99",
        },
        {
            **line,
            "订单号": '="290000003"',
            "商品ID": "4",
            "京东价": "5",
            "应付金额": "5",
            "付款确认时间": "",
            "订单状态": "（删除）等待付款",
        },
        {
            **line,
            "订单号": '="290000004"',
            "商品ID": "4",
            "京东价": "8",
            "应付金额": "8",
            "订单状态": "(锁定)已取消",
        },
    ]
    text = text_of("jd_order_2016", rows)
    return {"订单导出.csv": text.encode("gb18030")}, {"sale": 9_999 + 1_230 + 800, "cancellation": -800}, 0


def taobao() -> tuple[dict[str, bytes], dict[str, int], int]:
    """The list saved again from a spreadsheet as Unicode text, the lines in GBK; one order in each of them alone."""
    order = {
        "买家会员名": "tb_阿星",
        "订单状态": "交易成功",
        "订单创建时间": "2026/5/14 9:05",
        "订单付款时间": "2026/5/14 9:06",
        "宝贝标题": "衬衫 ，裙子",
        "宝贝总数量": "3",
        "买家服务费": "0元",
    }
    listed = [
        {**order, "订单编号": "193051488223344001", "买家实际支付金额": "100"},
        {**order, "订单编号": "193051488223344002", "买家实际支付金额": "50.5"},
        {
            **order,
            "订单编号": "193051488223344003",
            "买家实际支付金额": "0",
            "订单状态": "交易关闭",
            "订单付款时间": "",
        },
    ]
    line = {"标题": "衬衫", "价格": "30.00", "购买数量": "1", "订单状态": "交易成功"}
    lines = [
        {**line, "订单编号": '="193051488223344001"'},
        {**line, "订单编号": '="193051488223344001"', "标题": "裙子", "购买数量": "2"},
        {**line, "订单编号": '="193051488223344003"'},
        {**line, "订单编号": '="193051488223344009"'},  # the list does not know it
    ]
    files = {
        "ExportOrderDetailList.csv": text_of("taobao_order_detail_2013", lines).encode("gb18030"),
        "ExportOrderList.txt": text_of("taobao_export_order_list_2016", listed, separator="\t").encode(
            "utf-16"
        ),
    }
    return files, {"sale": 10_000 + 5_050}, 1


FORMATS = {"douyin": douyin, "pinduoduo": pinduoduo, "jd": jd, "taobao": taobao}


def stands(shop) -> list[tuple]:
    names = (
        "order_ref",
        "line_no",
        "kind",
        "at",
        "buyer_ref",
        "product_ref",
        "title",
        "quantity",
        "amount_minor",
    )
    return [tuple(row[name] for name in names) for row in standing(shop)]


def by_command(shop, files: dict[str, bytes], folder) -> None:
    paths = []
    for name, content in files.items():
        paths.append(folder / name)
        paths[-1].write_bytes(content)
    for told in recognising.told_apart(shop, paths[::-1]):
        kept = {
            part: actions.upload_path(shop=shop, path=path, actor=ACTOR, at=clock.now()).sha256
            for part, path in told.files.items()
        }
        started = actions.start_import(
            shop=shop, files=kept, mapping=told.mapping, actor=ACTOR, at=clock.now()
        )
        jobs.run_to_end(started.job_id)
        assert reads.get_import(shop, started.id).error == ""


def by_console(shop, client, files: dict[str, bytes]) -> str:
    """Upload the first file, add what is asked for, load; returns the last preview."""
    (first, content), *others = files.items()
    upload = reverse("intake:upload", args=[shop.slug])
    shown = client.post(upload, {"file": SimpleUploadedFile(first, content)}, follow=True)
    asked = dict(shown.context["files"].items())
    given = {
        "mapping": shown.context["mapping"],
        **{f"file.{p}" if p else "file": h for p, h in asked.items()},
    }
    for name, more in others:
        (part,) = (one["part"] for one in shown.context["parts"] if not one["sha256"])
        shown = client.post(upload, {**given, f"file.{part}": SimpleUploadedFile(name, more)}, follow=True)
        given |= {f"file.{p}" if p else "file": h for p, h in shown.context["files"].items()}
    assert shown.context["is_ready"], shown.context["refusal"]
    client.post(reverse("intake:start_import", args=[shop.slug]), given, follow=True)
    started = reads.list_imports(shop).rows[0]
    jobs.run_to_end(started.job_id)
    assert reads.get_import(shop, started.id).error == ""
    return shown.content.decode()


@pytest.mark.parametrize("format", FORMATS)
def test_export__written_by_hand__means_the_same_by_console_and_command(
    shop, make_shop, client, member_of, tmp_path, format
) -> None:
    files, truth, waits = FORMATS[format]()
    other = make_shop("other")
    by_command(other, files, tmp_path)
    client.force_login(member_of(shop, Role.OPERATOR))
    client.cookies["shuke_language"] = "en"
    page = by_console(shop, client, files)
    assert stands(shop) == stands(other)
    sums: Counter[str] = Counter()
    for row in standing(shop):
        sums[row["kind"]] += 0 if row["kind"] == "unpaid" else row["amount_minor"]
    sums.pop("unpaid", None)
    assert dict(sums) == truth
    waiting = reads.list_quarantined(shop).rows
    assert [one.reason for one in waiting] == [one.reason for one in reads.list_quarantined(other).rows]
    assert len(waiting) == waits, [(one.line, one.words) for one in waiting]
    assert not re.search(r"[‘“]?\\ufeff|\x00", page)
