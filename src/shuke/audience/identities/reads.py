"""Which identities are one customer. Facts keep the identity through which they came; the customer is looked up here."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

import ibis
import numpy as np
import pyarrow as pa
from django.db.models import Count, F, Max, OuterRef, Q, QuerySet, Subquery
from django_scopes import scope

from shuke.audience.identities.customer_maps import CUSTOMER_MAP, customers_among, known_map
from shuke.audience.identities.decisions import sides
from shuke.audience.identities.errors import NoSuchCustomer, NoSuchLink, NoSuchSuggestion
from shuke.audience.identities.kinds import (
    KIND_TITLES,
    ORIGIN_TITLES,
    REASON_TITLES,
    RELATION_TITLES,
    Kind,
    Origin,
    Reason,
)
from shuke.audience.identities.models import Identity, KeptOut, Link, Suggestion
from shuke.audience.identities.names import Name, names_meant
from shuke.audience.identities.refolding import chunks
from shuke.audience.identities.shapes import (
    IdentityView,
    KeptOutCount,
    LinkView,
    RelationView,
    SplitView,
    SuggestionView,
)
from shuke.records.personal import PersonRef
from shuke.shops.reads import ShopView
from shuke.warehouse import reads as warehouse

__all__ = [
    "CUSTOMER_MAP",
    "KIND_TITLES",
    "ORIGIN_TITLES",
    "REASON_TITLES",
    "RELATION_TITLES",
    "IdentityView",
    "KeptOutCount",
    "Kind",
    "LinkView",
    "Origin",
    "Reason",
    "RelationView",
    "SplitView",
    "SuggestionView",
    "anchors_of",
    "count_suggestions",
    "customer_map",
    "customer_of",
    "customers_of",
    "find",
    "identities_of",
    "identities_of_many",
    "kept_out",
    "link_of",
    "links_of",
    "named",
    "of_kind",
    "person_ref_of",
    "sides_of",
    "suggestion_of",
    "suggestions",
]


def customer_map(shop: ShopView) -> pa.Table:
    """CUSTOMER_MAP of a shop, one row per identity, sorted by identity_id. The same table while nothing changes."""
    return known_map(shop.id).table


def customers_of(shop: ShopView, identities: np.ndarray) -> np.ndarray:
    """The customer of each of these identities (int64)."""
    return customers_among(known_map(shop.id), identities)


def customer_of(shop: ShopView, identity_id: int) -> int:
    """The customer to whom an identity belongs; one that nothing joins is a customer by itself."""
    with scope(shop=shop.id):
        row = Identity.objects.filter(id=identity_id).values_list("customer_id", flat=True).first()
    return identity_id if row is None else row


def identities_of(shop: ShopView, customer_id: int) -> tuple[IdentityView, ...]:
    """The identities of a customer, people first, then by when they were met first. Of one without rows: his own, its name
    asked of the facts. Raises NoSuchCustomer where nobody is known by this id, or another identity leads it."""
    with scope(shop=shop.id):
        rows = Identity.objects.filter(shop_id=shop.id, customer_id=customer_id)
        found = [_view(row) for row in rows]
    if found:
        return tuple(sorted(found, key=lambda v: (v.kind != Kind.PERSON, v.first_at, v.id)))
    if customer_of(shop, customer_id) == customer_id:
        for kind in (Kind.PERSON, Kind.VISITOR):
            alone = _unlinked(shop, kind, customer_id)
            if alone is not None:
                return (alone,)
    raise NoSuchCustomer(field="customer", value=customer_id)


def identities_of_many(
    shop: ShopView, customer_ids: Iterable[int], *, most: int = 20
) -> dict[int, tuple[IdentityView, ...]]:
    """Customer -> at most so many of his identities, of those that have rows; for lists."""
    found: dict[int, list[IdentityView]] = {}
    with scope(shop=shop.id):
        for part in chunks(set(customer_ids)):
            rows = Identity.objects.filter(shop_id=shop.id, customer_id__in=part)
            for row in rows.order_by("kind", "first_at", "id")[: most * len(part)]:
                found.setdefault(row.customer_id, []).append(_view(row))
    return {customer: tuple(views[:most]) for customer, views in found.items()}


def of_kind(shop: ShopView, kind: Kind, *, only: Collection[int] | None = None) -> list[tuple[int, int, str]]:
    """(identity, its customer, its reference) of every identity of a kind that has a row, or of those among `only`."""
    found: list[tuple[int, int, str]] = []
    with scope(shop=shop.id):
        rows = Identity.objects.filter(shop_id=shop.id, kind=kind.value)
        for part in [rows] if only is None else [rows.filter(id__in=ids) for ids in chunks(only)]:
            found += part.values_list("id", "customer_id", "ref").iterator(chunk_size=5000)
    return found


def links_of(shop: ShopView, customer_id: int, *, most: int = 500) -> tuple[LinkView, ...]:
    """The links that touch an identity of a customer, also those that were undone: the newest first, at most so many (a user id
    that everybody uses may have a million)."""
    with scope(shop=shop.id):
        own = list(
            Identity.objects.filter(shop_id=shop.id, customer_id=customer_id).values_list("id", flat=True)
        )
        rows: dict[int, Link] = {}
        for part in chunks(own):
            for touching in (Q(one_id__in=part), Q(other_id__in=part)):
                newest = Link.objects.filter(touching).order_by("-at", "-id")[:most]
                rows |= {row.pk: row for row in newest}
        kept = sorted(rows.values(), key=lambda row: (row.at, row.pk), reverse=True)[:most]
        return _link_views(kept)


def link_of(shop: ShopView, link_id: int) -> LinkView:
    """One link, whether or not it holds. Raises NoSuchLink."""
    with scope(shop=shop.id):
        row = Link.objects.filter(pk=link_id).first()
        if row is None:
            raise NoSuchLink(field="link", value=link_id)
        return _link_views([row])[0]


def anchors_of(shop: ShopView, customer_id: int) -> tuple[int, ...]:
    """Under which identities to keep what is typed on a customer: the ends of the links by hand that join him, else the one
    that leads. What stands under each of them stays with its side when a merge is undone."""
    with scope(shop=shop.id):
        rows = Identity.objects.filter(shop_id=shop.id, customer_id=customer_id)
        members = {row.id: row for row in rows}
        return anchors_among(members, _hands_among(members))


def anchors_among(members: Mapping[int, Identity], hands: Iterable[tuple[int, int]]) -> tuple[int, ...]:
    """The ends of these links among the members, sorted; without any, the customer's own id."""
    ends = sorted({end for pair in hands for end in pair})
    if ends:
        return tuple(ends)
    return tuple(sorted({row.customer_id for row in members.values()}))


def sides_of(shop: ShopView, link_id: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The anchors of both sides of a link by hand that holds: what `split` would part. Raises NoSuchLink."""
    with scope(shop=shop.id):
        row = Link.objects.filter(pk=link_id, undone_at=None).first()
        if row is None:
            raise NoSuchLink(field="link", value=link_id)
        return _anchors_of_sides(row)


def _anchors_of_sides(row: Link) -> tuple[tuple[int, ...], tuple[int, ...]]:
    home = Identity.objects.get(id=row.one_id).customer_id
    members = {one.id: one for one in Identity.objects.filter(shop_id=row.shop_id, customer_id=home)}
    hands = [pair for pair in _hands_among(members) if pair != (row.one_id, row.other_id)]
    ends = {end for pair in hands for end in pair} | {row.one_id, row.other_id}
    parts = sides(ends, hands)
    one, other = (next(p for p in parts if end in p) for end in (row.one_id, row.other_id))
    return tuple(sorted(one)), tuple(sorted(other))


def _hands_among(members: Mapping[int, Identity]) -> list[tuple[int, int]]:
    found: set[tuple[int, int]] = set()
    live = Link.objects.filter(undone_at=None, origin=Origin.HAND)
    for part in chunks(members):
        found.update(live.filter(one_id__in=part).values_list("one_id", "other_id"))
    return sorted(pair for pair in found if pair[1] in members)


def find(shop: ShopView, text: str) -> tuple[IdentityView, ...]:
    """Whoever is known by exactly this name, whatever kind of name it is; a phone in any spelling. Nobody: ().

    Asked by surrogate, so it costs the same however many customers there are.
    """
    meant = {name.id: name for name in names_meant(shop, text)}
    with scope(shop=shop.id):
        found = [_view(row) for row in Identity.objects.filter(id__in=list(meant))]
    known = {view.id for view in found}
    for name in meant.values():
        if name.id in known or name.kind not in (Kind.PERSON, Kind.VISITOR):
            continue
        alone = _unlinked(shop, name.kind, name.id)
        if alone is not None:
            found.append(alone)
    order = list(Kind)
    return tuple(sorted(found, key=lambda view: order.index(view.kind)))


def named(shop: ShopView, text: str) -> IdentityView:
    """The one identity that an operator names: `find`'s first. Raises NoSuchCustomer."""
    found = find(shop, text)
    if not found:
        raise NoSuchCustomer(field="customer", value=text)
    return found[0]


def person_ref_of(shop: ShopView, customer_id: int) -> PersonRef:
    """A customer as the register of personal data names him: the references of all his people and devices."""
    found = identities_of(shop, customer_id)
    return PersonRef(
        shop.id,
        tuple(view.ref for view in found if view.kind is Kind.PERSON),
        tuple(view.ref for view in found if view.kind is Kind.VISITOR),
    )


def suggestions(
    shop: ShopView, *, state: str = "waiting", offset: int = 0, limit: int = 50
) -> tuple[SuggestionView, ...]:
    """Merges that wait for a person, the newest first; `state` refused: those that somebody refused."""
    with scope(shop=shop.id):
        rows = list(_suggested(shop.id, state).order_by("-at", "id")[offset : offset + limit])
        return _suggestion_views(rows)


def count_suggestions(shop: ShopView, *, state: str = "waiting") -> int:
    with scope(shop=shop.id):
        return _suggested(shop.id, state).count()


def suggestion_of(shop: ShopView, suggestion_id: int) -> SuggestionView:
    """Raises NoSuchSuggestion."""
    with scope(shop=shop.id):
        row = Suggestion.objects.filter(pk=suggestion_id).first()
        if row is None:
            raise NoSuchSuggestion(field="suggestion", value=suggestion_id)
        return _suggestion_views([row])[0]


def _suggested(shop_id: int, state: str) -> QuerySet[Suggestion]:
    """Both of them known, and (of those that wait) still two customers."""

    def home(column: str) -> Subquery:
        return Subquery(Identity.objects.filter(id=OuterRef(column)).values("customer_id")[:1])

    rows = Suggestion.objects.filter(shop_id=shop_id)
    if state == "refused":
        return rows.exclude(refused_at=None)
    rows = rows.filter(is_known=True, refused_at=None).annotate(
        one_home=home("one_id"), other_home=home("other_id")
    )
    known = rows.exclude(one_home=None).exclude(other_home=None)
    return known.exclude(one_home=F("other_home"))


def kept_out(shop: ShopView) -> tuple[KeptOutCount, ...]:
    """What facts named that could not be read, by kind and reason, the most frequent first."""
    with scope(shop=shop.id):
        rows = (
            KeptOut.objects.filter(shop_id=shop.id)
            .values("kind", "reason")
            .annotate(count=Count("id"), last_at=Max("at"))
            .order_by("-count", "kind")
        )
        return tuple(KeptOutCount(Kind(r["kind"]), r["reason"], r["count"], r["last_at"]) for r in rows)


def _view(row: Identity) -> IdentityView:
    return IdentityView(
        id=row.id,
        kind=Kind(row.kind),
        ref=row.ref,
        given=row.given,
        source=row.source,
        first_at=row.first_at,
        last_at=row.last_at,
        customer_id=row.customer_id,
        is_shared=row.is_shared,
        is_crowded=row.is_crowded,
    )


def _views_of(ids: Iterable[int]) -> dict[int, IdentityView]:
    found: dict[int, IdentityView] = {}
    for part in chunks(set(ids)):
        found |= {row.id: _view(row) for row in Identity.objects.filter(id__in=part)}
    return found


def _link_views(rows: Iterable[Link]) -> tuple[LinkView, ...]:
    rows = list(rows)
    views = _views_of(end for row in rows for end in (row.one_id, row.other_id))
    made = [
        LinkView(
            id=row.pk,
            one=views[row.one_id],
            other=views[row.other_id],
            origin=Origin(row.origin),
            source=row.source,
            at=row.at,
            made_by=row.made_by,
            undone_at=row.undone_at,
            undone_by=row.undone_by,
        )
        for row in rows
    ]
    return tuple(sorted(made, key=lambda link: (link.at, link.id), reverse=True))


def _suggestion_views(rows: Iterable[Suggestion]) -> tuple[SuggestionView, ...]:
    rows = list(rows)
    views = _views_of(one for row in rows for one in (row.one_id, row.other_id, row.via_id))
    return tuple(
        SuggestionView(
            id=row.pk,
            one=views[row.one_id],
            other=views[row.other_id],
            reason=Reason(row.reason),
            via=views.get(row.via_id),
            at=row.at,
            refused_at=row.refused_at,
            refused_by=row.refused_by,
        )
        for row in rows
        if row.one_id in views and row.other_id in views
    )


# Where a name without a row may stand in facts: kind -> (kind of fact, id, reference).
_IN_FACTS = {
    Kind.PERSON: (("order_lines", "buyer_id", "buyer_ref"), ("events", "person_id", "person_ref")),
    Kind.VISITOR: (("events", "visitor_id", "anonymous_ref"),),
}


class _Met(NamedTuple):
    """A name in facts, with when it stands there first and last."""

    ref: str
    first: datetime
    last: datetime


def refs_in_facts(shop: ShopView, kind: Kind, ids: Iterable[int]) -> dict[int, str]:
    """Of these identities those that facts know, with the reference under which they do."""
    return {id_: met.ref for id_, met in _met_in_facts(shop, kind, ids).items()}


def _unlinked(shop: ShopView, kind: Kind, id_: int) -> IdentityView | None:
    """An identity without a row, as facts know it; None: they know nobody of this id."""
    met = _met_in_facts(shop, kind, [id_]).get(id_)
    return None if met is None else IdentityView(id_, kind, met.ref, met.ref, "", met.first, met.last, id_)


def _met_in_facts(shop: ShopView, kind: Kind, ids: Iterable[int]) -> dict[int, _Met]:
    period = warehouse.whole_life(shop.id)
    wanted = pa.table({"id": pa.array(sorted(set(ids)), pa.int64())})
    if period is None or not wanted.num_rows:
        return {}

    def question(snapshot: warehouse.Snapshot) -> dict[int, _Met]:
        found: dict[int, _Met] = {}
        for fact, id_column, ref_column in _IN_FACTS[kind]:
            table = snapshot.raw(fact)
            rows = table.filter(table[ref_column].notnull())
            met = ibis.memtable(wanted)
            rows = rows.semi_join(met, rows[id_column] == met["id"])
            told = rows.group_by(id=rows[id_column]).agg(
                ref=rows[ref_column].min(), first=rows["at"].min(), last=rows["at"].max()
            )
            for row in snapshot.engine.run(told).to_pylist():
                one = _Met(row["ref"], *(row[name].replace(tzinfo=UTC) for name in ("first", "last")))
                other = found.get(row["id"], one)
                found[row["id"]] = _Met(other.ref, min(one.first, other.first), max(one.last, other.last))
        return found

    return warehouse.ask(shop, period, question, by="duckdb")


def name_of_view(view: IdentityView) -> Name:
    """The name of an identity as it is written, also of one that has no row yet."""
    return Name(view.id, view.kind, view.ref, view.given)
