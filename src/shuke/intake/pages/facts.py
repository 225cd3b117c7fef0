"""Facts as a preview shows them: each column under its title in words, amounts in the currency's main unit."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.utils.translation import pgettext_lazy

from shuke.intake.files.preview import Preview
from shuke.intake.pages.field_words import FIELD_WORDS
from shuke.kernel.money import exponent

_MINOR = "_minor"
# Columns of facts that no mapping names.
TITLES = {
    "line_no": pgettext_lazy("field of a file", "number of the line"),
    "local_day": pgettext_lazy("field of a file", "day"),
    "properties": pgettext_lazy("field of a file", "columns kept as they stand"),
    "referrer_host": pgettext_lazy("field of a file", "site before"),
    "page_type": pgettext_lazy("field of a file", "kind of page"),
    "utm_source": pgettext_lazy("field of a file", "UTM source"),
    "utm_medium": pgettext_lazy("field of a file", "UTM medium"),
    "utm_campaign": pgettext_lazy("field of a file", "UTM campaign"),
    "utm_content": pgettext_lazy("field of a file", "UTM content"),
    "utm_term": pgettext_lazy("field of a file", "UTM term"),
    "click_id": pgettext_lazy("field of a file", "click number"),
}


def title_of(name: str) -> str:
    """A column of facts in the reader's words; its own name where nobody gave it any."""
    bare = name.removesuffix(_MINOR)
    return str(FIELD_WORDS.get(bare) or TITLES.get(bare) or name)


def heads_of(found: Preview | None) -> list[dict[str, str]]:
    """The columns of a preview's facts: name and title."""
    return [{"name": name, "title": title_of(name)} for name in found.fields] if found is not None else []


def facts_of(found: Preview | None) -> list[dict[str, Any]]:
    """The rows of a preview that load: line, and the values as they are shown."""
    if found is None:
        return []
    return [
        {"line": row.line, "values": [_shown(name, row.fields) for name in found.fields]}
        for row in found.rows
        if row.fields
    ]


def _shown(name: str, fields: Mapping[str, Any]) -> Any:
    value = fields[name]
    if value is None or not name.endswith(_MINOR):
        return value
    return f"{Decimal(value).scaleb(-exponent(fields.get('currency') or 'CNY')):,f}"
