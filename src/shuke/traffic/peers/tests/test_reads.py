"""Industry tables as files, names that a shop assigns, the reads over visits, and the API."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, date, datetime, timedelta

import pytest
from django_scopes import scope

from shuke.kernel import clock
from shuke.kernel.errors import Invalid, NotAllowed, NotFound
from shuke.records.actor import Actor
from shuke.records.models import AuditEntry
from shuke.shops import actions as shops
from shuke.shops.roles import Role
from shuke.traffic.peers import actions, reads
from shuke.traffic.peers.http import as_json
from shuke.traffic.peers.models import ChannelName
from shuke.traffic.search_ads.tests.facts import ACTOR, load, recognised
from shuke.warehouse import actions as warehouse
from shuke.warehouse.tests.facts import event, events_table, order_event

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("warehouse_home"),
    pytest.mark.row("T6"),
]
AT = datetime(2026, 4, 25, 4, tzinfo=UTC)
NOON = datetime(2026, 3, 10, 4, tzinfo=UTC)
TABLE = """统计日期,类目,口径,流量来源,访客数,访客数占比,支付买家数,支付转化率,支付金额
2026-03-01~2026-03-31,女装,行业整体,手淘搜索,420000,42%,12600,3.00%,2520000
2026-03-01~2026-03-31,女装,行业整体,手淘推荐,260000,26%,3900,1.50%,702000
2026-03-01~2026-03-31,女装,行业整体,直通车,120000,12%,3000,2.50%,540000
2026-03-01~2026-03-31,女装,行业整体,淘宝直播,110000,11%,5500,5.00%,880000
2026-03-01~2026-03-31,女装,行业整体,聚划算,90000,9%,1800,2.00%,252000
"""


@pytest.fixture
def life(shop):
    """300 visitors by search, 200 by the pages, 120 by search ads; every tenth buys for 100.00."""
    rows, number = [], 0
    for channel, heads in (("platform_search", 300), ("platform", 200), ("paid_search", 120)):
        for i in range(heads):
            number += 1
            at, who = NOON + timedelta(seconds=number), f"v{number}"
            rows.append(event(shop, f"e{number}", who, at, channel_given=channel))
            if i % 10 == 0:
                rows.append(
                    order_event(shop, f"o{number}", who, at + timedelta(seconds=1), f"A{number}", 10_000)
                )
    warehouse.append(facts={"events": events_table(rows)})
    return shop


def test_table__recognised_and_loaded__is_compared_over_its_own_days(life) -> None:
    assert recognised(life, TABLE) == "sycm_industry_channels"
    assert load(life, TABLE, "sycm_industry_channels").rows_new == 5
    found = reads.peers(shop=life, at=AT)
    assert (found.table.start, found.table.last, found.table.industry) == (
        date(2026, 3, 1),
        date(2026, 3, 31),
        "女装",
    )
    assert {row.channel: (row.kind, row.own.visitors) for row in found.rows} == {
        "live": ("uncovered", 0),
        "platform_search": ("high_traffic", 300),
        "platform": ("high_traffic", 200),
        "paid_search": ("high_traffic", 120),
    }
    live = found.rows[0]
    # 620 visitors of 0.80 of the industry; the ratios are 714, 769 and 1,000 for each whole.
    assert round(live.gain.visitors.value, 2) == 85.25
    assert round(live.gain.visitors.low, 2) == round(0.11 * (300 / 0.42 + 200 / 0.26) / 2, 2)
    assert live.gain.amount_minor.value > live.gain.amount_minor.low > 0
    assert [name for name, _share in found.unmatched] == ["聚划算"]
    assert round(found.own_conversion, 3) == 0.1


def test_table__given_again_changed__replaces_its_rows(life) -> None:
    load(life, TABLE, "sycm_industry_channels")
    again = load(life, TABLE.replace("110000,11%", "210000,21%"), "sycm_industry_channels")
    assert (again.rows_changed, again.rows_known) == (1, 4)
    live = reads.peers(shop=life, at=AT).rows[0]
    assert round(live.industry.share, 4) == round(210 / 1100, 4)
    bad = load(life, TABLE.replace("42%", "42").replace("260000,", "-1,"), "sycm_industry_channels")
    assert (bad.rows_bad, bad.rows_known + bad.rows_changed) == (2, 3)


def test_table__of_shares_in_plain_words__and_an_older_one_are_chosen_by_key(life) -> None:
    load(life, TABLE, "sycm_industry_channels")
    text = (
        "period,industry,scope,channel,visitors,visitor share,buyers,conversion,amount\n"
        "2026-02-01~2026-02-28,Dresses,,Marketplace search,,60%,,3%,\n"
        "2026-02-01~2026-02-28,Dresses,,Live stream,,40%,,5%,\n"
    )
    assert recognised(life, text) == "industry_plain"
    load(life, text, "industry_plain")
    newest, older = reads.list_tables(life)
    assert (newest.industry, older.industry) == ("女装", "Dresses")
    found = reads.peers(shop=life, table=older.key, at=AT)
    assert [row.kind for row in found.rows] == ["unknown", "unknown"]
    assert "no_visits" in [note.code for note in found.notes]
    with pytest.raises(NotFound):
        reads.peers(shop=life, table="another", at=AT)


def test_name__assigned_by_the_shop__counts_from_then_on_and_is_on_record(life, other_shop) -> None:
    load(life, TABLE, "sycm_industry_channels")
    common = {"shop": life, "name": "聚 划算", "actor": ACTOR, "at": clock.now()}
    actions.assign_channel(**common, channel="display")
    actions.assign_channel(**common, channel="display")
    found = reads.peers(shop=life, at=AT)
    assert (found.unmatched, {row.channel for row in found.rows} >= {"display"}) == ((), True)
    named = {one.name: (one.channel, one.by) for one in found.names}
    assert named["聚划算"] == ("display", "shop")
    assert named["直通车"] == ("paid_search", "rulebook")
    actions.assign_channel(**common, channel=actions.LEFT_OUT)
    left = reads.peers(shop=life, at=AT)
    assert round(next(row for row in left.rows if row.channel == "live").industry.share, 4) == round(
        110 / 910, 4
    )
    actions.assign_channel(**common, channel="")
    assert [name for name, _share in reads.peers(shop=life, at=AT).unmatched] == ["聚划算"]
    with scope(shop=life.id):
        told = [
            (row.before["channel"], row.after["channel"])
            for row in AuditEntry.objects.filter(deed="assign_channel").order_by("id")
        ]
    assert told == [(None, "display"), ("display", "-"), ("-", None)]
    with scope(shop=other_shop.id):
        assert not ChannelName.objects.exists()


@pytest.mark.parametrize(
    ("name", "channel"), [("", "live"), ("x" * 300, "live"), ("聚划算", "moon"), ("a\0b", "live")]
)
def test_name__assigned_wrongly__is_refused_and_nothing_changed(life, name, channel) -> None:
    with pytest.raises(Invalid):
        actions.assign_channel(shop=life, name=name, channel=channel, actor=ACTOR, at=AT)
    with scope(shop=life.id):
        assert not ChannelName.objects.exists()
        assert not AuditEntry.objects.filter(deed="assign_channel").exists()


@pytest.fixture
def ask(client, shop):
    """A function (method, path, role, data) -> response, with an API key of that role; the clock stands at AT."""

    def send(method: str = "get", path: str = "", role: Role = Role.OWNER, **data):
        with scope(shop=shop.id):
            _key, secret = shops.create_api_key(
                shop=shop, name=role.value, role=role, actor=Actor.system("tests"), at=clock.now()
            )
        given = data if method == "get" else json.dumps(data)
        more = {} if method == "get" else {"content_type": "application/json"}
        with clock.frozen(AT):
            return getattr(client, method)(
                f"/api/v1/shops/{shop.slug}/traffic/peers{path}",
                given,
                headers={"Authorization": f"Bearer {secret}"},
                **more,
            )

    return send


def test_peers__over_the_api__what_the_read_says_also_as_a_file(ask, life) -> None:
    assert ask().json()["table"] is None
    load(life, TABLE, "sycm_industry_channels")
    found = ask().json()
    assert found == json.loads(json.dumps(as_json(reads.peers(shop=life, at=AT), "CNY"), default=str))
    assert found["channels"][0]["kind"] == "uncovered"
    assert [one["code"] for one in found["channels"][0]["assumptions"]] == [
        "same_reach",
        "nobody_else",
        "converts_alike",
        "buys_alike",
    ]
    text = b"".join(ask(format="csv").streaming_content).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["channel"] for row in rows] == [row["channel"] for row in found["channels"]]
    assert float(rows[0]["gain_visitors"]) == found["channels"][0]["gain_visitors"]["value"]
    assert ask(table="none").status_code == 404
    assert ask("put", "/names", name="聚划算", channel="display").status_code == 200
    assert "display" in {row["channel"] for row in ask().json()["channels"]}
    refused = ask("put", "/names", name="聚划算", channel="moon")
    assert (refused.status_code, refused.json()["field"]) == (422, "channel")
    assert ask("put", "/names", role=Role.READ_ONLY, name="聚划算", channel="live").status_code == 403


def test_name__by_who_may_not__is_refused_and_nothing_changed(life, member_of) -> None:
    reader = Actor("member", member_of(life, Role.READ_ONLY).pk, "reader", Role.READ_ONLY)
    with pytest.raises(NotAllowed):
        actions.assign_channel(shop=life, name="聚划算", channel="live", actor=reader, at=AT)
    with scope(shop=life.id):
        assert not ChannelName.objects.exists()


def test_table__one_row_without_visitors__keeps_the_others_and_says_which_is_left_out(life) -> None:
    text = TABLE.replace(",访客数占比", "")
    for share in ("42%", "26%", "12%", "11%", "9%"):
        text = text.replace(f",{share}", "", 1)
    load(
        life,
        text.replace("90000", "-", 1).replace("3.00%", "-").replace("12600", "-"),
        "sycm_industry_channels",
    )
    found = reads.peers(shop=life, at=AT)
    assert {row.channel for row in found.rows} == {"live", "platform_search", "platform", "paid_search"}
    notes = {note.code: note.text() for note in found.notes}
    assert "聚划算" in notes["unstated"]
    assert "手淘搜索" in notes["unconverted"]
    assert found.industry_conversion == pytest.approx(12_400 / 490_000)
