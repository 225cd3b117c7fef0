"""What may be known of a customer: definitions as data, their values read and checked by type. Pure: no database, no clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from django.utils.translation import get_language, pgettext_lazy

from shuke.audience.customers import birthdays
from shuke.kernel.money import parse_decimal, to_minor

TYPES = {
    "text": pgettext_lazy("attribute type", "text"),
    "number": pgettext_lazy("attribute type", "number"),
    "day": pgettext_lazy("attribute type", "day"),
    "choice": pgettext_lazy("attribute type", "choice"),
    "flag": pgettext_lazy("attribute type", "yes or no"),
    "money": pgettext_lazy("attribute type", "amount"),
    "birthday": pgettext_lazy("attribute type", "birthday"),
}
EXPECTED = {
    "text": pgettext_lazy("attribute", "a text of at most 200 characters"),
    "number": pgettext_lazy("attribute", "a number"),
    "day": pgettext_lazy("attribute", "a day such as 2026-11-21"),
    "choice": pgettext_lazy("attribute", "one of the choices"),
    "flag": pgettext_lazy("attribute", "yes or no"),
    "money": pgettext_lazy("attribute", "an amount such as 1234.50"),
    "birthday": pgettext_lazy("attribute", "1990-06-01, 06-01, or lunar 1990-5-15; leap5 for a leap month"),
}
LONGEST_TEXT = 200
_YES = frozenset({"yes", "true", "1", "是", "y"})
_NO = frozenset({"no", "false", "0", "否", "n"})


@dataclass(frozen=True)
class Definition:
    """An attribute: `choices` key → title, `also` other spellings → key, `traits` names in an identify that say it. `is_own`:
    the shop's own."""

    name: str
    type: str
    titles: Mapping[str, str]
    traits: tuple[str, ...] = ()
    choices: Mapping[str, Mapping[str, str]] | None = None
    also: Mapping[str, str] | None = None
    industries: tuple[str, ...] = ()
    is_own: bool = False

    @property
    def title(self) -> str:
        return words_of(self.titles)


def words_of(titles: Mapping[str, str]) -> str:
    """In the reader's language."""
    return titles["zh" if (get_language() or "").startswith("zh") else "en"]


@lru_cache(maxsize=1)
def shipped() -> tuple[Definition, ...]:
    """The definitions of attributes.yaml, in its order."""
    told = yaml.safe_load((Path(__file__).parent / "attributes.yaml").read_text(encoding="utf-8"))
    return tuple(_of_yaml(name, one) for name, one in told["attributes"].items())


def _of_yaml(name: str, told: Mapping[str, Any]) -> Definition:
    if told["type"] not in TYPES or (told["type"] == "choice") != ("choices" in told):
        raise ValueError(f"attributes.yaml: {name}")
    return Definition(
        name,
        told["type"],
        told["title"],
        tuple(told.get("traits", ())),
        told.get("choices"),
        told.get("also"),
        tuple(told.get("industries", ())),
    )


def offered(category: str, own: Sequence[Definition]) -> tuple[Definition, ...]:
    """What a shop of this category knows of: what is shipped, and its own; its own wins where both have a name."""
    taken = {one.name for one in own}
    fitting = [
        one
        for one in shipped()
        if one.name not in taken and (not one.industries or category in one.industries)
    ]
    return (*fitting, *own)


def read_value(definition: Definition, given: Any, currency: str) -> Any:
    """A value as it is kept (JSON): texts, numbers as exact texts, days as ISO, choices by key, money in minor units, birthdays
    as objects. Raises ValueError."""
    if given is None or (isinstance(given, str) and not given.strip()):
        raise ValueError("nothing is given")
    reader = _READERS[definition.type]
    try:
        return reader(definition, given, currency)
    except (InvalidOperation, TypeError, OverflowError, AttributeError) as error:
        raise ValueError(str(error)) from None


def _text(definition: Definition, given: Any, currency: str) -> str:
    if isinstance(given, list):
        given = ", ".join(str(one) for one in given)
    text = " ".join(str(given).split())
    if isinstance(given, dict) or len(text) > LONGEST_TEXT or any(0xD800 <= ord(c) <= 0xDFFF for c in text):
        raise ValueError("too long")
    return text


def _number(definition: Definition, given: Any, currency: str) -> str:
    if isinstance(given, bool):
        raise ValueError("no number")
    number = Decimal(str(given)) if isinstance(given, int | float) else parse_decimal(str(given))
    if not number.is_finite() or abs(number) >= Decimal(10) ** 15:
        raise ValueError("no number")
    return f"{number.normalize():f}"


def _day(definition: Definition, given: Any, currency: str) -> str:
    return date.fromisoformat(str(given).strip()[:10]).isoformat()


def _choice(definition: Definition, given: Any, currency: str) -> str:
    text = str(given).strip()
    choices, also = definition.choices or {}, definition.also or {}
    found = {
        **{key.casefold(): key for key in choices},
        **{name.casefold(): key for name, key in also.items()},
    }
    found |= {title.casefold(): key for key, titles in choices.items() for title in titles.values()}
    if text.casefold() not in found:
        raise ValueError("no such choice")
    return found[text.casefold()]


def _flag(definition: Definition, given: Any, currency: str) -> bool:
    if isinstance(given, bool):
        return given
    text = str(given).strip().casefold()
    if text not in _YES | _NO:
        raise ValueError("neither yes nor no")
    return text in _YES


def _money(definition: Definition, given: Any, currency: str) -> int:
    amount = Decimal(_number(definition, given, currency))
    return to_minor(amount, currency)


def _birthday(definition: Definition, given: Any, currency: str) -> dict[str, Any]:
    found = birthdays.of_plain(given) if isinstance(given, dict) else birthdays.of_text(str(given))
    return found.plain()


_READERS = {
    "text": _text,
    "number": _number,
    "day": _day,
    "choice": _choice,
    "flag": _flag,
    "money": _money,
    "birthday": _birthday,
}
