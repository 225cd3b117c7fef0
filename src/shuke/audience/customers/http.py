"""The API of customers: the list, one of them, his time line. Names are masked: a program knows a customer by his id."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Literal

from ninja import Path, Query, Router, Schema

from shuke.audience import timeline
from shuke.audience.customers import reads
from shuke.kernel import clock
from shuke.kernel.errors import Invalid
from shuke.shops.access import ShopRequest, api
from shuke.shops.csv_out import PIECE, csv_response
from shuke.shops.roles import Deed

router = Router()

CustomerId = Annotated[str, Path(pattern=r"^-?[0-9]{1,19}$", description="a customer's id")]
PAGE = Query(1, ge=1, le=100_000)
SIZE = Query(50, ge=1, le=500)
UNTIL = Query(None, description="until this moment; none: now")


class CustomerOut(Schema):
    """Amounts in minor units of the shop's currency; `ref` masked. Null: no fact tells it, or it was not asked for."""

    customer_id: str
    ref: str | None
    first_at: datetime | None
    last_at: datetime | None
    visits: int
    orders: int
    gross_minor: int | None
    net_minor: int | None
    first_channel: str | None
    region: str | None
    tags: list[str]


class CustomersOut(Schema):
    """`count`: those that fit the search; `everyone`: all; `unnamed`: paid orders of nobody known."""

    count: int
    everyone: int
    buyers: int
    unnamed: int
    page: int
    size: int
    customers: list[CustomerOut]


class IdentityOut(Schema):
    identity_id: str
    kind: str
    ref: str | None


class TerminalOut(Schema):
    terminal: str
    visits: int


class OneCustomerOut(CustomerOut):
    identities: list[IdentityOut]
    terminals: list[TerminalOut]


class DetailOut(Schema):
    label: str
    value: str | int | float | None
    unit: str


class EntryOut(Schema):
    kind: str
    key: str
    at: datetime
    code: str
    words: str
    identity_id: str
    details: list[DetailOut]


class TimelineOut(Schema):
    """`cursor` asks for the page that follows; null: there is none. `hidden`: kinds that the asker may not see."""

    entries: list[EntryOut]
    cursor: str | None
    hidden: list[str]


@router.get("/shops/{shop}/customers", response=CustomersOut, operation_id="list_customers")
@api(Deed.VIEW_CUSTOMERS)
def list_customers(
    request: ShopRequest,
    shop: str,
    sort: str = Query("-last_at", max_length=30),
    search: str = Query("", max_length=200, description="a name under which a source knows somebody, whole"),
    page: int = PAGE,
    size: int = SIZE,
    format: Literal["json", "csv"] = "json",
) -> Any:
    """Known people who visited or bought, `sort` by last_at, first_at, visits, orders, net_minor or gross_minor (`-`: down)."""
    access, at = request.access, clock.now()
    asked: dict[str, Any] = {"sort": sort, "search": search, "columns": reads.COLUMNS, "at": at}
    if format == "csv":
        return csv_response(access, "customers", CSV_COLUMNS, _csv_rows(access.shop, asked))
    found = reads.list_customers(access.shop, page=page, size=size, **asked)
    return told_page(found)


CSV_COLUMNS = tuple(CustomerOut.model_fields)


def _csv_rows(shop: Any, asked: dict[str, Any]) -> Iterator[Sequence[Any]]:
    number = 1
    while True:
        found = reads.list_customers(shop, page=number, size=PIECE, **asked)
        for row in found.rows:
            told = told_customer(row)
            yield [", ".join(told[name]) if name == "tags" else told[name] for name in CSV_COLUMNS]
        if number * PIECE >= found.count:
            return
        number += 1


@router.get("/shops/{shop}/customers/{customer_id}", response=OneCustomerOut, operation_id="get_customer")
@api(Deed.VIEW_CUSTOMERS)
def get_customer(request: ShopRequest, shop: str, customer_id: CustomerId) -> Any:
    """One customer, by his id or that of any of his identities."""
    return told_one(reads.customer(request.access.shop, number(customer_id), at=clock.now()))


@router.get(
    "/shops/{shop}/customers/{customer_id}/timeline",
    response=TimelineOut,
    operation_id="get_customer_timeline",
)
@api(Deed.VIEW_CUSTOMERS)
def get_customer_timeline(
    request: ShopRequest,
    shop: str,
    customer_id: CustomerId,
    cursor: str | None = Query(None, max_length=200),
    size: int = Query(50, ge=1, le=200),
    kinds: str = Query("", max_length=400, description="kinds by name, with commas; none: all"),
    at: datetime | None = UNTIL,
) -> Any:
    """What happened to a customer, newest first."""
    access = request.access
    known = reads.customer(access.shop, number(customer_id), at=clock.now())
    found = reads.timeline_of(
        access.shop,
        known.customer_id,
        at=_moment(at) or clock.now(),
        cursor=cursor,
        limit=size,
        only=[part for part in kinds.split(",") if part],
        may=access.may,
    )
    return told_timeline(found)


def number(text: str) -> int:
    """An id as it stands in an address. Raises Invalid."""
    found = int(text)
    if not -(2**63) <= found < 2**63:
        raise Invalid(field="customer_id", value=text)
    return found


def _moment(at: datetime | None) -> datetime | None:
    if at is not None and (at.tzinfo is None or not 1990 <= at.year <= 2199):
        raise Invalid(field="at", value=at.isoformat())
    return at


# --- what goes out: the command gives the same


def masked(ref: str | None) -> str | None:
    """A name as it leaves the house: its first letter."""
    return None if ref is None else f"{ref[:1]}•••"


def told_customer(row: reads.CustomerRow) -> dict[str, Any]:
    told = {name: getattr(row, name) for name in CSV_COLUMNS}
    return told | {
        "customer_id": str(row.customer_id),
        "ref": masked(row.ref),
        "tags": list(row.tags),
    }


def told_page(found: reads.CustomerPage) -> dict[str, Any]:
    numbers = {name: getattr(found, name) for name in CustomersOut.model_fields if name != "customers"}
    return numbers | {"customers": [told_customer(row) for row in found.rows]}


def told_one(found: reads.Customer) -> dict[str, Any]:
    return told_customer(found.row) | {
        "identities": [
            {"identity_id": str(one.identity_id), "kind": one.kind, "ref": masked(one.ref)}
            for one in found.identities
        ],
        "terminals": [{"terminal": name, "visits": visits} for name, visits in found.terminals],
    }


def told_timeline(found: timeline.TimelinePage) -> dict[str, Any]:
    return {
        "entries": [_told_entry(one) for one in found.entries],
        "cursor": found.cursor,
        "hidden": list(found.hidden),
    }


def _told_entry(entry: timeline.Entry) -> dict[str, Any]:
    return {
        "kind": entry.kind,
        "key": entry.key,
        "at": entry.at,
        "code": entry.words.code,
        "words": entry.words.text(),
        "identity_id": str(entry.identity_id),
        "details": [
            {"label": str(one.label), "value": _plain(one.value), "unit": one.unit} for one in entry.details
        ],
    }


def _plain(value: Any) -> str | int | float | None:
    if value is None or isinstance(value, str | int | float):
        return value
    return value.isoformat() if isinstance(value, datetime | date) else str(value)
