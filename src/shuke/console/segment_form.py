"""The editor of a segment: a condition as rows that a person fills in, and back; what was typed is kept when it is refused.

A draft is a tree of rows and groups. In the form each has a path ("0.2": the third part of the first group) and inputs named
by it: `t.PATH` its type (group, row, then, kept), then what it is made of. A part that the editor has no inputs for is kept as
it is, as its JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import pgettext, pgettext_lazy

from shuke.audience.segments.fields import CUSTOMER
from shuke.audience.segments.reads import SegmentView
from shuke.conditions.reads import (
    All,
    Compare,
    Field,
    Kind,
    Measure,
    Member,
    Node,
    None_,
    Op,
    Series,
    Tally,
    Then,
    Window,
    dump,
    fields_of,
    get_field,
    get_series,
    measured_field,
    op_words,
    parse,
    series_of,
)
from shuke.conditions.reads import Any as AnyOf
from shuke.kernel.errors import ShukeError
from shuke.kernel.money import exponent

MODES: dict[str, str | Promise] = {
    "all": pgettext_lazy("segment editor", "all of these"),
    "any": pgettext_lazy("segment editor", "any of these"),
    "none": pgettext_lazy("segment editor", "none of these"),
}
UNITS: dict[str, str | Promise] = {
    "": pgettext_lazy("segment editor", "at any time"),
    "days": pgettext_lazy("segment editor", "days before today"),
    "days+": pgettext_lazy("segment editor", "days, today included"),
    "months": pgettext_lazy("segment editor", "months before today"),
    "months+": pgettext_lazy("segment editor", "months, today included"),
    "hours": pgettext_lazy("segment editor", "hours until now"),
    "between": pgettext_lazy("segment editor", "between two days"),
}
# As many parts as a condition may have (conditions/stored.py), so that none is lost.
MOST_ROWS, DEEPEST, _LONGEST_LIST = 200, 4, 480
_LISTS = (Op.IN, Op.NOT_IN, Op.UNDER)
_DAYS = (Op.IN_LAST_DAYS, Op.IN_NEXT_DAYS)
_NOTHING = (Op.IS_KNOWN, Op.IS_UNKNOWN)
OF_A_FIELD = ("sum", "distinct")
NAMES = ("what", "op", "value", "n", "unit", "from", "to", "wf", "wo", "wv", "s1", "s2", "within", "json")
Option = tuple[str, str, bool]


@dataclass
class Draft:
    """One part as typed. `type`: group (its `mode` and `parts`), row, then, kept; `told` has the inputs by name."""

    type: str
    mode: str = "all"
    parts: list[Draft] = field(default_factory=list)
    told: dict[str, str] = field(default_factory=dict)
    problem: str = ""
    path: str = ""
    shop_currency: str = ""
    segments: Mapping[str, str] = field(default_factory=dict)

    def get(self, name: str) -> str:
        return self.told.get(name, "")

    # --- what its inputs offer

    @property
    def modes(self) -> list[Option]:
        return [(key, str(title), key == self.mode) for key, title in MODES.items()]

    @property
    def whats(self) -> list[tuple[str, list[Option]]]:
        """What a row may ask, by group: the customer's own fields, each series, the segments."""
        own = [(f"field:{one.name}", str(one.label)) for one in fields_of(CUSTOMER).values()]
        found = [(pgettext("segment editor", "The customer"), own)]
        for series in series_of(CUSTOMER).values():
            found.append((str(series.label), [(key, str(asked.label)) for key, asked in _measures(series)]))
        members = [(f"member:{key}", name) for key, name in self.segments.items()]
        found.append((pgettext("segment editor", "Segments"), members))
        return [
            (title, [(key, name, key == self.get("what")) for key, name in rows]) for title, rows in found
        ]

    @property
    def asked(self) -> Field | None:
        """What the row's comparison is of; None: a membership, or nothing chosen yet."""
        kind, _colon, rest = self.get("what").partition(":")
        try:
            if kind == "field":
                return get_field(rest, CUSTOMER)
            if kind == "tally":
                series, measure, of = [*rest.split(":"), ""][:3]
                if (measure in OF_A_FIELD) != bool(of):
                    return None
                return measured_field(get_series(series, CUSTOMER), Measure(measure), of or None)
        except (ShukeError, ValueError):
            pass
        return None

    @property
    def series(self) -> Series | None:
        kind, _colon, rest = self.get("what").partition(":")
        return series_of(CUSTOMER).get(rest.split(":")[0]) if kind == "tally" else None

    @property
    def is_member(self) -> bool:
        return self.get("what").startswith("member:")

    @property
    def ops(self) -> list[Option]:
        if self.is_member:
            names = {
                "in": pgettext("segment editor", "is in it"),
                "out": pgettext("segment editor", "is not in it"),
            }
            return [(key, title, key == self.get("op")) for key, title in names.items()]
        return _op_options(self.asked, self.get("op"))

    @property
    def choices(self) -> list[Option]:
        return _choices(self.asked, self.get("value"))

    @property
    def hint(self) -> str:
        return _hint(self.asked, self.get("op"), self.shop_currency)

    @property
    def takes_value(self) -> bool:
        return not self.is_member and self.get("op") not in _NOTHING

    @property
    def units(self) -> list[Option]:
        return [(key, str(title), key == self.get("unit")) for key, title in UNITS.items()]

    @property
    def has_number(self) -> bool:
        return self.get("unit") not in ("", "between")

    @property
    def has_days(self) -> bool:
        return self.get("unit") == "between"

    @property
    def where_field(self) -> Field | None:
        series = self.series
        return fields_of(series.subject).get(self.get("wf")) if series else None

    @property
    def where_fields(self) -> list[Option]:
        series = self.series
        known = fields_of(series.subject).values() if series else ()
        return [(one.name, str(one.label), one.name == self.get("wf")) for one in known]

    @property
    def where_ops(self) -> list[Option]:
        return _op_options(self.where_field, self.get("wo"))

    @property
    def where_choices(self) -> list[Option]:
        return _choices(self.where_field, self.get("wv"))

    @property
    def where_takes_value(self) -> bool:
        return self.get("wo") not in _NOTHING

    @property
    def where_hint(self) -> str:
        return _hint(self.where_field, self.get("wo"), self.shop_currency)

    @property
    def firsts(self) -> list[Option]:
        return [
            (one.name, str(one.label), one.name == self.get("s1")) for one in series_of(CUSTOMER).values()
        ]

    @property
    def seconds(self) -> list[Option]:
        return [
            (one.name, str(one.label), one.name == self.get("s2")) for one in series_of(CUSTOMER).values()
        ]

    @property
    def may_nest(self) -> bool:
        return self.path.count(".") + 1 < DEEPEST

    # --- as JSON

    def form(self) -> dict[str, Any]:
        """The condition's JSON of this part, as it was typed."""
        if self.type == "group":
            # Empty: everybody; `any` and `none` of nothing are refused, which is told at the group.
            return {self.mode: [part.form() for part in self.parts]}
        if self.type == "kept":
            try:
                found = json.loads(self.get("json"))
            except (ValueError, RecursionError):
                found = None
            # What is no condition is refused as one, with its place.
            return found if isinstance(found, dict) else {"?": ""}
        if self.type == "then":
            told = {"then": [{"series": self.get("s1")}, {"series": self.get("s2")}]}
            within = {"within_hours": _whole(self.get("within"))} if self.get("within") else {}
            return told | within | self._window()
        if self.is_member:
            member = {"member_of": self.get("what").partition(":")[2]}
            return {"none": [member]} if self.get("op") == "out" else member
        asked = self._asked(self.asked, "op", "value")
        kind, _colon, rest = self.get("what").partition(":")
        if kind != "tally":
            return {"field": rest} | asked
        series, measure, of = [*rest.split(":"), ""][:3]
        tally = {"tally": series, "measure": measure} | ({"of": of} if of else {})
        where = {}
        if self.get("wf"):
            where = {"where": {"field": self.get("wf")} | self._asked(self.where_field, "wo", "wv")}
        return tally | where | self._window() | asked

    def _asked(self, asked: Field | None, op: str, value: str) -> dict[str, Any]:
        chosen = self.get(op)
        if chosen in _NOTHING:
            return {"op": chosen}
        typed = self.get(value).strip()
        if chosen in _DAYS:
            return {"op": chosen, "value": _whole(typed)}
        if chosen in _LISTS:
            parts = [part.strip() for part in typed.replace("，", ",").split(",") if part.strip()]
            return {"op": chosen, "value": [self._typed(asked, part) for part in parts]}
        return {"op": chosen, "value": self._typed(asked, typed)}

    def _typed(self, asked: Field | None, text: str) -> Any:
        if asked is None:
            return text
        if asked.kind is Kind.FLAG:
            return text == "yes"
        if asked.kind in (Kind.NUMBER, Kind.MONEY):
            plain = _ungrouped(text)
            if asked.kind is Kind.NUMBER:
                return plain
            try:
                major = Decimal(plain)
            except InvalidOperation:
                return text
            if not major.is_finite() or not -12 <= major.adjusted() <= 15:
                return 0 if major == 0 else text
            minor = major.scaleb(exponent(self.shop_currency))
            return int(minor) if minor == minor.to_integral_value() else text
        return text

    def _window(self) -> dict[str, Any]:
        unit = self.get("unit")
        if not unit:
            return {}
        if unit == "between":
            return {"window": {name: self.get(name) for name in ("from", "to") if self.get(name)}}
        today = {"with_today": True} if unit.endswith("+") else {}
        return {"window": {"last": _whole(self.get("n")), "unit": unit.rstrip("+"), **today}}


def _measures(series: Series) -> Iterator[tuple[str, Field]]:
    for measure in Measure:
        for of in _fields_for(series, measure):
            key = f"tally:{series.name}:{measure.value}" + (f":{of}" if of else "")
            yield key, measured_field(series, measure, of)


def _fields_for(series: Series, measure: Measure) -> list[str | None]:
    if measure is Measure.SUM:
        return [one.name for one in fields_of(series.subject).values() if one.adds_up]
    if measure is Measure.DISTINCT:
        return [one.name for one in fields_of(series.subject).values() if one.kind is Kind.TEXT]
    return [None]


def _op_options(asked: Field | None, chosen: str) -> list[Option]:
    return [(op.value, op_words(asked, op), op.value == chosen) for op in asked.ops] if asked else []


def _choices(asked: Field | None, chosen: str) -> list[Option]:
    """What may be chosen as a value, instead of being typed."""
    if asked is not None and asked.kind is Kind.FLAG:
        return [
            (key, title, key == chosen)
            for key, title in (("yes", pgettext("condition", "yes")), ("no", pgettext("condition", "no")))
        ]
    words = asked.choice_words() if asked is not None else {}
    return [(key, str(title), key == chosen) for key, title in words.items()]


def _hint(asked: Field | None, op: str, currency: str) -> str:
    if asked is None:
        return ""
    if op in _DAYS:
        return pgettext("segment editor", "days")
    if op in _LISTS:
        return pgettext("segment editor", "several, with commas")
    return {Kind.MONEY: currency, Kind.DAY: "2026-11-21", Kind.NUMBER: str(asked.unit)}.get(asked.kind, "")


def _ungrouped(text: str) -> str:
    """A number without the commas that group its thousands; another comma is no part of a number, and is refused with it."""
    plain = text.strip().replace("，", ",")
    return plain.replace(",", "") if re.fullmatch(r"-?\d{1,3}(,\d{3})+(\.\d+)?", plain) else plain


def _whole(text: str) -> Any:
    plain = _ungrouped(text)
    return int(plain) if plain.isascii() and plain.isdigit() and len(plain) < 10 else text


# --- to and from the form


@dataclass
class SegmentForm:
    """What stands in the editor. `version`: the one that was loaded, so that nobody's change is lost."""

    name: str
    root: Draft
    version: int = 0

    @classmethod
    def empty(cls, currency: str, segments: Mapping[str, str]) -> SegmentForm:
        row = Draft(
            "row", told={"what": "tally:orders:count", "op": "ge", "value": "1", "unit": "days", "n": "90"}
        )
        return cls("", Draft("group", "all", [row]))._placed(currency, segments)

    @classmethod
    def of_segment(
        cls, one: SegmentView, language: str, currency: str, segments: Mapping[str, str]
    ) -> SegmentForm:
        """A saved segment to change, or a shipped one as the beginning of one's own."""
        root = _draft(one.condition, currency)
        if root.type != "group":
            root = Draft("group", "all", [root])
        # Read back it must be what it was.
        name, version = (one.kept.name, one.kept.version) if one.kept else ("", 0)
        return cls(name, root, version)._placed(currency, segments)

    @classmethod
    def of_post(cls, given: QueryDict, currency: str, segments: Mapping[str, str]) -> SegmentForm:
        text = given.get("version", "")
        version = int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0
        root = _read(given, "0", [0]) if given.get("t.0") == "group" else Draft("group")
        return cls(given.get("name", "")[:200], root, version)._placed(currency, segments)

    def _placed(self, currency: str, segments: Mapping[str, str]) -> SegmentForm:
        def place(draft: Draft, path: str) -> None:
            draft.path, draft.shop_currency, draft.segments = path, currency, segments
            # What no longer suits what is asked gives way to what does.
            if draft.type == "row" and draft.get("op") not in [key for key, _title, _is in draft.ops]:
                draft.told["op"] = next((key for key, _title, _is in draft.ops), "")
            if draft.type == "row" and draft.get("wf") and draft.where_field is None:
                draft.told["wf"] = ""
            if draft.type == "row" and draft.get("wo") not in [key for key, _title, _is in draft.where_ops]:
                draft.told["wo"] = next((key for key, _title, _is in draft.where_ops), "")
            for number, part in enumerate(draft.parts):
                place(part, f"{path}.{number}")

        place(self.root, "0")
        return self

    def changed(self, deed: str, currency: str, segments: Mapping[str, str]) -> SegmentForm:
        """After a button: `add:PATH` a row to a group, `then:PATH` a sequence, `group:PATH` a group, `remove:PATH`."""
        what, _colon, path = deed.partition(":")
        if what == "remove":
            parent = self._at(path.rpartition(".")[0])
            self_part = self._at(path)
            if parent is not None and self_part is not None:
                parent.parts.remove(self_part)
        group = self._at(path)
        if group is not None and group.type == "group" and len(list(self._all(self.root))) < MOST_ROWS:
            if what == "add":
                group.parts.append(
                    Draft("row", told={"what": "tally:orders:count", "op": "ge", "value": "1"})
                )
            elif what == "then":
                group.parts.append(Draft("then", told={"s1": "visits", "s2": "orders", "within": "24"}))
            elif what == "group" and group.may_nest:
                row = Draft("row", told={"what": "tally:orders:count", "op": "ge", "value": "1"})
                group.parts.append(Draft("group", "any", [row]))
        return self._placed(currency, segments)

    def _at(self, path: str) -> Draft | None:
        return next((one for one in self._all(self.root) if one.path == path and path), None)

    def _all(self, draft: Draft) -> Iterator[Draft]:
        yield draft
        for part in draft.parts:
            yield from self._all(part)

    def condition(self) -> dict[str, Any]:
        """The whole condition's JSON. Marks the parts that can not be read; raises what the first of them says."""
        first: ShukeError | None = None
        for draft in self._all(self.root):
            draft.problem = ""
            if draft.type == "group" and draft.parts:
                continue
            if draft.type == "group" and draft.mode == "all":
                continue
            try:
                parse({"v": 2, **draft.form()}, CUSTOMER)
            except ShukeError as error:
                draft.problem = str(error)
                first = first or error
        if first is not None:
            raise first
        return {"v": 2, **self.root.form()}


def _read(given: QueryDict, path: str, seen: list[int]) -> Draft:
    kind = given.get(f"t.{path}", "row")
    told = {name: given.get(f"{name}.{path}", "") for name in NAMES}
    told = {name: text if name == "json" else text[:4000] for name, text in told.items()}
    draft = Draft(kind if kind in ("group", "row", "then", "kept") else "row", told=told)
    if draft.type != "group":
        return draft
    mode = given.get(f"mode.{path}", "all")
    draft.mode = mode if mode in MODES else "all"
    if path.count(".") < DEEPEST:
        number = 0
        while given.get(f"t.{path}.{number}") and seen[0] < MOST_ROWS:
            seen[0] += 1
            draft.parts.append(_read(given, f"{path}.{number}", seen))
            number += 1
    return draft


def _draft(node: Node, currency: str, depth: int = 1) -> Draft:
    """A condition as the editor shows it; what it has no inputs for is kept."""
    is_group = isinstance(node, (All, AnyOf, None_))
    if is_group and depth > DEEPEST:
        return _kept(node)
    for mode, kind in (("all", All), ("any", AnyOf), ("none", None_)):
        if isinstance(node, kind):
            if mode == "none" and len(node.parts) == 1 and isinstance(node.parts[0], Member):
                return Draft("row", told={"what": f"member:{node.parts[0].group}", "op": "out"})
            return Draft("group", mode, [_draft(part, currency, depth + 1) for part in node.parts])
    if isinstance(node, Member):
        return Draft("row", told={"what": f"member:{node.group}", "op": "in"})
    if any(
        isinstance(one, (Compare, Tally)) and _is_no_list_to_type(one)
        for one in (node, getattr(node, "where", None))
    ):
        return _kept(node)  # typed as a list, its texts would fall apart
    if isinstance(node, Compare):
        told = {"what": f"field:{node.field}"} | _told(get_field(node.field), node.op, node.value, currency)
        return Draft("row", told=told)
    if isinstance(node, Then) and node.first.where == All() == node.then.where:
        within = "" if node.within is None else str(node.within)
        told = {"s1": node.first.series, "s2": node.then.series, "within": within}
        return Draft("then", told=told | _window_told(node.window))
    if (
        isinstance(node, Tally)
        and isinstance(node.where, (All, Compare))
        and not getattr(node.where, "parts", ())
    ):
        series = get_series(node.series)
        asked = measured_field(series, node.measure, node.field)
        what = f"tally:{node.series}:{node.measure.value}" + (f":{node.field}" if node.field else "")
        if what not in [key for key, _asked in _measures(series)]:
            return _kept(node)
        told = {"what": what} | _told(asked, node.op, node.value, currency) | _window_told(node.window)
        if isinstance(node.where, Compare):
            of = get_field(node.where.field, series.subject)
            where = _told(of, node.where.op, node.where.value, currency)
            told |= {"wf": of.name, "wo": where["op"], "wv": where["value"]}
        return Draft("row", told=told)
    return _kept(node)


def _kept(node: Node) -> Draft:
    form = {name: value for name, value in dump(node).items() if name != "v"}
    return Draft("kept", told={"json": json.dumps(form, ensure_ascii=False)})


def _is_no_list_to_type(node: Compare | Tally) -> bool:
    values = node.value if isinstance(node.value, tuple) else ()
    is_long = sum(len(str(one)) + 2 for one in values) > _LONGEST_LIST
    return is_long or any(isinstance(one, str) and ("," in one or "，" in one) for one in values)


def _told(asked: Field, op: Op, value: Any, currency: str) -> dict[str, str]:
    values: Sequence[Any] = value if isinstance(value, tuple) else (value,)
    return {
        "op": op.value,
        "value": ", ".join(_text(asked, one, currency) for one in values if one is not None),
    }


def _text(asked: Field, value: Any, currency: str) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if asked.kind is Kind.MONEY:
        return f"{Decimal(value).scaleb(-exponent(currency)):f}"
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _window_told(window: Window | None) -> dict[str, str]:
    if window is None:
        return {"unit": ""}
    if window.last is None:
        days = {"from": window.start, "to": window.end}
        return {"unit": "between"} | {name: day.isoformat() for name, day in days.items() if day}
    return {"unit": window.unit.value + ("+" if window.with_today else ""), "n": str(window.last)}
