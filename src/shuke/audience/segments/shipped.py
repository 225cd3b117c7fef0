"""The segments that come with Shuke: read from shipped.yaml, their numbers from the rulebook as it holds in a shop on a day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from shuke.audience.segments.fields import CUSTOMER
from shuke.conditions.reads import Node, parse
from shuke.rulebook import reads as rulebook
from shuke.shops.reads import ShopView


@dataclass(frozen=True)
class Shipped:
    """`form`: the condition's JSON, with rules in the places of some values; `source`: the fact that it comes from, or empty."""

    key: str
    title: Mapping[str, str]
    words: Mapping[str, str]
    source: str
    form: Mapping[str, Any]


@cache
def shipped() -> Mapping[str, Shipped]:
    """By key, in the file's order."""
    told = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
    return {
        key: Shipped(key, one["title"], one["words"], one.get("source", ""), one["condition"])
        for key, one in told.items()
    }


def condition_of(one: Shipped, shop: ShopView, day: date) -> Node:
    """The condition as the rules of the shop have it on its day."""
    own = rulebook.own_values(shop)

    def filled(form: Any) -> Any:
        if isinstance(form, Mapping):
            if set(form) == {"rule"}:
                return rulebook.value_for(shop, form["rule"], day, own).value
            return {name: filled(value) for name, value in form.items()}
        return [filled(value) for value in form] if isinstance(form, list) else form

    return parse({"v": 2, **filled(one.form)}, CUSTOMER)
