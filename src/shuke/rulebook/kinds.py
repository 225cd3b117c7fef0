"""The kinds of value that a rule may hold, each with its check; a kind is added here and nowhere else.

A check takes plain data (from YAML or JSON) and raises ValueError saying what is wrong. `None` is never a value.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from .channels import check_channels
from .page_types import check_page_types


@dataclass(frozen=True)
class ValueKind:
    """`check` raises ValueError; `expected` says in words what suits."""

    check: Callable[[Any], None]
    expected: str | Promise


def _integer(value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError("must be a whole number, 0 or more")


def _number(value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
        raise ValueError("must be a number")


def _flag(value: Any) -> None:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")


def _text(value: Any) -> None:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be a text")


def _names(value: Any) -> None:
    if not isinstance(value, list) or not value or not all(isinstance(one, str) and one for one in value):
        raise ValueError("must be a list of texts")
    if len(set(value)) != len(value):
        raise ValueError("must not name anything twice")


def _named_lists(value: Any) -> None:
    if not isinstance(value, dict) or not value or not all(isinstance(key, str) and key for key in value):
        raise ValueError("must be lists of texts by name")
    for names in value.values():
        _names(names)
    every = [one for names in value.values() for one in names]
    if len(set(every)) != len(every):
        raise ValueError("must not name anything twice")


def _edges(value: Any) -> None:
    if not isinstance(value, list) or not value:
        raise ValueError("must be a list of whole numbers")
    for one in value:
        _integer(one)
    if any(after <= before for before, after in pairwise(value)) or value[0] < 1:
        raise ValueError("must be whole numbers above 0, each greater than the one before")


def _metric(value: Any) -> None:
    if not isinstance(value, dict):
        raise ValueError("must be a metric's definition")


KINDS: dict[str, ValueKind] = {
    "integer": ValueKind(_integer, _("a whole number, 0 or more")),
    "number": ValueKind(_number, _("a number")),
    "flag": ValueKind(_flag, _("true or false")),
    "text": ValueKind(_text, _("a text")),
    "names": ValueKind(_names, _("a list of texts")),
    "named_lists": ValueKind(_named_lists, _("lists of texts by name")),
    "edges": ValueKind(_edges, _("whole numbers above 0, each greater than the one before")),
    "page_types": ValueKind(check_page_types, _("an ordered list of page types")),
    "channels": ValueKind(check_channels, _("an ordered list of channels")),
    "metric": ValueKind(_metric, _("a metric's definition")),
}
