"""Attributes and where statements come from, in the reader's words."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext, pgettext, pgettext_lazy

from shuke.audience.customers import birthdays
from shuke.audience.customers.definitions import Definition, words_of
from shuke.kernel.money import exponent

ORIGINS: dict[str, str | Promise] = {
    "identify": pgettext_lazy("told by", "page or app"),
    "import": pgettext_lazy("told by", "file"),
    "hand": pgettext_lazy("told by", "typed by hand"),
    "rule": pgettext_lazy("told by", "rule"),
}


def value_words(definition: Definition, value: Any, currency: str) -> str:
    """A kept value as a person reads it; "—" for unknown."""
    if value is None:
        return "—"
    if definition.type == "choice":
        titles = (definition.choices or {}).get(value)
        return words_of(titles) if titles else str(value)
    if definition.type == "flag":
        return pgettext("attribute", "yes") if value else pgettext("attribute", "no")
    if definition.type == "money":
        return f"{Decimal(value).scaleb(-exponent(currency)):f} {currency}"
    if definition.type == "birthday":
        return birthday_words(birthdays.of_plain(value))
    return str(value)


def birthday_words(birthday: birthdays.Birthday) -> str:
    month = str(birthday.month)
    if birthday.is_leap:
        month = gettext("leap %(month)s") % {"month": month}
    written = (
        f"{month}-{birthday.day}" if birthday.year is None else f"{birthday.year}-{month}-{birthday.day}"
    )
    if birthday.calendar == "lunar":
        return gettext("lunar %(day)s") % {"day": written}
    if birthday.year is None:
        return f"{birthday.month:02d}-{birthday.day:02d}"
    return date(birthday.year, birthday.month, birthday.day).isoformat()
