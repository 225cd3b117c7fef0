"""What the room answers with: pages with their numbers, one page, and where it was clicked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

from shuke.kernel.periods import Period
from shuke.traffic.figures import Figure
from shuke.traffic.metrics import Metric

Heat = Literal["hot", "cold", ""]

# Words and formulas stand in the rulebook (rules/common/page_metrics.yaml).
VIEWS = Metric("page_views", 1, "count", "view", "up", "views", cases="views")
VISITS = Metric("page_visits", 1, "count", "visit", "up", "visits", cases="visits")
VISITORS = Metric("page_visitors", 1, "count", "visitor", "up", "visitors", cases="visitors")
STAY = Metric("page_stay", 1, "seconds", "view", "up", "stay_seconds", "measured")
ENTRIES = Metric("page_entries", 1, "count", "visit", "up", "entries", cases="entries")
EXITS = Metric("page_exits", 1, "count", "visit", None, "exits", cases="exits")
EXIT_SHARE = Metric("page_exit_share", 1, "ratio", "visit", "down", "exits", "visits")
BOUNCE = Metric("page_bounce", 1, "ratio", "view", "down", "exits", "views")
CLICKS = Metric("page_clicks", 1, "count", "view", "up", "clicks", cases="clicks")
METRICS = (VIEWS, VISITS, VISITORS, STAY, ENTRIES, EXITS, EXIT_SHARE, BOUNCE, CLICKS)
# Those of a row, in the order of the table.
ROW_METRICS = METRICS[:-1]


@dataclass(frozen=True)
class PageRow:
    """A page of a period. `path` '' is what stated no path. `heat`: '' is neither hot nor cold, or not judged. `then`: the
    same figures of the other period, where one is compared."""

    path: str
    type: str
    figures: tuple[Figure, ...]
    heat: Heat
    then: tuple[Figure, ...] = ()

    def figure(self, metric: Metric) -> Figure:
        return self.figures[ROW_METRICS.index(metric)]


@dataclass(frozen=True)
class PageList:
    """All pages of a period, most viewed first; known pages without any view come last. `is_judged`: hot and cold are told;
    never of a part of the visits (`is_part`)."""

    rows: tuple[PageRow, ...]
    period: Period
    until: datetime | None
    views: int
    is_judged: bool
    few: int
    hot_share: int
    cold_share: int
    known_days: int
    is_part: bool = False
    against_period: Period | None = None


@dataclass(frozen=True)
class Way:
    """Views that came from, or went to, a page; `path` None: a visit began or ended here. `name` is a channel's."""

    path: str | None
    type: str
    count: int
    share: Decimal


@dataclass(frozen=True)
class PageDay:
    day: date
    figures: tuple[Figure, ...]


@dataclass(frozen=True)
class PageReport:
    """One page. `came_from` and `went_to` add up to its views; `channels` to its entries."""

    row: PageRow
    period: Period
    until: datetime | None
    days: tuple[PageDay, ...]
    came_from: tuple[Way, ...]
    went_to: tuple[Way, ...]
    channels: tuple[Way, ...]
    more_from: int
    more_to: int


@dataclass(frozen=True)
class Clicked:
    """A marked element or a link that leads out; `href` '' where it is no link."""

    kind: str
    label: str
    href: str
    clicks: int
    share: Decimal


@dataclass(frozen=True)
class ClickHeat:
    """Where a page was clicked: `cells` by (column of 20, row of 100). `height` and `width` are the page's usual ones in CSS
    pixels (the mean of what clicks told); None: none told it."""

    path: str
    period: Period
    until: datetime | None
    clicks: Figure
    visitors: int
    cells: Mapping[tuple[int, int], int]
    elements: tuple[Clicked, ...]
    width: int | None
    height: int | None


@dataclass(frozen=True)
class PageVisits:
    """One page of the visits behind a number, newest first."""

    columns: tuple[str, ...]
    rows: tuple[Mapping[str, Any], ...]
    count: int
    page: int
    size: int
