"""The rulebook: what holds on a day, what changes between two days, and one rule with its words, dates and sources."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext, pgettext_lazy
from django.views.decorators.http import require_safe

from shuke.console import words
from shuke.console.pages.definitions import STATUS_TONES
from shuke.kernel import clock
from shuke.kernel.errors import NotFound
from shuke.rulebook import reads as rulebook
from shuke.shops.access import page
from shuke.shops.csv_out import csv_response, wants_csv
from shuke.shops.roles import Deed
from shuke.shops.tables import Column, build_table, csv_rows

OPERATORS: dict[str, str | Promise] = {
    "eq": pgettext_lazy("rule operator", "is"),
    "ge": pgettext_lazy("rule operator", "from"),
    "gt": pgettext_lazy("rule operator", "above"),
    "le": pgettext_lazy("rule operator", "up to"),
    "lt": pgettext_lazy("rule operator", "below"),
    "in": pgettext_lazy("rule operator", "one of"),
}
UNITS: dict[str, str | Promise] = {
    "minutes": pgettext_lazy("rule unit", "minutes"),
    "seconds": pgettext_lazy("rule unit", "seconds"),
    "hours": pgettext_lazy("rule unit", "hours"),
    "days": pgettext_lazy("rule unit", "days"),
    "count": pgettext_lazy("rule unit", "times"),
    "bytes": pgettext_lazy("rule unit", "bytes"),
}


@dataclass(frozen=True)
class RuleRow:
    """A rule and the value that holds on the chosen day, if any does."""

    rule: rulebook.Rule
    value: rulebook.RuleValue | None
    area: str


def value_words(value: rulebook.RuleValue | None) -> str:
    """A value in words: short ones whole, lists and trees by their size (the rule's page shows all of it)."""
    if value is None:
        return gettext("no rule yet")
    if isinstance(value.value, bool):
        return gettext("Yes") if value.value else gettext("No")
    if isinstance(value.value, list):
        return gettext("%(count)s entries") % {"count": words.count(len(value.value))}
    if isinstance(value.value, dict):
        formula = value.value.get("formula")
        if isinstance(formula, dict):
            return str(formula.get("zh" if words.locale().language == "zh" else "en", ""))
        return gettext("%(count)s entries") % {"count": words.count(len(value.value))}
    shown = words.count(value.value) if isinstance(value.value, int) else str(value.value)
    unit = UNITS.get(value.unit, "")
    operator = "" if value.operator == "eq" else str(OPERATORS.get(value.operator, value.operator))
    return " ".join(part for part in (operator, shown, str(unit)) if part)


def _day(request: HttpRequest, name: str, default: date) -> date:
    try:
        return date.fromisoformat(request.GET.get(name, ""))
    except ValueError:
        return default


@require_safe
@page(Deed.VIEW_RULEBOOK)
def rules(request: HttpRequest, shop: str) -> HttpResponseBase:
    """Every rule with what it says on a day."""
    today = clock.now().astimezone(request.access.shop.zone).date()
    day = _day(request, "day", today)
    rows = [
        RuleRow(rule, rule.find_value(day), str(area.title))
        for area in rulebook.areas()
        for rule in area.rules
    ]
    columns = [
        Column[RuleRow](
            "rule",
            gettext("Rule"),
            lambda row: str(row.rule.title),
            "metric",
            is_first=True,
            is_searched=True,
            shown=lambda row: {
                "text": str(row.rule.title),
                "sub": row.rule.id,
                "url": reverse("console:rule", args=[shop, row.rule.id]) + f"?day={day}",
            },
        ),
        Column("area", gettext("Area"), lambda row: row.area, is_searched=True),
        Column("value", gettext("Says"), lambda row: value_words(row.value), is_sortable=False),
        Column(
            "since",
            gettext("Since"),
            lambda row: row.value.since if row.value else None,
            "day",
        ),
        Column(
            "status",
            gettext("Backed by"),
            lambda row: str(row.value.status) if row.value else None,
            "state",
            shown=lambda row: {
                "text": row.value.status.label if row.value else words.UNKNOWN,
                "tone": STATUS_TONES.get(row.value.status.value, "") if row.value else "",
            },
        ),
    ]
    if wants_csv(request.GET):
        header = [column.title for column in columns]
        return csv_response(request.access, f"rulebook-{day}", ["id", *header], _csv(columns, rows))
    context = {
        "day": day,
        "table": build_table(request, "rules", columns, rows),
        "is_exportable": request.access.may(Deed.EXPORT_TABLES),
    }
    return render(request, "console/rulebook.html", context)


def _csv(columns: Any, rows: list[RuleRow]) -> Any:
    for row, cells in zip(rows, csv_rows(columns, rows), strict=True):
        yield [row.rule.id, *cells]


@require_safe
@page(Deed.VIEW_RULEBOOK)
def differences(request: HttpRequest, shop: str) -> HttpResponse:
    """What is not the same on two days."""
    today = clock.now().astimezone(request.access.shop.zone).date()
    first = _day(request, "from", today - timedelta(days=365))
    last = _day(request, "to", today)
    found = rulebook.differences(first, last)
    rows = [
        {
            "rule": one.rule,
            "before": value_words(one.before),
            "after": value_words(one.after),
            "since": one.after.since if one.after else None,
            "url": reverse("console:rule", args=[shop, one.rule.id]) + f"?day={last}",
        }
        for one in found
    ]
    return render(request, "console/rulebook_differences.html", {"first": first, "last": last, "rows": rows})


@require_safe
@page(Deed.VIEW_RULEBOOK)
def rule(request: HttpRequest, shop: str, rule_id: str) -> HttpResponse:
    """One rule: in the drawer for htmx, a page of its own otherwise."""
    today = clock.now().astimezone(request.access.shop.zone).date()
    day = _day(request, "day", today)
    try:
        found = rulebook.rule(rule_id)
    except rulebook.NoSuchRule:
        raise NotFound(field=gettext("rule"), value=rule_id) from None
    values = [
        {
            "value": value,
            "words": value_words(value),
            "whole": _whole(value.value),
            "tone": STATUS_TONES.get(value.status.value, ""),
            "is_holding": value.holds_on(day),
        }
        for value in reversed(found.values)
    ]
    context = {"rule": found, "values": values, "day": day}
    template = "console/pieces/rule.html" if request.htmx else "console/rule.html"
    return render(request, template, context)


def _whole(value: Any) -> str:
    """A list or tree as it stands in the rule's file; the words of the other language are left out."""
    if not isinstance(value, (list, dict)):
        return ""
    return json.dumps(_one_language(value), ensure_ascii=False, indent=1)


def _one_language(value: Any) -> Any:
    if isinstance(value, dict):
        if set(value) == {"zh", "en"}:
            return value["zh" if words.locale().language == "zh" else "en"]
        return {key: _one_language(inner) for key, inner in value.items()}
    return [_one_language(inner) for inner in value] if isinstance(value, list) else value
