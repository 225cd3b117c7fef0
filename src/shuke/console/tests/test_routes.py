"""The pages of planned routes: written down, kept as typed when refused, and planned against real in words."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from shuke.kernel import clock
from shuke.shops.roles import Role
from shuke.traffic.routes import reads
from shuke.traffic.routes.tests.conftest import life, route
from shuke.traffic.tests.drawn import AT, FIRST, LAST

__all__ = ["life", "route"]
pytestmark = [pytest.mark.django_db, pytest.mark.row("T5")]
DAYS = {"range": "custom", "from": FIRST.isoformat(), "to": LAST.isoformat()}
FORM = {
    "name": "Way",
    "what1": "page",
    "value1": "/",
    "what2": "type:item",
    "share2": "60",
    "what4": "order",
    "share4": "5,5",
}


@pytest.fixture
def ask(client, shop, member_of):
    """A function (name, args, query or form, role, post) -> response, signed in; the clock stands at AT."""
    users: dict[Role, object] = {}

    def request(name, *args, given=None, role=Role.OWNER, post=False, language="en"):
        users.setdefault(role, None)
        users[role] = users[role] or member_of(shop, role)
        client.force_login(users[role])
        client.cookies["shuke_language"] = language
        with clock.frozen(AT):
            url = reverse(f"console:{name}", args=[shop.slug, *args])
            return client.post(url, given or {}) if post else client.get(url, given or {})

    return request


def text_of(answer) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def test_route__written_down__is_kept_as_typed(ask, shop):
    answer = ask("new_route", given=FORM, post=True)
    (made,) = reads.list_routes(shop)
    assert answer.url == reverse("console:route", args=[shop.slug, made.id])
    assert [(one.what, one.share and float(one.share)) for one in made.steps] == [
        (("page", "/"), None),
        (("type", "item"), 0.6),
        (("order", ""), 0.055),
    ]
    form = ask("edit_route", made.id).content.decode()
    assert 'value="5.5"' in form
    stale = ask("edit_route", made.id, given={**FORM, "name": "New", "version": "7"}, post=True)
    assert stale.status_code == 422
    assert 'value="New"' in stale.content.decode()
    assert reads.get_route(shop, made.id) == made


def test_route__refused__names_the_line_and_keeps_what_was_typed(ask, shop):
    answer = ask("new_route", given={**FORM, "share4": "many"}, post=True)
    assert answer.status_code == 422
    assert "Step 4: the planned share can not be “many”." in text_of(answer)
    assert 'value="many"' in answer.content.decode()
    assert reads.list_routes(shop) == ()
    assert ask("new_route", role=Role.READ_ONLY).status_code == 403


def test_answer__planned_against_real__says_plan_fact_and_leak(ask, shop, life, route):
    report = reads.route_report(shop=shop, steps=route.steps, period=_period(), at=AT)
    answer = text_of(ask("route_answer", route.id, given=DAYS))
    assert f"Of {report.steps[0].entered.value} visits that entered the route" in answer
    assert "planned 90.0%" in answer
    assert "below plan" in answer
    assert f"{report.steps[0].left} visits went elsewhere from here" in answer
    chinese = text_of(ask("route_answer", route.id, given=DAYS, language="zh"))
    assert "低于计划" in chinese
    assert "计划 90.0%" in chinese
    behind = text_of(ask("route_visits", route.id, given={**DAYS, "step": "1", "left": "1"}))
    assert f"of {report.steps[0].left}" in behind
    gone = next(leak for leak in report.steps[0].leaks if leak.path is None)
    assert "left=1&amp;exit=1" in ask("route_answer", route.id, given=DAYS).content.decode()
    of_gone = ask("route_visits", route.id, given={**DAYS, "step": "1", "left": "1", "exit": "1"})
    assert f"of {gone.visits}" in text_of(of_gone)
    given = {"range": "custom", "from": f"{LAST}", "to": f"{LAST}", "against": "before"}
    assert "than the day before" in text_of(ask("route_answer", route.id, given=given))
    assert "than the day before" not in text_of(ask("route_answer", route.id, given=DAYS))
    both = ask("route", route.id, given={**given, "format": "csv"}).getvalue().decode()
    assert "entered before,kept before" in both.splitlines()[0]
    steps = ask("route", route.id, given={**DAYS, "format": "csv"}).getvalue().decode("utf-8-sig")
    assert steps.splitlines()[0].startswith("step,name,entered,planned")
    pages = ask("route", route.id, given={**DAYS, "format": "csv", "table": "pages"}).getvalue().decode()
    assert "/cart" in pages


def _period():
    from shuke.kernel.periods import Period

    return Period.inclusive(FIRST, LAST)


def test_routes__none_and_archived__say_the_first_step_and_the_way_back(ask, shop, route):
    assert "To the order" in text_of(ask("routes"))
    ask("archive_route", route.id, post=True)
    assert "No route is written down yet" in text_of(ask("routes"))
    assert "To the order" in text_of(ask("routes", given={"archived": "1"}))
    ask("restore_route", route.id, post=True)
    assert not reads.get_route(shop, route.id).is_archived
    assert ask("route", 999).status_code == 404
