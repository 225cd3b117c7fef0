"""What tallies, sequences and memberships mean, said once more in the plainest way: every day and every pair is looked at.

It shares nothing with the evaluators but the nodes and their stored form: it reads the JSON.
"""

from __future__ import annotations

import calendar
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

Row = dict[str, Any]
_UPPER = {chr(code): chr(code + 32) for code in range(ord("A"), ord("Z") + 1)}
FOLDED = {"d_product"}
_MEANS = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "in": lambda a, b: any(a == one for one in b),
    "not_in": lambda a, b: all(a != one for one in b),
}


def holds(form: Row, known: Row, at: datetime, zone: ZoneInfo) -> bool:
    """`form`: a node's JSON; `known`: fields, series and groups of one subject."""
    if "all" in form:
        return all(holds(one, known, at, zone) for one in form["all"])
    if "any" in form:
        return any(holds(one, known, at, zone) for one in form["any"])
    if "none" in form:
        return not any(holds(one, known, at, zone) for one in form["none"])
    if "member_of" in form:
        return form["member_of"] in known["groups"]
    if "field" in form:
        return _asked(
            form["op"], known["fields"].get(form["field"]), form.get("value"), at, zone, form["field"]
        )
    if "then" in form:
        return _followed(form, known, at, zone)
    facts = _counting(form["tally"], form, known, at, zone)
    return _asked(form["op"], _measure(form, facts), form.get("value"), at, zone, "")


def _measure(form: Row, facts: list[Row]) -> Any:
    days = sorted({fact["local_day"] for fact in facts})
    values = [fact[form["of"]] for fact in facts if fact[form["of"]] is not None] if "of" in form else []
    return {
        "count": lambda: len(facts),
        "days": lambda: len(days),
        "sum": lambda: sum(values),
        "distinct": lambda: len({_plain(form["of"], one) for one in values}),
        "first": lambda: days[0] if days else None,
        "last": lambda: days[-1] if days else None,
    }[form["measure"]]()


def _followed(form: Row, known: Row, at: datetime, zone: ZoneInfo) -> bool:
    one, two = form["then"]
    for first in _counting(one["series"], one | {"window": form.get("window")}, known, at, zone):
        for then in _counting(two["series"], two | {"window": form.get("window")}, known, at, zone):
            gap = then["at"] - first["at"]
            if gap > timedelta(0) and (
                "within_hours" not in form or gap <= timedelta(hours=form["within_hours"])
            ):
                return True
    return False


def _counting(series: str, form: Row, known: Row, at: datetime, zone: ZoneInfo) -> list[Row]:
    found = []
    for fact in known["series"].get(series, []):
        inside = {"fields": fact, "series": {}, "groups": set()}
        if fact["at"] > at or ("where" in form and not holds(form["where"], inside, at, zone)):
            continue
        if fact.get("until") is not None and not at < fact["until"]:
            continue
        if _is_in(form.get("window"), fact, at, zone):
            found.append(fact)
    return found


def _is_in(window: Row | None, fact: Row, at: datetime, zone: ZoneInfo) -> bool:
    if window is None:
        return True
    day = fact["local_day"]
    if "last" not in window:
        after = "from" not in window or day >= date.fromisoformat(window["from"])
        return after and ("to" not in window or day < date.fromisoformat(window["to"]))
    if window["unit"] == "hours":
        return at - fact["at"] < timedelta(hours=window["last"])
    today = at.astimezone(zone).date()
    if window["unit"] == "days":
        back = today - timedelta(days=window["last"])
    else:
        months = today.year * 12 + today.month - 1 - window["last"]
        year, month = months // 12, months % 12 + 1
        back = date(year, month, min(today.day, calendar.monthrange(year, month)[1]))
    return back < day <= today if window.get("with_today") else back <= day < today


def _plain(field: str, value: Any) -> Any:
    if field in FOLDED and isinstance(value, str):
        return "".join(_UPPER.get(letter, letter) for letter in value)
    return value


def _asked(op: str, fact: Any, value: Any, at: datetime, zone: ZoneInfo, field: str) -> bool:
    if op in ("is_unknown", "is_known"):
        return (fact is None) == (op == "is_unknown")
    if fact is None:
        return False
    today = at.astimezone(zone).date()
    if op == "in_last_days":
        return fact in [today - timedelta(days=n) for n in range(1, value + 1)]
    if op == "in_next_days":
        return fact in [today + timedelta(days=n) for n in range(value)]
    if isinstance(fact, date) and not isinstance(fact, datetime):
        value = (
            [date.fromisoformat(one) for one in value]
            if isinstance(value, list)
            else date.fromisoformat(value)
        )
    if isinstance(value, list):
        return _MEANS[op](_plain(field, fact), [_plain(field, one) for one in value])
    return _MEANS[op](_plain(field, fact), _plain(field, value))
