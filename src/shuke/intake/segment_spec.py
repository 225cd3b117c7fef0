"""The Segment spec as msgspec types: what a sender may post, decoded as far as facts need it.

`properties`, `traits`, `page` and the like stay raw JSON: they are stored as sent, and the few fields that become
columns are decoded from them once per distinct text.
"""

from __future__ import annotations

from decimal import Decimal
from enum import IntEnum

import msgspec
from msgspec import Raw, Struct

LARGEST_EVENT = 32 * 1024  # bytes; the spec's limit
LARGEST_BATCH = 500 * 1024

NO_RAW = Raw()


class Kind(IntEnum):
    """What a request is; stored in the journal, so a number never changes its meaning."""

    BATCH = 0
    TRACK = 1
    PAGE = 2
    SCREEN = 3
    IDENTIFY = 4
    GROUP = 5
    ALIAS = 6


TYPES = {
    Kind.TRACK: "track",
    Kind.PAGE: "page",
    Kind.SCREEN: "screen",
    Kind.IDENTIFY: "identify",
    Kind.GROUP: "group",
    Kind.ALIAS: "alias",
}

# The long names of the HTTP API, the short ones of browser and mobile SDKs.
ROUTES: dict[str, Kind] = {
    "/v1/batch": Kind.BATCH,
    "/v1/b": Kind.BATCH,
    "/v1/import": Kind.BATCH,
    "/v1/track": Kind.TRACK,
    "/v1/t": Kind.TRACK,
    "/v1/page": Kind.PAGE,
    "/v1/p": Kind.PAGE,
    "/v1/screen": Kind.SCREEN,
    "/v1/s": Kind.SCREEN,
    "/v1/identify": Kind.IDENTIFY,
    "/v1/i": Kind.IDENTIFY,
    "/v1/group": Kind.GROUP,
    "/v1/g": Kind.GROUP,
    "/v1/alias": Kind.ALIAS,
    "/v1/a": Kind.ALIAS,
}


class Envelope(Struct, gc=False):
    """A batch as the collector sees it: only what decides whether it is taken."""

    batch: list[Raw]
    writeKey: str | None = None


class Single(Struct, gc=False):
    """One event as the collector sees it."""

    writeKey: str | None = None


class Context(Struct, gc=False):
    """The parts of `context` that become columns."""

    page: Raw = NO_RAW
    campaign: Raw = NO_RAW
    device: Raw = NO_RAW
    library: Raw = NO_RAW
    referrer: Raw = NO_RAW
    traits: Raw = NO_RAW
    userAgent: str | None = None


class Event(Struct, gc=False):
    """One event. Identifiers may be numbers, as older SDKs send them."""

    type: str | None = None
    event: str | None = None
    name: str | None = None
    messageId: str | int | None = None
    anonymousId: str | int | None = None
    userId: str | int | None = None
    previousId: str | int | None = None
    groupId: str | int | None = None
    timestamp: str | None = None
    originalTimestamp: str | None = None
    sentAt: str | None = None
    context: Context | None = None
    properties: Raw = NO_RAW
    traits: Raw = NO_RAW


class Batch(Struct, gc=False):
    """A batch as the committer decodes it, all at once."""

    batch: list[Event]
    sentAt: str | None = None


class RawBatch(Struct, gc=False):
    """A batch whose events are decoded one by one, because one of them is malformed."""

    batch: list[Raw]
    sentAt: Raw = NO_RAW


class Page(Struct, gc=False):
    """`context.page`, or the properties of a page call."""

    url: str | None = None
    path: str | None = None
    search: str | None = None
    referrer: str | None = None


class Campaign(Struct, gc=False):
    """`context.campaign`."""

    source: str | None = None
    medium: str | None = None
    name: str | None = None
    content: str | None = None
    term: str | None = None


class Device(Struct, gc=False):
    type: str | None = None


class Library(Struct, gc=False):
    name: str | None = None


class Referrer(Struct, gc=False):
    url: str | None = None


class Product(Struct, gc=False):
    """One of `properties.products[]`."""

    product_id: str | int | None = None
    sku: str | int | None = None
    price: Decimal | None = None
    quantity: Raw = NO_RAW  # read on its own: a bad one costs the units, not the event


class Commerce(Struct, gc=False):
    """Properties of an e-commerce event. Amounts are exact decimals of the major unit, as written."""

    order_id: str | int | None = None
    orderId: str | int | None = None
    product_id: str | int | None = None
    productId: str | int | None = None
    sku: str | int | None = None
    total: Decimal | None = None
    subtotal: Decimal | None = None
    revenue: Decimal | None = None
    shipping: Decimal | None = None
    tax: Decimal | None = None
    discount: Decimal | None = None
    currency: str | None = None
    products: list[Product] | None = None


def decoder(kind: type) -> msgspec.json.Decoder:
    return msgspec.json.Decoder(kind)
