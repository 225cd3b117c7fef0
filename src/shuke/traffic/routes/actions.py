"""Writing planned routes down, changing and archiving them: checked, on record, and never over somebody else's change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _
from django_scopes import scope

from shuke.kernel.errors import Conflict, NotFound
from shuke.records.actor import Actor
from shuke.shops import access
from shuke.shops.reads import ShopView
from shuke.shops.roles import Deed
from shuke.traffic.routes import decisions
from shuke.traffic.routes.models import PlannedRoute
from shuke.traffic.routes.reads import view
from shuke.traffic.routes.shapes import Route
from shuke.traffic.saved.shelf import Shelf, signed

MOST_ROUTES = 100


class NameTaken(Conflict):
    code = "route_name_taken"
    words = _("There is a route “%(value)s” already.")
    remedy = _("Give it another name, or change the one that there is.")


class RouteChanged(Conflict):
    code = "route_changed"
    words = _("The route was changed by %(by)s in the meantime.")
    remedy = _("Load it again and repeat what you wanted to change.")


class TooManyRoutes(Conflict):
    code = "too_many_routes"
    words = _("The shop has %(value)s routes, and more are not kept.")
    remedy = _("Archive one that is no longer used.")


def _told(row: PlannedRoute) -> dict[str, Any]:
    return {"name": row.name, "steps": row.steps, "archived_at": row.archived_at}


_ROUTES = Shelf(
    model=PlannedRoute,
    noun=_("planned route"),
    subject_kind="planned route",
    told=_told,
    name_taken=lambda name: NameTaken(field="name", value=name),
    changed_meanwhile=lambda row: RouteChanged(field="version", value=row.version, by=row.changed_by),
    too_many=lambda count: TooManyRoutes(field="route", value=count),
)


def save_route(
    *, shop: ShopView, name: str, steps: Sequence[Mapping[str, Any]], actor: Actor, at: datetime
) -> Route:
    """Write a route down. `steps`: {kind, value, share} each. Raises BadRoute, NameTaken, TooManyRoutes, NotAllowed."""
    access.require(actor=actor, shop_id=shop.id, deed=Deed.MANAGE_TRAFFIC)
    name, read = decisions.read_name(name), decisions.read_steps(steps)
    with transaction.atomic(), scope(shop=shop.id):
        _ROUTES.require_room(MOST_ROUTES)
        values = {"steps": decisions.kept(read)}
        return view(_ROUTES.add(shop_id=shop.id, name=name, values=values, actor=actor, at=at))


def change_route(
    *,
    shop: ShopView,
    route_id: int,
    name: str,
    steps: Sequence[Mapping[str, Any]],
    version: int,
    actor: Actor,
    at: datetime,
) -> Route:
    """Change a route that is at `version`. Raises BadRoute, NameTaken, RouteChanged, NotFound, NotAllowed."""
    access.require(actor=actor, shop_id=shop.id, deed=Deed.MANAGE_TRAFFIC)
    name, read = decisions.read_name(name), decisions.read_steps(steps)
    with transaction.atomic(), scope(shop=shop.id):
        row = _ROUTES.get(route_id, locks=True)
        if row.archived_at is not None:
            raise NotFound(field=str(_("planned route")), value=route_id)
        if row.version != version:
            raise RouteChanged(field="version", value=version, by=row.changed_by)
        values: dict[str, Any] = {"name": name, "steps": decisions.kept(read)}
        if values != {"name": row.name, "steps": row.steps}:
            values |= {"version": version + 1, **signed(actor, at)}
            _ROUTES.write(row, values, actor=actor, at=at)
    return view(row)


def archive_route(*, shop: ShopView, route_id: int, actor: Actor, at: datetime) -> Route:
    """Take a route out of use; twice is once. Raises NotFound, NotAllowed."""
    return _set_archived(shop, route_id, at, actor, at)


def restore_route(*, shop: ShopView, route_id: int, actor: Actor, at: datetime) -> Route:
    """Take an archived route into use again. Raises NotFound, NameTaken, TooManyRoutes, NotAllowed."""
    return _set_archived(shop, route_id, None, actor, at)


def _set_archived(
    shop: ShopView, route_id: int, archived_at: datetime | None, actor: Actor, at: datetime
) -> Route:
    access.require(actor=actor, shop_id=shop.id, deed=Deed.MANAGE_TRAFFIC)
    with transaction.atomic(), scope(shop=shop.id):
        row = _ROUTES.get(route_id, locks=True)
        if (row.archived_at is None) != (archived_at is None):
            if archived_at is None:
                _ROUTES.require_room(MOST_ROUTES)
            _ROUTES.write(row, {"archived_at": archived_at, **signed(actor, at)}, actor=actor, at=at)
    return view(row)
