"""Identities, links and suggestions as others see them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shuke.audience.identities.kinds import Kind, Origin, Reason, Relation
from shuke.audience.identities.names import masked_ref


@dataclass(frozen=True)
class IdentityView:
    """A name under which a source knows somebody. `ref` as it is compared, `given` as it was written first. One without a row
    (a buyer whom nothing joins) is told as facts know it, with an empty `source`."""

    id: int
    kind: Kind
    ref: str
    given: str
    source: str
    first_at: datetime | None
    last_at: datetime | None
    customer_id: int
    is_shared: bool = False
    is_crowded: bool = False

    @property
    def masked(self) -> str:
        """The name as logs, exports and programs get it."""
        return masked_ref(self.kind, self.ref)


@dataclass(frozen=True)
class LinkView:
    """Two identities that are one customer, or were until it was undone."""

    id: int
    one: IdentityView
    other: IdentityView
    origin: Origin
    source: str
    at: datetime
    made_by: str
    undone_at: datetime | None
    undone_by: str

    @property
    def holds(self) -> bool:
        return self.undone_at is None


@dataclass(frozen=True)
class SuggestionView:
    """Two identified people who may be one customer. `via`: what they share, None where they were told as two names."""

    id: int
    one: IdentityView
    other: IdentityView
    reason: Reason
    via: IdentityView | None
    at: datetime
    refused_at: datetime | None
    refused_by: str


@dataclass(frozen=True)
class SplitView:
    """The two sides that a link held together: their anchors, and the customer of each side after the split. `is_still_one`:
    something else joins them too."""

    link_id: int
    sides: tuple[tuple[int, ...], tuple[int, ...]]
    customers: tuple[int, int]

    @property
    def is_still_one(self) -> bool:
        return self.customers[0] == self.customers[1]


@dataclass(frozen=True)
class KeptOutCount:
    """How many names of a kind in facts could not be read, and when the last of them was said."""

    kind: Kind
    reason: str
    count: int
    last_at: datetime


@dataclass(frozen=True)
class RelationView:
    """What an identity is to the shop since a moment, until another one (None: still)."""

    identity_id: int
    relation: Relation
    since: datetime
    until: datetime | None
    source: str
