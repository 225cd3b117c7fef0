"""Reports that platforms give: what each line says, and beside it where a line contradicts itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django.http import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext, pgettext_lazy
from django.views.decorators.http import require_safe

from shuke.intake import reads
from shuke.kernel.money import Money
from shuke.shops import navigation
from shuke.shops.access import page
from shuke.shops.csv_out import csv_response, wants_csv
from shuke.shops.page_request import PageRequest
from shuke.shops.roles import Deed
from shuke.shops.tables import Column, build_paged_table, page_number

navigation.register(
    navigation.NavigationEntry(
        "reports",
        pgettext_lazy("sidebar", "Reports"),
        "checklist",
        "intake:reports",
        Deed.VIEW_TRAFFIC,
        "data",
        15,
    )
)

SIZE = 50
# Reports by their code, in the order in which they are offered. What the lines are called stays the platform's own.
REPORTS = {
    "account_health": pgettext_lazy("report", "Account health"),
    "sales_and_traffic": pgettext_lazy("report", "Sales and traffic"),
    "repeat_purchase": pgettext_lazy("report", "Repeat purchase"),
    "promotions": pgettext_lazy("report", "Promotions"),
    "coupons": pgettext_lazy("report", "Coupons"),
    "order_changes": pgettext_lazy("report", "Changed orders"),
}
TONES = {
    "GOOD": "good",
    "NORMAL": "good",
    "AT_RISK": "warn",
    "WARNED": "warn",
    "BAD": "bad",
    "SUSPENDED": "bad",
}
CONDITIONS = {"LESS_THAN": "<", "GREATER_THAN": ">", "EQUALS": "="}


def _amount(one: reads.ReportLine) -> str:
    if one.amount_minor is None:
        return ""
    return f"{Money(one.amount_minor, one.currency).amount} {one.currency}"


def _columns() -> list[Column[reads.ReportLine]]:
    return [
        Column("metric", gettext("Line"), lambda i: i.metric, is_first=True),
        Column(
            "report", gettext("Report"), lambda i: i.report, shown=lambda i: REPORTS.get(i.report, i.report)
        ),
        Column("state", gettext("Reported status"), lambda i: i.state),
        Column("findings", gettext("Contradiction"), lambda i: i.findings_text()),
        Column("reported", gettext("Reported value"), lambda i: i.reported),
        Column("counted", gettext("From its counts"), lambda i: i.counted),
        Column("target", gettext("Target"), lambda i: i.target),
        Column("item", gettext("Item"), lambda i: "" if i.item == "all" else i.item),
        Column("order", gettext("Order number"), lambda i: i.order_ref),
        Column("amount", gettext("Amount"), _amount),
        Column("quantity", gettext("Count"), lambda i: i.quantity),
        Column("begins", gettext("Begins"), lambda i: i.begins, "moment"),
        Column("ends", gettext("Ends"), lambda i: i.ends, "moment"),
        Column("marketplace", gettext("Marketplace"), lambda i: i.marketplace),
    ]


def _shown_columns(lines: Sequence[reads.ReportLine], asked: str) -> list[Column[reads.ReportLine]]:
    """What stands on the page: the name with its report, both ends of the period as one, and no column that is empty."""
    plain = {column.key: column for column in _columns()}

    def line(one: reads.ReportLine) -> dict[str, Any]:
        return {"text": one.metric, "sub": "" if asked else REPORTS.get(one.report, one.report)}

    def state(one: reads.ReportLine) -> dict[str, str]:
        return {"text": one.state, "tone": "warn" if one.findings else TONES.get(one.state, "")}

    metric, findings, amount = plain["metric"], plain["findings"], plain["amount"]
    columns = [
        replace(metric, tag="link", shown=line),
        replace(plain["state"], tag="badge", shown=state),
        replace(findings, tag="wide"),
        replace(plain["reported"], is_number=True),
        replace(plain["counted"], is_number=True),
        replace(plain["target"], tag="nowrap", value=_target),
        replace(plain["item"], tag="nowrap"),
        replace(plain["order"], tag="nowrap"),
        replace(amount, is_number=True),
        replace(plain["quantity"], is_number=True),
        Column("period", gettext("Period"), lambda i: i.begins, "days", shown=lambda i: (i.begins, i.ends)),
        plain["marketplace"],
    ]
    return [one for one in columns if one.is_first or any(one.value(line) for line in lines)]


def _target(one: reads.ReportLine) -> str:
    """“LESS_THAN 0.04” as it is read in any language: < 0.04."""
    condition, _blank, value = one.target.partition(" ")
    return f"{CONDITIONS.get(condition, condition)} {value}".strip()


@require_safe
@page(Deed.VIEW_TRAFFIC)
def reports(request: PageRequest, shop: str) -> HttpResponseBase:
    """The lines of the shop's reports, contradictions first."""
    access = request.access
    columns = _columns()
    asked = request.GET.get("report", "")[:80]
    lines = reads.list_report_lines(access.shop, report=asked, with_orders=access.may(Deed.VIEW_CUSTOMERS))
    if wants_csv(request.GET):
        header = [column.title for column in columns]
        return csv_response(access, "reports", header, ([c.value(one) for c in columns] for one in lines))
    number = page_number(request)
    shown = lines[(number - 1) * SIZE : number * SIZE]
    context = {
        "table": build_paged_table(
            request, "reports", _shown_columns(lines, asked), shown, count=len(lines), page=number, size=SIZE
        ),
        "reports": [(key, title, key == asked) for key, title in REPORTS.items()],
        "asked": asked,
        "contradicting": sum(1 for one in lines if one.findings),
        "may_import": access.may(Deed.IMPORT_FILES),
        "is_exportable": access.may(Deed.EXPORT_TABLES),
    }
    return render(request, "intake/reports.html", context)
