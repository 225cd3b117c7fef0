"""The API of identities: who somebody is, merges and splits, suggestions, and names in facts that could not be read."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from ninja import Query, Router, Schema
from pydantic import Field

from shuke.audience.identities import actions, reads
from shuke.audience.identities.errors import NoSuchCustomer
from shuke.shops.access import ShopRequest, api
from shuke.shops.csv_out import csv_response
from shuke.shops.roles import Deed

router = Router(tags=["identities"])
# Ids exceed what a browser's numbers hold, so they are texts.
_ID = r"^-?[0-9]{1,19}$"


class IdentityOut(Schema):
    """A name under which somebody is known; `ref` is masked: a program knows him by `id`. `is_shared`: of several customers, so
    it joins nobody; `is_crowded`: named with too many others to say who somebody is."""

    id: str
    kind: str
    ref: str
    source: str
    first_at: datetime | None
    last_at: datetime | None
    customer_id: str
    is_shared: bool
    is_crowded: bool


class LinkOut(Schema):
    """`undone_at` empty: it holds."""

    id: int
    one: IdentityOut
    other: IdentityOut
    origin: str
    source: str
    at: datetime
    made_by: str
    undone_at: datetime | None
    undone_by: str


class CustomerIdentitiesOut(Schema):
    """`anchors`: the identities under which to keep what is typed on the customer."""

    customer_id: str
    identities: list[IdentityOut]
    links: list[LinkOut]
    anchors: list[str]


class MergeIn(Schema):
    """Two customers, by any identity of theirs."""

    one: str = Field(pattern=_ID)
    other: str = Field(pattern=_ID)


class SplitIn(Schema):
    """`side`: the identity to whose side goes what was typed on the merged customer; empty: it stays on both."""

    side: str | None = Field(None, pattern=_ID)


class SplitOut(Schema):
    link_id: int
    sides: list[list[str]]
    customers: list[str]
    is_still_one: bool


class SuggestionOut(Schema):
    id: int
    one: IdentityOut
    other: IdentityOut
    reason: str
    via: IdentityOut | None
    at: datetime
    refused_at: datetime | None
    refused_by: str


class SuggestionsOut(Schema):
    count: int
    suggestions: list[SuggestionOut]


class KeptOutOut(Schema):
    kind: str
    reason: str
    count: int
    last_at: datetime


def told(view: reads.IdentityView) -> dict[str, Any]:
    """An identity as the API tells it."""
    texts = {
        "id": str(view.id),
        "customer_id": str(view.customer_id),
        "kind": view.kind.value,
        "ref": view.masked,
    }
    names = ("source", "first_at", "last_at", "is_shared", "is_crowded")
    return texts | {name: getattr(view, name) for name in names}


def told_link(link: reads.LinkView) -> dict[str, Any]:
    names = ("id", "source", "at", "made_by", "undone_at", "undone_by")
    ends = {"one": told(link.one), "other": told(link.other), "origin": link.origin.value}
    return ends | {name: getattr(link, name) for name in names}


def told_suggestion(one: reads.SuggestionView) -> dict[str, Any]:
    ends = {"one": told(one.one), "other": told(one.other), "via": told(one.via) if one.via else None}
    names = ("id", "at", "refused_at", "refused_by")
    return ends | {"reason": one.reason.value} | {name: getattr(one, name) for name in names}


@router.get("/shops/{shop}/customers/find", response=list[IdentityOut], operation_id="find_customers")
@api(Deed.VIEW_CUSTOMERS)
def find_customers(
    request: ShopRequest, shop: str, text: str = Query(..., min_length=1, max_length=400)
) -> Any:
    """Whoever is known by exactly this name: a buyer's id, a device, a phone in any spelling, an e-mail, an id of WeChat."""
    return [told(view) for view in reads.find(request.access.shop, text)]


@router.get(
    "/shops/{shop}/customers/suggestions",
    response=SuggestionsOut,
    operation_id="list_merge_suggestions",
)
@api(Deed.VIEW_CUSTOMERS)
def list_suggestions(
    request: ShopRequest,
    shop: str,
    state: Literal["waiting", "refused"] = "waiting",
    format: Literal["json", "csv"] = "json",
    offset: int = Query(0, ge=0, le=1_000_000),
    limit: int = Query(50, ge=1, le=500),
) -> Any:
    """Merges of two identified people that wait for a person, or (`refused`) that somebody refused; the newest first."""
    view = request.access.shop
    if format == "csv":
        return suggestions_csv(request, state)
    found = reads.suggestions(view, state=state, offset=offset, limit=limit)
    count = reads.count_suggestions(view, state=state)
    return {"count": count, "suggestions": [told_suggestion(one) for one in found]}


def suggestions_csv(request: Any, state: str) -> Any:
    """All of them as a file; names masked, as in every export."""
    header = ["id", "at", "reason", "one_id", "one", "other_id", "other", "via", "refused_at", "refused_by"]
    return csv_response(request.access, "merge-suggestions", header, _lines(request.access.shop, state))


def _lines(shop: Any, state: str) -> Any:
    offset, piece = 0, 500
    while found := reads.suggestions(shop, state=state, offset=offset, limit=piece):
        for one in found:
            names = [
                one.one.id,
                one.one.masked,
                one.other.id,
                one.other.masked,
                one.via.masked if one.via else "",
            ]
            yield [one.id, one.at, one.reason.value, *names, one.refused_at, one.refused_by]
        offset += piece


@router.post(
    "/shops/{shop}/customers/suggestions/{suggestion_id}/accept",
    response=LinkOut,
    operation_id="accept_merge_suggestion",
)
@api(Deed.MANAGE_CUSTOMERS)
def accept_suggestion(request: ShopRequest, shop: str, suggestion_id: int) -> Any:
    """Merge the two people of a suggestion."""
    return told_link(request.access.do(actions.accept_suggestion, suggestion_id=suggestion_id))


@router.post(
    "/shops/{shop}/customers/suggestions/{suggestion_id}/refuse",
    response=SuggestionOut,
    operation_id="refuse_merge_suggestion",
)
@api(Deed.MANAGE_CUSTOMERS)
def refuse_suggestion(request: ShopRequest, shop: str, suggestion_id: int) -> Any:
    """They are two: not suggested again for this reason."""
    request.access.do(actions.refuse_suggestion, suggestion_id=suggestion_id)
    return told_suggestion(reads.suggestion_of(request.access.shop, suggestion_id))


@router.post("/shops/{shop}/customers/merges", response=LinkOut, operation_id="merge_customers")
@api(Deed.MANAGE_CUSTOMERS)
def merge_customers(request: ShopRequest, shop: str, given: MergeIn) -> Any:
    """Say that two customers are one. Undone by splitting the link that this answers."""
    return told_link(request.access.do(actions.merge, one_id=int(given.one), other_id=int(given.other)))


@router.post(
    "/shops/{shop}/customers/links/{link_id}/split", response=SplitOut, operation_id="split_customer"
)
@api(Deed.MANAGE_CUSTOMERS)
def split_customer(request: ShopRequest, shop: str, link_id: int, given: SplitIn) -> Any:
    """Undo a link: both sides are as if it had never been."""
    side = None if given.side is None else int(given.side)
    done = request.access.do(actions.split, link_id=link_id, side=side)
    return {
        "link_id": done.link_id,
        "sides": [[str(one) for one in side_of] for side_of in done.sides],
        "customers": [str(one) for one in done.customers],
        "is_still_one": done.is_still_one,
    }


@router.get(
    "/shops/{shop}/customers/identities/unread",
    response=list[KeptOutOut],
    operation_id="list_unread_identities",
)
@api(Deed.VIEW_QUARANTINE)
def list_unread(request: ShopRequest, shop: str) -> Any:
    """How many phones and e-mails in facts could not be read, and why."""
    return [
        {"kind": one.kind.value, "reason": one.reason, "count": one.count, "last_at": one.last_at}
        for one in reads.kept_out(request.access.shop)
    ]


@router.get(
    "/shops/{shop}/customers/identities/of/{identity_id}",
    response=CustomerIdentitiesOut,
    operation_id="get_customer_identities",
)
@api(Deed.VIEW_CUSTOMERS)
def customer_identities(request: ShopRequest, shop: str, identity_id: str) -> Any:
    """The customer to whom an identity belongs: all names under which he is known, and who said so."""
    view = request.access.shop
    if not identity_id.lstrip("-").isdigit() or len(identity_id) > 20:
        raise NoSuchCustomer(field="customer", value=identity_id)
    customer_id = reads.customer_of(view, int(identity_id))
    return {
        "customer_id": str(customer_id),
        "identities": [told(one) for one in reads.identities_of(view, customer_id)],
        "links": [told_link(one) for one in reads.links_of(view, customer_id)],
        "anchors": [str(one) for one in reads.anchors_of(view, customer_id)],
    }
