"""Questions about customers: the list, one of them, and what happened to him. All of them are folds of facts and state."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.compute as pc

from shuke.audience import purchases, timeline
from shuke.audience.customers import described, questions
from shuke.audience.customers.asking import Asking
from shuke.audience.customers.definitions import TYPES, Definition
from shuke.audience.customers.described import (
    Known,
    Tag,
    attributes_offered,
    identities_tagged,
    tag_names,
)
from shuke.audience.customers.shapes import (
    COLUMNS,
    DEFAULT_COLUMNS,
    SORTABLE,
    Customer,
    CustomerPage,
    CustomerRow,
    Identity,
)
from shuke.audience.identities import reads as identities
from shuke.kernel.errors import Invalid, NotFound
from shuke.kernel.periods import ONE_DAY, day_start, local_day
from shuke.shops.reads import ShopView
from shuke.shops.roles import Deed
from shuke.warehouse import reads as warehouse

__all__ = [
    "COLUMNS",
    "DEFAULT_COLUMNS",
    "SORTABLE",
    "TYPES",
    "Customer",
    "CustomerPage",
    "CustomerRow",
    "Definition",
    "Identity",
    "Known",
    "Tag",
    "attributes_of",
    "attributes_offered",
    "customer",
    "identities_tagged",
    "identity_ids",
    "list_customers",
    "require_known",
    "resolve",
    "tag_names",
    "tags_of",
    "timeline_of",
]

LARGEST_PAGE = 1000
LONGEST_SEARCH = 200


# --- who is one customer


def identity_ids(shop: ShopView, customer_id: int) -> tuple[int, ...]:
    """All identities of a customer, his own first."""
    links = identities.customer_map(shop)
    joined = links.filter(pc.equal(links["customer_id"], customer_id))["identity_id"].to_pylist()
    return (customer_id, *(one for one in joined if one != customer_id))


def require_known(shop: ShopView, customer_ids: Collection[int]) -> None:
    """Raises NotFound for one of whom neither a link nor a fact of the shop tells."""
    joined = identities.customer_map(shop)["customer_id"]
    leading = set(pc.filter(joined, pc.is_in(joined, pa.array(customer_ids, pa.int64()))).to_pylist())
    alone = [one for one in customer_ids if one not in leading]
    known = identities.refs_in_facts(shop, identities.Kind.PERSON, alone) if alone else {}
    for one in alone:
        if one not in known:
            raise NotFound(field="customer", value=one)


def resolve(shop: ShopView, text: str) -> tuple[int, ...]:
    """The customers whom a text may mean: a name under which a source knows him, or the id of a customer."""
    text = text.strip()[:LONGEST_SEARCH]
    if not text:
        return ()
    found = [view.customer_id for view in identities.find(shop, text)]
    if text.lstrip("-").isdigit() and text.isascii() and abs(int(text)) < 2**63:
        found.append(identities.customer_of(shop, int(text)))
    return tuple(dict.fromkeys(found))


def _end_of_day(shop: ShopView, at: datetime) -> datetime:
    """Facts are told by whole days: what was computed for one reader is at hand for the next one."""
    return day_start(local_day(at, shop.zone) + ONE_DAY, shop.zone)


# --- the list


def list_customers(
    shop: ShopView,
    *,
    sort: str = "-last_at",
    page: int = 1,
    size: int = 50,
    search: str = "",
    columns: Collection[str] = DEFAULT_COLUMNS,
    at: datetime,
) -> CustomerPage:
    """One page of customers: known people who visited or bought. Ties stand by the customer's id, so pages do not jump.

    `search`: an identity as a source wrote it, whole. Raises Invalid for a column, sort, page or size that there is not.
    """
    key = sort.removeprefix("-")
    if key not in SORTABLE:
        raise Invalid(field="sort", value=sort)
    for name in columns:
        if name not in COLUMNS:
            raise Invalid(field="columns", value=name)
    if page < 1 or page > 1_000_000:
        raise Invalid(field="page", value=page)
    if not 1 <= size <= LARGEST_PAGE:
        raise Invalid(field="size", value=size)
    wanted = set(columns) | {key}
    fitting = resolve(shop, search) if search.strip() else None

    def question(asked: purchases.Purchases) -> CustomerPage:
        snapshot = asked.snapshot
        groups = tuple(name for name in ("first_channel", "region") if name in wanted)
        ask = Asking(asked, groups)
        everyone = ask(
            ("everyone", groups), lambda tables: _wide(questions.customers(tables), tables, groups)
        )
        held = snapshot.holding("customers", everyone)
        fits = held if fitting is None else held.filter(held.customer_id.isin(list(fitting)))
        count = everyone.num_rows if fitting is None else _count(snapshot, fits)
        ordered = fits.order_by([_ordered(fits, sort), "customer_id"])
        shown = snapshot.engine.run(ordered.limit(size, offset=(page - 1) * size)).to_pylist()
        refs = _refs(snapshot, [row["customer_id"] for row in shown])
        told = tuple(_row(shop, row, refs.get(row["customer_id"])) for row in shown)
        buyers = pc.sum(pc.greater(everyone["orders"], 0)).as_py() or 0
        unnamed = ask(("unnamed",), questions.orders_of_nobody)["n"][0].as_py()
        return CustomerPage(told, count, everyone.num_rows, buyers, unnamed, page, size)

    found = purchases.ask(shop, _end_of_day(shop, at), question)
    if found is None:
        return CustomerPage((), 0, 0, 0, 0, page, size)
    return replace(found, rows=_with_tags(shop, found.rows, at)) if "tags" in wanted else found


def _with_tags(shop: ShopView, rows: Sequence[CustomerRow], at: datetime) -> tuple[CustomerRow, ...]:
    ids = {row.customer_id: identity_ids(shop, row.customer_id) for row in rows}
    tags = described.standing_tags(shop, ids, at)
    return tuple(replace(row, tags=tags[row.customer_id]) for row in rows)


def _count(snapshot: warehouse.Snapshot, rows: ibis.Table) -> int:
    return int(snapshot.engine.run(rows.aggregate(n=rows.count()))["n"][0].as_py())


def _ordered(rows: ibis.Table, sort: str) -> Any:
    if sort.startswith("-"):
        return ibis.desc(rows[sort[1:]], nulls_first=False)
    return ibis.asc(rows[sort], nulls_first=False)


def _wide(rows: ibis.Table, tables: questions.Tables, groups: Collection[str]) -> ibis.Table:
    """The rows with those columns that cost a question of their own."""
    if "first_channel" in groups:
        rows = _beside(rows, questions.first_channels(tables))
    if "region" in groups:
        rows = _beside(rows, questions.regions(tables))
    return rows


def _beside(rows: ibis.Table, told: ibis.Table) -> ibis.Table:
    told = told.rename(of_customer="customer_id")
    return rows.left_join(told, rows.customer_id == told.of_customer).drop("of_customer")


_REFS = (
    ("order_lines", "buyer_id", "buyer_ref"),
    ("events", "person_id", "person_ref"),
    ("events", "visitor_id", "anonymous_ref"),
)


def _refs(snapshot: warehouse.Snapshot, ids: Sequence[int]) -> dict[int, str]:
    """Names as the sources wrote them, of few identities; of several spellings the first by letters."""
    found: dict[int, str] = {}
    for kind, id_column, ref_column in _REFS:
        missing = [one for one in ids if one not in found]
        if not missing:
            break
        facts = snapshot.raw(kind)
        facts = facts.filter(facts[id_column].isin(missing) & facts[ref_column].notnull())
        told = facts.group_by(identity_id=facts[id_column]).aggregate(ref=facts[ref_column].min())
        found |= {row["identity_id"]: row["ref"] for row in snapshot.engine.run(told).to_pylist()}
    return found


def _row(shop: ShopView, row: dict[str, Any], ref: str | None) -> CustomerRow:
    def local(moment: datetime | None) -> datetime | None:
        return None if moment is None else moment.replace(tzinfo=UTC).astimezone(shop.zone)

    return CustomerRow(
        customer_id=row["customer_id"],
        ref=ref,
        first_at=local(row["first_at"]),
        last_at=local(row["last_at"]),
        visits=row["visits"],
        orders=row["orders"],
        gross_minor=row.get("gross_minor"),
        net_minor=row.get("net_minor"),
        first_channel=row.get("first_channel"),
        region=row.get("region"),
    )


# --- one of them


def customer(shop: ShopView, customer_id: int, *, at: datetime) -> Customer:
    """One customer by his id, or by that of any of his identities. Raises NotFound where no fact tells of one."""
    of = identities.customer_of(shop, customer_id)
    ids = identity_ids(shop, of)
    try:
        known = identities.identities_of(shop, of)
        named = tuple(Identity(one.id, one.kind, one.given or one.ref or None) for one in known)
    except NotFound:
        named = (Identity(of, identities.Kind.PERSON, None),)  # facts that no longer say a name
    found = purchases.ask(shop, _end_of_day(shop, at), lambda asked: _known(asked, of, ids, named))
    if found is None:
        raise NotFound(field="customer", value=customer_id)
    return replace(found, row=_with_tags(shop, [found.row], at)[0])


def _known(
    asked: purchases.Purchases, of: int, ids: tuple[int, ...], named: tuple[Identity, ...]
) -> Customer | None:
    groups = ("first_channel", "region")
    ask = Asking(asked, groups, ids=ids)
    rows = ask(("one", groups), lambda tables: _wide(questions.customers(tables), tables, groups)).to_pylist()
    if not rows:
        return None
    used = ask(("terminals",), questions.terminals).to_pylist()
    refs = {one.identity_id: one.ref for one in named}
    terminals = tuple((row["terminal"], row["visits"]) for row in used)
    return Customer(_row(asked.shop, rows[0], refs.get(of)), named, terminals)


def attributes_of(shop: ShopView, customer_id: int, *, at: datetime) -> tuple[Known, ...]:
    """Every attribute that the shop knows of, with what was said of this customer's until a moment."""
    ids = identity_ids(shop, identities.customer_of(shop, customer_id))
    return described.attributes_of(shop, ids, at=at)


def tags_of(shop: ShopView, customer_id: int) -> tuple[Tag, ...]:
    """Every tag that was ever given to a customer, the newest first."""
    return described.tags_of(shop, identity_ids(shop, identities.customer_of(shop, customer_id)))


def timeline_of(
    shop: ShopView,
    customer_id: int,
    *,
    at: datetime,
    cursor: str | None = None,
    limit: int = 30,
    only: Sequence[str] = (),
    may: Callable[[Deed], bool] = lambda deed: True,
) -> timeline.TimelinePage:
    """One page of a customer's time line until a moment, newest first. Raises Invalid for a cursor or kind that there is not."""
    ids = identity_ids(shop, identities.customer_of(shop, customer_id))
    return timeline.read(
        shop=shop, identity_ids=ids, until=at, cursor=cursor, limit=limit, only=only, may=may
    )
