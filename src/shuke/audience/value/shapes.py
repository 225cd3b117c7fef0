"""What value and lifecycle answer with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction

from shuke.audience.purchases import LeftOut, Version
from shuke.audience.value.decisions import Band, Cutoffs, Span, State
from shuke.kernel.periods import Period
from shuke.kernel.verdicts import Reason

BASES = ("visits", "orders")


@dataclass(frozen=True)
class ValueRules:
    """The rulebook's values of a shop's day. Edges of amounts in minor units; shares in per cent."""

    half_year_months: int
    regular_days: int
    amount_edges: tuple[int, ...]
    frequency_edges: tuple[int, ...]
    is_fixed: bool
    recency_edges: tuple[int, ...]
    order_edges: tuple[int, ...]
    money_edges: tuple[int, ...]
    super_share: float
    best_share: float


@dataclass(frozen=True)
class TopCustomers:
    """Customers with the highest amounts: how many, which part of all, what they bring, which part of the income.

    `tied` customers have just the amount of the last one, `tied_inside` of them are counted here.
    """

    customers: int
    share_of_customers: Fraction
    amount_minor: int
    share_of_income: Fraction | None
    tied: int
    tied_inside: int


@dataclass(frozen=True)
class BandRow:
    """A band (None: no order, no average) with its customers and what they bring; `key` names them in a list."""

    key: str
    band: Band | None
    customers: int
    amount_minor: int


@dataclass(frozen=True)
class GridCell:
    """Customers who score `recency` and `frequency` (1 to 5), and what they bring."""

    recency: int
    frequency: int
    customers: int
    amount_minor: int


@dataclass(frozen=True)
class Value:
    """One version of what a shop's customers are worth before a moment.

    Means are over customers who have an order that counts, money over all of the version; None: there is none. Recency in
    days since the last order: `recency_days` of whole days, `recency_exact` with their parts.
    """

    version: Version
    customers: int
    buyers: int
    orders: int
    amount_minor: int
    recency_days: Fraction | None
    recency_exact: Fraction | None
    frequency: Fraction | None
    money_minor: Fraction | None
    one_time: int
    negative: int
    zero: int
    leaders: int  # of whom somebody said that they are opinion leaders
    ordinary: int  # of whom somebody said that they are not; of all others nobody knows
    half_year_buyers: int
    regulars: int
    super_users: TopCustomers | None
    best: TopCustomers | None
    amount_bands: tuple[BandRow, ...]
    frequency_bands: tuple[BandRow, ...]
    grid: tuple[GridCell, ...]
    money_scores: tuple[tuple[int, int], ...]  # score of M, customers
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True)
class ValueReport:
    """Both versions at a moment. `first_day`: from which facts there are; None: there are none, and no version."""

    at: datetime
    day: date
    currency: str
    half_year: Period
    rules: ValueRules
    first_day: date | None
    versions: tuple[Value, ...]

    def version(self, name: str) -> Value | None:
        return next((one for one in self.versions if one.version == name), None)


@dataclass(frozen=True)
class ValuedCustomer:
    """One customer of a version. `ref`: a name as the source wrote it; None where none did. Scores None: no order."""

    customer_id: int
    ref: str | None
    orders: int
    days: int
    first_day: date | None
    last_day: date | None
    recency_days: int | None
    amount_minor: int
    average_minor: int | None
    half_year_orders: int
    half_year_days: int
    standing: str  # leader or ordinary, as somebody said; unknown
    scores: tuple[int, int, int] | None


@dataclass(frozen=True)
class ValuedCustomers:
    """A page of customers, the highest amounts first."""

    rows: tuple[ValuedCustomer, ...]
    count: int
    amount_minor: int
    page: int
    size: int


@dataclass(frozen=True)
class Basis:
    """What counts as activity on a day, visits or orders alone, and the cut-offs that go with it."""

    name: str
    cutoffs: Cutoffs


@dataclass(frozen=True)
class Flow:
    """Customers who were in one state (None: not yet a customer) and are in another."""

    was: State | None
    is_now: State
    customers: int


@dataclass(frozen=True)
class Lifecycle:
    """The states of all customers at the end of `day` (of a running one: so far), and how they came there since `since`."""

    day: date
    since: date
    until: datetime | None
    basis: Basis
    basis_then: Basis
    states: tuple[tuple[State, int], ...]
    states_then: tuple[tuple[State, int], ...]
    flows: tuple[Flow, ...]
    customers: int
    first_day: date | None
    notes: tuple[Reason, ...]


@dataclass(frozen=True)
class LivingCustomer:
    """One customer in a state. `by`: what tells of the last activity, a visit or an order."""

    customer_id: int
    ref: str | None
    state: State
    was: State | None
    first_day: date
    last_day: date
    by: str
    active_days: int


@dataclass(frozen=True)
class LivingCustomers:
    """A page of them, those active last first."""

    rows: tuple[LivingCustomer, ...]
    count: int
    page: int
    size: int


@dataclass(frozen=True)
class CustomerLife:
    """What a customer was at the end of a day (`state` None: not yet a customer), and all that he was up to then."""

    customer_id: int
    day: date
    state: State | None
    basis: Basis
    by: str | None
    last_day: date | None
    spans: tuple[Span, ...]
