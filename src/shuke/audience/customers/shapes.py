"""What is told of customers: a row of the list, a page of rows, one customer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shuke.audience.identities.reads import Kind

# Columns of the list, in their order; `who` stands always. Those of a group are only counted where one is shown or sorted by.
COLUMNS = (
    "who",
    "last_at",
    "first_at",
    "visits",
    "orders",
    "net_minor",
    "gross_minor",
    "first_channel",
    "region",
    "tags",
)
DEFAULT_COLUMNS = ("last_at", "first_at", "visits", "orders", "net_minor", "tags")
SORTABLE = ("last_at", "first_at", "visits", "orders", "net_minor", "gross_minor")


@dataclass(frozen=True)
class CustomerRow:
    """One customer: the surrogate that stands for him, the name that a source gave him (None: no fact tells one), moments in
    the shop's zone. Amounts in minor units of the shop's currency; None: not asked, or not stated."""

    customer_id: int
    ref: str | None
    first_at: datetime | None
    last_at: datetime | None
    visits: int
    orders: int
    gross_minor: int | None = None
    net_minor: int | None = None
    first_channel: str | None = None
    region: str | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class CustomerPage:
    """A page of customers, and how many there are that fit. `everyone`: without the search. `buyers`: those of everyone with an
    order that stands; `unnamed`: paid orders that name nobody who is known, and are no customer's."""

    rows: tuple[CustomerRow, ...]
    count: int
    everyone: int
    buyers: int
    unnamed: int
    page: int
    size: int


@dataclass(frozen=True)
class Identity:
    """A name under which a source knows the customer, as it was written; None: nobody can say it any more."""

    identity_id: int
    kind: Kind
    ref: str | None


@dataclass(frozen=True)
class Customer:
    """One customer with what facts say of him."""

    row: CustomerRow
    identities: tuple[Identity, ...]
    terminals: tuple[tuple[str, int], ...] = ()
    more: dict[str, Any] | None = None

    @property
    def customer_id(self) -> int:
        return self.row.customer_id
