"""Reading what a mapping says at a place, or saying what is wrong there and what would be possible."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from shuke.kernel.errors import ShukeError


class MappingInvalid(ShukeError):
    """A mapping that says something impossible. `field` is the place in the mapping, like columns.at."""

    code = "mapping_invalid"
    status = 422
    words = _("The mapping's “%(field)s” can not be “%(value)s”.")
    remedy = _("Possible: %(allowed)s.")


class MappingLacks(ShukeError):
    code = "mapping_lacks"
    status = 422
    words = _("The mapping says nothing about “%(field)s”.")
    remedy = _("Name the column that holds it.")


def check_storable(raw: Any) -> None:
    """Refuse what no database holds as JSON: NUL, broken characters, fractions (no place of a mapping wants one)."""
    left = [raw]
    while left:
        item = left.pop()
        if isinstance(item, Mapping):
            left += [*item, *item.values()]
        elif isinstance(item, list):
            left += item
        elif isinstance(item, str):
            if "\0" in item or any("\ud800" <= character <= "\udfff" for character in item):
                raise MappingInvalid(field="mapping", value=ascii(item), allowed="UTF-8")
        elif item is not None and not isinstance(item, bool | int):
            raise MappingInvalid(
                field="mapping", value=item, allowed=_("text, whole numbers, true and false")
            )


def table_at(place: str, raw: Any) -> dict[str, Any]:
    if not isinstance(raw, Mapping):
        raise MappingInvalid(field=place, value=raw, allowed="{…: …}")
    return {str(k): v for k, v in raw.items()}


def list_at(place: str, raw: Any) -> list[Any]:
    if not isinstance(raw, list):
        raise MappingInvalid(field=place, value=raw, allowed="[…]")
    return raw


def names_at(place: str, raw: Any) -> list[str]:
    return [text_at(place, item) for item in list_at(place, raw)]


def texts_at(place: str, raw: Any) -> dict[str, str]:
    return {k: "" if v is None else text_at(f"{place}.{k}", v) for k, v in table_at(place, raw or {}).items()}


def text_at(place: str, raw: Any) -> str:
    if isinstance(raw, bool) or not isinstance(raw, str | int) or raw == "":
        if raw is None or raw == "":
            raise MappingLacks(field=place)
        raise MappingInvalid(field=place, value=raw, allowed="text")
    return str(raw)


def flag_at(place: str, raw: Any) -> bool:
    if not isinstance(raw, bool):
        raise MappingInvalid(field=place, value=raw, allowed="true, false")
    return raw


def one_of(place: str, raw: Any, allowed: Sequence[str]) -> str:
    if not isinstance(raw, str) or raw not in allowed:
        raise MappingInvalid(field=place, value=raw, allowed=", ".join(allowed))
    return raw


def only(place: str, table: Mapping[str, Any], allowed: Any) -> None:
    for key in table:
        if key not in allowed:
            raise MappingInvalid(field=f"{place}.{key}", value=key, allowed=", ".join(allowed))
