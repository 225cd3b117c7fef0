"""The API of customers: the list, one of them, his time line. Names are masked: a program knows a customer by his id."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Literal

from ninja import Field, Path, Query, Router, Schema

from shuke.audience import timeline
from shuke.audience.customers import actions, reads
from shuke.audience.identities import reads as identities
from shuke.kernel import clock
from shuke.kernel.errors import Invalid
from shuke.shops.access import ShopRequest, api
from shuke.shops.csv_out import PIECE, csv_response
from shuke.shops.roles import Deed

router = Router()

CustomerId = Annotated[str, Path(pattern=r"^-?[0-9]{1,19}$", description="a customer's id")]
ChosenId = Annotated[str, Field(pattern=r"^-?[0-9]{1,19}$")]
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


class AttributeDefinitionOut(Schema):
    name: str
    type: str
    title: dict[str, str]
    traits: list[str]
    choices: dict[str, dict[str, str]] | None
    is_own: bool


class AttributeDefinitionIn(Schema):
    name: str = Field(max_length=40)
    type: str = Field(max_length=20)
    title: dict[str, str]
    traits: list[str] = []
    choices: dict[str, dict[str, str]] | None = None


class StatementOut(Schema):
    """`value` null: from then on unknown."""

    value: Any
    at: datetime
    source: str
    made_by: str
    identity_id: str


class AttributeOut(Schema):
    """`value` as it is kept: money in minor units, choices by key, birthdays as objects; null: unknown. `history`: the
    statement that holds first."""

    name: str
    type: str
    value: Any
    history: list[StatementOut]


class AttributeIn(Schema):
    """`told_at`: since when it is so; none: now."""

    name: str = Field(max_length=40)
    value: Any = None
    told_at: datetime | None = None


class TagOut(Schema):
    """It stands from `given_at` until the earlier of `until` and `taken_at`, at which it is gone."""

    tag: str
    origin: str
    rule: str
    given_by: str
    given_at: datetime
    until: datetime | None
    taken_at: datetime | None
    taken_by: str
    stands: bool


class TagIn(Schema):
    """`is_trial`: only say how many."""

    customers: list[ChosenId] = Field(max_length=actions.MOST_CHOSEN)
    tag: str = Field(max_length=200)
    until: datetime | None = None
    is_trial: bool = False


class TakeTagIn(Schema):
    customers: list[ChosenId] = Field(max_length=actions.MOST_CHOSEN)
    tag: str = Field(max_length=200)
    is_trial: bool = False


class TaggedOut(Schema):
    changed: int
    unchanged: int


@router.get(
    "/shops/{shop}/customers/attributes",
    response=list[AttributeDefinitionOut],
    operation_id="list_attributes",
)
@api(Deed.VIEW_CUSTOMERS)
def list_attributes(request: ShopRequest, shop: str) -> Any:
    """What may be known of a customer here."""
    return [_told_definition(one) for one in reads.attributes_offered(request.access.shop)]


@router.post(
    "/shops/{shop}/customers/attributes", response=AttributeDefinitionOut, operation_id="define_attribute"
)
@api(Deed.MANAGE_CUSTOMERS)
def define_attribute(request: ShopRequest, shop: str, given: AttributeDefinitionIn) -> Any:
    """An attribute of the shop's own."""
    return _told_definition(request.access.do(actions.define_attribute, **given.dict()))


@router.post("/shops/{shop}/customers/tags", response=TaggedOut, operation_id="give_tag")
@api(Deed.MANAGE_CUSTOMERS)
def give_tag(request: ShopRequest, shop: str, given: TagIn) -> Any:
    """Give a tag to customers; who has it already keeps it as it is."""
    ids = [number(one) for one in given.customers]
    return request.access.do(
        actions.give_tag,
        customer_ids=ids,
        tag=given.tag,
        until=_moment(given.until),
        is_trial=given.is_trial,
    )


@router.post("/shops/{shop}/customers/tags/take", response=TaggedOut, operation_id="take_tag")
@api(Deed.MANAGE_CUSTOMERS)
def take_tag(request: ShopRequest, shop: str, given: TakeTagIn) -> Any:
    """Take a tag from customers, from now on."""
    ids = [number(one) for one in given.customers]
    return request.access.do(actions.take_tag, customer_ids=ids, tag=given.tag, is_trial=given.is_trial)


@router.get(
    "/shops/{shop}/customers/{customer_id}/attributes",
    response=list[AttributeOut],
    operation_id="get_customer_attributes",
)
@api(Deed.VIEW_CUSTOMERS)
def get_customer_attributes(request: ShopRequest, shop: str, customer_id: CustomerId) -> Any:
    """Each attribute with its value, and all that was said of it."""
    of = _known(request, customer_id)
    found = reads.attributes_of(request.access.shop, of, at=clock.now())
    return [
        {
            "name": one.definition.name,
            "type": one.definition.type,
            "value": one.value,
            "history": [
                {
                    "value": said.value,
                    "at": said.at,
                    "source": said.source,
                    "made_by": said.made_by,
                    "identity_id": str(said.identity_id),
                }
                for said in one.history
            ],
        }
        for one in found
    ]


@router.post(
    "/shops/{shop}/customers/{customer_id}/attributes",
    response={204: None},
    operation_id="set_customer_attribute",
)
@api(Deed.MANAGE_CUSTOMERS)
def set_customer_attribute(
    request: ShopRequest, shop: str, customer_id: CustomerId, given: AttributeIn
) -> Any:
    """Say what an attribute of a customer is."""
    access = request.access
    access.do(
        actions.set_attribute,
        customer_id=number(customer_id),
        name=given.name,
        value=given.value,
        told_at=_moment(given.told_at),
    )
    return 204, None


@router.get(
    "/shops/{shop}/customers/{customer_id}/tags", response=list[TagOut], operation_id="get_customer_tags"
)
@api(Deed.VIEW_CUSTOMERS)
def get_customer_tags(request: ShopRequest, shop: str, customer_id: CustomerId) -> Any:
    """Every tag that was ever given to a customer, the newest first."""
    at = clock.now()
    names = [name for name in TagOut.model_fields if name != "stands"]
    return [
        {name: getattr(one, name) for name in names} | {"stands": one.stands(at)}
        for one in reads.tags_of(request.access.shop, _known(request, customer_id))
    ]


def _known(request: ShopRequest, customer_id: str) -> int:
    """The customer of an address. Raises NotFound, Invalid."""
    shop = request.access.shop
    of = identities.customer_of(shop, number(customer_id))
    reads.require_known(shop, [of])
    return of


def _told_definition(one: reads.Definition) -> dict[str, Any]:
    return {
        "name": one.name,
        "type": one.type,
        "title": dict(one.titles),
        "traits": list(one.traits),
        "choices": one.choices,
        "is_own": one.is_own,
    }


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
