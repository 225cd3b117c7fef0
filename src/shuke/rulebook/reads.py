"""Questions to the rulebook, "as of" a day: rules, values, differences, and the typed forms of the first rules.

`value` and `differences` tell what the shipped rules say; `value_for`, `values_for` and `differences_for` what holds in one
shop, its own values included. `channels`, `page_types` and `click_ids` take a shop for the same reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache

from shuke.conditions.reads import Node
from shuke.shops.reads import ShopView

from .book import the_book
from .channels import OTHER, ChannelRule, channel_rules, classify
from .decisions import OwnValue
from .errors import NoRuleYet, NoSuchRule
from .landing import Landing, own_or_none, read_landing
from .metrics import MetricDefinition
from .own_values import change_days, differences_for, own_value, own_values, value_for, values_for
from .page_types import TYPES as PAGE_TYPES
from .page_types import PagePattern, normal_path, page_patterns, page_type_of
from .rules import Area, Difference, Rule, RuleValue, Source, Status
from .wording import Words

__all__ = [
    "OTHER",
    "PAGE_TYPES",
    "Area",
    "ChannelRule",
    "Difference",
    "Landing",
    "MetricDefinition",
    "NoRuleYet",
    "NoSuchRule",
    "Node",
    "OwnValue",
    "PagePattern",
    "Rule",
    "RuleValue",
    "Source",
    "Status",
    "Words",
    "areas",
    "change_days",
    "channel_titles",
    "channels",
    "classify",
    "click_ids",
    "differences",
    "differences_for",
    "landing_of",
    "metric_definition",
    "metric_definitions",
    "metric_versions",
    "normal_path",
    "own_or_none",
    "own_value",
    "own_values",
    "page_type_of",
    "page_types",
    "rule",
    "rules",
    "value",
    "value_for",
    "values_for",
]

_CHANNELS = "common.channels.classification"
_PAGES = "common.pages.types"


def rule(id: str) -> Rule:
    """One rule by its id `<platform>.<area>.<name>`. Raises NoSuchRule."""
    return the_book().rule(id)


def rules(platform: str | None = None, area: str | None = None) -> tuple[Rule, ...]:
    """The rules in the order of their files, of one platform and area when these are given."""
    return tuple(
        one
        for one in the_book().by_id.values()
        if platform in (None, one.platform) and area in (None, one.area)
    )


def areas(platform: str | None = None) -> tuple[Area, ...]:
    """The rule files, with their titles."""
    return tuple(one for one in the_book().areas if platform in (None, one.platform))


def value(id: str, at: date) -> RuleValue:
    """What the rule says on the shop's day `at`. Raises NoSuchRule, and NoRuleYet outside its dates."""
    found = rule(id)
    holding = found.find_value(at)
    if holding is None:
        raise NoRuleYet(field=id, value=at, first=found.values[0].since)
    return holding


def differences(start: date, end: date) -> tuple[Difference, ...]:
    """The rules whose value on `end` is another than on `start`, in the order of the files."""
    found = []
    for one in the_book().by_id.values():
        before, after = one.find_value(start), one.find_value(end)
        if before != after:
            found.append(Difference(one, before, after))
    return tuple(found)


def channels(
    at: date, shop: ShopView | None = None, own: Sequence[OwnValue] | None = None
) -> tuple[ChannelRule, ...]:
    """The classification of channels that holds on a day: tried in order, the last entry fits everything.

    `own`: as of `value_for`."""
    if shop is not None and (found := value_for(shop, _CHANNELS, at, own)).is_own:
        return channel_rules(found.value)
    return _shipped_channels(at)


@lru_cache(maxsize=512)
def _shipped_channels(at: date) -> tuple[ChannelRule, ...]:
    return channel_rules(value(_CHANNELS, at).value)


def channel_titles(at: date, shop: ShopView | None = None) -> Mapping[str, Words]:
    """Channel → words, in the order of the classification."""
    return {one.channel: one.title for one in channels(at, shop)}


def page_types(at: date, shop: ShopView | None = None) -> tuple[PagePattern, ...]:
    """The patterns of page types that hold on a day; use with `page_type_of(path, patterns)`."""
    if shop is not None and (own := value_for(shop, _PAGES, at)).is_own:
        return page_patterns(own.value)
    return _shipped_page_types(at)


@lru_cache(maxsize=512)
def _shipped_page_types(at: date) -> tuple[PagePattern, ...]:
    return page_patterns(value(_PAGES, at).value)


@lru_cache(maxsize=512)
def click_ids(at: date) -> tuple[str, ...]:
    """The parameter names that are click ids on a day, in the order in which they win."""
    return tuple(value("common.channels.click_ids", at).value)


def landing_of(address: str | None, referrer: str | None, at: date) -> Landing:
    """What a page's address and its referrer say, with the click ids of the day `at`."""
    return read_landing(address, referrer, click_ids(at))


def metric_definitions() -> tuple[MetricDefinition, ...]:
    """Every version of every metric of the overview, in the order of the file."""
    return tuple(one for one in the_book().metrics if one.area == "metrics")


def metric_versions(id: str) -> tuple[MetricDefinition, ...]:
    """The versions of one metric, of whatever page, oldest first. Raises NoSuchRule."""
    found = tuple(one for one in the_book().metrics if one.id == id)
    if not found:
        raise NoSuchRule(field="metric", value=id)
    return found


def metric_definition(id: str, version: int | None = None) -> MetricDefinition:
    """One version of a metric, or its default. Raises NoSuchRule."""
    for one in metric_versions(id):
        if one.version == version or (version is None and one.is_default):
            return one
    raise NoSuchRule(field="metric", value=f"{id} v{version}")
