"""A property of an event, asked by its name: looked for in the text of the JSON that came with it.

An event's properties are kept as they were sent. What is asked seldom is found there by a pattern that every engine reads
alike: the first place where the name stands as a key, of nested objects too. The value is its text as written (of a text
without its quotes, escapes as they stand); of null, an object or a list it is unknown. This reads every row's whole text:
what is asked often deserves a column.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import ibis
from django.utils.text import format_lazy
from django.utils.translation import pgettext_lazy

from shuke.conditions.reads import Field, Kind, Node, Op, iter_compares
from shuke.kernel.errors import NotAllowed
from shuke.shops.roles import DEED_TITLES, Deed

PROPERTY = "properties."
EXACT = frozenset({Op.EQ, Op.NE, Op.IN, Op.NOT_IN, Op.IS_KNOWN, Op.IS_UNKNOWN})
LONGEST_KEY = 80
_SPACE = "[ \\t\\r\\n]*"
_VALUE = '"(?:[^"\\\\]|\\\\.)*"|[^,{}\\[\\]" \\t\\r\\n]+'


def property_field(name: str) -> Field | None:
    """The field of a property; None where no key can be called so."""
    key = name.removeprefix(PROPERTY)
    is_plain = not any(ord(c) < 32 or c in '"\\' or 0xD800 <= ord(c) <= 0xDFFF for c in key)
    if not key.strip() or len(key) > LONGEST_KEY or not is_plain:
        return None
    return Field(name, Kind.TEXT, format_lazy("{} {}", pgettext_lazy("event", "property"), key))


def check_conditions(conditions: Iterable[Node | None], *, with_customers: bool) -> None:
    """A property may hold anything, an address or a name too. Who may not see customers asks whether it is something, or is
    there: not what it begins with or holds, by which it could be read out letter by letter. Raises NotAllowed."""
    if with_customers:
        return
    for node in conditions:
        for compare in iter_compares(node) if node is not None else ():
            if compare.field.startswith(PROPERTY) and compare.op not in EXACT:
                raise NotAllowed(field=str(DEED_TITLES[Deed.VIEW_CUSTOMERS]), value=compare.field)


def pattern(key: str, group: str = "(") -> str:
    """What finds a property's value, its quotes included, as the first group; `group` is what opens it."""
    escaped = re.sub(r"([.\[\](){}*+?^$|])", r"\\\1", key)
    return f'"{escaped}"{_SPACE}:{_SPACE}{group}{_VALUE})'


def property_text(properties: ibis.Value, key: str) -> ibis.Value:
    """The property as text, null where it is unknown."""
    # ClickHouse extracts nothing from what is not there.
    found = properties.fill_null("").re_extract(pattern(key), 1).fill_null("")
    is_text = found.startswith('"')
    inner = found.substr(1, ibis.greatest(found.length() - 2, 0))
    unknown = (found == "") | (found == "null")
    return ibis.ifelse(unknown, ibis.null("string"), ibis.ifelse(is_text, inner, found))


def property_value(found: str | None) -> str | None:
    """The same of what the pattern found, in Python."""
    if not found or found == "null":
        return None
    return found[1:-1] if found.startswith('"') else found
