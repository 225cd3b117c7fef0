"""The mapping of a file to facts: versioned JSON or YAML, checked, as frozen dataclasses.

v: 1
name: uci_online_retail            how a person and a command call it
title: {en: ..., zh: ...}
kind: orders                       orders (one row a line), events, settlements, returns, entries, keywords, industry
source: uci_online_retail          the row's identity is its place in this source's key
file: {separator: ",", quote: '"', encoding: utf-8, header: true, skip_lines: 0, sheet: ""}
time: {formats: ["%Y-%m-%d %H:%M:%S"], zone: Europe/London}    no zone: the shop's
currency: GBP                      none: the shop's
key: [session_id]                  not of orders: the key of an order line is its order_ref
columns:                           field: column, or {column: ..., values: {...}, otherwise: keep|blank|refuse|=text,
  order_ref: InvoiceNo             prefixes: {C: cancellation}, strip_suffix: ".0"}, or {constant: ...},
  ...                              or {template: "{session_id}-{line_no}"}; without a header a column is its number
cases: {column: event, when: {home: {type: page, page_path: /}}, otherwise: {type: track}}
required: [InvoiceNo]              columns that a file must have; none: all that are named
keep_unknown: true                 columns not named go to `properties`
amount_sign: as_written            or by_kind: cancellations and refunds count below zero however they are written
join: [{part: orders, match: {order_no: id}, file: {...}, optional: false,       its columns: `orders.<column>`
  alone: {title: summary}}]        an order that stands in this part alone is a whole order, of which its columns also
                                   say these of the main file; `alone: ignore`: such rows are left out. Where nothing is
                                   said: {} for a part joined on the order's number, `ignore` for another or optional one
header: [InvoiceNo, ...]           the whole header of a known format: files are recognised by it
aliases: {InvoiceNo: [Invoice]}    other names of a column
blank: ["-"]                       texts that mean an empty cell
ragged: true                       cells missing at a row's end are blank
carry: [Created at]                order-level columns that stand on an order's first row only
personal: [收货人姓名]              kept with rows that name a buyer; of others only what came encrypted
scientific: exact                  1e+05 as a number that lost nothing; else a reference so written is refused
grain: order                       one row is a whole order; rows of its lines, from the same source, replace it
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from django.utils.translation import get_language

from shuke.intake.files.kinds import FIELDS, GRAINS, KINDS, LISTS, ORDER_KINDS
from shuke.intake.files.layout import AUTO, Layout, is_separator
from shuke.intake.files.naming import missing, renamed
from shuke.intake.files.origins import FILE_NAME, PLACEHOLDER, SHARE, Origin, origin_at
from shuke.intake.files.saying import (
    MappingInvalid,
    MappingLacks,
    check_storable,
    flag_at,
    list_at,
    names_at,
    one_of,
    only,
    table_at,
    text_at,
    texts_at,
)

VERSION = 1
LONGEST_SOURCE = 100
IGNORE = "ignore"
__all__ = [
    "FIELDS",
    "KINDS",
    "ORDER_KINDS",
    "PLACEHOLDER",
    "MappingSpec",
    "Origin",
    "is_name",
    "parse",
    "parse_text",
]
_NAME = re.compile(r"^[a-z0-9][a-z0-9_-]{0,79}$")
_KEYS = [
    "v",
    "name",
    "title",
    "kind",
    "source",
    "file",
    "time",
    "currency",
    "key",
    "columns",
    "cases",
    "required",
    "keep_unknown",
    "amount_sign",
    "join",
    "note",
    "header",
    "aliases",
    "blank",
    "ragged",
    "carry",
    "personal",
    "grain",
    "scientific",
]
_MEANING = (
    "kind",
    "time",
    "currency",
    "columns",
    "cases",
    "amount_sign",
    "blank",
    "grain",
    "scientific",
    "personal",
    "carry",
)


@dataclass(frozen=True)
class Cases:
    """Fields that follow from the value of one column: value -> field -> text or template."""

    column: str
    when: Mapping[str, Mapping[str, str]]
    otherwise: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Join:
    """A second file (or sheet) whose row with the same key adds its columns. `match`: main column -> its column.

    `alone`: main column -> its column that says it of an order without lines; None: such rows are left out.
    """

    part: str
    match: Mapping[str, str]
    layout: Layout
    is_optional: bool = False
    alone: Mapping[str, str] | None = None


@dataclass(frozen=True)
class MappingSpec:
    name: str
    kind: str
    source: str
    layout: Layout
    columns: Mapping[str, Origin]
    title: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    formats: tuple[str, ...] = ()
    zone: str = ""
    currency: str = ""
    key: tuple[str, ...] = ()
    cases: Cases | None = None
    required: tuple[str, ...] = ()
    keep_unknown: bool = True
    amount_sign: str = "as_written"
    joins: tuple[Join, ...] = ()
    header: tuple[str, ...] = ()
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    blank: tuple[str, ...] = ()
    is_ragged: bool = False
    carry: tuple[str, ...] = ()
    personal: tuple[str, ...] = ()
    grain: str = "line"
    is_exact: bool = False
    raw: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def title_in(self, language: str | None = None) -> str:
        """The title in a language (default: the reader's), else the name."""
        short = (language or get_language() or "en")[:2]
        return self.title.get(short) or self.title.get("en") or self.name

    def named_columns(self) -> tuple[str, ...]:
        """Every column that the mapping reads, each once, in order; of the joined parts as `part.column`."""
        found: dict[str, None] = {}
        for name in self.key:
            found[name] = None
        for origin in self.columns.values():
            for name in origin.columns():
                found[name] = None
        if self.cases is not None:
            found[self.cases.column] = None
            for texts in (*self.cases.when.values(), self.cases.otherwise):
                for text in texts.values():
                    for name in PLACEHOLDER.findall(text):
                        if name != "line_no":
                            found[name] = None
        for join in self.joins:
            for name in join.match:
                found[name] = None
        return tuple(found)

    def required_columns(self) -> tuple[str, ...]:
        """Columns that a file must have."""
        return self.required or tuple(c for c in self.named_columns() if c != FILE_NAME)

    def required_of(self, part: str = "") -> tuple[str, ...]:
        """Columns that the main file (""), or a joined part, must have, under the names that they have there."""
        own = [c for c in self.required_columns() if self._part_of(c) == part]
        found = [c.removeprefix(f"{part}.") if part else c for c in own]
        for join in self.joins:
            found += list(join.match) if not part else list(join.match.values()) if join.part == part else []
        return tuple(dict.fromkeys(found))

    def _part_of(self, column: str) -> str:
        return next((j.part for j in self.joins if column.startswith(f"{j.part}.")), "")

    def renamed(
        self, columns: Sequence[str], part: str = "", pointed: Mapping[str, str] | None = None
    ) -> tuple[str, ...]:
        """A file's columns under the mapping's names; `pointed`: mapping's name -> the file's, as a person said."""
        prefix = f"{part}." if part else ""
        named = [c.removeprefix(prefix) for c in self.named_columns() if self._part_of(c) == part]
        alone = [c for j in self.joins if part and j.part == part for c in (j.alone or {}).values()]
        wanted = (
            *self.required_of(part),
            *named,
            *alone,
            *self.carry,
            *self.personal,
            *(self.header if not part else ()),
        )
        told = {k.removeprefix(prefix): v for k, v in (pointed or {}).items() if self._part_of(k) == part}
        return renamed(columns, wanted, self.aliases, told)

    def lacks(
        self, columns: Sequence[str], part: str = "", pointed: Mapping[str, str] | None = None
    ) -> tuple[str, ...]:
        """Required columns that a file does not have."""
        return missing(self.renamed(columns, part, pointed), self.required_of(part))

    def meaning(self) -> str:
        """What decides how a row is read, as one text: a row read in another way is another content."""
        told = {p: self.raw.get(p) for p in _MEANING if p in self.raw or p in _MEANING[:6]}
        return json.dumps(told, sort_keys=True, ensure_ascii=False)


def parse_text(text: str) -> MappingSpec:
    """A mapping from YAML or JSON text. Raises MappingInvalid or MappingLacks."""
    try:
        raw = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}" if mark else "-"
        raise MappingInvalid(field="mapping", value=place, allowed="YAML, JSON") from None
    return parse(raw)


def parse(raw: Any) -> MappingSpec:
    """A checked mapping from its JSON form. Raises MappingInvalid or MappingLacks naming the place."""
    data = table_at("mapping", raw)
    check_storable(raw)
    only("mapping", data, _KEYS)
    if data.get("v") != VERSION:
        raise MappingInvalid(field="v", value=data.get("v"), allowed=str(VERSION))
    name = text_at("name", data.get("name"))
    if not is_name(name):
        raise MappingInvalid(field="name", value=name, allowed="a-z 0-9 _ -")
    kind = one_of("kind", data.get("kind"), KINDS)
    spec = MappingSpec(
        name=name,
        kind=kind,
        source=_source(data.get("source") or name),
        layout=_layout("file", data.get("file") or {}),
        columns=_columns(kind, data.get("columns")),
        title={
            str(k): text_at(f"title.{k}", v) for k, v in table_at("title", data.get("title") or {}).items()
        },
        note=str(data.get("note") or ""),
        formats=_formats(data),
        zone=_zone(data),
        currency=_currency(data.get("currency")),
        key=tuple(names_at("key", data.get("key") or [])),
        cases=_cases(kind, data.get("cases")),
        required=tuple(names_at("required", data.get("required") or [])),
        keep_unknown=flag_at("keep_unknown", data.get("keep_unknown", True)),
        amount_sign=one_of("amount_sign", data.get("amount_sign", "as_written"), ("as_written", "by_kind")),
        header=tuple(names_at("header", data.get("header") or [])),
        aliases={
            name: tuple(names_at(f"aliases.{name}", known))
            for name, known in table_at("aliases", data.get("aliases") or {}).items()
        },
        blank=tuple(names_at("blank", data.get("blank") or [])),
        is_ragged=flag_at("ragged", data.get("ragged", False)),
        carry=tuple(names_at("carry", data.get("carry") or [])),
        personal=tuple(names_at("personal", data.get("personal") or [])),
        is_exact=one_of("scientific", data.get("scientific", "refuse"), ("refuse", "exact")) == "exact",
        grain=one_of("grain", data.get("grain", "line"), GRAINS),
        joins=tuple(_join(i, j, data) for i, j in enumerate(list_at("join", data.get("join") or []))),
        raw=data,
    )
    _check_whole(spec)
    return spec


def is_name(text: str) -> bool:
    """Whether a text can name a mapping or a part."""
    return bool(_NAME.fullmatch(text))


def _source(raw: Any) -> str:
    source = text_at("source", raw)
    if len(source) > LONGEST_SOURCE:
        raise MappingInvalid(field="source", value=source, allowed=f"1 … {LONGEST_SOURCE}")
    return source


def _check_whole(spec: MappingSpec) -> None:
    """What no single place can be wrong about."""
    given = set(spec.columns)
    if spec.cases is not None:
        given |= set(spec.cases.otherwise) | {f for texts in spec.cases.when.values() for f in texts}
    needed = {"orders": ("order_ref", "at"), "events": ("at", "type")}
    for name in needed.get(spec.kind) or LISTS[spec.kind].needed:
        if name not in given:
            raise MappingLacks(field=f"columns.{name}")
    if spec.kind == "orders":
        if not given & {"amount", "order_amount"} and not {"quantity", "unit_price"} <= given:
            raise MappingLacks(field="columns.amount")
        if spec.key:
            raise MappingInvalid(field="key", value=", ".join(spec.key), allowed="order_ref")
        if spec.columns["order_ref"].template:
            raise MappingInvalid(field="columns.order_ref", value="template", allowed="column")
    else:
        if spec.kind == "events" and not given & {"anonymous_ref", "person_ref"}:
            raise MappingLacks(field="columns.anonymous_ref")
        if not spec.key:
            raise MappingLacks(field="key")
    if spec.layout.has_header is False:
        for name in spec.named_columns():
            if not name.isdigit() and "." not in name and name not in (FILE_NAME, SHARE):
                raise MappingInvalid(field="columns", value=name, allowed="1, 2, 3, …")


def _columns(kind: str, raw: Any) -> dict[str, Origin]:
    table = table_at("columns", raw)
    only("columns", table, FIELDS[kind])
    return {name: origin_at(kind, f"columns.{name}", name, value) for name, value in table.items()}


def _cases(kind: str, raw: Any) -> Cases | None:
    if not raw:
        return None
    table = table_at("cases", raw)
    only("cases", table, ("column", "when", "otherwise"))
    when = {
        str(v): texts_at(f"cases.when.{v}", f) for v, f in table_at("cases.when", table.get("when")).items()
    }
    otherwise = texts_at("cases.otherwise", table.get("otherwise"))
    for value, texts in (*when.items(), ("otherwise", otherwise)):
        only(f"cases.{value}", texts, [f for f in FIELDS[kind] if f != "at"])
    return Cases(text_at("cases.column", table.get("column")), when, otherwise)


def _join(number: int, raw: Any, data: Mapping[str, Any]) -> Join:
    place = f"join.{number}"
    table = table_at(place, raw)
    only(place, table, ("part", "match", "file", "optional", "alone"))
    match = texts_at(f"{place}.match", table.get("match"))
    if not match:
        raise MappingLacks(field=f"{place}.match")
    part = text_at(f"{place}.part", table.get("part"))
    if not is_name(part):
        raise MappingInvalid(field=f"{place}.part", value=part, allowed="a-z 0-9 _ -")
    is_optional = flag_at(f"{place}.optional", table.get("optional", False))
    alone = _alone(f"{place}.alone", table, data, match, is_optional)
    return Join(part, match, _layout(f"{place}.file", table.get("file") or {}), is_optional, alone)


def _alone(
    place: str, table: Mapping[str, Any], data: Mapping[str, Any], match: Mapping[str, str], is_optional: bool
) -> Mapping[str, str] | None:
    """What a part says of an order that has no line; None where its rows are no orders, or are to be left out."""
    told = (data.get("columns") or {}).get("order_ref")
    key = told.get("column") if isinstance(told, Mapping) else told
    is_of_orders = (
        data.get("kind") == "orders" and data.get("grain", "line") == "line" and list(match) == [key]
    )
    if "alone" not in table:
        return {} if is_of_orders and not is_optional else None
    if table["alone"] == IGNORE:
        return None
    if not is_of_orders:
        raise MappingInvalid(field=place, value=table["alone"], allowed=IGNORE)
    return texts_at(place, table["alone"])


def _layout(place: str, raw: Any) -> Layout:
    table = table_at(place, raw)
    only(place, table, ("separator", "quote", "encoding", "header", "skip_lines", "sheet"))
    separator = {"tab": "\t", "\\t": "\t"}.get(
        str(table.get("separator", AUTO)), str(table.get("separator", AUTO))
    )
    if separator != AUTO and not is_separator(separator):
        raise MappingInvalid(field=f"{place}.separator", value=separator, allowed=", ; | tab auto")
    quote = str(table.get("quote", '"'))
    if len(quote) > 1 or quote in ("\n", "\r", "\0") or (quote and quote == separator):
        raise MappingInvalid(field=f"{place}.quote", value=quote, allowed="\" '")
    header = table.get("header", True)
    if header != AUTO and not isinstance(header, bool):
        raise MappingInvalid(field=f"{place}.header", value=header, allowed="true, false, auto")
    skip = table.get("skip_lines", 0)
    if not isinstance(skip, int) or isinstance(skip, bool) or not 0 <= skip <= 1000:
        raise MappingInvalid(field=f"{place}.skip_lines", value=skip, allowed="0 … 1000")
    return Layout(
        separator=separator,
        quote=quote,
        encoding=str(table.get("encoding", AUTO)),
        has_header=None if header == AUTO else header,
        skip_lines=skip,
        sheet=str(table.get("sheet", "")),
    )


def _formats(data: Mapping[str, Any]) -> tuple[str, ...]:
    table = table_at("time", data.get("time") or {})
    only("time", table, ("formats", "zone"))
    return tuple(names_at("time.formats", table.get("formats") or []))


def _zone(data: Mapping[str, Any]) -> str:
    zone = str((data.get("time") or {}).get("zone") or "")
    try:
        if zone:
            ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise MappingInvalid(
            field="time.zone", value=zone, allowed="Asia/Shanghai, Europe/London, …"
        ) from None
    return zone


def _currency(raw: Any) -> str:
    text = str(raw or "")
    if text and not re.fullmatch(r"[A-Z]{3}", text):
        raise MappingInvalid(field="currency", value=text, allowed="CNY, GBP, USD, …")
    return text
