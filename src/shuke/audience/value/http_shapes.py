"""What the API of value and lifecycle takes and answers."""

from __future__ import annotations

from datetime import date, datetime

from ninja import Schema


class TopOut(Schema):
    """Customers with the highest amounts; `share_of_income` null: there is no income. `tied` customers have just the last one's
    amount, `tied_inside` of them are counted."""

    customers: int
    share_of_customers: float
    amount_minor: int
    share_of_income: float | None
    tied: int
    tied_inside: int


class BandOut(Schema):
    """From `low` up to, not including, `high` (null: no bound); amounts in minor units. `is_without`: no order, no average."""

    key: str
    low: int | None
    high: int | None
    is_without: bool
    customers: int
    amount_minor: int


class LeftOutOut(Schema):
    """Orders (of zero_lines: lines) that do not count, and why."""

    reason: str
    orders: int
    amount_minor: int
    currency: str


class ValueOut(Schema):
    """One version (`metric` names its definition). Means are null where nobody has an order."""

    version: str
    metric: str
    customers: int
    buyers: int
    orders: int
    amount_minor: int
    recency_days: float | None
    recency_exact: float | None
    frequency: float | None
    money_minor: float | None
    one_time: int
    negative: int
    zero: int
    leaders: int
    ordinary: int
    half_year_buyers: int
    regulars: int
    super_users: TopOut | None
    best: TopOut | None
    amount_bands: list[BandOut]
    frequency_bands: list[BandOut]
    left_out: list[LeftOutOut]


class RulesOut(Schema):
    half_year_months: int
    regular_days: int
    amount_edges: list[int]
    frequency_edges: list[int]
    super_share: float
    best_share: float


class ValueReportOut(Schema):
    """Both versions before `at`; the half-year from `half_year_start` to before `half_year_end`."""

    at: datetime
    day: date
    currency: str
    half_year_start: date
    half_year_end: date
    first_day: date | None
    rules: RulesOut
    versions: list[ValueOut]


class CellOut(Schema):
    recency: int
    frequency: int
    customers: int
    amount_minor: int


class ScoreOut(Schema):
    score: int
    customers: int


class GridOut(Schema):
    """Customers by their scores of R and F, and apart by that of M; 5 is best. `is_fixed`: by edges, else by fifths."""

    at: datetime
    version: str
    currency: str
    is_fixed: bool
    recency_edges: list[int]
    frequency_edges: list[int]
    money_edges: list[int]
    cells: list[CellOut]
    money: list[ScoreOut]


class CustomerOut(Schema):
    """`customer_id` is a text, since it exceeds what a browser's numbers hold. `scores`: R, F and M."""

    customer_id: str
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
    standing: str
    scores: list[int] | None


class CustomersOut(Schema):
    count: int
    amount_minor: int
    page: int
    size: int
    customers: list[CustomerOut]


class StateOut(Schema):
    state: str
    customers: int
    customers_then: int


class FlowOut(Schema):
    """`was` null: not yet a customer."""

    was: str | None
    is_now: str
    customers: int


class CutoffsOut(Schema):
    """`by`: what counts as activity on that day, visits or orders alone. In days."""

    by: str
    new: int
    silent: int
    returning: int


class LifecycleOut(Schema):
    """The states at the end of `day` (`until`: so far) and of `since`, and the flows between them."""

    day: date
    since: date
    until: datetime | None
    customers: int
    first_day: date | None
    cutoffs: CutoffsOut
    cutoffs_then: CutoffsOut
    states: list[StateOut]
    flows: list[FlowOut]


class LivingOut(Schema):
    customer_id: str
    ref: str | None
    state: str
    was: str | None
    first_day: date
    last_day: date
    by: str
    active_days: int


class LivingCustomersOut(Schema):
    count: int
    page: int
    size: int
    customers: list[LivingOut]


class SpanOut(Schema):
    """From `start` up to, not including, `end`; null: still."""

    state: str
    start: date
    end: date | None


class LifeOut(Schema):
    """`state` null: not yet a customer. `by` says what told of the last activity, `cutoffs.by` what counts."""

    customer_id: str
    day: date
    state: str | None
    by: str | None
    last_day: date | None
    cutoffs: CutoffsOut
    spans: list[SpanOut]


class StandingIn(Schema):
    is_leader: bool | None


class StandingOut(Schema):
    """leader, ordinary or unknown."""

    customer_id: str
    standing: str
