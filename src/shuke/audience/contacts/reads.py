"""Who can be reached, how, and why not: points and consent of a customer, coverage of a shop, and the gate of an export."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from django_scopes import scope

from shuke.audience.contacts.decisions import Standing, Verdict, Word, decide, standing
from shuke.audience.contacts.kinds import (
    CHANNEL_TITLES,
    POINT_OF,
    POINT_TITLES,
    PURPOSE_TITLES,
    SAID_TITLES,
    Channel,
    PointKind,
    Purpose,
    Said,
)
from shuke.audience.contacts.models import Confirmation, ContactPoint, Statement
from shuke.audience.contacts.points import Point, point_named, shown
from shuke.audience.contacts.values import RULES, Values, values_of
from shuke.audience.identities import reads as identities
from shuke.audience.identities.errors import NoSuchCustomer
from shuke.shops.reads import ShopView

__all__ = [
    "CHANNEL_TITLES",
    "POINT_OF",
    "POINT_TITLES",
    "PURPOSE_TITLES",
    "RULES",
    "SAID_TITLES",
    "Channel",
    "ConsentOf",
    "Point",
    "PointKind",
    "PointView",
    "Purpose",
    "Reach",
    "Reachable",
    "Said",
    "StatementView",
    "Values",
    "Verdict",
    "consent_of",
    "count_statements",
    "count_waiting",
    "history_of",
    "may_contact",
    "point_named",
    "reach",
    "reachable",
    "shown",
    "statements",
    "values_of",
]


@dataclass(frozen=True)
class PointView:
    """A contact point of a customer, and what may be done with it by channel and purpose."""

    point: Point
    verdicts: Mapping[tuple[Channel, Purpose], Verdict]


@dataclass(frozen=True)
class StatementView:
    """One thing that was said. `point`: the contact point that said it, where it is one that is known."""

    id: int
    identity_id: int
    customer_id: int
    point: Point | None
    channel: Channel
    purpose: Purpose
    said: Said
    at: datetime
    recorded_at: datetime
    text_version: str
    source: str
    ip: str
    note: str
    made_by: str


@dataclass(frozen=True)
class ConsentOf:
    """A customer: every identity and point of his, and what holds of them."""

    customer_id: int
    members: frozenset[int]
    points: tuple[PointView, ...]


@dataclass(frozen=True)
class Reachable:
    """A point that may be used now, and since when its consent stands."""

    customer_id: int
    point: Point
    since: datetime
    statement_id: int


@dataclass(frozen=True)
class Reach:
    """A shop's customers of one channel and purpose, as sets of customers: who has a point, who permits, who refuses."""

    channel: Channel
    purpose: Purpose
    with_point: np.ndarray
    permitted: np.ndarray
    refused: np.ndarray


# --- one customer


def consent_of(shop: ShopView, customer_id: int, at: datetime) -> ConsentOf:
    """Points and consent of a customer (by any identity of his)."""
    values = values_of(shop, at)
    home, members, points = _members(shop, customer_id)
    with scope(shop=shop.id):
        said = _standings(_words(shop, members))
    nothing: dict[int, Standing] = {}
    views = tuple(
        PointView(
            point,
            {
                (channel, purpose): decide(
                    point.id,
                    members,
                    said.get((channel, purpose), nothing),
                    wants_confirmation=channel in values.confirmed,
                )
                for channel, kind in POINT_OF.items()
                if kind is point.kind
                for purpose in Purpose
            },
        )
        for point in points
    )
    return ConsentOf(home, frozenset(members), views)


def may_contact(
    shop: ShopView, customer_id: int, point_id: int, channel: Channel, purpose: Purpose, at: datetime
) -> Verdict:
    """Whether a point of a customer may be used now. One that is not his is answered like one of whom nothing was said."""
    _home, members, points = _members(shop, customer_id)
    with scope(shop=shop.id):
        said = _standings(_words(shop, members, channel, purpose)).get((channel, purpose), {})
    if all(point.id != point_id or point.kind is not POINT_OF[channel] for point in points):
        return Verdict(False, "nothing_said")
    return decide(point_id, members, said, wants_confirmation=channel in values_of(shop, at).confirmed)


def history_of(shop: ShopView, customer_id: int) -> tuple[StatementView, ...]:
    """Everything that was said by any identity of a customer, the newest first."""
    _home, members, _points = _members(shop, customer_id)
    with scope(shop=shop.id):
        rows = Statement.objects.filter(shop_id=shop.id, identity_id__in=list(members))
        return _views(shop, rows.order_by("-at", "-id"))


def _members(shop: ShopView, customer_id: int) -> tuple[int, set[int], tuple[Point, ...]]:
    """The customer, every identity and point of his, and his points by kind and name."""
    home = identities.customer_of(shop, customer_id)
    try:
        views = identities.identities_of(shop, home)
    except NoSuchCustomer:
        views = ()
    members = {home, customer_id, *(view.id for view in views)}
    kinds = {kind.value for kind in PointKind}
    points = {
        view.id: Point(view.id, PointKind(view.kind.value), view.ref)
        for view in views
        if view.kind.value in kinds
    }
    with scope(shop=shop.id):
        for row in ContactPoint.objects.filter(shop_id=shop.id, holder_id__in=list(members)):
            points.setdefault(row.point_id, Point(row.point_id, PointKind(row.kind), row.ref))
    ordered = tuple(sorted(points.values(), key=lambda one: (list(PointKind).index(one.kind), one.ref)))
    return home, members | points.keys(), ordered


def _words(
    shop: ShopView,
    identity_ids: Collection[int] | None,
    channel: Channel | None = None,
    purpose: Purpose | None = None,
) -> Iterable[tuple[int, str, str, str, datetime, int]]:
    """(identity, channel, purpose, said, at, id) of statements."""
    rows = Statement.objects.filter(shop_id=shop.id)
    if identity_ids is not None:
        rows = rows.filter(identity_id__in=list(identity_ids))
    if channel is not None and purpose is not None:
        rows = rows.filter(channel=channel.value, purpose=purpose.value)
    return rows.values_list("identity_id", "channel", "purpose", "said", "at", "id").iterator(chunk_size=5000)


def _standings(
    rows: Iterable[tuple[int, str, str, str, datetime, int]],
) -> dict[tuple[Channel, Purpose], dict[int, Standing]]:
    """What stands of each identity, by channel and purpose."""
    words: dict[tuple[Channel, Purpose], dict[int, list[Word]]] = {}
    for identity_id, channel, purpose, said, at, id in rows:
        of = words.setdefault((Channel(channel), Purpose(purpose)), {})
        of.setdefault(identity_id, []).append(Word.of(at, Said(said), id))
    found: dict[tuple[Channel, Purpose], dict[int, Standing]] = {}
    for key, by_identity in words.items():
        told = {one: standing(said) for one, said in by_identity.items()}
        found[key] = {one: stands for one, stands in told.items() if stands is not None}
    return found


# --- a shop


def reach(shop: ShopView, channel: Channel, purpose: Purpose, at: datetime) -> Reach:
    """Who has a point for a channel, who of them permits it for a purpose, and who refuses, as customers' ids."""
    pairs, refused, permitted, _said = _reached(shop, channel, purpose, at)
    return Reach(
        channel,
        purpose,
        _ids(customer for _point, customer in pairs),
        _ids(customer for _point, customer in permitted),
        _ids(refused),
    )


def _ids(customers: Iterable[int]) -> np.ndarray:
    return np.array(sorted(set(customers)), np.int64)


Pairs = list[tuple[Point, int]]


def _reached(
    shop: ShopView, channel: Channel, purpose: Purpose, at: datetime
) -> tuple[Pairs, set[int], Pairs, dict[int, Standing]]:
    """(point, customer) of a channel, customers who refuse, the pairs that permit, and what stands of each identity."""
    kind, values = POINT_OF[channel], values_of(shop, at)
    pairs: dict[tuple[int, int], tuple[Point, int]] = {}
    if kind is not PointKind.WEIBO:
        for id, customer, ref in identities.of_kind(shop, identities.Kind(kind.value)):
            pairs[id, customer] = (Point(id, kind, ref), customer)
    with scope(shop=shop.id):
        held = list(
            ContactPoint.objects.filter(shop_id=shop.id, kind=kind.value).values_list(
                "point_id", "holder_id", "ref"
            )
        )
        said = _standings(_words(shop, None, channel, purpose)).get((channel, purpose), {})
        refusing = [one for one, stands in said.items() if stands.is_refused]
        holders: list[int] = []
        for start in range(0, len(refusing), 5000):
            part = refusing[start : start + 5000]
            holders += ContactPoint.objects.filter(shop_id=shop.id, point_id__in=part).values_list(
                "holder_id", flat=True
            )
    homes = identities.customers_of(shop, np.array([holder for _p, holder, _r in held], np.int64))
    for (id, _holder, ref), customer in zip(held, homes.tolist(), strict=True):
        pairs[id, customer] = (Point(id, kind, ref), customer)
    refused = set(identities.customers_of(shop, np.array([*refusing, *holders], np.int64)).tolist())
    wants = channel in values.confirmed
    permitted = [
        (point, customer)
        for point, customer in pairs.values()
        if customer not in refused and point.id in said and said[point.id].permits(wants_confirmation=wants)
    ]
    return list(pairs.values()), refused, permitted, said


def reachable(shop: ShopView, channel: Channel, purpose: Purpose, at: datetime) -> Iterator[Reachable]:
    """Every point that may be used, one by one. A withdrawal (or a merge that brings a refusal) is obeyed from the moment of
    its commit, also between two rows: each row is asked about when it is taken, not when the list was begun."""
    _pairs, _refused, permitted, said = _reached(shop, channel, purpose, at)
    began = _stamp(shop)
    for point, customer in sorted(permitted, key=lambda pair: (pair[1], pair[0].id)):
        stands = said[point.id]
        if _stamp(shop) != began:
            # Something was said or joined since: this row is decided anew.
            verdict = may_contact(shop, customer, point.id, channel, purpose, at)
            if not verdict.is_permitted:
                continue
        yield Reachable(customer, point, stands.at, stands.id)


def _stamp(shop: ShopView) -> tuple[int | None, int | None, int]:
    """Changes whenever a statement, a held point or whose an identity is changes; two small questions."""
    with scope(shop=shop.id):
        said = Statement.objects.filter(shop_id=shop.id).order_by("-id").values_list("id", flat=True).first()
        held = (
            ContactPoint.objects.filter(shop_id=shop.id).order_by("-id").values_list("id", flat=True).first()
        )
    return said, held, id(identities.customer_map(shop))


def statements(
    shop: ShopView, *, offset: int = 0, limit: int = 50, channel: Channel | None = None
) -> tuple[StatementView, ...]:
    """What was said last in a shop, the newest first."""
    with scope(shop=shop.id):
        rows = Statement.objects.filter(shop_id=shop.id)
        if channel is not None:
            rows = rows.filter(channel=channel.value)
        return _views(shop, rows.order_by("-at", "-id")[offset : offset + limit])


def count_statements(shop: ShopView, *, channel: Channel | None = None) -> int:
    with scope(shop=shop.id):
        rows = Statement.objects.filter(shop_id=shop.id)
        return rows.filter(channel=channel.value).count() if channel else rows.count()


def count_waiting(shop: ShopView, at: datetime) -> int:
    """Consents that wait to be confirmed and still can be."""
    with scope(shop=shop.id):
        rows = Confirmation.objects.filter(shop_id=shop.id, used_at=None, expires_at__gt=at)
        return rows.values("identity_id", "channel", "purpose").distinct().count()


def _views(shop: ShopView, rows: Iterable[Statement]) -> tuple[StatementView, ...]:
    """Within the shop's scope."""
    rows = list(rows)
    ids = sorted({row.identity_id for row in rows})
    homes = dict(zip(ids, identities.customers_of(shop, np.array(ids, np.int64)).tolist(), strict=True))
    points = {
        row.point_id: Point(row.point_id, PointKind(row.kind), row.ref)
        for row in ContactPoint.objects.filter(shop_id=shop.id, point_id__in=ids)
    }
    for kind in PointKind:
        if kind is not PointKind.WEIBO and len(points) < len(ids):
            for id, _customer, ref in identities.of_kind(shop, identities.Kind(kind.value), only=ids):
                points.setdefault(id, Point(id, kind, ref))
    return tuple(
        StatementView(
            row.pk, row.identity_id, homes[row.identity_id], points.get(row.identity_id), Channel(row.channel),
            Purpose(row.purpose), Said(row.said), row.at, row.recorded_at, row.text_version, row.source, row.ip,
            row.note, row.made_by,
        )
        for row in rows
    )  # fmt: skip
