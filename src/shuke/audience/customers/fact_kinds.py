"""Visits and orders on the time line: entries made of facts, asked of the warehouse by identity."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import ibis
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from shuke.audience import timeline
from shuke.audience.customers.questions import mine
from shuke.kernel.money import Money
from shuke.kernel.periods import ONE_DAY, Period, local_day
from shuke.kernel.verdicts import Reason
from shuke.warehouse import reads as warehouse
from shuke.warehouse.refunds import refunds_resolved

ORDER_WORDS: Mapping[str, str | Promise] = {
    "sale": _("Ordered %(order)s"),
    "cancellation": _("Cancelled %(order)s"),
    "adjustment": _("Order %(order)s was adjusted"),
    "refund": _("Was refunded for %(order)s"),
}
NOT_STATED = _("The amount is not stated, and the sale that it takes back is not known.")


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)


def _aware(asked: timeline.Asked, moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC).astimezone(asked.shop.zone)


def _asked_rows(
    asked: timeline.Asked, question: Callable[[warehouse.Snapshot], list[dict[str, Any]]]
) -> list[dict[str, Any]]:
    """The rows of the days that can hold an entry that is asked for."""
    life = warehouse.whole_life(asked.shop.id)
    until = local_day(asked.at, asked.shop.zone) + ONE_DAY
    if life is None or until <= life.start:
        return []
    return warehouse.ask(asked.shop, Period(life.start, min(life.end, until)), question)


def visits(asked: timeline.Asked) -> Sequence[timeline.Entry]:
    """Each visit at its beginning: where from, how many pages, how long, what it brought."""

    def question(snapshot: warehouse.Snapshot) -> list[dict[str, Any]]:
        rows = mine(snapshot.derived("visits"), "person_id", "visitor_id", asked.identity_ids)
        rows = rows.mutate(key=rows.visit_id.cast("string"))
        at = _naive(asked.at)
        comes = rows.started_at < at
        if asked.after is not None:
            comes = comes | ((rows.started_at == at) & (rows.key > asked.after))
        newest = rows.filter(comes).order_by([ibis.desc("started_at"), "key"]).limit(asked.limit)
        return snapshot.engine.run(newest).to_pylist()

    return [_visit(asked, row) for row in _asked_rows(asked, question)]


def _visit(asked: timeline.Asked, row: Mapping[str, Any]) -> timeline.Entry:
    told = [
        timeline.Detail(pgettext_lazy("time line", "Channel"), row["channel"], "channel"),
        timeline.Detail(pgettext_lazy("time line", "Page views"), row["views"], "count"),
    ]
    if row["views"] >= 2:  # a stay is not measurable otherwise (B-202)
        told.append(timeline.Detail(pgettext_lazy("time line", "Stay"), row["stay_seconds"], "seconds"))
    if row["orders"]:
        told.append(timeline.Detail(pgettext_lazy("time line", "Orders"), row["orders"], "count"))
    return timeline.Entry(
        kind="visit",
        key=row["key"],
        at=_aware(asked, row["started_at"]),
        words=Reason("visited", _("Visited the shop")),
        identity_id=row["visitor_id"] if row["person_id"] is None else row["person_id"],
        details=tuple(told),
    )


def orders(asked: timeline.Asked) -> Sequence[timeline.Entry]:
    """Each movement of an order: sale, cancellation, adjustment, refund, with its amount. What takes back a whole order has
    the amount that follows from the sale. All movements go with their order."""

    def question(snapshot: warehouse.Snapshot) -> list[dict[str, Any]]:
        facts = snapshot.derived("order_facts")
        theirs = mine(facts, "buyer_id", "visitor_id", asked.identity_ids).select("order_id").distinct()
        return snapshot.engine.run(refunds_resolved(facts.semi_join(theirs, "order_id"))).to_pylist()

    by_order: dict[int, list[dict[str, Any]]] = {}
    for row in _asked_rows(asked, question):
        by_order.setdefault(row["order_id"], []).append(row)
    entries = []
    for rows in by_order.values():
        identity_id = _whose(rows)
        if identity_id in asked.identity_ids:
            entries += [_order(asked, row, identity_id) for row in rows]
    return entries


def _whose(rows: Sequence[Mapping[str, Any]]) -> int | None:
    """Whose an order is, as purchases count it: its sale's buyer, else any buyer, else the device of its sale, else any."""
    sales = [row for row in rows if row["kind"] == "sale"]
    for column in ("buyer_id", "visitor_id"):
        for some in (sales, rows):
            named = [row[column] for row in some if row[column] is not None]
            if named:
                return max(named)
    return None


def _order(asked: timeline.Asked, row: Mapping[str, Any], identity_id: int) -> timeline.Entry:
    amount = row["paid_minor"] if row["kind"] == "sale" else row["amount_minor"]
    title = pgettext_lazy("time line", "Amount")
    if row["amount_minor"] is None:
        told = timeline.Detail(title, NOT_STATED)
    elif row["currency"] in (None, asked.shop.currency):
        told = timeline.Detail(title, amount, "money")
    else:
        told = timeline.Detail(title, f"{Money(amount, row['currency']).amount} {row['currency']}")
    details = [told]
    if row["quantity"] is not None:
        units = row["quantity"].normalize()
        details.append(timeline.Detail(pgettext_lazy("time line", "Units"), f"{units:f}"))
    return timeline.Entry(
        kind="order",
        key=f"{row['order_id']}:{row['kind']}:{row['local_day']}",
        at=_aware(asked, row["at"]),
        words=Reason(row["kind"], ORDER_WORDS[row["kind"]], {"order": row["order_ref"]}),
        identity_id=identity_id,
        details=tuple(details),
    )


timeline.register(timeline.Kind("visit", pgettext_lazy("time line", "Visits"), "eye", visits))
timeline.register(timeline.Kind("order", pgettext_lazy("time line", "Orders"), "receipt", orders))
