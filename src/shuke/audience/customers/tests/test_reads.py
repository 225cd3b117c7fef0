"""The list and the page of customers against plain Python, over a drawn shop with and without linked identities."""

from __future__ import annotations

import dataclasses
from datetime import UTC

import pytest
from django_scopes import scope

from shuke.audience.customers import reads
from shuke.audience.customers.tests import oracle
from shuke.audience.customers.tests.conftest import id_of
from shuke.kernel.errors import Invalid, NotFound
from shuke.kernel.surrogates import surrogate
from shuke.traffic.tests.drawn import AT
from shuke.warehouse import actions

pytestmark = [pytest.mark.django_db, pytest.mark.row("A1")]
NUMBERS = ("visits", "orders", "gross_minor", "net_minor", "first_channel", "region")


def _names() -> list[str]:
    return [f"{letter}{number}" for letter in "pv" for number in range(90)]


def everyone(shop, **asked) -> list[reads.CustomerRow]:
    found, page = [], 1
    while True:
        one = reads.list_customers(shop, at=AT, page=page, size=40, columns=reads.COLUMNS, **asked)
        found += one.rows
        if len(one.rows) < 40:
            assert one.count == len(found)
            return found
        page += 1


def told(row: reads.CustomerRow) -> dict:
    moments = {
        name: getattr(row, name).astimezone(UTC).replace(tzinfo=None) for name in ("first_at", "last_at")
    }
    return moments | {name: getattr(row, name) for name in NUMBERS}


@pytest.mark.parametrize("are_sealed", [False, True])
def test_customers__of_a_drawn_shop__as_the_oracle_says(life, links, are_sealed) -> None:
    if are_sealed:
        actions.seal(life.shop)
    expected = oracle.customers(oracle.facts_of(life.shop), links, life.shop.currency)
    rows = everyone(life.shop)
    assert {row.customer_id: told(row) for row in rows} == expected
    assert len(rows) == len(expected) > 40
    assert len(set(links.values())) == 2
    some = [*set(links.values()), next(one for one in expected if one not in links.values())]
    for customer_id in some:
        page = reads.customer(life.shop, customer_id, at=AT)
        assert told(page.row) == expected[customer_id]
        assert {one.identity_id for one in page.identities} == {
            customer_id,
            *(one for one, of in links.items() if of == customer_id),
        }


def test_customers__nothing_linked__devices_are_no_customers(life) -> None:
    rows = everyone(life.shop)
    people = {surrogate(life.shop.id, "person", name) for name in _names() if name[0] == "p"}
    assert {row.customer_id for row in rows} <= people
    named = {row.customer_id: row.ref for row in rows if row.ref is not None}
    assert all(surrogate(life.shop.id, "person", ref) == one for one, ref in named.items())
    assert len(named) > 10


def test_customers__every_sort__pages_do_not_jump(life) -> None:
    for number, name in enumerate(reads.SORTABLE):
        sort = f"{'-' if number % 2 else ''}{name}"
        rows = everyone(life.shop, sort=sort)
        assert len({row.customer_id for row in rows}) == len(rows)
        values = [getattr(row, name) for row in rows]
        assert values == sorted(values, reverse=sort.startswith("-"))


def test_customers__searched_by_a_name_of_his__he_alone(life, links) -> None:
    device = next(name for name in _names() if name[0] == "v" and id_of(life.shop, name) in links)
    page = reads.list_customers(life.shop, at=AT, search=f" {device} ")
    assert [row.customer_id for row in page.rows] == [links[id_of(life.shop, device)]]
    assert (page.count, page.everyone > 40) == (1, True)
    assert reads.list_customers(life.shop, at=AT, search="nobody").count == 0
    by_id = reads.list_customers(life.shop, at=AT, search=str(page.rows[0].customer_id))
    assert by_id.rows == page.rows


@pytest.mark.parametrize(
    "asked",
    [{"sort": "name"}, {"columns": ["who", "shoe size"]}, {"page": 0}, {"size": 100_000}],
)
def test_customers__asked_for_what_there_is_not__refused_by_name(life, asked) -> None:
    with pytest.raises(Invalid) as refused:
        reads.list_customers(life.shop, at=AT, **asked)
    assert refused.value.field == next(iter(asked))


def test_customer__whom_no_fact_tells_of__is_not_found(life) -> None:
    with pytest.raises(NotFound):
        reads.customer(life.shop, 12345, at=AT)


def test_customers__of_a_shop_without_facts__an_empty_page(shop, warehouse_home) -> None:
    page = reads.list_customers(shop, at=AT)
    assert dataclasses.astuple(page)[:5] == ((), 0, 0, 0, 0)


def test_timeline__of_a_customer__holds_his_visits_and_movements_and_no_others(life, links) -> None:
    facts, shop = oracle.facts_of(life.shop), life.shop
    customer_id = next(iter(links.values()))
    theirs = {customer_id, *(one for one, of in links.items() if of == customer_id)}
    until = AT.replace(tzinfo=None)

    def came(kind: str, person: str, moment: str) -> list[dict]:
        told = [one for one in facts[kind] if one[moment] <= until]
        return [one for one in told if (one["visitor_id"] if one[person] is None else one[person]) in theirs]

    visits, orders = came("visits", "person_id", "started_at"), came("order_facts", "buyer_id", "at")
    with scope(shop=shop.id):
        found, cursor = [], None
        while True:
            page = reads.timeline_of(
                shop, customer_id, at=AT, cursor=cursor, limit=3, only=("visit", "order")
            )
            found += page.entries
            if (cursor := page.cursor) is None:
                break
    kinds = [one.kind for one in found]
    assert kinds.count("visit") == len(visits) > 2
    assert kinds.count("order") == len(orders) > 1
    assert {one.identity_id for one in found} <= theirs
    assert [one.at for one in found] == sorted((one.at for one in found), reverse=True)
