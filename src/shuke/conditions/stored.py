"""The stored form of a condition: versioned JSON with one validator per version.

Version 1: `{"v": 1, "all": [node, …]}`; a node is `{"all": […]}`, `{"any": […]}`, `{"none": […]}` or
`{"field": …, "op": …, "value": …}` (`value` left out for `is_known` and `is_unknown`, a list for `in`, `not_in` and `under`).

Version 2 adds what looks beyond the subject's own fields:
`{"tally": series, "measure": …, "of": field, "where": node, "window": …, "op": …, "value": …}` (`of` for sum and distinct only;
`where` and `window` may be left out), `{"then": [{"series": …, "where": …}, {…}], "within_hours": n, "window": …}` and
`{"member_of": group}`. A window is `{"last": 14, "unit": "days", "with_today": true}` or `{"from": day, "to": day}`, half-open.

`dump` writes the lowest version that can say a condition, so what is kept in links and rules stays as it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any as Anything

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .errors import BadCondition, BadValue, UnknownOperator
from .fields import Field, get_field
from .nodes import (
    COUNTS_DAYS,
    GROUPS,
    OF_A_FIELD,
    TAKES_MANY,
    TAKES_NOTHING,
    All,
    Any,
    Compare,
    Measure,
    Member,
    Node,
    None_,
    Op,
    Step,
    Tally,
    Then,
    Value,
    iter_nodes,
)
from .series import get_series, measured_field, series_of
from .values import read_value, write_value
from .windows import LONGEST, Unit, Window

VERSIONS = (1, 2)
MAX_DEPTH = 8
MAX_NODES = 200
MAX_LISTED = 500
_GROUPS: dict[str, type[All] | type[Any] | type[None_]] = {"all": All, "any": Any, "none": None_}
_GROUP_NAMES = {kind: name for name, kind in _GROUPS.items()}


def parse(data: Mapping[str, Anything] | str | bytes, subject: str | None = None) -> Node:
    """A condition from its JSON (text or already decoded); `subject` limits it to the fields of that kind.

    Raises BadCondition, UnknownField, UnknownOperator or BadValue, each naming place, value and remedy.
    """
    if isinstance(data, (str, bytes)):
        try:
            data = json.loads(data)
        except (ValueError, RecursionError):
            raise _bad("$", _("it is not JSON"), data) from None
    if not isinstance(data, Mapping):
        raise _bad("$", _("it must be an object"), data)
    version = data.get("v")
    # Of a subject without series only rows are asked, and not as of a moment.
    known_ones = [one for one in _PARSERS if one == 1 or subject is None or series_of(subject)]
    if isinstance(version, bool) or not isinstance(version, int) or version not in known_ones:
        known = ", ".join(map(str, known_ones))
        raise _bad("$.v", _("known versions are: %(known)s") % {"known": known}, version)
    return _PARSERS[version]({key: value for key, value in data.items() if key != "v"}, subject)


def dump(node: Node) -> dict[str, Anything]:
    """The JSON form of a condition, in the lowest version that can say it; `parse(dump(node)) == node`."""
    is_old = all(
        isinstance(one, (Compare, *GROUPS)) and not (isinstance(one, Compare) and one.op in COUNTS_DAYS)
        for one in iter_nodes(node)
    )
    return {"v": VERSIONS[0] if is_old else VERSIONS[1], **_dump_node(node)}


def _dump_node(node: Node) -> dict[str, Anything]:
    if isinstance(node, GROUPS):
        return {_GROUP_NAMES[type(node)]: [_dump_node(part) for part in node.parts]}
    if isinstance(node, Member):
        return {"member_of": node.group}
    if isinstance(node, Then):
        form: dict[str, Anything] = {"then": [_dump_step(node.first), _dump_step(node.then)]}
        if node.within is not None:
            form["within_hours"] = node.within
        return form | _dump_window(node.window)
    if isinstance(node, Tally):
        form = {"tally": node.series, "measure": node.measure.value}
        if node.field is not None:
            form["of"] = node.field
        if node.where != All():
            form["where"] = _dump_node(node.where)
        return form | _dump_window(node.window) | _dump_asked(node)
    return {"field": node.field} | _dump_asked(node)


def _dump_asked(node: Compare | Tally) -> dict[str, Anything]:
    if node.op in TAKES_NOTHING:
        return {"op": node.op.value}
    if isinstance(node.value, tuple):
        return {"op": node.op.value, "value": [write_value(value) for value in node.value]}
    assert node.value is not None
    return {"op": node.op.value, "value": write_value(node.value)}


def _dump_step(step: Step) -> dict[str, Anything]:
    where = {} if step.where == All() else {"where": _dump_node(step.where)}
    return {"series": step.series, **where}


def _dump_window(window: Window | None) -> dict[str, Anything]:
    if window is None:
        return {}
    if window.last is not None:
        said: dict[str, Anything] = {"last": window.last, "unit": window.unit.value}
        return {"window": said | ({"with_today": True} if window.with_today else {})}
    days = {"from": window.start, "to": window.end}
    return {"window": {name: day.isoformat() for name, day in days.items() if day is not None}}


class _VersionOne:
    """Reads nodes of version 1 and counts them, so that a hostile condition ends early."""

    ops_left_out: frozenset[Op] = COUNTS_DAYS

    def __init__(self, subject: str | None) -> None:
        self.subject = subject
        self.seen = 0

    def node(self, data: Anything, path: str, depth: int) -> Node:
        self.seen += 1
        if depth > MAX_DEPTH:
            raise _bad(path, _("at most %(n)d levels may be nested") % {"n": MAX_DEPTH}, "")
        if self.seen > MAX_NODES:
            raise _bad(path, _("at most %(n)d parts are allowed") % {"n": MAX_NODES}, "")
        if not isinstance(data, Mapping):
            raise _bad(path, _("it must be an object"), data)
        keys = set(data)
        if len(keys) == 1 and keys <= set(_GROUPS):
            (name,) = keys
            return self.group(name, data[name], path, depth)
        if {"field", "op"} <= keys <= {"field", "op", "value"}:
            return self.compare(data, path)
        return self.another(data, keys, path, depth)

    def another(self, data: Mapping[str, Anything], keys: set[str], path: str, depth: int) -> Node:
        """A node of another form; this version has none."""
        raise _bad(
            path, _("it must have either all, any or none, or field, op and value"), sorted(map(str, keys))
        )

    def group(self, name: str, parts: Anything, path: str, depth: int) -> Node:
        if not isinstance(parts, (list, tuple)):
            raise _bad(f"{path}.{name}", _("it must be a list"), parts)
        if not parts and name != "all":
            raise _bad(f"{path}.{name}", _("it must not be empty"), parts)
        read = (self.node(part, f"{path}.{name}[{i}]", depth + 1) for i, part in enumerate(parts))
        return _GROUPS[name](tuple(read))

    def compare(self, data: Mapping[str, Anything], path: str) -> Compare:
        if not isinstance(data["field"], str):
            raise _bad(f"{path}.field", _("it must be a text"), data["field"])
        field = get_field(data["field"], self.subject)
        op, value = self.asked(field, data, path)
        return Compare(field.name, op, value)

    def asked(self, field: Field, data: Mapping[str, Anything], path: str) -> tuple[Op, Value]:
        """Operator and value of what is asked of a field."""
        known = [op.value for op in field.ops if op not in self.ops_left_out]
        if not isinstance(data["op"], str) or data["op"] not in known:
            raise UnknownOperator(field=field.name, value=data["op"], known=", ".join(known))
        op = Op(data["op"])
        if op in TAKES_NOTHING:
            if "value" in data:
                raise _bad(f"{path}.value", _("this operator takes no value"), data["value"])
            return op, None
        if "value" not in data:
            raise _bad(f"{path}.value", _("a value is missing"), "")
        raw = data["value"]
        if op in COUNTS_DAYS:
            return op, _whole(field.name, raw, LONGEST[Unit.DAYS])
        if op in TAKES_MANY:
            if not isinstance(raw, (list, tuple)) or not 1 <= len(raw) <= MAX_LISTED:
                expected = gettext_lazy("a list of 1 to %(n)d values")
                raise BadValue(field=field.name, value=raw, expected=_filled(expected, n=MAX_LISTED))
            return op, tuple(read_value(field, one) for one in raw)
        return op, read_value(field, raw)


class _VersionTwo(_VersionOne):
    """Adds the facts of series and groups."""

    ops_left_out: frozenset[Op] = frozenset()

    def another(self, data: Mapping[str, Anything], keys: set[str], path: str, depth: int) -> Node:
        if {"tally", "measure", "op"} <= keys <= {"tally", "measure", "op", "of", "where", "window", "value"}:
            return self.tally(data, path, depth)
        if {"then"} <= keys <= {"then", "within_hours", "window"}:
            return self.then(data, path, depth)
        if keys == {"member_of"}:
            return Member(_name(data["member_of"], f"{path}.member_of"))
        known = "all, any, none; field, op, value; tally, measure, op, value; then; member_of"
        raise _bad(path, _("it must have one of these forms: %(known)s") % {"known": known}, sorted(keys))

    def tally(self, data: Mapping[str, Anything], path: str, depth: int) -> Tally:
        series = get_series(_name(data["tally"], f"{path}.tally"), self.subject)
        known = [one.value for one in Measure]
        if data["measure"] not in known:
            raise BadValue(field="measure", value=data["measure"], expected=", ".join(known))
        measure = Measure(data["measure"])
        of = data.get("of")
        if (measure in OF_A_FIELD) != (of is not None):
            raise _bad(f"{path}.of", _("a field is named for sum and distinct, and for no other measure"), of)
        if of is not None:
            of = _name(of, f"{path}.of")
            if measure is Measure.SUM and not get_field(of, series.subject).adds_up:
                raise _bad(f"{path}.of", _("its values can not be added up"), of)
        op, value = self.asked(measured_field(series, measure, of), data, path)
        where = self.where(data, series.subject, path, depth)
        return Tally(series.name, measure, op, value, of, where, _window(data, path))

    def then(self, data: Mapping[str, Anything], path: str, depth: int) -> Then:
        steps = data["then"]
        if not isinstance(steps, (list, tuple)) or len(steps) != 2:
            raise _bad(f"{path}.then", _("it must be a list of two steps"), steps)
        first, then = (self.step(one, f"{path}.then[{i}]", depth + 1) for i, one in enumerate(steps))
        within = None
        if "within_hours" in data:
            within = _whole("within_hours", data["within_hours"], LONGEST[Unit.HOURS])
        return Then(first, then, within, _window(data, path))

    def step(self, data: Anything, path: str, depth: int) -> Step:
        if not isinstance(data, Mapping) or not {"series"} <= set(data) <= {"series", "where"}:
            raise _bad(path, _("it must be an object with a series"), data)
        series = get_series(_name(data["series"], f"{path}.series"), self.subject)
        return Step(series.name, self.where(data, series.subject, path, depth))

    def where(self, data: Mapping[str, Anything], subject: str, path: str, depth: int) -> Node:
        """A condition on the facts of a series: of version 1, so that it looks at nothing but them."""
        if "where" not in data:
            return All()
        inner = _VersionOne(subject)
        inner.seen = self.seen
        found = inner.node(data["where"], f"{path}.where", depth + 1)
        self.seen = inner.seen
        return found


def _window(data: Mapping[str, Anything], path: str) -> Window | None:
    if "window" not in data:
        return None
    said, place = data["window"], f"{path}.window"
    if not isinstance(said, Mapping):
        raise _bad(place, _("it must be an object"), said)
    keys = set(said)
    if {"last", "unit"} <= keys <= {"last", "unit", "with_today"}:
        units = [one.value for one in Unit]
        if said["unit"] not in units:
            raise BadValue(field="unit", value=said["unit"], expected=", ".join(units))
        unit = Unit(said["unit"])
        with_today = said.get("with_today", False)
        if not isinstance(with_today, bool) or (with_today and unit is Unit.HOURS):
            raise _bad(f"{place}.with_today", _("it is true or false, and not said of hours"), with_today)
        return Window(_whole("last", said["last"], LONGEST[unit]), unit, with_today)
    if keys and keys <= {"from", "to"}:
        start, end = (
            _day(said[name], f"{place}.{name}") if name in said else None for name in ("from", "to")
        )
        if start is not None and end is not None and end <= start:
            raise _bad(place, _("it ends before it begins"), said["to"])
        return Window(start=start, end=end)
    raise _bad(place, _("it must have last and unit, or from and to"), sorted(map(str, keys)))


def _whole(name: str, raw: Anything, most: int) -> int:
    if isinstance(raw, bool) or not isinstance(raw, int) or not 1 <= raw <= most:
        expected = gettext_lazy("a whole number from 1 to %(n)d")
        raise BadValue(field=name, value=raw, expected=_filled(expected, n=most))
    return raw


def _name(raw: Anything, path: str) -> str:
    if not isinstance(raw, str) or not 1 <= len(raw) <= 100:
        raise _bad(path, _("it must be a text"), raw)
    return raw


def _day(raw: Anything, path: str) -> date:
    try:
        return date.fromisoformat(raw)
    except (TypeError, ValueError):
        raise _bad(path, _("it must be a day such as 2026-11-21"), raw) from None


def _parse_version_one(data: Mapping[str, Anything], subject: str | None) -> Node:
    return _VersionOne(subject).node(data, "$", 1)


def _parse_version_two(data: Mapping[str, Anything], subject: str | None) -> Node:
    return _VersionTwo(subject).node(data, "$", 1)


_PARSERS: dict[int, Callable[[Mapping[str, Anything], str | None], Node]] = {
    1: _parse_version_one,
    2: _parse_version_two,
}


def _bad(path: str, problem: str, value: Anything) -> BadCondition:
    return BadCondition(field=path, value=value, path=path, problem=problem)


def _filled(words: str | Promise, **params: Anything) -> str:
    return str(words) % params
