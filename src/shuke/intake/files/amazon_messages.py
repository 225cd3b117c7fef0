"""Amazon's messages of changed orders (ORDER_CHANGE notifications, in JSON) as rows: one for each item of each message.

A seller who subscribed keeps them as they came: one message a file, a list of them, or one on each line. A message may
come twice (the sender promises only that it comes), and counts once, by its NotificationId. What it says stands as it is
stated; where it contradicts itself, that stands beside it (`finding`). Where the parcel goes is left out: a message names
no buyer, so an erasure could not find it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

COLUMNS = [
    "report",
    "metric",
    "marketplace",
    "order",
    "item",
    "from",
    "status",
    "finding",
    "quantity",
    "notification",
    "item_id",
    "rest",
]
TYPE = "ORDER_CHANGE"
NO_ITEM = "all"
Row = dict[str, str]
FINDINGS = {
    "sent_before_the_change": _("it was sent before the change that it tells of"),
    "delivered_unshipped": _("it is delivered and not shipped"),
    "shipped_exceeds_ordered": _("more is shipped than was ordered"),
    "items_do_not_add_up": _("its items do not add up to what it counts"),
}
_OF_THE_PARCEL = ("DestinationPostalCode",)
_PARCEL = re.compile(rf'("(?:{"|".join(_OF_THE_PARCEL)})"\s*:\s*)(?:"[^"]*"?|[^",}}\s]+)')


def is_message(raw: Any) -> bool:
    """Whether a JSON value is such a message, told by its structure."""
    return isinstance(raw, Mapping) and raw.get("NotificationType") == TYPE and "Payload" in raw


def without_parcel(text: str) -> str:
    """The text of a message, be it JSON or not, without where the parcel goes."""
    return _PARCEL.sub(r'\1""', text)


def message_rows(messages: Iterable[Any]) -> Iterator[tuple[int, Row]]:
    """(place of the message from 1, row with every one of COLUMNS). What is no message gives a row of blanks.

    A row of blanks is refused where it is read, so that one wrong line among good ones waits in quarantine.
    """
    seen: set[tuple[str, str]] = set()
    for place, raw in enumerate(messages, start=1):
        if not is_message(raw):
            text = without_parcel(json.dumps(raw, ensure_ascii=False))
            yield place, dict.fromkeys(COLUMNS, "") | {"rest": text}
            continue
        for row in _rows(raw):
            known = (str(row["notification"]), str(row["item_id"]))
            if known not in seen:
                seen.add(known)
                yield place, {column: str(row.get(column, "")) for column in COLUMNS}


def _rows(raw: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    told = _table(_table(raw.get("Payload")).get("OrderChangeNotification"))
    summary, trigger = _table(told.get("Summary")), _table(told.get("OrderChangeTrigger"))
    order = told.get("AmazonOrderId") or ""
    at = trigger.get("TimeOfOrderChange") or raw.get("EventTime") or ""
    kind, reason = (
        str(told_of.get(key) or "") for told_of, key in ((told, "OrderChangeType"), (trigger, "ChangeReason"))
    )
    name = _table(raw.get("NotificationMetadata")).get("NotificationId") or f"{order} {kind} {at}"
    listed = summary.get("OrderItems")
    items = [one for one in listed if isinstance(one, Mapping)] if isinstance(listed, list) else []
    of_all = _findings(raw, at, told, summary, items)
    shown = {k: v for k, v in summary.items() if k not in ("OrderItems", *_OF_THE_PARCEL)}
    for n, item in enumerate(items or [{}], start=1):
        ordered, shipped = item.get("Quantity"), item.get("QuantityShipped")
        own = ["shipped_exceeds_ordered"] if _is_more(shipped, ordered) else []
        yield {
            "report": "order_changes",
            "metric": ": ".join(part for part in (kind, reason) if part),
            "marketplace": summary.get("MarketplaceId") or NO_ITEM,
            "order": order,
            "item": item.get("SellerSKU") or NO_ITEM,
            "from": at,
            "status": item.get("OrderItemStatus") or summary.get("OrderStatus") or "",
            "finding": " ".join(of_all + own),
            "quantity": "" if ordered is None else ordered,
            "notification": name,
            "item_id": item.get("OrderItemId") or n,
            "rest": json.dumps({**shown, **item}, ensure_ascii=False),
        }


def _findings(
    raw: Mapping[str, Any],
    at: str,
    told: Mapping[str, Any],
    summary: Mapping[str, Any],
    items: list[Mapping[str, Any]],
) -> list[str]:
    """Where a message contradicts itself, as codes of FINDINGS."""
    found = []
    sent, changed = _moment(raw.get("EventTime")), _moment(at)
    if sent is not None and changed is not None and sent < changed:
        found.append("sent_before_the_change")
    if (summary.get("EasyShipShipmentStatus"), summary.get("OrderStatus")) == ("Delivered", "Unshipped"):
        found.append("delivered_unshipped")
    counted = _sum(summary.get(name) for name in ("NumberOfItemsShipped", "NumberOfItemsUnshipped"))
    ordered = _sum(one.get("Quantity") for one in items)
    is_whole = told.get("NotificationLevel") == "OrderLevel" and bool(items)
    if is_whole and ordered is not None and counted is not None and ordered != counted:
        found.append("items_do_not_add_up")
    return found


def _sum(stated: Iterable[object]) -> int | None:
    """None where one of them is no whole number."""
    total = 0
    for one in stated:
        if not isinstance(one, int) or isinstance(one, bool):
            return None
        total += one
    return total


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _is_more(one: Any, other: Any) -> bool:
    return type(one) is int and type(other) is int and one > other


def _moment(text: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo is not None else None
