"""A rule and its dated values, as the rest of the house sees them. Frozen: a new year is a new value, never an edit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy

from .wording import Words


class Status(StrEnum):
    """How well a value is backed: by a primary source, by a secondary one, or not yet."""

    VERIFIED = "verified"
    VERIFIED_2ND = "verified-2nd"
    UNVERIFIED = "unverified"

    @property
    def label(self) -> str | Promise:
        """As shown; a value from a secondary source says so."""
        return STATUS_WORDS[self]


STATUS_WORDS: dict[Status, str | Promise] = {
    Status.VERIFIED: pgettext_lazy("rule status", "verified"),
    Status.VERIFIED_2ND: pgettext_lazy("rule status", "secondary"),
    Status.UNVERIFIED: pgettext_lazy("rule status", "unverified"),
}


@dataclass(frozen=True)
class Source:
    """Where a value comes from: the number of the fact (B-222), a title, an address; `as_of` as the source dates itself."""

    title: str
    number: str = ""
    url: str = ""
    status: Status = Status.UNVERIFIED
    as_of: str = ""


@dataclass(frozen=True)
class RuleValue:
    """What holds from `since` (a shop's day) until the next value, or until `until` (not included).

    `operator` says how the value is used ("ge": from this on); `is_own` marks a shop's own value over the rule's.
    """

    rule: str
    value: Any
    unit: str
    operator: str
    since: date
    status: Status
    sources: tuple[Source, ...]
    until: date | None = None
    words: Words | None = None
    is_own: bool = False

    @property
    def source(self) -> Source:
        """The first source."""
        return self.sources[0]

    @property
    def is_secondary(self) -> bool:
        return self.status is Status.VERIFIED_2ND

    def holds_on(self, day: date) -> bool:
        return self.since <= day and (self.until is None or day < self.until)


@dataclass(frozen=True)
class Rule:
    """One rule: `<platform>.<area>.<name>`, with its values in the order of their dates, newest last.

    `between`: the least and the greatest number that a shop may set; None for other kinds.
    """

    id: str
    platform: str
    area: str
    name: str
    kind: str
    title: Words
    words: Words
    may_change: bool
    values: tuple[RuleValue, ...]
    between: tuple[float, float] | None = None

    def find_value(self, day: date) -> RuleValue | None:
        """The value that holds on a day, or None."""
        return next((value for value in reversed(self.values) if value.holds_on(day)), None)


@dataclass(frozen=True)
class Area:
    """One rule file: its platform, area, title and rules."""

    platform: str
    area: str
    title: Words
    rules: tuple[Rule, ...]


@dataclass(frozen=True)
class Difference:
    """A rule whose value is not the same on two days; None: the rule has no value on that day."""

    rule: Rule
    before: RuleValue | None
    after: RuleValue | None
