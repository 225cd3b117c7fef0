"""The stored form of a condition: versioned JSON with one validator per version.

Version 1: `{"v": 1, "all": [node, …]}`; a node is `{"all": […]}`, `{"any": […]}`, `{"none": […]}` or
`{"field": …, "op": …, "value": …}` (`value` left out for `is_known` and `is_unknown`, a list for `in`, `not_in` and `under`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any as Anything

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .errors import BadCondition, BadValue, UnknownOperator
from .fields import get_field
from .nodes import TAKES_MANY, TAKES_NOTHING, All, Any, Compare, Node, None_, Op, Value
from .values import read_value, write_value

VERSION = 1
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
    if isinstance(version, bool) or not isinstance(version, int) or version not in _PARSERS:
        known = ", ".join(map(str, _PARSERS))
        raise _bad("$.v", _("known versions are: %(known)s") % {"known": known}, version)
    return _PARSERS[version]({key: value for key, value in data.items() if key != "v"}, subject)


def dump(node: Node) -> dict[str, Anything]:
    """The JSON form of a condition, in the newest version; `parse(dump(node)) == node`."""
    return {"v": VERSION, **_dump_node(node)}


def _dump_node(node: Node) -> dict[str, Anything]:
    if not isinstance(node, Compare):
        return {_GROUP_NAMES[type(node)]: [_dump_node(part) for part in node.parts]}
    form: dict[str, Anything] = {"field": node.field, "op": node.op.value}
    if node.op in TAKES_NOTHING:
        return form
    if isinstance(node.value, tuple):
        return {**form, "value": [write_value(value) for value in node.value]}
    assert node.value is not None
    return {**form, "value": write_value(node.value)}


class _VersionOne:
    """Reads nodes of version 1 and counts them, so that a hostile condition ends early."""

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
        known = [op.value for op in field.ops]
        if not isinstance(data["op"], str) or data["op"] not in known:
            raise UnknownOperator(field=field.name, value=data["op"], known=", ".join(known))
        op = Op(data["op"])
        if op in TAKES_NOTHING:
            if "value" in data:
                raise _bad(f"{path}.value", _("this operator takes no value"), data["value"])
            return Compare(field.name, op)
        if "value" not in data:
            raise _bad(f"{path}.value", _("a value is missing"), "")
        raw = data["value"]
        value: Value
        if op in TAKES_MANY:
            if not isinstance(raw, (list, tuple)) or not 1 <= len(raw) <= MAX_LISTED:
                expected = gettext_lazy("a list of 1 to %(n)d values")
                raise BadValue(field=field.name, value=raw, expected=_filled(expected, n=MAX_LISTED))
            value = tuple(read_value(field, one) for one in raw)
        else:
            value = read_value(field, raw)
        return Compare(field.name, op, value)


def _parse_version_one(data: Mapping[str, Anything], subject: str | None) -> Node:
    return _VersionOne(subject).node(data, "$", 1)


_PARSERS: dict[int, Callable[[Mapping[str, Anything], str | None], Node]] = {1: _parse_version_one}


def _bad(path: str, problem: str, value: Anything) -> BadCondition:
    return BadCondition(field=path, value=value, path=path, problem=problem)


def _filled(words: str | Promise, **params: Anything) -> str:
    return str(words) % params
