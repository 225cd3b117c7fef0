"""Every customer of one version with bands and scores, as arrays: from them come the numbers, and the customers behind each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import ibis
import numpy as np
import pyarrow as pa

from shuke.audience.purchases import CUSTOMERS, Purchases, Version
from shuke.audience.value import decisions, leaders
from shuke.audience.value.shapes import BandRow, GridCell, TopCustomers, Value, ValueRules
from shuke.kernel.errors import Invalid
from shuke.kernel.periods import Period

_DAY = 86_400
_ASKED = pa.schema([*CUSTOMERS, ("last_clock", pa.int64())])
_RECENT = pa.schema([("customer_id", pa.int64()), ("orders", pa.int64()), ("days", pa.int64())])
# What a list of customers may be of, besides bands and cells.
PLAIN = (
    "all", "buyers", "super", "best", "half_year", "regular", "one_time", "negative", "zero", "leader", "ordinary",
)  # fmt: skip
_BAND = re.compile(r"(amount|frequency)_(none|\d{1,2})")
_CELL = re.compile(r"rfm_([1-5])([1-5])([1-5])?")


@dataclass(frozen=True)
class Scored:
    """One entry a customer, in no order. `age`: seconds on the shop's clock since the last order, -1 where there is none.

    Bands and scores: -1 and 0 for who has no order. `top` and `best`: places of super users and of the best part.
    """

    version: Version
    table: pa.Table
    ids: np.ndarray
    orders: np.ndarray
    amounts: np.ndarray
    age: np.ndarray
    half_orders: np.ndarray
    half_days: np.ndarray
    amount_band: np.ndarray
    frequency_band: np.ndarray
    scores: tuple[np.ndarray, np.ndarray, np.ndarray]
    top: decisions.Best | None
    best: decisions.Best | None
    is_leader: np.ndarray  # as somebody said; neither: nobody knows
    is_ordinary: np.ndarray

    @property
    def is_buyer(self) -> np.ndarray:
        return self.orders > 0


def scored(
    one: Purchases,
    version: Version,
    rules: ValueRules,
    half_year: Period,
    said: Mapping[int, leaders.Saying] | None = None,
) -> Scored:
    """All customers of a version; `said` of opinion leaders."""

    def all_of_it() -> ibis.Table:
        rows = one.customers(version)
        return rows.mutate(last_clock=one.clock_seconds(rows.last_at))

    def half_of_it() -> ibis.Table:
        return one.customers(version, within=half_year).select("customer_id", "orders", "days")

    clock = (str(one.shop.zone), one.period)
    table = one.asked(("scored", version, clock), all_of_it, _ASKED)
    ids, orders, amounts = (_array(table, name) for name in ("customer_id", "orders", "amount_minor"))
    # The hour that a clock shows twice is no reason for an order from the future.
    age = np.where(orders > 0, np.maximum(one.clock_now - _array(table, "last_clock"), 0), -1)
    recent = one.asked(("half_year", version, half_year), half_of_it, _RECENT)
    half_orders, half_days = _looked_up(ids, recent)
    buys = orders > 0
    scores = tuple(np.zeros(len(ids), np.int64) for _ in range(3))
    asked = ((age[buys] // _DAY, False), (orders[buys], True), (amounts[buys], True))
    edges = (rules.recency_edges, rules.order_edges, rules.money_edges)
    for score, (values, is_more), by in zip(scores, asked, edges, strict=True):
        score[buys] = (
            decisions.by_edges(values, by, more_is_better=is_more)
            if rules.is_fixed
            else decisions.fifths(values, more_is_better=is_more)
        )
    return Scored(
        version=version,
        table=table,
        ids=ids,
        orders=orders,
        amounts=amounts,
        age=age,
        half_orders=half_orders,
        half_days=half_days,
        amount_band=decisions.average_bands(amounts, orders, rules.amount_edges),
        frequency_band=decisions.bands_of(half_orders, rules.frequency_edges),
        scores=(scores[0], scores[1], scores[2]),
        top=decisions.smallest_set(ids, amounts, rules.super_share),
        best=decisions.best_part(ids, amounts, rules.best_share),
        is_leader=np.isin(ids, [i for i, saying in (said or {}).items() if saying.is_leader]),
        is_ordinary=np.isin(ids, [i for i, saying in (said or {}).items() if not saying.is_leader]),
    )


def _array(table: pa.Table, name: str) -> np.ndarray:
    column = table[name].combine_chunks()
    return column.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)


def _looked_up(ids: np.ndarray, recent: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """Orders and purchase days of each of `ids`, 0 where `recent` has none."""
    found = (np.zeros(len(ids), np.int64), np.zeros(len(ids), np.int64))
    if not recent.num_rows:
        return found
    known = _array(recent, "customer_id")
    order = np.argsort(known)
    places = np.minimum(np.searchsorted(known[order], ids), len(known) - 1)
    is_there = known[order][places] == ids
    for values, name in zip(found, ("orders", "days"), strict=True):
        values[is_there] = _array(recent, name)[order][places][is_there]
    return found


def summed(of: Scored, rules: ValueRules, left_out: tuple) -> Value:
    """The numbers of a version."""
    buys = of.is_buyer
    buyers, age = int(buys.sum()), of.age[buys]

    def mean(total: int, count: int) -> Fraction | None:
        return Fraction(total, count) if count else None

    total = decisions.sum_of(of.amounts)
    return Value(
        version=of.version,
        customers=len(of.ids),
        buyers=buyers,
        orders=int(of.orders.sum()),
        amount_minor=total,
        recency_days=mean(int((age // _DAY).sum()), buyers),
        recency_exact=mean(int(age.sum()), buyers * _DAY),
        frequency=mean(int(of.orders.sum()), buyers),
        money_minor=mean(total, len(of.ids)),
        one_time=int((of.orders == 1).sum()),
        negative=int((of.amounts < 0).sum()),
        zero=int((of.amounts == 0).sum()),
        leaders=int(of.is_leader.sum()),
        ordinary=int(of.is_ordinary.sum()),
        half_year_buyers=int((of.half_orders > 0).sum()),
        regulars=int((of.half_days >= rules.regular_days).sum()),
        super_users=_told(of, of.top, total),
        best=_told(of, of.best, total),
        amount_bands=_band_rows(of, "amount", of.amount_band, decisions.bands(rules.amount_edges)),
        frequency_bands=_band_rows(
            of, "frequency", of.frequency_band, decisions.bands(rules.frequency_edges, lowest=0)
        ),
        grid=tuple(
            GridCell(r, f, int(chosen.sum()), decisions.sum_of(of.amounts[chosen]))
            for r in range(decisions.SCORES, 0, -1)
            for f in range(1, decisions.SCORES + 1)
            for chosen in [(of.scores[0] == r) & (of.scores[1] == f)]
        ),
        money_scores=tuple(
            (score, int((of.scores[2] == score).sum())) for score in range(decisions.SCORES, 0, -1)
        ),
        left_out=left_out,
    )


def _told(of: Scored, best: decisions.Best | None, total: int) -> TopCustomers | None:
    if best is None:
        return None
    return TopCustomers(
        customers=len(best.places),
        share_of_customers=Fraction(len(best.places), len(of.ids)),
        amount_minor=best.amount_minor,
        share_of_income=Fraction(best.amount_minor, total) if total > 0 else None,
        tied=best.tied,
        tied_inside=best.tied_inside,
    )


def _band_rows(
    of: Scored, name: str, placed: np.ndarray, bands: tuple[decisions.Band, ...]
) -> tuple[BandRow, ...]:
    rows = []
    for number, band in enumerate(bands):
        chosen = placed == number
        rows.append(
            BandRow(f"{name}_{number}", band, int(chosen.sum()), decisions.sum_of(of.amounts[chosen]))
        )
    without = placed < 0
    if without.any():
        rows.append(BandRow(f"{name}_none", None, int(without.sum()), decisions.sum_of(of.amounts[without])))
    return tuple(rows)


def check_which(which: str) -> None:
    """Raises Invalid for what names no list: one of PLAIN, `amount_<n>` or `frequency_<n>` (bands from 0, or `none`),
    `rfm_<r><f>` or `rfm_<r><f><m>` (scores)."""
    if which not in PLAIN and not _BAND.fullmatch(which) and not _CELL.fullmatch(which):
        raise Invalid(field="which", value=which)


def places_of(of: Scored, which: str, rules: ValueRules) -> np.ndarray:
    """The places of the customers behind a number, the highest amounts first. Raises Invalid as `check_which`."""
    check_which(which)
    plain = {
        "all": lambda: np.ones(len(of.ids), bool),
        "buyers": lambda: of.is_buyer,
        "half_year": lambda: of.half_orders > 0,
        "regular": lambda: of.half_days >= rules.regular_days,
        "one_time": lambda: of.orders == 1,
        "negative": lambda: of.amounts < 0,
        "zero": lambda: of.amounts == 0,
        "leader": lambda: of.is_leader,
        "ordinary": lambda: of.is_ordinary,
    }
    if which in ("super", "best"):
        found = of.top if which == "super" else of.best
        return found.places if found is not None else np.zeros(0, np.int64)
    if which in plain:
        chosen = plain[which]()
    elif band := _BAND.fullmatch(which):
        placed = of.amount_band if band[1] == "amount" else of.frequency_band
        chosen = placed == (-1 if band[2] == "none" else int(band[2]))
    else:
        wanted = [int(score) for score in which.removeprefix("rfm_")]
        chosen = of.is_buyer
        for score, scores in zip(wanted, of.scores, strict=False):
            chosen = chosen & (scores == score)
    places = np.flatnonzero(chosen)
    return places[np.lexsort((of.ids[places], -of.amounts[places]))]
