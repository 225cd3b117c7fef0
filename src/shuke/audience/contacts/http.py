"""The API of contact and consent: coverage, a customer's points and consents, saying what was said, and who may be reached."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from ninja import Query, Router, Schema

from shuke.audience.contacts import actions, coverage, reads
from shuke.audience.contacts.actions import Evidence
from shuke.audience.contacts.kinds import Channel, PointKind, Purpose, Said
from shuke.audience.identities import reads as identities
from shuke.kernel import clock
from shuke.kernel.errors import Invalid
from shuke.shops.access import ShopRequest, api
from shuke.shops.csv_out import csv_response
from shuke.shops.reads import ShopView
from shuke.shops.roles import Deed

router = Router()
ChannelName = Literal["sms", "call", "email", "wechat", "official_account", "weibo"]
PurposeName = Literal["marketing", "service", "survey"]
KindName = Literal["phone", "email", "wechat_openid", "official_account_fan", "weibo"]
COLUMNS = ("customer_id", "channel", "purpose", "point", "since", "statement_id")
MOST = 1000


class CellOut(Schema):
    """Customers with a point, of them those who permit the purpose and those who refuse; of the rest nobody said anything."""

    with_point: int
    permitted: int
    refused: int


class GroupOut(Schema):
    name: str
    customers: int
    any: CellOut
    by_channel: dict[str, CellOut]


class CoverageOut(Schema):
    """`waiting`: consents that wait to be confirmed."""

    purpose: str
    groups: list[GroupOut]
    waiting: int


class StatementOut(Schema):
    """`at`: when it was said; `recorded_at`: when it was written down. Ids as text; `point` masked."""

    id: int
    identity_id: str
    customer_id: str
    point: str | None
    channel: str
    purpose: str
    said: str
    at: datetime
    recorded_at: datetime
    text_version: str
    source: str
    note: str
    made_by: str


class StatementsOut(Schema):
    count: int
    page: int
    size: int
    statements: list[StatementOut]


class VerdictOut(Schema):
    """`reason`: permitted, nothing_said, unconfirmed, refused, refused_elsewhere."""

    channel: str
    purpose: str
    is_permitted: bool
    reason: str
    since: datetime | None


class PointOut(Schema):
    point_id: str
    kind: str
    ref: str
    verdicts: list[VerdictOut]


class CustomerConsentOut(Schema):
    customer_id: str
    points: list[PointOut]
    history: list[StatementOut]


class ReachableOut(Schema):
    customer_id: str
    point_id: str
    point: str
    since: datetime
    statement_id: int


class ReachableList(Schema):
    """At most 1,000; a file holds all."""

    rows: list[ReachableOut]
    has_more: bool


class PointIn(Schema):
    kind: KindName
    text: str
    source: str = ""


class StatementIn(Schema):
    """Who said it: a point by `kind` and `text`, or an identity by `identity_id`. A withdrawal may leave `channel` or
    `purpose` out: then it is of all. `said_at`: now, where it is not given."""

    said: Literal["given", "confirmed", "withdrawn"]
    kind: KindName | None = None
    text: str = ""
    identity_id: str = ""
    channel: ChannelName | None = None
    purpose: PurposeName | None = None
    text_version: str = ""
    source: str = ""
    ip: str = ""
    note: str = ""
    said_at: datetime | None = None


class SaidOut(Schema):
    statement_ids: list[int]


class AskIn(Schema):
    kind: KindName
    text: str
    channel: ChannelName
    purpose: PurposeName
    text_version: str
    source: str
    ip: str = ""


class AskedOut(Schema):
    """`token` belongs into the link of the message that asks to confirm; it is told this once."""

    token: str
    expires_at: datetime


class ConfirmIn(Schema):
    token: str
    ip: str = ""


@router.get("/shops/{shop}/customers/consent", response=CoverageOut, operation_id="get_contact_coverage")
@api(Deed.VIEW_TRAFFIC)
def get_coverage(request: ShopRequest, shop: str, purpose: PurposeName = "marketing") -> Any:
    """How many can be reached, and how: regulars, half-year buyers, all buyers and everybody with a point, by channel."""
    return as_json(request.access.shop, Purpose(purpose), clock.now())


@router.get(
    "/shops/{shop}/customers/consent/statements",
    response=StatementsOut,
    operation_id="list_consent_statements",
)
@api(Deed.VIEW_CUSTOMERS)
def list_statements(
    request: ShopRequest,
    shop: str,
    channel: ChannelName | None = None,
    page: int = Query(1, ge=1, le=1_000_000),
    size: int = Query(50, ge=1, le=500),
) -> Any:
    """What was said last, the newest first."""
    view, only = request.access.shop, Channel(channel) if channel else None
    rows = reads.statements(view, offset=(page - 1) * size, limit=size, channel=only)
    return {
        "count": reads.count_statements(view, channel=only),
        "page": page,
        "size": size,
        "statements": [statement(row) for row in rows],
    }


@router.post("/shops/{shop}/customers/consent/statements", response=SaidOut, operation_id="say_consent")
@api(Deed.MANAGE_CUSTOMERS)
def say(request: ShopRequest, shop: str, said: StatementIn) -> Any:
    """Record that consent was given, confirmed or withdrawn, with its evidence."""
    access, at = request.access, clock.now()
    common: dict[str, Any] = {"shop": access.shop, "actor": access.actor, "at": at}
    identity_id = _who(access.shop, said, common)
    proof = Evidence(said.text_version, said.source, said.ip, said.note)
    channel = Channel(said.channel) if said.channel else None
    purpose = Purpose(said.purpose) if said.purpose else None
    common |= {"identity_id": identity_id, "evidence": proof, "said_at": aware(said.said_at)}
    if said.said == Said.WITHDRAWN:
        return {"statement_ids": actions.withdraw_consent(**common, channel=channel, purpose=purpose)}
    for name, value in (("channel", channel), ("purpose", purpose)):
        if value is None:
            raise Invalid(field=name, value="")
    is_confirmed = said.said == Said.CONFIRMED
    assert channel is not None
    assert purpose is not None
    made = actions.record_consent(**common, channel=channel, purpose=purpose, is_confirmed=is_confirmed)
    return {"statement_ids": [made]}


def _who(shop: ShopView, said: StatementIn, common: dict[str, Any]) -> int:
    if said.kind:
        return actions.hold_point(**common, kind=PointKind(said.kind), text=said.text, source=said.source).id
    identity_id = number(said.identity_id, "identity_id")
    if not reads.consent_of(shop, identity_id, common["at"]).points:
        identities.identities_of(shop, identities.customer_of(shop, identity_id))  # NoSuchCustomer
    return identity_id


def aware(moment: datetime | None) -> datetime | None:
    """A moment of a sender. Raises Invalid for one without a zone."""
    if moment is not None and (moment.tzinfo is None or not 1990 <= moment.year <= 2199):
        raise Invalid(field="said_at", value=moment.isoformat())
    return moment


def number(text: str, field: str) -> int:
    """A surrogate as text. Raises Invalid."""
    digits = text.removeprefix("-")
    if not digits.isascii() or not digits.isdecimal() or abs(int(digits)) >= 2**63:
        raise Invalid(field=field, value=text[:60])
    return int(text)


@router.post("/shops/{shop}/customers/consent/confirmations", response=AskedOut, operation_id="ask_consent")
@api(Deed.MANAGE_CUSTOMERS)
def ask(request: ShopRequest, shop: str, asked: AskIn) -> Any:
    """Begin a double opt-in: record the unconfirmed consent and get the token for the confirmation message."""
    access, at = request.access, clock.now()
    common: dict[str, Any] = {"shop": access.shop, "actor": access.actor, "at": at}
    point = actions.hold_point(**common, kind=PointKind(asked.kind), text=asked.text, source=asked.source)
    return actions.ask_consent(
        **common,
        point=point,
        channel=Channel(asked.channel),
        purpose=Purpose(asked.purpose),
        evidence=Evidence(asked.text_version, asked.source, asked.ip),
    )


@router.post(
    "/shops/{shop}/customers/consent/confirmations/confirm", response=SaidOut, operation_id="confirm_consent"
)
@api(Deed.MANAGE_CUSTOMERS)
def confirm(request: ShopRequest, shop: str, given: ConfirmIn) -> Any:
    """The person followed the link (by POST: scanners fetch links, B-281): the consent is confirmed."""
    access = request.access
    made = actions.confirm_consent(
        shop=access.shop, token=given.token, ip=given.ip, actor=access.actor, at=clock.now()
    )
    return {"statement_ids": [made]}


@router.get(
    "/shops/{shop}/customers/consent/reachable", response=ReachableList, operation_id="list_reachable"
)
@api(Deed.VIEW_CUSTOMERS)
def list_reachable(
    request: ShopRequest,
    shop: str,
    channel: ChannelName = "sms",
    purpose: PurposeName = "marketing",
    format: Literal["json", "csv"] = "json",
) -> Any:
    """Who may be reached now; points masked. In a file each row is asked about when it is written: a withdrawal meanwhile is
    obeyed."""
    access = request.access
    rows = reads.reachable(access.shop, Channel(channel), Purpose(purpose), clock.now())
    if format == "csv":
        lines = ([str(r.customer_id), channel, purpose, reads.shown(r.point, is_masked=True), r.since, r.statement_id] for r in rows)  # fmt: skip
        return csv_response(access, f"reachable-{channel}", COLUMNS, lines)
    found = [row for row, _n in zip(rows, range(MOST + 1), strict=False)]
    told = [
        {
            "customer_id": str(row.customer_id),
            "point_id": str(row.point.id),
            "point": reads.shown(row.point, is_masked=True),
            "since": row.since,
            "statement_id": row.statement_id,
        }
        for row in found[:MOST]
    ]
    return {"rows": told, "has_more": len(found) > MOST}


@router.get(
    "/shops/{shop}/customers/{customer_id}/consent",
    response=CustomerConsentOut,
    operation_id="get_customer_consent",
)
@api(Deed.VIEW_CUSTOMERS)
def get_customer_consent(request: ShopRequest, shop: str, customer_id: str) -> Any:
    """A customer's contact points, what may be done with each, and everything that was said. 404: nobody is known by it."""
    return _consent_of(request.access.shop, customer_id)


def _consent_of(view: ShopView, customer_id: str) -> dict[str, Any]:
    at = clock.now()
    found = reads.consent_of(view, number(customer_id, "customer_id"), at)
    history = reads.history_of(view, found.customer_id)
    if not found.points and not history:
        identities.identities_of(view, found.customer_id)  # NoSuchCustomer
    return {
        "customer_id": str(found.customer_id),
        "points": [
            {
                "point_id": str(one.point.id),
                "kind": one.point.kind.value,
                "ref": one.point.ref,
                "verdicts": [
                    {
                        "channel": channel.value,
                        "purpose": purpose.value,
                        "is_permitted": verdict.is_permitted,
                        "reason": verdict.reason,
                        "since": verdict.since,
                    }
                    for (channel, purpose), verdict in one.verdicts.items()
                ],
            }
            for one in found.points
        ],
        "history": [statement(row) for row in history],
    }


@router.post(
    "/shops/{shop}/customers/{customer_id}/points",
    response=CustomerConsentOut,
    operation_id="add_contact_point",
)
@api(Deed.MANAGE_CUSTOMERS)
def add_point(request: ShopRequest, shop: str, customer_id: str, given: PointIn) -> Any:
    """Write down where a customer can be reached. It permits nothing."""
    access = request.access
    actions.add_point(
        shop=access.shop,
        customer_id=number(customer_id, "customer_id"),
        kind=PointKind(given.kind),
        text=given.text,
        source=given.source,
        actor=access.actor,
        at=clock.now(),
    )
    return _consent_of(access.shop, customer_id)


# --- what goes out: the command gives the same


def statement(row: reads.StatementView) -> dict[str, Any]:
    names = (
        "id",
        "channel",
        "purpose",
        "said",
        "at",
        "recorded_at",
        "text_version",
        "source",
        "note",
        "made_by",
    )
    return {name: getattr(row, name) for name in names} | {
        "identity_id": str(row.identity_id),
        "customer_id": str(row.customer_id),
        "point": reads.shown(row.point, is_masked=True) if row.point else None,
    }


def as_json(shop: ShopView, purpose: Purpose, at: datetime) -> dict[str, Any]:
    """The coverage of a shop as the API tells it."""
    found = coverage.coverage(shop, purpose, at)
    return {
        "purpose": purpose.value,
        "waiting": found.waiting,
        "groups": [
            {
                "name": group.name,
                "customers": group.customers,
                "any": vars(group.any),
                "by_channel": {channel.value: vars(cell) for channel, cell in group.by_channel.items()},
            }
            for group in found.groups
        ],
    }
