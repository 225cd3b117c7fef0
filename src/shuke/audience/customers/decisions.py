"""Which of several statements holds, and whether a tag stands: pure functions.

Ours: the newest by the shop's day wins; of one day what a person typed, before what a file says, before what the customer's
own page told; of one source the later moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from shuke.kernel.periods import local_day

RANKS = {"identify": 1, "import": 2, "hand": 3}


@dataclass(frozen=True)
class Statement:
    """A value that was told: `value` None: from then on unknown. `order` tells apart what was written at one moment."""

    value: Any
    at: datetime
    source: str
    made_by: str
    identity_id: int
    order: int = 0
    key: str = ""


def in_order(statements: Sequence[Statement], zone: ZoneInfo) -> list[Statement]:
    """The one that holds first, then those that it replaced, each before the one that it replaced itself."""

    def weight(one: Statement) -> tuple[Any, ...]:
        return local_day(one.at, zone), RANKS[one.source], one.at, one.order, one.key

    return sorted(statements, key=weight, reverse=True)


def stands(given_at: datetime, until: datetime | None, taken_at: datetime | None, at: datetime) -> bool:
    """Whether a tag stands at a moment: from when it was given, and no longer at the moment at which it ends."""
    ends = [moment for moment in (until, taken_at) if moment is not None]
    return given_at <= at and all(at < moment for moment in ends)
