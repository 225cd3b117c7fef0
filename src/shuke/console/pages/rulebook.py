"""The rulebook: what holds on a day, what changes between two days, and one rule with its words, dates and sources."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext, pgettext_lazy
from django.views.decorators.http import require_POST, require_safe

from shuke.console import words
from shuke.console.pages.definitions import STATUS_TONES
from shuke.kernel import clock
from shuke.kernel.errors import NotFound, ShukeError
from shuke.rulebook import actions
from shuke.rulebook import reads as rulebook
from shuke.shops.access import page
from shuke.shops.csv_out import csv_response, wants_csv
from shuke.shops.page_request import PageRequest
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
    own = gettext("(the shop's own)") if value.is_own else ""
    return " ".join(part for part in (operator, shown, str(unit), own) if part)


def _day(request: PageRequest, name: str, default: date) -> date:
    try:
        return date.fromisoformat(request.GET.get(name, ""))
    except ValueError:
        return default


@require_safe
@page(Deed.VIEW_RULEBOOK)
def rules(request: PageRequest, shop: str) -> HttpResponseBase:
    """Every rule with what it says on a day."""
    today = clock.now().astimezone(request.access.shop.zone).date()
    day = _day(request, "day", today)
    values = rulebook.values_for(request.access.shop, day)
    rows = [
        RuleRow(rule, values.get(rule.id), str(area.title))
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
def differences(request: PageRequest, shop: str) -> HttpResponse:
    """What is not the same on two days."""
    today = clock.now().astimezone(request.access.shop.zone).date()
    first = _day(request, "from", today - timedelta(days=365))
    last = _day(request, "to", today)
    found = rulebook.differences_for(request.access.shop, first, last)
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
def rule(request: PageRequest, shop: str, rule_id: str) -> HttpResponse:
    """One rule: in the drawer for htmx, a page of its own otherwise."""
    return _rule_page(request, _rule(rule_id))


def _rule(rule_id: str) -> rulebook.Rule:
    try:
        return rulebook.rule(rule_id)
    except rulebook.NoSuchRule:
        raise NotFound(field=gettext("rule"), value=rule_id) from None


def _rule_page(
    request: PageRequest, found: rulebook.Rule, *, typed: dict[str, str] | None = None, problem: str = ""
) -> HttpResponse:
    access = request.access
    today = clock.now().astimezone(access.shop.zone).date()
    day = _day(request, "day", today)
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
    holding = rulebook.values_for(access.shop, day).get(found.id)
    suggested = json.dumps(holding.value, ensure_ascii=False) if holding is not None else ""
    context = {
        "rule": found,
        "values": values,
        "day": day,
        "own": rulebook.own_values(access.shop, found.id),
        "holding": value_words(holding) if holding is not None and holding.is_own else "",
        "may_change": found.may_change and access.may(Deed.CHANGE_RULEBOOK),
        "typed": typed or {"since": (today + timedelta(days=1)).isoformat(), "value": suggested},
        "first_day": today + timedelta(days=1),
        "is_long": len(suggested) > 60,
        "problem": problem,
    }
    template = "console/pieces/rule.html" if request.htmx else "console/rule.html"
    return render(request, template, context, status=422 if problem else 200)


@require_POST
@page(Deed.CHANGE_RULEBOOK)
def change_rule(request: PageRequest, shop: str, rule_id: str) -> HttpResponse:
    """The shop's own value from a coming day on, or (`withdraw`) the rule's own again; a refusal keeps what was typed."""
    access = request.access
    found = _rule(rule_id)
    typed = {"since": request.POST.get("since", ""), "value": request.POST.get("value", "")}
    common: dict[str, Any] = {
        "shop": access.shop,
        "rule_id": found.id,
        "actor": access.actor,
        "at": clock.now(),
    }
    try:
        common["since"] = date.fromisoformat(typed["since"])
        if request.POST.get("deed") == "withdraw":
            actions.withdraw_change(**common)
        else:
            actions.change_rule(value=_typed_value(typed["value"]), **common)
    except ValueError:
        return _rule_page(request, found, typed=typed, problem=gettext("Give the day from which it holds."))
    except ShukeError as error:
        return _rule_page(request, found, typed=typed, problem=str(error))
    messages.success(request, gettext("It holds from %(day)s on.") % {"day": words.day(common["since"])})
    return redirect("console:rule", shop, found.id)


def _typed_value(text: str) -> Any:
    """Numbers, true and false, lists and trees as JSON; anything else is a text."""
    try:
        return json.loads(text)
    except ValueError:
        return text.strip()


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
