"""The API of forecasts: what customers will bring, who of them, and asking for a forecast now."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from ninja import Query, Router, Schema

from shuke.audience.forecast import actions, reads
from shuke.audience.identities import reads as identities
from shuke.kernel import clock
from shuke.kernel.errors import NotFound
from shuke.shops.access import ShopRequest, api
from shuke.shops.csv_out import csv_response
from shuke.shops.reads import ShopView
from shuke.shops.roles import Deed

router = Router()
Format = Literal["json", "csv"]
COLUMNS = (
    "customer_id",
    "days",
    "first_day",
    "last_day",
    "alive",
    "expected_orders",
    "next_day",
    "next_late",
    "order_value",
    "lifetime_value",
)


class ExpectedOut(Schema):
    """What to expect, and between what it lies with the forecast's `share`. Money in minor units."""

    expected: float
    low: float
    high: float


class ParameterOut(Schema):
    """`error`: its standard error; null where the data do not determine it."""

    name: str
    value: float
    error: float | None


class FittedOut(Schema):
    """`is_settled`: the most likely parameters; else the middle of what is plausible."""

    parameters: list[ParameterOut]
    log_likelihood: float
    is_settled: bool
    customers: int


class BandOut(Schema):
    """Customers whose chance to come again lies from `low` to below `high`."""

    low: float
    high: float
    customers: int
    expected_orders: float


class WeekOut(Schema):
    """Order days after the cut up to `day`, added up."""

    day: date
    expected: float
    low: float | None
    high: float | None
    actual: int


class HoldoutOut(Schema):
    """The same forecast as it would have been made at the end of `cut`, held against what came."""

    cut: date
    last_day: date
    customers: int
    is_held: bool | None
    weeks: list[WeekOut]


class ForecastOut(Schema):
    """`start` (included) to `end` (not included) are the days ahead. `orders` are order days of the `customers` known at the
    end of `last_day`; new ones are in no number. `why_not`: too_few or too_short, then nothing is forecast. `job_id`: the
    job that makes one now. All null or empty where none was made."""

    made_at: datetime | None
    first_day: date | None
    last_day: date | None
    start: date | None
    end: date | None
    share: float | None
    currency: str
    customers: int
    repeaters: int
    order_days: int
    new_customers: int
    is_few: bool
    why_not: str
    orders: ExpectedOut | None
    value: ExpectedOut | None
    alive: float | None
    of_orders: FittedOut | None
    of_money: FittedOut | None
    correlation: float | None
    bands: list[BandOut]
    holdout: HoldoutOut | None
    job_id: int | None


class CustomerOut(Schema):
    """`ref`: a name as the source wrote it; null where none did. Money in minor units; null where it can not be computed."""

    customer_id: str
    ref: str | None
    days: int
    first_day: date
    last_day: date
    alive: float
    expected_orders: float
    next_day: date | None
    next_late: date | None
    order_value: float | None
    lifetime_value: float | None


class PeopleOut(Schema):
    last_day: date | None
    lifetime_months: int
    count: int
    all: int
    page: int
    size: int
    customers: list[CustomerOut]


class StartedOut(Schema):
    job_id: int


@router.get("/shops/{shop}/customers/forecast", response=ForecastOut, operation_id="get_forecast")
@api(Deed.VIEW_TRAFFIC)
def get_forecast(request: ShopRequest, shop: str) -> Any:
    """The newest forecast: orders and value of the days ahead with their interval, the fit, and how an older one fared."""
    return as_json(request.access.shop)


@router.post("/shops/{shop}/customers/forecast", response=StartedOut, operation_id="start_forecast")
@api(Deed.MANAGE_CUSTOMERS)
def start_forecast(request: ShopRequest, shop: str) -> Any:
    """Make a forecast now, as a job. It is also made once a day."""
    access = request.access
    job = actions.start_forecast(shop=access.shop, actor=access.actor, at=clock.now())
    return {"job_id": job}


@router.get("/shops/{shop}/customers/forecast/people", response=PeopleOut, operation_id="get_forecast_people")
@api(Deed.VIEW_CUSTOMERS)
def get_people(
    request: ShopRequest,
    shop: str,
    band: int | None = Query(
        None, ge=0, le=9, description="tenth of the chance to come again: 9 is 0.9 to 1"
    ),
    sort: str = Query(
        "-expected_orders", max_length=40, description="a number of a customer; - first: falling"
    ),
    search: str = Query("", max_length=200, description="a name under which a source knows somebody, whole"),
    page: int = Query(1, ge=1, le=1_000_000),
    size: int = Query(50, ge=1, le=1000),
    format: Format = "json",
) -> Any:
    """Customers one by one: the chance to come again, orders to expect, the next order's date, lifetime value."""
    access = request.access
    asked: dict[str, Any] = {"band": band, "sort": sort, "search": search}
    found = reads.of_customers(access.shop, **asked, page=page, size=size)
    if format == "csv":
        rows = reads.every_customer(access.shop, **asked)
        return csv_response(access, "forecast-people", COLUMNS, (list(told(row).values()) for row in rows))
    if found is None:
        return {
            "last_day": None, "lifetime_months": 0, "count": 0, "all": 0, "page": page, "size": size, "customers": [],
        }  # fmt: skip
    refs = refs_of(access.shop, found.rows)
    return {
        "last_day": found.forecast.last_day,
        "lifetime_months": found.values.months,
        "count": found.count,
        "all": found.all,
        "page": page,
        "size": size,
        "customers": [told(row) | {"ref": refs.get(row.customer_id)} for row in found.rows],
    }


@router.get(
    "/shops/{shop}/customers/{customer_id}/forecast",
    response=CustomerOut,
    operation_id="get_customer_forecast",
)
@api(Deed.VIEW_CUSTOMERS)
def get_customer_forecast(request: ShopRequest, shop: str, customer_id: str) -> Any:
    """One customer's forecast. 404 where there is none, or he had no order by its day."""
    view = request.access.shop
    is_number = customer_id.removeprefix("-").isdecimal() and customer_id.isascii()
    found = reads.of_customer(view, int(customer_id)) if is_number and abs(int(customer_id)) < 2**63 else None
    if found is None:
        raise NotFound(field="customer_id", value=customer_id)
    _made, row = found
    return told(row) | {"ref": refs_of(view, (row,)).get(row.customer_id)}


# --- what goes out: the command and the page give the same


def refs_of(shop: ShopView, rows: tuple[reads.CustomerForecast, ...]) -> dict[int, str]:
    """Names of these customers as their sources wrote them."""
    return identities.refs_in_facts(shop, identities.Kind.PERSON, [row.customer_id for row in rows])


def told(row: reads.CustomerForecast) -> dict[str, Any]:
    """One customer; the id as text, since it exceeds what a browser's numbers hold."""
    return {name: getattr(row, name) for name in COLUMNS} | {"customer_id": str(row.customer_id)}


def as_json(shop: ShopView) -> dict[str, Any]:
    """The newest forecast of a shop as the API tells it."""
    made, job = reads.forecast(shop), reads.running_job(shop)
    if made is None:
        empty = dict.fromkeys(ForecastOut.model_fields)
        return empty | {
            "currency": shop.currency,
            **dict.fromkeys(("customers", "repeaters", "order_days", "new_customers"), 0),
            "is_few": True,
            "why_not": "",
            "bands": [],
            "job_id": job,
        }
    names = ("made_at", "first_day", "last_day", "share", "currency", "customers", "repeaters", "order_days",
             "new_customers", "is_few", "why_not", "alive", "correlation")  # fmt: skip
    answer: dict[str, Any] = {name: getattr(made, name) for name in names}
    held = made.holdout
    return answer | {
        "start": made.period.start,
        "end": made.period.end,
        "orders": vars(made.orders) if made.orders else None,
        "value": vars(made.value) if made.value else None,
        "of_orders": _fitted(made.of_orders),
        "of_money": _fitted(made.of_money),
        "bands": [vars(band) for band in made.bands],
        "holdout": None
        if held is None
        else {
            "cut": held.cut,
            "last_day": held.last_day,
            "customers": held.customers,
            "is_held": held.is_held,
            "weeks": [vars(week) for week in held.weeks],
        },
        "job_id": job,
    }


def _fitted(fit: reads.Fitted | None) -> dict[str, Any] | None:
    if fit is None:
        return None
    return vars(fit) | {"parameters": [vars(one) for one in fit.parameters]}
