"""Today's registry: rooms register lines, the reader gets them by urgency, on the page and over the API."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shuke.shops import today
from shuke.shops.roles import Role
from shuke.shops.today import TodayLine, TodaySource, Urgency

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture
def only(monkeypatch):
    """A function that makes some sources the only ones."""

    def make(*sources: TodaySource) -> None:
        monkeypatch.setattr(today, "_sources", {source.name: source for source in sources})

    return make


def source(name: str, lines: list[TodayLine]) -> TodaySource:
    return TodaySource(name, lambda access, at: lines)


@pytest.mark.row("E1")
def test_all_lines__nothing_registered__is_empty(only):
    only()
    assert today.all_lines(None, AT) == []


@pytest.mark.row("E1")
@given(
    st.lists(
        st.tuples(
            st.sampled_from(list(Urgency)), st.one_of(st.none(), st.integers(0, 50)), st.text(max_size=3)
        ),
        max_size=12,
    ),
    st.integers(1, 4),
)
def test_all_lines__of_any_sources__are_all_there_by_urgency_then_newest(drawn, sources):
    """Whatever rooms register, no line is lost, and none that can wait stands before one that can not."""
    lines = [
        TodayLine(title, "/", "deed", urgency, at=None if age is None else AT - timedelta(hours=age))
        for urgency, age, title in drawn
    ]
    with pytest.MonkeyPatch.context() as patch:
        made = {str(n): source(str(n), lines[n::sources]) for n in range(sources)}
        patch.setattr(today, "_sources", made)
        found = today.all_lines(None, AT)
    assert sorted(map(id, found)) == sorted(map(id, lines))
    order = [(line.urgency, AT - (line.at or AT)) for line in found]
    assert order == sorted(order)


@pytest.mark.row("E1")
@pytest.mark.django_db
def test_api_today__by_a_member__lists_what_waits_and_where_to_go(client, shop, member_of, only):
    only(source("a", [TodayLine("Two rows wait", "/s/linen/quarantine/", "mend", Urgency.now, at=AT)]))
    client.force_login(member_of(shop, Role.OPERATOR))
    answer = client.get(f"/api/v1/shops/{shop.slug}/today")
    assert answer.status_code == 200
    (line,) = answer.json()
    assert (line["title"], line["urgency"], line["url"]) == ("Two rows wait", "now", "/s/linen/quarantine/")


@pytest.mark.row("E1")
@pytest.mark.django_db
def test_api_today__of_another_shop__is_not_found(client, shop, other_shop, member_of):
    client.force_login(member_of(shop, Role.OWNER))
    assert client.get(f"/api/v1/shops/{other_shop.slug}/today").status_code == 404
