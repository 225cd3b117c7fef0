"""Where a field's text comes from: a column, several, a constant, a template; and how it is turned into what is meant."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shuke.intake.files.kinds import ORDER_KINDS, STATES
from shuke.intake.files.saying import MappingInvalid, names_at, one_of, only, table_at, text_at, texts_at

OTHERWISE = ("keep", "blank", "refuse")
PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
FILE_NAME = "@file"  # reads as a column: the file's name, without its ending
SHARE = "@amount"  # made for each row: its part of the order's amount
_TEXTS_OF = {"kind": ORDER_KINDS, "state": STATES, "after_sale": STATES}


@dataclass(frozen=True)
class Origin:
    """Where a field's text comes from, and what is done to it. Exactly one of column, constant, template is set.

    `fallback`: the column to read where the first is blank. `plus` and `minus`: columns whose amounts are added and
    taken off. `values` are whole texts, `prefixes` and `contains` parts of one, asked in this order, the
    longest first. `before` and `after`: of a text such as “2026-08-01~2026-08-07” what stands on that side of the first of
    these signs that it has; the whole text when it has none.
    """

    column: str = ""
    constant: str = ""
    template: str = ""
    fallback: str = ""
    plus: tuple[str, ...] = ()
    minus: tuple[str, ...] = ()
    pattern: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    prefixes: Mapping[str, str] = field(default_factory=dict)
    contains: Mapping[str, str] = field(default_factory=dict)
    otherwise: str = "keep"
    strip_prefix: str = ""
    strip_suffix: str = ""
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()

    def placeholders(self) -> tuple[str, ...]:
        """Columns that the template reads; line_no is the row's place, not a column."""
        return tuple(p for p in PLACEHOLDER.findall(self.template) if p != "line_no")

    def columns(self) -> tuple[str, ...]:
        """Every column that is read, the first one first."""
        first = (self.column,) if self.column else self.placeholders()
        return (*first, *((self.fallback,) if self.fallback else ()), *self.plus, *self.minus)


def origin_at(kind: str, place: str, name: str, raw: Any) -> Origin:
    """The origin that a mapping states at a place. Raises MappingInvalid or MappingLacks."""
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
    tables = {
        part: texts_at(f"{place}.{part}", table.get(part)) for part in ("values", "prefixes", "contains")
    }
    if kind == "orders" and name in _TEXTS_OF:
        # These have no "keep": what a file writes in its own words must be said.
        meant = [text for texts in tables.values() for text in texts.values()]
        for text in (*meant, *([otherwise] if "otherwise" in table else [])):
            one_of(place, text.removeprefix("="), (*_TEXTS_OF[name], "refuse", "blank", ""))
        if otherwise in _TEXTS_OF[name]:
            otherwise = f"={otherwise}"
    if otherwise not in OTHERWISE and not otherwise.startswith("="):
        raise MappingInvalid(
            field=f"{place}.otherwise", value=otherwise, allowed="keep, blank, refuse, =text"
        )
    return Origin(
        column=str(table.get("column") or ""),
        constant=str(table.get("constant") or ""),
        template=str(table.get("template") or ""),
        fallback=str(table.get("fallback") or ""),
        plus=tuple(names_at(f"{place}.plus", table.get("plus") or [])),
        minus=tuple(names_at(f"{place}.minus", table.get("minus") or [])),
        pattern=_pattern(f"{place}.pattern", str(table.get("pattern") or "")),
        otherwise=otherwise,
        strip_prefix=str(table.get("strip_prefix") or ""),
        strip_suffix=str(table.get("strip_suffix") or ""),
        before=tuple(names_at(f"{place}.before", table.get("before") or [])),
        after=tuple(names_at(f"{place}.after", table.get("after") or [])),
        **tables,
    )


LONGEST_PATTERN = 100
# Plain pieces only: a pattern that a shop writes runs on every cell, and repeats inside repeats could take for ever.
_PLAIN_PATTERN = re.compile(r"^[^()\\*+{}]*(\((?:\\d|[0-9]|\{\d+\}|\.|-)+\))[^()\\*+{}]*$")


def _pattern(place: str, text: str) -> str:
    if text and (len(text) > LONGEST_PATTERN or not _PLAIN_PATTERN.match(text)):
        raise MappingInvalid(field=place, value=text, allowed=r"…(\d{6})…")
    return text
