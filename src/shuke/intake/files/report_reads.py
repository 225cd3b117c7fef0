"""Questions about platforms' reports and messages: their lines as they stand, with what contradicts itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import ibis
import msgspec

from shuke.intake.files import amazon_messages, amazon_reports
from shuke.shops.reads import ShopView
from shuke.warehouse import reads as warehouse

SOURCES = ("amazon_reports", "amazon_order_changes")
FINDINGS = {**amazon_reports.FINDINGS, **amazon_messages.FINDINGS}
MOST = 2_000


@dataclass(frozen=True)
class ReportLine:
    """One line of a report. `state` is what the platform says; `findings` are codes of what contradicts it.

    `begins` and `ends` are aware, in the shop's zone; `amount_minor` in minor units of `currency`. `order_ref`: of
    messages, and only for readers who may see customers.
    """

    report: str
    metric: str
    item: str
    marketplace: str
    begins: datetime
    ends: datetime | None
    day: date
    state: str
    reported: str
    counted: str
    target: str
    findings: tuple[str, ...]
    amount_minor: int | None
    currency: str
    quantity: str
    order_ref: str

    def findings_text(self) -> str:
        """The findings in the reader's language."""
        return "; ".join(str(FINDINGS.get(code, code)) for code in self.findings)


def list_report_lines(
    shop: ShopView, *, report: str = "", with_orders: bool = False
) -> tuple[ReportLine, ...]:
    """The lines that stand, contradictions first, then newest first; at most MOST.

    `with_orders`: the reader may see customers, so a line names the order that it tells of.
    """
    life = warehouse.whole_life(shop.id)
    if life is None:
        return ()

    def question(snapshot: warehouse.Snapshot) -> list[dict[str, Any]]:
        rows = snapshot.raw("entries")
        rows = rows.filter(rows.source.isin(SOURCES))
        if report:
            rows = rows.filter(rows.kind == report)
        standing = (
            rows.group_by("row_id", "content_id").agg(net=rows.sign.sum()).filter(ibis._.net > 0).drop("net")
        )
        stated = rows.filter(rows.sign > 0).semi_join(standing, ["row_id", "content_id"])
        newest = stated.order_by([ibis.desc("at"), "row_id", "received_at"]).limit(MOST)
        return warehouse.run(newest).to_pylist()

    once = {(row["row_id"], row["content_id"]): row for row in warehouse.ask(shop, life, question)}
    lines = [_line(row, shop, with_orders) for row in once.values()]
    return tuple(sorted(lines, key=lambda one: (not one.findings, one.report)))


def _line(row: dict[str, Any], shop: ShopView, with_orders: bool) -> ReportLine:
    told = msgspec.json.decode(row["properties"] or "{}")

    def local(moment: datetime | None) -> datetime | None:
        return None if moment is None else moment.replace(tzinfo=UTC).astimezone(shop.zone)

    begins = local(row["at"])
    assert begins is not None
    return ReportLine(
        report=row["kind"],
        metric=row["title"] or "",
        item=row["entry_ref"] or "",
        marketplace=told.get("marketplace", ""),
        begins=begins,
        ends=local(row["until"]),
        day=row["local_day"],
        state=row["state"] or "",
        reported=told.get("reported", ""),
        counted=told.get("counted", ""),
        target=told.get("target", ""),
        findings=tuple(told.get("finding", "").split()),
        amount_minor=row["amount_minor"],
        currency=row["currency"] or "",
        quantity="" if row["quantity"] is None else f"{row['quantity'].normalize():f}",
        order_ref=(row["order_ref"] or "") if with_orders else "",
    )
