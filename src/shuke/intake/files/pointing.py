"""A mapping made by pointing: which column means what, from a file that lies open. Pure functions.

A guess is a beginning, never a decision: what is guessed stands on the page, beside the rows that it gives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shuke.intake.files.kinds import FIELDS, LISTS
from shuke.intake.files.naming import normal

# Words by which a column's meaning is guessed, in the order in which they are asked; half-width and without blanks.
_WORDS: dict[str, tuple[str, ...]] = {
    "order_ref": ("主订单编号", "订单编号", "订单号", "orderid", "order_id", "orderno", "ordernumber", "invoiceno", "basket_id", "order"),
    "at": ("付款时间", "支付时间", "下单时间", "订单提交时间", "订单创建时间", "成交时间", "动账时间", "日期", "时间", "timestamp", "paidat", "createdat", "date", "time"),
    "paid_at": ("付款时间", "支付时间", "paidat"),
    "buyer_ref": ("买家会员名", "会员名", "下单帐号", "买家", "客户", "email", "customerid", "customer", "buyer", "household_id"),
    "product_ref": ("商家编码", "商品id", "货号", "sku", "stockcode", "product_id", "product"),
    "title": ("宝贝标题", "商品名称", "选购商品", "标题", "description", "title", "name"),
    "quantity": ("购买数量", "商品数量", "数量", "quantity", "qty", "units"),
    "unit_price": ("单价", "价格", "unitprice", "price"),
    "amount": ("实际支付金额", "实付金额", "用户实付", "应付金额", "动账金额", "金额", "amount", "sales_value", "total"),
    "region": ("省", "country", "region"),
    "state": ("订单状态", "orderstatus", "status"),
    "person_ref": ("userid", "user_id", "email", "会员"),
    "anonymous_ref": ("anonymousid", "anonymous_id", "visitor", "deviceid", "user_id", "userid"),
    "session_ref": ("session",),
    "name": ("eventname", "event", "事件"),
    "order": (),
    "keyword": ("关键词", "词名字/词包名字", "搜索词", "keyword", "searchterm"),
    "until": ("结束日期", "end", "until"),
    "campaign_ref": ("计划id", "计划名字", "推广计划", "campaign"),
    "bid": ("出价", "默认出价", "bid"),
    "quality": ("质量分", "质量得分", "qualityscore", "quality"),
    "rank": ("平均展现排名", "平均排名", "rank", "position"),
    "impressions": ("展现量", "曝光量", "impressions"),
    "clicks": ("点击量", "点击数", "clicks"),
    "cost": ("花费", "消耗", "cost", "spend"),
    "orders": ("总成交笔数", "成交笔数", "orders"),
    "next_bid": ("下一名出价", "nextbid"),
    "next_quality": ("下一名质量分", "nextquality"),
    "channel": ("流量来源", "来源名称", "渠道", "channel"),
    "industry": ("行业", "类目", "industry", "category"),
    "scope": ("口径", "scope"),
    "visitors": ("访客数", "visitors"),
    "visitor_share": ("访客数占比", "访客占比", "visitorshare"),
    "buyers": ("支付买家数", "buyers"),
    "conversion": ("支付转化率", "转化率", "conversion"),
}  # fmt: skip
# What status texts of any shop say of an order's money; one that says nothing is told by the time of payment.
STATUS_WORDS = {
    "退款成功": "refunded",
    "efunded": "refunded",
    "关闭": "closed",
    "取消": "closed",
    "ancel": "closed",
    "等待买家付款": "unpaid",
    "待付款": "unpaid",
    "待支付": "unpaid",
    "未付款": "unpaid",
    "未支付": "unpaid",
    "ending": "unpaid",
    "npaid": "unpaid",
}
ENTRY_KIND = "entry"
PERIOD_SIGNS = ("至", "~", "～")  # between the first and the last day of a period, as reports write it


def guessed(kind: str, columns: Sequence[str]) -> dict[str, str]:
    """Field -> column, where a column's name says what it means; no column means two things, but times may."""
    names = {normal(column): column for column in reversed(columns) if column}
    found: dict[str, str] = {}
    for field in FIELDS[kind]:
        for word in _WORDS.get(field, ()):
            hit = names.get(normal(word)) or next(
                (column for name, column in names.items() if len(word) > 3 and normal(word) in name), None
            )
            if hit is not None and (field in ("at", "paid_at") or hit not in found.values()):
                found[field] = hit
                break
    if kind == "orders" and "amount" in found:
        found.pop("order_amount", None)
    return found


def pointed_spec(
    *,
    kind: str,
    name: str,
    title: str,
    pointed: Mapping[str, str],
    columns: Sequence[str],
    zone: str = "",
    currency: str = "",
    form: str = "",
    key: Sequence[str] = (),
    has_header: bool = True,
    sheet: str = "",
) -> dict[str, Any]:
    """The mapping that says what a person pointed at, in its JSON form; it is checked where it is read."""
    told: dict[str, Any] = {}
    for field in FIELDS[kind]:
        column = pointed.get(field, "")
        if not column:
            continue
        if field == "state":
            told[field] = {"column": column, "contains": dict(STATUS_WORDS), "otherwise": "blank"}
        elif field in ("at", "until") and kind in LISTS and LISTS[kind].identity:
            told[field] = {"column": column, "before" if field == "at" else "after": list(PERIOD_SIGNS)}
        elif field == "direction":
            told[field] = {"column": column, "contains": {"入": "in", "出": "out", "in": "in", "out": "out"}}
        else:
            told[field] = column
    if kind == "events" and "type" not in told:
        told["type"] = {"constant": "track"}
    if kind == "entries" and "kind" not in told:
        told["kind"] = {"constant": ENTRY_KIND}
    spec: dict[str, Any] = {
        "v": 1,
        "name": name,
        "title": {"en": title or name, "zh": title or name},
        "kind": kind,
        "source": name,
        "file": {"encoding": "auto", "header": has_header, **({"sheet": sheet} if sheet else {})},
        "columns": told,
    }
    identity = LISTS[kind].identity if kind in LISTS else ()
    if identity:
        named = [pointed[f] for f in identity if pointed.get(f)]
        spec["key"] = list(key) or list(dict.fromkeys(named))
        spec["required"] = [pointed[f] for f in LISTS[kind].needed if pointed.get(f)]
    elif kind != "orders":
        spec["key"] = list(key) or [c for c in (pointed.get(f, "") for f in _KEYS) if c][:1]
    if form or zone:
        spec["time"] = {**({"formats": [form]} if form else {}), **({"zone": zone} if zone else {})}
    if currency:
        spec["currency"] = currency.upper()
    if has_header:
        spec["header"] = [c for c in dict.fromkeys(columns) if c]
    return spec


_KEYS = (
    "settlement_ref",
    "return_ref",
    "entry_ref",
    "order_ref",
    "session_ref",
    "anonymous_ref",
    "person_ref",
    "at",
)
