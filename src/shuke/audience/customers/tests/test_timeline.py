"""The time line's laws: pages together equal the whole, in order; what arrives meanwhile moves nothing; a split customer's
time line holds only what came through his identities."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shuke.audience import timeline
from shuke.kernel.errors import Invalid
from shuke.kernel.verdicts import Reason
from shuke.shops.roles import Deed

pytestmark = pytest.mark.row("A1")
START = datetime(2026, 3, 1, tzinfo=UTC)
SHOP = SimpleNamespace(id=1)
NAMES = ("order", "tag", "visit")
REACHED: Counter[str] = Counter()

# (kind, minute, number, identity): few minutes, so that many entries share a moment.
ENTRY = st.tuples(st.sampled_from(NAMES), st.integers(0, 6), st.integers(0, 30), st.integers(1, 3))
FACTS = st.one_of(st.sets(ENTRY, max_size=12), st.sets(ENTRY, min_size=20, max_size=40))


def entry(kind: str, minute: int, number: int, identity: int) -> timeline.Entry:
    at = START + timedelta(minutes=minute)
    return timeline.Entry(kind, f"{number}:{identity}", at, Reason("told"), identity)


@contextmanager
def showing(facts: set[tuple[str, int, int, int]], deed: Deed = Deed.VIEW_CUSTOMERS) -> Iterator[None]:
    """These entries behind kinds of the tests' own; `deed`: who may see tags."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timeline, "_kinds", {})
        for name in NAMES:

            def entries(asked: timeline.Asked, name: str = name) -> list[timeline.Entry]:
                mine = [entry(*one) for one in facts if one[0] == name and one[3] in asked.identity_ids]
                comes = (one for one in mine if asked.holds(one.at, one.key))
                return sorted(comes, key=timeline.order)[: asked.limit]

            seen = deed if name == "tag" else Deed.VIEW_CUSTOMERS
            timeline.register(timeline.Kind(name, name, "eye", entries, seen))
        yield


def paged(ids: set[int], size: int, until: datetime = START + timedelta(hours=1), between=lambda: None):
    found, cursor = [], None
    while True:
        page = timeline.read(shop=SHOP, identity_ids=ids, until=until, cursor=cursor, limit=size)
        assert len(page.entries) <= size
        found += page.entries
        if page.cursor is None:
            return found
        cursor = page.cursor
        between()


@settings(max_examples=150, deadline=None)
@given(facts=FACTS, size=st.integers(1, 6), ids=st.sets(st.integers(1, 3), min_size=1))
def law_of_pages(facts, size, ids) -> None:
    told = sorted((entry(*one) for one in facts if one[3] in ids), key=timeline.order)
    with showing(facts):
        assert paged(ids, size) == told
    REACHED["many pages"] += len(told) > size
    REACHED["one moment over pages"] += any(n > size for n in Counter(one.at for one in told).values())
    REACHED["other identities"] += len(told) < len(facts)


def test_timeline__any_facts_and_size_of_page__pages_together_are_the_whole() -> None:
    REACHED.clear()
    law_of_pages()
    print(dict(REACHED))
    assert set(REACHED) == {"many pages", "one moment over pages", "other identities"}
    assert min(REACHED.values()) >= 10


@settings(max_examples=60, deadline=None)
@given(facts=st.sets(ENTRY, max_size=25), size=st.integers(1, 5), late=st.sets(ENTRY, max_size=8))
def test_timeline__facts_that_arrive_while_it_is_read__nothing_twice_and_nothing_lost(
    facts, size, late
) -> None:
    growing, waiting = set(facts), sorted(late - facts)
    arrive = lambda: growing.add(waiting.pop()) if waiting else None  # noqa: E731
    with showing(growing):
        found = paged({1, 2, 3}, size, between=arrive)
    assert len(found) == len({(one.kind, one.at, one.key) for one in found})
    told = sorted((entry(*one) for one in facts), key=timeline.order)
    assert [one for one in found if one in told] == told


@settings(max_examples=60, deadline=None)
@given(facts=st.sets(ENTRY, max_size=30), size=st.integers(1, 7))
def test_timeline__customer_that_is_split__each_side_has_what_came_through_its_identities(
    facts, size
) -> None:
    with showing(facts):
        merged, left, right = paged({1, 2, 3}, size), paged({1, 3}, size), paged({2}, size)
    assert {one.identity_id for one in left} <= {1, 3}
    assert {one.identity_id for one in right} <= {2}
    assert sorted([*left, *right], key=timeline.order) == merged


def test_timeline__kind_that_the_asker_may_not_see__is_left_out_and_named() -> None:
    facts = {("visit", 1, 1, 1), ("tag", 2, 2, 1)}
    with showing(facts, Deed.MANAGE_SHOP):
        page = timeline.read(
            shop=SHOP,
            identity_ids={1},
            until=START + timedelta(hours=1),
            may=lambda deed: deed != Deed.MANAGE_SHOP,
        )
        assert [one.kind for one in page.entries] == ["visit"]
        assert page.hidden == ("tag",)


@pytest.mark.parametrize("cursor", ["x", "1~visit", "9" * 18 + "~visit~1", "1~Visit~1", "1~visit~1 OR 1=1"])
def test_timeline__cursor_that_is_none__is_refused_by_name(cursor) -> None:
    with showing(set()), pytest.raises(Invalid) as refused:
        timeline.read(shop=SHOP, identity_ids={1}, until=START, cursor=cursor)
    assert refused.value.field == "cursor"


def test_timeline__moment_in_the_past__shows_what_had_happened_then() -> None:
    facts = {("visit", minute, 1, 1) for minute in range(6)}
    with showing(facts):
        assert len(paged({1}, 2, until=START + timedelta(minutes=3))) == 4
