"""What is said about items: the answers of reads, frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

from shuke.kernel.periods import Period
from shuke.kernel.verdicts import Reason

# What a visitor of an item passes on the way to paying, each with the one before it.
STEPS = ("cart", "checkout", "pay")
REACHED = {"came": "came", "cart": "reached_cart", "checkout": "reached_checkout", "pay": "bought"}
BEFORE = {"cart": "came", "checkout": "cart", "pay": "checkout"}
# What hot items are ranked by, and what decides between equals before the item's name does.
HOT_BY = {
    "views": "visitors",
    "visitors": "views",
    "carts": "views",
    "buyers": "units",
    "units": "amount_minor",
    "amount_minor": "units",
}
WINDOWS = {"15m": 15 * 60, "1h": 3_600, "24h": 86_400, "7d": 7 * 86_400}  # seconds


@dataclass(frozen=True)
class ItemSums:
    """Counts of one item (or of part of its traffic) in a period. Visitors and buyers are distinct over the period.

    `came` .. `bought` are visitors by the furthest step that they reached: who bought passed the cart, whether or not an
    event said so. `stay_seconds` belong to the `measured_views`; amounts in minor units of the shop's currency.
    """

    views: int = 0
    visitors: int = 0
    favourite_visitors: int = 0
    cart_visitors: int = 0
    checkout_visitors: int = 0
    came: int = 0
    reached_cart: int = 0
    reached_checkout: int = 0
    bought: int = 0
    buyers: int = 0
    orders: int = 0
    file_orders: int = 0
    units: Decimal = Decimal(0)
    amount_minor: int = 0
    without_amount: int = 0
    exits: int = 0
    stay_seconds: int = 0
    measured_views: int = 0

    @property
    def conversion(self) -> Fraction | None:
        """Of the visitors who saw it, those who bought it during a visit (B-206); None without visitors."""
        return Fraction(self.bought, self.came) if self.came else None

    @property
    def bounce_page(self) -> Fraction | None:
        """Of its views, those after which nothing else of the shop was opened (B-199); None without views."""
        return Fraction(self.exits, self.views) if self.views else None

    @property
    def stay_per_view(self) -> Fraction | None:
        """Seconds of a view that another one followed; None: there is none (B-202)."""
        return Fraction(self.stay_seconds, self.measured_views) if self.measured_views else None

    @property
    def is_nothing(self) -> bool:
        """Nobody saw it, did anything with it or bought it."""
        return self == ItemSums()

    def at(self, step: str) -> int:
        """How many visitors reached a step: came, cart, checkout, pay."""
        return int(getattr(self, REACHED[step]))


@dataclass(frozen=True)
class ItemRow:
    """One item of a period; `paid` and `free` are its visitors by whether their visit was paid for. `then`: its counts in the
    other period, where one is compared."""

    product_ref: str
    title: str | None
    sums: ItemSums
    paid: ItemSums
    free: ItemSums
    then: ItemSums | None = None


@dataclass(frozen=True)
class ItemsReport:
    """All items of a period, most views first. `until`: the moment of a period that still runs. `against_period`: the other
    one, where one is compared; an item that only it knows is there too, with nothing."""

    period: Period
    until: datetime | None
    rows: tuple[ItemRow, ...]
    total: ItemSums
    notes: tuple[Reason, ...]
    against_period: Period | None = None
    total_then: ItemSums | None = None


@dataclass(frozen=True)
class ItemSource:
    """The visits of one channel that saw an item."""

    channel: str | None
    is_paid: bool | None
    sums: ItemSums


@dataclass(frozen=True)
class ItemDay:
    """An item on one day; visitors and buyers are distinct on the day."""

    day: date
    sums: ItemSums


@dataclass(frozen=True)
class StepCheck:
    """One step of an item against the shop's items. Rates are shares of those who reached the step before.

    `low` and `high`: Wilson's interval of 95 %. `median`: of the shop's items with enough visitors at the step before;
    None where these are too few. `is_below`: the whole interval lies below the median. `lost`: buyers that the item would
    have had besides, were this step as the median's and all others as they are. `reason`: why it is not judged.
    """

    step: str
    base: int
    reached: int
    rate: Fraction | None
    low: float | None
    high: float | None
    median: Fraction | None
    is_below: bool
    lost: float
    reason: Reason | None


@dataclass(frozen=True)
class Stall:
    """Whether an item sells but stalls, and what holds it back: `held_by` cart, checkout, pay, traffic, nothing, or
    too_few. `is_stalling`: it sold, and less than the far line. `visitors_median`: of the shop's items that sell."""

    row: ItemRow
    is_stalling: bool
    held_by: str
    steps: tuple[StepCheck, ...]
    hit_units: Decimal | None
    far_units: Decimal | None
    visitors_median: Fraction | None
    lost: float
    reason: Reason


@dataclass(frozen=True)
class StallReport:
    """The items that sell but stall, the most to win first."""

    period: Period
    until: datetime | None
    rows: tuple[Stall, ...]
    sold: int
    rules: Mapping[str, int]
    reason: Reason | None


@dataclass(frozen=True)
class ItemReport:
    """One item of a period."""

    period: Period
    until: datetime | None
    row: ItemRow
    sources: tuple[ItemSource, ...]
    days: tuple[ItemDay, ...]
    stall: Stall
    notes: tuple[Reason, ...]
    against_period: Period | None = None


@dataclass(frozen=True)
class HotRow:
    """An item in a window: `views`, `visitors` who viewed, `carts` visitors who added it, `buyers`, `units`, `amount_minor`."""

    rank: int
    product_ref: str
    title: str | None
    views: int
    visitors: int
    carts: int
    buyers: int
    units: Decimal
    amount_minor: int


@dataclass(frozen=True)
class HotReport:
    """The items of [start, moment), ranked by `by`, then by `then`, then by product_ref. `count`: how many there are in all.

    As known now: what came later of deeds that were done before the moment counts.
    """

    start: datetime
    moment: datetime
    window: str
    by: str
    then: str
    rows: tuple[HotRow, ...]
    count: int
    notes: tuple[Reason, ...]
