"""What files can become: the kinds of facts a mapping may make, and the fields of each.

Fields are the columns of the kind's facts without what the doors fill in themselves; an amount's field has no `_minor`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from shuke.warehouse import schemas

ORDER_KINDS = ("sale", "cancellation", "adjustment", "refund", "unpaid")
# What an order's status text says of its money (`state`): `closed` is a sale and its cancellation when it was paid
# before, and no sale when it was not.
STATES = ("paid", "unpaid", "closed", "refunded")
GRAINS = ("line", "order")
ORDER_FIELDS = (
    "order_ref",
    "at",
    "kind",
    "buyer_ref",
    "product_ref",
    "title",
    "quantity",
    "unit_price",
    "amount",
    "order_amount",  # what the whole order cost: shared out over its lines by quantity x unit price
    "currency",
    "region",
    "state",
    "after_sale",  # a second status: refunded, or nothing
    "paid_at",  # blank: nobody has paid
    "refunded",  # how much went back of this row
    "back_at",  # when it went back; blank: when it was paid
)
EVENT_FIELDS = (
    "at",
    "type",
    "name",
    "anonymous_ref",
    "person_ref",
    "session_ref",
    "page_path",
    "page_type",
    "referrer",
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "utm_content",
    "utm_term",
    "click_id",
    "channel_given",
    "terminal",
    "order_ref",
    "product_ref",
    "quantity",
    "amount",
    "currency",
)
_OWN = frozenset(
    [
        "shop_id",
        "row_id",
        "content_id",
        "sign",
        "line_no",
        "order_id",
        "buyer_id",
        "local_day",
        "received_at",
        "properties",
        "source",
        "import_ref",
    ]
)


# What a number of a kind is: money in minor units, a count from 0 up, a number from 0 up, a share from 0 to 1.
MONEY, COUNT, NUMBER, SHARE = "money", "count", "number", "share"


@dataclass(frozen=True)
class Kind:
    """A kind of facts that files fill: where it lies, and which of its fields must be said.

    A list with numbers of its own is told apart within its facts by `entry`; `says` names the columns that it uses (column
    -> what a mapping calls it), `numbers` what it states besides. Its rows are named by the fields of `identity`, of which
    all but the needed ones may be blank.
    """

    name: str
    facts: str
    schema: pa.Schema
    needed: tuple[str, ...]
    entry: str = ""
    says: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[str, str] = field(default_factory=dict)
    identity: tuple[str, ...] = ()

    @property
    def fields(self) -> tuple[str, ...]:
        """What a mapping may say of it, in the order of its columns."""
        if self.says:
            return (*self.says.values(), *self.numbers)
        return tuple(n.removesuffix("_minor") for n in self.schema.names if n not in _OWN)

    def column_of(self, name: str) -> str:
        """The column of its facts that holds a field."""
        named = {said: column for column, said in self.says.items()}
        column = named.get(name, name)
        return f"{column}_minor" if f"{column}_minor" in self.schema.names else column


LISTS = {
    kind.name: kind
    for kind in (
        Kind("settlements", "settlements", schemas.SETTLEMENTS, ("at", "amount")),
        Kind("returns", "returns", schemas.RETURNS, ("at", "order_ref", "quantity")),
        Kind("entries", "entries", schemas.ENTRIES, ("at", "kind")),
        # Search advertising by keyword. `amount` is what its orders brought; `until` the period's last day.
        Kind(
            "keywords",
            "entries",
            schemas.ENTRIES,
            ("at", "keyword"),
            entry=schemas.KEYWORD_DAY,
            says={
                "at": "at",
                "until": "until",
                "title": "keyword",
                "product_ref": "product_ref",
                "campaign_ref": "campaign_ref",
                "amount": "amount",
                "currency": "currency",
            },
            numbers={
                "bid": MONEY,
                "quality": NUMBER,
                "rank": NUMBER,
                "impressions": COUNT,
                "clicks": COUNT,
                "cost": MONEY,
                "orders": COUNT,
                "next_bid": MONEY,
                "next_quality": NUMBER,
            },
            identity=("at", "keyword", "product_ref", "campaign_ref"),
        ),
        # An industry's traffic by channel. `scope` is whose numbers they are, in the table's words.
        Kind(
            "industry",
            "entries",
            schemas.ENTRIES,
            ("at", "channel"),
            entry=schemas.INDUSTRY_CHANNEL,
            says={
                "at": "at",
                "until": "until",
                "title": "channel",
                "entry_ref": "industry",
                "state": "scope",
                "amount": "amount",
                "currency": "currency",
            },
            numbers={"visitors": COUNT, "visitor_share": SHARE, "buyers": COUNT, "conversion": SHARE},
            identity=("at", "channel", "industry", "scope"),
        ),
    )
}
KINDS = ("orders", "events", *LISTS)
FACTS_OF = {"orders": "order_lines", "events": "events"} | {name: kind.facts for name, kind in LISTS.items()}
FIELDS = {"orders": ORDER_FIELDS, "events": EVENT_FIELDS} | {
    name: kind.fields for name, kind in LISTS.items()
}
