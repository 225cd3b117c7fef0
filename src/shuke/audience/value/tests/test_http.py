"""The API of value and lifecycle: a small shop by hand, who may ask, what is refused, what a file holds, what another shop sees."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pytest
from django_scopes import scope

from shuke.audience import timeline
from shuke.audience.identities import actions as merging
from shuke.audience.value import actions as value_actions
from shuke.audience.value import leaders, reads
from shuke.commerce.tests.test_order_facts import _event, _line
from shuke.kernel import clock
from shuke.kernel.surrogates import surrogate
from shuke.records.actor import Actor
from shuke.records.models import AuditEntry
from shuke.records.personal import PersonRef
from shuke.rulebook import actions as rulebook
from shuke.shops import actions
from shuke.shops.roles import Role
from shuke.warehouse import actions as warehouse
from shuke.warehouse import schemas

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("warehouse_home"),
    pytest.mark.row("A4"),
    pytest.mark.row("A5"),
    pytest.mark.row("A6"),
]
AT = datetime(2026, 6, 30, 4, tzinfo=UTC)  # noon in Shanghai
MARCH = datetime(2026, 3, 1)  # what the helpers of commerce count minutes from


def _minute(month: int, day: int) -> int:
    return int((datetime(2026, month, day, 2) - MARCH).total_seconds() // 60)


def _visit(number: int, who: int, month: int, day: int) -> dict:
    at = datetime(2026, month, day, 2)
    return _event(number, None, "x", 0, None, who) | {
        "type": "page",
        "at": at,
        "local_day": at.date(),
        "order_id": None,
        "order_ref": None,
        "page_path": "/",
        "visitor_id": 100 + who,
        "person_ref": f"person-{who}",
    }


def _bought(number: int, order: str, who: int | None, month: int, day: int, amount: int) -> dict:
    found = _line(number, number, 1, order, "sale", _minute(month, day), amount, who)
    return found | {
        "buyer_ref": who and f"person-{who}",
        "unit_price": "1",
        "local_day": date(2026, month, day),
    }


def _id(shop, who: int) -> int:
    return surrogate(shop.id, "person", f"person-{who}")


@pytest.fixture
def life(shop):
    """1 came back, 2 is new, 3 is silent (and his order came back), 4 is active, 5 only bought, from a file."""
    visits = [(1, 1, 10), (1, 6, 20), (2, 6, 25), (3, 3, 1), (4, 5, 20), (4, 6, 5), (4, 6, 29)]
    events = [_visit(number, *one) for number, one in enumerate(visits, 10)]
    day = date(2026, 3, 4)
    events.append(_event(1, "Order Refunded", "c", _minute(3, 4), None, None) | {"local_day": day})
    lines = [
        _bought(1, "a", 5, 6, 10, 30_000),
        _bought(2, "b", 5, 6, 11, 20_000),
        _bought(3, "c", 3, 3, 1, 90_000),
        _bought(4, "d", 4, 5, 20, 10_000),
        _bought(5, "e", None, 6, 1, 7_000),
        _bought(6, "f", 5, 6, 30, 11),  # before noon of the running day: counted, and not of the half-year
    ]
    told = {
        kind: pa.Table.from_pylist(
            [
                row
                | {"shop_id": shop.id}
                | {name: _id(shop, row[name]) for name in ("buyer_id", "person_id") if row.get(name)}
                | ({"order_id": surrogate(shop.id, "order", row["order_ref"])} if row["order_ref"] else {})
                for row in rows
            ],
            schema=schemas.RAW[kind],
        )
        for kind, rows in (("order_lines", lines), ("events", events))
    }
    warehouse.append(facts=told)
    return shop


@pytest.fixture
def ask(client, shop):
    """A function (path, role, **query) -> response, with an API key of that role; the clock stands at AT."""

    def get(path: str, role: Role = Role.OPERATOR, of: str = "", **query):
        with scope(shop=shop.id):
            _key, secret = actions.create_api_key(
                shop=shop, name=role.value, role=role, actor=Actor.system("tests"), at=clock.now()
            )
        with clock.frozen(AT):
            return client.get(
                f"/api/v1/shops/{of or shop.slug}/customers/{path}",
                query,
                headers={"Authorization": f"Bearer {secret}"},
            )

    return get


def _file(response) -> list[list[str]]:
    return list(csv.reader(io.StringIO(b"".join(response.streaming_content).decode("utf-8-sig"))))


def test_value__over_the_api__both_versions_and_who_is_behind(ask, life) -> None:
    found = ask("value", Role.ANALYST)
    assert found.status_code == 200, found.content
    told = found.json()
    netted, gross = told["versions"]
    assert (told["half_year_start"], told["half_year_end"]) == ("2025-12-30", "2026-06-30")
    assert (gross["customers"], gross["orders"], gross["amount_minor"]) == (3, 5, 150_011)
    assert (netted["customers"], netted["orders"], netted["amount_minor"]) == (3, 4, 60_011)
    assert (gross["half_year_buyers"], gross["regulars"]) == (3, 1)
    assert (netted["half_year_buyers"], netted["zero"]) == (2, 1)
    assert [band["customers"] for band in gross["frequency_bands"]] == [0, 2, 1, 0]
    assert [(b["key"], b["customers"]) for b in netted["amount_bands"]] == [
        ("amount_0", 0),
        ("amount_1", 2),  # 100.00 is not below 100; 500.11 by three orders
        ("amount_2", 0),
        ("amount_none", 1),
    ]
    assert gross["super_users"]["customers"] == 2
    assert {(one["reason"], one["orders"], one["amount_minor"]) for one in gross["left_out"]} == {
        ("no_person", 1, 7_000),
        ("came_back", 1, -90_000),
    }
    grid = ask("rfm", Role.ANALYST).json()
    assert sum(cell["customers"] for cell in grid["cells"]) == 2

    behind = ask("value/customers", which="super", version="gross").json()
    assert [(one["ref"], one["amount_minor"]) for one in behind["customers"]] == [
        ("person-3", 90_000),
        ("person-5", 50_011),
    ]
    assert [one["customer_id"] for one in behind["customers"]] == [
        str(_id(life, 3)),
        str(_id(life, 5)),
    ]
    lines = _file(ask("value/customers", which="all", version="gross", format="csv"))
    assert len(lines) == 4
    assert not any("person-" in cell for line in lines for cell in line)
    # Before the refund both versions are one.
    then = ask("value", at="2026-03-02T12:00:00+08:00").json()["versions"]
    assert then[0]["amount_minor"] == then[1]["amount_minor"] == 90_000


def test_lifecycle__over_the_api__states_flows_and_one_customer_on_any_day(ask, life) -> None:
    told = ask("lifecycle", Role.ANALYST, since="2026-03-01").json()
    assert told["cutoffs"] == {"by": "visits", "new": 30, "silent": 30, "returning": 30}
    states = {one["state"]: (one["customers"], one["customers_then"]) for one in told["states"]}
    assert states == {"new": (2, 1), "active": (1, 0), "returning": (1, 0), "silent": (1, 1)}
    assert {(f["was"], f["is_now"]): f["customers"] for f in told["flows"]} == {
        (None, "new"): 2,
        (None, "active"): 1,
        ("silent", "returning"): 1,
        ("new", "silent"): 1,
    }
    behind = ask("lifecycle/customers", state="returning", since="2026-03-01", was="silent").json()
    assert [(row["ref"], row["by"], row["was"]) for row in behind["customers"]] == [
        ("person-1", "visit", "silent")
    ]
    news = ask("lifecycle/customers", state="new").json()["customers"]
    assert [(row["ref"], row["by"]) for row in news] == [("person-5", "order"), ("person-2", "visit")]

    one = f"lifecycle/of/{_id(life, 1)}"
    on_a_day = ask(one, day="2026-06-01").json()
    assert (on_a_day["state"], on_a_day["cutoffs"]["by"]) == ("silent", "visits")
    assert [span["state"] for span in ask(one).json()["spans"]] == ["new", "silent", "returning"]
    assert ask(one, day="2026-01-01").json()["state"] is None
    with clock.frozen(AT):
        pages = [timeline.read(shop=life, identity_ids={_id(life, 1)}, until=AT, limit=9, only=("state",))]
        for _page in range(2):
            cursor = pages[-1].cursor if len(pages) > 1 else None
            pages.append(
                timeline.read(
                    shop=life, identity_ids={_id(life, 1)}, until=AT, limit=2, cursor=cursor, only=("state",)
                )
            )
    assert [e.words.code for e in pages[0].entries] == ["became_returning", "became_silent", "became_new"]
    assert pages[1].entries + pages[2].entries == pages[0].entries

    # Before visits reach far enough back, orders are what counts, and the answer says so.
    early = ask("lifecycle", day="2026-02-01", since="2026-01-15").json()
    assert early["cutoffs"]["by"] == "orders"
    # The shop's own cut-off holds from its day on.
    with clock.frozen(AT - timedelta(days=10)), scope(shop=life.id):
        rulebook.change_rule(
            shop=life,
            rule_id="common.audience_value.silent_days_visits",
            since=date(2026, 6, 25),
            value=200,
            actor=Actor.system("tests"),
            at=clock.now(),
        )
    assert {one["state"]: one["customers"] for one in ask("lifecycle").json()["states"]}["silent"] == 0


def test_value__merged_and_split__one_customer_once_and_two_again(life) -> None:
    def told() -> tuple[dict, dict]:
        gross = reads.value(life, at=AT).version("gross")
        assert gross is not None
        life_then = reads.lifecycle(life, day=date(2026, 6, 30), since=date(2026, 3, 1), at=AT)
        return {"customers": gross.customers, "orders": gross.orders, "amount": gross.amount_minor}, dict(
            life_then.states
        )

    apart = told()
    assert apart == (
        {"customers": 3, "orders": 5, "amount": 150_011},
        {"new": 2, "active": 1, "returning": 1, "silent": 1},
    )
    common = {"shop": life, "actor": Actor.system("tests"), "at": AT}
    link = merging.merge(**common, one_id=_id(life, 3), other_id=_id(life, 5))
    value_actions.say_opinion_leader(**common, customer_id=_id(life, 3), is_leader=True)
    assert told() == (
        {"customers": 2, "orders": 5, "amount": 150_011},
        {"new": 1, "active": 1, "returning": 2, "silent": 0},
    )
    with clock.frozen(AT):
        rows = reads.value_customers(life, version="gross", which="super", at=AT).rows
    assert [(row.orders, row.standing) for row in rows] == [(4, "leader")]
    # What was said of the one customer is said of both sides, and each has his own orders and states again.
    merging.split(**common, link_id=link.id)
    assert told() == apart
    assert {reads.standing_of(life, _id(life, who)) for who in (3, 5)} == {"leader"}


def test_opinion_leader__said_by_hand__counts_is_on_record_and_can_be_taken_back(ask, life, client) -> None:
    def say(customer: int, role: Role, told: bool | None) -> tuple[int, str | None]:
        with scope(shop=life.id):
            _key, secret = actions.create_api_key(
                shop=life, name=role.value, role=role, actor=Actor.system("tests"), at=clock.now()
            )
        answer = client.put(
            f"/api/v1/shops/{life.slug}/customers/opinion-leaders/{customer}",
            {"is_leader": told},
            content_type="application/json",
            headers={"Authorization": f"Bearer {secret}"},
        )
        return answer.status_code, answer.json().get("standing")

    assert reads.standing_of(life, _id(life, 5)) == "unknown"
    assert say(_id(life, 5), Role.ANALYST, True) == (403, None)
    assert say(987, Role.OPERATOR, True) == (404, None)
    assert reads.sayings(life) == {}
    assert say(_id(life, 5), Role.OPERATOR, True) == (200, "leader")
    assert say(_id(life, 3), Role.OPERATOR, False) == (200, "ordinary")
    told = ask("value").json()["versions"][0]
    assert (told["leaders"], told["ordinary"]) == (1, 1)
    listed = ask("value/customers", which="leader").json()["customers"]
    assert [(one["ref"], one["standing"]) for one in listed] == [("person-5", "leader")]
    with scope(shop=life.id):
        entries = AuditEntry.objects.filter(deed="say_opinion_leader")
        assert [(e.subject_id, e.after["standing"]) for e in entries.order_by("id")] == [
            (str(_id(life, 5)), "leader"),
            (str(_id(life, 3)), "ordinary"),
        ]
    assert say(_id(life, 5), Role.OPERATOR, None) == (200, "unknown")
    assert ask("value").json()["versions"][0]["leaders"] == 0
    person = PersonRef(life.id, ("person-3",))
    assert leaders.STORE.export(life.id, person)["opinion_leader"]
    assert leaders.STORE.erase(life.id, person) == 1
    assert reads.sayings(life) == {}


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("value", {"at": "2026-07-01T00:00:00+08:00"}, 422),
        ("value", {"at": "2026-06-01T00:00:00"}, 422),
        ("value/customers", {"which": "amount"}, 422),
        ("value/customers", {"which": "rfm_66"}, 422),
        ("lifecycle", {"day": "2026-07-01"}, 422),
        ("lifecycle", {"day": "2026-06-01", "since": "2026-06-01"}, 422),
        ("lifecycle/customers", {"was": "silent"}, 422),
        ("lifecycle/customers", {"state": "gone"}, 422),
        (f"lifecycle/of/{2**63}", {}, 422),
    ],
)
def test_value_api__what_does_not_suit__is_refused_with_its_field(ask, shop, path, query, status) -> None:
    refused = ask(path, **query)
    assert refused.status_code == status, refused.content
    assert refused.json()["field"]


def test_value_api__roles_and_other_shops__see_numbers_but_nobody(ask, shop, other_shop) -> None:
    for path in ("value/customers", "lifecycle/customers", "lifecycle/of/1"):
        assert ask(path, Role.ANALYST).status_code == 403
    assert ask("value", Role.SUPPORT).status_code == 403
    assert ask("value", of=other_shop.slug).status_code == 404
    empty = ask("value").json()
    assert empty["versions"] == []
    assert empty["first_day"] is None
    assert ask("value/customers").json()["customers"] == []
    assert ask("lifecycle").json()["customers"] == 0
