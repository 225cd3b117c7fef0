"""Saving segments, changing and archiving them: checked, on record, and never over somebody else's change."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _
from django_scopes import scope

from shuke.audience.segments import worlds
from shuke.audience.segments.errors import (
    NameTaken,
    NoSuchSegment,
    SegmentChanged,
    SegmentInUse,
    TooDeep,
    TooManySegments,
)
from shuke.audience.segments.fields import CUSTOMER
from shuke.audience.segments.models import Segment
from shuke.audience.segments.reads import DEEPEST, conditions_needed, get_segment, number_of, view
from shuke.audience.segments.shapes import SegmentView
from shuke.conditions.reads import Node, dump, parse
from shuke.kernel.errors import Invalid
from shuke.records.actor import Actor
from shuke.shops import access
from shuke.shops.reads import ShopView
from shuke.shops.roles import Deed
from shuke.traffic.saved.shelf import Shelf, signed

MOST_SEGMENTS = 500
LONGEST_NAME = 80


class BadName(Invalid):
    code = "bad_segment_name"
    words = _("A segment can not be called “%(value)s”.")
    remedy = _("Give it a name of 1 to 80 characters.")


def _told(row: Segment) -> dict[str, Any]:
    return {"name": row.name, "condition": row.condition, "archived_at": row.archived_at}


_SEGMENTS = Shelf(
    model=Segment,
    noun=_("segment"),
    subject_kind="segment",
    told=_told,
    name_taken=lambda name: NameTaken(field="name", value=name),
    changed_meanwhile=lambda row: SegmentChanged(field="version", value=row.version, by=row.changed_by),
    too_many=lambda count: TooManySegments(field="segment", value=count),
    deed=Deed.MANAGE_CUSTOMERS,
)


def read_name(name: str) -> str:
    found = " ".join(name.split())
    if not 1 <= len(found) <= LONGEST_NAME:
        raise BadName(field="name", value=name)
    return found


def read_condition(
    shop: ShopView, form: Mapping[str, Any] | str, *, at: datetime, own: str | None = None
) -> Node:
    """A condition on customers from its JSON. Raises what conditions.parse does, NoSuchSegment, SegmentInItself."""
    node = parse(form, CUSTOMER)
    conditions_needed(shop, node, at=at, own=own)
    return node


def save_segment(
    *, shop: ShopView, name: str, condition: Mapping[str, Any] | str, actor: Actor, at: datetime
) -> SegmentView:
    """Keep a condition under a name. Raises BadName, NameTaken, TooManySegments, NotAllowed, and as `read_condition`."""
    access.require(actor=actor, shop_id=shop.id, deed=Deed.MANAGE_CUSTOMERS)
    name, node = read_name(name), read_condition(shop, condition, at=at)
    with transaction.atomic(), scope(shop=shop.id):
        _SEGMENTS.require_room(MOST_SEGMENTS)
        values = {"condition": dump(node)}
        return view(_SEGMENTS.add(shop_id=shop.id, name=name, values=values, actor=actor, at=at))


def change_segment(
    *,
    shop: ShopView,
    key: str,
    name: str,
    condition: Mapping[str, Any] | str,
    version: int,
    actor: Actor,
    at: datetime,
) -> SegmentView:
    """Change a segment that is at `version`; a shipped one is not changed. Raises NoSuchSegment, SegmentChanged, and as
    `save_segment`."""
    access.require(actor=actor, shop_id=shop.id, deed=Deed.MANAGE_CUSTOMERS)
    with transaction.atomic(), scope(shop=shop.id):
        row = _row(key, locks=True)
        if row.archived_at is not None:
            raise NoSuchSegment(field="segment", value=key)
        name, node = read_name(name), read_condition(shop, condition, at=at, own=key)
        _require_room_above(shop, key, node, at)
        if row.version != version:
            raise SegmentChanged(field="version", value=version, by=row.changed_by)
        values: dict[str, Any] = {"name": name, "condition": dump(node)}
        if values != {"name": row.name, "condition": row.condition}:
            values |= {"version": version + 1, **signed(actor, at)}
            _SEGMENTS.write(row, values, actor=actor, at=at)
    return view(row)


def archive_segment(*, shop: ShopView, key: str, actor: Actor, at: datetime) -> SegmentView:
    """Take a segment out of use; twice is once. Raises NoSuchSegment, SegmentInUse, NotAllowed."""
    return _set_archived(shop, key, at, actor, at)


def restore_segment(*, shop: ShopView, key: str, actor: Actor, at: datetime) -> SegmentView:
    """Take an archived segment into use again. Raises NoSuchSegment, NameTaken, TooManySegments, NotAllowed."""
    return _set_archived(shop, key, None, actor, at)


def _set_archived(
    shop: ShopView, key: str, archived_at: datetime | None, actor: Actor, at: datetime
) -> SegmentView:
    access.require(actor=actor, shop_id=shop.id, deed=Deed.MANAGE_CUSTOMERS)
    with transaction.atomic(), scope(shop=shop.id):
        row = _row(key, locks=True)
        if (row.archived_at is None) != (archived_at is None):
            if archived_at is None:
                _SEGMENTS.require_room(MOST_SEGMENTS)
            elif users := _users_of(key):
                raise SegmentInUse(field="segment", value=row.name, by=", ".join(users[:5]))
            _SEGMENTS.write(row, {"archived_at": archived_at, **signed(actor, at)}, actor=actor, at=at)
    return view(row)


def _require_room_above(shop: ShopView, key: str, node: Node, at: datetime) -> None:
    """What names the segment must not become too deep through its change. Raises TooDeep."""
    below = _depth(shop, node, at)
    above, names = 0, {key}
    known = {
        str(row.pk): worlds.groups_asked(parse(row.condition, CUSTOMER))
        for row in Segment.objects.filter(archived_at=None)
    }
    while names := {one for one, groups in known.items() if names & set(groups)}:
        above += 1
        if above + below > DEEPEST + 1:
            raise TooDeep(field="segment", value=key, most=DEEPEST)


def _depth(shop: ShopView, node: Node, at: datetime) -> int:
    """How many segments name one another below a condition."""
    groups = worlds.groups_asked(node)
    return max((1 + _depth(shop, get_segment(shop, one, at=at).condition, at) for one in groups), default=0)


def _users_of(key: str) -> list[str]:
    """The names of segments in use whose condition names this one."""
    rows = Segment.objects.filter(archived_at=None).exclude(pk=int(key))
    return [row.name for row in rows if key in worlds.groups_asked(parse(row.condition, CUSTOMER))]


def _row(key: str, *, locks: bool = False) -> Segment:
    number = number_of(key)
    rows = Segment.objects.select_for_update() if locks else Segment.objects
    row = rows.filter(pk=number).first()
    if row is None:
        raise NoSuchSegment(field="segment", value=key)
    return row
