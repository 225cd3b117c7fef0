"""Files as the platforms export them, with their quirks, made from the headers that public tools know.

Independent of the mappings: a column is filled by its name in `headers.json`, the truth is kept beside the file. Each
maker takes the orders and gives rows (column -> cell); `write` turns rows into the bytes of a file.
"""

from __future__ import annotations

import csv
import io
import json
import os
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

Row = dict[str, str]
CREATED = datetime(2026, 5, 14, 9, 5)


@dataclass(frozen=True)
class Line:
    sku: str
    title: str
    units: int
    price: int  # fen
    paid: int  # fen: what the buyer paid for the line, its part of discount and postage in it
    refund: int = 0


@dataclass(frozen=True)
class Order:
    """`fate`: paid, unpaid, closed (before payment), refunded (the whole, after payment), partly (some went back)."""

    ref: str
    buyer: str
    fate: str
    created: datetime
    lines: tuple[Line, ...]

    @property
    def total(self) -> int:
        return sum(line.paid for line in self.lines)

    @property
    def refund(self) -> int:
        return self.total if self.fate == "refunded" else sum(line.refund for line in self.lines)

    @property
    def paid_at(self) -> datetime | None:
        return None if self.fate in ("unpaid", "closed") else self.created + timedelta(minutes=7)


@dataclass
class Export:
    """A made file: what it is called, its rows, and how it is written."""

    format: str
    name: str
    columns: list[str]
    rows: list[Row]
    encoding: str = "utf-8"
    separator: str = ","
    quirk: Callable[[str, str], str] = field(default=lambda column, cell: cell)
    is_ragged: bool = False


FATES = ("paid", "paid", "unpaid", "closed", "refunded", "paid", "partly")


@cache
def orders(count: int = 14, seed: int = 7, most_lines: int = 3) -> tuple[Order, ...]:
    """Orders of every fate, some of several lines, some of a single one."""
    luck = random.Random(seed)
    made = []
    for n in range(count):
        fate = FATES[n % len(FATES)]
        lines = []
        for k in range(luck.randint(1, most_lines)):
            units, price = luck.randint(1, 4), luck.randint(199, 25_999)
            paid = units * price - luck.randint(0, price // 3) + luck.choice((0, 0, 600))
            back = paid // 3 if fate == "partly" and k == 0 else paid if fate == "refunded" else 0
            lines.append(Line(f"SKU-{luck.randint(1, 40):03}", f"亚麻衬衫，{k}号", units, price, paid, back))
        ref = f"19305{n:04}88223344{luck.randint(10, 99)}"
        made.append(Order(ref, f"买家{n % 5}", fate, CREATED + timedelta(hours=5 * n), tuple(lines)))
    return tuple(made)


def headers() -> dict[str, list[str]]:
    """Format -> its columns, as they stand in the file of headers; lists of their own, since tests rename columns."""
    path = Path(os.environ["SHUKE_DATA"]) / "seller_export_formats" / "headers.json"
    return {f["id"]: f["columns"] for f in json.loads(path.read_text(encoding="utf-8"))["formats"]}


def yuan(fen: int) -> str:
    return f"{fen / 100:.2f}"


def _slashed(at: datetime | None) -> str:
    return f"{at.year}/{at.month}/{at.day} {at.hour}:{at.minute:02}" if at else ""


def _dashed(at: datetime | None) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S") if at else ""


def _fill(columns: Sequence[str], told: Row) -> Row:
    """A row of a format: what is told by the bare name of its column, blanks elsewhere. A name that the format does not
    have is a mistake of the maker."""
    bare = {column.strip(): column for column in columns}
    unknown = set(told) - set(bare)
    if unknown:
        raise KeyError(f"no such column: {sorted(unknown)}")
    return {column: told.get(column.strip(), "") for column in columns}


def _digits_kept(columns: Sequence[str]) -> Callable[[str, str], str]:
    """Numbers of orders as Taobao writes them."""
    return lambda column, cell: f'="{cell}"' if column.strip() in columns and cell else cell


_TAOBAO = {
    "paid": "卖家已发货，等待买家确认",
    "partly": "交易成功",
    "unpaid": "等待买家付款",
    "closed": "交易关闭",
    "refunded": "交易关闭",
}


def taobao_orders(found: Sequence[Order], format: str = "taobao_export_order_list_2016") -> Export:
    columns = headers()[format]
    rows = []
    for n, one in enumerate(found):
        when = _slashed if n % 2 else _dashed  # both forms are seen
        told = {
            "订单编号": one.ref,
            "买家会员名": one.buyer,
            "买家应付货款": yuan(sum(x.units * x.price for x in one.lines)),
            "买家应付邮费": "0.00",
            "总金额": yuan(one.total),
            "买家实际支付金额": yuan(one.total if one.paid_at else 0),
            "订单状态": _TAOBAO[one.fate],
            "收货人姓名": "王小明",
            "收货地址": "浙江省 杭州市 西湖区 文三路 1 号",
            "联系手机": "'18612345678",
            "订单创建时间": when(one.created),
            "订单付款时间": when(one.paid_at),
            "宝贝标题": "，".join(x.title for x in one.lines),
            "宝贝种类": str(len(one.lines)),
            "宝贝总数量": str(sum(x.units for x in one.lines)),
            "订单关闭原因": "买家未付款" if one.fate == "closed" else "订单未关闭",
            "卖家服务费": "0元",
            "买家服务费": "0元",
        }
        rows.append(_fill(columns, told))
    return Export(
        format, "ExportOrderList202605222202.csv", columns, rows, "gb18030", quirk=_digits_kept(["订单编号"])
    )


def taobao_details(found: Sequence[Order]) -> Export:
    columns = headers()["taobao_order_detail_2013"]
    rows = [
        _fill(
            columns,
            {
                "订单编号": one.ref,
                "标题": line.title,
                "价格": yuan(line.price),
                "购买数量": str(line.units),
                "商品属性": "颜色分类：藏青",
                "订单状态": _TAOBAO[one.fate],
                "商家编码": line.sku,
            },
        )
        for one in found
        for line in one.lines
    ]
    return Export(
        "taobao_order_detail_2013",
        "ExportOrderDetailList202605222202.csv",
        columns,
        rows,
        "gb18030",
        quirk=_digits_kept(["订单编号"]),
    )


def tmall_sub_orders(found: Sequence[Order]) -> Export:
    columns = headers()["tmall_sub_order_2020"]
    rows = []
    for one in found:
        for k, line in enumerate(one.lines):
            # An order of a single line has one number for both.
            sub = one.ref if len(one.lines) == 1 else f"{one.ref[:-2]}{k + 51}"
            told = {
                "子订单编号": sub,
                "主订单编号": one.ref,
                "标题": line.title,
                "价格": yuan(line.price),
                "购买数量": str(line.units),
                "外部系统编号": line.sku,
                "订单状态": _TAOBAO[one.fate],
                "商家编码": line.sku,
                "买家应付货款": yuan(line.units * line.price),
                "买家实际支付金额": yuan(line.paid if one.paid_at else 0),
                "退款状态": "退款成功" if line.refund else "没有申请退款",
                "退款金额": yuan(line.refund) if line.refund else "",
                "订单创建时间": _dashed(one.created),
                "订单付款时间": _dashed(one.paid_at),
            }
            rows.append(_fill(columns, told))
    return Export(
        "tmall_sub_order_2020",
        "ExportItemList.csv",
        columns,
        rows,
        "gb18030",
        quirk=_digits_kept(["子订单编号", "主订单编号"]),
    )


def tmall_settlement(found: Sequence[Order]) -> Export:
    columns = headers()["tmall_settlement_2026"]
    rows = [
        _fill(
            columns,
            {
                "子订单号": f"{one.ref}{k}",
                "订单号": one.ref,
                "数量": str(line.units),
                "订单实际金额（元）": yuan(line.paid),
                "退款金额（元）": yuan(line.refund),
                "商品名称": line.title,
            },
        )
        for one in found
        if one.paid_at
        for k, line in enumerate(one.lines)
    ]
    return Export("tmall_settlement_2026", "交易货款_202605.csv", columns, rows)


_DOUYIN = {"paid": "已发货", "partly": "已完成", "unpaid": "待支付", "closed": "已关闭", "refunded": "已关闭"}


def douyin_orders(found: Sequence[Order]) -> Export:
    columns = headers()["douyin_order_2026"]
    rows = []
    for one in found:
        for k, line in enumerate(one.lines):
            told = {
                "主订单编号": f"{one.ref}",
                "子订单编号": f"{one.ref}{k}",
                "选购商品": line.title,
                "商品规格": "-",
                "商品数量": str(line.units),
                "商家编码": line.sku,
                "订单应付金额": yuan(line.paid),
                "运费": "0.00",
                "收件人": "##Ab3/k9==##1##",
                "收件人手机号": "$$1xYz+0A==$$",
                "详细地址": "##Zz8/addr==##1##",
                "订单提交时间": _dashed(one.created),
                "商家备注": "-",
                "订单完成时间": "-",
                "订单状态": _DOUYIN[one.fate],
                "售后状态": "退款成功" if one.fate == "refunded" else "-",
                "取消原因": "-",
                "发货时间": "-",
            }
            rows.append(_fill(columns, told))
    return Export(
        "douyin_order_2026",
        "1747210000_订单.csv",
        columns,
        rows,
        "utf-8-sig",
        quirk=lambda column, cell: (
            f"\t{cell}" if (cell and not cell[0].isdigit()) or "编号" in column else cell
        ),
    )


def douyin_settlement(found: Sequence[Order]) -> Export:
    columns = headers()["douyin_settlement_2026"]
    rows = []
    for one in found:
        moves = [("入账", one.total, "货款结算入账")] + (
            [("出账", one.refund, "订单退款")] if one.refund else []
        )
        for k, (way, amount, scene) in enumerate(moves if one.paid_at else []):
            told = {
                "动账时间": _dashed(one.paid_at),
                "动帐流水号": f"'72{one.ref}{k}",
                "动账方向": way,
                "动账金额": yuan(amount),
                "动账账户": "聚合账户",
                "动账场景": scene,
                "子订单号": f"'{one.ref}0",
                "订单号": f"'{one.ref}",
                "订单实付应结": yuan(one.total if way == "入账" else 0),
                "订单退款": yuan(0 if way == "入账" else amount),
                "平台服务费": "1.20",
                "佣金": "0.30",
                "备注": "-",
            }
            rows.append(_fill(columns, told))
    return Export("douyin_settlement_2026", "动账明细.csv", columns, rows)


_PDD = {
    "paid": "已发货，待收货",
    "partly": "已收货",
    "unpaid": "待支付",
    "closed": "已取消",
    "refunded": "未发货，退款成功",
}


def pinduoduo_orders(found: Sequence[Order]) -> Export:
    columns = headers()["pinduoduo_order_2023"]
    rows = []
    for one in found:
        line = one.lines[0]
        told = {
            "商品": line.title,
            "订单号": f"260514-{one.ref}",
            "订单状态": _PDD[one.fate],
            "商品数量(件)": str(line.units),
            "支付时间": _dashed(one.paid_at),
            "订单成交时间": _dashed(one.created),
            "商品id": line.sku,
            "售后状态": "退款成功" if one.fate == "refunded" else "无售后或售后取消",
            "商品总价(元)": yuan(line.units * line.price),
            "用户实付金额(元)": yuan(line.paid),
            "商家实收金额(元)": yuan(line.paid),
            "省": "浙江省",
            "用户购买手机号": "186****5678",
        }
        rows.append(_fill(columns, told))
    return Export("pinduoduo_order_2023", "orders_export.csv", columns, rows, "gb18030")


_JD = {"paid": "等待出库", "partly": "完成", "unpaid": "等待付款", "closed": "已取消", "refunded": "已取消"}


def jd_orders(found: Sequence[Order]) -> Export:
    columns = headers()["jd_order_2016"]
    rows = [
        _fill(
            columns,
            {
                "订单号": one.ref,
                "商品ID": line.sku,
                "商品名称": line.title,
                "订购数量": str(line.units),
                "支付方式": "在线支付",
                "下单时间": _dashed(one.created),
                "京东价": yuan(line.price),
                "订单金额": yuan(sum(x.units * x.price for x in one.lines)),
                "应付金额": yuan(one.total),
                "订单状态": _JD[one.fate],
                "下单帐号": one.buyer,
                "客户姓名": "王小明",
                "联系电话": "18612345678",
                "付款确认时间": _dashed(one.paid_at),
            },
        )
        for one in found
        for line in one.lines
    ]
    return Export("jd_order_2016", "订单导出.csv", columns, rows, "gb18030")


_AMAZON = {
    "paid": "Shipped",
    "partly": "Shipped",
    "unpaid": "Pending",
    "closed": "Cancelled",
    "refunded": "Shipped",
}


def amazon_orders(found: Sequence[Order], format: str = "amazon_all_orders_29") -> Export:
    columns = headers()[format]
    rows = []
    for one in found:
        for line in one.lines:
            told = {
                "amazon-order-id": f"113-{one.ref[5:9]}000-{one.ref[-7:]}",
                "purchase-date": f"{one.created:%Y-%m-%dT%H:%M:%S}+00:00",
                "order-status": _AMAZON[one.fate],
                "product-name": "Café chair",
                "sku": line.sku,
                "quantity": str(line.units),
                "currency": "CNY" if one.paid_at else "",
                "item-price": yuan(line.paid - 100) if one.paid_at else "",
                "item-tax": "9.99" if one.paid_at else "",
                "shipping-price": "3.00" if one.paid_at else "",
                "item-promotion-discount": "2.00" if one.paid_at else "",
                "ship-country": "US",
            }
            rows.append(_fill(columns, told))
    encoding = "cp1252" if format.endswith("29") else "utf-8"
    return Export(format, "orders.txt", columns, rows, encoding, "\t", is_ragged=True)


def amazon_returns(found: Sequence[Order]) -> Export:
    columns = headers()["amazon_fba_returns_13"]
    rows = [
        _fill(
            columns,
            {
                "return-date": f"{one.created + timedelta(days=9):%Y-%m-%dT%H:%M:%S}+00:00",
                "order-id": one.ref,
                "sku": line.sku,
                "quantity": str(line.units),
                "reason": "DEFECTIVE",
                "status": "Unit returned to inventory",
                "customer-comments": "the seam came open, twice",
            },
        )
        for one in found
        for line in one.lines
        if line.refund
    ]
    return Export("amazon_fba_returns_13", "returns.txt", columns, rows, "utf-8", "\t", is_ragged=True)


_SHOPIFY = {
    "paid": "paid",
    "partly": "partially_refunded",
    "unpaid": "pending",
    "closed": "voided",
    "refunded": "refunded",
}


def shopify_orders(found: Sequence[Order], format: str = "shopify_orders_73") -> Export:
    columns = headers()[format]
    rows = []
    for n, one in enumerate(found):
        for k, line in enumerate(one.lines):
            told = {
                "Name": f"#{1041 + n}",
                "Email": f"b{n % 5}@example.com",
                "Lineitem quantity": str(line.units),
                "Lineitem name": line.title,
                "Lineitem price": yuan(line.price),
                "Lineitem sku": line.sku,
            }
            if k == 0:  # everything of the order stands on its first row only
                told |= {
                    "Financial Status": _SHOPIFY[one.fate],
                    "Paid at": f"{one.paid_at:%Y-%m-%d %H:%M:%S} +0100" if one.paid_at else "",
                    "Currency": "CNY",
                    "Subtotal": yuan(one.total),
                    "Total": yuan(one.total),
                    "Created at": f"{one.created:%Y-%m-%d %H:%M:%S} +0100",
                    "Shipping Zip": "'01234",
                    "Shipping Phone": "+44 20 7946 0958",
                    "Shipping Country": "GB",
                    "Refunded Amount": yuan(one.refund) if one.paid_at else "0.00",
                    "Id": f"59{n:09}",
                }
            rows.append(_fill(columns, told))
    return Export(format, "orders_export_1.csv", columns, rows)


def write(export: Export, *, shuffled: bool = False, unknown: int = 0, encoding: str = "") -> bytes:
    """The bytes of a file. `shuffled`: the columns in another order; `unknown`: columns that nobody knows, beside them."""
    columns = list(export.columns)
    extra = [f"新增列{n}" for n in range(unknown)]
    columns += extra
    if shuffled:
        random.Random(3).shuffle(columns)
    text = io.StringIO()
    out = csv.writer(text, delimiter=export.separator, lineterminator="\r\n")
    out.writerow(columns)
    for n, row in enumerate(export.rows):
        cells = [f"别的{n}" if c in extra else export.quirk(c, row[c]) for c in columns]
        while export.is_ragged and not shuffled and not unknown and cells and not cells[-1]:
            cells.pop()
        out.writerow(cells)
    return text.getvalue().encode(encoding or export.encoding)


def workbook(*sheets: tuple[str, Export]) -> bytes:
    """A workbook with one sheet for each export, in this order; ids stay texts."""
    import openpyxl

    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, export in sheets:
        sheet = book.create_sheet(title)
        sheet.append(export.columns)
        for row in export.rows:
            sheet.append([row[c] or None for c in export.columns])
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()
