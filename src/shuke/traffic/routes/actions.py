"""Writing planned routes down, changing and archiving them: checked, on record, and never over somebody else's change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _
from django_scopes import scope

from shuke.kernel.errors import Conflict, NotFound
from shuke.records.actor import Actor
from shuke.records.audit import record_audit
from shuke.shops import access
from shuke.shops.reads import ShopView
from shuke.shops.roles import Deed
from shuke.traffic.routes import decisions
from shuke.traffic.routes.models import PlannedRoute
from shuke.traffic.routes.reads import view
from shuke.traffic.routes.shapes import Route

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


def save_route(
    *, shop: ShopView, name: str, steps: Sequence[Mapping[str, Any]], actor: Actor, at: datetime
) -> Route:
    """Write a route down. `steps`: {kind, value, share} each. Raises BadRoute, NameTaken, TooManyRoutes, NotAllowed."""
    access.require(actor=actor, shop_id=shop.id, deed=Deed.MANAGE_TRAFFIC)
    name, read = decisions.read_name(name), decisions.read_steps(steps)
    with _once(name), transaction.atomic(), scope(shop=shop.id):
        living = PlannedRoute.objects.filter(archived_at=None)
        _check_name(living, name)
        _check_count(living)
        row = PlannedRoute.objects.create(
            shop_id=shop.id,
            name=name,
            steps=decisions.kept(read),
            made_by=actor.name[:200],
            made_at=at,
            changed_by=actor.name[:200],
            changed_at=at,
        )
        _record(shop, row, None, actor, at)
    return view(row)


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
    with _once(name), transaction.atomic(), scope(shop=shop.id):
        row = _living(route_id)
        if row.version != version:
            raise RouteChanged(field="version", value=version, by=row.changed_by)
        _check_name(PlannedRoute.objects.filter(archived_at=None).exclude(pk=row.pk), name)
        before = _told(row)
        row.name, row.steps, row.version = name, decisions.kept(read), version + 1
        row.changed_by, row.changed_at = actor.name[:200], at
        if _told(row) != before:
            row.save()
            _record(shop, row, before, actor, at)
        else:
            row.refresh_from_db()
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
        row = _any(route_id)
        if (row.archived_at is None) != (archived_at is None):
            if archived_at is None:
                living = PlannedRoute.objects.filter(archived_at=None)
                _check_name(living, row.name)
                _check_count(living)
            before = _told(row)
            row.archived_at = archived_at
            row.changed_by, row.changed_at = actor.name[:200], at
            with _once(row.name), transaction.atomic():
                row.save()
            _record(shop, row, before, actor, at)
    return view(row)


def _any(route_id: int) -> PlannedRoute:
    row = PlannedRoute.objects.select_for_update().filter(pk=route_id).first()
    if row is None:
        raise NotFound(field=str(_("planned route")), value=route_id)
    return row


def _living(route_id: int) -> PlannedRoute:
    row = _any(route_id)
    if row.archived_at is not None:
        raise NotFound(field=str(_("planned route")), value=route_id)
    return row


def _check_name(among: Any, name: str) -> None:
    if among.filter(name=name).exists():
        raise NameTaken(field="name", value=name)


def _check_count(living: Any) -> None:
    count = living.count()
    if count >= MOST_ROUTES:
        raise TooManyRoutes(field="route", value=count)


@contextmanager
def _once(name: str) -> Iterator[None]:
    """Of two that take a name at the same moment, the database lets one through."""
    try:
        yield
    except IntegrityError:
        raise NameTaken(field="name", value=name) from None


def _told(row: PlannedRoute) -> dict[str, Any]:
    return {"name": row.name, "steps": row.steps, "archived_at": row.archived_at}


def _record(
    shop: ShopView, row: PlannedRoute, before: Mapping[str, Any] | None, actor: Actor, at: datetime
) -> None:
    record_audit(
        shop_id=shop.id,
        actor=actor,
        deed=Deed.MANAGE_TRAFFIC.value,
        subject_kind="planned route",
        subject_id=row.pk,
        before=before,
        after=_told(row),
        at=at,
    )
