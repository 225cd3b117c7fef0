"""A contact point by its name, normalised as identities are, so that facts which name it later mean the same."""

from __future__ import annotations

from dataclasses import dataclass

from shuke.audience.contacts.errors import WrongPoint
from shuke.audience.contacts.kinds import PointKind
from shuke.audience.identities.names import name_of
from shuke.audience.identities.reads import Kind
from shuke.kernel.surrogates import surrogate
from shuke.shops.reads import ShopView

LONGEST = 200


@dataclass(frozen=True)
class Point:
    """`id`: surrogate of kind and ref in the shop; `ref` as it is compared."""

    id: int
    kind: PointKind
    ref: str


def point_named(shop: ShopView, kind: PointKind, text: str) -> Point:
    """A phone in any spelling, an e-mail, an open id. Raises BadPhone, BadEmail, WrongPoint."""
    if kind is PointKind.WEIBO:
        ref = text.strip().lstrip("@").lower()
        if not ref or len(ref) > LONGEST or any(sign.isspace() for sign in ref):
            raise WrongPoint(field="point", value=text[:60])
        return Point(surrogate(shop.id, kind.value, ref), kind, ref)
    name = name_of(shop, Kind(kind.value), text, field="point")
    return Point(name.id, kind, name.ref)


def shown(point: Point, *, is_masked: bool) -> str:
    """A point as it stands on a page: for who may not see it, its ends alone."""
    if not is_masked:
        return point.ref
    if point.kind is PointKind.EMAIL:
        name, _at, domain = point.ref.partition("@")
        return f"{name[:1]}•••@{domain}"
    if point.kind is PointKind.PHONE:
        return f"{point.ref[:3]}•••{point.ref[-2:]}"
    return f"{point.ref[:1]}•••"
