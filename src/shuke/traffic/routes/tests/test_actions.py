"""Routes are written down, changed and archived: on record, one after another, and by who may."""

from __future__ import annotations

import pytest
from django_scopes import scope

from shuke.kernel.errors import NotAllowed, NotFound
from shuke.records.actor import Actor
from shuke.records.models import AuditEntry
from shuke.shops.roles import Role
from shuke.traffic.routes import actions, decisions, reads
from shuke.traffic.routes.models import PlannedRoute
from shuke.traffic.routes.tests.conftest import ACTOR, STEPS
from shuke.traffic.tests.drawn import AT

pytestmark = [pytest.mark.django_db, pytest.mark.row("T5")]


def entries(shop):
    with scope(shop=shop.id):
        found = list(AuditEntry.objects.filter(subject_kind="planned route").order_by("id"))
    return [(one.before and one.before["name"], one.after["name"]) for one in found]


def test_route__saved_changed_archived_restored__is_on_record(shop, route):
    assert reads.planned_paths(shop) == ("/cart",)
    common = {"shop": shop, "actor": ACTOR, "at": AT}
    changed = actions.change_route(**common, route_id=route.id, name="Way", steps=STEPS[:2], version=1)
    assert (changed.name, len(changed.steps), changed.version) == ("Way", 2, 2)
    same = actions.change_route(**common, route_id=route.id, name="Way", steps=STEPS[:2], version=2)
    assert same == changed
    assert actions.archive_route(**common, route_id=route.id).is_archived
    assert actions.archive_route(**common, route_id=route.id).is_archived
    assert reads.list_routes(shop) == ()
    assert [one.name for one in reads.list_routes(shop, is_archived=True)] == ["Way"]
    assert not actions.restore_route(**common, route_id=route.id).is_archived
    assert entries(shop) == [(None, "To the order"), ("To the order", "Way"), ("Way", "Way"), ("Way", "Way")]


def test_route__changed_by_two__keeps_the_first_and_refuses_the_second(shop, route):
    common = {"shop": shop, "actor": ACTOR, "at": AT, "route_id": route.id, "steps": STEPS}
    actions.change_route(**common, name="First", version=1)
    with pytest.raises(actions.RouteChanged):
        actions.change_route(**common, name="Second", version=1)
    assert reads.get_route(shop, route.id).name == "First"
    assert len(entries(shop)) == 2


def test_route__a_name_that_is_taken__is_refused_and_nothing_kept(shop, route):
    common = {"shop": shop, "steps": STEPS, "actor": ACTOR, "at": AT}
    with pytest.raises(actions.NameTaken):
        actions.save_route(**common, name=" To  the order ")
    actions.archive_route(shop=shop, route_id=route.id, actor=ACTOR, at=AT)
    other = actions.save_route(**common, name="To the order")
    with pytest.raises(actions.NameTaken):
        actions.restore_route(shop=shop, route_id=route.id, actor=ACTOR, at=AT)
    assert [one.id for one in reads.list_routes(shop)] == [other.id]


def test_route__kept_with_what_is_refused_today__is_still_read_and_can_be_mended(shop, route):
    nothing = [*STEPS[:3], {"kind": "order", "value": "", "share": "0"}]
    with scope(shop=shop.id):
        PlannedRoute.objects.filter(pk=route.id).update(steps=nothing)
    assert reads.list_routes(shop)[0].steps[3].share == 0
    mended = actions.change_route(
        shop=shop, route_id=route.id, name="To the order", steps=STEPS, version=1, actor=ACTOR, at=AT
    )
    assert mended.steps == route.steps


def test_route__named_by_two_at_once__is_refused_to_the_second(shop, route):
    common = {"shop": shop, "steps": STEPS, "actor": ACTOR, "at": AT}
    with pytest.raises(actions.NameTaken):
        actions.save_route(**common, name="To the order")
    other = actions.save_route(**common, name="Other")
    with pytest.raises(actions.NameTaken):
        actions.change_route(**common, route_id=other.id, name="To the order", version=1)
    actions.archive_route(shop=shop, route_id=route.id, actor=ACTOR, at=AT)
    actions.save_route(**common, name="To the order")
    with pytest.raises(actions.NameTaken):
        actions.restore_route(shop=shop, route_id=route.id, actor=ACTOR, at=AT)
    assert len(entries(shop)) == 4


def test_route__restored_where_the_shop_has_as_many_as_it_may__is_refused(shop, route, monkeypatch):
    monkeypatch.setattr(actions, "MOST_ROUTES", 1)
    actions.archive_route(shop=shop, route_id=route.id, actor=ACTOR, at=AT)
    actions.save_route(shop=shop, name="Other", steps=STEPS, actor=ACTOR, at=AT)
    with pytest.raises(actions.TooManyRoutes):
        actions.restore_route(shop=shop, route_id=route.id, actor=ACTOR, at=AT)
    assert [one.name for one in reads.list_routes(shop)] == ["Other"]


def test_route__by_who_may_not_or_of_another_shop__nothing_changes(shop, other_shop, route, member_of):
    user = member_of(shop, Role.READ_ONLY)
    reader = Actor("member", user.pk, user.name, Role.READ_ONLY.value)
    with pytest.raises(NotAllowed):
        actions.save_route(shop=shop, name="Mine", steps=STEPS, actor=reader, at=AT)
    with pytest.raises(NotFound):
        actions.archive_route(shop=other_shop, route_id=route.id, actor=ACTOR, at=AT)
    with pytest.raises(NotFound):
        reads.get_route(other_shop, route.id)
    with pytest.raises(decisions.BadStepCount):
        actions.save_route(shop=shop, name="Short", steps=STEPS[:1], actor=ACTOR, at=AT)
    with scope(shop=shop.id):
        assert reads.list_routes(shop) == (route,)
    assert len(entries(shop)) == 1
