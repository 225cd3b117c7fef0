"""What is told of segments: the segment, its count with a sample, its customers, and why one of them is in or out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from shuke.conditions.reads import Node, Removal
from shuke.kernel.verdicts import Verdict
from shuke.traffic.saved.shapes import Kept


@dataclass(frozen=True)
class SegmentView:
    """`key` names it in addresses and conditions: that of a shipped one, or the number of a saved one. `kept` None: shipped;
    then `title` and `words` are by language."""

    key: str
    condition: Node
    kept: Kept | None
    title: Mapping[str, str]
    words: Mapping[str, str]
    source: str = ""

    def name(self, language: str) -> str:
        return self.kept.name if self.kept else self.title["zh" if language.startswith("zh") else "en"]


@dataclass(frozen=True)
class MemberRow:
    """One customer of a segment: his id, a name that a source gave him (None: none did, or it was not asked), and what is told
    of everybody. Amounts in minor units of the shop's currency."""

    customer_id: int
    ref: str | None
    first_seen_on: date
    last_seen_on: date
    visits: int
    orders: int
    net_minor: int


@dataclass(frozen=True)
class SegmentCount:
    """How many customers a condition chooses at a moment, of how many there are; a page of them, last seen first."""

    at: datetime
    count: int
    everyone: int
    rows: tuple[MemberRow, ...]
    page: int
    size: int


@dataclass(frozen=True)
class NamedFact:
    """A fact that decides, as a person reads it: `series` of a dated fact (with `at`), else `field` or `group`."""

    removal: Removal
    at: datetime | None
    told: Mapping[str, Any]


@dataclass(frozen=True)
class Why:
    """Why one customer is in or out: each part with its fact, the facts without which it would be the other way round
    (`decisive`), and when time alone may change it (None: never)."""

    customer_id: int
    at: datetime
    verdict: Verdict
    decisive: tuple[NamedFact, ...]
    next_change: datetime | None
