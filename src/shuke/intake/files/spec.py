"""The mapping of a file to facts: versioned JSON or YAML, checked, as frozen dataclasses.

v: 1
name: uci_online_retail            how a person and a command call it
title: {en: ..., zh: ...}
kind: orders                       orders (one row a line) or events (one row an event)
source: uci_online_retail          the row's identity is its place in this source's key
file: {separator: ",", quote: '"', encoding: utf-8, header: true, skip_lines: 0, sheet: ""}
time: {formats: ["%Y-%m-%d %H:%M:%S"], zone: Europe/London}    no zone: the shop's
currency: GBP                      none: the shop's
key: [session_id]                  events only; the key of an order line is its order_ref
columns:                           field: column, or {column: ..., values: {...}, otherwise: keep|blank|refuse|=text,
  order_ref: InvoiceNo             prefixes: {C: cancellation}, strip_suffix: ".0"}, or {constant: ...},
  ...                              or {template: "{session_id}-{line_no}"}; without a header a column is its number
cases: {column: event, when: {home: {type: page, page_path: /}}, otherwise: {type: track}}
required: [InvoiceNo]              columns that a file must have; none: all that are named
keep_unknown: true                 columns not named go to `properties`
amount_sign: as_written            or by_kind: cancellations and refunds count below zero however they are written
join: [{part: orders, match: {order_no: id}, file: {...}}]        its columns are then named `orders.<column>`
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from django.utils.translation import get_language

from shuke.intake.files.layout import AUTO, Layout, is_separator
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
KINDS = ("orders", "events")
ORDER_KINDS = ("sale", "cancellation", "adjustment", "refund")
ORDER_FIELDS = [
    "order_ref",
    "at",
    "kind",
    "buyer_ref",
    "product_ref",
    "title",
    "quantity",
    "unit_price",
    "amount",
    "currency",
    "region",
]
EVENT_FIELDS = [
    "at",
    "type",
    "name",
    "anonymous_ref",
    "person_ref",
    "session_ref",
    "page_path",
    "page_type",
    "referrer",
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "utm_content",
    "utm_term",
    "click_id",
    "channel_given",
    "terminal",
    "order_ref",
    "product_ref",
    "quantity",
    "amount",
    "currency",
]
FIELDS = {"orders": tuple(ORDER_FIELDS), "events": tuple(EVENT_FIELDS)}
OTHERWISE = ("keep", "blank", "refuse")
_NAME = re.compile(r"^[a-z0-9][a-z0-9_-]{0,79}$")
PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
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
]


@dataclass(frozen=True)
class Origin:
    """Where a field's text comes from, and what is done to it. Exactly one of column, constant, template is set."""

    column: str = ""
    constant: str = ""
    template: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    prefixes: Mapping[str, str] = field(default_factory=dict)
    otherwise: str = "keep"
    strip_prefix: str = ""
    strip_suffix: str = ""

    def placeholders(self) -> tuple[str, ...]:
        """Columns that the template reads; line_no is the row's place, not a column."""
        return tuple(p for p in PLACEHOLDER.findall(self.template) if p != "line_no")


@dataclass(frozen=True)
class Cases:
    """Fields that follow from the value of one column: value -> field -> text or template."""

    column: str
    when: Mapping[str, Mapping[str, str]]
    otherwise: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Join:
    """A second file (or sheet) whose row with the same key adds its columns. `match`: main column -> its column."""

    part: str
    match: Mapping[str, str]
    layout: Layout


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
            for name in (origin.column,) if origin.column else origin.placeholders():
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
        return self.required or self.named_columns()

    def meaning(self) -> str:
        """What decides how a row is read, as one text: a row read in another way is another content."""
        parts = ("kind", "time", "currency", "columns", "cases", "amount_sign")
        return json.dumps({p: self.raw.get(p) for p in parts}, sort_keys=True, ensure_ascii=False)


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
        joins=tuple(_join(i, j) for i, j in enumerate(list_at("join", data.get("join") or []))),
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
    needed = ("order_ref", "at") if spec.kind == "orders" else ("at", "type")
    for name in needed:
        if name not in given:
            raise MappingLacks(field=f"columns.{name}")
    if spec.kind == "orders":
        if "amount" not in given and not {"quantity", "unit_price"} <= given:
            raise MappingLacks(field="columns.amount")
        if spec.key:
            raise MappingInvalid(field="key", value=", ".join(spec.key), allowed="order_ref")
        if spec.columns["order_ref"].template:
            raise MappingInvalid(field="columns.order_ref", value="template", allowed="column")
    else:
        if not given & {"anonymous_ref", "person_ref"}:
            raise MappingLacks(field="columns.anonymous_ref")
        if not spec.key:
            raise MappingLacks(field="key")
    if spec.layout.has_header is False:
        for name in spec.named_columns():
            if not name.isdigit() and "." not in name:
                raise MappingInvalid(field="columns", value=name, allowed="1, 2, 3, …")


def _columns(kind: str, raw: Any) -> dict[str, Origin]:
    table = table_at("columns", raw)
    only("columns", table, FIELDS[kind])
    return {name: _origin(f"columns.{name}", name, value) for name, value in table.items()}


def _origin(place: str, name: str, raw: Any) -> Origin:
    if isinstance(raw, str | int) and not isinstance(raw, bool):
        return Origin(column=text_at(place, raw))
    table = table_at(place, raw)
    only(place, table, Origin.__dataclass_fields__)
    named = [k for k in ("column", "constant", "template") if table.get(k) not in (None, "")]
    if len(named) != 1:
        raise MappingInvalid(
            field=place, value=", ".join(named) or "-", allowed="column | constant | template"
        )
    otherwise = text_at(f"{place}.otherwise", table.get("otherwise", "keep"))
    values = texts_at(f"{place}.values", table.get("values"))
    prefixes = texts_at(f"{place}.prefixes", table.get("prefixes"))
    if name == "kind":
        # A kind has no "keep": what a file writes in its own words must be said.
        for text in (*values.values(), *prefixes.values(), *([otherwise] if "otherwise" in table else [])):
            one_of(place, text.removeprefix("="), (*ORDER_KINDS, "refuse"))
        if otherwise in ORDER_KINDS:
            otherwise = f"={otherwise}"
    if otherwise not in OTHERWISE and not otherwise.startswith("="):
        raise MappingInvalid(
            field=f"{place}.otherwise", value=otherwise, allowed="keep, blank, refuse, =text"
        )
    return Origin(
        column=str(table.get("column") or ""),
        constant=str(table.get("constant") or ""),
        template=str(table.get("template") or ""),
        values=values,
        prefixes=prefixes,
        otherwise=otherwise,
        strip_prefix=str(table.get("strip_prefix") or ""),
        strip_suffix=str(table.get("strip_suffix") or ""),
    )


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


def _join(number: int, raw: Any) -> Join:
    place = f"join.{number}"
    table = table_at(place, raw)
    only(place, table, ("part", "match", "file"))
    match = texts_at(f"{place}.match", table.get("match"))
    if not match:
        raise MappingLacks(field=f"{place}.match")
    part = text_at(f"{place}.part", table.get("part"))
    if not is_name(part):
        raise MappingInvalid(field=f"{place}.part", value=part, allowed="a-z 0-9 _ -")
    return Join(part, match, _layout(f"{place}.file", table.get("file") or {}))


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
