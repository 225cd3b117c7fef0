"""What a comparison with peers is told in: classes, rows of a table, channels, and numbers that are expected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from shuke.kernel.verdicts import Reason

UNCOVERED, HIGH_CONVERSION, HIGH_TRAFFIC, ORDINARY, OWN_ONLY, UNKNOWN = (
    "uncovered",
    "high_conversion",
    "high_traffic",
    "ordinary",
    "own_only",
    "unknown",
)
# A channel that fits several classes is counted in the first of them.
CLASSES = (UNCOVERED, HIGH_CONVERSION, HIGH_TRAFFIC, ORDINARY, OWN_ONLY, UNKNOWN)
CLASS_WORDS = {
    UNCOVERED: pgettext_lazy("class of channels", "Not covered yet"),
    HIGH_CONVERSION: pgettext_lazy("class of channels", "High conversion"),
    HIGH_TRAFFIC: pgettext_lazy("class of channels", "High traffic"),
    ORDINARY: pgettext_lazy("class of channels", "Ordinary"),
    OWN_ONLY: pgettext_lazy("class of channels", "Not in the table"),
    UNKNOWN: pgettext_lazy("class of channels", "Too little to judge"),
}

NOT_NAMED = _("The industry table does not name this channel.")
CONVERSION_UNSTATED = _("The table does not state its conversion.")


@dataclass(frozen=True)
class Limits:
    """The rulebook's values on a day."""

    high_traffic_share: float
    high_conversion_times: float
    least_share: float
    covered_part: float
    least_visitors: int
    least_buyers: int


@dataclass(frozen=True)
class Line:
    """One row of an industry table. Shares and conversions 0 to 1; None: not stated. `channel` None: nobody knows it."""

    name: str
    channel: str | None
    visitors: Decimal | None = None
    share: Decimal | None = None
    buyers: Decimal | None = None
    conversion: Decimal | None = None


@dataclass(frozen=True)
class Own:
    """What a channel brought the shop in the same days."""

    visitors: int
    buyers: int
    amount_minor: int


@dataclass(frozen=True)
class Industry:
    """A channel in the industry: `share` of its visitors, conversion, heads where they are stated; `names` of its rows."""

    names: tuple[str, ...]
    share: float
    conversion: float | None
    visitors: Decimal | None
    buyers: Decimal | None


@dataclass(frozen=True)
class Expected:
    """A number with its range; the range None where too few channels stand behind it, all None with a `reason`."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    reason: Reason | None = None


@dataclass(frozen=True)
class Gain:
    """What a channel would bring besides what it brings now, and what that rests on. `visitors`, `amount_minor`: ours."""

    visitors: Expected
    amount_minor: Expected
    assumptions: tuple[Reason, ...] = ()


@dataclass(frozen=True)
class Compared:
    """One channel. `kind` is its one class, `marks` all that fit it; `why` says by which numbers."""

    channel: str
    own: Own
    own_share: float | None
    industry: Industry | None
    kind: str
    marks: tuple[str, ...]
    why: tuple[Reason, ...]
    gain: Gain


@dataclass(frozen=True)
class Table:
    """An industry table by channel: shares add up to at most one with what nobody knows."""

    channels: Mapping[str, Industry]
    conversion: float | None
    unmatched: tuple[tuple[str, float], ...] = ()  # names that nobody knows, with their shares
    sums: tuple[str, ...] = ()
    unstated: tuple[str, ...] = ()  # rows that do not state what the table is weighed by
    unconverted: tuple[str, ...] = ()  # rows of visitors that state no conversion
    weighed_by: str = "visitors"
    notes: tuple[Reason, ...] = field(default_factory=tuple)
