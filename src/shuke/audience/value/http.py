"""The API of value and lifecycle: what customers are worth, their grid, where they stand, and who is behind each number."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any, Literal, TypeVar

from django.utils.translation import gettext_lazy as _
from ninja import Query, Router

from shuke.audience.value import actions, reads
from shuke.audience.value.http_shapes import (
    CustomersOut,
    GridOut,
    LifecycleOut,
    LifeOut,
    LivingCustomersOut,
    StandingIn,
    StandingOut,
    ValueReportOut,
)
from shuke.audience.value.wording import masked
from shuke.kernel import clock
from shuke.kernel.errors import Invalid
from shuke.kernel.periods import local_day
from shuke.shops.access import ShopRequest, api
from shuke.shops.csv_out import PIECE, csv_response
from shuke.shops.roles import Deed

router = Router()
Format = Literal["json", "csv"]
Which = Literal["gross", "netted"]
FIRST_DAY = date(1990, 1, 1)
PAGE = Query(1, ge=1, le=100_000)
PAGE_SIZE = Query(50, ge=1, le=reads.LARGEST_PAGE)
AT = Query(None, description="as of this moment, with its zone; without it: now")
DAY = Query(None, description="the shop's day, at its end; without it: today")


class BadMoment(Invalid):
    code = "bad_moment"
    words = _("%(field)s can not be %(value)s.")
    remedy = _(
        "Name a moment with its zone, such as 2026-06-01T12:00:00+08:00, from 1990 on and not in the future."
    )


@router.get("/shops/{shop}/customers/value", response=ValueReportOut, operation_id="get_customer_value")
@api(Deed.VIEW_TRAFFIC)
def get_customer_value(request: ShopRequest, shop: str, at: datetime | None = AT) -> Any:
    """What customers are worth before a moment, netted and gross, with bands, super users and what does not count."""
    return value_told(reads.value(request.access.shop, at=_moment(at)))


@router.get("/shops/{shop}/customers/rfm", response=GridOut, operation_id="get_customer_rfm")
@api(Deed.VIEW_TRAFFIC)
def get_customer_rfm(
    request: ShopRequest, shop: str, version: Which = "netted", at: datetime | None = AT
) -> Any:
    """Customers by recency and frequency, each scored 1 to 5."""
    return grid_told(reads.value(request.access.shop, at=_moment(at), versions=(version,)), version)


@router.get(
    "/shops/{shop}/customers/value/customers", response=CustomersOut, operation_id="list_valued_customers"
)
@api(Deed.VIEW_CUSTOMERS)
def list_valued_customers(
    request: ShopRequest,
    shop: str,
    which: str = Query(
        "all",
        max_length=20,
        description="all, buyers, super, best, half_year, regular, one_time, negative, zero, leader, ordinary; amount_0, frequency_0, … (bands), "
        "amount_none; rfm_54 or rfm_545 (scores of R, F and M)",
    ),
    version: Which = "netted",
    at: datetime | None = AT,
    page: int = PAGE,
    size: int = PAGE_SIZE,
    format: Format = "json",
) -> Any:
    """The customers behind a number, the highest amounts first."""
    moment, owner = _moment(at), request.access.shop

    def ask(number: int, rows: int) -> reads.ValuedCustomers:
        return reads.value_customers(owner, which=which, version=version, at=moment, page=number, size=rows)

    if format == "csv":
        return csv_response(request.access, f"customers-{which}", VALUED_COLUMNS, valued_rows(ask))
    found = ask(page, size)
    return {
        "count": found.count,
        "amount_minor": found.amount_minor,
        "page": found.page,
        "size": found.size,
        "customers": [_customer(row) for row in found.rows],
    }


@router.put(
    "/shops/{shop}/customers/opinion-leaders/{customer_id}",
    response=StandingOut,
    operation_id="say_opinion_leader",
)
@api(Deed.MANAGE_CUSTOMERS)
def say_opinion_leader(request: ShopRequest, shop: str, customer_id: int, said: StandingIn) -> Any:
    """Say that a customer is an opinion leader, or is not; null takes back what was said."""
    if abs(customer_id) >= 2**63:
        raise Invalid(field="customer_id", value=customer_id)
    access = request.access
    standing = actions.say_opinion_leader(
        shop=access.shop,
        customer_id=customer_id,
        is_leader=said.is_leader,
        actor=access.actor,
        at=clock.now(),
    )
    return {"customer_id": str(customer_id), "standing": standing}


@router.get("/shops/{shop}/customers/lifecycle", response=LifecycleOut, operation_id="get_lifecycle")
@api(Deed.VIEW_TRAFFIC)
def get_lifecycle(request: ShopRequest, shop: str, day: date | None = DAY, since: date | None = None) -> Any:
    """The states of customers at the end of a day, and from which of `since` (28 days before) they came."""
    at, today = clock.now(), local_day(clock.now(), request.access.shop.zone)
    day = _day("day", day or today)
    since = _day("since", since or day - timedelta(days=28))
    return lifecycle_told(reads.lifecycle(request.access.shop, day=day, since=since, at=at))


@router.get(
    "/shops/{shop}/customers/lifecycle/customers",
    response=LivingCustomersOut,
    operation_id="list_lifecycle_customers",
)
@api(Deed.VIEW_CUSTOMERS)
def list_lifecycle_customers(
    request: ShopRequest,
    shop: str,
    state: Literal["", "new", "active", "returning", "silent"] = "",
    day: date | None = DAY,
    since: date | None = None,
    was: Literal["none", "new", "active", "returning", "silent"] | None = None,
    page: int = PAGE,
    size: int = PAGE_SIZE,
    format: Format = "json",
) -> Any:
    """The customers in a state, and with `since` what they were then; those active last first."""
    at, owner = clock.now(), request.access.shop
    day = _day("day", day or local_day(at, owner.zone))
    if since is not None:
        _day("since", since)

    def ask(number: int, rows: int) -> reads.LivingCustomers:
        return reads.lifecycle_customers(
            owner, day=day, state=state, since=since, was=was, at=at, page=number, size=rows
        )

    if format == "csv":
        return csv_response(
            request.access, f"customers-{state or 'states'}", LIVING_COLUMNS, living_rows(ask)
        )
    found = ask(page, size)
    return {
        "count": found.count,
        "page": found.page,
        "size": found.size,
        "customers": [_living(row) for row in found.rows],
    }


@router.get(
    "/shops/{shop}/customers/lifecycle/of/{customer_id}", response=LifeOut, operation_id="get_customer_life"
)
@api(Deed.VIEW_CUSTOMERS)
def get_customer_life(request: ShopRequest, shop: str, customer_id: int, day: date | None = DAY) -> Any:
    """What one customer was at the end of a day, and every state until then."""
    at, owner = clock.now(), request.access.shop
    if abs(customer_id) >= 2**63:
        raise Invalid(field="customer_id", value=customer_id)
    found = reads.life_of(owner, customer_id, day=_day("day", day or local_day(at, owner.zone)), at=at)
    return {
        "customer_id": str(found.customer_id),
        "day": found.day,
        "state": found.state,
        "by": found.by,
        "last_day": found.last_day,
        "cutoffs": _cutoffs(found.basis),
        "spans": [{"state": one.state, "start": one.start, "end": one.end} for one in found.spans],
    }


# --- what comes in


def _moment(at: datetime | None) -> datetime:
    now = clock.now()
    if at is None:
        return now
    if at.tzinfo is None or at > now or at.date() < FIRST_DAY:
        raise BadMoment(field="at", value=at.isoformat())
    return at


def _day(field: str, day: date) -> date:
    if day < FIRST_DAY:
        raise Invalid(field=field, value=day)
    return day


# --- what goes out


def _number(value: Fraction | None) -> float | None:
    return None if value is None else float(value)


def value_told(found: reads.ValueReport) -> dict[str, Any]:
    """The report as JSON values but for its days; the command gives the same."""
    rules = found.rules
    return {
        "at": found.at,
        "day": found.day,
        "currency": found.currency,
        "half_year_start": found.half_year.start,
        "half_year_end": found.half_year.end,
        "first_day": found.first_day,
        "rules": {
            "half_year_months": rules.half_year_months,
            "regular_days": rules.regular_days,
            "amount_edges": list(rules.amount_edges),
            "frequency_edges": list(rules.frequency_edges),
            "super_share": rules.super_share,
            "best_share": rules.best_share,
        },
        "versions": [_version(one) for one in found.versions],
    }


def _version(one: reads.Value) -> dict[str, Any]:
    plain = (
        "version", "customers", "buyers", "orders", "amount_minor", "one_time", "negative", "zero", "leaders", "ordinary", "half_year_buyers",
        "regulars",
    )  # fmt: skip
    return {name: getattr(one, name) for name in plain} | {
        "metric": reads.METRIC_OF[one.version],
        "recency_days": _number(one.recency_days),
        "recency_exact": _number(one.recency_exact),
        "frequency": _number(one.frequency),
        "money_minor": _number(one.money_minor),
        "super_users": _top(one.super_users),
        "best": _top(one.best),
        "amount_bands": [_band(row) for row in one.amount_bands],
        "frequency_bands": [_band(row) for row in one.frequency_bands],
        "left_out": [
            {"reason": x.reason, "orders": x.orders, "amount_minor": x.amount_minor, "currency": x.currency}
            for x in one.left_out
        ],
    }


def _top(top: reads.TopCustomers | None) -> dict[str, Any] | None:
    if top is None:
        return None
    return {
        "customers": top.customers,
        "share_of_customers": float(top.share_of_customers),
        "amount_minor": top.amount_minor,
        "share_of_income": _number(top.share_of_income),
        "tied": top.tied,
        "tied_inside": top.tied_inside,
    }


def _band(row: reads.BandRow) -> dict[str, Any]:
    return {
        "key": row.key,
        "low": row.band.low if row.band else None,
        "high": row.band.high if row.band else None,
        "is_without": row.band is None,
        "customers": row.customers,
        "amount_minor": row.amount_minor,
    }


def grid_told(found: reads.ValueReport, version: reads.Version) -> dict[str, Any]:
    """The grid of one version; empty where there are no facts."""
    one = found.version(version)
    return {
        "at": found.at,
        "version": version,
        "currency": found.currency,
        "is_fixed": found.rules.is_fixed,
        "recency_edges": list(found.rules.recency_edges),
        "frequency_edges": list(found.rules.order_edges),
        "money_edges": list(found.rules.money_edges),
        "cells": [
            {
                "recency": cell.recency,
                "frequency": cell.frequency,
                "customers": cell.customers,
                "amount_minor": cell.amount_minor,
            }
            for cell in (one.grid if one else ())
        ],
        "money": [{"score": s, "customers": n} for s, n in (one.money_scores if one else ())],
    }


def lifecycle_told(found: reads.Lifecycle) -> dict[str, Any]:
    """As JSON values but for its days; the command gives the same."""
    then = dict(found.states_then)
    return {
        "day": found.day,
        "since": found.since,
        "until": found.until,
        "customers": found.customers,
        "first_day": found.first_day,
        "cutoffs": _cutoffs(found.basis),
        "cutoffs_then": _cutoffs(found.basis_then),
        "states": [
            {"state": state, "customers": count, "customers_then": then[state]}
            for state, count in found.states
        ],
        "flows": [{"was": f.was, "is_now": f.is_now, "customers": f.customers} for f in found.flows],
    }


def _cutoffs(basis: reads.Basis) -> dict[str, Any]:
    cut = basis.cutoffs
    return {"by": basis.name, "new": cut.new, "silent": cut.silent, "returning": cut.returning}


VALUED_COLUMNS: Sequence[str] = (
    "customer_id", "ref", "orders", "days", "first_day", "last_day", "recency_days", "amount_minor", "average_minor",
    "half_year_orders", "half_year_days", "standing", "scores",
)  # fmt: skip
LIVING_COLUMNS: Sequence[str] = (
    "customer_id", "ref", "state", "was", "first_day", "last_day", "by", "active_days",
)  # fmt: skip


def _customer(row: reads.ValuedCustomer) -> dict[str, Any]:
    told = {name: getattr(row, name) for name in VALUED_COLUMNS}
    return told | {
        "customer_id": str(row.customer_id),
        "scores": list(row.scores) if row.scores else None,
    }


def _living(row: reads.LivingCustomer) -> dict[str, Any]:
    return {name: getattr(row, name) for name in LIVING_COLUMNS} | {"customer_id": str(row.customer_id)}


def valued_rows(ask: Callable[[int, int], reads.ValuedCustomers]) -> Iterator[Sequence[Any]]:
    """Every customer behind a number as cells of a file; names of people do not leave in files: `ref` is masked."""
    for found in _pieces(ask):
        for row in found.rows:
            told = _customer(row) | {"ref": masked(row.ref), "scores": "".join(map(str, row.scores or ()))}
            yield [told[name] for name in VALUED_COLUMNS]


def living_rows(ask: Callable[[int, int], reads.LivingCustomers]) -> Iterator[Sequence[Any]]:
    """Every customer of a state as cells of a file, `ref` masked."""
    for found in _pieces(ask):
        for row in found.rows:
            told = _living(row) | {"ref": masked(row.ref)}
            yield [told[name] for name in LIVING_COLUMNS]


Found = TypeVar("Found", reads.ValuedCustomers, reads.LivingCustomers)


def _pieces(ask: Callable[[int, int], Found]) -> Iterator[Found]:
    """All pages of a list, asked in pieces."""
    number = 1
    while (found := ask(number, PIECE)).rows:
        yield found
        if number * found.size >= found.count:
            return
        number += 1
