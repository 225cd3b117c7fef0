"""The API of alerts and what stands on Today: the list, one with its course, seen, put off, rules; what is refused."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.utils import translation
from django_scopes import scope

from shuke.kernel import clock
from shuke.kernel.periods import Period, day_start, local_day
from shuke.records.actor import Actor
from shuke.records.models import AuditEntry
from shuke.shops import actions as shops
from shuke.shops.access import shop_for
from shuke.shops.roles import Deed, Role
from shuke.shops.today import Urgency, all_lines
from shuke.traffic.alerts import reads
from shuke.traffic.alerts.models import Alert, DayJudged
from shuke.traffic.alerts.tests.raised import raise_one
from shuke.traffic.alerts.wording import short_day

pytestmark = [pytest.mark.django_db, pytest.mark.row("T7")]


@pytest.fixture
def ask(client, shop):
    """A function (method, path, body, role) -> response, with an API key of that role."""
    secrets: dict[Role, str] = {}

    def call(method: str, path: str = "", body=None, role: Role = Role.OPERATOR):
        if role not in secrets:
            with scope(shop=shop.id):
                _key, secrets[role] = shops.create_api_key(
                    shop=shop, name=role.value, role=role, actor=Actor.system("tests"), at=clock.now()
                )
        given = {"data": json.dumps(body), "content_type": "application/json"} if body is not None else {}
        return client.generic(
            method,
            f"/api/v1/shops/{shop.slug}/traffic/alerts{path}",
            **given,
            headers={"Authorization": f"Bearer {secrets[role]}"},
        )

    return call


def test_alerts__over_the_api__list_one_with_its_course_seen_and_put_off(ask, shop) -> None:
    alert = raise_one(shop, at=clock.now())
    (listed,) = ask("GET").json()
    assert (listed["lead"], listed["part"], listed["usual"], listed["days"]) == (str(alert.lead), 180, 360, 3)
    assert listed["segments"][0]["series"] == str(alert.lead)
    assert listed["definitions"] == {"visits": "visits.v1", "orders": "orders.v1"}
    one = ask("GET", f"/{alert.id}").json()
    off = [point for point in one["course"] if point["is_off"]]
    assert [point["actual"] for point in off] == [60, 60, 60]
    assert all(point["low"] < point["expected"] < point["high"] for point in one["course"])
    watch = ask("GET", "/watch").json()
    assert watch["judged_until"] == alert.last_day.isoformat()
    assert {one["series"] for one in watch["series"]} == {"visits|channel=email", "visits|channel=direct"}
    seen = ask("POST", f"/{alert.id}/seen").json()
    assert seen["seen_by"] == "operator"
    until = (clock.now() + timedelta(days=2)).isoformat()
    assert ask("POST", f"/{alert.id}/snooze", {"until": until}).json()["snoozed_until"] is not None
    assert ask("GET", f"/{alert.id + 99}").status_code == 404
    with scope(shop=shop.id):
        deeds = set(AuditEntry.objects.values_list("deed", flat=True))
    assert {"see_alert", "snooze_alert"} <= deeds


def test_rules__over_the_api__made_changed_put_off_and_removed(ask, shop) -> None:
    made = ask(
        "POST",
        "/rules",
        {
            "kind": "limit",
            "metric": "conversion",
            "direction": "below",
            "limit": 0.02,
            "condition": {"v": 1, "field": "channel", "op": "eq", "value": "email"},
        },
    ).json()
    assert (made["metric"], made["version"], float(made["limit"])) == ("conversion", 1, 0.02)
    changed = ask("PATCH", f"/rules/{made['id']}", {"limit": 0.03, "is_on": False}).json()
    assert (float(changed["limit"]), changed["is_on"]) == (0.03, False)
    assert len(ask("GET", "/rules").json()) == 2
    assert ask("DELETE", f"/rules/{made['id']}").status_code == 204
    assert [one["kind"] for one in ask("GET", "/rules").json()] == ["watch"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"kind": "limit", "metric": "nothing", "direction": "below", "limit": 1}, 404, "not_found"),
        ({"kind": "limit", "metric": "orders", "direction": "fall", "limit": 1}, 422, "bad_direction"),
        ({"kind": "limit", "metric": "orders", "direction": "below"}, 422, "bad_limit"),
        ({"kind": "limit", "metric": "conversion", "direction": "below", "limit": 35}, 422, "bad_limit"),
        ({"kind": "unusual", "metric": "orders", "direction": "fall", "readers": [77]}, 422, "bad_reader"),
    ],
)
def test_rules__that_can_not_be__are_refused_in_words_and_change_nothing(
    ask, shop, body, status, code
) -> None:
    answer = ask("POST", "/rules", body)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.json()
    assert answer.json()["message"]
    assert [one.id for one in reads.list_rules(shop)] == [0]


def test_rules__by_who_may_only_look__are_refused(ask, shop) -> None:
    body = {"kind": "unusual", "metric": "orders", "direction": "fall"}
    assert ask("POST", "/rules", body, Role.READ_ONLY).status_code == 403
    assert ask("GET", "", None, Role.READ_ONLY).status_code == 200
    assert [one.id for one in reads.list_rules(shop)] == [0]


@pytest.mark.row("E1")
def test_today__of_an_open_alert__says_it_first_until_it_is_seen_or_put_off(ask, shop, member_of) -> None:
    access = shop_for(member_of(shop, Role.OPERATOR), shop.slug, Deed.VIEW_TODAY)
    assert not [line for line in all_lines(access, clock.now()) if "/alerts/" in line.url]
    alert = raise_one(shop, at=clock.now())
    (line,) = [one for one in all_lines(access, clock.now()) if "/alerts/" in one.url]
    assert line.urgency == Urgency.now
    assert "180" in str(line.title)
    assert "360" in str(line.title)
    ask("POST", f"/{alert.id}/seen")
    (line,) = [one for one in all_lines(access, clock.now()) if "/alerts/" in one.url]
    assert line.urgency == Urgency.soon
    ask("POST", f"/{alert.id}/snooze", {"until": (clock.now() + timedelta(days=2)).isoformat()})
    assert not [one for one in all_lines(access, clock.now()) if "/alerts/" in one.url]
    support = shop_for(member_of(shop, Role.SUPPORT), shop.slug, Deed.VIEW_TODAY)
    assert not [one for one in all_lines(support, clock.now()) if "/alerts/" in one.url]


@pytest.mark.parametrize(
    ("state", "lead", "ago", "said"),
    [
        ("back", "visits|channel=email", 1, "back to usual"),
        ("lasting", "visits|channel=email", 4, "now taken for the new level"),
        ("back", "visits|channel=email", 5, ""),
    ],
)
def test_today__of_an_alert_that_is_over__says_so_for_some_days(
    shop, member_of, state, lead, ago, said
) -> None:
    access = shop_for(member_of(shop, Role.OPERATOR), shop.slug, Deed.VIEW_TODAY)
    alert = raise_one(shop, lead, at=clock.now())
    with scope(shop=shop.id):
        ended_on = local_day(clock.now(), shop.zone) - timedelta(days=ago)
        Alert.objects.filter(pk=alert.id).update(state=state, ended_on=ended_on)
    with translation.override("en"):
        found = [one for one in all_lines(access, clock.now()) if "/alerts/" in one.url]
    assert [(one.urgency, said in str(one.title)) for one in found] == (
        [(Urgency.done, True)] if said else []
    )


@pytest.mark.parametrize(
    ("metric", "stored", "is_in_unit", "shown"),
    [
        ("views_per_visitor", 3200, 3.2, "3.2"),
        ("stay_per_visit", 61_500, 61.5, "61.5"),
        ("value_per_order", 18_050, 18_050, "¥180"),
        ("carts", 320, 320, "320"),
    ],
)
def test_series_of_a_rule__in_its_course_and_among_what_is_watched__stands_in_its_metrics_unit(
    ask, shop, metric, stored, is_in_unit, shown
) -> None:
    given = {"kind": "unusual", "metric": metric, "direction": "fall"}
    rule = ask("POST", "/rules", given).json()
    lead = f"count.{rule['id']}"
    alert = raise_one(shop, lead, at=clock.now())
    with scope(shop=shop.id):
        Alert.objects.update(
            rule_id=rule["id"],
            evidence={**Alert.objects.get().evidence, "part": stored, "usual": 2.0 * stored},
        )
        row = DayJudged.objects.order_by("-day")[0]
        row.judged[lead] = ["moved", stored, None, 2.0 * stored, 1.5 * stored, 2.5 * stored, 5.0, 1, 1]
        row.save()
    one = ask("GET", f"/{alert.id}").json()
    last = [point for point in one["course"] if point["is_off"]][-1]
    assert (last["actual"], last["expected"]) == (is_in_unit, 2 * is_in_unit)
    assert (one["part"], one["usual"]) == (is_in_unit, 2 * is_in_unit)
    (state,) = [one for one in ask("GET", "/watch").json()["series"] if one["series"] == lead]
    assert (state["actual"], state["high"]) == (is_in_unit, 2.5 * is_in_unit)
    found = reads.get_alert(shop, alert.id)
    assert reads.value_words(found.lead, last["actual"], shop, found.rule) == shown
    assert shown in reads.sentence(found, shop)


@pytest.mark.row("E1")
def test_today__of_an_alert_where_the_facts_ended_long_ago__can_wait(shop, member_of) -> None:
    access = shop_for(member_of(shop, Role.OPERATOR), shop.slug, Deed.VIEW_TODAY)
    today = clock.now().astimezone(shop.zone).date()
    raise_one(shop, at=clock.now(), last=today - timedelta(days=60))
    (line,) = [one for one in all_lines(access, clock.now()) if "/alerts/" in one.url]
    assert line.urgency == Urgency.soon


@pytest.mark.row("E1")
@pytest.mark.parametrize(
    ("ended", "judged_after", "visits", "is_said"),
    [(2, 1, 900, True), (1, 1, 900, False), (40, 1, 900, True), (2, 9, 900, False), (2, 1, 3, False)],
)
def test_today__of_a_shop_whose_facts_stopped__says_so_first(
    shop, member_of, monkeypatch, ended, judged_after, visits, is_said
) -> None:
    access = shop_for(member_of(shop, Role.OPERATOR), shop.slug, Deed.VIEW_TODAY)
    at = clock.now()
    last = at.astimezone(shop.zone).date() - timedelta(days=ended)
    monkeypatch.setattr(reads.warehouse, "whole_life", lambda shop_id: Period.inclusive(last, last))
    with scope(shop=shop.id):
        for number in range(1, 8):
            day = last - timedelta(days=number)
            judged_at = day_start(day, shop.zone) + timedelta(days=judged_after, hours=3)
            counts = {"visits": [visits, None]}
            DayJudged.objects.create(shop_id=shop.id, day=day, counts=counts, judged_at=judged_at)
    found = [line for line in all_lines(access, at) if "/overview/" in line.url]
    assert [line.urgency for line in found] == [Urgency.now] * is_said
    if is_said:
        assert short_day(last) in str(found[0].title)


def test_cause__of_a_whole__says_what_its_largest_segment_holds_and_usually_has(shop) -> None:
    alert = raise_one(shop, at=clock.now())
    lost = {"part": 0, "whole": None, "loss": 900.0, "z": 9.0}
    segments = [
        lost | {"name": "visits|channel=email", "expected": 1800.0, "share": 0.6},
        lost | {"name": "visits|channel=direct", "expected": 1200.0, "share": 0.4},
    ]
    with scope(shop=shop.id):
        Alert.objects.update(lead="visits", segments=segments)
    with translation.override("en"):
        said = reads.cause(reads.get_alert(shop, alert.id), shop)
    assert "60% of it lie in Email, which usually has 60%" in said
